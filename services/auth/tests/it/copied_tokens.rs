//! Refresh tokens of which somebody has a copy, in the order of things that a single browser does not know.

use auth::SERVICE;
use testkit::{Backend, TestApp, list_backends};

use crate::client::{list_audit, log_in_fresh, read_slug, refresh, refresh_pair, resolve_token};
use crate::icat::ICAT;

async fn start_app(backend: &Backend) -> TestApp {
    TestApp::start_on(backend, &[SERVICE, ICAT], "").await
}

/// Each of them has a token that was never used before.
#[tokio::test]
async fn a_thief_and_the_owner_are_found_out_at_the_next_renewal_after_the_grace() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        for thief_comes_first in [true, false] {
            let pair = log_in_fresh(&app, "uma").await;
            let (owner, thief) = (refresh_pair(&app, &pair.refresh).await, refresh_pair(&app, &pair.refresh).await);
            app.clock.advance_seconds(600);
            let (first, second) = if thief_comes_first { (&thief, &owner) } else { (&owner, &thief) };
            let next = refresh_pair(&app, &first.refresh).await;
            app.clock.advance_seconds(21);
            let refused = refresh(&app, &second.refresh).await;
            let slug = read_slug(refused).await;
            assert_eq!(slug, "auth/refresh-token-reused", "thief first: {thief_comes_first}");
            assert_eq!(refresh(&app, &next.refresh).await.status(), 401, "the family is dead");
        }
        let reused = list_audit(&app).await.into_iter().filter(|(_, reason)| reason == "reused").count();
        assert_eq!(reused, 2);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_ends_logins_nor_keeps_used_tokens_alive() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let first = log_in_fresh(&app, "uma").await;
        let second = refresh_pair(&app, &first.refresh).await;
        app.clock.advance_seconds(-3600);
        let third = refresh_pair(&app, &second.refresh).await;
        assert_eq!(resolve_token(&app, &third.access).await.0, 200);
        let fourth = refresh_pair(&app, &third.refresh).await;
        assert_eq!(refresh(&app, &first.refresh).await.status(), 401, "it was used, whenever that was");
        assert_eq!(refresh(&app, &fourth.refresh).await.status(), 401, "its login has ended");
        app.stop().await;
    }
}
