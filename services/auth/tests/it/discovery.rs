//! `/.well-known/openid-configuration`: what a verifier finds by the issuer.

use serde_json::{Value, json};
use testkit::TestApp;

use crate::icat::ICAT;

#[tokio::test]
async fn a_verifier_finds_the_keys_and_learns_what_this_is_not() {
    let public = "public_url = \"https://data.example.org/\"\n";
    for (settings, issuer, root) in
        [("", "undulator", None), (public, "https://data.example.org/", Some("https://data.example.org"))]
    {
        let app = TestApp::start(&[auth::SERVICE, ICAT], settings).await;
        let answer = app.http.get(format!("{}/.well-known/openid-configuration", app.public)).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
        let found: Value = answer.json().await.unwrap();
        let root = root.unwrap_or(&app.public);
        assert_eq!(found["issuer"], issuer);
        assert_eq!(found["jwks_uri"], format!("{root}/.well-known/jwks.json"));
        assert_eq!(found["revoked_uri"], format!("{root}/auth/v1/revoked"));
        assert_eq!(found["access_token_signing_alg_values_supported"], json!(["EdDSA"]));
        for empty in ["response_types_supported", "grant_types_supported", "id_token_signing_alg_values_supported"] {
            assert_eq!(found[empty], json!([]), "{empty}");
        }
        assert!(found["note"].as_str().unwrap().contains("no OAuth 2.0 authorization server"));
        for missing in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"] {
            assert_eq!(found.get(missing), None);
        }
        app.stop().await;
    }
}

/// Otherwise anybody could have the addresses of keys point elsewhere in a cache that all verifiers ask.
#[tokio::test]
async fn only_a_trusted_proxy_says_under_which_address_clients_see_the_server() {
    for (settings, is_trusted) in [("", true), ("[http]\ntrusted_proxies = []\n", false)] {
        let app = TestApp::start(&[auth::SERVICE, ICAT], settings).await;
        let request = app.http.get(format!("{}/.well-known/openid-configuration", app.public));
        let request = request.header("x-forwarded-host", "data.example.org").header("x-forwarded-proto", "https");
        let found: Value = request.send().await.unwrap().json().await.unwrap();
        let root = if is_trusted { "https://data.example.org" } else { &app.public };
        assert_eq!(found["jwks_uri"], format!("{root}/.well-known/jwks.json"));
        assert_eq!(found["revoked_uri"], format!("{root}/auth/v1/revoked"));
        app.stop().await;
    }
}
