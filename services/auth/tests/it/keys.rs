//! The keys of tokens: where they come from, how they are changed, and what a start says that cannot use them.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};

use auth::{Rotation, Urgency};
use serde_json::{Value, json};
use service_kit::problem::format_error_chain;
use service_kit::{Config, ServeError, Server, Sources, SystemIds};
use testkit::TestApp;

use crate::client::{
    OPENSSL_KEY, OPENSSL_X, SECOND_KEY, ada_credentials, decode_part, get_jwks, keys_dir, keys_settings, list_audit,
    read_token, request_token, resolve_token, verify_with_published_keys,
};
use crate::icat::ICAT;

fn key_id(token: &str) -> String {
    decode_part(token, 0)["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_of_openssl_is_published_as_it_is_and_signs() {
    let keys = keys_dir();
    let app = TestApp::start(&[auth::SERVICE, ICAT], &keys_settings(&keys)).await;
    let answer = app.http.get(format!("{}/.well-known/jwks.json", app.public)).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let set: Value = answer.json().await.unwrap();
    let kid = set["keys"][0]["kid"].as_str().unwrap();
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": OPENSSL_X, "kid": kid, "use": "sig", "alg": "EdDSA"});
    assert_eq!(set, json!({"keys": [key]}), "and nothing of the private half");
    let token = read_token(request_token(&app, &ada_credentials()).await).await;
    assert_eq!(verify_with_published_keys(&token, &get_jwks(&app).await)["sub"], "db/ada");
    app.stop().await;
}

#[tokio::test]
async fn keys_are_changed_while_the_service_runs() {
    let keys = keys_dir();
    let app = TestApp::start(&[auth::SERVICE, ICAT], &keys_settings(&keys)).await;
    let file = |name: &str| keys.path().join(name);
    let old = read_token(request_token(&app, &ada_credentials()).await).await;
    fs::write(file("b.pem"), SECOND_KEY).unwrap();
    fs::write(file("active"), "b").unwrap();
    app.clock.advance_seconds(29);
    assert_eq!(get_jwks(&app).await.keys.len(), 1, "not looked at yet");
    app.clock.advance_seconds(1);
    let new = read_token(request_token(&app, &ada_credentials()).await).await;
    let both = get_jwks(&app).await;
    assert_eq!(both.keys.len(), 2);
    assert_ne!(key_id(&old), key_id(&new));
    for token in [&old, &new] {
        assert_eq!(verify_with_published_keys(token, &both)["sub"], "db/ada");
        assert_eq!(resolve_token(&app, token).await.0, 200);
    }

    for (name, content) in [("active", "c"), ("active", "b"), ("c.pem", "no key"), ("c.pem", OPENSSL_KEY)] {
        fs::write(file(name), content).unwrap();
        app.clock.advance_seconds(30);
        let set = get_jwks(&app).await;
        assert_eq!(set.keys.len(), 2, "{name} = {content}: what cannot be used is not, and a copy is published once");
        assert_eq!(
            key_id(&read_token(request_token(&app, &ada_credentials()).await).await),
            key_id(&new),
            "{name} = {content}"
        );
    }
    for name in ["a.pem", "c.pem"] {
        fs::remove_file(file(name)).unwrap();
    }
    app.clock.advance_seconds(30);
    assert_eq!(get_jwks(&app).await.keys.len(), 1);
    assert_eq!(resolve_token(&app, &old).await.0, 401, "its key is gone");
    assert_eq!(resolve_token(&app, &new).await.0, 200);
    app.stop().await;
}

#[tokio::test]
async fn a_planned_rotation_leaves_every_token_valid() {
    for backend in testkit::list_backends() {
        let keys = keys_dir();
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], &keys_settings(&keys)).await;
        let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
        let rotate = async |urgency| auth::rotate_keys(&app.config, &sources, urgency).await.unwrap();
        let new_token = async || read_token(request_token(&app, &ada_credentials()).await).await;
        let first = new_token().await;
        let prepared = rotate(Urgency::Planned).await;
        assert!(matches!(prepared, Rotation::Prepared { .. }), "{prepared:?}");
        app.clock.advance_seconds(86_400 - 1);
        let waiting = rotate(Urgency::Planned).await;
        assert!(matches!(waiting, Rotation::Waiting { .. }), "{waiting:?}");
        let last = new_token().await;
        assert_eq!(key_id(&last), key_id(&first), "the next key does not sign yet");
        let published = get_jwks(&app).await;
        assert_eq!(published.keys.len(), 2, "but a verifier knows it");

        app.clock.advance_seconds(1);
        let rotated = rotate(Urgency::Planned).await;
        assert!(matches!(rotated, Rotation::Rotated { .. }), "{rotated:?}");
        app.clock.advance_seconds(30);
        let next = new_token().await;
        assert_ne!(key_id(&next), key_id(&first));
        assert_eq!(verify_with_published_keys(&next, &published)["sub"], "db/ada", "with the keys of a day ago");
        for token in [&last, &next] {
            assert_eq!(resolve_token(&app, token).await.0, 200);
        }
        app.clock.advance_seconds(3600);
        assert!(get_jwks(&app).await.find(&key_id(&first)).is_none(), "its tokens have expired");

        rotate(Urgency::Compromised).await;
        app.clock.advance_seconds(30);
        let after = new_token().await;
        assert_ne!(key_id(&after), key_id(&next));
        let known = get_jwks(&app).await;
        assert!(known.find(&key_id(&next)).is_none() && known.find(&key_id(&after)).is_some());
        assert_eq!(resolve_token(&app, &next).await.0, 401, "whoever has the key could have signed it");
        let reasons: Vec<(String, String)> = list_audit(&app).await;
        let reasons: Vec<&str> =
            reasons.iter().filter(|(kind, _)| kind == "key").map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(reasons, ["prepared", "rotated", "replaced_compromised"]);
        app.stop().await;
    }
}

