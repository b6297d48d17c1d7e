//! What the caller may read of an entity, as ids of the rows that decide.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use icat::AuthorizationConfig;
use icat::authorization::{ReadableLimits, ReadableRows, RuleCache, find_readable_rows};
use icat::grants::synchronize_grants;
use icat::query::{ParseContext, QueryEnvironment};
use icat_client::schema::find_entity;
use jiff::tz::TimeZone;
use reqwest::header::HeaderMap;
use roaring::RoaringTreemap;
use serde_json::{Value, json};
use service_kit::{Clock as _, Micros};

use crate::rest_client::Client;

/// Sets of one id, written by hand after the specification of the format: one bitmap of 32 bits, its upper half 0, the cookie, one
/// container with one value.
const IDS_7: &str = "AQAAAAAAAAAAAAAAOjAAAAEAAAAAAAAAEAAAAAcA";
const IDS_8: &str = "AQAAAAAAAAAAAAAAOjAAAAEAAAAAAAAAEAAAAAgA";
const IDS_12: &str = "AQAAAAAAAAAAAAAAOjAAAAEAAAAAAAAAEAAAAAwA";

/// An answer without its headers, except those for caches.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    etag: String,
    cache_control: String,
    body: String,
}

impl Answer {
    /// The ids of each path.
    fn list_ids(&self) -> BTreeMap<String, Vec<u64>> {
        assert_eq!(self.status, 200, "{}", self.body);
        let answer: Value = serde_json::from_str(&self.body).unwrap();
        let rows = answer["rows"].as_array().into_iter().flatten();
        rows.map(|row| (row["path"].as_str().unwrap().to_owned(), decode_ids(row["ids"].as_str().unwrap()))).collect()
    }
}

fn decode_ids(text: &str) -> Vec<u64> {
    RoaringTreemap::deserialize_from(STANDARD.decode(text).unwrap().as_slice()).unwrap().iter().collect()
}

