//! Sessions that auth ends end in the catalogue too, over each bus, in one process and in two.

use events::messages::icat::SessionEnded;
use service_kit::sha256_hex;
use testkit::{Backend, ISSUER, Nats, TestApp, emit_session_ended, list_backends, recorder, wait_until};

use crate::rest_client::{AUTHENTICATOR, Client};

async fn is_alive(app: &TestApp, session: &str) -> bool {
    app.http.get(format!("{}/icat/session/{session}", app.public)).send().await.unwrap().status() == 200
}

#[tokio::test]
async fn a_session_that_auth_ends_is_gone_and_its_end_is_published_once() {
    for backend in list_backends() {
        let nats = Nats::start().await;
        for bus in [String::new(), nats.settings()] {
            let services = [icat::SERVICE, AUTHENTICATOR, ISSUER, recorder::SERVICE];
            let app = TestApp::start_on(&backend, &services, &bus).await;
            let (ended, other) = (Client::log_in(&app, "db").await, Client::log_in(&app, "db").await);
            emit_session_ended(&app, &ended, 3).await;
            app.drain().await;
            assert!(!is_alive(&app, &ended).await && is_alive(&app, &other).await);
            let published: Vec<SessionEnded> = app.recorded_events().await;
            let expected = SessionEnded { session_hash: sha256_hex(&ended), subject: "db/ada".to_owned() };
            assert_eq!(published, [expected], "also if auth says it again");
            emit_session_ended(&app, "a session of another catalogue", 1).await;
            app.drain().await;
            assert_eq!(app.recorded_events::<SessionEnded>().await.len(), 1);
            app.stop().await;
        }
    }
}

#[tokio::test]
async fn a_catalogue_hears_of_it_from_another_process() {
    let nats = Nats::start().await;
    let catalogue = TestApp::start_on(&Backend::Sqlite, &[icat::SERVICE, AUTHENTICATOR], &nats.settings()).await;
    let auth = TestApp::start_on(&Backend::Sqlite, &[ISSUER], &nats.settings()).await;
    let (ended, other) = (Client::log_in(&catalogue, "db").await, Client::log_in(&catalogue, "db").await);
    emit_session_ended(&auth, &ended, 1).await;
    wait_until("the session has ended", async || (!is_alive(&catalogue, &ended).await).then_some(())).await;
    assert!(is_alive(&catalogue, &other).await);
    auth.stop().await;
    catalogue.stop().await;
}
