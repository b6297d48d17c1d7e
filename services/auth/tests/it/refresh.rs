//! Refresh tokens: each is used once, two tabs may use the same one at once, and a copy that is used later ends the login on
//! every replica.

use std::sync::Arc;

use auth::Accounts;
use auth::store::accounts;
use events::messages::auth::{AuditRecorded, SessionEnded};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use service_kit::{Clock as _, Config, Server, Sources, SystemIds, Tx};
use testkit::{Backend, TestApp, list_backends, recorder};

use crate::client::{
    PASSWORD, TokenPair, decode_part, find_session, fresh_credentials, list_audit, list_audit_rows, log_in_fresh,
    open_accounts, read_slug, refresh, refresh_at, refresh_pair, request_token, resolve_token,
};
use crate::icat::{ICAT, is_alive_at_icat, steer_icat};

async fn start_app(backend: &Backend) -> TestApp {
    TestApp::start_on(backend, &[auth::SERVICE, ICAT, recorder::SERVICE], "").await
}

fn assert_audit(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found.iter().map(|(kind, reason)| (kind.as_str(), reason.as_str())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_refresh_gives_the_next_pair_of_the_same_login() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let answer = request_token(&app, &fresh_credentials("uma", "body")).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!((&answer["expires_in"], &answer["refresh_expires_in"]), (&json!(600), &json!(604_800)));
        let mut refresh_token = answer["refresh_token"].as_str().unwrap().to_owned();
        assert!(refresh_token.starts_with("urt_") && refresh_token.len() == 47, "{refresh_token}");
        let first = decode_part(answer["access_token"].as_str().unwrap(), 1);
        let mut seen = vec![refresh_token.clone()];
        for n in 1..=3_i64 {
            app.clock.advance_seconds(600);
            let next = refresh_pair(&app, &refresh_token).await;
            let claims = decode_part(&next.access, 1);
            for kept in ["sub", "sid", "auth_time", "amr", "client_id"] {
                assert_eq!(claims[kept], first[kept], "{kept}");
            }
            assert_eq!(claims["iat"], first["iat"].as_i64().unwrap() + n * 600);
            assert_eq!(resolve_token(&app, &next.access).await.0, 200);
            refresh_token = next.refresh;
            seen.push(refresh_token.clone());
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 4, "never the same twice");
        let accepted = ("refresh", "accepted");
        let expected = [("login", "accepted"), ("session", "started"), accepted, accepted, accepted];
        assert_audit(&list_audit(&app).await, &expected);
        app.drain().await;
        assert_eq!(app.recorded_events::<AuditRecorded>().await.len(), 2, "refreshes are no news");
        let series = "undulator_auth_refreshes_total{outcome=\"accepted\"}";
        assert_eq!(app.metric(series).await, Some(3.0));
        app.stop().await;
    }
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_both_live() {
    const ROUNDS: usize = 25;
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let mut pair = log_in_fresh(&app, "uma").await;
        for _ in 0..ROUNDS {
            let (one, other) = join(refresh_pair(&app, &pair.refresh), refresh_pair(&app, &pair.refresh)).await;
            assert_ne!(one, other);
            for tab in [&one, &other] {
                assert_eq!(resolve_token(&app, &tab.access).await.0, 200);
            }
            // Each goes on with its own.
            pair = refresh_pair(&app, &one.refresh).await;
            assert_eq!(refresh(&app, &other.refresh).await.status(), 200);
            app.clock.advance_seconds(60);
        }
        println!("{ROUNDS} rounds");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_lost_answer_is_repeated_within_the_grace_and_no_later() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let pair = log_in_fresh(&app, "uma").await;
        refresh_pair(&app, &pair.refresh).await;
        app.clock.advance_seconds(20);
        let again = refresh_pair(&app, &pair.refresh).await;
        app.clock.advance_seconds(1);
        assert_eq!(refresh(&app, &pair.refresh).await.status(), 401, "21 s after its first use");
        assert_eq!(refresh(&app, &again.refresh).await.status(), 401, "the family is dead");
        app.stop().await;
    }
}

