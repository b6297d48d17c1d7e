//! ICAT sessions and API keys, wherever they come from, and how soon they are forgotten.

use service_kit::SESSION_HANDLE_PREFIX;

use crate::fake::{SESSION, get_with_bearer, read_counter, start_app, steer_fakes};

#[tokio::test]
async fn a_session_is_found_in_every_place_and_as_bearer_everywhere() {
    let app = start_app("").await;
    assert_eq!(get_with_bearer(&app, "/who", Some(SESSION)).await, (200, "db/ada".to_owned()));
    for (place, elsewhere) in [("/in-query?sessionId=", "/in-query"), ("/in-path/", "/in-path/x/who")] {
        let path = if place.ends_with('/') { format!("{place}{SESSION}/who") } else { format!("{place}{SESSION}") };
        assert_eq!(get_with_bearer(&app, &path, None).await, (200, "db/ada".to_owned()), "{path}");
        assert_eq!(get_with_bearer(&app, elsewhere, Some(SESSION)).await, (200, "db/ada".to_owned()), "{elsewhere}");
    }
    let url = format!("{}/in-header", app.public);
    let answer = app.http.get(url).header("x-session", SESSION).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "db/ada");
    // The same parameter where the mount does not look for it is no credential.
    assert_eq!(get_with_bearer(&app, &format!("/who?sessionId={SESSION}"), None).await.0, 401);
}

/// Portals send what auth gave them in place of an ICAT session id.
#[tokio::test]
async fn a_session_handle_is_resolved_by_auth_in_every_place_of_a_session() {
    let app = start_app("").await;
    let handle = format!("{SESSION_HANDLE_PREFIX}{}", "a".repeat(43));
    assert_eq!(get_with_bearer(&app, "/who", Some(&handle)).await, (200, "db/ada".to_owned()));
    for path in [format!("/in-query?sessionId={handle}"), format!("/in-path/{handle}/who")] {
        assert_eq!(get_with_bearer(&app, &path, None).await, (200, "db/ada".to_owned()), "{path}");
    }
    assert_eq!(read_counter(&app, "asked").await, 1, "auth is asked once");
    steer_fakes(&app, "session-is-dead/true").await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&format!("{handle}b"))).await.0, 401);
    steer_fakes(&app, "auth-is-down/true").await;
    let (status, text) = get_with_bearer(&app, "/who", Some(&format!("{handle}c"))).await;
    assert!(status == 503 && !text.contains(&handle), "{text}");
    steer_fakes(&app, "tell-end").await;
    testkit::wait_until("the handle is forgotten", async || {
        (get_with_bearer(&app, "/who", Some(&handle)).await.0 == 503).then_some(())
    })
    .await;
    assert_eq!(get_with_bearer(&app, "/who", Some(SESSION)).await.0, 401, "the session behind it");
}

