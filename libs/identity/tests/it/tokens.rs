//! Which tokens count, and what is asked about them.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;

use crate::fake::{
    Key, START_SECONDS, get_with_bearer, publish_keys, read_counter, start_app, steer_fakes, valid_claims,
};

fn claims_with(key: &str, value: impl Into<Value>) -> Value {
    let mut claims = valid_claims();
    claims[key] = value.into();
    claims
}

fn claims_without(key: &str) -> Value {
    let mut claims = valid_claims();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

#[tokio::test]
async fn a_good_token_is_verified_here_and_its_session_asked_for_once() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    for _ in 0..5 {
        assert_eq!(
            get_with_bearer(&app, "/who", Some(&key.sign_token(&valid_claims()))).await,
            (200, "db/ada".to_owned())
        );
    }
    assert_eq!((read_counter(&app, "fetches").await, read_counter(&app, "asked").await), (1, 1));
}

#[tokio::test]
async fn everything_else_is_refused() {
    let (app, key, other) = (start_app("").await, Key::new("one"), Key::new("one"));
    publish_keys(&app, &[&key]).await;
    let header = |change: &dyn Fn(&mut Header)| {
        let mut header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some("one".to_owned()), ..Header::new(Algorithm::EdDSA) };
        change(&mut header);
        jsonwebtoken::encode(&header, &valid_claims(), &key.encoding).unwrap()
    };
    let public = serde_json::to_string(&key.jwk).unwrap();
    let hmac = |secret: &[u8]| {
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &valid_claims(), &EncodingKey::from_secret(secret).unwrap()).unwrap()
    };
    let good = key.sign_token(&valid_claims());
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let none = base64_url(br#"{"alg":"none","typ":"at+jwt","kid":"one"}"#);
    let forged = base64_url(claims_with("sub", "simple/root").to_string().as_bytes());
    let cases = [
        ("another audience", key.sign_token(&claims_with("aud", "elsewhere"))),
        ("another issuer", key.sign_token(&claims_with("iss", "https://elsewhere.example"))),
        ("no subject", key.sign_token(&claims_without("sub"))),
        ("no issuer", key.sign_token(&claims_without("iss"))),
        ("no audience", key.sign_token(&claims_without("aud"))),
        ("no end", key.sign_token(&claims_without("exp"))),
        ("no beginning", key.sign_token(&claims_without("iat"))),
        ("issued later", key.sign_token(&claims_with("iat", START_SECONDS + 121))),
        ("too long", key.sign_token(&claims_with("padding", "x".repeat(16 * 1024)))),
        ("expired", key.sign_token(&claims_with("exp", START_SECONDS - 31))),
        ("not yet", key.sign_token(&claims_with("nbf", START_SECONDS + 121))),
        ("another key under the same name", other.sign_token(&valid_claims())),
        ("an ID token", header(&|h| h.typ = Some("JWT".to_owned()))),
        ("no key id", header(&|h| h.kid = None)),
        ("an unknown key", header(&|h| h.kid = Some("two".to_owned()))),
        ("a key brought along", header(&|h| h.jwk = Some(other.jwk.clone()))),
        ("a key from elsewhere", header(&|h| h.jku = Some("https://elsewhere.example/jwks".to_owned()))),
        ("a chain of certificates", header(&|h| h.x5c = Some(vec!["MIIB".to_owned()]))),
        ("certificates from elsewhere", header(&|h| h.x5u = Some("https://elsewhere.example/x5".to_owned()))),
        ("no type", header(&|h| h.typ = None)),
        ("must-understand", header(&|h| h.crit = Some(vec!["x".to_owned()]))),
        ("HMAC with the public key", hmac(public.as_bytes())),
        ("HMAC with the public point", hmac(&serde_json::to_vec(&key.jwk.algorithm).unwrap())),
        ("no algorithm", format!("{none}.{body}.")),
        ("another body", format!("{head}.{forged}.{signature}")),
        ("no signature", format!("{head}.{body}.")),
        ("nothing at all", "..".to_owned()),
    ];
    for (what, token) in cases {
        let (status, text) = get_with_bearer(&app, "/who", Some(&token)).await;
        assert_eq!(status, 401, "{what}: {text}");
    }
    assert_eq!(get_with_bearer(&app, "/who", Some(&good)).await.0, 200, "the control");
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_its_session() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    let token = key.sign_token(&valid_claims());
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200);
    steer_fakes(&app, "session-is-dead/true").await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200, "the control: nobody has told");
    steer_fakes(&app, "tell-end").await;
    testkit::wait_until("the token is refused", async || {
        (get_with_bearer(&app, "/who", Some(&token)).await.0 == 401).then_some(())
    })
    .await;
    steer_fakes(&app, "session-is-dead/false").await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200);
    app.clock.advance_seconds(600 + 31);
    let (status, text) = get_with_bearer(&app, "/who", Some(&token)).await;
    assert!(status == 401 && text.contains("expired"), "{text}");
}

#[tokio::test]
async fn while_auth_is_down_a_token_still_says_who_but_not_which_session() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&valid_claims()))).await, (200, "db/ada".to_owned()));
    steer_fakes(&app, "auth-is-down/true").await;
    let another = key.sign_token(&claims_with("jti", "another"));
    assert_eq!(get_with_bearer(&app, "/who", Some(&another)).await, (200, "db/ada without session".to_owned()));
    steer_fakes(&app, "auth-is-down/false").await;
    assert_eq!(
        get_with_bearer(&app, "/who", Some(&another)).await,
        (200, "db/ada".to_owned()),
        "not remembered as without session"
    );
}

#[tokio::test]
async fn clocks_may_differ_by_half_a_minute() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    for claims in [
        claims_with("exp", START_SECONDS - 30),
        claims_with("nbf", START_SECONDS + 120),
        claims_with("iat", START_SECONDS + 120),
    ] {
        assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&claims))).await.0, 200, "{claims}");
    }
    let several = claims_with("aud", serde_json::json!(["elsewhere", "undulator"]));
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&several))).await.0, 200);
}
