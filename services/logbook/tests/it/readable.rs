//! A search across logbooks finds exactly the logbooks that the same caller may read one by one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use testkit::wait_until;

use super::facility::{EMBARGO, Facility, OTHER, RELEASED, SETTINGS};

/// More investigations than those of the facility.
const INVESTIGATIONS: usize = 24;
/// Ids of users: alice, bob, carol, dan.
const USERS: [i64; 4] = [2, 3, 4, 5];

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn one_in(&mut self, sides: u64) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).is_multiple_of(sides)
    }
}

/// Adds investigations with random members, groups, instruments and release dates, and returns all of them by whether they
/// are released.
async fn add_investigations(f: &Facility, dice: &mut Dice) -> BTreeMap<i64, bool> {
    let dashboard = f.create_entities(&json!([{"User": {"name": "simple/dashboard"}}])).await[0];
    let groups = f.create_entities(&json!([{"Grouping": {"name": "one"}}, {"Grouping": {"name": "two"}}])).await;
    for (user, group) in [(dashboard, groups[0]), (2, groups[1]), (dashboard, groups[1])] {
        f.create_entities(&json!([{"UserGroup": {"user": {"id": user}, "grouping": {"id": group}}}])).await;
    }
    // Rules that do not follow from roles: BL08's proposals of the first kind for everybody, and one only for dan.
    for what in [
        "SELECT i FROM Investigation i WHERE i.name LIKE 'ZY-%3'",
        "SELECT i FROM Investigation i, User u WHERE i.name = 'ZY-4' AND u.name = :user AND u.name = 'simple/dan'",
    ] {
        f.create_entities(&json!([{"Rule": {"crudFlags": "R", "what": what}}])).await;
    }
    let mut all = BTreeMap::from([(EMBARGO, false), (OTHER, false), (RELEASED, true)]);
    for n in 0..INVESTIGATIONS {
        let investigation = json!({"name": format!("ZY-{n}"), "visitId": "1", "title": "t", "facility": {"id": 7},
            "type": {"id": 8}, "startDate": "2026-01-10T08:00:00Z", "releaseDate": "2029-01-10T08:00:00Z"});
        let id = f.create_entities(&json!([{ "Investigation": investigation }])).await[0];
        let mut parts = Vec::new();
        for user in USERS.into_iter().chain([dashboard]) {
            if dice.one_in(6) {
                parts.push(
                    json!({"InvestigationUser": {"investigation": {"id": id}, "user": {"id": user}, "role": "Member"}}),
                );
            }
        }
        for instrument in [9, 10] {
            if dice.one_in(4) {
                parts.push(
                    json!({"InvestigationInstrument": {"investigation": {"id": id}, "instrument": {"id": instrument}}}),
                );
            }
        }
        for group in &groups {
            if dice.one_in(6) {
                parts.push(json!({"InvestigationGroup": {"investigation": {"id": id}, "grouping": {"id": group}, "role": "Member"}}));
            }
        }
        if !parts.is_empty() {
            f.create_entities(&json!(parts)).await;
        }
        all.insert(id, dice.one_in(5));
    }
    all
}

/// Query strings of all logbooks, by their names.
fn logbooks(investigations: &BTreeMap<i64, bool>) -> BTreeMap<String, String> {
    let own = investigations.keys().map(|id| (format!("investigation/{id}"), format!("investigationId={id}")));
    let instruments = ["bl07", "bl08"].map(|name| (format!("instrument/{name}"), format!("instrumentName={name}")));
    own.chain(instruments).chain([("facility".to_owned(), String::new())]).collect()
}

/// The names of the logbooks in which a search finds something, page by page.
async fn search_all(f: &Facility, credential: &str) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::new(), String::new());
    loop {
        let answer =
            f.expect_success("GET", &format!("/logbook/{credential}/search?search=beam&limit=7{next}"), None).await;
        assert_eq!(answer["complete"], true);
        found.extend(answer["hits"].as_array().unwrap().iter().map(|hit| hit["book"].as_str().unwrap().to_owned()));
        match answer["next"].as_str() {
            Some(before) => next = format!("&before={before}"),
            None => return found,
        }
    }
}