/// A second server of the same site; on `PostgreSQL` alone, because a `SQLite` file takes one.
async fn start_replica(app: &TestApp) -> Server {
    let config = Config::from_toml(&[auth::SERVICE.settings], "").unwrap();
    let config = [
        ("data_dir", app.data_dir().to_string_lossy().into_owned()),
        ("http.bind", "127.0.0.1:0".to_owned()),
        ("http.internal_bind", "127.0.0.1:0".to_owned()),
        ("database.url", app.config.core.database.url.clone().unwrap()),
        ("icat.url", app.public.clone()),
    ]
    .into_iter()
    .fold(config, |config, (key, value)| config.with_setting(key, value).unwrap());
    let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
    Server::start(&[auth::SERVICE], &config, sources).await.unwrap()
}

#[tokio::test]
async fn a_copied_refresh_token_ends_the_login_on_every_replica() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let replica = match backend {
            Backend::Sqlite => None,
            Backend::Postgres(_) => Some(start_replica(&app).await),
        };
        let elsewhere =
            replica.as_ref().map_or_else(|| app.public.clone(), |server| format!("http://{}", server.endpoints.public));
        let (stolen, other) = (log_in_fresh(&app, "uma").await, log_in_fresh(&app, "uma").await);
        let session = find_session(&app, &stolen.access).await;
        let next = TokenPair::from_answer(refresh_at(&app, &elsewhere, &stolen.refresh).await).await;
        app.clock.advance_seconds(21);
        let last = refresh_pair(&app, &next.refresh).await;

        let refused = refresh_at(&app, &elsewhere, &stolen.refresh).await;
        assert_eq!((refused.status().as_u16(), read_slug(refused).await.as_str()), (401, "auth/refresh-token-reused"));
        for token in [&next.refresh, &last.refresh, &stolen.refresh] {
            for server in [&app.public, &elsewhere] {
                let refused = refresh_at(&app, server, token).await;
                assert_eq!(
                    (refused.status().as_u16(), read_slug(refused).await.as_str()),
                    (401, "auth/bad-refresh-token")
                );
            }
        }
        for token in [&stolen.access, &next.access, &last.access] {
            assert_eq!(resolve_token(&app, token).await.0, 401);
        }
        assert!(!is_alive_at_icat(&app, &session).await, "ICAT has ended it too");
        assert_eq!(resolve_token(&app, &other.access).await.0, 200, "another login of the same user");
        assert_eq!(refresh(&app, &other.refresh).await.status(), 200);

        app.drain().await;
        let ended = app.recorded_events::<SessionEnded>().await;
        assert!(ended.iter().any(|event| event.session_hash == service_kit::sha256_hex(&session)), "others hear of it");
        let told = app.recorded_events::<AuditRecorded>().await;
        for (kind, reason) in [("refresh", "reused"), ("logout", "refresh_token_reused")] {
            let entry = told.iter().find(|entry| (entry.kind.as_str(), entry.reason.as_str()) == (kind, reason));
            assert_eq!(entry.expect(reason).subject, "fresh/uma");
        }
        let rows = list_audit_rows(&app).await;
        let row = rows.iter().find(|row| row.reason == "reused").unwrap();
        assert_eq!((row.user_name.as_deref(), row.address.as_deref()), (Some("fresh/uma"), Some("127.0.0.1")));
        assert_eq!(row.sid_hash.as_ref().map(String::len), Some(64));
        if let Some(replica) = replica {
            replica.stop().await;
        }
        app.stop().await;
    }
}

