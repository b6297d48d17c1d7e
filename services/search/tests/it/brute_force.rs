//! Random catalogues, rules and searches: hits, their order, totals and facets are what is computed one by one from the rows that
//! the catalogue itself lets the user read.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use testkit::number_from_environment;

use crate::facility::Facility;

/// Unless `TESTKIT_CASES` says otherwise; on each engine.
const SEARCHES: usize = 400;
/// Changes of rules or members, with searches between them.
const CHANGES: usize = 10;
const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "scan", "dark", "flat"];
const USERS: [&str; 4] = ["root", "alice", "bob", "dan"];
/// Rules about datafiles that the facility does not have; some cannot be answered by lists of investigations.
const RULES: [&str; 6] = [
    "SELECT f FROM Datafile f WHERE f.dataset.type.name = 'raw' AND f.dataset.investigation.name = 'other'",
    "SELECT f FROM Datafile f JOIN f.dataset d JOIN d.investigation i JOIN i.investigationUsers iu WHERE iu.role = 'PI'",
    "SELECT f FROM Datafile f WHERE f.name LIKE 'alpha%'",
    "SELECT f FROM Datafile f WHERE f.fileSize > 50",
    "SELECT f FROM Datafile f WHERE f.dataset.id IN (SELECT d.id FROM Dataset d WHERE d.name = 'd1')",
    "SELECT f FROM Datafile f WHERE f.datafileFormat.name = 'TIFF'",
];

/// A datafile as the test knows it.
#[derive(Debug, Clone)]
struct File {
    id: i64,
    name: String,
    directory: String,
    size: i64,
    /// Days after 2024-01-01.
    day: i64,
    format: Option<&'static str>,
    investigation: &'static str,
}

struct Case {
    facility: Facility,
    files: Vec<File>,
    sessions: BTreeMap<&'static str, String>,
    rng: StdRng,
}

type SortKey = fn(&File) -> (i64, String);

/// A search and which files it finds, without rights.
struct Search {
    body: Value,
    found: Vec<File>,
}

impl Case {
    async fn create_files(&mut self) {
        let format = json!({"name": "TIFF", "version": "1", "facility": {"id": self.facility.ids["facility"]}});
        self.facility.create_row("tiff", "DatafileFormat", format).await;
        let count = self.rng.random_range(40..80);
        for number in 0..count {
            let investigation = *["embargo", "other", "released"].choose(&mut self.rng).unwrap();
            let dataset = format!("{investigation}/d{}", self.rng.random_range(0..2));
            let words: Vec<&str> =
                (0..self.rng.random_range(1..4)).map(|_| *WORDS.choose(&mut self.rng).unwrap()).collect();
            let name = format!("{} {number:03}.{}", words.join(" "), ["nxs", "h5"].choose(&mut self.rng).unwrap());
            let directory = format!("/x/{}/{}", self.rng.random_range(0..3), self.rng.random_range(0..2));
            let (size, day) = (self.rng.random_range(0..100), self.rng.random_range(0..20));
            let format = *[None, Some("NeXus"), Some("TIFF")].choose(&mut self.rng).unwrap();
            let mut row = json!({"name": name, "location": format!("{directory}/{name}"), "fileSize": size,
                "datafileModTime": format!("2024-01-{:02}T12:00:00Z", day + 1), "dataset": {"id": self.facility.ids[&dataset]}});
            if let Some(format) = format {
                let key = if format == "TIFF" { "tiff" } else { "format" };
                row["datafileFormat"] = json!({"id": self.facility.ids[key]});
            }
            let id = self.facility.create_row(&format!("file {number}"), "Datafile", row).await;
            self.files.push(File { id, name, directory, size, day, format, investigation });
        }
    }

