//! Writing may need a login with a second factor.

use serde_json::{Value, json};
use testkit::{AUTHENTICATOR, ISSUER, Issuer, TestApp};

use super::facility::{EMBARGO, Facility, OTHER, SETTINGS};

const RULES: &str = r#"
[[identity.required_levels]]
scopes = ["logbook:write"]
acr = ["mfa"]
amr = ["otp"]
max_age = "15m"

[[identity.required_levels]]
scopes = ["admin"]
acr = ["mfa"]
"#;

#[tokio::test]
async fn who_may_write_is_told_which_login_is_enough() {
    let services = [icat::SERVICE, AUTHENTICATOR, ISSUER, logbook::SERVICE, testkit::recorder::SERVICE];
    for f in Facility::all_of(&services, &format!("{SETTINGS}{RULES}")).await {
        let mut issuer = Issuer::start(&f.app).await;
        let now = service_kit::Clock::now(&*f.app.clock).as_second();
        let mut token_of = async |user: &str, more: Value| {
            let token = issuer.sign_token(&format!("simple/{user}"), &more);
            let session = f.log_in(user).await;
            issuer.add_session(&token, &session, &format!("simple/{user}")).await;
            token
        };
        let plain = token_of("alice", json!({"acr": "pwd", "auth_time": now})).await;
        let refused = write_entry(&f.app, &plain, EMBARGO).await;
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(
            challenge.starts_with("Bearer error=\"insufficient_user_authentication\", error_description=\""),
            "{challenge}"
        );
        assert!(challenge.ends_with("acr_values=\"mfa\", max_age=\"900\""), "{challenge}");
        assert!(refused.text().await.unwrap().contains("needs a login with a second factor"));
        assert_eq!(read_entries(&f.app, &plain, EMBARGO).await, 200, "reading needs no more");

        for enough in [json!({"acr": "mfa", "auth_time": now}), json!({"amr": ["pwd", "otp"], "auth_time": now - 900})]
        {
            let token = token_of("alice", enough.clone()).await;
            assert_eq!(write_entry(&f.app, &token, EMBARGO).await.status(), 200, "{enough}");
        }
        let old = token_of("alice", json!({"acr": "mfa", "auth_time": now - 931})).await;
        let refused = write_entry(&f.app, &old, EMBARGO).await;
        assert!(refused.status() == 401 && refused.text().await.unwrap().contains("at most 15 min old"));
        let session = f.log_in("alice").await;
        assert_eq!(
            write_entry(&f.app, &session, EMBARGO).await.status(),
            401,
            "nobody knows how ICAT's session was opened"
        );

        let outsider = token_of("dan", json!({"auth_time": now})).await;
        assert_eq!(write_entry(&f.app, &outsider, EMBARGO).await.status(), 403, "a better login would not help");
        // An administrator reads what is not theirs, with a second factor.
        for (claims, status) in [(json!({}), 401), (json!({"acr": "mfa"}), 200)] {
            let token = token_of("admin", claims).await;
            assert_eq!(read_entries(&f.app, &token, OTHER).await, status);
        }
        f.app.drain().await;
        f.app.stop().await;
    }
}

async fn write_entry(app: &TestApp, token: &str, investigation: i64) -> reqwest::Response {
    let entry = json!({"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": "x"}]});
    let url = format!("{}/logbook/-/event?investigationId={investigation}", app.public);
    app.http.post(url).bearer_auth(token).json(&entry).send().await.unwrap()
}

async fn read_entries(app: &TestApp, token: &str, investigation: i64) -> u16 {
    let url = format!("{}/logbook/-/event?investigationId={investigation}", app.public);
    app.http.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
}