#[tokio::test]
async fn the_header_comes_before_every_other_place() {
    let app = start_app("").await;
    let ask = async |place: &str, header: &str| {
        let request = app.http.get(format!("{}{place}", app.public)).header("authorization", header);
        request.send().await.unwrap().status().as_u16()
    };
    let (good, bad) = (SESSION.to_owned(), "00000000-0000-0000-0000-000000000000".to_owned());
    for place in ["/in-query?sessionId={}", "/in-path/{}/who"] {
        let with = |session: &str| place.replace("{}", session);
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(ask(&with(&bad), &format!("{scheme} {good}")).await, 200, "{place} {scheme}");
            assert_eq!(ask(&with(&good), &format!("{scheme} {bad}")).await, 401, "{place} {scheme}");
        }
        assert_eq!(ask(&with(&good), "Basic eDp5").await, 200, "{place}: a proxy's credential is not ours");
        assert_eq!(ask(&with(&bad), "Basic eDp5").await, 401, "{place}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_nobody_and_who_says_something_wrong_is_refused() {
    let app = start_app("").await;
    assert_eq!(get_with_bearer(&app, "/maybe", None).await, (200, "nobody".to_owned()));
    assert_eq!(get_with_bearer(&app, "/maybe", Some(SESSION)).await, (200, "db/ada".to_owned()));
    for wrong in ["00000000-0000-0000-0000-000000000000", "x", "a.b.c", &"x".repeat(17_000)] {
        let (status, body) = get_with_bearer(&app, "/maybe", Some(wrong)).await;
        assert_eq!(status, 401, "{body}");
        assert!(!body.contains("00000000"), "{body}");
    }
    let answer =
        app.http.get(format!("{}/who", app.public)).header("authorization", "Basic eDp5").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn icat_is_asked_once_in_fifty_seconds_and_its_no_counts_after_that() {
    let app = start_app("").await;
    for _ in 0..5 {
        assert_eq!(get_with_bearer(&app, "/who", Some(SESSION)).await.0, 200);
    }
    assert_eq!(read_counter(&app, "asked").await, 1);
    steer_fakes(&app, "session-is-dead/true").await;
    app.clock.advance_seconds(49);
    assert_eq!(get_with_bearer(&app, "/who", Some(SESSION)).await.0, 200, "nobody told us");
    app.clock.advance_seconds(1);
    assert_eq!(get_with_bearer(&app, "/who", Some(SESSION)).await.0, 401);
    assert_eq!(read_counter(&app, "asked").await, 2);
}

#[tokio::test]
async fn a_session_that_ends_is_forgotten_at_once() {
    let app = start_app("").await;
    assert_eq!(get_with_bearer(&app, "/who", Some(SESSION)).await.0, 200);
    steer_fakes(&app, "session-is-dead/true").await;
    assert_eq!(
        get_with_bearer(&app, "/who", Some(SESSION)).await.0,
        200,
        "the control: it is remembered until somebody tells"
    );
    steer_fakes(&app, "tell-end").await;
    testkit::wait_until("the ended session is refused", async || {
        (get_with_bearer(&app, "/who", Some(SESSION)).await.0 == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unknown_key_is_not_called_a_session_that_has_ended() {
    let app = start_app("").await;
    let (status, body) = get_with_bearer(&app, "/who", Some("9f86d081884c7d659a2feaa0c55ad015")).await;
    assert_eq!(status, 401);
    assert!(body.contains("API key") && !body.contains("has ended") && !body.contains("log in"), "{body}");
    let a_uuid = "3e1f0b52-95f7-4c39-8b0f-6f5f3a3c0a11";
    let (_, body) = get_with_bearer(&app, "/who", Some(a_uuid)).await;
    assert!(body.contains("the session is not known or has ended") && body.contains("API key"), "{body}");
    for wrong in ["9f86d081884c7d659a2feaa0c55ad015", a_uuid] {
        let (status, body) = get_with_bearer(&app, &format!("/with-key/{wrong}"), None).await;
        assert_eq!(status, 401);
        assert!(body.contains("API key is not known") && !body.contains("session"), "{body}");
    }
    assert_eq!(get_with_bearer(&app, &format!("/with-key/{SESSION}"), None).await, (200, "db/ada".to_owned()));
}

#[tokio::test]
async fn an_api_key_in_a_path_may_be_percent_encoded() {
    let key = "q+r/s=%41";
    let app = start_app(&format!(
        "[[identity.api_keys]]\nname = \"base64\"\nsha256 = \"{}\"\nuser = \"simple/base64\"\nscopes = [\"read\"]\n\
         expires = \"2027-01-01T00:00:00Z\"\n",
        service_kit::sha256_hex(key)
    ))
    .await;
    for encoded in ["q+r%2Fs=%2541", "q%2Br%2fs%3D%2541", "%71%2B%72%2F%73%3D%25%34%31"] {
        let (status, body) = get_with_bearer(&app, &format!("/in-path/{encoded}/who"), None).await;
        assert_eq!((status, body.as_str()), (200, "simple/base64 without session"), "{encoded}");
    }
    for unknown in ["q%252Br%2Fs=%2541", "q+r%2Fs=%41", "%FF", "q+r%2Fs=%25%FF41"] {
        assert_eq!(get_with_bearer(&app, &format!("/in-path/{unknown}/who"), None).await.0, 401, "{unknown}");
    }
}

#[tokio::test]
async fn a_key_with_instruments_writes_for_these_alone() {
    let key = |name: &str, instruments: &str| {
        format!(
            "[[identity.api_keys]]\nname = \"{name}\"\nsha256 = \"{}\"\nuser = \"simple/{name}\"\n{instruments}\
             scopes = [\"logbook:write\"]\nexpires = \"2027-01-01T00:00:00Z\"\n",
            service_kit::sha256_hex(name)
        )
    };
    let app = start_app(&[key("one", "instruments = [\"ID30A-1\", \"BM29\"]\n"), key("all", "")].concat()).await;
    let write = async |credential: &str, instrument: &str| {
        get_with_bearer(&app, &format!("/write-for?instrument={instrument}"), Some(credential)).await
    };
    for allowed in ["ID30A-1", "id30a-1", "bm29"] {
        assert_eq!(write("one", allowed).await, (200, format!("{allowed} {allowed}")));
    }
    let (status, body) = write("one", "ID30A-2").await;
    assert_eq!(status, 403);
    assert!(body.contains("may not write for the instrument ID30A-2, only for ID30A-1, BM29"), "{body}");
    let (status, body) = write("one", "").await;
    assert_eq!(status, 403);
    assert!(body.contains("name the instrument"), "{body}");
    for free in ["all", SESSION] {
        assert_eq!(write(free, "ID30A-2").await.0, 200, "{free}");
        assert_eq!(write(free, "").await.0, 200, "{free}");
    }
}

#[tokio::test]
async fn an_api_key_acts_for_its_user_within_its_scopes_until_it_expires() {
    // printf %s key-of-the-beamline | sha256sum
    let app = start_app(&format!(
        "[[identity.api_keys]]\nname = \"id29\"\nsha256 = \"{}\"\nuser = \"simple/acquisition\"\n\
         scopes = [\"logbook:write\"]\nexpires = \"2026-01-12T10:00:00Z\"\n\
         [[identity.api_keys]]\nname = \"reader\"\nsha256 = \"{}\"\nuser = \"simple/reader\"\n\
         scopes = [\"read\"]\nexpires = \"2027-01-01T00:00:00Z\"\n",
        service_kit::sha256_hex("key-of-the-beamline"),
        service_kit::sha256_hex("key-of-the-reader")
    ))
    .await;
    let post = async |key: &str| {
        let answer = app.http.post(format!("{}/write", app.public)).bearer_auth(key).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(post("key-of-the-beamline").await, (200, "simple/acquisition".to_owned()));
    let (status, body) = post("key-of-the-reader").await;
    assert_eq!(status, 403);
    assert!(body.contains("lacks the scope logbook:write"), "{body}");
    app.clock.advance_seconds(3600);
    let (status, body) = post("key-of-the-beamline").await;
    assert_eq!(status, 401);
    assert!(body.contains("expired"), "{body}");
    assert_eq!(read_counter(&app, "asked").await, 0, "ICAT has nothing to do with keys");
}