    fn choose_search(&mut self) -> Search {
        let mut body = json!({"path": "/x/**", "limit": 1000});
        let mut found = self.files.clone();
        if self.rng.random_bool(0.5) {
            let (one, other) = (*WORDS.choose(&mut self.rng).unwrap(), *WORDS.choose(&mut self.rng).unwrap());
            let has = |file: &File, word: &str| file.name.split([' ', '.']).any(|part| part == word);
            match self.rng.random_range(0..4) {
                0 => {
                    body["text"] = json!(format!("name:{one}"));
                    found.retain(|file| has(file, one));
                }
                1 => {
                    body["text"] = json!(format!("name:{one} AND name:{other}"));
                    found.retain(|file| has(file, one) && has(file, other));
                }
                2 => {
                    body["text"] = json!(format!("name:{one} NOT name:{other}"));
                    found.retain(|file| has(file, one) && !has(file, other));
                }
                _ => {
                    body["text"] = json!(format!("name:\"{one} {other}\""));
                    found.retain(|file| {
                        file.name.split([' ', '.']).collect::<Vec<_>>().windows(2).any(|two| two == [one, other])
                    });
                }
            }
        }
        let kind_of_path = self.rng.random_range(0..3);
        if kind_of_path == 0 {
            let directory = format!("/x/{}", self.rng.random_range(0..3));
            found.retain(|file| file.directory.starts_with(&directory));
            body["path"] = json!(directory);
        } else if kind_of_path == 1 {
            let (word, extension) =
                (*WORDS.choose(&mut self.rng).unwrap(), *["nxs", "h5"].choose(&mut self.rng).unwrap());
            found.retain(|file| file.name.starts_with(word) && file.name.ends_with(&format!(".{extension}")));
            body["path"] = json!(format!("/x/**/{word}*.{extension}"));
        }
        if self.rng.random_bool(0.3) {
            let from = self.rng.random_range(0..20);
            let until = self.rng.random_range(from..20);
            body["from"] = json!(format!("2024-01-{:02}", from + 1));
            body["until"] = json!(format!("2024-01-{:02}", until + 1));
            found.retain(|file| (from..=until).contains(&file.day));
        }
        if self.rng.random_bool(0.3) {
            let format = *["NeXus", "TIFF"].choose(&mut self.rng).unwrap();
            body["values"] = json!({"datafileFormat.name": [format]});
            found.retain(|file| file.format == Some(format));
        }
        let (sort, key): (&str, SortKey) = *[
            ("newest", (|file: &File| (-file.day, String::new())) as SortKey),
            ("oldest", |file| (file.day, String::new())),
            ("largest", |file| (-file.size, String::new())),
            ("name", |file| (0, file.name.clone())),
        ]
        .choose(&mut self.rng)
        .unwrap();
        body["sort"] = json!(sort);
        body["facets"] = json!([{"field": "datafileFormat.name"}, {"field": "investigation.name"}]);
        found.sort_by_key(|file| (key(file), file.id));
        Search { body, found }
    }

