//! What `/sessions/resolve` accepts as a token: nothing but what was signed here, for here, and is in time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::TestApp;

use crate::client::{
    OPENSSL_KEY, OPENSSL_X, SECOND_KEY, ada_credentials, decode_part, end_token, get_jwks, keys_dir, keys_settings,
    read_token, request_token, resolve_token,
};
use crate::icat::{ICAT, SESSION};

fn encode_json(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// `base` with one claim set, or left out.
fn with_claim(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    match value {
        Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
        value => changed[name] = value,
    }
    changed
}

#[tokio::test]
async fn only_tokens_of_ours_are_resolved() {
    let keys = keys_dir();
    let app = TestApp::start(&[auth::SERVICE, ICAT], &keys_settings(&keys)).await;
    let token = read_token(request_token(&app, &ada_credentials()).await).await;
    let (header, claims) = (decode_part(&token, 0), decode_part(&token, 1));
    let kid = header["kid"].as_str().unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let (ours, foreign) = [OPENSSL_KEY, SECOND_KEY].map(|pem| EncodingKey::from_ed_pem(pem.as_bytes()).unwrap()).into();
    let plain = Header { typ: Some("at+jwt".into()), kid: Some(kid.into()), ..Header::new(Algorithm::EdDSA) };
    let signed = |claims: &Value| encode(&plain, claims, &ours).unwrap();
    let headed = |header: Header| encode(&header, &claims, &ours).unwrap();
    // Signed by hand, for headers that the library does not write.
    let by_hand = |header: &Value| {
        let message = format!("{}.{}", encode_json(header), encode_json(&claims));
        format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &ours, Algorithm::EdDSA).unwrap())
    };
    let hmac = |secret: &[u8]| {
        let header = Header { alg: Algorithm::HS256, ..plain.clone() };
        encode(&header, &claims, &EncodingKey::from_secret(secret).unwrap()).unwrap()
    };
    let (x, now) = (URL_SAFE_NO_PAD.decode(OPENSSL_X).unwrap(), claims["iat"].as_i64().unwrap());
    let spki = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &x].concat();
    let public_pem = pem::encode(&pem::Pem::new("PUBLIC KEY", spki));
    let none = |alg: &str| {
        format!("{}.{}.", encode_json(&json!({"alg": alg, "typ": "at+jwt", "kid": kid})), encode_json(&claims))
    };

    // The controls: what is changed below is accepted unchanged.
    for accepted in [&token, &signed(&claims), &by_hand(&header)] {
        let (status, answer) = resolve_token(&app, accepted).await;
        assert_eq!((status, answer["session_id"].as_str()), (200, Some(SESSION)));
    }
    let cases = [
        ("no signature", none("none")),
        ("no signature, spelled otherwise", none("nOnE")),
        ("EdDSA with an empty signature", none("EdDSA")),
        ("HS256 with the public key as the secret", hmac(&x)),
        ("HS256 with the JWK's text as the secret", hmac(OPENSSL_X.as_bytes())),
        ("HS256 with the PEM as the secret", hmac(public_pem.as_bytes())),
        ("another audience", signed(&with_claim(&claims, "aud", json!("elsewhere")))),
        ("no audience", signed(&with_claim(&claims, "aud", Value::Null))),
        ("another issuer", signed(&with_claim(&claims, "iss", json!("https://evil.example.org")))),
        ("no issuer", signed(&with_claim(&claims, "iss", Value::Null))),
        ("expired", signed(&with_claim(&claims, "exp", json!(now - 31)))),
        ("without an end", signed(&with_claim(&claims, "exp", Value::Null))),
        ("of the future", signed(&with_claim(&claims, "nbf", json!(now + 121)))),
        ("of nobody", signed(&with_claim(&claims, "sub", Value::Null))),
        ("an unknown session", signed(&with_claim(&claims, "sid", json!(URL_SAFE_NO_PAD.encode([7; 32]))))),
        ("no session", signed(&with_claim(&claims, "sid", Value::Null))),
        ("another type", headed(Header { typ: Some("JWT".into()), ..plain.clone() })),
        ("no type", headed(Header { typ: None, ..plain.clone() })),
        ("no key named", headed(Header { kid: None, ..plain.clone() })),
        (
            "another key named",
            headed(Header { kid: Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".into()), ..plain.clone() }),
        ),
        ("a critical extension", by_hand(&with_claim(&header, "crit", json!(["exp"])))),
        ("a foreign key under our id", encode(&plain, &claims, &foreign).unwrap()),
        ("a foreign key that comes along", {
            let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&foreign, Algorithm::EdDSA).unwrap();
            encode(&Header { jwk: Some(jwk), ..plain.clone() }, &claims, &foreign).unwrap()
        }),
        (
            "other claims",
            format!("{}.{}.{}", parts[0], encode_json(&with_claim(&claims, "sub", json!("simple/root"))), parts[2]),
        ),
        ("another header", format!("{}.{}.{}", encode_json(&with_claim(&header, "x", json!(1))), parts[1], parts[2])),
        ("a signature of something else", format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64]))),
        ("cut short", token[..token.len() - 2].to_owned()),
        ("one part more", format!("{token}.x")),
        ("an ICAT session", SESSION.to_owned()),
        ("nothing", "x".to_owned()),
        ("too long", format!("{}.x.x", "x".repeat(17 * 1024))),
    ];
    for (what, token) in &cases {
        let (status, problem) = resolve_token(&app, token).await;
        assert_eq!(status, 401, "{what}");
        let who = if *what == "an unknown session" { "auth" } else { "identity" };
        assert_eq!(problem["type"], format!("urn:undulator:problem:{who}/bad-token"), "{what}");
    }
    println!("{} forgeries refused", cases.len());
    let bare = app.http.post(format!("{}/sessions/resolve", app.internal)).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let outside = app.http.post(format!("{}/sessions/resolve", app.public)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(outside.status(), 404, "not for users");
    for (what, forged) in &cases[..6] {
        assert_eq!(end_token(&app, forged).await, 401, "{what}");
    }
    assert_eq!(resolve_token(&app, &token).await.0, 200, "no forgery has ended it");
    app.stop().await;
}

#[tokio::test]
async fn a_token_is_good_for_ten_minutes_and_clocks_may_differ() {
    let app = TestApp::start(&[auth::SERVICE, ICAT], "").await;
    let token = read_token(request_token(&app, &ada_credentials()).await).await;
    app.clock.advance_seconds(-120);
    assert_eq!(resolve_token(&app, &token).await.0, 200);
    app.clock.advance_seconds(-1);
    assert_eq!(resolve_token(&app, &token).await.0, 401, "not valid yet");
    app.clock.advance_seconds(121 + 630);
    assert_eq!(resolve_token(&app, &token).await.0, 200);
    app.clock.advance_seconds(1);
    let (status, problem) = resolve_token(&app, &token).await;
    assert_eq!((status, problem["detail"].as_str()), (401, Some("the token has expired; get a new one")));
    assert_eq!(get_jwks(&app).await.keys.len(), 1);
    app.stop().await;
}
