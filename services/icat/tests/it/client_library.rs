//! The client library with this catalogue, on each engine: every call, hostile texts, answers larger than the server's limit,
//! and polling for changes.

use std::collections::BTreeSet;

use icat_client::client::{
    ChangePoller, Filter, PollSettings, Positions, ReadableAccess, ReadableAnswer, quote_string, wrap_entity,
};
use icat_client::{IcatClient, IcatCode, IcatError, Select};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::{Listener, Mount, Running, ServiceDef};
use testkit::{TestApp, list_backends};

/// An authenticator that accepts every login.
pub const AUTHENTICATOR: ServiceDef = ServiceDef {
    name: "authenticator",
    build: |_| {
        let mount = Mount::new("/authn.simple", Listener::Internal, testkit::FAKE_ICAT_ERRORS)
            .get("/description", async || r#"{"keys":[{"name":"username"},{"name":"password","hide":true}]}"#)
            .post("/authenticate", async || r#"{"username":"root","mechanism":"simple"}"#);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], workers: Vec::new() })))
    },
    ..ServiceDef::EMPTY
};

/// A limit of seven entities, so that all answers are paged.
const SETTINGS: &str = r#"
[catalogue]
max_entities = 7
authn = [{ mnemonic = "simple", url = "self", friendly = "Local account" }]
"#;

struct Catalogue {
    app: TestApp,
    icat: IcatClient,
    session: String,
}

impl Catalogue {
    /// Starts a catalogue on each engine.
    async fn start_on_each_engine(settings: &str) -> Vec<Self> {
        let mut all = Vec::new();
        for backend in list_backends() {
            let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR], settings).await;
            let icat = IcatClient::new(app.http.clone(), &app.public);
            let session = icat.login("simple", &[("username", "x")]).await.unwrap();
            all.push(Self { app, icat, session });
        }
        all
    }

    async fn create_groupings<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> Vec<i64> {
        let items: Vec<Value> =
            names.into_iter().map(|name| wrap_entity("Grouping", json!({"name": name.as_ref()}))).collect();
        self.icat.create_entities(&self.session, &items).await.unwrap()
    }

    async fn find_rows(&self, select: Select) -> Vec<Value> {
        self.icat.query_rows(&self.session, &select.build().unwrap()).await.unwrap()
    }

    async fn read_all_pages(&self, select: Select) -> Vec<Value> {
        self.icat.pages(&self.session, select.build().unwrap()).unwrap().collect_rows().await.unwrap()
    }

    fn new_poller(&self, positions: Positions, zone: &str) -> ChangePoller {
        let zone = TimeZone::get(zone).unwrap();
        let settings = PollSettings { page_rows: 3, zone, ..PollSettings::default() };
        ChangePoller::new(self.icat.clone(), &["Facility", "Grouping"], settings, positions).unwrap()
    }

    async fn poll_ids(&self, poller: &mut ChangePoller) -> Vec<i64> {
        poller.poll_changes(&self.session, self.app.clock.now()).await.unwrap().iter().map(|change| change.id).collect()
    }
}

fn to_ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row.as_i64().unwrap()).collect()
}

fn grouping_ids() -> Select {
    Select::values("Grouping", &["id"])
}

#[tokio::test]
async fn a_session_is_opened_asked_for_refreshed_and_ended() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        assert!(c.icat.get_version().await.unwrap().starts_with("6."));
        let properties = c.icat.get_properties().await.unwrap();
        assert_eq!((properties.max_entities, properties.lifetime_minutes), (Some(7), Some(120)));
        let simple = &properties.authenticators[0];
        assert_eq!((simple.mnemonic.as_str(), simple.keys[1].hide), ("simple", true));
        assert!(c.icat.is_logged_in("simple/root").await.unwrap());
        assert!(!c.icat.is_logged_in("simple/nobody?x/y").await.unwrap());

        c.app.clock.advance_seconds(60);
        let session = c.icat.get_session(&c.session).await.unwrap();
        assert_eq!(session.user_name, "simple/root");
        assert!((session.remaining_minutes - 119.0).abs() < 0.01);
        c.icat.refresh_session(&c.session).await.unwrap();
        assert!((c.icat.get_session(&c.session).await.unwrap().remaining_minutes - 120.0).abs() < 0.01);
        c.icat.end_session(&c.session).await.unwrap();
        let Err(IcatError::Refused { code, message }) = c.icat.get_session(&c.session).await else {
            panic!("it lives")
        };
        assert_eq!((code, message.as_str()), (IcatCode::Session, "Unable to find user by sessionid: ***"));
        c.app.stop().await;
    }
}

