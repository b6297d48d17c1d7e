//! How long addresses and answers get, and when a nightly comparison is due.

use icat_client::client::{Filter, RequestLimits, is_comparison_due, split_by_ids};
use icat_client::{IcatClient, Query, QueryError, Select};

use crate::server::{Answer, Server};

fn new_client(root: &str) -> IcatClient {
    IcatClient::new(reqwest::Client::builder().build().unwrap(), root)
}

fn dataset_query() -> Query {
    Select::values("Datafile", &["id", "name"]).filter(Filter::not_null("location")).build().unwrap()
}

/// The ids in a query's list.
fn ids_of(text: &str) -> Vec<i64> {
    let list = text.split_once(".id IN (").unwrap().1.split_once(')').unwrap().0;
    list.split(',').map(|id| id.parse().unwrap()).collect()
}

/// The ids in the list of an address.
fn ids_in_request(request: &str) -> Vec<i64> {
    let list = request.split_once("IN+%28").unwrap().1.split_once("%29").unwrap().0;
    list.split("%2C").map(|id| id.parse().unwrap()).collect()
}

#[test]
fn a_list_is_cut_at_the_last_byte_that_fits() {
    let icat = new_client("http://icat.example");
    let url_bytes = |text: &str| icat.search_url_bytes("s", text);
    let ids: Vec<i64> =
        (0..60).map(|n| 7_i64.pow(n % 12) * if n % 5 == 0 { -1 } else { 1 }).chain([i64::MAX]).collect();
    let mut wanted = ids.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let one =
        icat.search_url_bytes("s", "SELECT o.id, o.name FROM Datafile o WHERE o.location IS NOT NULL AND o.id IN ()");
    let longest = one + i64::MAX.to_string().len();
    for limit in longest..longest + 500 {
        let limits = RequestLimits { url_bytes: limit, max_entities: 10_000 };
        let texts: Vec<String> =
            split_by_ids(&dataset_query(), &ids, limits, url_bytes).unwrap().iter().map(Query::to_string).collect();
        let lists: Vec<Vec<i64>> = texts.iter().map(|text| ids_of(text)).collect();
        assert_eq!(lists.concat(), wanted, "{limit}");
        for (text, next) in texts.iter().zip(lists.iter().skip(1).map(|list| list[0]).map(Some).chain([None])) {
            assert!(url_bytes(text) <= limit, "{limit}");
            let more = next.map(|next| text.replacen("o.id IN (", &format!("o.id IN ({next},"), 1));
            assert!(more.is_none_or(|more| url_bytes(&more) > limit), "{limit}: one more id would have fitted");
        }
    }
    let limits = RequestLimits { url_bytes: longest - 1, max_entities: 10_000 };
    assert_eq!(split_by_ids(&dataset_query(), &ids, limits, url_bytes).unwrap_err(), QueryError::TooLong(longest - 1));
    assert!(split_by_ids(&dataset_query(), &[], limits, url_bytes).unwrap().is_empty());
}

#[test]
fn a_list_is_cut_where_the_answer_would_be_too_large() {
    let icat = new_client("http://icat.example");
    let ids: Vec<i64> = (1..=10).collect();
    let sizes = |select: Select, max_entities| {
        let queries = icat.split_by_ids("s", &select.build().unwrap(), &ids, max_entities)?;
        Ok(queries.iter().map(|query| ids_of(&query.to_string()).len()).collect::<Vec<usize>>())
    };
    assert_eq!(sizes(Select::rows("Dataset"), 4), Ok(vec![4, 4, 2]));
    assert_eq!(sizes(Select::rows("Dataset"), 10), Ok(vec![10]));
    assert_eq!(sizes(Select::rows("Dataset").include("investigation.facility"), 12), Ok(vec![4, 4, 2]));
    assert_eq!(sizes(Select::rows("Dataset").include("investigation.facility"), 2), Err(QueryError::Unbounded));
    assert_eq!(sizes(Select::rows("Dataset").include("datafiles"), 10_000), Err(QueryError::Unbounded));
}

#[test]
fn seven_kibibytes_hold_some_six_hundred_ids() {
    let icat = new_client("https://icat.example.org:8181");
    let session = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
    let ids: Vec<i64> = (12_000_000..12_010_000).collect();
    let queries = icat.split_by_ids(session, &dataset_query(), &ids, 10_000).unwrap();
    let longest = queries.iter().map(|query| icat.search_url_bytes(session, &query.to_string())).max();
    assert_eq!((queries.len(), longest), (16, Some(7158)), "another id takes 11 bytes, and 7168 are allowed");
}

