//! Compared with a filter in memory, on each engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use service_kit::fulltext::FulltextQuery;
use service_kit::{Db, Engine};

use super::*;
use crate::domain::filter::Filter;
use crate::store::filter_conditions::Scope;
use crate::store::search::{Reach, search_entries};

const ENTRIES: i64 = 8000;
/// Entry n is in the logbook of investigation n modulo so many.
const LOGBOOKS: i64 = 3000;
const LIMIT: i64 = 51;
/// What is searched for, and whether an entry has it by its number.
type Question = (&'static str, fn(i64) -> bool);
const QUESTIONS: [Question; 4] =
    [("beam", |_| true), ("rare", |n| n % 500 == 1), ("\"beam dump\"", |n| n % 2 == 1), ("\"dump beam\"", |_| false)];

/// Each entry has its number as the number of its writing, and the id `e` with it.
async fn insert_entries(db: &Db) {
    let insert = |into: &str, last: i64, columns: &str| {
        format!(
            "INSERT INTO {into} WITH RECURSIVE numbers (n) AS \
             (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) SELECT {columns} FROM numbers"
        )
    };
    let body = r#"{"type":"annotation","category":"comment","at":0,"content":[],"tags":[],"files":[]}"#;
    let statements = [
        insert("book (id, name)", LOGBOOKS, "n, 'investigation/' || (n - 1)"),
        insert(
            "entry (id, seq, book_id, type, category, at, created_at, updated_at, version, body, words)",
            ENTRIES,
            &format!("'e' || n, n, n % {LOGBOOKS} + 1, 'annotation', 'comment', n, n, n, 1, '{body}', ''"),
        ),
        insert(
            "entry_words (rowid, tokens)",
            ENTRIES,
            "n, ' beam ' || CASE WHEN n % 2 = 1 THEN 'dump ' ELSE 'of dump ' END || CASE WHEN n % 500 = 1 THEN 'rare ' ELSE '' END",
        ),
    ];
    db.write(async |tx| {
        for sql in &statements {
            tx.execute(sql, &[]).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    if db.engine() == Engine::Postgres {
        db.write(async |tx| tx.execute("ANALYZE", &[]).await).await.unwrap();
    }
}

/// So many more than there are logbooks that they are not listed at once.
fn readable(investigations: impl IntoIterator<Item = i64>) -> LogbookSet {
    let without_entries = 1_000_000..1_200_000;
    let ids = investigations.into_iter().chain(without_entries).map(|id| u64::try_from(id).unwrap());
    LogbookSet { investigations: Arc::new(ids.collect()), instruments: Arc::default() }
}

fn readable_sets() -> [(&'static str, BTreeSet<i64>); 4] {
    [
        ("all", (0..LOGBOOKS).collect()),
        ("every tenth", (0..LOGBOOKS).step_by(10).collect()),
        ("those written first", (1..=20).collect()),
        ("none with entries", BTreeSet::new()),
    ]
}

#[tokio::test]
async fn a_search_finds_the_newest_readable_entries_in_a_limited_number_of_statements() {
    for test in testkit::create_databases("logbook", crate::SERVICE.migrations).await {
        insert_entries(&test.db).await;
        let mut most_statements = 0;
        for (name, investigations) in readable_sets() {
            let set = readable(investigations.iter().copied());
            for (question, matches) in QUESTIONS {
                for before in [None, Some(4001), Some(30)] {
                    let expected: Vec<i64> = (1..before.unwrap_or(ENTRIES + 1))
                        .rev()
                        .filter(|n| matches(*n) && investigations.contains(&(n % LOGBOOKS)))
                        .take(usize::try_from(LIMIT).unwrap())
                        .collect();
                    let mut tx = test.db.read().await.unwrap();
                    let words = FulltextQuery::parse(question).unwrap();
                    let (reach, filter) = (Reach::Set(set.clone()), Filter::default());
                    let found = search_entries(&mut tx, &reach, &words, &filter, before, LIMIT).await.unwrap();
                    let found: Vec<i64> = found.iter().map(|entry| entry.seq).collect();
                    assert_eq!(found, expected, "{}: {name}, {question} before {before:?}", test.engine);

                    let conditions = conditions_of(&mut tx, &words).await;
                    let window = Window { from: None, before };
                    let limit = usize::try_from(LIMIT).unwrap();
                    let found = search_readable_logbooks(&mut tx, &set, &conditions, &[window], limit).await.unwrap();
                    assert!(found.entries.len() <= limit);
                    most_statements = most_statements.max(found.statements);
                }
            }
        }
        // The steps, the entries that they found, a list of the logbooks, and a search in them.
        assert_eq!(most_statements, STEPS.len() + 3, "{}", test.engine);
    }
}

async fn conditions_of(tx: &mut Tx, words: &FulltextQuery) -> FilterConditions {
    let mut conditions = FilterConditions::new(tx, &Scope::Everything, &Filter::default()).await.unwrap();
    let question = conditions.bind_value(words.to_match_expression(tx.engine(), &[]));
    conditions.sql.push(tx.engine().fulltext_condition("entry_words", &question));
    conditions
}

#[tokio::test]
async fn candidates_are_read_in_order_and_only_their_own_logbooks_with_them() {
    for test in testkit::create_databases("logbook", crate::SERVICE.migrations).await {
        insert_entries(&test.db).await;
        let mut tx = test.db.read().await.unwrap();
        let conditions = conditions_of(&mut tx, &FulltextQuery::parse("beam").unwrap()).await;
        tx.plan_by_values().await.unwrap();
        let (sql, values) = candidates_statement(&conditions, Window { from: None, before: Some(5000) }, STEPS[0]);
        let (word, place) = if tx.engine() == Engine::Sqlite { ("EXPLAIN QUERY PLAN", 3) } else { ("EXPLAIN", 0) };
        let rows = tx.fetch_all(&format!("{word} {sql}"), &values).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get_at(place).unwrap()).collect();
        let plan = plan.join("\n");
        let expected: &[&str] = match tx.engine() {
            Engine::Sqlite => {
                &["SCAN entry_words VIRTUAL TABLE", "SEARCH e USING ", "(seq=?)", "SEARCH b USING ", "(id=?)"]
            }
            Engine::Postgres => &["Limit", "Index Scan Backward", "using book_pkey"],
        };
        assert!(expected.iter().all(|part| plan.contains(part)), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{plan}");
    }
}