fn build_config(data_dir: &Path, toml: &str) -> Config {
    let config = Config::from_toml(&[auth::SERVICE.settings], toml).unwrap();
    let here = "127.0.0.1:0";
    let config = config.with_setting("http.bind", here).unwrap().with_setting("http.internal_bind", here).unwrap();
    config.with_setting("data_dir", data_dir).unwrap()
}

#[tokio::test]
async fn a_start_without_usable_keys_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let write =
        |keys: &tempfile::TempDir, name: &str, content: &str| fs::write(keys.path().join(name), content).unwrap();
    let (empty, unnamed, unknown, broken) = (tempfile::tempdir().unwrap(), keys_dir(), keys_dir(), keys_dir());
    fs::remove_file(unnamed.path().join("active")).unwrap();
    write(&unknown, "active", "b");
    write(&broken, "b.pem", "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n");
    let nowhere = tempfile::tempdir().unwrap();
    fs::remove_dir(nowhere.path()).unwrap();
    for (keys, says) in [
        (&nowhere, "No such file or directory (os error 2); it must exist"),
        (&empty, "contains no key; create one: openssl genpkey -algorithm ed25519 -out"),
        (&unnamed, "it must contain the name of the signing key, one of a"),
        (&unknown, "contains `b`, but there is no b.pem beside it; write one of a into it"),
        (&broken, "b.pem is not an unencrypted PKCS#8 Ed25519 key"),
    ] {
        let config = build_config(data.path(), &keys_settings(keys));
        (auth::SERVICE.check)(&config).unwrap();
        let refused = Server::start(&[auth::SERVICE], &config, Sources::default()).await.err().expect(says).to_string();
        assert!(refused.starts_with("service auth: setting `auth.keys_dir`: "), "{refused}");
        assert!(refused.contains(says) && refused.contains(keys.path().to_str().unwrap()), "{refused}");
    }
    assert!(!data.path().join("auth-keys").exists(), "where keys are named, none are made");
}

/// Otherwise each request of a portal would fail.
#[tokio::test]
async fn a_start_without_a_usable_key_for_scigateway_fails_unless_its_interface_is_off() {
    let data = tempfile::tempdir().unwrap();
    let (dangling, missing) = (keys_dir(), data.path().join("jwt-key"));
    std::os::unix::fs::symlink(dangling.path().join("nothing"), dangling.path().join("scigateway.key")).unwrap();
    let missing = format!("[auth]\nscigateway_key = {missing:?}\n");
    for settings in [keys_settings(&dangling), missing] {
        let config = build_config(data.path(), &settings);
        let refused = Server::start(&[auth::SERVICE], &config, Sources::default()).await.err().expect("no key");
        let text = refused.to_string();
        assert!(text.starts_with("service auth: setting `auth.scigateway_key`: cannot read "), "{text}");
        let config = config.with_setting("auth.scigateway_prefix", "").unwrap();
        Server::start(&[auth::SERVICE], &config, Sources::default()).await.unwrap().stop().await;
    }
}

/// Each on a thread of its own, as two processes would be. Replicas share the directory and a `PostgreSQL` database; on `SQLite` the
/// second of two servers is refused.
#[test]
fn two_servers_that_start_at_once_on_one_directory_have_one_key() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for backend in testkit::list_backends() {
        let data = tempfile::tempdir().unwrap();
        let url = runtime.block_on(backend.new_url());
        let config = build_config(data.path(), "").with_setting("database.url", &url).unwrap();
        let together = Barrier::new(2);
        let start = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            together.wait();
            runtime.block_on(async {
                let server = Server::start(&[auth::SERVICE], &config, Sources::default()).await?;
                let keys = reqwest::get(format!("http://{}/.well-known/jwks.json", server.endpoints.public)).await;
                let keys: Value = keys.unwrap().json().await.unwrap();
                server.stop().await;
                Ok::<_, ServeError>(keys)
            })
        };
        let outcomes = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(start), scope.spawn(start));
            [one.join().unwrap(), other.join().unwrap()]
        });
        let refusals: Vec<String> =
            outcomes.iter().filter_map(|o| o.as_ref().err().map(|e| format_error_chain(e))).collect();
        let keys: Vec<&Value> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert!(
            refusals.iter().all(|text| url == "sqlite" && text.contains("is in use by another server")),
            "{refusals:?}"
        );
        assert!(!keys.is_empty() && keys.iter().all(|each| *each == keys[0]), "{keys:?}");
        assert_eq!(keys[0]["keys"].as_array().unwrap().len(), 1);
    }
}