/// 20 rounds of 8 requests over two servers: whatever their order, all of them are within the grace.
#[tokio::test]
async fn requests_at_two_replicas_at_once_are_all_served() {
    const ROUNDS: usize = 20;
    for backend in list_backends().into_iter().filter(|backend| matches!(backend, Backend::Postgres(_))) {
        let app = start_app(&backend).await;
        let replica = start_replica(&app).await;
        let elsewhere = format!("http://{}", replica.endpoints.public);
        let mut pair = log_in_fresh(&app, "uma").await;
        for _ in 0..ROUNDS {
            let servers = [&app.public, &elsewhere];
            let requests = (0..8).map(|n| refresh_at(&app, servers[n % 2], &pair.refresh));
            for answer in join_all(requests).await {
                assert_eq!(answer.status(), 200);
                pair = TokenPair::from_answer(answer).await;
            }
            app.clock.advance_seconds(30);
        }
        println!("{ROUNDS} rounds");
        replica.stop().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn a_login_ends_when_it_is_idle_and_at_its_end() {
    let settings = "[auth]\nlogin_lifetime = \"10h\"\nlogin_idle_lifetime = \"1h\"\n";
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], settings).await;
        let idle = log_in_fresh(&app, "uma").await;
        let mut busy = log_in_fresh(&app, "uma").await;
        for _ in 0..10 {
            app.clock.advance_seconds(3599);
            busy = refresh_pair(&app, &busy.refresh).await;
        }
        assert_eq!(read_slug(refresh(&app, &idle.refresh).await).await, "auth/bad-refresh-token");
        let claims = decode_part(&busy.access, 1);
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            10,
            "no token outlives the login"
        );
        app.clock.advance_seconds(10);
        assert_eq!(refresh(&app, &busy.refresh).await.status(), 401, "ten hours are over");
        let reasons: Vec<String> = list_audit(&app).await.into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons.iter().filter(|reason| *reason == "expired").count(), 2);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_refresh_token_is_bound_to_its_client_and_its_place() {
    let app = start_app(&Backend::Sqlite).await;
    let mut login = fresh_credentials("uma", "body");
    login["client_id"] = "cli-1".into();
    let pair = TokenPair::from_answer(request_token(&app, &login).await).await;
    assert_eq!(decode_part(&pair.access, 1)["client_id"], "cli-1");
    let url = format!("{}/auth/v1/token/refresh", app.public);
    let send = async |body: Value| app.http.post(&url).json(&body).send().await.unwrap();
    for client in [Value::Null, "cli-2".into(), "undulator".into()] {
        let mut body = json!({"refresh_token": pair.refresh, "client_id": client});
        if client.is_null() {
            body.as_object_mut().unwrap().remove("client_id");
        }
        assert_eq!(read_slug(send(body).await).await, "auth/bad-refresh-token", "{client}");
    }
    let cookie = app.http.post(&url).header("cookie", format!("__Host-undulator-refresh={}", pair.refresh));
    assert_eq!(
        read_slug(cookie.json(&json!({"client_id": "cli-1"})).send().await.unwrap()).await,
        "auth/bad-refresh-token"
    );
    let right = send(json!({"refresh_token": pair.refresh, "client_id": "cli-1"})).await;
    assert_eq!(right.status(), 200, "none of the refusals has used it");

    for (body, status, slug) in [
        (json!({}), 401, "auth/no-credentials"),
        (json!({"refresh_token": ""}), 401, "auth/bad-refresh-token"),
        (json!({"refresh_token": "urt_x"}), 401, "auth/bad-refresh-token"),
        (json!({"refresh_token": pair.access}), 401, "auth/bad-refresh-token"),
        (json!({"refresh_token": format!("urt_{}", "A".repeat(43))}), 401, "auth/bad-refresh-token"),
        (json!({"refresh_token": 1}), 422, "auth/bad-refresh-body"),
        (json!({"token": "x"}), 422, "auth/bad-refresh-body"),
        (json!({"refresh_token": pair.refresh, "client_id": "a b"}), 422, "auth/bad-credentials-body"),
    ] {
        let answer = send(body.clone()).await;
        assert_eq!((answer.status().as_u16(), read_slug(answer).await.as_str()), (status, slug), "{body}");
    }
    let form = app.http.post(&url).form(&[("refresh_token", &pair.refresh)]).send().await.unwrap();
    assert_eq!(form.status(), 415, "no page of another site can send JSON without asking");
    app.stop().await;
}

