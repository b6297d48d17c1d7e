//! Groups of an identity provider as groups of the embedded catalogue, and as administrators.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use testkit::{Backend, list_backends, wait_until};

use crate::client::{PASSWORD, list_audit_rows, open_accounts};
use crate::fake_provider::header;
use crate::provider_logins::{Site, find_cookie};

const PROVIDER: &str = r#"
groups_claim = "/realm_access/roles"
groups_prefix = "lab-"
groups = { boss = "lab-admins" }
may_name_administrators = true
"#;
const PAGE: &str = "session=page&return_to=/auth/app";

struct Facility {
    site: Site,
    /// A session of the account that stores groups.
    root: String,
}

impl Facility {
    async fn start(backend: &Backend, more: &str) -> Self {
        let settings = format!(
            "{PROVIDER}{more}\n[icat]\nreader = \"simple:root:{PASSWORD}\"\n[identity]\nadministrators = [\"group:lab-admins\"]\n"
        );
        let site = Site::start(backend, &settings).await;
        let accounts = open_accounts(&site.app).await;
        accounts.create_account(&accounts.parse_name("simple/root").unwrap(), PASSWORD).await.unwrap();
        accounts.close().await;
        let login = json!({"plugin": "simple", "credentials": [{"username": "root"}, {"password": PASSWORD}]});
        let url = format!("{}/icat/session", site.app.public);
        let answer = site.browser.post(url).form(&[("json", login.to_string())]).send().await.unwrap();
        let root = answer.json::<Value>().await.unwrap()["sessionId"].as_str().unwrap().to_owned();
        Self { site, root }
    }

    async fn create_rows(&self, entities: Value) -> i64 {
        let form = [("sessionId", self.root.clone()), ("entities", entities.to_string())];
        let url = format!("{}/icat/entityManager", self.site.app.public);
        let ids: Vec<i64> = self.site.browser.post(url).form(&form).send().await.unwrap().json().await.unwrap();
        ids[0]
    }

