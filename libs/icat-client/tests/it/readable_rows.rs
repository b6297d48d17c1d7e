//! What a session may read: answers that are decoded, known, broken, or those of another server.

use icat_client::client::{DecidingRows, ReadableAccess, ReadableAnswer, ReadableRows};
use icat_client::{IcatClient, IcatCode, IcatError};
use roaring::RoaringTreemap;

use crate::server::{Answer, Server};

const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
/// The ids 7 and 9, written by hand after the specification of the format.
const LISTS: &str = r#"{"entity":"Datafile","access":"rows","complete":true,"rows":[
    {"path":"dataset.investigation","entity":"Investigation","ids":"AQAAAAAAAAAAAAAAOjAAAAEAAAAAAAEAEAAAAAcACQA="},
    {"path":"","entity":"Datafile","ids":"AQAAAAAAAAAAAAAAOjAAAAEAAAAAAAAAEAAAAAwA"}]}"#;

fn new_client(server: &Server) -> IcatClient {
    IcatClient::new(reqwest::Client::builder().build().unwrap(), &server.root())
}

async fn find_readable(answer: Answer) -> Result<ReadableAnswer, IcatError> {
    let server = Server::start_with_answers(vec![answer]).await;
    new_client(&server).find_readable_rows(SESSION, "Datafile", None).await
}

fn expect_rows(answer: ReadableAnswer) -> ReadableRows {
    let ReadableAnswer::Found(rows) = answer else { panic!("{answer:?}") };
    rows
}

#[tokio::test]
async fn lists_are_decoded_and_a_known_answer_is_not_sent_again() {
    let answers = vec![Answer::Tagged(200, "\"one\"", LISTS), Answer::Tagged(304, "\"one\"", "")];
    let server = Server::start_with_answers(answers).await;
    let icat = new_client(&server);
    let found = expect_rows(icat.find_readable_rows(SESSION, "Datafile", None).await.unwrap());
    let list = |path: &str, entity: &str, ids: &[u64]| DecidingRows {
        path: path.to_owned(),
        entity: entity.to_owned(),
        ids: ids.iter().copied().collect::<RoaringTreemap>(),
    };
    let expected = ReadableRows {
        access: ReadableAccess::Rows,
        complete: true,
        rows: vec![list("dataset.investigation", "Investigation", &[7, 9]), list("", "Datafile", &[12])],
        etag: Some("\"one\"".to_owned()),
    };
    assert_eq!(found, expected);
    let again = icat.find_readable_rows(SESSION, "Datafile", found.etag.as_deref()).await.unwrap();
    assert_eq!(again, ReadableAnswer::Unchanged);
    let request = format!("GET /icat/readable/Datafile?sessionId={SESSION}");
    assert_eq!(server.requests(), [request.clone(), request]);
    assert_eq!(server.header_values("if-none-match"), ["", "\"one\""]);
}

#[tokio::test]
async fn everything_and_nothing_need_no_lists() {
    for (text, access) in [("all", ReadableAccess::All), ("none", ReadableAccess::None)] {
        let body: &'static str = format!(r#"{{"entity":"Datafile","access":"{text}"}}"#).leak();
        let found = expect_rows(find_readable(Answer::Body(200, body)).await.unwrap());
        assert_eq!(found, ReadableRows { access, complete: true, rows: Vec::new(), etag: None });
    }
}

#[tokio::test]
async fn a_server_without_the_call_is_no_failure() {
    let page = "<html><h1>HTTP Status 404 - Not Found</h1></html>";
    let json = r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this ICAT server."}"#;
    for answer in [Answer::Body(404, page), Answer::Body(404, json), Answer::Body(501, page), Answer::Body(501, json)] {
        assert_eq!(find_readable(answer.clone()).await.unwrap(), ReadableAnswer::Unsupported, "{answer:?}");
    }
    let session =
        r#"{"code":"SESSION","message":"Unable to find user by sessionid: 5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"}"#;
    let refused = find_readable(Answer::Body(403, session)).await.unwrap_err();
    assert!(matches!(refused, IcatError::Refused { code: IcatCode::Session, .. }), "{refused:?}");
    let down = find_readable(Answer::Body(503, page)).await.unwrap_err();
    assert!(matches!(down, IcatError::Unavailable(_)), "{down:?}");
    let internal = find_readable(Answer::Body(500, page)).await.unwrap_err();
    assert!(matches!(internal, IcatError::Nonsense(_)), "{internal:?}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_understood_grants_nothing() {
    for (from, to) in [
        (r#""entity":"Datafile","access""#, r#""entity":"Dataset","access""#),
        (r#""access":"rows""#, r#""access":"most""#),
        (r#""entity":"Investigation""#, r#""entity":"Dataset""#),
        ("EAAAAAcACQA=", "EAAAAAcACQ"),
        ("EAAAAAcACQA=", "EAAAAAcACQAA"),
        ("\"AQAA", "\"AgAA"),
        ("{", "<html>"),
    ] {
        assert!(LISTS.contains(from), "{from}");
        let body: &'static str = LISTS.replacen(from, to, 1).leak();
        let e = find_readable(Answer::Body(200, body)).await.unwrap_err();
        assert_eq!(e.to_string(), "ICAT answered a body that was not asked for", "{body}");
    }
    let e = find_readable(Answer::Body(304, "")).await.unwrap_err();
    assert!(matches!(e, IcatError::Nonsense(_)), "nothing is known: {e:?}");
    // A newer catalogue may know further relations.
    for path in ["dataset.project", "dataset.", ".dataset", "dataset.investigation.name"] {
        let body: &'static str = LISTS.replacen("dataset.investigation", path, 1).leak();
        let found = expect_rows(find_readable(Answer::Body(200, body)).await.unwrap());
        let paths: Vec<&str> = found.rows.iter().map(|list| list.path.as_str()).collect();
        assert_eq!((found.complete, paths), (false, vec![""]), "{path}");
    }
    let without: &'static str = LISTS.replacen(r#""complete":true,"#, "", 1).leak();
    assert!(!expect_rows(find_readable(Answer::Body(200, without)).await.unwrap()).complete);
}
