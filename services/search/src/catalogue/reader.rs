//! Reads rows of the catalogue as documents, with the reader account.

use icat_client::client::{Filter, ReaderAccount};
use icat_client::{IcatClient, IcatError, Select};
use serde_json::{Map, Value};

use super::columns::DocumentColumns;

/// Documents by id, in the order of their ids.
type Documents = std::collections::BTreeMap<i64, Map<String, Value>>;

/// Documents of one entity, with the highest id among them.
#[derive(Debug)]
pub struct DocumentPage {
    pub documents: Vec<Value>,
    pub last_id: i64,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct CatalogueReader {
    reader: ReaderAccount,
}

impl CatalogueReader {
    pub fn new(reader: ReaderAccount) -> Self {
        Self { reader }
    }

    /// The highest id of an entity, or 0.
    pub async fn find_last_id(&self, columns: &DocumentColumns) -> Result<i64, IcatError> {
        self.reader
            .with_session(async |icat: &IcatClient, session: &str| {
                let query = Select::values(columns.entity.name, &["id"]).order_by_descending("id").limit(0, 1);
                let rows = icat.query_rows(session, &query.build()?).await?;
                Ok(rows.first().and_then(Value::as_i64).unwrap_or_default())
            })
            .await
    }

    /// Up to so many documents with ids after the given one, up to `last`; fewer if the catalogue returns less at once. `None` at the
    /// end.
    pub async fn read_page(
        &self,
        columns: &DocumentColumns,
        after: i64,
        last: i64,
        limit: u32,
    ) -> Result<Option<DocumentPage>, IcatError> {
        self.reader
            .with_session(async |icat, session| {
                let within = Filter::all(vec![Filter::gt("id", after), Filter::le("id", last)]);
                let rows = select_rows(columns).filter(within).build()?;
                let mut pages = icat.pages(session, rows)?.with_rows(limit);
                let Some(rows) = pages.next_page().await? else { return Ok(None) };
                let mut documents = collect_documents(columns, &rows);
                let Some(last_id) = documents.keys().next_back().copied() else { return Ok(None) };
                for optional in columns.optional_ids() {
                    let within = Filter::all(vec![Filter::gt("id", after), Filter::le("id", last_id)]);
                    let query = select_optional(columns, &optional.path).filter(within).build()?;
                    let found = icat.pages(session, query)?.collect_rows().await?;
                    add_ids(&mut documents, &optional.field, &found);
                }
                Ok(Some(DocumentPage { documents: documents.into_values().map(Value::Object).collect(), last_id }))
            })
            .await
    }

    /// The documents of the rows with these ids that exist.
    pub async fn read_rows(&self, columns: &DocumentColumns, ids: &[i64]) -> Result<Documents, IcatError> {
        self.reader
            .with_session(async |icat, session| {
                let query = select_rows(columns).build()?;
                let pages = icat.pages_by_ids(session, &query, "id", ids)?;
                let mut documents = collect_documents(columns, &pages.collect_rows().await?);
                for optional in columns.optional_ids() {
                    let query = select_optional(columns, &optional.path).build()?;
                    let pages = icat.pages_by_ids(session, &query, "id", ids)?;
                    add_ids(&mut documents, &optional.field, &pages.collect_rows().await?);
                }
                Ok(documents)
            })
            .await
    }

    /// Ids of the next datafiles of a dataset.
    pub async fn list_datafiles(&self, dataset: i64, after: i64) -> Result<Vec<i64>, IcatError> {
        self.reader
            .with_session(async |icat, session| {
                let of_dataset = Filter::all(vec![Filter::eq("dataset.id", dataset), Filter::gt("id", after)]);
                let query = Select::values("Datafile", &["id"]).filter(of_dataset).build()?;
                let page = icat.pages(session, query)?.next_page().await?;
                Ok(page.unwrap_or_default().iter().filter_map(Value::as_i64).collect())
            })
            .await
    }

    pub async fn count_rows(&self, columns: &DocumentColumns) -> Result<i64, IcatError> {
        self.reader
            .with_session(async |icat: &IcatClient, session: &str| {
                let query = Select::count(columns.entity.name).build()?;
                let rows = icat.query_rows(session, &query).await?;
                Ok(rows.first().and_then(Value::as_i64).unwrap_or_default())
            })
            .await
    }
}

fn select_rows(columns: &DocumentColumns) -> Select {
    Select::values(columns.entity.name, &columns.list_paths())
}

fn select_optional(columns: &DocumentColumns, path: &str) -> Select {
    Select::values(columns.entity.name, &["id", path])
}

fn collect_documents(columns: &DocumentColumns, rows: &[Value]) -> Documents {
    let documents = rows.iter().map(|row| columns.build_document(row));
    documents.filter_map(|document| Some((document.get("id")?.as_i64()?, document))).collect()
}

/// Adds the ids of related rows, which are in the second column.
fn add_ids(documents: &mut Documents, field: &str, rows: &[Value]) {
    for row in rows {
        let id = row.get(0).and_then(Value::as_i64);
        if let (Some(document), Some(related @ Value::Number(_))) =
            (id.and_then(|id| documents.get_mut(&id)), row.get(1))
        {
            document.insert(field.to_owned(), related.clone());
        }
    }
}
