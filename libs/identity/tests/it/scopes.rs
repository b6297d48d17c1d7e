//! Access tokens for some purposes only.

use crate::fake::{Key, publish_keys, read_counter, start_app, valid_claims};

#[tokio::test]
async fn a_token_with_scopes_may_do_these_and_gets_no_session() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    let token = |scope: Option<&str>| {
        let mut claims = valid_claims();
        if let Some(scope) = scope {
            claims["scope"] = scope.into();
        }
        key.sign_token(&claims)
    };
    for (scope, status, user) in [
        (None, 200, "db/ada"),
        (Some("read logbook:write"), 200, "db/ada without session"),
        (Some("read"), 403, "db/ada without session"),
        (Some("logbook:writeable"), 403, "db/ada without session"),
        (Some(""), 403, "db/ada without session"),
    ] {
        let write = app.http.post(format!("{}/write", app.public)).bearer_auth(token(scope)).send().await.unwrap();
        assert_eq!(write.status(), status, "{scope:?}");
        if status == 403 {
            let text = write.text().await.unwrap();
            assert!(
                text.contains("identity/scope") && text.contains("the token lacks the scope logbook:write"),
                "{text}"
            );
        }
        let who = app.http.get(format!("{}/who", app.public)).bearer_auth(token(scope)).send().await.unwrap();
        assert_eq!(who.text().await.unwrap(), user, "{scope:?}");
    }
    assert_eq!(read_counter(&app, "asked").await, 1, "nobody looks up the session of a token with scopes");
}