#[tokio::test]
async fn a_browser_keeps_the_token_of_a_page_in_a_cookie() {
    let app = start_app(&Backend::Sqlite).await;
    let answer = request_token(&app, &fresh_credentials("uma", "cookie")).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (value, attributes) = cookie.split_once(';').unwrap();
    assert!(value.starts_with("__Host-undulator-refresh=urc_"), "{value}");
    assert_eq!(attributes, " HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=604800");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body.get("refresh_token"), None, "no script gets it");
    assert_eq!(body["refresh_expires_in"], 604_800);

    let url = format!("{}/auth/v1/token/refresh", app.public);
    let send = |headers: &[(&str, &str)]| {
        let request = app.http.post(&url).header("cookie", value).json(&json!({}));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    };
    for foreign in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        let refused = send(&[foreign]).await.unwrap();
        assert_eq!((refused.status().as_u16(), read_slug(refused).await.as_str()), (403, "identity/foreign-site"));
    }
    let renewed = send(&[("sec-fetch-site", "same-origin")]).await.unwrap();
    assert_eq!(renewed.status(), 200);
    let next = renewed.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(next, value);
    let access = renewed.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let in_body = refresh(&app, next.split_once('=').unwrap().1).await;
    assert_eq!(in_body.status(), 401, "it is accepted from the cookie alone");

    let logout = app.http.post(format!("{}/auth/v1/logout", app.public)).header("cookie", &next).json(&json!({}));
    let answer = logout.try_clone().unwrap().send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let removed = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(removed.starts_with("__Host-undulator-refresh=;") && removed.contains("Max-Age=0"), "{removed}");
    assert_eq!(resolve_token(&app, &access).await.0, 401);
    assert_eq!(logout.send().await.unwrap().status(), 204, "again");
    app.stop().await;
}

#[tokio::test]
async fn a_login_ends_with_its_session_and_outlives_a_catalogue_that_is_down() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let pair = log_in_fresh(&app, "uma").await;
        let session = find_session(&app, &pair.access).await;
        steer_icat(&app, "down/true").await;
        let refused = refresh(&app, &pair.refresh).await;
        assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (503, true));
        steer_icat(&app, "down/false").await;
        app.clock.advance_seconds(60);
        let pair = refresh_pair(&app, &pair.refresh).await;

        // ICAT has not swept the session yet, and would revive it.
        app.clock.advance_seconds(7201);
        steer_icat(&app, &format!("expire/{session}")).await;
        assert_eq!(refresh(&app, &pair.refresh).await.status(), 401);
        assert!(!is_alive_at_icat(&app, &session).await, "it was not revived");
        let audit = list_audit(&app).await;
        assert_eq!(audit.last().unwrap(), &("logout".to_owned(), "icat_session_ended".to_owned()));
        app.stop().await;
    }
}

/// Such as by a replica of an earlier version, which does not end logins.
#[tokio::test]
async fn a_renewal_looks_at_the_account() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let accounts: Accounts = open_accounts(&app).await;
        accounts.create_account(&accounts.parse_name("db/alice").unwrap(), PASSWORD).await.unwrap();
        accounts.close().await;
        let login = json!({"plugin": "db", "username": "alice", "password": PASSWORD, "refresh_token": "body"});
        let pair = TokenPair::from_answer(request_token(&app, &login).await).await;
        let lock = async |tx: &mut Tx| accounts::set_locked(tx, "db", "alice", Some(app.clock.now_micros())).await;
        app.db("auth").write(lock).await.unwrap();
        assert_eq!(read_slug(refresh(&app, &pair.refresh).await).await, "auth/bad-refresh-token");
        let audit = list_audit(&app).await;
        assert_eq!(audit.last().unwrap(), &("logout".to_owned(), "account_changed".to_owned()));
        app.stop().await;
    }
}

#[tokio::test]
async fn a_locked_account_loses_its_refresh_tokens() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let accounts: Accounts = open_accounts(&app).await;
        let alice = accounts.parse_name("db/alice").unwrap();
        accounts.create_account(&alice, PASSWORD).await.unwrap();
        let login = json!({"plugin": "db", "username": "alice", "password": PASSWORD, "refresh_token": "body"});
        let pair = TokenPair::from_answer(request_token(&app, &login).await).await;
        let pair = refresh_pair(&app, &pair.refresh).await;
        accounts.lock_account(&alice).await.unwrap();
        assert_eq!(refresh(&app, &pair.refresh).await.status(), 401);
        accounts.unlock_account(&alice).await.unwrap();
        assert_eq!(refresh(&app, &pair.refresh).await.status(), 401, "what has ended does not come back");
        accounts.close().await;
        app.stop().await;
    }
}
