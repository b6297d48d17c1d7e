//! Random data, rules and queries: the compiled SQL yields the rows of the naive evaluator, and wrong compilers, one per
//! entry of a list, are detected.

pub mod counts;
pub mod evaluator;
pub mod generator;
pub mod model;
pub mod query_text;
pub mod readable;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use events::Outbox;
use icat::AuthorizationConfig;
use icat::authorization::{Operation, Rights, RuleSet};
use icat::grants::{GrantSets, synchronize_grants};
use icat::query::{
    Access, Param, ParseContext, Plan, QueryEnvironment, Rule, Statement, compile_filter, compile_search, parse_rule,
    parse_search,
};
use icat::store::Author;
use icat::store::entities::{NewRow, empty_values, insert_rows, new_values, value_index};
use icat::store::rules::{Memberships, RuleRow};
use icat_client::schema::{Entity, FieldKind};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use service_kit::{BulkRow, Db, DbError, Micros, Row, SystemClock, SystemIds, Tx, Val};
use testkit::number_from_environment;

use self::evaluator::World;
use self::generator::{Generator, KINDS, NOW, USERS, find_entity};
use self::model::{Aggregate, Condition, Data, Operand, Path, Query, Selected, Source, Value};
use self::query_text::render_query;
use self::readable::{MISTAKES, ReadableTally, check_readable_rows};
use crate::statements::run_statement;

/// Unless `TESTKIT_CASES` says otherwise.
const CASES: usize = 2_000;
const QUERIES_PER_WORLD: usize = 100;

/// A generated rule, as text and as query, and whom it applies to.
struct GeneratedRule {
    entity: &'static Entity,
    query: Query,
    text: String,
    parsed: Arc<Rule>,
    restricted: bool,
    group: Option<i64>,
    /// The letters of the operations that it grants.
    flags: &'static str,
    /// The only attribute that it lets users change.
    attribute: Option<&'static str>,
}

impl GeneratedRule {
    fn grants_flag(&self, flag: char) -> bool {
        self.flags.contains(flag) && self.attribute.is_none()
    }
}

