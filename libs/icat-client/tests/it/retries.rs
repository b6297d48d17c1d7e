//! Which calls are tried again, and what errors tell.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use icat_client::{IcatClient, IcatCode, IcatError};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::json;

use crate::server::{Answer, Server};

const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
const BUSY: Answer = Answer::Body(503, "busy");

fn http_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
}

fn new_client(root: &str) -> IcatClient {
    IcatClient::new(http_builder().build().unwrap(), root)
}

/// Counts attempts to connect; the first `refused` go to an address where nobody listens.
struct Directory {
    asked: AtomicUsize,
    refused: usize,
}

impl Resolve for Directory {
    fn resolve(&self, _: Name) -> Resolving {
        let refused = self.asked.fetch_add(1, Ordering::SeqCst) < self.refused;
        let address = SocketAddr::from(([127, 0, 0, if refused { 2 } else { 1 }], 0));
        Box::pin(std::future::ready(Ok(Box::new([address].into_iter()) as Addrs)))
    }
}

fn client_through_directory(directory: &Arc<Directory>, port: u16) -> IcatClient {
    let http = http_builder().dns_resolver(Arc::clone(directory)).build().unwrap();
    IcatClient::new(http, &format!("http://icat.test:{port}"))
}

#[tokio::test]
async fn a_reading_call_is_tried_three_times_in_all() {
    let down = Server::start_with_answers(vec![BUSY]).await;
    let e = new_client(&down.root()).search_rows(SESSION, "Dataset").await.unwrap_err();
    assert!(matches!(e, IcatError::Unavailable(_)), "{e:?}");
    assert_eq!(down.requests().len(), 3);

    for passing in [502, 503, 504] {
        let answers = vec![Answer::Body(passing, ""), Answer::Body(passing, "{}"), Answer::Body(200, "[7]")];
        let back = Server::start_with_answers(answers).await;
        assert_eq!(new_client(&back.root()).search_rows(SESSION, "Dataset.id").await.unwrap(), [json!(7)]);
        assert_eq!(back.requests().len(), 3);
    }
}

#[tokio::test]
async fn every_reading_call_is_tried_again_and_no_other_is() {
    let server = Server::start_with_answers(vec![BUSY]).await;
    let icat = new_client(&server.root());
    let mut before = 0;
    let mut tries = |what: &str, failed: bool, expected: usize| {
        assert!(failed, "{what}");
        let now = server.requests().len();
        assert_eq!(now - before, expected, "{what}");
        before = now;
    };
    tries("version", icat.get_version().await.is_err(), 3);
    tries("properties", icat.get_properties().await.is_err(), 3);
    tries("session", icat.get_session(SESSION).await.is_err(), 3);
    tries("search", icat.search_rows(SESSION, "Dataset").await.is_err(), 3);
    tries("get", icat.get_entity(SESSION, "Dataset", 1).await.is_err(), 3);
    tries("readable", icat.find_readable_rows(SESSION, "Dataset", None).await.is_err(), 3);
    tries("is_logged_in", icat.is_logged_in("db/ada").await.is_err(), 3);
    tries("login", icat.login("db", &[("username", "ada")]).await.is_err(), 1);
    tries("refresh", icat.refresh_session(SESSION).await.is_err(), 1);
    tries("logout", icat.end_session(SESSION).await.is_err(), 1);
    tries("create", icat.create_entities(SESSION, &[]).await.is_err(), 1);
    tries("update", icat.update_entities(SESSION, &[]).await.is_err(), 1);
    tries("delete", icat.delete_entities(SESSION, "Dataset", &[1]).await.is_err(), 1);
}

