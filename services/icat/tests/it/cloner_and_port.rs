//! The cloner, export and import by `/port`, the schema, and the calls of icat.server clusters.

use std::collections::HashSet;

use serde_json::json;

use crate::rest_client::Client;

async fn create_facility(c: &Client) {
    c.create_entities(
        r#"[{"Facility":{"name":"SRC"}},{"Grouping":{"name":"bl-id29"}},{"Grouping":{"name":"bl-\"30\"\n\\"}}]"#,
    )
    .await;
    c.create_entities(
        r#"[{"InvestigationType":{"name":"MX","facility":{"id":1}}},{"DatasetType":{"name":"raw","facility":{"id":1}}},
            {"SampleType":{"name":"crystal","facility":{"id":1},"molecularFormula":"H2O"}},
            {"ParameterType":{"name":"energy","units":"keV","facility":{"id":1},"valueType":"NUMERIC","applicableToDataset":true}}]"#,
    )
    .await;
    let investigation = json!({"Investigation": {"name": "MX-2417", "visitId": "1", "title": "t", "facility": {"id": 1},
        "type": {"id": 4}, "startDate": "2026-01-12T08:00:00.000Z", "keywords": [{"name": "k"}],
        "samples": [{"name": "s", "type": {"id": 6}}]}});
    assert_eq!(c.create_entities(&investigation.to_string()).await, [8]);
    let dataset = json!({"Dataset": {"name": "scan", "type": {"id": 5}, "investigation": {"id": 8}, "sample": {"id": 10},
        "datafiles": [{"name": "a", "fileSize": 5}, {"name": "b"}], "parameters": [{"type": {"id": 7}, "numericValue": 12.5}]}});
    c.create_entities(&dataset.to_string()).await;
    c.create_entities(r#"[{"DataCollection":{"doi":"10.1/x","dataCollectionDatasets":[{"dataset":{"id":11}}]}},{"Study":{"name":"st"}}]"#)
        .await;
}