#[tokio::test]
async fn pages_of_a_long_list_keep_each_address_short() {
    let server = Server::start_with_answers(vec![Answer::Body(200, "{}"), Answer::Body(200, "[]")]).await;
    let icat = new_client(&server.root()).with_max_url_bytes(500);
    let ids: Vec<i64> = (1..=200).collect();
    let pages = icat.pages_by_ids("s", &dataset_query(), "dataset.id", &ids).unwrap();
    assert!(pages.collect_rows().await.unwrap().is_empty());
    let requests = server.requests();
    assert_eq!(requests[0], "GET /icat/properties");
    let lengths: Vec<usize> = requests[1..].iter().map(|request| request.len() - 4 + server.root().len()).collect();
    let asked: Vec<i64> = requests[1..].iter().flat_map(|request| ids_in_request(request)).collect();
    assert_eq!((lengths.len(), asked), (4, ids.clone()));
    assert!(lengths.iter().all(|length| *length <= 500), "{lengths:?}");
    let wrong = icat.pages_by_ids("s", &dataset_query(), "name", &ids).unwrap_err();
    assert_eq!(wrong, QueryError::Kind("name".to_owned()));
}

#[tokio::test]
async fn only_queries_with_ids_and_without_an_order_have_pages() {
    let icat = new_client("http://icat.example");
    let without = [
        Select::values("Dataset", &["name"]),
        Select::count("Dataset"),
        Select::rows("Dataset").order_by("name"),
        Select::rows("Dataset").limit(0, 5),
    ];
    for select in without {
        assert!(matches!(icat.pages("s", select.build().unwrap()), Err(QueryError::Clauses(_))));
    }
}

#[tokio::test]
async fn rows_in_another_order_end_the_reading() {
    let server =
        Server::start_with_answers(vec![Answer::Body(200, r#"{"maxEntities":2}"#), Answer::Body(200, "[1,2]")]).await;
    let icat = new_client(&server.root());
    let query = Select::values("Dataset", &["id"]).build().unwrap();
    let e = icat.pages("s", query).unwrap().collect_rows().await.unwrap_err();
    assert_eq!(e.to_string(), "ICAT answered rows that are not in the requested order");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn the_limit_of_entities_is_asked_once() {
    let server =
        Server::start_with_answers(vec![Answer::Body(200, r#"{"maxEntities":500,"lifetimeMinutes":120}"#)]).await;
    let icat = new_client(&server.root());
    let same = icat.clone().with_max_url_bytes(100);
    assert_eq!((icat.get_max_entities().await.unwrap(), same.get_max_entities().await.unwrap()), (500, 500));
    assert_eq!(server.requests(), ["GET /icat/properties"]);
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_limit_has_the_usual_one() {
    let silent = Server::start_with_answers(vec![Answer::Body(200, "{}")]).await;
    let icat = new_client(&silent.root());
    assert_eq!((icat.get_max_entities().await.unwrap(), icat.get_max_entities().await.unwrap()), (10_000, 10_000));
    assert_eq!(silent.requests().len(), 1);

    let refusal = r#"{"code":"INTERNAL","message":"No authenticator of type db is working"}"#;
    let answers = vec![Answer::Body(500, refusal), Answer::Body(200, r#"{"maxEntities":5}"#)];
    let recovering = Server::start_with_answers(answers).await;
    let icat = new_client(&recovering.root());
    assert_eq!((icat.get_max_entities().await.unwrap(), icat.get_max_entities().await.unwrap()), (10_000, 5));
}

#[test]
fn a_nightly_comparison_is_due_once_after_its_hour() {
    let due = |last: &str, now: &str| {
        let last = Some(last).filter(|last| !last.is_empty()).map(|last| last.parse().unwrap());
        is_comparison_due(last, now.parse().unwrap(), 2)
    };
    assert!(due("", "2026-01-12T01:00:00Z"), "never run");
    assert!(!due("2026-01-11T02:00:00Z", "2026-01-12T01:59:59.999Z"));
    assert!(due("2026-01-11T02:00:00Z", "2026-01-12T02:00:00Z"));
    assert!(!due("2026-01-12T02:00:00Z", "2026-01-12T02:00:00Z"));
    assert!(!due("2026-01-12T02:00:00Z", "2026-01-13T01:00:00Z"));
    assert!(due("2026-01-12T01:59:59Z", "2026-01-12T23:00:00Z"), "late is better than never");
    assert!(due("2026-01-01T12:00:00Z", "2026-01-12T00:00:00Z"), "after a long stop");
    assert!(!due("2026-01-13T00:00:00Z", "2026-01-12T12:00:00Z"), "a clock that was set back");
}
