//! `/icat/lucene`: the older search of icat.server, and what its root users do with the index.

use reqwest::{Method, RequestBuilder};
use search::store::catalogue_scans::request_scans;
use serde_json::{Value, json};
use service_kit::Tx;
use testkit::{AUTHENTICATOR, TestApp, list_backends, wait_until};

use crate::facility::{Facility, SETTINGS, log_in};

impl Facility {
    fn request_lucene(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.http.request(method, format!("{}/icat/lucene/{path}", self.app.public))
    }

    async fn search_ids(&self, session: &str, query: &Value, max_count: &str) -> (u16, Value) {
        let parameters = [("sessionId", session), ("query", &query.to_string()), ("maxCount", max_count)];
        send_request(self.request_lucene(Method::GET, "data").query(&parameters)).await
    }

    async fn list_populations(&self) -> Value {
        let (status, populations) =
            send_request(self.request_lucene(Method::GET, "db").query(&[("sessionId", &self.root)])).await;
        assert_eq!(status, 200, "{populations}");
        populations
    }
}

/// Status and body; null if there is none.
async fn send_request(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (status, if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() })
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_found_with_the_rights_of_the_session() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let (alice, dan) = (facility.log_in("alice").await, facility.log_in("dan").await);
        let query = json!({"target": "Investigation", "text": "lysozyme"});
        let (status, found) = facility.search_ids(&alice, &query, "10").await;
        assert_eq!(status, 200, "{found}");
        let mut ids: Vec<i64> = found.as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        let mut expected = [facility.ids["embargo"], facility.ids["released"]];
        expected.sort_unstable();
        assert_eq!(ids, expected);
        assert!(found[0]["score"].as_f64().unwrap() > 0.0 && found[0].get("source").is_none(), "{found}");

        let (_, found) = facility.search_ids(&dan, &query, "0").await;
        assert_eq!((found[0]["id"].as_i64(), found.as_array().unwrap().len()), (Some(facility.ids["released"]), 1));
        let files = json!({"target": "Datafile"});
        assert_eq!(facility.search_ids(&alice, &files, "5").await.1.as_array().unwrap().len(), 5);
        for (session, query, max_count, expected) in [
            (&alice, json!({"text": "a"}), "1", (400, "BAD_PARAMETER")),
            (&alice, json!({"target": "Datafile", "text": "a AND"}), "1", (400, "BAD_PARAMETER")),
            (&alice, files.clone(), "some", (400, "BAD_PARAMETER")),
            (&alice, files.clone(), "10001", (400, "BAD_PARAMETER")),
            (&"unknown".to_owned(), files.clone(), "1", (403, "SESSION")),
        ] {
            let (status, answer) = facility.search_ids(session, &query, max_count).await;
            assert_eq!((status, answer["code"].as_str().unwrap()), expected, "{query} {max_count}");
        }
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_populate_the_index_again() {
    for mut facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        assert_eq!(facility.list_populations().await, json!([]));
        let root = [("sessionId", facility.root.clone())];

        // All changes that were reported can be found.
        let file =
            json!({"name": "late.nxs", "location": "/data/late.nxs", "dataset": {"id": facility.ids["other/d0"]}});
        facility.create_row("late", "Datafile", file).await;
        facility.app.drain().await;
        assert_eq!(send_request(facility.request_lucene(Method::POST, "db").form(&root)).await, (204, Value::Null));
        facility.wait_for_rows("datafile", json!({"text": "late.nxs"}), 1).await;

        let populate = [("sessionId", facility.root.as_str()), ("minId", "0"), ("delete", "true")];
        assert_eq!(
            send_request(facility.request_lucene(Method::POST, "db/Datafile").form(&populate)).await,
            (204, Value::Null)
        );
        wait_until("the datafiles were read", async || {
            let mut tx = facility.app.db("search").read().await.unwrap();
            let sql = "SELECT rows_read FROM catalogue_scan WHERE entity = 'Datafile' AND state = 'done'";
            let row = tx.fetch_optional(sql, &[]).await.unwrap()?;
            (row.get::<i64>("rows_read").unwrap() == 19).then_some(())
        })
        .await;
        let older = facility.request_lucene(Method::POST, "db/instrument/0").form(&root);
        assert_eq!(send_request(older).await, (204, Value::Null));
        // Not indexed.
        let job = facility.request_lucene(Method::POST, "db/Job").form(&root);
        assert_eq!(send_request(job).await, (204, Value::Null));
        let (status, answer) = send_request(facility.request_lucene(Method::POST, "db/Datafiles").form(&root)).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("BAD_PARAMETER")), "{answer}");
        facility.wait_until_indexed().await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn populations_are_listed_refused_twice_and_stopped() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let root = [("sessionId", facility.root.clone())];
        // A scan waits while an icat.server populates the entity.
        let engine = |path: &str| facility.app.http.post(format!("{}/icat.lucene/{path}", facility.app.internal));
        assert_eq!(send_request(engine("lock/Dataset?delete=true")).await.0, 204);
        let populate = || facility.request_lucene(Method::POST, "db/Dataset").form(&root);
        assert_eq!(send_request(populate()).await, (204, Value::Null));
        let (status, answer) = send_request(populate()).await;
        assert_eq!((status, &answer["code"]), (412, &json!("OBJECT_ALREADY_EXISTS")), "{answer}");
        assert_eq!(answer["message"], "population of Dataset already requested");
        assert_eq!(facility.list_populations().await, json!(["Dataset waiting"]));
        let stop = || facility.request_lucene(Method::DELETE, "db").query(&root);
        assert_eq!(send_request(stop()).await, (204, Value::Null));
        assert_eq!(facility.list_populations().await, json!([]));
        assert_eq!(send_request(stop()).await, (204, Value::Null), "nothing is left to stop");
        assert_eq!(send_request(engine("unlock/Dataset?cancel=true")).await.0, 204);
        facility.wait_for_rows("dataset", json!({}), 6).await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_stopped_keeps_old_and_new_rows() {
    for backend in list_backends() {
        // Without a worker that goes on with the scan.
        let settings = SETTINGS.replace("[search]\n", "[search]\nsource = \"icat-server\"\n");
        let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR, search::SERVICE], &settings).await;
        let root = log_in(&app, "root").await;
        let engine = |path: &str| app.http.post(format!("{}/icat.lucene/{path}", app.internal));
        let icat = |method: Method, path: &str| {
            app.http.request(method, format!("{}/icat/lucene/{path}", app.public)).bearer_auth(&root)
        };
        let dataset = |id: i64| json!([{"id": id, "name": format!("d{id}")}]);
        assert_eq!(send_request(engine("addNow/Dataset").json(&dataset(1))).await.0, 204);
        assert_eq!(send_request(engine("lock/Dataset?delete=true")).await.0, 204);
        let started = async |tx: &mut Tx| {
            request_scans(tx, &["Dataset"]).await?;
            let sql = "UPDATE catalogue_scan SET state = 'running', rows_read = 1, rows_expected = 5, \
                       generation = (SELECT generation FROM entity_lock WHERE entity = 'Dataset')";
            tx.execute(sql, &[]).await.map(drop)
        };
        app.db("search").write(started).await.unwrap();
        assert_eq!(send_request(engine("addNow/Dataset").json(&dataset(2))).await.0, 204);
        assert_eq!(send_request(icat(Method::GET, "db")).await, (200, json!(["Dataset 1 of 5 rows"])));
        assert_eq!(send_request(icat(Method::DELETE, "db")).await.0, 204);
        assert_eq!(send_request(icat(Method::GET, "db")).await, (200, json!([])));
        assert_eq!(send_request(engine("unlock/Dataset")).await.0, 406, "the scan has ended its lock");
        assert_eq!(send_request(icat(Method::POST, "db").form(&[("a", "b")])).await.0, 204);
        let (_, found) = send_request(engine("dataset?maxResults=9").json(&json!({"query": {}}))).await;
        assert_eq!(found["total"], 2);

        let (status, answer) = send_request(icat(Method::POST, "db/Dataset").form(&[("delete", "true")])).await;
        assert_eq!((status, &answer["code"]), (501, &json!("NOT_IMPLEMENTED")), "{answer}");
        assert_eq!(answer["message"], "an icat.server fills this index; send the request to it");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_may_not_touch_the_index() {
    for facility in Facility::start_all().await {
        let alice = facility.log_in("alice").await;
        for (method, path) in [
            (Method::GET, "db"),
            (Method::POST, "db"),
            (Method::DELETE, "db"),
            (Method::POST, "db/Datafile"),
            (Method::POST, "db/Datafile/0"),
        ] {
            for (session, expected) in [
                (alice.as_str(), (403, "INSUFFICIENT_PRIVILEGES")),
                ("unknown", (403, "SESSION")),
                ("", (403, "SESSION")),
            ] {
                let request = facility.request_lucene(method.clone(), path);
                let request = if method == Method::POST {
                    request.form(&[("sessionId", session)])
                } else {
                    request.query(&[("sessionId", session)])
                };
                let (status, answer) = send_request(request).await;
                assert_eq!((status, answer["code"].as_str().unwrap()), expected, "{method} {path} {session}: {answer}");
            }
        }
        facility.app.stop().await;
    }
}