#[tokio::test]
async fn what_a_session_may_read_is_found_once_while_it_stays_the_same() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        let find = async |known: Option<&str>| c.icat.find_readable_rows(&c.session, "Dataset", known).await;
        let ReadableAnswer::Found(found) = find(None).await.unwrap() else { panic!("it is not known yet") };
        assert_eq!((found.access, found.complete, found.rows.len()), (ReadableAccess::All, true, 0));
        assert_eq!(find(found.etag.as_deref()).await.unwrap(), ReadableAnswer::Unchanged);
        let unknown = c.icat.find_readable_rows(&c.session, "Dewar", None).await.unwrap_err();
        assert!(matches!(unknown, IcatError::Refused { code: IcatCode::BadParameter, .. }), "{unknown:?}");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn entities_are_created_changed_read_and_deleted() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        let facility = wrap_entity("Facility", json!({"name": "SRC"}));
        let created = c
            .icat
            .create_entities(&c.session, &[facility, wrap_entity("Grouping", json!({"name": "g"}))])
            .await
            .unwrap();
        let (facility, grouping) = (created[0], created[1]);
        let kind = wrap_entity("InvestigationType", json!({"name": "MX", "facility": {"id": facility}}));
        let kind = c.icat.create_entities(&c.session, &[kind]).await.unwrap()[0];

        let query = Select::rows("InvestigationType").include("facility").build().unwrap();
        let read = c.icat.query_entity(&c.session, &query, kind).await.unwrap();
        assert_eq!(read["InvestigationType"]["facility"]["name"], "SRC");
        let plain = Select::rows("InvestigationType").build().unwrap();
        let read = c.icat.query_entity(&c.session, &plain, kind).await.unwrap();
        assert_eq!(read["InvestigationType"]["facility"], Value::Null);

        let change = wrap_entity("Grouping", json!({"id": grouping, "name": "h"}));
        c.icat.update_entities(&c.session, &[change]).await.unwrap();
        assert_eq!(c.find_rows(Select::values("Grouping", &["name"])).await, [json!("h")]);
        let items = [wrap_entity("Grouping", json!({"name": "ok"})), wrap_entity("Grouping", json!({}))];
        let e = c.icat.create_entities(&c.session, &items).await.unwrap_err();
        assert_eq!((e.offset, e.error.to_string()), (Some(1), "Grouping: name cannot be null.".to_owned()));

        let e = c.icat.delete_entities(&c.session, "Grouping", &[grouping, 999_999]).await.unwrap_err();
        assert_eq!(e.offset, Some(1));
        assert!(matches!(e.error, IcatError::Refused { code: IcatCode::NoSuchObjectFound, .. }));
        c.icat.delete_entities(&c.session, "Grouping", &[grouping]).await.unwrap();
        assert_eq!(c.find_rows(Select::count("Grouping")).await, [json!(0)]);
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_hostile_name_finds_itself_and_nothing_else() {
    let names = [
        "O'Brien",
        "' OR 1=1 --",
        "''",
        "'",
        "100%",
        "100x",
        "%",
        "_",
        "a_b",
        "axb",
        "!",
        "!%",
        r"c:\d",
        r"c:\\d",
        "\\",
        "\u{1f9ec}\u{2019}\u{ff07}",
        "\"x\"",
        "a\nb\tc",
        ":user",
        "{ts 2026-01-12 09:00:00}",
        "a&sessionId=b;c#d+e",
    ];
    for c in Catalogue::start_on_each_engine("").await {
        let created = c.create_groupings(names).await;
        for (name, id) in names.iter().zip(created) {
            let found = c.find_rows(grouping_ids().filter(Filter::eq("name", *name))).await;
            assert_eq!(to_ids(&found), [id], "{name:?}");
            let found = c.find_rows(grouping_ids().filter(Filter::one_of("name", [*name, "no such"]))).await;
            assert_eq!(to_ids(&found), [id], "{name:?}");
            let by_text = format!("SELECT g.id FROM Grouping g WHERE g.name = {}", quote_string(name));
            assert_eq!(to_ids(&c.icat.search_rows(&c.session, &by_text).await.unwrap()), [id], "{name:?}");

            let holding = grouping_ids().filter(Filter::contains("name", name));
            let found: BTreeSet<String> = {
                let ids = to_ids(&c.find_rows(holding).await);
                let names = c.find_rows(Select::values("Grouping", &["name"]).filter(Filter::one_of("id", ids))).await;
                names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
            };
            let expected: BTreeSet<String> =
                names.iter().filter(|other| other.contains(name)).map(|&other| other.to_owned()).collect();
            assert_eq!(found, expected, "{name:?}");
        }
        c.app.stop().await;
    }
}

