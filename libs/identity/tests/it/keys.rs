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
