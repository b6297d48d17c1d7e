//! Credentials in the path: they are decoded once, as for handlers, and `-` stands for a header that must be there.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use service_kit::{
    CredentialLocation, CredentialLocations, ErrorFormat, Listener, Mount, PathCredential, Problem, RequestCredential,
    Running, ServiceDef,
};
use testkit::TestApp;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let in_path = Mount::new("/in-path", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::new(CredentialLocations(&[CredentialLocation::Path("credential")])))
            .get("/{credential}/{other}", show_credential);
        let session = Mount::new("/session", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .get("/{id}", show_session)
            .put("/{id}", show_session)
            .delete("/{id}", show_session);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![in_path, session], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

async fn show_credential(request: HttpRequest, path: web::Path<(String, String)>) -> Result<String, Problem> {
    let found = RequestCredential::find_in_request(&request)?.unwrap();
    assert_eq!(found.text, path.0, "the extractor of handlers");
    Ok(found.text)
}

async fn show_session(credential: PathCredential) -> String {
    credential.id
}

#[tokio::test]
async fn a_credential_in_a_path_is_decoded_once() {
    let app = TestApp::start(&[SERVICE], "").await;
    for (sent, expected) in [
        ("q+r", "q+r"),
        ("q%2Br", "q+r"),
        ("a%2Fb%2f%3D%3d", "a/b/=="),
        ("100%25", "100%"),
        ("%41", "A"),
        ("%2541", "%41"),
        ("%252B", "%2B"),
        ("a%20b", "a b"),
        ("%C3%A9", "é"),
        ("x%FFy", "x\u{fffd}y"),
    ] {
        let answer = app.http.get(format!("{}/in-path/{sent}/b%2Fc", app.public)).send().await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!((status, answer.text().await.unwrap().as_str()), (200, expected), "{sent}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_hyphen_for_the_session_needs_a_bearer() {
    let app = TestApp::start(&[SERVICE], "").await;
    let request = async |method: &str, id: &str, authorization: Option<&str>| {
        let request = app.http.request(method.parse().unwrap(), format!("{}/session/{id}", app.public));
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for method in ["GET", "PUT", "DELETE"] {
        for id in ["-", "%2D"] {
            for absent in [None, Some("Basic eDp5"), Some("")] {
                let (status, body) = request(method, id, absent).await;
                assert!(status == 401 && body.contains("identity/no-credentials"), "{method} {id} {absent:?}: {body}");
            }
            assert_eq!(request(method, id, Some("Bearer abc")).await, (200, "abc".to_owned()), "{method} {id}");
        }
        for authorization in [None, Some("Bearer abc"), Some("Basic eDp5")] {
            assert_eq!(request(method, "x%2B", authorization).await, (200, "x+".to_owned()), "{method}");
        }
        assert_eq!(request(method, "x", Some("Bearer")).await.0, 401, "{method}: the header cannot be read");
    }
    app.stop().await;
}
