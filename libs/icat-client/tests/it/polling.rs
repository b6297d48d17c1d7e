//! What a poll asks of an icat.server that lives in a time zone of its own.

use icat_client::IcatClient;
use icat_client::client::{ChangePoller, PollSettings, Positions};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::server::{Answer, Server};

const ROW: &str = r#"[[7,"2026-07-01T12:00:00.500+02:00"]]"#;
const CHANGED: &str = r#"[[7,"2026-07-01T13:00:00.000+02:00"]]"#;

fn new_poller(server: &Server) -> ChangePoller {
    let icat = IcatClient::new(reqwest::Client::builder().build().unwrap(), &server.root());
    let settings = PollSettings { zone: TimeZone::get("Europe/Paris").unwrap(), ..PollSettings::default() };
    ChangePoller::new(icat, &["Dataset"], settings, Positions::new()).unwrap()
}

fn body_answer(text: &'static str) -> Answer {
    Answer::Body(200, text)
}

/// Five minutes after the last row.
fn moment_after_rows() -> Timestamp {
    "2026-07-01T11:05:00Z".parse().unwrap()
}

/// The text of the query in each search so far.
fn sent_queries(server: &Server) -> Vec<String> {
    let searches = server.requests().into_iter().filter(|request| request.contains("&query="));
    let plain = |text: &str| {
        let signs = [("+", " "), ("%2C", ","), ("%3A", ":"), ("%3D", "="), ("%3E", ">"), ("%7B", "{"), ("%7D", "}")];
        signs.iter().fold(text.to_owned(), |text, (code, sign)| text.replace(code, sign))
    };
    searches.map(|request| plain(request.split_once("&query=").unwrap().1)).collect()
}

#[tokio::test]
async fn times_are_asked_for_in_the_zone_of_the_server() {
    let server = Server::start_with_answers([ROW, ROW, "{}", ROW].map(body_answer).to_vec()).await;
    let mut poller = new_poller(&server);
    let changes = poller.poll_changes("s", moment_after_rows()).await.unwrap();
    assert_eq!((changes.len(), changes[0].mod_time.to_string().as_str()), (1, "2026-07-01T10:00:00.5Z"));
    assert!(poller.poll_changes("s", moment_after_rows()).await.unwrap().is_empty());
    let columns = "SELECT o.id, o.modTime FROM Dataset o";
    let newest = " ORDER BY o.modTime DESC, o.id DESC LIMIT 0,1";
    let expected = [
        newest,
        " WHERE o.id = 7 AND o.modTime BETWEEN {ts 2026-07-01 12:00:00} AND {ts 2026-07-01 12:00:01}",
        " ORDER BY o.modTime, o.id LIMIT 0,1000",
        newest,
        " WHERE o.modTime >= {ts 2026-07-01 11:59:55} ORDER BY o.modTime, o.id LIMIT 0,1000",
    ];
    assert_eq!(sent_queries(&server), expected.map(|rest| format!("{columns}{rest}")));
}

#[tokio::test]
async fn a_row_that_changes_while_the_zone_is_tried_proves_nothing() {
    let answers = [ROW, "[]", CHANGED, "{}", CHANGED].map(body_answer);
    let server = Server::start_with_answers(answers.to_vec()).await;
    let mut poller = new_poller(&server);
    assert_eq!(poller.poll_changes("s", moment_after_rows()).await.unwrap().len(), 1);
    poller.poll_changes("s", moment_after_rows()).await.unwrap();
    assert_eq!(sent_queries(&server).len(), 7, "and it is tried again");

    let wrong = Server::start_with_answers([ROW, "[]", ROW].map(body_answer).to_vec()).await;
    assert!(new_poller(&wrong).poll_changes("s", moment_after_rows()).await.is_err());
}

#[tokio::test]
async fn rows_before_the_time_that_was_asked_for_prove_a_wrong_zone() {
    let server = Server::start_with_answers([CHANGED, CHANGED, "{}", ROW].map(body_answer).to_vec()).await;
    let mut poller = new_poller(&server);
    poller.start_at("2026-07-01T10:59:00Z".parse().unwrap());
    assert!(poller.poll_changes("s", moment_after_rows()).await.is_err());
}

#[tokio::test]
async fn a_time_in_the_future_hides_no_later_change() {
    const FUTURE: &str = r#"[[9,"2099-01-01T00:00:00.000Z"]]"#;
    const FIRST: &str = r#"[[7,"2026-07-01T12:00:00.500+02:00"],[9,"2099-01-01T00:00:00.000Z"]]"#;
    const SECOND: &str = r#"[[8,"2026-07-01T12:00:02.000+02:00"],[9,"2099-01-01T00:00:00.000Z"]]"#;
    let answers = [FUTURE, FUTURE, FUTURE, "{}", FIRST, FUTURE, SECOND, FUTURE, SECOND, "[]"].map(body_answer);
    let server = Server::start_with_answers(answers.to_vec()).await;
    let mut poller = new_poller(&server);
    poller.start_after_newest("s", "2026-07-01T09:50:00Z".parse().unwrap()).await.unwrap();
    for expected in [vec![7, 9], vec![8], vec![]] {
        let changes = poller.poll_changes("s", moment_after_rows()).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.id).collect::<Vec<_>>(), expected);
        poller.settle_positions(&changes, moment_after_rows());
    }
    let later = "2026-07-01T10:30:00Z".parse().unwrap();
    poller.settle_positions(&[], later);
    let position = &poller.positions()["Dataset"];
    assert!(position.mod_time < later.as_millisecond(), "{position:?}");
    assert!(poller.poll_changes("s", later).await.unwrap().is_empty(), "an empty table");
}

#[tokio::test]
async fn positions_survive_as_json() {
    let server =
        Server::start_with_answers(vec![Answer::Body(200, ROW), Answer::Body(200, ROW), Answer::Body(200, "{}")]).await;
    let mut poller = new_poller(&server);
    poller.start_at("2026-07-01T10:00:00Z".parse().unwrap());
    let text = serde_json::to_string(poller.positions()).unwrap();
    assert_eq!(&serde_json::from_str::<Positions>(&text).unwrap(), poller.positions());
    // Of a position made by hand, time and id are enough.
    let by_hand: Positions = serde_json::from_str(r#"{"Dataset":{"mod_time":1782900000000,"id":7}}"#).unwrap();
    assert_eq!(by_hand["Dataset"].id, 7);
}