async fn compare_with_single_logbooks(f: &Facility, credential: &str, logbooks: &BTreeMap<String, String>) -> usize {
    let mut expected = BTreeSet::new();
    for (name, query) in logbooks {
        match f.send_json("GET", &format!("/logbook/{credential}/event?{query}"), None).await {
            (200, _) => drop(expected.insert(name.clone())),
            (status, text) => assert_eq!(status, 403, "{credential} {name}: {text}"),
        }
    }
    assert_eq!(search_all(f, credential).await, expected, "{credential}");
    expected.len()
}

async fn compare_all(settings: &str, keys: &[&str]) {
    for (engine, f) in ["SQLite", "PostgreSQL"].into_iter().zip(Box::pin(Facility::all_with(settings)).await) {
        let investigations = add_investigations(&f, &mut Dice(14)).await;
        let admin = f.log_in("admin").await;
        let logbooks = logbooks(&investigations);
        f.set_release(RELEASED, "2029-01-10T08:00:00Z").await;
        f.app.drain().await;
        for (name, query) in &logbooks {
            let (kind, category, path) = match name.split('/').next() {
                Some("investigation") => ("annotation", "comment", format!("/logbook/{admin}/event?{query}")),
                Some("instrument") => {
                    ("notification", "info", format!("/dataacquisition/program/notification?{query}"))
                }
                _ => ("broadcast", "comment", format!("/logbook/{admin}/event")),
            };
            let entry =
                json!({"type": kind, "category": category, "content": [{"format": "plainText", "text": "beam"}]});
            f.expect_success("POST", &path, Some(&entry)).await;
        }
        for (id, _) in investigations.iter().filter(|(_, released)| **released) {
            f.set_release(*id, "2025-01-10T08:00:00Z").await;
        }
        f.app.clock.advance_seconds(60);
        let mut sizes = Vec::new();
        for name in ["alice", "bob", "carol", "dan", "admin"] {
            let session = f.log_in(name).await;
            sizes.push(compare_with_single_logbooks(&f, &session, &logbooks).await);
        }
        for key in keys {
            sizes.push(compare_with_single_logbooks(&f, key, &logbooks).await);
        }
        println!("{engine}: {sizes:?} of {} logbooks", logbooks.len());
        let different: BTreeSet<_> = sizes.iter().collect();
        assert!(different.len() > 3, "the users differ");
        f.app.stop().await;
    }
}

#[tokio::test]
async fn with_a_reader_account() {
    compare_all(SETTINGS, &["reader"]).await;
}

#[tokio::test]
async fn without_a_reader_account_for_who_has_a_session() {
    let settings = SETTINGS.replace("reader = \"simple:root:x\"\n", "");
    assert_ne!(settings, SETTINGS);
    compare_all(&settings, &[]).await;
}

#[tokio::test]
async fn a_search_no_longer_finds_what_may_not_be_read_any_more() {
    for f in Facility::start_all().await {
        let bob = f.log_in("bob").await;
        let entry = json!({"type": "annotation", "category": "comment",
            "content": [{"format": "plainText", "text": "beam"}]});
        f.expect_success("POST", &format!("/logbook/{bob}/event?investigationId={EMBARGO}"), Some(&entry)).await;
        let embargo = format!("investigation/{EMBARGO}");
        assert_eq!(search_all(&f, &bob).await, BTreeSet::from([embargo.clone()]));
        f.delete_entities("InvestigationUser", "o.user.name = 'simple/bob'").await;
        wait_until("the search is without it, with a clock that stands still", async || {
            search_all(&f, &bob).await.is_empty().then_some(())
        })
        .await;
        f.create_entities(
            &json!([{"InvestigationUser": {"investigation": {"id": EMBARGO}, "user": {"id": 3}, "role": "Member"}}]),
        )
        .await;
        wait_until("and with it again", async || (!search_all(&f, &bob).await.is_empty()).then_some(())).await;
        f.app.stop().await;
    }
}