#[tokio::test]
async fn an_investigation_is_copied_with_all_that_belongs_to_it() {
    for c in Client::start_on_each_engine("").await {
        create_facility(&c).await;
        let clone = async |session: &str, name: &str, id: &str, keys: &str| {
            c.post_form("/icat/cloner", &[("sessionId", session), ("name", name), ("id", id), ("keys", keys)]).await
        };
        let root = c.session.as_str();
        let taken = r#"{"code":"OBJECT_ALREADY_EXISTS","message":"Investigation exists with facility = 'Facility:1', name = 'MX-2417', visitId = '1'"}"#;
        assert_eq!(clone(root, "Investigation", "8", "{}").await, (412, taken.to_owned()));
        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Investigation:0"}"#;
        assert_eq!(clone(root, "Investigation", "0", "{}").await, (404, missing.to_owned()));
        for keys in ["[]", "{", r#"{"facility":"x"}"#, r#"{"title":"x"}"#, r#"{"name":1}"#] {
            assert_eq!(clone(root, "Investigation", "8", keys).await.0, 400, "{keys}");
        }
        let (status, body) = clone(root, "Investigation", "8", r#"{"visitId":"2"}"#).await;
        assert_eq!(status, 200, "{body}");
        let copy = serde_json::from_str::<serde_json::Value>(&body).unwrap()["id"].as_i64().unwrap();
        let of = |query: &str| query.replace("{}", &copy.to_string());
        assert_eq!(
            c.search_rows(root, &of("SELECT i.name, i.visitId, i.type.id FROM Investigation i WHERE i.id = {}")).await,
            json!([["MX-2417", "2", 4]])
        );
        assert_eq!(
            c.search_rows(
                root,
                &of("SELECT f.name, f.fileSize FROM Datafile f WHERE f.dataset.investigation.id = {} ORDER BY f.name")
            )
            .await,
            json!([["a", 5], ["b", null]])
        );
        let own_sample = of("SELECT d.sample.investigation.id FROM Dataset d WHERE d.investigation.id = {}");
        assert_eq!(
            c.search_rows(root, &own_sample).await,
            json!([copy]),
            "a relation within the tree leads to the copy"
        );
        let collections = "SELECT COUNT(d) FROM DataCollectionDataset d WHERE d.dataCollection.doi = '10.1/x'";
        assert_eq!(c.search_rows(root, collections).await, json!([2]), "a relation out of it is kept");
        let parameters = of("SELECT p.numericValue FROM DatasetParameter p WHERE p.dataset.investigation.id = {}");
        assert_eq!(c.search_rows(root, &parameters).await, json!([12.5]));

        let ada = Client::log_in(&c.app, "db").await;
        let denied = r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"READ access to this Facility is not allowed."}"#;
        assert_eq!(clone(&ada, "Facility", "1", r#"{"name":"n"}"#).await, (403, denied.to_owned()));
        let before = c.search_rows(root, "SELECT COUNT(i) FROM Investigation i").await;
        c.create_entities(
            r#"[{"Rule":{"crudFlags":"R","what":"Investigation"}},{"Rule":{"crudFlags":"C","what":"Investigation"}}]"#,
        )
        .await;
        let denied = r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"READ access to this Keyword is not allowed."}"#;
        let (status, body) = clone(&ada, "Investigation", "8", r#"{"visitId":"3"}"#).await;
        assert!(status == 403 && body.starts_with(&denied[..50]), "{body}");
        assert_eq!(c.search_rows(root, "SELECT COUNT(i) FROM Investigation i").await, before);
        c.app.stop().await;
    }
}

pub async fn export_dump(c: &Client, json: &serde_json::Value) -> (u16, String) {
    let url = format!("{}/icat/port", c.app.public);
    let answer = c.app.http.get(url).query(&[("json", json.to_string())]).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub async fn import_dump(c: &Client, json: &serde_json::Value, dump: &str) -> (u16, String) {
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{json}\r\n--x\r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"icat.export\"\r\nContent-Type: application/octet-stream\r\n\r\n{dump}\r\n--x--\r\n"
    );
    let url = format!("{}/icat/port", c.app.public);
    let request = c.app.http.post(url).header("content-type", "multipart/form-data; boundary=x").body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_dump_of_one_catalogue_makes_another_like_it() {
    for (c, other) in Client::start_on_each_engine("").await.into_iter().zip(Client::start_on_each_engine("").await) {
        create_facility(&c).await;
        let query = json!({"sessionId": c.session, "query": "Grouping [name LIKE 'bl-%']", "attributes": "USER"});
        let expected = "# ICAT Export file written by simple/root\n1.0\n\nGrouping(name:0)\n\"bl-id29\"\n\"bl-\\\"30\\\"\\n\\\\\"\n";
        assert_eq!(export_dump(&c, &query).await, (200, expected.to_owned()));
        let nothing = json!({"sessionId": c.session, "query": "Grouping [name = 'x']"});
        assert_eq!(export_dump(&c, &nothing).await, (204, String::new()));
        let values = json!({"sessionId": c.session, "query": "SELECT g.name FROM Grouping g"});
        assert_eq!(export_dump(&c, &values).await.0, 204);
        let included = json!({"sessionId": c.session, "query": "SELECT d FROM Dataset d INCLUDE d.datafiles"});
        let (_, text) = export_dump(&c, &included).await;
        assert!(text.contains("\nDatafile(") && text.contains("\nDataset(") && !text.contains("\nFacility("), "{text}");

        let (status, all) = export_dump(&c, &json!({"sessionId": c.session})).await;
        assert_eq!(status, 200);
        let keyed = "\nDataset(complete:0,description:1,doi:2,endDate:3,fileCount:4,fileSize:5,investigation(facility(name:6),name:7,visitId:8),location:9,name:10,";
        assert!(
            all.contains(keyed) && all.contains("type(facility(name:16),name:17)") && !all.contains("\nJob("),
            "{all}"
        );
        assert!(all.contains("\nfalse,NULL,NULL,NULL,0,0,\"SRC\",\"MX-2417\",\"1\","), "{all}");
        let request = json!({"sessionId": other.session});
        assert_eq!(import_dump(&other, &request, &all).await, (204, String::new()));
        let (_, again) = export_dump(&other, &json!({"sessionId": other.session})).await;
        // Rows without a unique key are named by their ids, which differ.
        let comparable = |text: &str| {
            let kept = text
                .lines()
                .filter(|line| !line.starts_with('"') || !line[1..].starts_with(|c: char| c.is_ascii_digit()));
            kept.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(comparable(&again), comparable(&all));
        let collections = "SELECT d.dataset.name FROM DataCollectionDataset d WHERE d.dataCollection.doi = '10.1/x'";
        assert_eq!(other.search_rows(&other.session, collections).await, json!(["scan"]));

        let (status, body) = import_dump(&other, &request, &all).await;
        assert!(status == 412 && body.contains("OBJECT_ALREADY_EXISTS") && body.contains(" at line "), "{body}");
        for duplicate in ["IGNORE", "CHECK", "OVERWRITE"] {
            let request = json!({"sessionId": other.session, "duplicate": duplicate, "attributes": "ALL"});
            assert_eq!(import_dump(&other, &request, &all).await, (204, String::new()), "{duplicate}");
        }
        c.app.stop().await;
        other.app.stop().await;
    }
}

#[tokio::test]
async fn an_import_names_the_first_line_that_cannot_be_stored_and_leaves_nothing() {
    for c in Client::start_on_each_engine("").await {
        let request = json!({"sessionId": c.session});
        let dump = "# comment\n1.0\n\nGrouping ( name:0 )\n\"a\"\n\"b\"\n\"a\"\n\"c\"\n";
        let taken =
            r#"{"code":"OBJECT_ALREADY_EXISTS","message":"Grouping exists with name = 'a' at line 7","offset":7}"#;
        assert_eq!(import_dump(&c, &request, dump).await, (412, taken.to_owned()));
        assert_eq!(
            c.search_rows(&c.session, "Grouping.name ORDER BY name").await,
            json!([]),
            "what stands before is undone"
        );
        let facility = "1.0\n\nFacility(name:0,daysUntilRelease:1)\n\"SRC\",90\n\nInvestigationType(name:0,facility(name:1))\n\"MX\",\"SRC\"\n\"X\",\"other\"\n";
        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"there is no Facility with name = 'other' at line 8","offset":8}"#;
        assert_eq!(import_dump(&c, &request, facility).await, (404, missing.to_owned()));
        let facility = "1.0\n\nFacility(name:0,daysUntilRelease:1)\n\"SRC\",90\n";
        assert_eq!(import_dump(&c, &request, facility).await.0, 204);
        let check = json!({"sessionId": c.session, "duplicate": "CHECK"});
        let (status, body) = import_dump(&c, &check, "1.0\n\nFacility(name:0,daysUntilRelease:1)\n\"SRC\",91\n").await;
        assert!(status == 412 && body.contains("VALIDATION") && body.contains("daysUntilRelease"), "{body}");
        let overwrite = json!({"sessionId": c.session, "duplicate": "OVERWRITE"});
        assert_eq!(
            import_dump(&c, &overwrite, "1.0\n\nFacility(name:0,daysUntilRelease:1)\n\"SRC\",91\n").await.0,
            204
        );
        assert_eq!(c.search_rows(&c.session, "Facility.daysUntilRelease").await, json!([91]));
        let stamped = "1.0\n\nUser(createId:0,createTime:1,modId:2,modTime:3,name:4)\n\"db/x\",2020-01-01T00:00:00.000Z,\"db/y\",2021-01-01T00:00:00Z,\"u\"\n";
        assert_eq!(import_dump(&c, &request, stamped).await.0, 400, "only with ALL");
        let all = json!({"sessionId": c.session, "attributes": "ALL"});
        assert_eq!(import_dump(&c, &all, stamped).await, (204, String::new()));
        assert_eq!(
            c.search_rows(
                &c.session,
                "SELECT u.createId, u.createTime, u.modId, u.modTime FROM User u WHERE u.name = 'u'"
            )
            .await,
            json!([["db/x", "2020-01-01T00:00:00.000Z", "db/y", "2021-01-01T00:00:00.000Z"]])
        );
        let ada = Client::log_in(&c.app, "db").await;
        let (status, body) = import_dump(&c, &json!({"sessionId": ada}), "1.0\n\nGrouping(name:0)\n\"z\"\n").await;
        assert!(status == 403 && body.contains("CREATE access to this Grouping is not allowed. at line 4"), "{body}");
        for broken in [
            "1.0\nNothing(name:0)\n",
            "1.0\nGrouping(colour:0)\n",
            "1.0\nGrouping(name:0)\n\"x\n",
            "1.0\nGrouping(name:1)\n\"x\"\n",
        ] {
            let (status, body) = import_dump(&c, &request, broken).await;
            assert_eq!(status, 400, "{broken:?}: {body}");
        }
        c.app.stop().await;
    }
}

#[tokio::test]
async fn the_error_for_an_invalid_request_does_not_repeat_the_session_id() {
    for c in Client::start_on_each_engine("").await {
        for request in [json!({"sessionId": c.session, "colour": "red"}), json!({"sessionId": c.session, "query": 1})] {
            for (status, body) in [export_dump(&c, &request).await, import_dump(&c, &request, "1.0\n").await] {
                assert!(status == 400 && body.contains("BAD_PARAMETER") && body.contains(" in json"), "{body}");
                assert!(!body.contains(&c.session), "{body}");
            }
        }
        let (_, body) = import_dump(&c, &json!({"sessionId": c.session, "colour": "red"}), "1.0\n").await;
        assert!(body.contains("unknown field `colour`"), "{body}");
        c.app.stop().await;
    }
}

/// Answers of more rows than one chunk, with includes.
#[tokio::test]
async fn long_answers_come_in_pieces() {
    for c in Client::start_on_each_engine("").await {
        let items: Vec<_> = (0..1200)
            .map(
                |n| json!({"Grouping": {"name": format!("g{n:04}"), "rules": [{"crudFlags": "R", "what": "Dataset"}]}}),
            )
            .collect();
        c.create_entities(&json!(items).to_string()).await;
        let rows = c.search_rows(&c.session, "SELECT g FROM Grouping g ORDER BY g.name INCLUDE g.rules").await;
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 1200);
        for (n, row) in rows.iter().enumerate() {
            assert_eq!(row["Grouping"]["name"], format!("g{n:04}"));
            assert_eq!(row["Grouping"]["rules"].as_array().unwrap().len(), 1);
        }
        // Without ORDER BY, the first rows are read with the statement of the search; some rows of a LEFT JOIN are missing.
        for (query, times) in [
            ("SELECT g FROM Grouping g", 1),
            ("SELECT g FROM Grouping g INCLUDE g.rules", 1),
            ("SELECT g FROM Grouping g, Facility f", 0),
            ("SELECT h FROM Rule r JOIN r.grouping g LEFT JOIN g.rules h WHERE r.what = 'Dataset'", 1),
            ("SELECT u FROM Grouping g LEFT JOIN g.userGroups u", 1),
        ] {
            let rows = c.search_rows(&c.session, query).await;
            let rows = rows.as_array().unwrap();
            assert_eq!(rows.len(), 1200 * times, "{query}");
            let ids: HashSet<i64> =
                rows.iter().filter_map(|row| row.as_object()?.values().next()?["id"].as_i64()).collect();
            assert_eq!(ids.len(), if query.contains("SELECT u") { 0 } else { 1200 * times }, "{query}");
            let includes = query.contains("INCLUDE");
            for row in rows.iter().filter(|row| row.get("Grouping").is_some()) {
                assert_eq!(row["Grouping"]["rules"].as_array().unwrap().len(), usize::from(includes), "{query}");
            }
        }
        let names = c.search_rows(&c.session, "SELECT g.name, g.id FROM Grouping g ORDER BY g.name").await;
        assert_eq!((names.as_array().unwrap().len(), &names[1199][0]), (1200, &json!("g1199")));
        assert_eq!(
            c.search_rows(&c.session, "SELECT g FROM Grouping g LIMIT 0, 500").await.as_array().unwrap().len(),
            500
        );
        let too_many = c.get_entities(&c.session, "SELECT r FROM Rule r INCLUDE r.grouping.rules.grouping.rules.grouping.rules.grouping.rules.grouping.rules.grouping.rules.grouping.rules.grouping.rules.grouping.rules", None).await;
        assert_eq!(too_many.0, 412, "{}", &too_many.1[..200.min(too_many.1.len())]);
        c.app.stop().await;
    }
}

#[tokio::test]
async fn the_schema_tells_what_there_is() {
    for c in Client::start_on_each_engine("").await {
        let get = async |path: &str| {
            let answer = c.app.http.get(format!("{}/icat/{path}", c.app.public)).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let names: Vec<String> = serde_json::from_str(&get("schema").await.1).unwrap();
        assert!(names.len() == 53 && names.contains(&"Dataset".to_owned()));
        let info: serde_json::Value = serde_json::from_str(&get("schema/UserGroup").await.1).unwrap();
        assert_eq!(info["constraintFieldNames"], json!(["user", "grouping"]));
        assert_eq!(
            info["fields"][5],
            json!({"name": "grouping", "type": "Grouping", "relType": "ONE", "notNullable": true})
        );
        let unknown = r#"{"code":"BAD_PARAMETER","message":"Datset is not an ICAT entity"}"#;
        assert_eq!(get("schema/Datset").await, (400, unknown.to_owned()));
        for path in ["markPublicTablesStale", "markPublicStepsStale"] {
            let path = format!("/icat/gatekeeper/{path}");
            assert_eq!(c.post_form(&path, &[("sessionId", &c.session)]).await, (204, String::new()));
            let ada = Client::log_in(&c.app, "db").await;
            let denied = r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"user must be in rootUserNames"}"#;
            assert_eq!(c.post_form(&path, &[("sessionId", &ada)]).await, (403, denied.to_owned()));
            assert_eq!(c.post_form(&path, &[]).await.0, 403);
        }
        let long = format!("SELECT g FROM Grouping g WHERE g.name IN ({})", vec!["'x'"; 20_000].join(","));
        let found = c.post_form("/icat/entityManager/search", &[("sessionId", &c.session), ("query", &long)]).await;
        assert_eq!(found, (200, "[]".to_owned()));
        c.app.stop().await;
    }
}
