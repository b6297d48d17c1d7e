//! `/icat/search/documents` and `/icat/facet/documents`: who finds what.

use serde_json::{Value, json};

use crate::facility::Facility;

impl Facility {
    /// Status and body.
    async fn get_documents(&self, path: &str, session: &str, parameters: &[(&str, String)]) -> (u16, Value) {
        let request = self.app.http.get(format!("{}/icat/{path}/documents", self.app.public));
        let response = request.query(&[("sessionId", session)]).query(parameters).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn search_documents(&self, session: &str, query: Value) -> Value {
        let parameters = [("query", query.to_string()), ("sort", r#"{"id":"asc"}"#.to_owned())];
        let (status, answer) = self.get_documents("search", session, &parameters).await;
        assert_eq!(status, 200, "{query}: {answer}");
        answer
    }

    /// The ids of the rows that a session finds, which `total` counts.
    async fn find_ids(&self, session: &str, query: Value) -> Vec<i64> {
        let answer = self.search_documents(session, query).await;
        let ids: Vec<i64> =
            answer["results"].as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()).collect();
        assert_eq!(answer["total"], ids.len(), "{answer}");
        ids
    }

    /// Keys of the investigations of the datafiles that a session finds.
    async fn find_investigations_of_files(&self, session: &str) -> Vec<&'static str> {
        let ids = self.find_ids(session, json!({"target": "Datafile", "text": "location:*.nxs"})).await;
        let mut names = Vec::new();
        for name in ["embargo", "other", "released"] {
            let files: Vec<i64> = (0..2)
                .flat_map(|d| (0..3).map(move |n| format!("{name}/d{d}/scan_{n}.nxs")))
                .map(|key| self.ids[&key])
                .collect();
            match files.iter().filter(|id| ids.contains(id)).count() {
                0 => {}
                6 => names.push(name),
                n => panic!("{n} of 6 files of {name}"),
            }
        }
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_finds_what_the_rules_let_them_read() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        for (user, expected) in [
            ("root", vec!["embargo", "other", "released"]),
            ("alice", vec!["embargo", "released"]),
            ("bob", vec!["other", "released"]),
            ("dan", vec!["released"]),
        ] {
            let session = facility.log_in(user).await;
            assert_eq!(facility.find_investigations_of_files(&session).await, expected, "{user}");
            let ids: Vec<i64> = expected.iter().map(|name| facility.ids[*name]).collect();
            let found = facility.find_ids(&session, json!({"target": "Investigation", "text": "lysozyme"})).await;
            assert_eq!(found, ids, "{user}");
            let found = facility.find_ids(&session, json!({"target": "Dataset", "text": "d1"})).await;
            assert_eq!(found.len(), expected.len(), "{user}");
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_count_from_the_next_request_on() {
    for mut facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let alice = facility.log_in("alice").await;
        let page = [
            ("query", json!({"target": "Datafile", "text": "location:*.nxs"}).to_string()),
            ("sort", r#"{"id":"asc"}"#.to_owned()),
            ("maxCount", "4".to_owned()),
        ];
        let (_, first) = facility.get_documents("search", &alice, &page).await;
        assert_eq!((first["results"].as_array().unwrap().len(), &first["total"]), (4, &json!(12)));
        facility.delete("membership", "InvestigationUser").await;
        // The next page, and a facet.
        let next = [("search_after", first["search_after"].to_string())];
        let (_, second) = facility.get_documents("search", &alice, &[page.to_vec(), next.to_vec()].concat()).await;
        assert_eq!(second["total"], 6, "{second}");
        let released: Vec<i64> = (0..2)
            .flat_map(|d| (0..3).map(move |n| format!("released/d{d}/scan_{n}.nxs")))
            .map(|key| facility.ids[&key])
            .collect();
        for hit in second["results"].as_array().unwrap() {
            assert!(released.contains(&hit["id"].as_i64().unwrap()), "{hit}");
        }
        assert_eq!(facility.find_investigations_of_files(&alice).await, ["released"]);
        // A new membership, and a release whose time comes.
        let member = json!({"investigation": {"id": facility.ids["other"]}, "user": {"id": facility.ids["user/alice"]}, "role": "x"});
        facility.create_row("second membership", "InvestigationUser", member).await;
        assert_eq!(facility.find_investigations_of_files(&alice).await, ["other", "released"]);
        let soon = json!({"id": facility.ids["embargo"], "releaseDate": "2026-01-12T09:30:00Z"});
        facility.write_entities(&json!([{"Investigation": soon}])).await;
        assert_eq!(facility.find_investigations_of_files(&alice).await, ["other", "released"]);
        facility.app.clock.advance_seconds(1801);
        assert_eq!(facility.find_investigations_of_files(&alice).await, ["embargo", "other", "released"]);
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_rows_that_a_caller_may_not_read_are_not_shown() {
    for mut facility in Facility::start_all().await {
        // Everybody may read datafiles, but only members their datasets and investigations.
        facility.create_row("rule/all files", "Rule", json!({"crudFlags": "R", "what": "Datafile"})).await;
        facility.wait_until_indexed().await;
        let dan = facility.log_in("dan").await;
        let answer = facility.search_documents(&dan, json!({"target": "Datafile", "text": "scan_1.nxs"})).await;
        assert_eq!(answer["total"], 6);
        let hits = answer["results"].as_array().unwrap();
        let is_shown = |hit: &&Value| hit["source"].get("investigation.name").is_some();
        assert_eq!(hits.iter().filter(is_shown).count(), 2, "those of the released investigation: {answer}");
        for hit in hits {
            let source = &hit["source"];
            assert_eq!(source.get("dataset.name").is_some(), is_shown(&hit), "{source}");
            assert_eq!(source.get("visitId").is_some(), is_shown(&hit), "{source}");
            assert_eq!(source["datafileFormat.name"], "NeXus", "the formats are public");
        }
        // Nor can their content be guessed by searching for it.
        for (text, found) in [
            ("investigation.name:embargo", 0),
            ("investigation.name:released", 6),
            ("dataset.name:d1", 3),
            ("visitId:1 AND name:scan_1.nxs", 2),
            ("datafileFormat.name:nexus", 18),
        ] {
            let answer = facility.search_documents(&dan, json!({"target": "Datafile", "text": text})).await;
            assert_eq!(answer["total"], found, "{text}");
        }
        let filter = json!({"target": "Datafile", "filter": {"investigationInstrument.instrument.name": ["BL08"]}});
        assert_eq!(facility.search_documents(&dan, filter).await["total"], 6, "who used an instrument is public");
        let dimensions = ["investigation.name", "dataset.name", "visitId", "datafileFormat.name"]
            .map(|name| json!({"dimension": name}));
        let facets = json!([{"target": "Datafile", "dimensions": dimensions}]);
        let query = json!({"target": "Datafile", "text": "scan_1.nxs", "facets": facets});
        let counted = facility.search_documents(&dan, query).await["dimensions"].clone();
        let expected = json!({"Datafile.datafileFormat.name": {"NeXus": 6}, "Datafile.dataset.name": {"d0": 1, "d1": 1},
            "Datafile.investigation.name": {"released": 2}, "Datafile.visitId": {"1": 2}});
        assert_eq!(counted, expected);
        let of_alice = json!({"target": "Datafile", "user": "simple/alice"});
        assert_eq!(facility.search_documents(&dan, of_alice).await["total"], 0, "whose member alice is, is not");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_what_a_caller_may_read() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let facets = json!([{"target": "Datafile", "dimensions": [{"dimension": "datafileFormat.name"}]},
            {"target": "InvestigationInstrument", "dimensions": [{"dimension": "instrument.name"}]}]);
        let all: Vec<i64> = facility.ids.iter().filter(|(key, _)| key.contains("/scan_")).map(|(_, id)| *id).collect();
        for (user, files, instruments) in [
            ("root", 18, json!({"BL07": 2, "BL08": 1})),
            ("alice", 12, json!({"BL07": 2})),
            ("dan", 6, json!({"BL07": 1})),
        ] {
            let session = facility.log_in(user).await;
            let query = json!({"target": "Datafile", "text": "location:*.nxs", "facets": facets});
            let answer = facility.search_documents(&session, query).await;
            assert_eq!(answer["dimensions"]["Datafile.datafileFormat.name"], json!({"NeXus": files}), "{user}");
            assert_eq!(answer["dimensions"]["InvestigationInstrument.instrument.name"], instruments, "{user}");

            // The ids of all files, as nobody but root would know them.
            let query = json!({"target": "Datafile", "facets": [facets[0]], "filter": {"datafile.id": all}});
            let (status, answer) = facility.get_documents("facet", &session, &[("query", query.to_string())]).await;
            let expected = json!({"dimensions": {"Datafile.datafileFormat.name": {"NeXus": files}}});
            assert_eq!((status, answer), (200, expected), "{user}");
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_answered_as_by_icat_server() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let session = facility.log_in("alice").await;
        let query = |text: &str| [("query", text.to_owned())];
        for (path, session, parameters, status, code, message) in [
            ("search", "", query("{}").to_vec(), 403, "SESSION", "credentials"),
            ("facet", "", query("{}").to_vec(), 403, "SESSION", "credentials"),
            ("search", "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10", query("{}").to_vec(), 403, "SESSION", ""),
            ("search", &session, Vec::new(), 400, "BAD_PARAMETER", "query is not set"),
            ("search", &session, query("x").to_vec(), 400, "BAD_PARAMETER", "query must be a JSON object"),
            ("search", &session, query("{}").to_vec(), 400, "BAD_PARAMETER", "Investigation, Dataset or Datafile"),
            (
                "search",
                &session,
                query(r#"{"target":"Datafile","text":"a AND"}"#).to_vec(),
                400,
                "BAD_PARAMETER",
                "Search term could not be parsed due to syntax errors",
            ),
            ("facet", &session, query(r#"{"target":"Datafile"}"#).to_vec(), 400, "BAD_PARAMETER", "needs facets"),
            (
                "facet",
                &session,
                query(r#"{"target":"Datafile","facets":[{"target":"Rule"}]}"#).to_vec(),
                400,
                "BAD_PARAMETER",
                "facets are not possible for Rule",
            ),
        ] {
            let (got, answer) = facility.get_documents(path, session, &parameters).await;
            assert_eq!((got, answer["code"].as_str().unwrap()), (status, code), "{path} {parameters:?}: {answer}");
            assert!(answer["message"].as_str().unwrap().contains(message), "{path} {parameters:?}: {answer}");
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restrict_finds_only_what_belongs_to_the_user() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let session = facility.log_in("alice").await;
        let parameters = [("query", json!({"target": "Datafile"}).to_string()), ("restrict", "true".to_owned())];
        let (_, answer) = facility.get_documents("search", &session, &parameters).await;
        assert_eq!(answer["total"], 6, "{answer}");
        facility.app.stop().await;
    }
}

/// A rule that can fail is not part of the lists of readable rows, so that rows are looked up with the session.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_follow_from_lists_is_looked_up() {
    for mut facility in Facility::start_all().await {
        let what = "SELECT f FROM Datafile f WHERE f.fileSize + 1 > 20 AND f.dataset.name = 'd0'";
        facility.create_row("rule/computed", "Rule", json!({"crudFlags": "R", "what": what})).await;
        facility.wait_until_indexed().await;
        let dan = facility.log_in("dan").await;
        // The released files, and the largest of each first dataset elsewhere.
        let mut expected: Vec<i64> =
            ["embargo/d0/scan_2.nxs", "other/d0/scan_2.nxs"].map(|key| facility.ids[key]).to_vec();
        expected.extend(
            (0..2)
                .flat_map(|d| (0..3).map(move |n| format!("released/d{d}/scan_{n}.nxs")))
                .map(|key| facility.ids[&key]),
        );
        expected.sort_unstable();
        for limit in ["100", "3", "1"] {
            let mut ids = Vec::new();
            let mut after = None;
            loop {
                let mut parameters = vec![
                    ("query", json!({"target": "Datafile", "text": "location:*.nxs"}).to_string()),
                    ("sort", r#"{"id":"asc"}"#.to_owned()),
                    ("maxCount", limit.to_owned()),
                ];
                parameters.extend(after.map(|after| ("search_after", after)));
                let (status, answer) = facility.get_documents("search", &dan, &parameters).await;
                assert_eq!(status, 200, "{answer}");
                ids.extend(answer["results"].as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()));
                let Some(next) = answer.get("search_after") else { break };
                assert_eq!(next["fields"][0], *ids.last().unwrap(), "a position is that of a row that dan may read");
                after = Some(next.to_string());
            }
            assert_eq!(ids, expected, "in pages of {limit}");
        }
        facility.app.stop().await;
    }
}
