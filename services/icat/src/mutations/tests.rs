//! Items that are written in sets have the same outcome as items that are written one by one: rows, ids, change events, and
//! the first error with its offset.

mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;

use icat_client::schema::{all_entities, find_entity};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use service_kit::{Db, DbError, Engine, Micros, Val};
use testkit::number_from_environment;

use super::*;
use crate::authorization::{Rights, RuleSet};
use crate::config::AuthorizationConfig;
use crate::grants::GrantSets;
use crate::query::QueryEnvironment;
use crate::store::rules::{Memberships, RuleRow};
use crate::store::{datafile_counters, entities};

/// Unless `TESTKIT_CASES` says otherwise.
const CASES: u64 = 150;
const NOW: Micros = Micros::from_i64(1_768_212_000_000_000);

/// Some depend on other rows of their entity, one way or the other.
const RULES: [&str; 6] = [
    "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    "SELECT p FROM DatasetParameter p WHERE p.dataset.name <> 'd1' AND NOT EXISTS (SELECT q FROM DatasetParameter q WHERE q.numericValue = 4)",
    "User",
    "SELECT u FROM InvestigationUser u JOIN u.investigation.investigationUsers v WHERE v.user.name = :user",
    "SELECT k FROM Keyword k WHERE SIZE(k.investigation.keywords) < 4",
];

/// Attributes that may be updated; the last rule depends on other rows of its entity.
const ATTRIBUTE_RULES: [&str; 3] = [
    "SELECT i.releaseDate FROM Investigation i WHERE i.title = 't'",
    "SELECT f.fullName FROM Facility f WHERE SIZE(f.investigations) > 0",
    "SELECT i.doi FROM Investigation i WHERE NOT EXISTS (SELECT j FROM Investigation j WHERE j.doi = '10.1/1')",
];

fn parse_context() -> ParseContext {
    ParseContext { time_zone: TimeZone::UTC }
}

fn create_rights(user_name: &str, is_root: bool, engine: Engine) -> Rights {
    let row =
        |(id, what): (i64, &&str)| RuleRow { id, flags: "CRUD".to_owned(), what: (*what).to_owned(), grouping: None };
    let mut rules: Vec<RuleRow> = (1..).zip(&RULES).map(row).collect();
    let of_attribute = |(id, what)| RuleRow { flags: "U".to_owned(), ..row((id, what)) };
    rules.extend((101..).zip(&ATTRIBUTE_RULES).map(of_attribute));
    let rules = {
        let sets = GrantSets::none(engine);
        RuleSet::new(1, &rules, Vec::new(), &parse_context(), AuthorizationConfig::STRICT, &sets)
    };
    Rights::new(user_name.to_owned(), is_root, Memberships::default(), Arc::new(rules))
}

fn environment(rights: &Rights, engine: Engine) -> QueryEnvironment<'_> {
    let start_of_today = Micros::from_i64(0);
    QueryEnvironment {
        user: &rights.user_name,
        now: NOW,
        start_of_today,
        engine,
        row_cap: 1_000,
        strict: true,
        granted_user: None,
    }
}

