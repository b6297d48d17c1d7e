//! A facility with everybody who can meet a logbook, and logbooks at every time of an investigation's life.

use std::collections::{BTreeMap, HashMap};

use reqwest::redirect::Policy;
use serde_json::{Value, json};
use service_kit::{Row, sha256_hex};

use super::facility::{Facility, OTHER, SETTINGS};
use super::requests::Answer;

/// A PNG of one pixel.
pub const IMAGE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// The service's clock stands at 2026-01-12T09:00:00Z, and goes on by an hour once everything is written.
const INVESTIGATIONS: [(&str, &str, &str, &str); 4] = [
    ("before", "2026-02-01T08:00:00Z", "2026-02-04T08:00:00Z", "2029-02-01T08:00:00Z"),
    ("during", "2026-01-10T08:00:00Z", "2026-01-14T08:00:00Z", "2029-01-10T08:00:00Z"),
    ("after", "2026-01-02T08:00:00Z", "2026-01-04T08:00:00Z", "2029-01-02T08:00:00Z"),
    ("released", "2025-12-01T08:00:00Z", "2025-12-04T08:00:00Z", "2026-01-12T09:30:00Z"),
];
const UNTIL_RELEASED_SECONDS: i64 = 3600;
/// Whose account is asked with; others are keys or have none.
const PEOPLE: [(&str, &str); 8] = [
    ("anonymous", "anon"),
    ("outsider", "dan"),
    ("elsewhere", "frank"),
    ("member", "bob"),
    ("principal", "alice"),
    ("group", "erin"),
    ("scientist", "carol"),
    ("administrator", "admin"),
];
/// Each key is called like its role; the one with none has none of the logbook, as a key without any is not accepted.
const KEYS: [(&str, &str, &[&str], &str); 9] = [
    ("key-none", "robot", &["doi:mint"], "2030-01-01T00:00:00Z"),
    ("key-write", "robot", &["logbook:write"], "2030-01-01T00:00:00Z"),
    ("key-logbook-read", "robot", &["logbook:read"], "2030-01-01T00:00:00Z"),
    ("key-read", "robot", &["read"], "2030-01-01T00:00:00Z"),
    ("key-reader", "robot", &["read", "logbook:read"], "2030-01-01T00:00:00Z"),
    ("key-writer", "robot", &["logbook:read", "logbook:write"], "2030-01-01T00:00:00Z"),
    ("key-all", "robot", &["read", "logbook:read", "logbook:write"], "2030-01-01T00:00:00Z"),
    ("key-stranger", "dashboard", &["read", "logbook:read", "logbook:write"], "2030-01-01T00:00:00Z"),
    ("key-expired", "robot", &["read", "logbook:read", "logbook:write"], "2026-01-12T09:30:00Z"),
];
/// Each has an entry and a tag of its own in every logbook to change.
const WRITERS: [&str; 8] =
    ["member", "principal", "group", "scientist", "administrator", "key-write", "key-writer", "key-all"];
/// The others share one, which none of them may change.
const OTHERS: &str = "others";
/// Nobody's session.
const UNKNOWN: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";

/// A logbook.
pub struct Place {
    pub name: &'static str,
    pub investigation: Option<i64>,
    /// How queries name it.
    pub selector: String,
    /// Another investigation in the same state, from and to which entries are moved.
    pub spare: i64,
    /// An attachment in it.
    pub file: String,
    /// An image within the HTML of an entry.
    pub picture: String,
}

pub struct Institute {
    pub f: Facility,
    pub places: Vec<Place>,
    /// Where moved entries come from and go to.
    pub home: i64,
    pub credentials: BTreeMap<String, String>,
    /// By owner and place.
    pub entries: HashMap<(String, &'static str), String>,
    pub tags: HashMap<(String, &'static str), String>,
    pub http: reqwest::Client,
}

/// Everybody.
pub fn list_roles() -> Vec<&'static str> {
    let people = PEOPLE.iter().map(|(role, _)| *role);
    people.chain(KEYS.iter().map(|(role, ..)| *role)).chain(["nobody"]).collect()
}

impl Institute {
    /// One on each engine.
    pub async fn start_all() -> Vec<Self> {
        let keys = KEYS.map(|(name, user, scopes, expires)| {
            format!(
                "[[identity.api_keys]]\nname = \"{name}\"\nsha256 = \"{}\"\nuser = \"simple/{user}\"\nscopes = {scopes:?}\nexpires = \"{expires}\"\n",
                sha256_hex(name)
            )
        });
        let settings = format!(
            "{SETTINGS}{}\n[logbook]\nh5_viewer = \"http://viewer.test/\"\nassignment_timeout = \"30s\"\n",
            keys.concat()
        );
        let mut all = Vec::new();
        for f in Facility::all_with(&settings).await {
            all.push(Self::build(f).await);
        }
        all
    }