#[tokio::test]
async fn conditions_of_every_kind_are_understood() {
    for c in Catalogue::start_on_each_engine("").await {
        let facility =
            c.icat.create_entities(&c.session, &[wrap_entity("Facility", json!({"name": "SRC"}))]).await.unwrap()[0];
        let kind = wrap_entity("InvestigationType", json!({"name": "MX", "facility": {"id": facility}}));
        let kind = c.icat.create_entities(&c.session, &[kind]).await.unwrap()[0];
        let parameter = |name: &str, value_type: &str, least: Value| {
            wrap_entity(
                "ParameterType",
                json!({"name": name, "units": "K", "valueType": value_type, "minimumNumericValue": least,
                    "facility": {"id": facility}}),
            )
        };
        let items = [parameter("t", "NUMERIC", json!(-1.5)), parameter("s", "STRING", Value::Null)];
        c.icat.create_entities(&c.session, &items).await.unwrap();
        let investigation = json!({"facility": {"id": facility}, "type": {"id": kind}, "name": "MX-1", "visitId": "1",
            "title": "t", "startDate": "2026-02-01T08:00:00.500Z", "keywords": [{"name": "k1"}, {"name": "k2"}]});
        c.icat.create_entities(&c.session, &[wrap_entity("Investigation", investigation)]).await.unwrap();

        let start = jiff::civil::date(2026, 2, 1).at(8, 0, 0, 0);
        let tagged = |name: &str| {
            let keywords = Select::values("Keyword", &["investigation.id"]).filter(Filter::eq("name", name));
            Filter::in_select("id", keywords)
        };
        let cases = [
            ("ParameterType", Filter::eq("valueType", "NUMERIC"), 1),
            ("ParameterType", Filter::le("minimumNumericValue", -1.5), 1),
            ("ParameterType", Filter::is_null("minimumNumericValue"), 1),
            ("ParameterType", Filter::eq("verified", false), 2),
            ("ParameterType", Filter::any(vec![Filter::eq("name", "t"), Filter::eq("name", "s")]), 2),
            ("ParameterType", Filter::eq("name", "t").negated(), 1),
            ("Investigation", Filter::gt("startDate", start), 1),
            ("Investigation", Filter::ge("startDate", start.saturating_add(jiff::Span::new().seconds(1))), 0),
            ("Investigation", Filter::between("startDate", start, start.saturating_add(jiff::Span::new().hours(1))), 1),
            ("Investigation", tagged("k2"), 1),
            ("Investigation", tagged("k3"), 0),
            ("Investigation", Filter::not_null("type"), 1),
            ("Investigation", Filter::eq("createId", icat_client::client::Literal::User), 1),
            ("Keyword", Filter::eq("investigation.facility.name", "SRC"), 2),
        ];
        for (entity, filter, expected) in cases {
            let count = Select::count(entity).filter(filter.clone());
            assert_eq!(c.find_rows(count).await, [json!(expected)], "{entity} {filter:?}");
        }
        c.app.stop().await;
    }
}

#[tokio::test]
async fn more_rows_are_read_than_one_answer_may_have() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        let names: Vec<String> = (0..30).map(|n| format!("g{n}")).collect();
        let created = c.create_groupings(&names).await;
        let refused = c.icat.search_rows(&c.session, "Grouping.id").await;
        assert!(matches!(refused, Err(IcatError::Refused { code: IcatCode::Validation, .. })), "the control");
        assert_eq!(to_ids(&c.read_all_pages(grouping_ids()).await), created);
        let rows = c.read_all_pages(Select::rows("Grouping").filter(Filter::contains("name", "1"))).await;
        assert_eq!(rows.len(), 12);

        let query = Select::values("Grouping", &["name", "id"]).build().unwrap();
        let icat = c.icat.with_max_url_bytes(300);
        let wanted = [created[20], created[3], created[3], 999_999].into_iter().chain(created[5..15].iter().copied());
        let wanted: Vec<i64> = wanted.collect();
        let rows = icat.pages_by_ids(&c.session, &query, "id", &wanted).unwrap().collect_rows().await.unwrap();
        assert_eq!(rows.len(), 12);
        let mut one_by_one = Vec::new();
        for query in c.icat.split_by_ids(&c.session, &query, &wanted, c.icat.get_max_entities().await.unwrap()).unwrap()
        {
            one_by_one.extend(c.icat.query_rows(&c.session, &query).await.unwrap());
        }
        assert_eq!(one_by_one, rows);
        c.app.stop().await;
    }
}