#[tokio::test]
async fn a_connection_that_is_refused_is_tried_again_for_reading_calls_only() {
    let server = Server::start_with_answers(vec![Answer::Body(200, r#"{"version":"6.2.0"}"#)]).await;
    let twice = Arc::new(Directory { asked: AtomicUsize::new(0), refused: 2 });
    assert_eq!(client_through_directory(&twice, server.port).get_version().await.unwrap(), "6.2.0");
    assert_eq!((twice.asked.load(Ordering::SeqCst), server.requests().len()), (3, 1));

    let always = Arc::new(Directory { asked: AtomicUsize::new(0), refused: usize::MAX });
    let icat = client_through_directory(&always, server.port);
    assert!(matches!(icat.get_version().await, Err(IcatError::Unavailable(_))));
    assert_eq!(always.asked.load(Ordering::SeqCst), 3);
    assert!(matches!(icat.login("db", &[]).await, Err(IcatError::Unavailable(_))));
    assert_eq!(always.asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_icat_itself_answers_is_not_asked_again() {
    let internal = r#"{"code":"INTERNAL","message":"class java.lang.NullPointerException"}"#;
    for (status, body) in [(500, internal), (500, "oops"), (404, ""), (200, "nonsense"), (200, "{}")] {
        let server = Server::start_with_answers(vec![Answer::Body(status, body)]).await;
        assert!(new_client(&server.root()).search_rows(SESSION, "Dataset").await.is_err());
        assert_eq!(server.requests().len(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up_at_once() {
    let server = Server::start_with_answers(vec![Answer::Never]).await;
    let icat = new_client(&server.root()).with_timeout(Duration::from_millis(200));
    let Err(IcatError::Unavailable(e)) = icat.search_rows(SESSION, "Dataset").await else { panic!("no time-out") };
    assert!(e.is_timeout());
    assert_eq!(server.requests().len(), 1);
}

/// Everything that could be logged of an error.
fn all_of(e: &(dyn Error + 'static)) -> String {
    let mut text = format!("{e:?} {e:#?}");
    let mut source = Some(e);
    while let Some(e) = source {
        text.push_str(&e.to_string());
        source = e.source();
    }
    text
}

#[tokio::test]
async fn no_error_tells_the_session_id() {
    let echo =
        r#"{"code":"SESSION","message":"Unable to find user by sessionid: 5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"}"#;
    let odd = r#"{"code":"NEW","message":"5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"}"#;
    let html = "<p>5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10</p>";
    let answers = [
        Answer::Body(403, echo),
        Answer::Body(500, odd),
        Answer::Body(500, html),
        Answer::Body(503, html),
        Answer::Body(200, html),
        Answer::Body(200, r#""5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10""#),
        Answer::Redirect,
        Answer::Never,
    ];
    let mut errors = Vec::new();
    for answer in answers {
        let server = Server::start_with_answers(vec![answer]).await;
        let icat = new_client(&server.root()).with_timeout(Duration::from_millis(500));
        errors.push(icat.search_rows(SESSION, "Dataset").await.unwrap_err());
        errors.push(icat.get_session(SESSION).await.unwrap_err());
        errors.push(icat.find_readable_rows(SESSION, "Dataset", None).await.unwrap_err());
        errors.push(icat.create_entities(SESSION, &[]).await.unwrap_err().error);
        errors.push(icat.delete_entities(SESSION, "Dataset", &[1]).await.err().map_or_else(
            || IcatError::Nonsense("nothing: a call without an answer body succeeds".to_owned()),
            |e| e.error,
        ));
    }
    let nobody = Arc::new(Directory { asked: AtomicUsize::new(0), refused: usize::MAX });
    errors.push(client_through_directory(&nobody, 9).get_session(SESSION).await.unwrap_err());
    errors.push(new_client("not an address").get_session(SESSION).await.unwrap_err());
    assert_eq!(errors.len(), 42);
    for e in &errors {
        let text = all_of(e);
        assert!(!text.contains(SESSION) && !text.contains("http://") && !text.contains("sessionId"), "{text}");
    }
    let kept = "Unable to find user by sessionid: ***";
    assert!(matches!(&errors[0], IcatError::Refused { code: IcatCode::Session, message } if message == kept));
}

#[tokio::test]
async fn no_error_tells_the_password() {
    let echo = r#"{"code":"INTERNAL","message":"in json {\"username\":\"ada\",\"password\":\"hunter2\"}"}"#;
    let server = Server::start_with_answers(vec![Answer::Body(500, echo)]).await;
    let login = new_client(&server.root()).login("db", &[("username", "ada"), ("password", "hunter2")]).await;
    let text = all_of(&login.unwrap_err());
    assert!(text.contains("ada") && text.contains("***") && !text.contains("hunter2"), "{text}");
}

/// URLs are logged by proxies.
#[tokio::test]
async fn a_token_is_sent_in_the_header_and_a_session_id_where_icat_server_takes_it() {
    let server = Server::start_with_answers(vec![Answer::Body(200, "[7]")]).await;
    let client = new_client(&server.root());
    let handle = format!("{}abc", service_kit::SESSION_HANDLE_PREFIX);
    for credential in [SESSION, "head.body.signature", &handle] {
        assert_eq!(client.search_rows(credential, "Dataset.id").await.unwrap(), [json!(7)]);
    }
    let bearer = |credential: &str| format!("Bearer {credential}");
    let expected = [String::new(), bearer("head.body.signature"), bearer(&handle)];
    assert_eq!(server.header_values("authorization"), expected);
    let url = "GET /icat/entityManager?query=Dataset.id";
    let with_session = format!("GET /icat/entityManager?sessionId={SESSION}&query=Dataset.id");
    assert_eq!(server.requests(), [with_session.as_str(), url, url]);
}
