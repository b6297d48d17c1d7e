//! Who may do what and why, over a real catalogue and real logins: by the caller's own session and by what the reader
//! account knows, and how soon it ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use auth::AccountName;
use events::Events;
use icat::import::{self, OnConflict};
use identity::{Caller, CredentialLocation, Decision, Identity, Permission, Subject, VisibleInvestigations};
use serde_json::{Value, json};
use service_kit::{
    Code, Ctx, ErrorFormat, Listener, Mount, Problem, Running, ServiceDef, Sources, SystemIds, open_database,
};
use testkit::{TestApp, wait_until};

const FACILITY: &str = include_str!("../../demo/facility.yaml");
const PASSWORD: &str = "only in tests, never elsewhere";
const SETTINGS: &str = "[identity]\nadministrators = [\"simple/root\"]\n\
    [[identity.api_keys]]\nname = \"acquisition\"\nuser = \"db/bob\"\nscopes = [\"read\"]\n\
    expires = \"2027-01-01T00:00:00Z\"\nsha256 = \"";

/// Answers what `Identity` answers.
const ASKER: ServiceDef =
    ServiceDef { name: "asker", build: |ctx| Box::pin(async move { build_asker(ctx).await }), ..ServiceDef::EMPTY };

async fn build_asker(ctx: Ctx) -> Result<Running, service_kit::BuildError> {
    let identity = Identity::new(&ctx, &Events::start(&ctx).await?)?;
    let asker = Mount::new("/asker", Listener::Public, ErrorFormat::PROBLEM_DETAILS);
    let asker = identity
        .accept_credentials(asker, &[CredentialLocation::Query("sessionId")])
        .get("/me", async |caller: Caller| caller.subject().icat_user_name.clone())
        .get("/explain/{what}/{id}", explain_permission)
        .get("/absent/{plugin}/{user}/{what}/{id}", explain_absent_user)
        .get("/visible", list_visible_to_caller)
        .get("/visible/{plugin}/{user}", list_visible);
    Ok(Running { mounts: vec![asker], ..Running::default() })
}

fn parse_permission(what: &str, id: i64) -> Result<Permission, Problem> {
    Ok(match what {
        "investigation" => Permission::ReadInvestigation(id),
        "dataset" => Permission::ReadDataset(id),
        "logbook" => Permission::WriteLogbook(id),
        "mint" => Permission::MintFor(id),
        "administer" => Permission::Administer,
        _ => return Err(Problem::new(Code::NotFound, "asker/what", what)),
    })
}

fn render_decision(decision: &Decision) -> HttpResponse {
    HttpResponse::Ok().json(json!([decision.allowed, decision.rule]))
}

async fn explain_permission(
    caller: Caller,
    identity: web::Data<Identity>,
    path: web::Path<(String, i64)>,
) -> Result<HttpResponse, Problem> {
    Ok(render_decision(&identity.check_permission(&caller, parse_permission(&path.0, path.1)?).await?))
}

async fn explain_absent_user(
    identity: web::Data<Identity>,
    path: web::Path<(String, String, String, i64)>,
) -> Result<HttpResponse, Problem> {
    let (plugin, user, what, id) = path.into_inner();
    let subject = Subject { icat_user_name: format!("{plugin}/{user}") };
    Ok(render_decision(&identity.check_permission_of_subject(&subject, parse_permission(&what, id)?).await?))
}

async fn list_visible(
    identity: web::Data<Identity>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let subject = Subject { icat_user_name: format!("{}/{}", path.0, path.1) };
    Ok(render_visible(&identity.find_visible_investigations_of_subject(&subject).await?))
}

async fn list_visible_to_caller(identity: web::Data<Identity>, caller: Caller) -> Result<HttpResponse, Problem> {
    Ok(render_visible(&identity.find_visible_investigations(&caller).await?))
}

fn render_visible(visible: &VisibleInvestigations) -> HttpResponse {
    HttpResponse::Ok().json(json!([visible.investigations.iter().collect::<Vec<_>>(), visible.complete]))
}

/// The demo facility with its users.
struct Facility {
    app: TestApp,
    root: String,
    /// MX-2417 under embargo, MX-1001 released.
    embargo: i64,
    released: i64,
}

impl Facility {
    async fn start(settings: &str) -> Self {
        let toml = format!("{settings}[storage.main]\nurl = \"/usr\"\n");
        let app = TestApp::start(&[auth::SERVICE, icat::SERVICE, download::SERVICE, ASKER], &toml).await;
        let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
        let db = open_database(&icat::SERVICE, &app.config, &*app.clock).await.unwrap();
        let options = import::ImportOptions {
            user_name: "simple/root".to_owned(),
            on_conflict: OnConflict::Fail,
            dry_run: false,
        };
        let config = icat::Config::from_settings(&app.config).unwrap();
        let dump = import::Dump::from_text(FACILITY);
        import::import_dump(&db, &config, &sources, &dump, &options, |_| ()).await.unwrap();
        db.close().await;
        let accounts = auth::open_accounts(&app.config, &sources).await.unwrap();
        for account in ["db/alice", "db/bob", "db/carol", "db/dan", "simple/root"] {
            let (mechanism, name) = account.split_once('/').unwrap();
            let account = AccountName { mechanism: mechanism.to_owned(), name: name.to_owned() };
            accounts.create_account(&account, PASSWORD).await.unwrap();
        }
        accounts.close().await;
        let mut facility = Self { app, root: String::new(), embargo: 0, released: 0 };
        facility.root = facility.log_in("simple", "root").await;
        let id = async |name: &str| {
            facility.search_entities(&format!("SELECT i.id FROM Investigation i WHERE i.name = '{name}'")).await[0]
                .as_i64()
                .unwrap()
        };
        (facility.embargo, facility.released) = (id("MX-2417").await, id("MX-1001").await);
        facility
    }

