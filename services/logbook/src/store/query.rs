//! The conditions of lists, counts and searches, as SQL.

use service_kit::{DbError, Engine, Tx, Val};

use crate::domain::filter::{Filter, Order, Page};
use crate::store::entries::Scope;

/// Of a tag with so many entries it is better to look at them than at the entries of the list.
const RARE: i64 = 500;

pub fn column(order: Order) -> &'static str {
    match order {
        Order::Id => "e.id",
        Order::CreationDate => "e.at",
        Order::CreatedAt => "e.created_at",
        Order::UpdatedAt => "e.updated_at",
    }
}

pub fn order(page: Page) -> String {
    let direction = if page.descending { "DESC" } else { "ASC" };
    match page.by {
        Order::Id => format!("e.id {direction}"),
        by => format!("{} {direction}, e.id {direction}", column(by)),
    }
}

/// The conditions of a list and what is bound to them.
#[derive(Clone)]
pub struct Query {
    pub conditions: Vec<String>,
    pub vals: Vec<Val>,
}

impl Query {
    /// Counts a few rows of the tags that are asked for, to know where looking should begin.
    pub async fn new(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Self, DbError> {
        let mut query = Self { conditions: Vec::new(), vals: Vec::new() };
        match scope {
            Scope::Book(id) => query.add("e.book_id = {}", *id),
            Scope::Instrument(name) => query.add("e.instrument = {}", name.as_str()),
            Scope::Everything => query.conditions.push("1 = 1".to_owned()),
        }
        query.filter(tx.engine(), filter);
        query.tags(tx, filter).await?;
        Ok(query)
    }

    pub fn bind(&mut self, val: impl Into<Val>) -> String {
        self.vals.push(val.into());
        format!("${}", self.vals.len())
    }

    pub fn add(&mut self, condition: &str, val: impl Into<Val>) {
        let place = self.bind(val);
        self.conditions.push(condition.replace("{}", &place));
    }

    /// On one side of an entry in an order; `place` is its value of the column.
    pub fn beyond(&mut self, order: Order, sign: &str, place: i64, id: &str) {
        if order == Order::Id {
            return self.add(&format!("e.id {sign} {{}}"), id);
        }
        let (column, place, id) = (column(order), self.bind(place), self.bind(id));
        self.conditions.push(format!("({column} {sign} {place} OR ({column} = {place} AND e.id {sign} {id}))"));
    }

    fn filter(&mut self, engine: Engine, filter: &Filter) {
        if let Some(removed) = filter.removed {
            self.add("e.removed = {}", removed);
        }
        if let Some(ids) = &filter.ids {
            let list = self.bind(Val::from_texts(ids.iter().map(String::as_str)));
            self.conditions.push(format!("e.id IN {}", engine.text_list(&list)));
        }
        for book in &filter.not_books {
            self.add("e.book_id <> {}", *book);
        }
        if filter.without_investigation {
            self.conditions.push("e.investigation_id IS NULL".to_owned());
        }
        if let Some(from) = filter.from {
            self.add("e.at >= {}", from);
        }
        if let Some(before) = filter.before {
            self.add("e.at < {}", before);
        }
        if let Some(text) = &filter.search {
            let pattern: String = text
                .chars()
                .flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c]))
                .collect();
            self.add("e.words LIKE {} ESCAPE '\\'", format!("%{pattern}%"));
        }
        let types: Vec<String> = filter
            .types
            .iter()
            .map(|(kind, category)| {
                let kind = kind.as_deref().map(|kind| format!("e.type = {}", self.bind(kind)));
                let category = category.as_deref().map(|category| format!("e.category = {}", self.bind(category)));
                let both: Vec<String> = kind.into_iter().chain(category).collect();
                format!("({})", both.join(" AND "))
            })
            .collect();
        if !types.is_empty() {
            self.conditions.push(format!("({})", types.join(" OR ")));
        }
    }

    /// Entries with a rare tag are looked up one by one; with a frequent one each entry of the list is asked for it, which ends
    /// when the page is full. So it is with entries that are named by their ids.
    async fn tags(&mut self, tx: &mut Tx, filter: &Filter) -> Result<(), DbError> {
        let all = filter.all_tags.iter().map(std::slice::from_ref);
        let any = Some(filter.any_tags.as_slice()).filter(|names| !names.is_empty());
        for names in all.chain(any) {
            let begins_here = filter.ids.is_none() && is_rare(tx, names).await?;
            let names: Vec<String> = names.iter().map(|name| self.bind(name.as_str())).collect();
            let names = names.join(", ");
            self.conditions.push(if begins_here {
                format!("e.id IN (SELECT t.entry_id FROM entry_tag t WHERE t.name IN ({names}))")
            } else {
                // LIMIT 1: without it SQLite 3.51 makes a join of it, and an OFFSET counts an entry once for each of its tags.
                format!("EXISTS (SELECT 1 FROM entry_tag t WHERE t.entry_id = e.id AND t.name IN ({names}) LIMIT 1)")
            });
        }
        for name in &filter.no_tags {
            self.add("NOT EXISTS (SELECT 1 FROM entry_tag t WHERE t.entry_id = e.id AND t.name = {})", name.as_str());
        }
        Ok(())
    }

    pub fn text(&self) -> String {
        self.conditions.join(" AND ")
    }
}

/// Whether at most [`RARE`] entries have one of the tags.
async fn is_rare(tx: &mut Tx, names: &[String]) -> Result<bool, DbError> {
    let list = tx.engine().text_list("$1");
    let sql = format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM entry_tag WHERE name IN {list} LIMIT {}) t", RARE + 1);
    let few: i64 = tx.fetch_one(&sql, &[Val::from_texts(names.iter().map(String::as_str))]).await?.get("n")?;
    Ok(few <= RARE)
}