fn read_header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn get_readable(c: &Client, session: &str, entity: &str, if_none_match: Option<&str>) -> Answer {
    let url = format!("{}/icat/readable/{entity}", c.app.public);
    let mut request = c.app.http.get(url).query(&[("sessionId", session)]);
    if let Some(tags) = if_none_match {
        request = request.header("if-none-match", tags);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let (etag, cache_control) = (read_header(answer.headers(), "etag"), read_header(answer.headers(), "cache-control"));
    Answer { status, etag, cache_control, body: answer.text().await.unwrap() }
}

/// Investigations 7 and 9, with the datasets 8 and 10 and the files 11 and 12, and a session of ada (3), whom no rule mentions yet.
async fn create_facility(c: &Client) -> String {
    c.create_entities(
        r#"[{"Facility":{"name":"SRC"}},{"Grouping":{"name":"staff"}},{"User":{"name":"db/ada"}},{"User":{"name":"db/bob"}}]"#,
    )
    .await;
    c.create_entities(r#"[{"InvestigationType":{"name":"MX","facility":{"id":1}}},{"DatasetType":{"name":"raw","facility":{"id":1}}}]"#)
        .await;
    let investigation = |name: &str| {
        json!({"Investigation": {"name": name, "visitId": "1", "title": "t", "facility": {"id": 1}, "type": {"id": 5},
            "datasets": [{"name": name, "type": {"id": 6}}]}})
    };
    let ids = c.create_entities(&json!([investigation("MX-1"), investigation("MX-2")]).to_string()).await;
    assert_eq!(ids, [7, 9]);
    let file = |dataset: i64| json!({"Datafile": {"name": format!("f{dataset}"), "dataset": {"id": dataset}}});
    assert_eq!(c.create_entities(&json!([file(8), file(10)]).to_string()).await, [11, 12]);
    Client::log_in(&c.app, "db").await
}

async fn create_rule(c: &Client, what: &str, grouping: Option<i64>) -> i64 {
    let mut rule = json!({"crudFlags": "R", "what": what});
    if let Some(grouping) = grouping {
        rule["grouping"] = json!({"id": grouping});
    }
    c.create_entities(&json!({"Rule": rule}).to_string()).await[0]
}

fn parse_context() -> ParseContext {
    ParseContext { time_zone: TimeZone::UTC }
}

#[tokio::test]
async fn the_rows_that_decide_are_listed_by_the_paths_to_them() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        let body_of = async |session: &str, entity: &str| {
            let answer = get_readable(&c, session, entity, None).await;
            assert_eq!((answer.status, answer.cache_control.as_str()), (200, "private, no-cache"), "{}", answer.body);
            answer.body
        };
        assert_eq!(body_of(&c.session, "Datafile").await, r#"{"entity":"Datafile","access":"all"}"#, "root");
        assert_eq!(body_of(&ada, "Datafile").await, r#"{"entity":"Datafile","access":"none"}"#);

        create_rule(&c, "Datafile <-> Dataset <-> Investigation [name = 'MX-1']", None).await;
        create_rule(&c, "SELECT f FROM Datafile f WHERE f.dataset.name = 'MX-1' AND f.dataset.complete = FALSE", None)
            .await;
        create_rule(&c, "Datafile [name = 'f10']", None).await;
        // Of a group in which ada is not.
        create_rule(&c, "Datafile [name = 'f8']", Some(2)).await;
        let rows = format!(
            r#"[{{"path":"dataset.investigation","entity":"Investigation","ids":"{IDS_7}"}},{{"path":"dataset","entity":"Dataset","ids":"{IDS_8}"}},{{"path":"","entity":"Datafile","ids":"{IDS_12}"}}]"#
        );
        let expected = format!(r#"{{"entity":"Datafile","access":"rows","complete":true,"rows":{rows}}}"#);
        assert_eq!(body_of(&ada, "Datafile").await, expected);

        create_rule(&c, "Investigation [name = 'none']", None).await;
        let empty = r#"{"entity":"Investigation","access":"rows","complete":true,"rows":[]}"#;
        assert_eq!(body_of(&ada, "Investigation").await, empty, "a rule that covers nothing");
        create_rule(&c, "Datafile", None).await;
        assert_eq!(body_of(&ada, "Datafile").await, r#"{"entity":"Datafile","access":"all"}"#, "a public table");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn rules_with_the_same_path_are_one_list_with_and_without_sets() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        create_rule(&c, "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]", None)
            .await;
        create_rule(
            &c,
            "SELECT f FROM Datafile f JOIN f.dataset.investigation i JOIN i.keywords k WHERE k.name = 'public'",
            None,
        )
        .await;
        create_rule(&c, "SELECT f FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP", None)
            .await;
        let member = json!([
            {"InvestigationUser": {"role": "PI", "user": {"id": 3}, "investigation": {"id": 7}}},
            {"Keyword": {"name": "public", "investigation": {"id": 7}}},
            {"Investigation": {"id": 9, "releaseDate": "2000-01-01T00:00:00Z"}}
        ]);
        c.create_entities(&member.to_string()).await;
        let mut answers = Vec::new();
        for uses_sets in [false, true] {
            if uses_sets {
                synchronize_grants(c.app.db("icat"), &parse_context()).await.unwrap();
            }
            let answer = get_readable(&c, &ada, "Datafile", None).await;
            assert_eq!(answer.list_ids(), BTreeMap::from([("dataset.investigation".to_owned(), vec![7, 9])]));
            assert!(answer.body.contains(r#""complete":true"#), "{}", answer.body);
            answers.push(answer);
        }
        assert_eq!(answers[0], answers[1], "sets change nothing");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        create_rule(&c, "Datafile [name = 'f8']", None).await;
        let first = get_readable(&c, &ada, "Datafile", None).await;
        assert!(first.etag.starts_with('"') && first.etag.len() == 66, "{}", first.etag);
        let unchanged = Answer { status: 304, body: String::new(), ..get_readable(&c, &ada, "Datafile", None).await };
        assert_eq!(unchanged.etag, first.etag);
        for tags in [first.etag.clone(), format!("W/{}", first.etag), format!("\"x\", {}", first.etag), "*".to_owned()]
        {
            assert_eq!(get_readable(&c, &ada, "Datafile", Some(&tags)).await, unchanged, "{tags}");
        }
        for tags in ["\"x\"", "", "no tag"] {
            assert_eq!(get_readable(&c, &ada, "Datafile", Some(tags)).await, first, "{tags}");
        }
        c.create_entities(r#"{"Datafile":{"id":12,"name":"f8"}}"#).await;
        let changed = get_readable(&c, &ada, "Datafile", Some(&first.etag)).await;
        assert_eq!(changed.list_ids(), BTreeMap::from([(String::new(), vec![11, 12])]));
        assert_ne!(changed.etag, first.etag);
        c.create_entities(r#"{"Datafile":{"id":12,"name":"f10"}}"#).await;
        assert_eq!(get_readable(&c, &ada, "Datafile", Some(&first.etag)).await, unchanged, "as before");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn memberships_that_end_and_release_dates_that_pass_change_the_answer() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        let to_user = "<-> InvestigationUser <-> User [name = :user]";
        create_rule(&c, &format!("Datafile <-> Dataset <-> Investigation {to_user}"), None).await;
        create_rule(&c, "SELECT f FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP", None)
            .await;
        create_rule(&c, "Datafile <-> Dataset [name = 'MX-2']", Some(2)).await;
        synchronize_grants(c.app.db("icat"), &parse_context()).await.unwrap();
        let mut etag = String::new();
        let mut assert_rows = async |what: &str, paths: &[(&str, &[u64])]| {
            let answer = get_readable(&c, &ada, "Datafile", Some(etag.as_str()).filter(|etag| !etag.is_empty())).await;
            let expected = paths.iter().map(|(path, ids)| ((*path).to_owned(), ids.to_vec())).collect();
            assert_eq!(answer.list_ids(), expected, "{what}");
            etag = answer.etag;
        };
        let investigation = "dataset.investigation";
        assert_rows("nothing", &[]).await;
        let member = r#"{"InvestigationUser":{"role":"PI","user":{"id":3},"investigation":{"id":7}}}"#;
        let member = c.create_entities(member).await[0];
        assert_rows("a member", &[(investigation, &[7])]).await;
        let in_group = c.create_entities(r#"{"UserGroup":{"user":{"id":3},"grouping":{"id":2}}}"#).await[0];
        assert_rows("in the group", &[(investigation, &[7]), ("dataset", &[10])]).await;
        c.delete_entities(&json!({"UserGroup": {"id": in_group}}).to_string()).await;
        assert_rows("out of the group", &[(investigation, &[7])]).await;
        c.delete_entities(&json!({"InvestigationUser": {"id": member}}).to_string()).await;
        assert_rows("a member no more", &[]).await;

        let release = c.app.clock.now() + jiff::SignedDuration::from_mins(30);
        c.create_entities(&json!({"Investigation": {"id": 9, "releaseDate": release.to_string()}}).to_string()).await;
        let before = get_readable(&c, &ada, "Datafile", None).await;
        assert_eq!(before.list_ids(), BTreeMap::new(), "an embargo");
        c.app.clock.advance_seconds(30 * 60 + 1);
        assert_rows("released", &[(investigation, &[9])]).await;
        c.app.stop().await;
    }
}

#[tokio::test]
async fn requests_are_refused_in_the_error_format_of_icat() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        let unknown = get_readable(&c, &ada, "datafile", None).await;
        let text = r#"{"code":"BAD_PARAMETER","message":"datafile is not an ICAT entity; names are case-sensitive, such as Datafile"}"#;
        assert_eq!((unknown.status, unknown.body.as_str(), unknown.etag.as_str()), (400, text, ""));
        let stranger = get_readable(&c, "x", "Datafile", None).await;
        let text = r#"{"code":"SESSION","message":"Unable to find user by sessionid: x"}"#;
        assert_eq!((stranger.status, stranger.body.as_str()), (403, text));
        let url = format!("{}/icat/readable/Datafile", c.app.public);
        let bearer = c.app.http.get(&url).bearer_auth(&ada).send().await.unwrap();
        assert_eq!(bearer.text().await.unwrap(), r#"{"entity":"Datafile","access":"none"}"#);
        let none = c.app.http.get(&url).send().await.unwrap();
        assert_eq!(none.status().as_u16(), 403);
        c.app.stop().await;
    }
}

#[tokio::test]
async fn rules_that_cannot_be_listed_are_left_out() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        create_rule(&c, "Datafile <-> Dataset <-> Investigation [name = 'MX-1']", None).await;
        let failing = create_rule(&c, "SELECT f FROM Datafile f WHERE f.id + 9223372036854775807 > 0", None).await;
        let answer = get_readable(&c, &ada, "Datafile", None).await;
        let rows = format!(r#"[{{"path":"dataset.investigation","entity":"Investigation","ids":"{IDS_7}"}}]"#);
        let expected = format!(r#"{{"entity":"Datafile","access":"rows","complete":false,"rows":{rows}}}"#);
        assert_eq!(answer.body, expected, "a rule that can fail");
        c.delete_entities(&json!({"Rule": {"id": failing}}).to_string()).await;

        create_rule(&c, "Datafile [name LIKE 'f%']", None).await;
        for (max_ids, complete, expected) in
            [(3, true, vec![vec![7], vec![11, 12]]), (2, false, vec![vec![7]]), (0, false, vec![])]
        {
            let limits = ReadableLimits { max_ids, ..ReadableLimits::DEFAULT };
            assert_eq!(find_rows_of_ada(&c, limits).await, (complete, expected), "at most {max_ids} ids");
        }
        // 2³⁰ pairs of each file with users.
        let users: Vec<String> = (0..30).map(|n| format!("User u{n}")).collect();
        create_rule(&c, &format!("SELECT f FROM Datafile f, {}", users.join(", ")), None).await;
        let limits = ReadableLimits { timeout: Duration::from_secs(1), ..ReadableLimits::DEFAULT };
        assert_eq!(find_rows_of_ada(&c, limits).await, (false, vec![vec![7], vec![11, 12]]), "an endless rule");
        assert_eq!(get_readable(&c, &ada, "Dataset", None).await.status, 200, "the database goes on");
        c.app.stop().await;
    }
}

/// Whether the lists of datafiles that ada may read are complete, and their ids.
async fn find_rows_of_ada(c: &Client, limits: ReadableLimits) -> (bool, Vec<Vec<u64>>) {
    let rules = RuleCache::new(Vec::new(), AuthorizationConfig::STRICT, parse_context());
    let mut tx = c.app.db("icat").read().await.unwrap();
    let rights = rules.load_rights(&mut tx, "db/ada".to_owned()).await.unwrap();
    let env = QueryEnvironment {
        user: "db/ada",
        now: c.app.clock.now_micros(),
        start_of_today: Micros::from_i64(0),
        engine: tx.engine(),
        row_cap: 10,
        strict: true,
        granted_user: Some(rights.granted_user()),
    };
    let datafile = find_entity("Datafile").unwrap();
    let found = find_readable_rows(&mut tx, &rights, datafile, &env, limits).await.unwrap();
    let ReadableRows::Rows { rows, complete } = found else { panic!("{found:?}") };
    (complete, rows.iter().map(|row| row.ids.iter().collect()).collect())
}
