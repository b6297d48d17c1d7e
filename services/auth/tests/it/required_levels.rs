//! What administrators need besides a login, on pages and for programs, and the way to it.

use reqwest::header::LOCATION;
use serde_json::{Value, json};
use testkit::{Backend, list_backends};

use crate::client::{decode_part, resolve_token};
use crate::provider_logins::{Site, find_cookie};

const RULES: &str = r#"
[identity]
administrators = ["lab/ada"]

[[identity.required_levels]]
scopes = ["admin"]
acr = ["mfa"]
amr = ["hwk"]
max_age = "15m"
"#;
const PAGE: &str = "session=page&return_to=/auth/app/admin";

async fn start_site(backend: &Backend) -> Site {
    // The name of an administrator must be allowed to the provider.
    Site::start(backend, &format!("may_name_administrators = true\n{RULES}")).await
}

/// Status and text.
async fn get_page(site: &Site, path: &str, cookie: &str) -> (u16, String) {
    let request = site.browser.get(format!("{}{path}", site.app.public)).header("cookie", cookie);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The address of a link with this text.
fn find_link(page: &str, text: &str) -> String {
    let before = page.split(&format!("\">{text}")).next().unwrap();
    let address = before.rsplit("href=\"").next().unwrap();
    address.replace("&amp;", "&").replace("&#x2f;", "/")
}

#[tokio::test]
async fn an_administrator_is_led_to_the_login_that_is_enough_and_back() {
    let site = start_site(&list_backends()[0]).await;
    let plain = find_cookie(&site.log_in(PAGE, &json!({"acr": "pwd"})).await, "__Host-undulator-session").unwrap();
    let (status, page) = get_page(&site, "/auth/app/admin", &plain).await;
    assert_eq!(status, 401, "{page}");
    assert!(page.contains("needs a login with a second factor: one of the levels mfa or of the methods hwk"), "{page}");

    let link = find_link(&page, "Log in again");
    let expected = "/auth/app?again=1&acr_values=mfa&amr_values=hwk&max_age=900&next=%2Fauth%2Fapp%2Fadmin";
    assert_eq!(link, expected);
    let (status, form) = get_page(&site, &link, &plain).await;
    assert_eq!(status, 200);
    assert!(
        form.contains("Log in again.") && !form.contains("type=\"password\""),
        "passwords are no second factor: {form}"
    );
    let start = find_link(&form, "Log in with");
    let (path, query) = start.split_once('?').unwrap();
    assert_eq!(path, "/auth/v1/oidc/lab/start");
    let sent = site.begin(query).await.parameters;
    assert_eq!((sent["acr_values"].as_str(), sent["max_age"].as_str()), ("mfa", "900"));

    // Asked for it, the provider may still state less: a page, and no way round in a circle.
    let low = site.log_in(query, &json!({"acr": "pwd"})).await;
    assert_eq!((low.status().as_u16(), low.headers().get(LOCATION)), (403, None));
    assert_eq!(site.list_reasons().await.last().unwrap(), "mfa_required");

    for claims in [json!({"acr": "mfa"}), json!({"amr": ["pwd", "hwk"]})] {
        let high = site.log_in(query, &claims).await;
        assert_eq!(high.headers()[LOCATION], "/auth/app/admin", "{claims}");
        let cookie = find_cookie(&high, "__Host-undulator-session").unwrap();
        assert_eq!(get_page(&site, "/auth/app/admin", &cookie).await.0, 200, "{claims}");
    }
    let high = find_cookie(&site.log_in(query, &json!({"acr": "mfa"})).await, "__Host-undulator-session").unwrap();
    site.app.clock.advance_seconds(931);
    let (status, page) = get_page(&site, "/auth/app/admin", &high).await;
    assert!(status == 401 && page.contains("at most 15 min old"), "{page}");
    // A form cannot be opened again: the way back is to the start.
    let form = site.browser.post(format!("{}/auth/app/admin/accounts/lock", site.app.public)).header("cookie", &high);
    let refused = form.form(&[("account", "db/x")]).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(find_link(&refused.text().await.unwrap(), "Log in again").ends_with("&next=%2Fauth%2Fapp"));
    site.stop().await;
}

#[tokio::test]
async fn programs_of_administrators_are_answered_the_challenge() {
    for backend in list_backends() {
        let site = start_site(&backend).await;
        let token_of = async |claims: &Value| {
            let answer = site.log_in("return_to=/portal", claims).await;
            let cookie = find_cookie(&answer, "__Host-undulator-refresh").unwrap();
            let tokens: Value = site.refresh(&cookie).await.json().await.unwrap();
            tokens["access_token"].as_str().unwrap().to_owned()
        };
        let (low, high) = (token_of(&json!({"acr": "pwd"})).await, token_of(&json!({"acr": "mfa"})).await);
        let keys = format!("{}/auth/v1/api-keys", site.app.public);
        let body =
            json!({"name": "id29", "user": "simple/id29", "scopes": ["read"], "expires": "2026-06-01T00:00:00Z"});
        let create = async |token: &str| site.browser.post(&keys).bearer_auth(token).json(&body).send().await.unwrap();
        let list = async |token: &str, query: &str| {
            let request = site.browser.get(format!("{keys}{query}")).bearer_auth(token);
            request.send().await.unwrap().status().as_u16()
        };
        let refused = create(&low).await;
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.contains("error=\"insufficient_user_authentication\"")
                && challenge.contains("acr_values=\"mfa\"")
        );
        assert_eq!((list(&low, "").await, list(&low, "?user=simple/id29").await), (401, 401));
        assert_eq!(list(&low, "?user=lab/ada").await, 200, "own keys are not for administrators alone");
        let created = create(&high).await;
        assert_eq!((created.status().as_u16(), list(&high, "").await), (201, 200));
        let id = created.json::<Value>().await.unwrap()["api_key"]["id"].as_str().unwrap().to_owned();
        for (token, status) in [(&low, 401), (&high, 204)] {
            let revoke = site.browser.delete(format!("{keys}/{id}")).bearer_auth(token).send().await.unwrap();
            assert_eq!(revoke.status(), status);
        }

        // What other services are told of a login is what its token says.
        let (_, resolved) = resolve_token(&site.app, &high).await;
        let claims = decode_part(&high, 1);
        for name in ["acr", "amr", "auth_time"] {
            assert_eq!(resolved[name], claims[name], "{name}");
        }
        assert_eq!(resolved["acr"], "mfa");
        site.stop().await;
    }
}
