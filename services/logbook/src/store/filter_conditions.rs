//! Filters as SQL conditions, for lists, counts and searches.

use service_kit::{DbError, Engine, Micros, Tx, Val};

use crate::domain::filter::{Filter, Order, Page};
use crate::domain::logbook::Logbook;
use crate::store::logbooks::find_logbook;

/// Which entries a query is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Logbook(i64),
    /// All of an instrument, those of its investigations too; folded.
    Instrument(String),
    Everything,
}

/// The entries of a logbook.
pub async fn find_scope(tx: &mut Tx, logbook: &Logbook) -> Result<Scope, DbError> {
    Ok(match logbook {
        Logbook::Instrument(name) => Scope::Instrument(name.clone()),
        // A logbook without a record has no row; no row has the id 0.
        logbook => Scope::Logbook(find_logbook(tx, logbook).await?.unwrap_or(0)),
    })
}

/// For a tag with at most so many entries it is faster to look at these than at the entries of the list.
const RARE: i64 = 500;
/// `PostgreSQL` expects 100 values in a list, whatever it contains.
const MAX_SHORT_LIST: usize = 200;

pub fn order_column(order: Order) -> &'static str {
    match order {
        Order::Id => "e.id",
        Order::CreationDate => "e.at",
        Order::CreatedAt => "e.created_at",
        Order::UpdatedAt => "e.updated_at",
    }
}

pub fn order_by(page: Page) -> String {
    let direction = if page.descending { "DESC" } else { "ASC" };
    match page.by {
        Order::Id => format!("e.id {direction}"),
        by => format!("{} {direction}, e.id {direction}", order_column(by)),
    }
}

/// SQL conditions, and the values that are bound to them.
#[derive(Clone)]
pub struct FilterConditions {
    /// All must be met.
    pub sql: Vec<String>,
    pub values: Vec<Val>,
}

impl FilterConditions {
    /// Counts a few rows of the tags that are asked for, to know where looking should begin.
    pub async fn new(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Self, DbError> {
        let mut all = Self { sql: Vec::new(), values: Vec::new() };
        match scope {
            Scope::Logbook(id) => all.add_condition("e.book_id = {}", *id),
            Scope::Instrument(name) => all.add_condition("e.instrument = {}", name.as_str()),
            Scope::Everything => all.sql.push("1 = 1".to_owned()),
        }
        all.add_filter(tx.engine(), filter);
        all.add_tags(tx, filter).await?;
        Ok(all)
    }

    pub fn bind_value(&mut self, val: impl Into<Val>) -> String {
        self.values.push(val.into());
        format!("${}", self.values.len())
    }

    pub fn add_condition(&mut self, condition: &str, val: impl Into<Val>) {
        let placeholder = self.bind_value(val);
        self.sql.push(condition.replace("{}", &placeholder));
    }

    /// Limits the entries to those of some logbooks. `PostgreSQL` does not know how long the list is and plans for a short one:
    /// with CASE, it looks each entry up in a long one and does not read all entries of these logbooks.
    pub fn add_logbooks(&mut self, engine: Engine, ids: &[i64]) {
        let list = self.bind_value(Val::from_ids(ids));
        let is_listed = format!("e.book_id IN {}", engine.id_list(&list));
        let is_short = ids.len() <= MAX_SHORT_LIST;
        self.sql.push(if is_short { is_listed } else { format!("CASE WHEN {is_listed} THEN 1 ELSE 0 END = 1") });
    }

    /// On one side of an entry in an order; `position` is its value of the column.
    pub fn add_position(&mut self, order: Order, sign: &str, position: Micros, id: &str) {
        if order == Order::Id {
            return self.add_condition(&format!("e.id {sign} {{}}"), id);
        }
        let (column, position, id) = (order_column(order), self.bind_value(position), self.bind_value(id));
        self.sql.push(format!("({column} {sign} {position} OR ({column} = {position} AND e.id {sign} {id}))"));
    }

    fn add_filter(&mut self, engine: Engine, filter: &Filter) {
        if let Some(removed) = filter.removed {
            self.add_condition("e.removed = {}", removed);
        }
        if let Some(ids) = &filter.ids {
            let list = self.bind_value(Val::from_texts(ids.iter().map(String::as_str)));
            self.sql.push(format!("e.id IN {}", engine.text_list(&list)));
        }
        for logbook in &filter.except_logbooks {
            self.add_condition("e.book_id <> {}", *logbook);
        }
        if filter.without_investigation {
            self.sql.push("e.investigation_id IS NULL".to_owned());
        }
        if let Some(from) = filter.from {
            self.add_condition("e.at >= {}", from);
        }
        if let Some(before) = filter.before {
            self.add_condition("e.at < {}", before);
        }
        if let Some(text) = &filter.search {
            let pattern: String = text
                .chars()
                .flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c]))
                .collect();
            self.add_condition("e.words LIKE {} ESCAPE '\\'", format!("%{pattern}%"));
        }
        let types: Vec<String> = filter
            .types
            .iter()
            .map(|(kind, category)| {
                let kind = kind.as_deref().map(|kind| format!("e.type = {}", self.bind_value(kind)));
                let category =
                    category.as_deref().map(|category| format!("e.category = {}", self.bind_value(category)));
                let both: Vec<String> = kind.into_iter().chain(category).collect();
                format!("({})", both.join(" AND "))
            })
            .collect();
        if !types.is_empty() {
            self.sql.push(format!("({})", types.join(" OR ")));
        }
    }

    /// Entries with a rare tag are looked up one by one; with a frequent one each entry of the list is asked for it, which ends
    /// when the page is full. So it is with entries that are named by their ids.
    async fn add_tags(&mut self, tx: &mut Tx, filter: &Filter) -> Result<(), DbError> {
        let all = filter.all_tags.iter().map(std::slice::from_ref);
        let any = Some(filter.any_tags.as_slice()).filter(|names| !names.is_empty());
        for names in all.chain(any) {
            let begins_here = filter.ids.is_none() && is_rare(tx, names).await?;
            let names: Vec<String> = names.iter().map(|name| self.bind_value(name.as_str())).collect();
            let names = names.join(", ");
            self.sql.push(if begins_here {
                format!("e.id IN (SELECT t.entry_id FROM entry_tag t WHERE t.name IN ({names}))")
            } else {
                // LIMIT 1: without it SQLite 3.51 makes a join of it, and an OFFSET counts an entry once for each of its tags.
                format!("EXISTS (SELECT 1 FROM entry_tag t WHERE t.entry_id = e.id AND t.name IN ({names}) LIMIT 1)")
            });
        }
        for name in &filter.no_tags {
            self.add_condition(
                "NOT EXISTS (SELECT 1 FROM entry_tag t WHERE t.entry_id = e.id AND t.name = {})",
                name.as_str(),
            );
        }
        Ok(())
    }

    pub fn where_clause(&self) -> String {
        self.sql.join(" AND ")
    }
}

/// Whether at most [`RARE`] entries have one of the tags.
async fn is_rare(tx: &mut Tx, names: &[String]) -> Result<bool, DbError> {
    let list = tx.engine().text_list("$1");
    let sql = format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM entry_tag WHERE name IN {list} LIMIT {}) t", RARE + 1);
    let few: i64 = tx.fetch_one(&sql, &[Val::from_texts(names.iter().map(String::as_str))]).await?.get("n")?;
    Ok(few <= RARE)
}
