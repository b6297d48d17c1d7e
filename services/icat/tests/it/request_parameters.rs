//! Parameters of queries and forms, and the session of a path.

use crate::rest_client::Client;

/// Method, path below `/icat`, and parameters besides the session id.
type SampleRequest<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)]);

/// icat.server takes the first value of a repeated parameter.
#[tokio::test]
async fn the_first_value_of_a_repeated_parameter_counts() {
    for c in Client::start_on_each_engine("").await {
        let root = c.session.as_str();
        let repeated = |first: &str, second: &str, further: &[(&str, &str)]| {
            let mut pairs = vec![("sessionId".to_owned(), first.to_owned())];
            for (name, value) in further {
                pairs.extend([((*name).to_owned(), (*value).to_owned()), ((*name).to_owned(), "{".to_owned())]);
            }
            pairs.push(("sessionId".to_owned(), second.to_owned()));
            pairs
        };
        let send = async |method: &str, path: &str, pairs: &[(String, String)]| {
            let request = c.app.http.request(method.parse().unwrap(), format!("{}/icat/{path}", c.app.public));
            let request = if method == "POST" { request.form(pairs) } else { request.query(pairs) };
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let search = [("query", "SELECT g.name FROM Grouping g")];
        let dump = format!(r#"{{"sessionId":"{root}","query":"Grouping"}}"#);
        let requests: [SampleRequest<'_>; 11] = [
            ("POST", "entityManager", &[("entities", r#"{"Grouping":{"name":"g"}}"#)]),
            ("GET", "entityManager", &search),
            ("POST", "entityManager/search", &search),
            ("GET", "entityManager", &[("query", "Grouping"), ("id", "1")]),
            ("POST", "cloner", &[("name", "Grouping"), ("id", "1"), ("keys", r#"{"name":"h"}"#)]),
            ("POST", "isAccessAllowed", &[("entity", r#"{"Grouping":{"id":1}}"#), ("accessType", "READ")]),
            ("GET", "readable/Grouping", &[]),
            ("GET", "port", &[("json", dump.as_str())]),
            ("POST", "session", &[("json", r#"{"plugin":"simple","credentials":[]}"#)]),
            ("POST", "gatekeeper/markPublicTablesStale", &[]),
            ("DELETE", "entityManager", &[("entities", r#"{"Grouping":{"id":1}}"#)]),
        ];
        for (method, path, further) in requests {
            let needs_session = !["port", "session"].contains(&path);
            if needs_session {
                let refused = send(method, path, &repeated("x", root, further)).await;
                assert!(refused.0 == 403 && refused.1.contains("SESSION"), "{method} {path}: {refused:?}");
            }
            let (status, body) = send(method, path, &repeated(root, "x", further)).await;
            assert!(matches!(status, 200 | 204), "{method} {path}: {status} {body}");
        }
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_hyphen_for_the_session_needs_a_bearer() {
    for c in Client::start_on_each_engine("").await {
        let send = async |method: &str, bearer: Option<&str>| {
            let request = c.app.http.request(method.parse().unwrap(), format!("{}/icat/session/-", c.app.public));
            let request = bearer.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        for method in ["GET", "PUT", "DELETE"] {
            let (status, body) = send(method, None).await;
            assert!(status == 403 && body.contains(r#""code":"SESSION""#), "{method}: {body}");
            assert!(body.contains("Authorization: Bearer"), "{method}: {body}");
        }
        assert_eq!(send("DELETE", Some(&c.session)).await, (204, String::new()));
        let gone = format!(r#"{{"code":"SESSION","message":"Unable to find user by sessionid: {}"}}"#, c.session);
        assert_eq!(send("DELETE", Some(&c.session)).await, (403, gone), "as icat.server");
        c.app.stop().await;
    }
}
