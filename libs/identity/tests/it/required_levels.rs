//! Operations that need more than any login.

use reqwest::Response;
use serde_json::{Value, json};
use service_kit::{SESSION_HANDLE_PREFIX, sha256_hex};
use testkit::TestApp;

use crate::fake::{Key, SESSION, START_SECONDS, publish_keys, set_level, start_app, valid_claims};

const RULES: &str = r#"
[identity]
administrators = ["db/ada"]

[[identity.required_levels]]
scopes = ["logbook:write"]
acr = ["mfa"]
amr = ["otp"]
max_age = "15m"
except_networks = ["10.0.0.0/8"]

[[identity.required_levels]]
scopes = ["admin"]
acr = ["mfa"]
"#;

struct Site {
    app: TestApp,
    key: Key,
}

impl Site {
    async fn start(more: &str) -> Self {
        let (app, key) = (start_app(&format!("{RULES}{more}")).await, Key::new("one"));
        publish_keys(&app, &[&key]).await;
        Self { app, key }
    }

    fn sign_token(&self, more: &Value) -> String {
        let mut claims = valid_claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.key.sign_token(&claims)
    }

    /// From an address that a proxy on this machine names.
    async fn write_from(&self, address: &str, credential: &str) -> Response {
        let request = self.app.http.post(format!("{}/write", self.app.public)).bearer_auth(credential);
        request.header("x-forwarded-for", address).send().await.unwrap()
    }

    async fn write(&self, credential: &str) -> Response {
        self.write_from("192.0.2.7", credential).await
    }

    async fn administer(&self, credential: &str) -> Response {
        self.app.http.get(format!("{}/administer", self.app.public)).bearer_auth(credential).send().await.unwrap()
    }
}

#[tokio::test]
async fn a_login_that_is_not_enough_is_told_which_one_is() {
    let site = Site::start("").await;
    let now = START_SECONDS;
    for (claims, slug) in [
        (json!({}), "mfa_required"),
        (json!({"auth_time": now}), "mfa_required"),
        (json!({"acr": "0", "auth_time": now}), "mfa_required"),
        (json!({"acr": "pwd", "amr": ["pwd"], "auth_time": now}), "mfa_required"),
        (json!({"acr": "mfa"}), "login_too_old"),
        (json!({"acr": "mfa", "auth_time": now - 931}), "login_too_old"),
        (json!({"acr": "mfa", "auth_time": now, "scope": "read"}), "scope"),
        (json!({"acr": "pwd", "auth_time": now, "scope": "logbook:write"}), "mfa_required"),
    ] {
        let refused = site.write(&site.sign_token(&claims)).await;
        let challenge = refused.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        let (status, problem) = (refused.status(), refused.json::<Value>().await.unwrap());
        assert_eq!(problem["type"], format!("urn:undulator:problem:identity/{slug}"), "{claims}");
        if slug == "scope" {
            assert_eq!((status.as_u16(), challenge), (403, None), "{claims}");
            continue;
        }
        let detail = problem["detail"].as_str().unwrap();
        let expected = format!(
            "Bearer error=\"insufficient_user_authentication\", error_description=\"{detail}\", acr_values=\"mfa\", \
             max_age=\"900\""
        );
        assert_eq!((status.as_u16(), challenge), (401, Some(expected)), "{claims}");
    }
    for claims in [
        json!({"acr": "mfa", "auth_time": now}),
        json!({"amr": ["pwd", "otp"], "auth_time": now - 900}),
        json!({"acr": "mfa", "auth_time": now, "scope": "logbook:write"}),
    ] {
        assert_eq!(site.write(&site.sign_token(&claims)).await.status(), 200, "{claims}");
    }
}

/// What auth says of a handle counts as what a token says itself; of a session of ICAT nobody says anything.
#[tokio::test]
async fn handles_have_the_level_of_their_login_and_sessions_of_icat_have_none() {
    let site = Site::start("").await;
    let handle = |name: &str| format!("{SESSION_HANDLE_PREFIX}{}", name.repeat(43));
    assert_eq!(site.write(&handle("a")).await.status(), 401, "an auth that says nothing of it");
    set_level(&site.app, json!({"acr": "mfa", "amr": ["otp"], "auth_time": START_SECONDS})).await;
    assert_eq!(site.write(&handle("b")).await.status(), 200);
    site.app.clock.advance_seconds(931);
    assert_eq!(site.write(&handle("b")).await.status(), 401, "the login has become too old");
    assert_eq!(site.write(SESSION).await.status(), 401);
}

#[tokio::test]
async fn clients_in_exempt_networks_need_any_login_also_when_the_caller_is_known_from_elsewhere() {
    let site = Site::start("").await;
    let token = site.sign_token(&json!({}));
    for (address, status) in [("192.0.2.7", 401), ("10.1.2.3", 200), ("192.0.2.7", 401), ("::ffff:10.1.2.3", 200)] {
        assert_eq!(site.write_from(address, &token).await.status(), status, "{address}");
    }
    assert_eq!(site.write_from("10.1.2.3, 192.0.2.7", &token).await.status(), 401, "anybody's claim");
}

#[tokio::test]
async fn programs_are_limited_by_the_scopes_of_their_keys_alone() {
    let key = format!(
        "[[identity.api_keys]]\nname = \"beamline\"\nsha256 = \"{}\"\nuser = \"db/ada\"\nscopes = [\"logbook:write\", \
         \"admin\"]\nexpires = \"2030-01-01T00:00:00Z\"\n",
        sha256_hex("program")
    );
    let site = Site::start(&key).await;
    assert_eq!(
        (site.write("program").await.status().as_u16(), site.administer("program").await.status().as_u16()),
        (200, 200)
    );
}

/// Rights come first: who has none is not sent to log in again.
#[tokio::test]
async fn a_permission_needs_the_level_of_its_scope() {
    let site = Site::start("").await;
    for (claims, status) in [
        (json!({}), 401),
        (json!({"acr": "mfa"}), 200),
        // With a scope, because the fake auth answers the session of ada to every token.
        (json!({"acr": "mfa", "sub": "db/bob", "scope": "admin"}), 403),
        (json!({"sub": "db/bob", "scope": "admin"}), 403),
    ] {
        let answer = site.administer(&site.sign_token(&claims)).await;
        assert_eq!(answer.status(), status, "{claims}");
        let text = answer.text().await.unwrap();
        assert_eq!(text.contains("identity/mfa_required"), status == 401, "{text}");
    }
}