/// Creates what the items refer to; returns ids by name.
async fn fill_catalogue(db: &Db) -> BTreeMap<String, i64> {
    let rights = create_rights("root", true, db.engine());
    let author = Author::new("root", NOW);
    let mut ids = BTreeMap::new();
    let steps = [
        ("f", r#"{"Facility":{"name":"F"}}"#),
        ("it", r#"{"InvestigationType":{"name":"MX","facility":{"id":#f}}}"#),
        ("dt", r#"{"DatasetType":{"name":"raw","facility":{"id":#f}}}"#),
        ("u0", r#"{"User":{"name":"u0"}}"#),
        ("u1", r#"{"User":{"name":"u1"}}"#),
        ("u2", r#"{"User":{"name":"u2"}}"#),
        (
            "i0",
            r#"{"Investigation":{"name":"i0","visitId":"1","title":"t","facility":{"id":#f},"type":{"id":#it},"investigationUsers":[{"role":"PI","user":{"id":#u0}}]}}"#,
        ),
        ("i2", r#"{"Investigation":{"name":"i2","visitId":"1","title":"t","facility":{"id":#f},"type":{"id":#it}}}"#),
        ("i3", r#"{"Investigation":{"name":"i3","visitId":"1","title":"t","facility":{"id":#f},"type":{"id":#it}}}"#),
        ("i1", r#"{"Investigation":{"name":"i1","visitId":"1","title":"t","facility":{"id":#f},"type":{"id":#it}}}"#),
        ("s0", r#"{"Dataset":{"name":"s0","investigation":{"id":#i0},"type":{"id":#dt},"datafiles":[{"name":"f1"}]}}"#),
        ("s1", r#"{"Dataset":{"name":"s1","investigation":{"id":#i1},"type":{"id":#dt}}}"#),
        ("s2", r#"{"Dataset":{"name":"s2","investigation":{"id":#i0},"type":{"id":#dt}}}"#),
        ("x0", r#"{"Datafile":{"name":"x0","fileSize":50000000010,"dataset":{"id":#s0}}}"#),
        ("x1", r#"{"Datafile":{"name":"x1","fileSize":50000000020,"dataset":{"id":#s0}}}"#),
        ("x2", r#"{"Datafile":{"name":"x2","dataset":{"id":#s2}}}"#),
        ("x3", r#"{"Datafile":{"name":"x3","fileSize":50000000030,"dataset":{"id":#s1}}}"#),
        (
            "p0",
            r#"{"ParameterType":{"name":"p0","units":"K","valueType":"NUMERIC","enforced":true,"applicableToDataset":true,"minimumNumericValue":0,"maximumNumericValue":10,"facility":{"id":#f}}}"#,
        ),
        ("p1", r#"{"ParameterType":{"name":"p1","units":"K","valueType":"NUMERIC","facility":{"id":#f}}}"#),
        (
            "p2",
            r#"{"ParameterType":{"name":"p2","units":"","valueType":"STRING","enforced":true,"applicableToDataset":true,"facility":{"id":#f},"permissibleStringValues":[{"value":"a"},{"value":"b"}]}}"#,
        ),
        ("q0", r#"{"DatasetParameter":{"numericValue":5,"dataset":{"id":#s0},"type":{"id":#p0}}}"#),
        ("q1", r#"{"DatasetParameter":{"numericValue":5,"dataset":{"id":#s2},"type":{"id":#p0}}}"#),
        ("q2", r#"{"DatasetParameter":{"stringValue":"a","dataset":{"id":#s2},"type":{"id":#p2}}}"#),
        ("v0", r#"{"InvestigationUser":{"role":"PI","user":{"id":#u0},"investigation":{"id":#i2}}}"#),
        ("v1", r#"{"InvestigationUser":{"role":"PI","user":{"id":#u1},"investigation":{"id":#i2}}}"#),
    ];
    for (name, text) in steps {
        let items = parse_items(&fill_ids(text, &ids)).unwrap();
        let id = author
            .run_transaction(db, &test_outbox(), async |tx| {
                let permissions = Permissions { rights: &rights, env: environment(&rights, tx.engine()) };
                write_items(tx, &items, &author, &permissions, &parse_context()).await
            })
            .await
            .unwrap()[0];
        ids.insert(name.to_owned(), id);
    }
    skip_small_ids(db).await;
    ids
}

/// New ids are then larger than every other number in an error, such as the 255 letters of a name.
async fn skip_small_ids(db: &Db) {
    let allocated: Result<_, DbError> = db.write(async |tx| tx.allocate_ids(1_000).await).await;
    allocated.unwrap();
}

fn test_outbox() -> events::Outbox {
    crate::change_events::new_outbox(&service_kit::Sources::default())
}

/// Replaces `#name` by the id of that name.
fn fill_ids(text: &str, ids: &BTreeMap<String, i64>) -> String {
    // Longer names first, so that none is taken for the beginning of another.
    let mut names: Vec<_> = ids.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("#{name}"), &id.to_string()))
}

/// A random list of items, most of them of one kind after another, some of them wrong.
fn generate_items(rng: &mut StdRng) -> String {
    generate_list(rng, 0, 0.25, generate_item)
}

/// A random list of items of nine kinds. `change` is how often an item has another kind than the one before.
fn generate_list(
    rng: &mut StdRng,
    first_kind: usize,
    change: f64,
    generate: impl Fn(&mut StdRng, usize, bool) -> String,
) -> String {
    let mut items = Vec::new();
    let mut kind = first_kind;
    let faults = rng.random_bool(0.5);
    for _ in 0..rng.random_range(1..12) {
        if rng.random_bool(change) {
            kind = rng.random_range(0..9);
        }
        items.push(generate(rng, kind, faults));
    }
    format!("[{}]", items.join(","))
}

fn generate_item(rng: &mut StdRng, kind: usize, faults: bool) -> String {
    let wrong = faults && rng.random_bool(0.15);
    let n = rng.random_range(0..if faults { 9 } else { 500 });
    let investigation = if rng.random_bool(0.8) { "#i0" } else { "#i1" };
    let dataset = if rng.random_bool(0.8) { "#s0" } else { "#s1" };
    let missing = if wrong && rng.random_bool(0.5) { "9999999" } else { investigation };
    let name = match (wrong, n % 3) {
        (true, 0) => r#""x":1"#.replace("\"x\":1", "\"description\":\"no name\""),
        (true, 1) => format!("\"name\":\"{}\"", "l".repeat(300)),
        _ => format!("\"name\":\"d{n}\""),
    };
    match kind {
        0 | 1 => format!(r#"{{"Datafile":{{{name},"dataset":{{"id":{dataset}}}}}}}"#),
        2 => format!(r#"{{"Dataset":{{{name},"investigation":{{"id":{missing}}},"type":{{"id":#dt}}}}}}"#),
        3 | 4 => {
            let files: Vec<String> = (0..rng.random_range(0..4))
                .map(|file| format!("{{\"name\":\"f{}\"}}", if faults { rng.random_range(0..6) } else { file }))
                .collect();
            let parameters: Vec<String> =
                (0..rng.random_range(0..2)).map(|_| generate_parameter(rng, faults)).collect();
            format!(
                r#"{{"Dataset":{{{name},"investigation":{{"id":{missing}}},"type":{{"id":#dt}},"datafiles":[{}],"parameters":[{}]}}}}"#,
                files.join(","),
                parameters.join(",")
            )
        }
        5 => {
            let user = rng.random_range(0..3);
            format!(
                r#"{{"InvestigationUser":{{"role":"r{n}","user":{{"id":#u{user}}},"investigation":{{"id":{missing}}}}}}}"#
            )
        }
        6 => format!(r#"{{"Keyword":{{"name":"k{n}","investigation":{{"id":{investigation}}}}}}}"#),
        7 => format!(r#"{{"User":{{"name":"new{n}"}}}}"#),
        _ => format!(r#"{{"Dataset":{{"id":{dataset},"description":"changed {n}"}}}}"#),
    }
}

fn generate_parameter(rng: &mut StdRng, faults: bool) -> String {
    match rng.random_range(0..if faults { 12 } else { 9 }) {
        0..6 => r#"{"numericValue":5.5,"type":{"id":#p0}}"#.to_owned(),
        6..9 => r#"{"stringValue":"b","type":{"id":#p2}}"#.to_owned(),
        9 => r#"{"numericValue":50,"type":{"id":#p0}}"#.to_owned(),
        10 => r#"{"stringValue":"c","type":{"id":#p2}}"#.to_owned(),
        _ => r#"{"numericValue":1,"type":{"id":#p1}}"#.to_owned(),
    }
}

/// What came of some items, with ids as their ranks among the new ones.
#[derive(Debug, PartialEq)]
enum Outcome {
    Written { created: Vec<usize>, rows: Vec<String>, changes: Vec<(String, Vec<String>)>, counters: Vec<String> },
    Failed { offset: Option<usize>, text: String },
}

/// Ends a transaction that is not to be kept.
enum Stop {
    Done(Outcome),
    Database(DbError),
}

impl From<DbError> for Stop {
    fn from(e: DbError) -> Self {
        Self::Database(e)
    }
}

async fn write_one_by_one(
    tx: &mut Tx,
    items: &[EntityWrite],
    author: &Author,
    permissions: &Permissions<'_>,
) -> Result<Vec<i64>, Error> {
    let parse = parse_context();
    let mut writer = EntityWriter::new(tx, author, permissions, &parse);
    let mut created = Vec::new();
    for (offset, item) in items.iter().enumerate() {
        created.extend(writer.write_item(item).await.map_err(|e| e.with_offset(offset))?);
    }
    Ok(created)
}

async fn try_items(db: &Db, items: &[EntityWrite], rights: &Rights, in_sets: bool) -> Outcome {
    let stopped = db
        .write(async |tx| {
            let author = Author::new(&rights.user_name, NOW);
            let first = tx.allocate_ids(1).await?[0];
            let permissions = Permissions { rights, env: environment(rights, tx.engine()) };
            let written = if in_sets {
                write_items(tx, items, &author, &permissions, &parse_context()).await
            } else {
                write_one_by_one(tx, items, &author, &permissions).await
            };
            let outcome = match written {
                Ok(created) => describe_rows(tx, &author, first, &created).await?,
                Err(Error::Database(e)) => return Err(Stop::Database(e)),
                Err(Error::AtOffset { offset, source }) => {
                    Outcome::Failed { offset: Some(offset), text: hide_new_ids(&source.to_string(), first) }
                }
                Err(e) => Outcome::Failed { offset: None, text: e.to_string() },
            };
            Err::<(), _>(Stop::Done(outcome))
        })
        .await;
    match stopped {
        Err(Stop::Done(outcome)) => outcome,
        Err(Stop::Database(e)) => panic!("{e:?}"),
        Ok(()) => unreachable!("it is never kept"),
    }
}

async fn describe_rows(tx: &mut Tx, author: &Author, first: i64, created: &[i64]) -> Result<Outcome, DbError> {
    let mut stored = Vec::new();
    for entity in all_entities() {
        stored.extend(entities::list_all(tx, entity).await?.into_iter().map(|row| (entity.name, row)));
    }
    let mut new: Vec<i64> = stored.iter().map(|(_, row)| row.id).filter(|id| *id > first).collect();
    new.sort_unstable();
    let rank = |id: i64| new.binary_search(&id);
    let show = |val: &Val| match val {
        Val::I64(Some(id)) if rank(*id).is_ok() => format!("new {}", rank(*id).unwrap()),
        val => format!("{val:?}"),
    };
    let rows = stored.iter().map(|(entity, row)| {
        let values: Vec<String> = row.values.iter().map(&show).collect();
        format!("{entity} {} {:?} {:?} {values:?}", show(&row.id.into()), row.created, row.modified)
    });
    // As in the events: by entity type and verb, in the order of first appearance.
    let mut changes: Vec<(String, Vec<String>)> = Vec::new();
    for (entity, verb, id) in author.list_changes() {
        let (kind, id) = (format!("{entity} {verb}"), show(&id.into()));
        match changes.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, ids)) => ids.push(id),
            None => changes.push((kind, vec![id])),
        }
    }
    let created = created.iter().map(|id| rank(*id).unwrap()).collect();
    let (rows, counters) = (rows.collect(), describe_counters(tx, author, &show).await?);
    Ok(Outcome::Written { created, rows, changes, counters })
}

/// The counters of datafiles at the end of the transaction, which must be right.
async fn describe_counters(
    tx: &mut Tx,
    author: &Author,
    show_id: &impl Fn(&Val) -> String,
) -> Result<Vec<String>, DbError> {
    author.store_derived_rows(tx).await?;
    let wrong = datafile_counters::count_deviations(tx).await?;
    assert!(wrong.iter().all(|(_, count)| *count == 0), "{wrong:?}");
    let sums = "SELECT level, owner_id, CAST(SUM(files) AS BIGINT) AS files, CAST(SUM(size_low) AS BIGINT) AS size_low \
                FROM datafile_counter GROUP BY level, owner_id ORDER BY level, owner_id";
    let mut counters = Vec::new();
    for row in tx.fetch_all(sums, &[]).await? {
        let (owner, files, size): (i64, i64, i64) = (row.get("owner_id")?, row.get("files")?, row.get("size_low")?);
        counters.push(format!("{}: {files} files, {size}", show_id(&owner.into())));
    }
    Ok(counters)
}

/// Replaces new ids. A number after a letter is part of a name.
fn hide_new_ids(text: &str, first: i64) -> String {
    let is_new = |number: &str| number.parse::<i64>().is_ok_and(|id| id > first && id < 9_999_999);
    let mut hidden = String::new();
    let mut number = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let is_in_name = hidden.ends_with(char::is_alphabetic);
        hidden.push_str(if is_new(&number) && !is_in_name { "NEW" } else { &number });
        number.clear();
        hidden.push(c);
    }
    hidden
}

/// Writes random lists of items in sets and one by one.
async fn compare_outcomes(generate: fn(&mut StdRng) -> String) {
    let seed = number_from_environment("TESTKIT_SEED").unwrap_or_else(|| rand::rng().next_u64());
    let cases = number_from_environment("TESTKIT_CASES").unwrap_or(CASES);
    println!("seed {seed}");
    for test in testkit::create_databases("icat", crate::SERVICE.migrations).await {
        let ids = fill_catalogue(&test.db).await;
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut written, mut errors) = (0, BTreeMap::<String, usize>::new());
        for _ in 0..cases {
            let text = fill_ids(&generate(&mut rng), &ids);
            let items = parse_items(&text).unwrap();
            for (user, is_root) in [("root", true), ("u0", false)] {
                let rights = create_rights(user, is_root, test.db.engine());
                let expected = try_items(&test.db, &items, &rights, false).await;
                let found = try_items(&test.db, &items, &rights, true).await;
                assert_eq!(found, expected, "{}: {user}: {text}", test.engine);
                match expected {
                    Outcome::Written { .. } => written += 1,
                    Outcome::Failed { text, .. } => {
                        let kind = text.split([' ', ':', '[']).take(4).collect::<Vec<_>>().join(" ");
                        *errors.entry(kind).or_default() += 1;
                    }
                }
            }
        }
        println!("{}: {written} lists written; errors: {errors:?}", test.engine);
        assert!(written * 5 > cases && errors.len() >= 6, "too few cases tell anything");
    }
}

#[tokio::test]
async fn sets_have_the_same_outcome_as_single_items() {
    compare_outcomes(generate_items).await;
}

/// Items whose rights depend on each other, in both orders.
#[tokio::test]
async fn a_later_item_gives_no_right_to_an_earlier_one() {
    for test in testkit::create_databases("icat", crate::SERVICE.migrations).await {
        let ids = fill_catalogue(&test.db).await;
        let rights = create_rights("u1", false, test.db.engine());
        let item = |user: &str| {
            format!(r#"{{"InvestigationUser":{{"role":"PI","user":{{"id":#{user}}},"investigation":{{"id":#i1}}}}}}"#)
        };
        let outcome = async |users: [&str; 2]| {
            let text = fill_ids(&format!("[{},{}]", item(users[0]), item(users[1])), &ids);
            try_items(&test.db, &parse_items(&text).unwrap(), &rights, true).await
        };
        let denied = "CREATE access to this InvestigationUser is not allowed.\n".to_owned();
        assert_eq!(outcome(["u2", "u1"]).await, Outcome::Failed { offset: Some(0), text: denied });
        assert!(matches!(outcome(["u1", "u2"]).await, Outcome::Written { .. }), "as icat.server has it");
    }
}

/// The number of statements does not depend on the number of rows.
#[tokio::test]
async fn many_rows_take_few_statements() {
    for test in testkit::create_databases("icat", crate::SERVICE.migrations).await {
        let ids = fill_catalogue(&test.db).await;
        let user = find_entity("User").unwrap();
        let names = 20_000;
        let users: Vec<String> = (0..names).map(|n| format!(r#"{{"User":{{"name":"many{n}"}}}}"#)).collect();
        let items = parse_items(&fill_ids(&format!("[{}]", users.join(",")), &ids)).unwrap();
        let rights = create_rights("root", true, test.db.engine());
        let author = Author::new("root", NOW);
        let started = std::time::Instant::now();
        let created = author
            .run_transaction(&test.db, &test_outbox(), async |tx| {
                let permissions = Permissions { rights: &rights, env: environment(&rights, tx.engine()) };
                write_items(tx, &items, &author, &permissions, &parse_context()).await
            })
            .await
            .unwrap();
        println!("{}: {names} rows in {:?}", test.engine, started.elapsed());
        assert_eq!(created.len(), names);
        let rows = entities::count_rows(&mut test.db.read().await.unwrap(), user).await.unwrap();
        assert_eq!(rows, names + 3);
    }
}