    async fn log_in(&self, plugin: &str, name: &str) -> String {
        let login = json!({"plugin": plugin, "username": name, "password": PASSWORD});
        let answer = self.app.http.post(format!("{}/session", self.app.public)).json(&login).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["sessionId"].as_str().unwrap().to_owned()
    }

    async fn create_token(&self, session: &str) -> String {
        let answer = self.app.http.post(format!("{}/auth/v1/token", self.app.public)).bearer_auth(session);
        let answer: Value = answer.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn search_entities(&self, query: &str) -> Vec<Value> {
        let parameters = [("sessionId", self.root.as_str()), ("query", query)];
        let url = format!("{}/icat/entityManager", self.app.public);
        self.app.http.get(url).query(&parameters).send().await.unwrap().json().await.unwrap()
    }

    /// Takes bob's membership away in ICAT.
    async fn remove_membership_of_bob(&self) {
        let query = "SELECT iu.id FROM InvestigationUser iu WHERE iu.user.name = 'db/bob'";
        let id = self.search_entities(query).await[0].as_i64().unwrap();
        let entities = format!("{{\"InvestigationUser\":{{\"id\":{id}}}}}");
        let parameters = [("sessionId", self.root.as_str()), ("entities", &entities)];
        let url = format!("{}/icat/entityManager", self.app.public);
        assert_eq!(self.app.http.delete(url).query(&parameters).send().await.unwrap().status(), 204);
    }

    async fn get(&self, path: &str, bearer: &str) -> (u16, Value) {
        let answer = self.app.http.get(format!("{}{path}", self.app.public)).bearer_auth(bearer).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The ids of a complete list.
    async fn list_visible(&self, path: &str, bearer: &str) -> BTreeSet<i64> {
        let (status, answer) = self.get(path, bearer).await;
        assert_eq!((status, &answer[1]), (200, &json!(true)), "{path}: {answer}");
        answer[0].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
    }

    async fn get_decision(&self, path: &str, bearer: &str) -> (bool, String) {
        let (status, answer) = self.get(path, bearer).await;
        assert_eq!(status, 200, "{path}: {answer}");
        (answer[0].as_bool().unwrap(), answer[1].as_str().unwrap().to_owned())
    }
}

fn reader_settings() -> String {
    format!(
        "[icat]\nreader = \"simple:root:{PASSWORD}\"\n{SETTINGS}{}\"\n",
        service_kit::sha256_hex("key-of-the-acquisition")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_follows_from_a_rule_that_is_named() {
    let facility = Facility::start(&reader_settings()).await;
    let (embargo, released) = (facility.embargo, facility.released);
    let roles = [
        ("db", "alice", [true, true, true, false], "Principal Investigator"),
        ("db", "bob", [true, true, false, false], "Member"),
        ("db", "carol", [true, true, false, false], "InstrumentScientist"),
        ("db", "dan", [false, false, false, false], "neither"),
    ];
    for (plugin, name, [read, write, mint, administer], word) in roles {
        let session = facility.log_in(plugin, name).await;
        for credential in [session.clone(), facility.create_token(&session).await] {
            for (what, expected) in
                [("investigation", read), ("logbook", write), ("mint", mint), ("administer", administer)]
            {
                let own = facility.get_decision(&format!("/asker/explain/{what}/{embargo}"), &credential).await;
                assert_eq!(own.0, expected, "{name} {what}: {}", own.1);
                let absent =
                    facility.get_decision(&format!("/asker/absent/{plugin}/{name}/{what}/{embargo}"), &session).await;
                assert_eq!(absent.0, expected, "{name} {what}: {}", absent.1);
            }
        }
        let (_, rule) =
            facility.get_decision(&format!("/asker/absent/{plugin}/{name}/investigation/{embargo}"), &session).await;
        assert!(rule.contains(word), "{name}: {rule}");
        let (yes, rule) =
            facility.get_decision(&format!("/asker/absent/{plugin}/{name}/investigation/{released}"), &session).await;
        assert!(yes && (rule.contains("was released") || name == "dan"), "{name}: {rule}");
        let expected = if read { BTreeSet::from([embargo, released]) } else { BTreeSet::from([released]) };
        assert_eq!(
            facility.list_visible(&format!("/asker/visible/{plugin}/{name}"), &session).await,
            expected,
            "{name}"
        );
        for credential in [session.clone(), facility.create_token(&session).await] {
            assert_eq!(facility.list_visible("/asker/visible", &credential).await, expected, "{name}");
        }
    }
    let (yes, rule) = facility.get_decision("/asker/explain/administer/0", &facility.root).await;
    assert!(yes && rule.contains("identity.administrators"), "{rule}");
    // A key acts for its user, within its scopes, without a session of its own.
    let key = "key-of-the-acquisition";
    let (yes, rule) = facility.get_decision(&format!("/asker/explain/investigation/{embargo}"), key).await;
    assert!(yes && rule.contains("Member"), "{rule}");
    let of_bob = BTreeSet::from([embargo, released]);
    assert_eq!(facility.list_visible("/asker/visible", key).await, of_bob);
    let (yes, rule) = facility.get_decision(&format!("/asker/explain/logbook/{embargo}"), key).await;
    assert!(!yes && rule.contains("lacks the scope logbook:write"), "{rule}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_withdrawn_in_icat_is_gone_as_soon_as_its_event_arrives() {
    let facility = Facility::start(&reader_settings()).await;
    let bob = facility.log_in("db", "bob").await;
    let paths = ["explain", "absent/db/bob"].map(|way| format!("/asker/{way}/investigation/{}", facility.embargo));
    for path in &paths {
        assert!(facility.get_decision(path, &bob).await.0, "{path}");
    }
    let lists = ["/asker/visible", "/asker/visible/db/bob"];
    for path in lists {
        assert!(facility.list_visible(path, &bob).await.contains(&facility.embargo), "{path}");
    }
    facility.remove_membership_of_bob().await;
    for path in &paths {
        let is_gone = async || (!facility.get_decision(path, &bob).await.0).then_some(());
        wait_until("the decision is forgotten, with a clock that stands still", is_gone).await;
    }
    for path in lists {
        let is_gone = async || (!facility.list_visible(path, &bob).await.contains(&facility.embargo)).then_some(());
        wait_until("what bob may see is forgotten", is_gone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_withdrawn_in_icat_is_gone_within_a_minute_without_events() {
    let settings = reader_settings().replace("[icat]\n", "[icat]\nchanges = \"none\"\n");
    let facility = Facility::start(&settings).await;
    let bob = facility.log_in("db", "bob").await;
    let token = facility.create_token(&bob).await;
    let paths = [
        (format!("/asker/explain/investigation/{}", facility.embargo), &bob),
        (format!("/asker/explain/investigation/{}", facility.embargo), &token),
        (format!("/asker/absent/db/bob/investigation/{}", facility.embargo), &bob),
    ];
    for (path, credential) in &paths {
        assert!(facility.get_decision(path, credential).await.0, "{path}");
    }
    facility.remove_membership_of_bob().await;
    for (path, credential) in &paths {
        assert!(facility.get_decision(path, credential).await.0, "the control: {path} is remembered");
    }
    facility.app.clock.advance_seconds(59);
    for (path, credential) in &paths {
        let (allowed, rule) = facility.get_decision(path, credential).await;
        assert!(!allowed, "{path}: {rule}");
    }
    // Downloads ask ICAT itself each time.
    let parameters = [("sessionId", bob.clone()), ("investigationIds", facility.embargo.to_string())];
    let url = format!("{}/ids/getData", facility.app.public);
    let answer = facility.app.http.get(url).query(&parameters).send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_anywhere_ends_everywhere_at_once() {
    let facility = Facility::start(&reader_settings()).await;
    let public = facility.app.public.clone();
    for way in ["/session/{id}", "/icat/session/{id}", "/auth/v1/token"] {
        let session = facility.log_in("db", "alice").await;
        let token = facility.create_token(&session).await;
        for credential in [&session, &token] {
            assert_eq!(facility.get("/asker/me", credential).await, (200, json!("db/alice")), "{way}");
        }
        let ended = facility.app.http.delete(format!("{public}{}", way.replace("{id}", &session))).bearer_auth(&token);
        assert!(ended.send().await.unwrap().status().is_success(), "{way}");
        for credential in [&session, &token] {
            let refused = async || (facility.get("/asker/me", credential).await.0 == 401).then_some(());
            wait_until(&format!("{way} ends it everywhere, with a clock that stands still"), refused).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reader_account_nobody_can_tell_about_users_who_are_not_there() {
    let facility = Facility::start("").await;
    let alice = facility.log_in("db", "alice").await;
    let own = format!("/asker/explain/investigation/{}", facility.embargo);
    assert!(facility.get_decision(&own, &alice).await.0, "the control: alice herself is there");
    let visible = BTreeSet::from([facility.embargo, facility.released]);
    assert_eq!(facility.list_visible("/asker/visible", &alice).await, visible);
    for path in
        [format!("/asker/absent/db/alice/investigation/{}", facility.embargo), "/asker/visible/db/alice".to_owned()]
    {
        let (status, problem) = facility.get(&path, &alice).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (503, Some("urn:undulator:problem:identity/no-reader")),
            "{path}"
        );
    }
}
