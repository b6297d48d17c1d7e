//! Lists of the rows that decide imply what a search returns, and wrong lists are detected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use icat::authorization::{DecidingRows, ReadableLimits, ReadableRows, Rights, RuleSet, find_readable_rows};
use icat::query::{ParseContext, Plan, QueryEnvironment, compile_search, parse_search};
use icat::store::rules::Memberships;
use icat_client::schema::{Entity, ToOne};
use jiff::tz::TimeZone;
use service_kit::{Db, Tx};

use super::evaluator::World;
use super::generator::{KINDS, NOW, USERS, find_entity};
use super::model::{Data, Value};
use super::{GeneratedRule, find_user_id};
use crate::statements::run_statement;

/// Possible mistakes in the lists.
pub const MISTAKES: [&str; 5] =
    ["a list is dropped", "an id is lost", "an id is made up", "a path is cut short", "the lists are of another user"];

#[derive(Default)]
pub struct ReadableTally {
    /// Answers that consist of lists.
    pub lists: usize,
    pub complete: usize,
    /// Complete ones that let the user read some rows, but not all.
    pub partial: usize,
    pub caught: BTreeSet<usize>,
}

impl ReadableTally {
    pub fn print(&self, engine: &str) {
        let Self { lists, complete, partial, caught } = self;
        println!("{engine}: {lists} answers with lists of readable rows, {complete} complete, {partial} of some rows");
        for mistake in caught {
            println!("  {}: found out", MISTAKES[*mistake]);
        }
    }
}

/// Checks the answers to all users about all entities.
pub(super) async fn check_readable_rows(
    db: &Db,
    data: &Data,
    rules: &[GeneratedRule],
    book: &Arc<RuleSet>,
    env: &QueryEnvironment<'_>,
    tally: &mut ReadableTally,
) {
    let mut of_others: BTreeMap<&str, ReadableRows> = BTreeMap::new();
    for user in USERS {
        let groups = find_groups(data, user);
        let user_id = find_user_id(data, user);
        let memberships = Memberships { user_id: Some(user_id), groups: groups.iter().copied().collect() };
        let rights = Rights::new(user.to_owned(), false, memberships, Arc::clone(book));
        let env = QueryEnvironment { user, granted_user: env.granted_user.map(|_| user_id), ..*env };
        let everything = World { data, user, now: NOW, visible: None };
        for kind in KINDS.map(find_entity) {
            let mine = rules.iter().filter(|rule| {
                rule.entity.name == kind.name
                    && rule.grants_flag('R')
                    && rule.group.is_none_or(|group| groups.contains(&group))
            });
            let mine: Vec<&GeneratedRule> = mine.collect();
            let expected: BTreeSet<i64> = if mine.iter().any(|rule| !rule.restricted) {
                data.0[kind.name].keys().copied().collect()
            } else {
                mine.iter().flat_map(|rule| everything.rows_of_rule(&rule.query)).collect()
            };
            let found = compare_with_search(db, data, &rights, kind, &env, tally).await;
            let implied = list_implied_ids(data, kind, &found);
            let is_complete = !matches!(found, ReadableRows::Rows { complete: false, .. });
            let explain = || {
                let texts: Vec<&String> = mine.iter().map(|rule| &rule.text).collect();
                format!("{} seen by {user}: {found:?}\nrules {texts:#?}\ndata {data:?}", kind.name)
            };
            assert!(implied.is_subset(&expected), "{}", explain());
            assert!(!is_complete || implied == expected, "{}", explain());
            let other = of_others.insert(kind.name, found.clone());
            if let ReadableRows::Rows { rows, complete: true } = &found {
                for mistake in (0..MISTAKES.len()).filter(|mistake| !tally.caught.contains(mistake)).collect::<Vec<_>>()
                {
                    let spoiled = spoil_rows(mistake, rows, data, kind, other.as_ref());
                    if spoiled.is_some_and(|spoiled| list_implied_ids(data, kind, &spoiled) != expected) {
                        tally.caught.insert(mistake);
                    }
                }
            }
        }
    }
}

