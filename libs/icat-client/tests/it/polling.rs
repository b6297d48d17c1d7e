//! What a poll asks of an icat.server that lives in a time zone of its own.

use icat_client::IcatClient;
use icat_client::client::{ChangePoller, PollSettings, Positions};
use jiff::tz::TimeZone;

use crate::server::{Answer, Server};

const ROW: &str = r#"[[7,"2026-07-01T12:00:00.500+02:00"]]"#;
const CHANGED: &str = r#"[[7,"2026-07-01T13:00:00.000+02:00"]]"#;

fn new_poller(server: &Server) -> ChangePoller {
    let icat = IcatClient::new(reqwest::Client::builder().build().unwrap(), &server.root());
    let settings = PollSettings { zone: TimeZone::get("Europe/Paris").unwrap(), ..PollSettings::default() };
    ChangePoller::new(icat, &["Dataset"], settings, Positions::new()).unwrap()
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
    let body = |text| Answer::Body(200, text);
    let server = Server::start_with_answers(vec![body(ROW), body(ROW), body("{}"), body(ROW)]).await;
    let mut poller = new_poller(&server);
    let changes = poller.poll_changes("s").await.unwrap();
    assert_eq!((changes.len(), changes[0].mod_time.to_string().as_str()), (1, "2026-07-01T10:00:00.5Z"));
    assert!(poller.poll_changes("s").await.unwrap().is_empty());
    let columns = "SELECT o.id, o.modTime FROM Dataset o";
    let expected = [
        " ORDER BY o.id DESC LIMIT 0,1",
        " WHERE o.id = 7 AND o.modTime BETWEEN {ts 2026-07-01 12:00:00} AND {ts 2026-07-01 12:00:01}",
        " ORDER BY o.modTime, o.id LIMIT 0,1000",
        " WHERE o.modTime >= {ts 2026-07-01 11:59:55} ORDER BY o.modTime, o.id LIMIT 0,1000",
    ];
    assert_eq!(sent_queries(&server), expected.map(|rest| format!("{columns}{rest}")));
}

#[tokio::test]
async fn a_row_that_changes_while_the_zone_is_tried_proves_nothing() {
    let body = |text| Answer::Body(200, text);
    let answers = vec![body(ROW), body("[]"), body(CHANGED), body("{}"), body(CHANGED)];
    let server = Server::start_with_answers(answers).await;
    let mut poller = new_poller(&server);
    assert_eq!(poller.poll_changes("s").await.unwrap().len(), 1);
    poller.poll_changes("s").await.unwrap();
    assert_eq!(sent_queries(&server).len(), 7, "and it is tried again");

    let wrong = Server::start_with_answers(vec![body(ROW), body("[]"), body(ROW)]).await;
    assert!(self::new_poller(&wrong).poll_changes("s").await.is_err());
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