    async fn search_rows(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/icat/entityManager", self.site.app.public);
        let request = self.site.browser.get(url).query(&[("sessionId", self.root.as_str()), ("query", query)]);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn list_groups(&self, user: &str) -> BTreeSet<String> {
        let query = format!("SELECT g.grouping.name FROM UserGroup g WHERE g.user.name = '{user}'");
        self.search_rows(&query).await.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    /// The cookie of a login with these groups.
    async fn log_in(&self, groups: &Value) -> String {
        let answer = self.site.log_in(PAGE, &json!({"realm_access": {"roles": groups}})).await;
        let (status, location) = (answer.status(), answer.headers().get(LOCATION).cloned());
        assert!(location.is_some(), "{status}");
        find_cookie(&answer, "__Host-undulator-session").unwrap()
    }

    async fn get_administration(&self, cookie: &str) -> u16 {
        let request = self.site.browser.get(format!("{}/auth/app/admin", self.site.app.public));
        request.header("cookie", cookie).send().await.unwrap().status().as_u16()
    }

    /// Reasons and groups.
    async fn list_changes(&self) -> Vec<(String, String)> {
        let rows = list_audit_rows(&self.site.app).await.into_iter().filter(|row| row.kind == "group");
        rows.map(|row| {
            assert_eq!((row.user_name.as_deref(), row.provider.as_deref()), (Some("lab/ada"), Some("lab")));
            (row.reason, row.client.unwrap())
        })
        .collect()
    }
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn memberships_are_those_of_the_last_login_and_make_administrators() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        let first = facility.log_in(&json!(["boss", "users"])).await;
        assert_eq!(facility.list_groups("lab/ada").await, names(&["lab-admins", "lab-users"]));
        assert_eq!(facility.get_administration(&first).await, 200);
        // What the provider does not decide about.
        let user = facility.search_rows("SELECT u.id FROM User u WHERE u.name = 'lab/ada'").await[0].clone();
        let other = facility.create_rows(json!([{"Grouping": {"name": "other"}}])).await;
        facility.create_rows(json!([{"UserGroup": {"user": {"id": user}, "grouping": {"id": other}}}])).await;
        let bob = facility.create_rows(json!([{"User": {"name": "db/bob"}}])).await;
        let admins = facility.search_rows("SELECT g.id FROM Grouping g WHERE g.name = 'lab-admins'").await[0].clone();
        facility.create_rows(json!([{"UserGroup": {"user": {"id": bob}, "grouping": {"id": admins}}}])).await;

        facility.log_in(&json!(["users", "boss"])).await;
        assert_eq!(facility.list_changes().await.len(), 2, "nothing to change");
        let last = facility.log_in(&json!("users")).await;
        assert_eq!(facility.list_groups("lab/ada").await, names(&["lab-users", "other"]));
        for cookie in [&first, &last] {
            assert_eq!(facility.get_administration(cookie).await, 403, "also for logins of before");
        }
        assert_eq!(facility.list_groups("db/bob").await, names(&["lab-admins"]));

        let answer = facility.site.log_in(PAGE, &json!({})).await;
        assert_eq!(answer.status(), 303, "without the claim, in no group of the provider");
        assert_eq!(facility.list_groups("lab/ada").await, names(&["other"]));
        let expected =
            [("added", "lab-admins"), ("added", "lab-users"), ("removed", "lab-admins"), ("removed", "lab-users")];
        let expected = expected.map(|(reason, group)| (reason.to_owned(), group.to_owned()));
        assert_eq!(facility.list_changes().await, expected);
        facility.site.stop().await;
    }
}

/// Also of administrators who are given and taken the group in the catalogue itself.
#[tokio::test]
async fn a_change_in_the_catalogue_counts_as_well() {
    let facility = Facility::start(&list_backends()[0], "").await;
    let cookie = facility.log_in(&json!(["users"])).await;
    assert_eq!(facility.get_administration(&cookie).await, 403);
    let user = facility.search_rows("SELECT u.id FROM User u WHERE u.name = 'lab/ada'").await[0].clone();
    let group = facility.create_rows(json!([{"Grouping": {"name": "lab-admins"}}])).await;
    facility.create_rows(json!([{"UserGroup": {"user": {"id": user}, "grouping": {"id": group}}}])).await;
    wait_until("the membership is known", async || (facility.get_administration(&cookie).await == 200).then_some(()))
        .await;
    facility.site.stop().await;
}

#[tokio::test]
async fn two_logins_at_once_store_the_same_groups_once() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        let site = &facility.site;
        let log_in = async |id: &str| {
            let claims = json!({"jti": id, "realm_access": {"roles": ["a", "b", "boss"]}});
            let body = json!({"provider": "lab", "id_token": site.provider.sign_token(&header(), &claims)});
            let request = site.browser.post(format!("{}/auth/v1/token/provider", site.app.public)).json(&body);
            request.send().await.unwrap().status().as_u16()
        };
        let all = join_all(["1", "2", "3", "4"].map(log_in)).await;
        assert_eq!(all, [200; 4]);
        assert_eq!(facility.list_groups("lab/ada").await, names(&["lab-a", "lab-admins", "lab-b"]));
        let rows = facility.search_rows("SELECT COUNT(g) FROM UserGroup g").await;
        assert_eq!(rows, [json!(3)]);
        facility.site.stop().await;
    }
}

#[tokio::test]
async fn nobody_is_let_in_whose_groups_cannot_be_stored() {
    let facility = Facility::start(&list_backends()[0], "").await;
    facility.log_in(&json!(["boss"])).await;
    let accounts = open_accounts(&facility.site.app).await;
    let root = accounts.parse_name("simple/root").unwrap();
    accounts.set_password(&root, "another one, and a long one").await.unwrap();
    accounts.close().await;
    // The sessions of the account end when the catalogue hears of it.
    let refused = wait_until("the account is refused", async || {
        let answer = facility.site.log_in(PAGE, &json!({})).await;
        (answer.status() != 303).then_some(answer)
    })
    .await;
    assert_eq!(refused.status(), 502);
    assert!(find_cookie(&refused, "__Host-undulator-session").is_none());
    assert!(refused.text().await.unwrap().contains("does not accept your groups"));
    assert_eq!(facility.site.list_reasons().await.last().unwrap(), "groups_not_stored");
    facility.site.stop().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let facility = Facility::start(&list_backends()[0], "groups_dry_run = true").await;
    let cookie = facility.log_in(&json!(["boss", "users"])).await;
    assert!(facility.list_groups("lab/ada").await.is_empty() && facility.list_changes().await.is_empty());
    assert_eq!(facility.get_administration(&cookie).await, 403);
    facility.site.stop().await;
}
