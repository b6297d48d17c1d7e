//! The published keys: how often they are fetched, and for how long they last.

use crate::fake::{
    Key, START_SECONDS, get_with_bearer, publish_keys, read_counter, start_app, steer_fakes, valid_claims,
};
use serde_json::Value;

fn claims_issued_after(seconds: i64) -> Value {
    let mut claims = valid_claims();
    claims["exp"] = (START_SECONDS + seconds + 600).into();
    claims
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_at_most_once_a_minute() {
    let (app, old, new) = (start_app("").await, Key::new("old"), Key::new("new"));
    publish_keys(&app, &[&old]).await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&old.sign_token(&valid_claims()))).await.0, 200);
    for _ in 0..20 {
        assert_eq!(get_with_bearer(&app, "/who", Some(&new.sign_token(&valid_claims()))).await.0, 401);
    }
    assert_eq!(read_counter(&app, "fetches").await, 1, "the set was fetched less than a minute ago");
    publish_keys(&app, &[&old, &new]).await;
    app.clock.advance_seconds(60);
    assert_eq!(get_with_bearer(&app, "/who", Some(&new.sign_token(&valid_claims()))).await.0, 200);
    assert_eq!(get_with_bearer(&app, "/who", Some(&old.sign_token(&valid_claims()))).await.0, 200);
    assert_eq!(read_counter(&app, "fetches").await, 2);
}

#[tokio::test]
async fn known_keys_last_a_day_while_auth_is_down_and_then_nobody_can_tell() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&valid_claims()))).await.0, 200);
    steer_fakes(&app, "auth-is-down/true").await;
    app.clock.advance_seconds(23 * 3600);
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&claims_issued_after(23 * 3600)))).await.0, 200);
    app.clock.advance_seconds(3600 + 1);
    let (status, body) = get_with_bearer(&app, "/who", Some(&key.sign_token(&claims_issued_after(24 * 3600)))).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("identity/no-keys"), "{body}");
    steer_fakes(&app, "auth-is-down/false").await;
    app.clock.advance_seconds(60);
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&claims_issued_after(24 * 3600)))).await.0, 200);
}

#[tokio::test]
async fn a_withdrawn_key_counts_for_five_minutes_at_most() {
    let (app, old, new) = (start_app("").await, Key::new("old"), Key::new("new"));
    publish_keys(&app, &[&old]).await;
    let token = old.sign_token(&valid_claims());
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200);
    publish_keys(&app, &[&new]).await;
    app.clock.advance_seconds(300);
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200);
    app.clock.advance_seconds(1);
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 401);
}

#[tokio::test]
async fn keys_are_cached_as_long_as_auth_says() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    steer_fakes(&app, "cache-control/max-age=7200").await;
    let token = key.sign_token(&claims_issued_after(8000));
    for (passed, fetches) in [(0, 1), (7200, 1), (1, 2), (7200, 2)] {
        app.clock.advance_seconds(passed);
        let token =
            if passed == 7200 && fetches == 2 { key.sign_token(&claims_issued_after(15_000)) } else { token.clone() };
        assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200);
        assert_eq!(read_counter(&app, "fetches").await, fetches);
    }
}

/// Auth may be the last to start.
#[tokio::test]
async fn keys_that_could_never_be_fetched_are_asked_for_again_after_five_seconds() {
    let (app, key) = (start_app("").await, Key::new("one"));
    let token = key.sign_token(&valid_claims());
    steer_fakes(&app, "auth-is-down/true").await;
    for _ in 0..5 {
        assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 503);
    }
    assert_eq!(read_counter(&app, "fetches").await, 1);
    steer_fakes(&app, "auth-is-down/false").await;
    publish_keys(&app, &[&key]).await;
    app.clock.advance_seconds(5);
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 200);
}

#[tokio::test]
async fn a_set_with_keys_of_other_kinds_is_used_without_them() {
    let (app, key) = (start_app("").await, Key::new("one"));
    let foreign = serde_json::json!({"kty": "RSA", "kid": "two", "use": "enc", "n": "AQAB", "e": "AQAB"});
    let mut for_encryption = serde_json::to_value(&key.jwk).unwrap();
    for_encryption["use"] = "enc".into();
    for_encryption["kid"] = "three".into();
    let set = serde_json::json!({"keys": [{"kty": "unknown"}, foreign, for_encryption, key.jwk]});
    let url = format!("{}/steer/keys", app.internal);
    assert_eq!(app.http.put(url).json(&set).send().await.unwrap().status(), 204);
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&valid_claims()))).await.0, 200);
    for kid in ["two", "three"] {
        let named = Key {
            jwk: {
                let mut jwk = key.jwk.clone();
                jwk.common.key_id = Some(kid.to_owned());
                jwk
            },
            encoding: key.encoding.clone(),
        };
        assert_eq!(get_with_bearer(&app, "/who", Some(&named.sign_token(&valid_claims()))).await.0, 401, "{kid}");
    }
}