    async fn build(f: Facility) -> Self {
        let users = ["erin", "frank", "robot", "dashboard"]
            .map(|name| json!({"User": {"name": format!("simple/{name}"), "fullName": format!("{name} Example")}}));
        let [erin, frank, robot, _] = f.create_entities(&json!(users)).await.try_into().unwrap();
        let group = f.create_entities(&json!([{"Grouping": {"name": "group"}}])).await[0];
        f.create_entities(&json!([{"UserGroup": {"user": {"id": erin}, "grouping": {"id": group}}}])).await;
        f.create_entities(&json!([{"InstrumentScientist": {"user": {"id": frank}, "instrument": {"id": 10}}},
            {"InstrumentScientist": {"user": {"id": robot}, "instrument": {"id": 9}}}]))
            .await;
        f.create_entities(&json!(build_rules())).await;
        let kind = f.create_entities(&json!([{"DatasetType": {"name": "raw", "facility": {"id": 7}}}])).await[0];
        let (mut ids, mut spares) = (Vec::new(), Vec::new());
        for (name, start, end, release) in INVESTIGATIONS {
            for (proposal, ids) in [(format!("P-{name}"), &mut ids), (format!("S-{name}"), &mut spares)] {
                let id = f.create_entities(&json!([{"Investigation": {"name": proposal, "visitId": "1", "title": "t", "facility": {"id": 7},
                    "type": {"id": 8}, "startDate": start, "endDate": end, "releaseDate": release}}])).await[0];
                ids.push(id);
            }
            let id = ids[ids.len() - 1];
            let mut rows = vec![
                json!({"InvestigationInstrument": {"investigation": {"id": id}, "instrument": {"id": 9}}}),
                json!({"InvestigationGroup": {"investigation": {"id": id}, "grouping": {"id": group}, "role": "r"}}),
            ];
            rows.extend([(2, "Principal Investigator"), (3, "Investigator"), (robot, "Investigator")].map(|(user, role)| {
                json!({"InvestigationUser": {"investigation": {"id": id}, "user": {"id": user}, "role": role}})
            }));
            f.create_entities(&json!(rows)).await;
            let dataset = f
                .create_entities(
                    &json!([{"Dataset": {"name": "d", "investigation": {"id": id}, "type": {"id": kind}}}]),
                )
                .await[0];
            let location = format!("/data/{name}.h5");
            f.create_entities(
                &json!([{"Datafile": {"name": "x.h5", "location": location, "dataset": {"id": dataset}}}]),
            )
            .await;
        }
        let investigation = |(n, (name, ..)): (usize, &(&'static str, &str, &str, &str))| Place {
            name,
            investigation: Some(ids[n]),
            selector: format!("investigationId={}", ids[n]),
            spare: spares[n],
            file: String::new(),
            picture: String::new(),
        };
        let mut places: Vec<Place> = INVESTIGATIONS.iter().enumerate().map(investigation).collect();
        for (name, selector) in [("instrument", "instrumentName=BL07&filterInvestigation=true"), ("facility", "")] {
            let selector = selector.to_owned();
            places.push(Place {
                name,
                investigation: None,
                selector,
                spare: 0,
                file: String::new(),
                picture: String::new(),
            });
        }
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        let (home, credentials) = (OTHER, BTreeMap::new());
        let (entries, tags) = (HashMap::new(), HashMap::new());
        let mut institute = Self { f, places, home, credentials, entries, tags, http };
        institute.write_entries(&spares).await;
        institute.f.app.clock.advance_seconds(UNTIL_RELEASED_SECONDS);
        institute.log_in().await;
        institute
    }

    /// What the roles find, while everything is open.
    async fn write_entries(&mut self, spares: &[i64]) {
        let admin = self.f.log_in("admin").await;
        let mut places = std::mem::take(&mut self.places);
        for place in &mut places {
            let selector = &place.selector;
            let photo = json!({"base64": IMAGE});
            let path = format!("/logbook/{admin}/event/createfrombase64?{selector}");
            place.file = file_id(&self.f.expect_success("POST", &path, Some(&photo)).await);
            let path = format!("/logbook/{admin}/event?{selector}");
            let mut html = build_entry(place, "with a picture");
            html["content"] = json!([{"format": "html", "text": format!("<p>x</p><img src=\"{IMAGE}\">")}]);
            place.picture = file_id(&self.f.expect_success("POST", &path, Some(&html)).await);
            for role in WRITERS.iter().chain([&OTHERS]) {
                let path = format!("/logbook/{admin}/event?{selector}");
                let made = self.f.expect_success("POST", &path, Some(&build_entry(place, &entry_title(role)))).await;
                self.entries.insert(((*role).to_owned(), place.name), entry_id(&made));
                let path = format!("/logbook/{admin}/tag?{selector}");
                let made = self.f.expect_success("POST", &path, Some(&json!({"name": format!("of {role}")}))).await;
                self.tags.insert(((*role).to_owned(), place.name), entry_id(&made));
            }
        }
        for spare in spares {
            let path = format!("/logbook/{admin}/event?investigationId={spare}");
            self.f.expect_success("POST", &path, Some(&json!({"type": "annotation", "category": "comment"}))).await;
        }
        self.places = places;
    }

    async fn log_in(&mut self) {
        for role in list_roles() {
            let person = PEOPLE.iter().find(|(name, _)| *name == role);
            let credential = match person {
                Some((_, account)) => self.f.log_in(account).await,
                None if role.starts_with("key-") => {
                    assert!(KEYS.iter().any(|(name, ..)| *name == role), "{role}");
                    role.to_owned()
                }
                None => UNKNOWN.to_owned(),
            };
            self.credentials.insert(role.to_owned(), credential);
        }
    }

    pub fn entry_of(&self, role: &str, place: &Place) -> String {
        self.entries[&(find_owner(role).to_owned(), place.name)].clone()
    }

    /// Whether a new entry is where it should be.
    pub async fn is_stored_in(&self, place: &Place, late: bool, answer: &Answer) -> bool {
        let found: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        let sql = "SELECT b.name, e.late FROM entry e JOIN book b ON b.id = e.book_id WHERE e.id = $1";
        let mut tx = self.f.app.db("logbook").read().await.unwrap();
        let row: Row = tx.fetch_one(sql, &[entry_id(&found).into()]).await.unwrap();
        let book = match (late, place.investigation, place.name) {
            (false, Some(id), _) => format!("investigation/{id}"),
            (false, None, "facility") => "facility".to_owned(),
            _ => "instrument/bl07".to_owned(),
        };
        let investigation = place.investigation.filter(|_| !late);
        row.get::<String>("name").unwrap() == book
            && (row.get::<i64>("late").unwrap() != 0) == late
            && found["investigationId"] == json!(investigation)
    }
}

/// Whose entry a role meets.
pub fn find_owner(role: &str) -> &str {
    if WRITERS.contains(&role) { role } else { OTHERS }
}

/// What search finds of a role's entry; no title is a part of another.
pub fn entry_title(role: &str) -> String {
    format!("for {role}.")
}

pub fn build_entry(place: &Place, title: &str) -> Value {
    let instrument = (place.name == "instrument").then_some("BL07");
    json!({"type": "annotation", "category": "comment", "title": title, "content": [], "instrumentName": instrument})
}

fn file_id(made: &Value) -> String {
    made["file"][0].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

fn entry_id(made: &Value) -> String {
    made["_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// Groups read investigations too, and files are read by whoever reads their investigation.
fn build_rules() -> Vec<Value> {
    let ways = [
        "i.investigationUsers iu JOIN iu.user u WHERE u.name = :user",
        "i.investigationInstruments ii JOIN ii.instrument.instrumentScientists s JOIN s.user u WHERE u.name = :user",
        "i.investigationGroups ig JOIN ig.grouping g JOIN g.userGroups ug JOIN ug.user u WHERE u.name = :user",
    ];
    let mut all: Vec<String> = vec![
        format!("SELECT i FROM Investigation i JOIN {}", ways[2]),
        "SELECT f FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP".to_owned(),
        "Dataset".to_owned(),
    ];
    all.extend(
        ways.map(|way| format!("SELECT f FROM Datafile f JOIN f.dataset ds JOIN ds.investigation i JOIN {way}")),
    );
    all.into_iter().map(|what| json!({"Rule": {"crudFlags": "R", "what": what}})).collect()
}
