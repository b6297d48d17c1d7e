//! `/search/v1`: typed rows, pages of one point in time, facets, highlights and directories.

use serde_json::{Value, json};

use crate::engine::find_opensearch;
use crate::facility::Facility;

impl Facility {
    /// Status and body of a search of our own interface.
    pub async fn post_search(&self, target: &str, session: &str, body: &Value) -> (u16, Value) {
        let request = self.app.http.post(format!("{}/search/v1/{target}", self.app.public));
        let response = request.bearer_auth(session).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn search_v1(&self, target: &str, session: &str, body: Value) -> Value {
        let (status, answer) = self.post_search(target, session, &body).await;
        assert_eq!(status, 200, "{body}: {answer}");
        answer
    }

    async fn list_directories(&self, session: &str, path: &str) -> Value {
        let request = self.app.http.get(format!("{}/search/v1/directories", self.app.public));
        let response = request.bearer_auth(session).query(&[("path", path)]).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }
}

fn list_names(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_typed_and_show_what_they_belong_to() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let alice = facility.log_in("alice").await;
        let body = json!({"text": "lysozyme", "highlight": true, "facets": [{"field": "instrument.name"}, {"field": "type.name"}]});
        let answer = facility.search_v1("investigations", &alice, body).await;
        assert_eq!((&answer["total"], &answer["isIndexComplete"]), (&json!(2), &json!(true)));
        let hit = answer["hits"].as_array().unwrap().iter().find(|hit| hit["name"] == "embargo").unwrap();
        assert_eq!(hit["title"], "Lysozyme embargo");
        assert_eq!(hit["visitId"], "1");
        assert_eq!(hit["date"], "2026-01-10T08:00:00Z");
        assert_eq!(hit["instruments"], json!([{"id": facility.ids["BL07"], "name": "BL07"}]));
        assert_eq!(
            hit["highlights"]["title"],
            json!([{"text": "Lysozyme", "found": true}, {"text": " embargo", "found": false}])
        );
        assert_eq!(
            answer["facets"],
            json!([{"field": "instrument.name", "values": [{"value": "BL07", "count": 2}]},
                {"field": "type.name", "values": [{"value": "MX", "count": 2}]}])
        );

        let body = json!({"path": "/data/embargo/d1", "sort": "largest", "facets": [{"field": "datafileFormat.name"},
            {"field": "instrument.name"}, {"field": "dataset.name"}]});
        let answer = facility.search_v1("datafiles", &alice, body).await;
        assert_eq!(list_names(&answer), ["scan_2.nxs", "scan_1.nxs", "scan_0.nxs"]);
        let hit = &answer["hits"][0];
        assert_eq!(hit["location"], "/data/embargo/d1/scan_2.nxs");
        assert_eq!((&hit["fileSize"], &hit["format"]["name"]), (&json!(20), &json!("NeXus")));
        assert_eq!(hit["dataset"], json!({"id": facility.ids["embargo/d1"], "name": "d1"}));
        assert_eq!(
            hit["investigation"],
            json!({"id": facility.ids["embargo"], "name": "embargo", "visitId": "1", "title": "Lysozyme embargo"})
        );
        let counts: Vec<&Value> =
            answer["facets"].as_array().unwrap().iter().map(|facet| &facet["values"][0]["count"]).collect();
        assert_eq!(counts, [3, 3, 3]);

        let answer =
            facility.search_v1("datasets", &alice, json!({"values": {"sample.name": ["crystal embargo"]}})).await;
        assert_eq!((&answer["total"], &answer["hits"][0]["type"]["name"]), (&json!(2), &json!("raw")));
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_narrow_a_search() {
    for mut facility in Facility::start_all().await {
        let old = json!({"name": "old.nxs", "location": "/old/old.nxs", "datafileModTime": "2024-03-10T12:00:00Z",
            "dataset": {"id": facility.ids["embargo/d0"]}});
        facility.create_row("old", "Datafile", old).await;
        let kind = json!({"name": "temperature", "units": "K", "valueType": "NUMERIC", "applicableToDatafile": true,
            "facility": {"id": facility.ids["facility"]}});
        let kind = facility.create_row("temperature", "ParameterType", kind).await;
        let parameter = json!({"type": {"id": kind}, "datafile": {"id": facility.ids["old"]}, "numericValue": 277.15});
        facility.create_row("parameter", "DatafileParameter", parameter).await;
        let root = facility.log_in("root").await;
        facility.wait_until_indexed().await;
        for (body, expected) in [
            (json!({"from": "2024-03-10", "until": "2024-03-10"}), 1),
            (json!({"until": "2024-03-09"}), 0),
            (json!({"from": "2024-03-11"}), 18),
            (json!({"path": "/data/**/scan_0*.nxs"}), 6),
            (json!({"path": "/old", "text": "old.nxs"}), 1),
            (json!({"values": {"instrument.name": ["BL08"]}}), 6),
            (json!({"values": {"instrument.name": ["BL07", "BL08"], "dataset.name": ["d0"]}}), 10),
            (json!({"parameters": [{"name": "temperature", "from": 3.5, "to": 4.5, "units": "degC"}]}), 1),
            (json!({"parameters": [{"name": "temperature", "from": 300}]}), 0),
            (json!({"parameters": [{"name": "temperature"}]}), 1),
            (json!({"text": "parameter.temperature:[3.5°C TO 4.5°C]"}), 1),
            (json!({"text": "parameter.temperature:>300"}), 0),
            (json!({"text": "parameter.temperature:* instrument.name:BL08"}), 7),
            (json!({"mine": true}), 0),
            (json!({"text": ""}), 19),
            (json!({"until": "9999-12-31"}), 19),
            (json!({"path": "/a".repeat(100)}), 0),
            (json!({"path": "a_b.".repeat(70)}), 0),
            (json!({"text": format!("location:{}", "/a".repeat(100))}), 0),
            (json!({"text": "/a".repeat(100)}), 0),
        ] {
            let answer = facility.search_v1("datafiles", &root, body.clone()).await;
            assert_eq!(answer["total"], expected, "{body}");
        }
        // Only those who may read the parameter type learn its units.
        let alice = facility.log_in("alice").await;
        let body = json!({"text": "parameter.temperature:4s"});
        let (status, answer) = facility.post_search("datafiles", &root, &body).await;
        assert_eq!(status, 400);
        assert_eq!(answer["detail"], "`s` has another dimension than the parameter temperature, which has the units K");
        assert_eq!(facility.search_v1("datafiles", &alice, body).await["total"], 0);
        let body = json!({"parameters": [{"name": "temperature", "from": 4, "to": 10, "units": "mm"}]});
        let (status, answer) = facility.post_search("datafiles", &root, &body).await;
        assert!(status == 400 && answer["detail"].as_str().unwrap().contains("another dimension"), "{answer}");
        let body = json!({"text": "parameter.temperature:[3.5°C TO 4.5°C]"});
        assert_eq!(facility.search_v1("datafiles", &alice, body).await["total"], 0);
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_one_point_in_time() {
    for mut facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let alice = facility.log_in("alice").await;
        let body = json!({"path": "*.nxs", "sort": "name", "limit": 5});
        let first = facility.search_v1("datafiles", &alice, body.clone()).await;
        assert_eq!((&first["total"], first["hits"].as_array().unwrap().len()), (&json!(12), 5));
        // A file that would come first, and one that is deleted.
        let file = json!({"name": "a.nxs", "location": "/data/a.nxs", "dataset": {"id": facility.ids["embargo/d0"]}});
        facility.create_row("a", "Datafile", file).await;
        facility.delete("released/d1/scan_2.nxs", "Datafile").await;
        facility.wait_until_indexed().await;
        let mut names: Vec<String> = list_names(&first).into_iter().map(str::to_owned).collect();
        let mut cursor = first["cursor"].clone();
        while cursor.is_string() {
            let mut next = body.clone();
            next["cursor"] = cursor;
            let page = facility.search_v1("datafiles", &alice, next).await;
            assert_eq!((&page["total"], &page["isNewerThanCursor"]), (&json!(12), &json!(false)));
            names.extend(list_names(&page).into_iter().map(str::to_owned));
            cursor = page["cursor"].clone();
        }
        let expected: Vec<String> = (0..3).flat_map(|n| std::iter::repeat_n(format!("scan_{n}.nxs"), 4)).collect();
        assert_eq!(names, expected);

        // The last page has no cursor, also if it is full.
        let whole = facility.search_v1("datafiles", &alice, json!({"path": "*.nxs", "sort": "name", "limit": 6})).await;
        let mut next = json!({"path": "*.nxs", "sort": "name", "limit": 6, "cursor": whole["cursor"]});
        let last = facility.search_v1("datafiles", &alice, next.clone()).await;
        assert_eq!((last["hits"].as_array().unwrap().len(), last.get("cursor")), (6, None));
        // A cursor belongs to its search and its user.
        let bob = facility.log_in("bob").await;
        assert_eq!(facility.post_search("datafiles", &bob, &next).await.0, 400);
        for (member, value) in
            [("sort", json!("newest")), ("text", json!("scan")), ("path", json!("*.h5")), ("mine", json!(true))]
        {
            let mut other = next.clone();
            other[member] = value;
            let (status, answer) = facility.post_search("datafiles", &alice, &other).await;
            assert!(status == 400 && answer["detail"].as_str().unwrap().contains("cursor"), "{member}: {answer}");
        }
        next["limit"] = json!(1);
        assert_eq!(facility.search_v1("datafiles", &alice, next).await["hits"].as_array().unwrap().len(), 1);

        // Later, pages go on with what there is then.
        facility.app.clock.advance_seconds(301);
        let mut next = body.clone();
        next["cursor"] = first["cursor"].clone();
        let page = facility.search_v1("datafiles", &alice, next).await;
        assert_eq!((&page["total"], &page["isNewerThanCursor"]), (&json!(12), &json!(true)));
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_are_browsed_and_completed() {
    for mut facility in Facility::start_all().await {
        for (key, location) in [
            ("dash", "/data/embargo-2/x.nxs"),
            ("upper", "/data/Embargo.d/Raw/X.nxs"),
            ("relative", "rel/y.nxs"),
            ("store", "s3://bucket/raw/z.nxs"),
            ("share", "//srv/share/z.nxs"),
            ("top", "/top.nxs"),
            ("composed", "rel/Mu\u{308}ller_1.nxs"),
        ] {
            let file = json!({"name": key, "location": location, "dataset": {"id": facility.ids["embargo/d0"]}});
            facility.create_row(key, "Datafile", file).await;
        }
        facility.wait_until_indexed().await;
        let (alice, dan) = (facility.log_in("alice").await, facility.log_in("dan").await);
        let directory =
            |path: &str, files: u64| json!({"path": path, "name": path.rsplit('/').next().unwrap(), "files": files});
        for (session, path, expected) in [
            (&alice, "", vec![directory("//srv", 1), directory("/data", 14), directory("rel", 2), directory("s3:", 1)]),
            (&alice, "/", vec![directory("/data", 14)]),
            (&alice, "//", vec![directory("//srv", 1)]),
            (&alice, "//srv/", vec![directory("//srv/share", 1)]),
            (&alice, "s3:/", vec![directory("s3://bucket", 1)]),
            (&alice, "s3://", vec![directory("s3://bucket", 1)]),
            (&alice, "s3://bu", vec![directory("s3://bucket", 1)]),
            (&alice, "s3://bucket/", vec![directory("s3://bucket/raw", 1)]),
            (
                &alice,
                "/data/",
                vec![
                    directory("/data/embargo", 6),
                    directory("/data/embargo-2", 1),
                    directory("/data/Embargo.d", 1),
                    directory("/data/released", 6),
                ],
            ),
            (
                &alice,
                "/DATA/embargo",
                vec![directory("/data/embargo", 6), directory("/data/embargo-2", 1), directory("/data/Embargo.d", 1)],
            ),
            (&alice, "/data/embargo/", vec![directory("/data/embargo/d0", 3), directory("/data/embargo/d1", 3)]),
            (&alice, "/data/embargo.d/r", vec![directory("/data/Embargo.d/Raw", 1)]),
            (&alice, "/data/embargo/d0/", vec![]),
            (&dan, "/data/", vec![directory("/data/released", 6)]),
            (&dan, "/data/embargo/", vec![]),
            (&dan, "/data/embargo", vec![]),
        ] {
            let answer = facility.list_directories(session, path).await;
            assert_eq!(answer, json!({"directories": expected, "hasMore": false}), "{path}");
        }
        for (path, expected) in [
            ("/", 15),
            ("//", 1),
            ("/*", 1),
            ("s3://", 1),
            ("/data", 14),
            ("//**", 1),
            ("m\u{fc}ller_1.nxs", 1),
            ("**/m\u{fc}l*.nxs", 1),
            ("rel/mu\u{308}ller_1.nxs", 1),
        ] {
            let answer = facility.search_v1("datafiles", &alice, json!({"path": path})).await;
            assert_eq!(answer["total"], expected, "{path}");
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_words_as_are_allowed_are_searched() {
    if find_opensearch().is_some() {
        // It has a limit of its own.
        return;
    }
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let (alice, root) = (facility.log_in("alice").await, facility.root.clone());
        for joined in [" ", " AND "] {
            let words: Vec<String> = (0..1_024).map(|n| format!("word{n}")).collect();
            let mut text = words.join(joined);
            let repeated = ["crystal", "lysozyme", "nexus", "scan_1.nxs"].repeat(256).join(joined);
            for target in ["datafiles", "datasets", "investigations"] {
                facility.search_v1(target, &alice, json!({"text": repeated})).await;
            }
            for session in [&alice, &root] {
                for target in ["datafiles", "datasets", "investigations"] {
                    let answer = facility.search_v1(target, session, json!({"text": text})).await;
                    assert_eq!(answer["total"], 0);
                }
            }
            text = format!("{} scan_1.nxs", words[1..].join(" "));
            assert_eq!(facility.search_v1("datafiles", &root, json!({"text": text})).await["total"], 6);
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_say_what_to_do() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let alice = facility.log_in("alice").await;
        for (target, body, status, expected) in [
            ("datafiles", json!({"text": "a AND"}), 400, "Search term could not be parsed"),
            ("datafiles", json!({"txt": "a"}), 400, "unknown field `txt`"),
            ("datafiles", json!({"from": "yesterday"}), 400, "is not a day such as 2025-03-01"),
            (
                "datafiles",
                json!({"from": "2025-02-01", "until": "2025-01-31"}),
                400,
                "the period ends before it begins",
            ),
            ("datafiles", json!({"path": "*a*"}), 400, "path: this path would be compared"),
            ("datafiles", json!({"text": "(".repeat(101)}), 400, "more than 100 nested parentheses"),
            ("datafiles", json!({"text": "a".repeat(65_537)}), 400, "longer than 65536 bytes"),
            (
                "datafiles",
                json!({"values": {"dataset.name": vec!["d"; 1_025]}}),
                400,
                "at most 1024 values of dataset.name",
            ),
            ("datafiles", json!({"parameters": [{"name": "t", "from": 2, "to": 1}]}), 400, "ends before it begins"),
            ("datafiles", json!({"limit": 0}), 400, "limit must be between 1 and 1000"),
            ("datafiles", json!({"cursor": "x"}), 400, "the cursor is not that of this search"),
            ("datafiles", json!([]), 400, "a JSON object"),
            ("datafiles", json!({"facets": [["dataset.name"]]}), 400, "a JSON object"),
            ("datafiles", json!({"facets": [{"field": "dataset.name", "limit": 0}]}), 400, "between 1 and 1000"),
            ("datafiles", json!({"facets": [{"field": "dataset.name", "limit": 1001}]}), 400, "between 1 and 1000"),
            ("datafiles", json!({"facets": [{"field": "type.name"}]}), 400, "possible are"),
            ("datafiles", json!({"facets": [{"field": "location"}]}), 400, "possible are"),
            ("datafiles", json!({"values": {"colour": ["red"]}}), 400, "possible are"),
            ("datafiles", json!({"parameters": [{"name": "t", "text": "x", "from": 1}]}), 400, "a text or numbers"),
            ("datasets", json!({"path": "/data"}), 400, "path is only possible for datafiles"),
        ] {
            let (got, answer) = facility.post_search(target, &alice, &body).await;
            assert_eq!(got, status, "{body}: {answer}");
            assert!(answer["detail"].as_str().unwrap().contains(expected), "{body}: {answer}");
        }
        let (status, _) = facility.post_search("datafiles", "nobody", &json!({})).await;
        assert_eq!(status, 401);
        for query in ["directories?limit=0", "directories?limit=x", "values?target=datasets&field=type.name&limit=1001"]
        {
            let request = facility.app.http.get(format!("{}/search/v1/{query}", facility.app.public));
            let response = request.bearer_auth(&alice).send().await.unwrap();
            let (status, answer) = (response.status(), response.json::<Value>().await.unwrap());
            let detail = answer["detail"].as_str().unwrap();
            assert!(status == 400 && detail.starts_with("limit must be a whole number between 1 and 1000"), "{answer}");
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_fields_are_completed_with_what_the_caller_may_read() {
    for mut facility in Facility::start_all().await {
        let of_facility = |name: &str| json!({"name": name, "facility": {"id": facility.ids["facility"]}});
        let rows: Vec<Value> =
            ["bl09", "Old BL1", "Microscope"].map(|name| json!({"Instrument": of_facility(name)})).into();
        facility.write_entities(&json!(rows)).await;
        let kind = json!({"name": "beam energy", "units": "keV", "valueType": "NUMERIC", "facility": {"id": facility.ids["facility"]}});
        facility.create_row("energy", "ParameterType", kind).await;
        facility.wait_until_indexed().await;
        let (root, alice) = (facility.root.clone(), facility.log_in("alice").await);
        let list = async |session: &str, query: &str| {
            let request = facility.app.http.get(format!("{}/search/v1/values?{query}", facility.app.public));
            let response = request.bearer_auth(session).send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        };
        for (session, query, expected, has_more) in [
            (
                &alice,
                "target=datafiles&field=instrument.name&start=b",
                json!(["BL07", "BL08", "bl09", "Old BL1"]),
                false,
            ),
            (&alice, "target=datafiles&field=instrument.name&start=BL0&limit=2", json!(["BL07", "BL08"]), true),
            (
                &alice,
                "target=investigations&field=instrument.name&limit=5",
                json!(["BL07", "BL08", "bl09", "Microscope", "Old BL1"]),
                false,
            ),
            (&alice, "target=datasets&field=type.name&start=R", json!(["raw"]), false),
            (&alice, "target=investigations&field=type.name", json!(["MX"]), false),
            (&alice, "target=datafiles&field=datafileFormat.name&start=x", json!([]), false),
            // Alice may not read types of parameters.
            (&root, "target=datafiles&field=parameter.name&start=en", json!(["beam energy"]), false),
            (&alice, "target=datafiles&field=parameter.name", json!([]), false),
            (&root, "target=datasets&field=technique.name", json!([]), false),
        ] {
            assert_eq!(list(session, query).await, (200, json!({"values": expected, "hasMore": has_more})), "{query}");
        }
        for (query, reason) in [
            ("target=datafiles&field=user.name", "possible are instrument.name, technique.name, sample.type.name"),
            ("target=datafiles&field=name", "the values of name cannot be listed for Datafile"),
            ("target=datafile&field=type.name", "datafile"),
            ("field=type.name", "target"),
        ] {
            let (status, answer) = list(&alice, query).await;
            let detail = answer["detail"].as_str().unwrap_or_default();
            assert!(status == 400 && detail.contains(reason), "{query}: {answer}");
        }
        assert_eq!(list("", "target=datafiles&field=instrument.name").await.0, 401);
        facility.app.stop().await;
    }
}