    async fn check_search(&mut self) -> usize {
        let Search { body, found } = self.choose_search();
        let user = *USERS.choose(&mut self.rng).unwrap();
        let readable = self.list_readable("Datafile", user).await;
        let investigations = self.list_readable("Investigation", user).await;
        let expected: Vec<&File> = found.iter().filter(|file| readable.contains(&file.id)).collect();
        // In pages of any size.
        let mut page = body.clone();
        let limit = self.rng.random_range(1..30);
        page["limit"] = json!(limit);
        let mut ids = Vec::new();
        loop {
            let (status, answer) = self.facility.post_search("datafiles", &self.sessions[user], &page).await;
            assert_eq!(status, 200, "{page}: {answer}");
            let is_exact = answer["isTotalLowerBound"] == false;
            let context = format!("{user} {page}");
            if ids.is_empty() && is_exact {
                assert_eq!(answer["total"], expected.len(), "{context}");
                let mut formats: BTreeMap<&str, u64> = BTreeMap::new();
                let mut names: BTreeMap<&str, u64> = BTreeMap::new();
                for file in &expected {
                    *formats.entry(file.format.unwrap_or_default()).or_default() += 1;
                    // The names of investigations that the user may not read do not count.
                    if investigations.contains(&self.facility.ids[file.investigation]) {
                        *names.entry(file.investigation).or_default() += 1;
                    }
                }
                formats.remove("");
                assert_eq!(read_facet(&answer["facets"][0]), formats, "{context}: {answer}");
                assert_eq!(read_facet(&answer["facets"][1]), names, "{context}: {answer}");
            }
            ids.extend(answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()));
            let Some(cursor) = answer["cursor"].as_str() else { break };
            page["cursor"] = json!(cursor);
        }
        assert_eq!(ids, expected.iter().map(|file| file.id).collect::<Vec<_>>(), "{user} {body}");
        ids.len()
    }

    /// What the catalogue lets a user read.
    async fn list_readable(&self, entity: &str, user: &str) -> BTreeSet<i64> {
        let query = format!("SELECT o.id FROM {entity} o");
        let parameters = [("sessionId", self.sessions[user].as_str()), ("query", &query)];
        let url = format!("{}/icat/entityManager", self.facility.app.public);
        let ids: Vec<i64> =
            self.facility.app.http.get(url).query(&parameters).send().await.unwrap().json().await.unwrap();
        ids.into_iter().collect()
    }

    /// Adds or removes a rule or a member.
    async fn change_rights(&mut self, number: usize) {
        match self.rng.random_range(0..3) {
            0 => {
                let rule = json!({"crudFlags": "R", "what": RULES.choose(&mut self.rng).unwrap()});
                self.facility.create_row(&format!("rule {number}"), "Rule", rule).await;
            }
            1 => {
                let investigation = *["embargo", "other", "released"].choose(&mut self.rng).unwrap();
                let user = *["alice", "bob", "dan"].choose(&mut self.rng).unwrap();
                let row = json!({"investigation": {"id": self.facility.ids[investigation]},
                    "user": {"id": self.facility.ids[&format!("user/{user}")]}, "role": format!("role {number}")});
                self.facility.create_row(&format!("member {number}"), "InvestigationUser", row).await;
            }
            _ => {
                let mut keys: Vec<String> = self
                    .facility
                    .ids
                    .keys()
                    .filter(|key| key.starts_with("rule ") || key.starts_with("member "))
                    .cloned()
                    .collect();
                keys.sort();
                keys.shuffle(&mut self.rng);
                let Some(key) = keys.pop() else { return };
                let entity = if key.starts_with("rule ") { "Rule" } else { "InvestigationUser" };
                self.facility.delete(&key, entity).await;
                self.facility.ids.remove(&key);
            }
        }
    }
}

fn read_facet(facet: &Value) -> BTreeMap<&str, u64> {
    let values = facet["values"].as_array().unwrap();
    values.iter().map(|value| (value["value"].as_str().unwrap(), value["count"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_find_what_is_computed_one_by_one() {
    let seed = number_from_environment("TESTKIT_SEED").unwrap_or_else(|| rand::rng().next_u64());
    let searches =
        number_from_environment("TESTKIT_CASES").map_or(SEARCHES, |cases| usize::try_from(cases / 25).unwrap());
    println!("seed {seed}");
    for facility in Facility::start_all().await {
        let mut case =
            Case { facility, files: Vec::new(), sessions: BTreeMap::new(), rng: StdRng::seed_from_u64(seed) };
        for user in USERS {
            case.sessions.insert(user, case.facility.log_in(user).await);
        }
        Box::pin(case.create_files()).await;
        case.facility.wait_until_indexed().await;
        let mut found = 0;
        for change in 0..CHANGES {
            for _ in 0..searches / CHANGES {
                found += Box::pin(case.check_search()).await;
            }
            Box::pin(case.change_rights(change)).await;
        }
        println!("{searches} searches found {found} rows");
        assert!(found > searches, "most searches find something");
        case.facility.app.stop().await;
    }
}
