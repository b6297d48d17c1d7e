//! Random histories of changes: after each transaction the sets of granted rows hold what a naive evaluator finds, and planted
//! mistakes are found out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use icat::AuthorizationConfig;
use icat::authorization::RuleCache;
use icat::grants::{GrantSets, synchronize_grants};
use icat::query::{GrantSet, ParseContext, QueryEnvironment, Rule, parse_rule};
use icat::store::Author;
use icat::store::datafile_counters::fold_differences;
use icat::store::entities::{delete_rows, insert_rows, update_row, value_index};
use icat_client::schema::Entity;
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use service_kit::{Db, DbError, Micros, Tx, Val};
use testkit::number_from_environment;

use crate::query_property::evaluator::World;
use crate::query_property::generator::{Generator, KINDS, NOW, USERS, find_entity, is_insertable};
use crate::query_property::model::{Data, Path, Query, Selected, Source, Value};
use crate::query_property::query_text::render_query;
use crate::query_property::readable::{ReadableTally, compare_with_search, follow_relations};
use crate::query_property::{ask_for_user, load_data, new_outbox, store_rules, to_new_row, to_val};

/// Unless `TESTKIT_CASES` says otherwise; the second engine gets a fifth.
const HISTORIES: usize = 150;
const TRANSACTIONS: usize = 8;
const RULES: usize = 12;

/// A read rule that has a set.
struct GrantedRule {
    entity: &'static Entity,
    query: Query,
    rule: Rule,
    set: GrantSet,
}