#[tokio::test]
async fn pages_shrink_until_what_is_included_fits() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        let with_rules = |n: usize, rules: usize| {
            let rules: Vec<Value> =
                (0..rules).map(|r| json!({"crudFlags": "R", "what": format!("Dataset [id = {r}]")})).collect();
            wrap_entity("Grouping", json!({"name": format!("g{n}"), "rules": rules}))
        };
        let items: Vec<Value> = [2, 0, 5, 1, 3, 6].iter().enumerate().map(|(n, &rules)| with_rules(n, rules)).collect();
        c.icat.create_entities(&c.session, &items).await.unwrap();
        let rows = c.read_all_pages(Select::rows("Grouping").include("rules")).await;
        let rules: Vec<usize> = rows.iter().map(|row| row["Grouping"]["rules"].as_array().unwrap().len()).collect();
        assert_eq!(rules, [2, 0, 5, 1, 3, 6]);

        c.icat.create_entities(&c.session, &[with_rules(7, 7)]).await.unwrap();
        let query = Select::rows("Grouping").include("rules").build().unwrap();
        let e = c.icat.pages(&c.session, query).unwrap().collect_rows().await.unwrap_err();
        assert!(matches!(e, IcatError::Refused { code: IcatCode::Validation, .. }), "one row alone is too large");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_poll_reports_each_change_once() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        let names: Vec<String> = (0..20).map(|n| format!("g{n}")).collect();
        let mut poller = c.new_poller(Positions::new(), "UTC");
        assert!(c.poll_ids(&mut poller).await.is_empty(), "an empty catalogue");
        let created = c.create_groupings(&names).await;
        let facility =
            c.icat.create_entities(&c.session, &[wrap_entity("Facility", json!({"name": "SRC"}))]).await.unwrap();
        assert_eq!(c.poll_ids(&mut poller).await, [facility, created.clone()].concat(), "20 rows of one moment");
        assert!(c.poll_ids(&mut poller).await.is_empty());

        c.app.clock.advance_seconds(2);
        let change = wrap_entity("Grouping", json!({"id": created[4], "name": "changed"}));
        c.icat.update_entities(&c.session, &[change]).await.unwrap();
        let changes = poller.poll_changes(&c.session, c.app.clock.now()).await.unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].entity, changes[0].id), ("Grouping", created[4]));
        assert_eq!(changes[0].mod_time.to_string(), "2026-01-12T09:00:02Z");

        // A restart: the persisted positions are enough.
        let persisted = serde_json::to_string(poller.positions()).unwrap();
        let mut poller = c.new_poller(serde_json::from_str(&persisted).unwrap(), "UTC");
        assert!(c.poll_ids(&mut poller).await.is_empty());
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_seen_within_the_overlap() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        c.app.clock.advance_seconds(60);
        let mut poller = c.new_poller(Positions::new(), "UTC");
        let first = c.create_groupings(["now"]).await;
        assert_eq!(c.poll_ids(&mut poller).await, first);
        c.app.clock.advance_seconds(-4);
        let late = c.create_groupings(["late"]).await;
        assert_eq!(c.poll_ids(&mut poller).await, late);
        assert!(c.poll_ids(&mut poller).await.is_empty());
        c.app.clock.advance_seconds(-10);
        let too_late = c.create_groupings(["too late"]).await;
        assert!(c.poll_ids(&mut poller).await.is_empty());
        let all = poller.list_ids_after(&c.session, "Grouping", 0).await.unwrap();
        assert_eq!(all, [first, late, too_late].concat(), "the nightly comparison finds it");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_poll_that_fails_reports_nothing_as_seen_and_a_long_one_goes_on_in_the_next() {
    for c in Catalogue::start_on_each_engine(SETTINGS).await {
        let mut created = Vec::new();
        for n in 0..25 {
            created.extend(c.create_groupings([format!("g{n}")]).await);
            c.app.clock.advance_seconds(i64::from(n % 3 == 0));
        }
        let settings = PollSettings { page_rows: 3, batch: 6, ..PollSettings::default() };
        let mut poller = ChangePoller::new(c.icat.clone(), &["Grouping"], settings, Positions::new()).unwrap();
        assert!(poller.poll_changes("no session", c.app.clock.now()).await.is_err());
        let mut seen = Vec::new();
        let mut polls = 0;
        loop {
            let found = c.poll_ids(&mut poller).await;
            if found.is_empty() {
                break;
            }
            assert!(found.len() < 12, "{found:?}");
            seen.extend(found);
            polls += 1;
        }
        assert_eq!(seen, created);
        assert!(polls >= 3, "{polls}");

        let mut from_now = c.new_poller(Positions::new(), "UTC");
        from_now.start_at("2026-01-12T09:01:00Z".parse().unwrap());
        assert!(c.poll_ids(&mut from_now).await.is_empty(), "what is older does not count");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn changes_are_found_through_the_night_on_which_an_hour_comes_twice() {
    let settings = format!("{SETTINGS}time_zone = \"Europe/Paris\"\nlifetime_minutes = 1000000\n");
    for c in Catalogue::start_on_each_engine(&settings).await {
        // From 2026-01-12T09:00Z to 2026-10-24T23:30Z; clocks in Paris go back at 2026-10-25T01:00Z.
        let seconds = "2026-10-24T23:30:00Z".parse::<jiff::Timestamp>().unwrap().as_second()
            - "2026-01-12T09:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        c.app.clock.advance_seconds(seconds);
        let mut poller = c.new_poller(Positions::new(), "Europe/Paris");
        let (mut created, mut seen) = (Vec::new(), Vec::new());
        for n in 0..36 {
            created.extend(c.create_groupings([format!("a{n}"), format!("b{n}")]).await);
            if n % 5 == 0 {
                seen.extend(c.poll_ids(&mut poller).await);
            }
            c.app.clock.advance_seconds(5 * 60);
        }
        seen.extend(c.poll_ids(&mut poller).await);
        assert_eq!(seen, created);
        assert!(c.poll_ids(&mut poller).await.is_empty());
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_poller_with_the_wrong_time_zone_refuses_to_work() {
    let settings = format!("{SETTINGS}time_zone = \"Europe/Paris\"\n");
    for c in Catalogue::start_on_each_engine(&settings).await {
        let created = c.create_groupings(["g"]).await;
        for wrong in ["UTC", "America/Lima", "Asia/Tokyo"] {
            let e =
                c.new_poller(Positions::new(), wrong).poll_changes(&c.session, c.app.clock.now()).await.unwrap_err();
            assert_eq!(e.to_string(), "ICAT answered as if it were in another time zone than icat.time_zone says");
        }
        assert_eq!(c.poll_ids(&mut c.new_poller(Positions::new(), "Europe/Paris")).await, created);
        c.app.stop().await;
    }
}

#[tokio::test]
async fn a_zone_that_is_right_only_in_winter_is_noticed_in_summer_and_loses_nothing() {
    for (server_zone, zone) in [("Europe/London", "UTC"), ("UTC", "Europe/London")] {
        let settings = format!("{SETTINGS}time_zone = \"{server_zone}\"\nlifetime_minutes = 1000000\n");
        for c in Catalogue::start_on_each_engine(&settings).await {
            let mut created = c.create_groupings(["winter"]).await;
            let mut poller = c.new_poller(Positions::new(), zone);
            let mut seen = c.poll_ids(&mut poller).await;
            let summer = "2026-07-01T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
            c.app.clock.advance_seconds(summer.as_second() - c.app.clock.now().as_second());
            let mut error = None;
            for n in 0..4 {
                created.extend(c.create_groupings([format!("summer {n}")]).await);
                match poller.poll_changes(&c.session, c.app.clock.now()).await {
                    Ok(changes) => seen.extend(changes.iter().map(|change| change.id)),
                    Err(e) => error = error.or(Some(e.to_string())),
                }
                c.app.clock.advance_seconds(30 * 60);
            }
            let expected = "ICAT answered as if it were in another time zone than icat.time_zone says";
            assert_eq!(error.as_deref(), Some(expected), "{server_zone} {zone}");

            let mut corrected = c.new_poller(poller.positions().clone(), server_zone);
            seen.extend(c.poll_ids(&mut corrected).await);
            assert_eq!(seen, created, "{server_zone} {zone}");
            c.app.stop().await;
        }
    }
}
