//! Who may send the requests of an icat.server, and under which paths.

use serde_json::{Value, json};
use testkit::TestApp;

use super::lucene::IcatServer;

const SECRET: &str = "correct horse";

/// Each path of the interface, with a body that it accepts.
const REQUESTS: [(&str, &str); 9] = [
    ("modify", "[]"),
    ("addNow/Datafile", "[]"),
    ("lock/Datafile?delete=true", ""),
    ("unlock/Datafile", ""),
    ("commit", ""),
    ("clear", ""),
    ("datafile?maxResults=1", r#"{"query":{}}"#),
    ("dataset?maxResults=1", r#"{"query":{}}"#),
    ("Datafile/facet?maxResults=1&maxLabels=1", r#"{"query":{}}"#),
];

#[tokio::test]
async fn other_addresses_are_refused() {
    let app = TestApp::start(&[search::SERVICE], "search.icat_server_addresses = [\"192.0.2.0/24\"]").await;
    let response = app.http.post(format!("{}/icat.lucene/clear", app.internal)).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    app.stop().await;
}

#[tokio::test]
async fn requests_need_the_secret_if_there_is_one() {
    let server = IcatServer::start_with(&format!("search.icat_server_secret = \"{SECRET}\"")).await;
    let basic = |pair: &str| format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let accepted = [
        format!("Bearer {SECRET}"),
        format!("bearer  {SECRET} "),
        basic(&format!("icat:{SECRET}")),
        basic(&format!(":{SECRET}")),
    ];
    let refused = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer wrong".to_owned(),
        format!("Bearer {SECRET}!"),
        format!("Token {SECRET}"),
        basic(SECRET),
        basic(&format!("{SECRET}:")),
        "Basic %%".to_owned(),
    ];
    for (path, body) in REQUESTS {
        let send = |authorization: &str| server.post(path).header("authorization", authorization).body(body);
        for authorization in &refused {
            let response = send(authorization).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 401, "{path} {authorization}");
            assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"icat.lucene\"");
            let answer: Value = response.json().await.unwrap();
            assert_eq!(answer["code"], "LuceneException", "the format of a refused address");
            assert!(!answer.to_string().contains(SECRET));
        }
        // An entity is locked and unlocked once.
        let forms = if path.contains("lock") { &accepted[..1] } else { &accepted[..] };
        for authorization in forms {
            let (status, answer) = server.send(send(authorization)).await;
            assert!([200, 204].contains(&status), "{path} {authorization}: {status} {answer}");
        }
    }
    let without = server.post("commit").send().await.unwrap();
    assert_eq!(without.status().as_u16(), 401);
    let twice = server.post("commit").header("authorization", &accepted[0]).header("authorization", &accepted[0]);
    assert_eq!(twice.send().await.unwrap().status().as_u16(), 401);
    server.stop().await;
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_changes_nothing() {
    let server = IcatServer::start().await;
    for (path, body) in REQUESTS {
        let (path, query) =
            path.split_once('?').map_or((path, String::new()), |(path, query)| (path, format!("?{query}")));
        let (status, answer) = server.send(server.post(&format!("{path}/{query}")).body(body)).await;
        assert!([200, 204].contains(&status), "{path}: {status} {answer}");
    }
    let version = server.app.http.get(format!("{}/icat.lucene/version/", server.app.internal)).send().await.unwrap();
    assert_eq!(version.json::<Value>().await.unwrap(), json!({"version": "4.0.0"}));
    for path in ["", "Datafile/"] {
        assert_eq!(server.send(server.post(path)).await.0, 501, "{path}");
    }
    server.stop().await;
}