pub async fn load_data(db: &Db, data: &Data) {
    let derived = ["grant_row", "grant_set", "datafile_counter"];
    db.write(async |tx| {
        for table in KINDS.iter().rev().map(|kind| find_entity(kind).table).chain(derived) {
            tx.execute(&format!("DELETE FROM {table}"), &[]).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let author = Author::new("simple/root", Micros::from_i64(0));
    let load = async |tx: &mut Tx| {
        for kind in KINDS.map(find_entity) {
            let rows: Vec<NewRow> = data.0[kind.name].iter().map(|(id, row)| to_new_row(kind, *id, row)).collect();
            insert_rows(tx, kind, rows, &author).await?;
        }
        Ok::<_, DbError>(())
    };
    author.run_transaction(db, &new_outbox(), load).await.unwrap();
}

pub fn new_outbox() -> Outbox {
    Outbox::new("icat", Arc::new(SystemClock), Arc::new(SystemIds))
}

pub fn to_new_row(kind: &'static Entity, id: i64, row: &HashMap<&'static str, Value>) -> NewRow {
    let mut values = new_values(kind);
    for (name, value) in row {
        let at = value_index(kind, name).unwrap();
        values[at] = to_val(kind, at, value);
    }
    NewRow { id, values }
}

/// The value of a row at `at`.
pub fn to_val(kind: &'static Entity, at: usize, value: &Value) -> Val {
    match value {
        Value::Int(n) => Val::I64(Some(*n)),
        Value::Text(text) => Val::from(text),
        Value::Null => empty_values(kind)[at].clone(),
    }
}

fn read_values(row: &Row, query: &Query) -> Vec<Value> {
    let text = |row: &Row, at| row.get_at::<Option<String>>(at).unwrap().map_or(Value::Null, Value::Text);
    let number = |row: &Row, at| row.get_at::<Option<i64>>(at).unwrap().map_or(Value::Null, Value::Int);
    query
        .select
        .iter()
        .enumerate()
        .map(|(at, selected)| {
            let (path, counted) = match selected {
                Selected::Path(path) => (path, false),
                Selected::Aggregate(function, path) => {
                    (path, matches!(function, Aggregate::Count | Aggregate::CountDistinct))
                }
            };
            let entity = query.entity_to_authorize(path);
            let kind = path.field.and_then(|name| entity.find_field(name)).map(|f| f.kind);
            if kind == Some(FieldKind::String) && !counted { text(row, at) } else { number(row, at) }
        })
        .collect()
}

/// Possible errors of a compiler. The first three change its input, the others its output.
const MUTATIONS: [&str; 13] = [
    "a rule is dropped",
    "groups are ignored",
    "rules are ignored",
    "OR becomes AND",
    "LEFT JOIN becomes JOIN",
    "JOIN becomes LEFT JOIN",
    "IS NULL becomes IS NOT NULL",
    "NOT is dropped",
    "DISTINCT is dropped",
    "< becomes <=",
    "LIMIT takes one more",
    "DESC becomes ASC",
    "IN becomes NOT IN",
];

fn spoil_statement(which: usize, statement: &Statement, query: &Query) -> Option<Statement> {
    let sql = &statement.sql;
    let mut params = statement.params.clone();
    let text = match which {
        3 => sql.replace(" OR ", " AND "),
        4 => sql.replace("LEFT JOIN", "JOIN"),
        5 => sql.replace(" JOIN ", " LEFT JOIN ").replace("LEFT LEFT", "LEFT").replace("CROSS LEFT", "CROSS"),
        6 => sql.replace(" IS NULL", " IS NOT NULL"),
        7 => sql.replace("NOT ", ""),
        8 => sql.replace("DISTINCT ", ""),
        9 => sql.replace(" < ", " <= "),
        10 => {
            query.limit?;
            let at: usize = sql.split(" LIMIT $").nth(1)?.split(' ').next()?.parse().ok()?;
            if let Param::I64(n) = &mut params[at - 1] {
                *n += 1;
            }
            format!("{sql} ")
        }
        11 => sql.replace(" DESC", " ASC"),
        12 => sql.replace(" IN ", " NOT IN ").replace("NOT NOT", ""),
        _ => return None,
    };
    (text != *sql).then(|| Statement::new(text, params))
}

#[tokio::test]
async fn rows_equal_a_naive_evaluator_and_wrong_engines_are_found_out() {
    let seed = number_from_environment("TESTKIT_SEED").unwrap_or_else(|| rand::rng().next_u64());
    let cases = number_from_environment("TESTKIT_CASES").and_then(|n| usize::try_from(n).ok()).unwrap_or(CASES);
    println!("seed {seed}");
    let (mut caught, mut caught_in_lists) = (BTreeMap::new(), BTreeSet::new());
    for (n, test) in testkit::create_databases("icat", icat::SERVICE.migrations).await.into_iter().enumerate() {
        let mut generator = Generator { rng: StdRng::seed_from_u64(seed) };
        // The second engine gets a fifth of the cases: it tests another SQL dialect, not other logic.
        let cases = if n == 0 { cases } else { cases / 5 };
        let mut tally = Tally::default();
        while tally.cases < cases {
            check_world(&test.db, &mut generator, &mut tally).await;
        }
        println!(
            "{}: {} cases, {} with some but not all rows, {} filters, {} rules with sets, {} of whole rows, {} of counters",
            test.engine, tally.cases, tally.partial, tally.filters, tally.granted, tally.whole, tally.counted
        );
        println!(
            "{}: {} of first rows, {} with rows that decide about others",
            test.engine, tally.first, tally.looked_up
        );
        assert!(n > 0 || tally.looked_up * 500 >= tally.cases, "too few queries of first rows");
        // Whether the rules of a world allow it is chance, and the second engine has few worlds.
        assert!(n > 0 || tally.counted * 50 >= tally.cases, "too few queries that counters answer");
        assert!(tally.whole * 20 >= tally.cases, "too few queries of whole rows");
        // Whether a world uses sets is chance, and the second engine has few worlds.
        assert!(n > 0 || tally.granted * 200 >= tally.cases, "too few rules have sets");
        assert!(tally.partial * 5 >= tally.cases, "too few cases tell anything");
        tally.readable.print(test.engine);
        let ReadableTally { lists, complete, partial, .. } = tally.readable;
        assert!(complete * 10 >= lists * 6, "too few lists of readable rows are complete");
        assert!(partial * 10 >= lists, "too few lists of readable rows tell anything");
        caught_in_lists.extend(tally.readable.caught);
        for (which, cases) in tally.caught {
            println!("  {}: found out after {cases} cases", MUTATIONS[which]);
            caught.insert(which, cases);
        }
    }
    // A fifth of the cases does not find every error for every seed; all cases together do.
    for (which, name) in MUTATIONS.iter().enumerate() {
        assert!(caught.contains_key(&which), "{name}: not found out");
    }
    for (mistake, name) in MISTAKES.iter().enumerate() {
        assert!(caught_in_lists.contains(&mistake), "{name}: not found out");
    }
}

#[derive(Default)]
struct Tally {
    cases: usize,
    partial: usize,
    filters: usize,
    /// Rules with a set.
    granted: usize,
    /// Queries whose statements can select whole rows.
    whole: usize,
    /// Queries that counters answer.
    counted: usize,
    /// Queries of the first rows, and how many of them look up the rows that decide.
    first: usize,
    looked_up: usize,
    caught: BTreeMap<usize, usize>,
    readable: ReadableTally,
}

/// Joins the users of the investigation that the first variable is or belongs to, and asks for the session's user.
pub fn ask_for_user(generator: &mut Generator, query: &mut Query) {
    let mut var = 0;
    while query.entity_of(var).name != "Investigation" {
        let to_parent = query.entity_of(var).one.iter().find(|one| ["Dataset", "Investigation"].contains(&one.target));
        let Some(relation) = to_parent else { return };
        query.from.push(Source::One { from: var, relation, left: false });
        var = query.from.len() - 1;
    }
    let relation = query.entity_of(var).find_to_many("investigationUsers").unwrap();
    query.from.push(Source::Many { from: var, relation, left: false });
    let users = query.from.len() - 1;
    let to_user = query.entity_of(users).find_to_one("user").unwrap();
    let is_user =
        Condition::Compare(Path { var: users, steps: vec![to_user], field: Some("name") }, "=", Operand::User);
    query.cond = Some(match query.cond.take().filter(|_| generator.is_chosen(50)) {
        Some(cond) => Condition::And(Box::new(is_user), Box::new(cond)),
        None => is_user,
    });
}

fn find_user_id(data: &Data, user: &str) -> i64 {
    let found = data.0["User"].iter().find(|(_, row)| row["name"] == Value::Text(user.to_owned()));
    found.map_or(0, |(id, _)| *id)
}

/// Fills the sets of the rules that read.
async fn store_sets(db: &Db, rules: &[GeneratedRule], parse: &ParseContext) -> GrantSets {
    let texts = rules.iter().filter(|rule| rule.grants_flag('R')).map(|rule| rule.text.as_str());
    store_rules(db, texts).await;
    synchronize_grants(db, parse).await.unwrap();
    GrantSets::load(&mut db.read().await.unwrap()).await.unwrap()
}

/// Replaces the stored rules by these, which grant READ to everybody.
pub async fn store_rules(db: &Db, texts: impl Iterator<Item = &str>) {
    let texts: Vec<&str> = texts.collect();
    db.write(async |tx| {
        tx.execute("DELETE FROM rule_", &[]).await?;
        for (id, text) in (1_i64..).zip(&texts) {
            let sql = "INSERT INTO rule_ (id, create_id, create_time, mod_id, mod_time, crudflags, what) \
                       VALUES ($1, 'x', 0, 'x', 0, 'R', $2)";
            tx.execute(sql, &[Val::from(id), Val::from(*text)]).await?;
        }
        tx.execute("UPDATE rule_version SET n = n + 1", &[]).await
    })
    .await
    .unwrap();
}

async fn check_world(db: &Db, generator: &mut Generator, tally: &mut Tally) {
    let ctx = ParseContext { time_zone: TimeZone::UTC };
    let data = generator.random_data();
    load_data(db, &data).await;
    let groups: Vec<i64> = data.0["Grouping"].keys().copied().collect();
    let user = generator.pick_from(&USERS);
    let mut rules: Vec<GeneratedRule> = Vec::new();
    // Whether investigations decide about datasets and datafiles, as rules of facilities mostly do.
    let by_investigation = generator.is_chosen(50);
    for kind in KINDS.map(find_entity) {
        for _ in 0..generator.rng.random_range(2..6) {
            let mut query = generator.random_query(Some(kind));
            if by_investigation && ["Dataset", "Datafile"].contains(&kind.name) {
                query.from.truncate(1);
                query.cond = None;
                ask_for_user(generator, &mut query);
            } else if generator.is_chosen(20) {
                ask_for_user(generator, &mut query);
            }
            let attribute =
                (!kind.fields.is_empty() && generator.is_chosen(10)).then(|| generator.pick_from(kind.fields).name);
            let flags =
                if attribute.is_some() { "U" } else { generator.pick_from(&["R", "R", "CR", "RU", "CRUD", "D", "CU"]) };
            let selected = Path { var: 0, steps: Vec::new(), field: attribute };
            let text = render_query(&Query { select: vec![Selected::Path(selected)], ..query.clone() });
            let parsed = Arc::new(parse_rule(&text, &ctx).unwrap_or_else(|e| panic!("{text}: {e}")));
            let restricted = query.cond.is_some() || query.from.len() > 1;
            assert_eq!(parsed.restricted, restricted, "{text}");
            let group = generator.is_chosen(30).then(|| generator.pick_from(&groups));
            rules.push(GeneratedRule { entity: kind, query, text, parsed, restricted, group, flags, attribute });
        }
    }
    let uses_sets = generator.is_chosen(50);
    let sets = if uses_sets { store_sets(db, &rules, &ctx).await } else { GrantSets::none(db.engine()) };
    for rule in rules.iter_mut().filter(|rule| rule.grants_flag('R')) {
        let set = sets.find_set(&rule.parsed);
        tally.granted += usize::from(set.is_some());
        rule.parsed = Arc::new(Rule::clone(&rule.parsed).with_grant(set));
    }
    let everything = World { data: &data, user, now: NOW, visible: None };
    let member = |group: i64| {
        data.0["UserGroup"].values().any(|row| {
            row["grouping"] == Value::Int(group)
                && matches!(row["user"], Value::Int(id) if data.0["User"][&id]["name"] == Value::Text(user.to_owned()))
        })
    };
    let mine = |ignore_groups: bool| -> Vec<&GeneratedRule> {
        rules.iter().filter(|r| r.grants_flag('R') && (ignore_groups || r.group.is_none_or(member))).collect()
    };
    let access_of = |rules: &[&GeneratedRule], entity: &Entity| -> Access {
        let about: Vec<&&GeneratedRule> = rules.iter().filter(|r| r.entity.name == entity.name).collect();
        match about.as_slice() {
            [] => Access::None,
            about if about.iter().any(|r| !r.restricted) => Access::All,
            about => Access::Rules(about.iter().map(|r| Arc::clone(&r.parsed)).collect()),
        }
    };
    let is_root = generator.is_chosen(3);
    // `None` means everything.
    let mut readable: HashMap<&str, Option<BTreeSet<i64>>> = HashMap::new();
    for kind in KINDS.map(find_entity) {
        let about: Vec<&GeneratedRule> = mine(false).into_iter().filter(|r| r.entity.name == kind.name).collect();
        let all = is_root || about.iter().any(|r| !r.restricted);
        readable
            .insert(kind.name, (!all).then(|| about.iter().flat_map(|r| everything.rows_of_rule(&r.query)).collect()));
    }
    let strict = generator.is_chosen(50);
    let env = QueryEnvironment {
        user,
        now: Micros::from_i64(NOW),
        start_of_today: Micros::from_i64(NOW),
        engine: db.engine(),
        row_cap: 100_000,
        strict,
        granted_user: uses_sets.then(|| find_user_id(&data, user)),
    };
    let rows: Vec<RuleRow> = (1..)
        .zip(&rules)
        .map(|(id, r)| RuleRow { id, flags: r.flags.to_owned(), what: r.text.clone(), grouping: r.group })
        .collect();
    let book = Arc::new(RuleSet::new(1, &rows, Vec::new(), &ctx, AuthorizationConfig::STRICT, &sets));
    let groups = groups.iter().copied().filter(|group| member(*group)).collect();
    let memberships = Memberships { user_id: Some(find_user_id(&data, user)), groups };
    check_readable_rows(db, &data, &rules, &book, &env, &mut tally.readable).await;
    let rights = Rights::new(user.to_owned(), is_root, memberships, book);
    let filtered = async |kind: &'static Entity, operation: Operation, access: Access| -> Option<BTreeSet<i64>> {
        let Access::Rules(rules) = access else {
            return matches!(access, Access::None).then(BTreeSet::new);
        };
        let ids: Vec<i64> = data.0[kind.name].keys().copied().collect();
        // Only reading uses sets.
        let granted_user = env.granted_user.filter(|_| operation == Operation::Read);
        let statement = compile_filter(kind, &rules, &ids, &QueryEnvironment { granted_user, ..env });
        let rows = run_statement(db, &statement).await.unwrap();
        Some(rows.iter().map(|row| row.get_at(0).unwrap()).collect())
    };
    let expected = |kind: &Entity, grants: &dyn Fn(&GeneratedRule) -> bool| -> Option<BTreeSet<i64>> {
        let mine = rules.iter().filter(|r| r.entity.name == kind.name && grants(r) && r.group.is_none_or(member));
        let mine: Vec<&GeneratedRule> = mine.collect();
        let all = is_root || mine.iter().any(|r| !r.restricted);
        (!all).then(|| mine.iter().flat_map(|r| everything.rows_of_rule(&r.query)).collect())
    };
    for kind in KINDS.map(find_entity) {
        for (operation, flag) in Operation::ALL.into_iter().zip("CRUD".chars()) {
            let found = filtered(kind, operation, rights.access_to(kind, operation)).await;
            assert_eq!(
                found,
                expected(kind, &|r| r.grants_flag(flag)),
                "{operation:?} of {} seen by {user}: {rows:#?}",
                kind.name
            );
            tally.filters += 1;
        }
        for field in kind.fields {
            let found = filtered(kind, Operation::Update, rights.attribute_update_access(kind, field.name)).await;
            let about = |r: &GeneratedRule| r.attribute == Some(field.name);
            assert_eq!(found, expected(kind, &about), "{}.{}: {rows:#?}", kind.name, field.name);
        }
    }
    let root_or = |rules: &[&GeneratedRule], entity: &'static Entity| {
        if is_root { Access::All } else { access_of(rules, entity) }
    };

    for _ in 0..QUERIES_PER_WORLD {
        let query = match generator.rng.random_range(0..100) {
            0..20 => generator.random_count_of_files(),
            20..25 => generator.random_first_rows(),
            _ => generator.random_query(None),
        };
        let text = render_query(&query);
        tally.cases += 1;
        let may = |entity: &'static Entity, id: i64| readable[entity.name].as_ref().is_none_or(|ids| ids.contains(&id));
        let world = World { visible: if strict { Some(&may) } else { None }, ..everything };
        let expected = sort_rows(world.evaluate_query(&query, &may), &query);
        let all = sort_rows(everything.evaluate_query(&query, &|_, _| true), &query);
        let some = !expected.is_empty() && expected != all;
        let filtered = !all.is_empty()
            && query.cond.is_some()
            && all.len()
                < sort_rows(everything.evaluate_query(&Query { cond: None, ..query.clone() }, &|_, _| true), &query)
                    .len();
        tally.partial += usize::from(some || (filtered && !expected.is_empty()));

        let search = parse_search(&text, &ctx).unwrap_or_else(|e| panic!("{text}: {e}"));
        let rules_here = mine(false);
        let plan = compile_search(&search, &|entity| root_or(&rules_here, entity), &env).unwrap();
        let explain = || {
            let rules: Vec<String> = rules.iter().map(|r| format!("{:?} {}", r.group, r.text)).collect();
            format!("{text}\nuser {user} root {is_root} strict {strict}\nrules {rules:#?}\ndata {data:?}")
        };
        let statement = match plan {
            Plan::Run(statement) => statement,
            Plan::Empty | Plan::Zero => {
                let nothing = query.select.iter().any(|s| {
                    let (Selected::Path(path) | Selected::Aggregate(_, path)) = s;
                    matches!(root_or(&rules_here, query.entity_to_authorize(path)), Access::None)
                });
                assert!(nothing, "{}", explain());
                continue;
            }
        };
        let answer = async |statement: &Statement| -> Result<Vec<Vec<Value>>, DbError> {
            Ok(sort_rows(
                run_statement(db, statement).await?.iter().map(|row| read_values(row, &query)).collect(),
                &query,
            ))
        };
        let found = answer(&statement).await.unwrap_or_else(|e| panic!("{}\n{}\n{e:?}", explain(), statement.sql));
        assert_eq!(found, expected, "{}\n{}\n{:?}", explain(), statement.sql, statement.params);
        if let Some(first) = &statement.first_rows {
            tally.first += 1;
            let listed = Statement::new(first.sql.clone(), first.params.clone());
            // As if more rows decided about others than are listed.
            let looked_up = Statement { sql: first.sql.replace(" <= 1000 THEN ", " < 0 THEN "), ..listed.clone() };
            let found = answer(&listed).await.unwrap_or_else(|e| panic!("{}\n{}\n{e:?}", explain(), listed.sql));
            assert!(found.len() < first.count || found == expected, "{}\n{listed:?}", explain());
            let other = answer(&looked_up).await.unwrap_or_else(|e| panic!("{}\n{}\n{e:?}", explain(), looked_up.sql));
            assert_eq!(found, other, "{}\n{looked_up:?}", explain());
            tally.looked_up += usize::from(looked_up != listed);
        }
        tally.counted += usize::from(statement.sql.contains("datafile_counter"));
        if statement.whole_rows.is_some() {
            tally.whole += 1;
            let found = read_whole_rows(db, &statement, generator.rng.random_range(0..6)).await;
            assert_eq!(found, expected, "whole rows: {}\n{statement:?}", explain());
        }

        for which in 0..MUTATIONS.len() {
            if tally.caught.contains_key(&which) {
                continue;
            }
            let spoiled = match which {
                0..=2 => {
                    let mut rules = mine(which == 1);
                    if which == 0 && !rules.is_empty() {
                        rules.remove(tally.cases % rules.len());
                    }
                    let access =
                        |entity: &'static Entity| if which == 2 { Access::All } else { root_or(&rules, entity) };
                    match compile_search(&search, &access, &env).unwrap() {
                        Plan::Run(spoiled) => Some(spoiled),
                        Plan::Empty | Plan::Zero => None,
                    }
                }
                _ => spoil_statement(which, &statement, &query),
            };
            // A statement that the engine refuses counts as detected.
            if let Some(spoiled) = spoiled.filter(|spoiled| *spoiled != statement)
                && !answer(&spoiled).await.is_ok_and(|rows| rows == expected)
            {
                tally.caught.insert(which, tally.cases);
            }
        }
    }
}

/// The ids of a statement that selects rows, sorted; with `most_whole` of them whole, or all.
async fn read_whole_rows(db: &Db, statement: &Statement, most_whole: usize) -> Vec<Vec<Value>> {
    let mut tx = db.read().await.unwrap();
    let (mut ids, mut whole) = (Vec::new(), 0);
    let visit = |id: Option<i64>, row: Option<&BulkRow<'_>>| {
        if let Some(row) = row {
            assert_eq!(row.get_integer(0)?, id);
            assert_eq!(row.get_integer(2)?, Some(0), "when the row was created");
            whole += 1;
        }
        ids.push(vec![id.map_or(Value::Null, Value::Int)]);
        Ok(())
    };
    statement.visit_ids(&mut tx, most_whole, visit).await.unwrap();
    let (present, most) = (ids.iter().filter(|id| id[0] != Value::Null).count(), most_whole.min(ids.len()));
    let least = present - (ids.len() - most).min(present);
    assert!((least..=present).contains(&whole), "{whole} of {present} rows are whole, not {most_whole}");
    ids.sort();
    ids
}

/// Without ORDER BY the order of rows is undefined.
fn sort_rows(mut rows: Vec<Vec<Value>>, query: &Query) -> Vec<Vec<Value>> {
    if query.order.is_empty() {
        rows.sort();
    }
    rows
}