/// The answer about an entity, after a comparison with a search of the same user.
pub async fn compare_with_search(
    db: &Db,
    data: &Data,
    rights: &Rights,
    kind: &'static Entity,
    env: &QueryEnvironment<'_>,
    tally: &mut ReadableTally,
) -> ReadableRows {
    let mut tx: Tx = db.read().await.unwrap();
    let found = find_readable_rows(&mut tx, rights, kind, env, ReadableLimits::DEFAULT).await.unwrap();
    let text = format!("SELECT x.id FROM {} x", kind.name);
    let search = parse_search(&text, &ParseContext { time_zone: TimeZone::UTC }).unwrap();
    let searched: BTreeSet<i64> = match compile_search(&search, &|entity| rights.read_access(entity), env).unwrap() {
        Plan::Run(statement) => {
            run_statement(db, &statement).await.unwrap().iter().map(|row| row.get_at(0).unwrap()).collect()
        }
        Plan::Empty | Plan::Zero => BTreeSet::new(),
    };
    let implied = list_implied_ids(data, kind, &found);
    match &found {
        ReadableRows::Rows { complete, rows } => {
            tally.lists += 1;
            tally.complete += usize::from(*complete);
            let is_partial = !searched.is_empty() && searched.len() < data.0[kind.name].len();
            tally.partial += usize::from(*complete && is_partial);
            assert!(rows.iter().all(|list| !list.ids.is_empty()), "an empty list: {found:?}");
            assert!(implied.is_subset(&searched), "{} of {}: {found:?}\n{searched:?}", kind.name, env.user);
            assert!(!complete || implied == searched, "{} of {}: {found:?}\n{searched:?}", kind.name, env.user);
        }
        ReadableRows::All | ReadableRows::None => assert_eq!(implied, searched, "{} of {}", kind.name, env.user),
    }
    found
}

/// The ids of the rows that an answer lets the user read.
fn list_implied_ids(data: &Data, kind: &'static Entity, found: &ReadableRows) -> BTreeSet<i64> {
    let ids = data.0[kind.name].keys().copied();
    match found {
        ReadableRows::All => ids.collect(),
        ReadableRows::None => BTreeSet::new(),
        ReadableRows::Rows { rows, .. } => {
            let covers = |list: &DecidingRows, id: i64| {
                let target = follow_relations(data, kind, id, &list.path);
                target.is_some_and(|target| list.ids.contains(u64::try_from(target).unwrap()))
            };
            ids.filter(|id| rows.iter().any(|list| covers(list, *id))).collect()
        }
    }
}

/// The row to which relations lead.
pub fn follow_relations(data: &Data, kind: &'static Entity, id: i64, path: &[&'static ToOne]) -> Option<i64> {
    let mut here = (kind.name, id);
    for one in path {
        match data.0[here.0][&here.1][one.name] {
            Value::Int(target) => here = (one.target, target),
            _ => return None,
        }
    }
    Some(here.1)
}

/// The groups in which a user is.
fn find_groups(data: &Data, user: &str) -> BTreeSet<i64> {
    let user = Value::Int(find_user_id(data, user));
    let mine = data.0["UserGroup"].values().filter(|row| row["user"] == user);
    mine.filter_map(|row| if let Value::Int(group) = row["grouping"] { Some(group) } else { None }).collect()
}

/// Lists with a mistake, if it can be made in them.
fn spoil_rows(
    mistake: usize,
    rows: &[DecidingRows],
    data: &Data,
    kind: &'static Entity,
    other: Option<&ReadableRows>,
) -> Option<ReadableRows> {
    let mut rows = rows.to_vec();
    match mistake {
        0 => drop((!rows.is_empty()).then(|| rows.remove(0))?),
        1 => {
            let list = rows.first_mut()?;
            let id = list.ids.min()?;
            list.ids.remove(id);
        }
        2 => {
            let list = rows.first_mut()?;
            let target = list.path.last().map_or(kind.name, |one| one.target);
            let missing = data.0[target].keys().find_map(|id| {
                let id = u64::try_from(*id).ok()?;
                (!list.ids.contains(id)).then_some(id)
            });
            list.ids.insert(missing?);
        }
        3 => drop(rows.iter_mut().find_map(|list| list.path.pop())?),
        _ => return other.cloned(),
    }
    Some(ReadableRows::Rows { rows, complete: true })
}