/// A change of one row.
#[derive(Debug)]
enum Change {
    Insert(&'static Entity, i64, HashMap<&'static str, Value>),
    Update(&'static Entity, i64, HashMap<&'static str, Value>),
    /// A row and those that refer to it, children first.
    Delete(Vec<(&'static Entity, i64)>),
}

/// Mistakes that a maintenance could have.
const MISTAKES: [&str; 8] = [
    "an insertion is overlooked",
    "an update is overlooked",
    "a deletion is overlooked",
    "a pair is lost",
    "a pair is made up",
    "a source table is missing",
    "a column of a source table is missing",
    "a foreign key of a source table is missing",
];

#[derive(Default)]
struct Tally {
    histories: usize,
    pairs: usize,
    changed: usize,
    caught: BTreeMap<usize, usize>,
    readable: ReadableTally,
}

#[tokio::test]
async fn sets_equal_a_naive_evaluator_after_every_change_and_mistakes_are_found_out() {
    let seed = number_from_environment("TESTKIT_SEED").unwrap_or_else(|| rand::rng().next_u64());
    let wanted = number_from_environment("TESTKIT_CASES").and_then(|n| usize::try_from(n / 100).ok());
    let wanted = wanted.unwrap_or(HISTORIES);
    println!("seed {seed}");
    let mut caught = BTreeSet::new();
    for (n, test) in testkit::create_databases("icat", icat::SERVICE.migrations).await.into_iter().enumerate() {
        let mut generator = Generator { rng: StdRng::seed_from_u64(seed) };
        let histories = if n == 0 { wanted } else { wanted / 5 };
        let mut tally = Tally::default();
        // Until each mistake was made and found out, which is chance, but not for ever.
        let is_done = |tally: &Tally| {
            let is_enough = n > 0 || tally.caught.len() == MISTAKES.len() || tally.histories > 20 * histories;
            tally.histories >= histories && is_enough
        };
        while !is_done(&tally) {
            run_history(&test.db, &mut generator, &mut tally).await;
            tally.histories += 1;
        }
        println!(
            "{}: {} histories, {} pairs compared, {} transactions changed sets",
            test.engine, tally.histories, tally.pairs, tally.changed
        );
        assert!(tally.changed >= tally.histories, "too few changes tell anything");
        tally.readable.print(test.engine);
        assert!(
            tally.readable.complete * 10 >= tally.readable.lists * 6,
            "too few lists of readable rows are complete"
        );
        for (mistake, histories) in &tally.caught {
            println!("  {}: found out after {histories} histories", MISTAKES[*mistake]);
        }
        caught.extend(tally.caught.into_keys());
    }
    for (mistake, name) in MISTAKES.iter().enumerate() {
        assert!(caught.contains(&mistake), "{name}: not found out");
    }
}

async fn run_history(db: &Db, generator: &mut Generator, tally: &mut Tally) {
    let parse = ParseContext { time_zone: TimeZone::UTC };
    let mut data = generator.random_data();
    load_data(db, &data).await;
    let mut rules = store_random_rules(db, generator, &parse).await;
    let mut sets = check_sets(db, &data, &rules, tally).await.unwrap_or_else(|e| panic!("after synchronizing: {e}"));
    let mut log = Vec::new();
    let mistake = plan_mistake(generator, tally);
    for _ in 0..TRANSACTIONS {
        let mut changes = Vec::new();
        for _ in 0..generator.rng.random_range(1..4) {
            if let Some(change) = random_change(generator, &data) {
                apply_to_data(&mut data, &change);
                changes.push(change);
            }
        }
        if let Some(mistake) = mistake {
            spoil_sources(db, mistake, &changes).await;
        }
        apply_to_database(db, &changes, mistake.filter(|mistake| *mistake < 3)).await;
        log.push(format!("{changes:?}"));
        if let Some(mistake) = mistake {
            spoil_pairs(db, mistake, &rules).await;
        }
        let found = match (check_sets(db, &data, &rules, tally).await, mistake) {
            (Ok(found), _) => found,
            (Err(_), Some(mistake)) => {
                tally.caught.entry(mistake).or_insert(tally.histories);
                return;
            }
            (Err(e), None) => {
                let texts: Vec<&Query> = rules.iter().map(|rule| &rule.query).collect();
                panic!("{e}\nafter {log:#?}\nrules {texts:#?}\ndata {data:?}")
            }
        };
        if mistake.is_none() {
            let folds = generator.is_chosen(30);
            check_counters(db, &data, folds).await.unwrap_or_else(|e| panic!("{e} after {log:#?}"));
            let user = generator.pick_from(&USERS);
            check_readable_rows(db, &data, user, &parse, tally).await;
        }
        tally.changed += usize::from(found != sets);
        sets = found;
        if mistake.is_none() && generator.is_chosen(10) {
            rules = store_random_rules(db, generator, &parse).await;
            sets =
                check_sets(db, &data, &rules, tally).await.unwrap_or_else(|e| panic!("after a change of rules: {e}"));
        }
    }
}

/// Replaces all rules by random ones that can have sets.
async fn store_random_rules(db: &Db, generator: &mut Generator, parse: &ParseContext) -> Vec<GrantedRule> {
    let mut rules = Vec::new();
    for _ in 0..RULES {
        let entity = find_entity(generator.pick_from(&KINDS[6..]));
        let query = random_rule(generator, entity);
        let select = Selected::Path(Path { var: 0, steps: Vec::new(), field: None });
        let text = render_query(&Query { select: vec![select], ..query.clone() });
        rules.push((entity, query, text));
    }
    store_rules(db, rules.iter().map(|(.., text)| text.as_str())).await;
    synchronize_grants(db, parse).await.unwrap();
    let sets = GrantSets::load(&mut db.read().await.unwrap()).await.unwrap();
    let rules = rules.into_iter().filter_map(|(entity, query, text)| {
        let rule = parse_rule(&text, parse).unwrap_or_else(|e| panic!("{text}: {e}"));
        let set = sets.find_set(&rule)?;
        Some(GrantedRule { entity, query, rule, set })
    });
    rules.collect()
}

/// A random query with inner joins; mostly it asks for the user of an investigation.
fn random_rule(generator: &mut Generator, entity: &'static Entity) -> Query {
    let mut query = generator.random_query(Some(entity));
    for source in &mut query.from {
        if let Source::One { left, .. } | Source::Many { left, .. } = source {
            *left = false;
        }
    }
    if generator.is_chosen(60) {
        ask_for_user(generator, &mut query);
    }
    query
}

fn random_change(generator: &mut Generator, data: &Data) -> Option<Change> {
    // Mostly of rows that rules ask for.
    const OFTEN: [&str; 6] =
        ["InvestigationUser", "InvestigationUser", "UserGroup", "Investigation", "Dataset", "Datafile"];
    let kind =
        find_entity(if generator.is_chosen(60) { generator.pick_from(&OFTEN) } else { generator.pick_from(&KINDS) });
    let ids: Vec<i64> = data.0[kind.name].keys().copied().collect();
    match generator.rng.random_range(0..10) {
        0..4 => {
            let row = generator.random_row(kind, data);
            let id = data.0.values().flat_map(|rows| rows.keys()).max().copied().unwrap_or_default() + 1;
            is_insertable(kind, &row, data).then_some(Change::Insert(kind, id, row))
        }
        4..8 if !ids.is_empty() => {
            let id = generator.pick_from(&ids);
            let mut row = data.0[kind.name][&id].clone();
            let mut changed = HashMap::new();
            for one in kind.one.iter().filter(|_| generator.is_chosen(50)).collect::<Vec<_>>() {
                changed.insert(one.name, generator.random_relation(one, data));
            }
            for field in kind.fields.iter().filter(|_| generator.is_chosen(30)).collect::<Vec<_>>() {
                changed.insert(field.name, generator.random_field(field));
            }
            row.extend(changed.clone());
            let mut others = Data::default();
            let same_kind = data.0[kind.name].iter().filter(|(other, _)| **other != id);
            others.0.insert(kind.name, same_kind.map(|(id, row)| (*id, row.clone())).collect());
            is_insertable(kind, &row, &others).then_some(Change::Update(kind, id, changed))
        }
        _ if !ids.is_empty() => Some(Change::Delete(collect_dependents(data, kind, generator.pick_from(&ids)))),
        _ => None,
    }
}

/// A row and those that refer to it, children first.
fn collect_dependents(data: &Data, kind: &'static Entity, id: i64) -> Vec<(&'static Entity, i64)> {
    let mut found: BTreeSet<(usize, i64)> = BTreeSet::new();
    let place = |name: &str| KINDS.iter().position(|kind| *kind == name).unwrap();
    let mut fresh = vec![(kind.name, id)];
    while let Some((name, id)) = fresh.pop() {
        if !found.insert((place(name), id)) {
            continue;
        }
        for child in KINDS.map(find_entity) {
            for one in child.one.iter().filter(|one| one.target == name) {
                let rows = data.0[child.name].iter().filter(|(_, row)| row[one.name] == Value::Int(id));
                fresh.extend(rows.map(|(id, _)| (child.name, *id)));
            }
        }
    }
    found.into_iter().rev().map(|(place, id)| (find_entity(KINDS[place]), id)).collect()
}

fn apply_to_data(data: &mut Data, change: &Change) {
    match change {
        Change::Insert(kind, id, row) => {
            data.0.entry(kind.name).or_default().insert(*id, row.clone());
        }
        Change::Update(kind, id, changed) => {
            data.0.get_mut(kind.name).unwrap().get_mut(id).unwrap().extend(changed.clone());
        }
        Change::Delete(rows) => {
            for (kind, id) in rows {
                data.0.get_mut(kind.name).unwrap().remove(id);
            }
        }
    }
}

/// One transaction. If a kind of change is to be overlooked, its statements run without the maintenance.
async fn apply_to_database(db: &Db, changes: &[Change], overlooked: Option<usize>) {
    let author = Author::new("simple/root", Micros::from_i64(0));
    // Its changes are told to nobody.
    let unheard = Author::new("simple/root", Micros::from_i64(0));
    author
        .run_transaction(db, &new_outbox(), async |tx: &mut Tx| {
            for change in changes {
                match change {
                    Change::Insert(kind, id, row) => {
                        let author = if overlooked == Some(0) { &unheard } else { &author };
                        insert_rows(tx, kind, vec![to_new_row(kind, *id, row)], author).await?;
                    }
                    Change::Update(kind, id, changed) => {
                        let author = if overlooked == Some(1) { &unheard } else { &author };
                        let changed: Vec<(usize, Val)> = changed
                            .iter()
                            .map(|(name, value)| {
                                let at = value_index(kind, name).unwrap();
                                (at, to_val(kind, at, value))
                            })
                            .collect();
                        update_row(tx, kind, *id, &changed, author).await?;
                    }
                    Change::Delete(rows) => {
                        let author = if overlooked == Some(2) { &unheard } else { &author };
                        for (kind, id) in rows {
                            delete_rows(tx, kind, &[*id], author).await?;
                        }
                    }
                }
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap_or_else(|e| panic!("{changes:?}: {e}"));
}

/// The pairs of the sets of all rules; an error if they do not grant what the evaluator finds.
async fn check_sets(
    db: &Db,
    data: &Data,
    rules: &[GrantedRule],
    tally: &mut Tally,
) -> Result<BTreeSet<(i64, i64, i64)>, String> {
    let mut tx = db.read().await.unwrap();
    let rows = tx.fetch_all("SELECT set_id, user_id, row_id FROM grant_row", &[]).await.unwrap();
    let pairs: BTreeSet<(i64, i64, i64)> =
        rows.iter().map(|row| (row.get_at(0).unwrap(), row.get_at(1).unwrap(), row.get_at(2).unwrap())).collect();
    tally.pairs += pairs.len();
    for GrantedRule { entity, query, rule, set } in rules {
        for (user_id, user) in &data.0["User"] {
            let Value::Text(user) = &user["name"] else { continue };
            let expected = World { data, user, now: NOW, visible: None }.rows_of_rule(query);
            let granted_user = if set.for_everybody { 0 } else { *user_id };
            let covers = |id: i64| {
                let ancestor = follow_relations(data, entity, id, rule.path_to_ancestor());
                ancestor.is_some_and(|ancestor| pairs.contains(&(set.id, granted_user, ancestor)))
            };
            let found: BTreeSet<i64> = data.0[entity.name].keys().copied().filter(|id| covers(*id)).collect();
            if found != expected {
                return Err(format!("{set:?} grants {user} {found:?} of {} and not {expected:?}", entity.name));
            }
        }
    }
    Ok(pairs)
}

/// Compares what a user may read according to lists of the rows that decide with what searches return.
async fn check_readable_rows(db: &Db, data: &Data, user: &str, parse: &ParseContext, tally: &mut Tally) {
    let cache = RuleCache::new(Vec::new(), AuthorizationConfig::STRICT, parse.clone());
    let rights = cache.load_rights(&mut db.read().await.unwrap(), user.to_owned()).await.unwrap();
    let env = QueryEnvironment {
        user,
        now: Micros::from_i64(NOW),
        start_of_today: Micros::from_i64(NOW),
        engine: db.engine(),
        row_cap: 100_000,
        strict: true,
        granted_user: Some(rights.granted_user()),
    };
    for kind in KINDS[6..].iter().map(|kind| find_entity(kind)) {
        compare_with_search(db, data, &rights, kind, &env, &mut tally.readable).await;
    }
}

/// Number of files and total size by level and owner.
type Counters = BTreeMap<(i64, i64), (i64, i64)>;

/// Compares the counters of datafiles with the datafiles; adds up differences before if `folds`.
async fn check_counters(db: &Db, data: &Data, folds: bool) -> Result<(), String> {
    let mut expected = Counters::from([((0, 0), (0, 0))]);
    for file in data.0["Datafile"].values() {
        let (Value::Int(dataset), size) = (&file["dataset"], &file["fileSize"]) else { panic!("a file has a dataset") };
        let Value::Int(investigation) = data.0["Dataset"][dataset]["investigation"] else {
            panic!("a dataset has an investigation")
        };
        let size = if let Value::Int(size) = size { *size } else { 0 };
        for owner in [(0, 0), (1, investigation), (2, *dataset)] {
            let (files, total) = expected.entry(owner).or_default();
            (*files, *total) = (*files + 1, *total + size);
        }
    }
    if folds {
        while db.write(async |tx| fold_differences(tx).await).await.unwrap() {}
    }
    let sql = "SELECT level, owner_id, files, size_high, size_low FROM datafile_counter";
    let mut found = Counters::new();
    for row in db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap() {
        let number = |at| row.get_at::<i64>(at).unwrap();
        let (files, total) = found.entry((number(0), number(1))).or_default();
        (*files, *total) = (*files + number(2), *total + (number(3) << 32) + number(4));
    }
    let alive = |level: i64, owner: i64| match level {
        1 => data.0["Investigation"].contains_key(&owner),
        2 => data.0["Dataset"].contains_key(&owner),
        _ => true,
    };
    if let Some(left) = found.keys().find(|(level, owner)| !alive(*level, *owner)) {
        return Err(format!("the counter {left:?} has no owner any more"));
    }
    for counters in [&mut expected, &mut found] {
        counters.retain(|_, counter| *counter != (0, 0));
    }
    if found == expected { Ok(()) } else { Err(format!("counters {found:?} and not {expected:?}")) }
}

/// In a third of the histories, a mistake that has not been found out yet.
fn plan_mistake(generator: &mut Generator, tally: &Tally) -> Option<usize> {
    if !generator.is_chosen(33) {
        return None;
    }
    let missing: Vec<usize> = (0..MISTAKES.len()).filter(|mistake| !tally.caught.contains_key(mistake)).collect();
    (!missing.is_empty()).then(|| generator.pick_from(&missing))
}

/// Makes the maintenance of all sets wrong, if that is the mistake.
async fn spoil_sources(db: &Db, mistake: usize, changes: &[Change]) {
    if mistake < 5 {
        return;
    }
    let changed: Vec<&str> = changes
        .iter()
        .flat_map(|change| match change {
            Change::Insert(kind, ..) | Change::Update(kind, ..) => vec![kind.name],
            Change::Delete(rows) => rows.iter().map(|(kind, _)| kind.name).collect(),
        })
        .collect();
    let spoil = |sources: &mut Vec<serde_json::Value>| match mistake {
        5 => sources.retain(|source| !changed.iter().any(|name| source["entity"] == *name)),
        6 => sources.iter_mut().for_each(|source| source["columns"] = serde_json::json!([])),
        7 => sources.iter_mut().for_each(|source| source["has_foreign_key"] = serde_json::json!(false)),
        _ => {}
    };
    let mut tx = db.read().await.unwrap();
    let rows = tx.fetch_all("SELECT id, source_tables FROM grant_set", &[]).await.unwrap();
    drop(tx);
    for row in &rows {
        let (id, text): (i64, String) = (row.get("id").unwrap(), row.get("source_tables").unwrap());
        let mut sources: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        spoil(&mut sources);
        let text = serde_json::to_string(&sources).unwrap();
        let vals = [Val::from(text), Val::from(id)];
        db.write(async |tx| tx.execute("UPDATE grant_set SET source_tables = $1 WHERE id = $2", &vals).await)
            .await
            .unwrap();
    }
}

/// Loses pairs or makes them up, if that is the mistake.
async fn spoil_pairs(db: &Db, mistake: usize, rules: &[GrantedRule]) {
    let sql = match mistake {
        3 => "DELETE FROM grant_row WHERE row_id = (SELECT MAX(row_id) FROM grant_row)".to_owned(),
        4 => {
            let Some(rule) = rules.iter().find(|rule| !rule.set.for_everybody) else { return };
            format!(
                "INSERT INTO grant_row (set_id, user_id, row_id) SELECT {}, u.id, i.id FROM user_ u CROSS JOIN investigation i \
                 WHERE 1 = 1 ON CONFLICT DO NOTHING",
                rule.set.id
            )
        }
        _ => return,
    };
    db.write(async |tx| tx.execute(&sql, &[]).await).await.unwrap();
}
