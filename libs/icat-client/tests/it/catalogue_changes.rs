//! Polls and comparisons against prepared answers: what is stored when the lease is lost or the catalogue refuses, and how
//! ids are compared. `services/icat/tests/it/catalogue_changes.rs` has a real catalogue.

use std::sync::Arc;

use events::Events;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::CatalogueChanges;
use icat_client::catalogue_changes::bookmarks::{POLL_BOOKMARK, STATEMENTS};
use service_kit::{BuildError, Ctx, Running, ServiceDef, Tx};
use testkit::{Backend, TestApp, list_backends, recorder, wait_until};
use tokio::sync::Notify;

use crate::server::{Answer, Server};

const OLD: &str = r#"[[7,"2026-01-12T08:00:00.000Z"]]"#;
const LAST_COMPARISON: &str = "undulator_catalogue_comparison_timestamp_seconds{entity=\"Grouping\"}";
const CHANGED: &str = r#"[[7,"2026-01-12T09:00:00.000Z"]]"#;

const WATCHER: ServiceDef =
    ServiceDef { name: "watcher", build: |ctx| Box::pin(async move { build_watcher(ctx).await }), ..ServiceDef::EMPTY };

async fn build_watcher(ctx: Ctx) -> Result<Running, BuildError> {
    let events = Events::start(&ctx).await?;
    CatalogueChanges::start(&ctx, &events)?.add_listener("watcher.changed", &["Grouping"], |_| (), || ());
    Ok(Running::default())
}

fn body_answer(text: &'static str) -> Answer {
    Answer::Body(200, text)
}

/// The answers to a first poll: session, newest row twice, check of the time zone, limit; then the pages of all ids.
fn answers_to_first_poll(id_pages: &[&'static str]) -> Vec<Answer> {
    let poll = [r#"{"sessionId":"s"}"#, OLD, OLD, OLD, "{}"];
    poll.iter().chain(id_pages).map(|text| body_answer(text)).collect()
}

async fn start_watcher(backend: &Backend, server: &Server) -> TestApp {
    let toml = format!("[icat]\nurl = \"{}\"\nreader = \"db:reader:x\"\npoll_interval = \"20ms\"\n", server.root());
    TestApp::start_on(backend, &[WATCHER, recorder::SERVICE], &toml).await
}

async fn wait_for_requests(server: &Server, count: usize) {
    wait_until("the requests arrive", async || (server.requests().len() >= count).then_some(())).await;
}

/// The bookmark, and how many events wait.
async fn read_stored(app: &TestApp) -> (String, i64) {
    let sql = "SELECT value, (SELECT COUNT(*) FROM outbox) AS n FROM bookmark WHERE name = $1";
    let row = app.db("watcher").read().await.unwrap().fetch_one(sql, &[POLL_BOOKMARK.into()]).await.unwrap();
    (row.get("value").unwrap(), row.get("n").unwrap())
}

async fn list_heard_changes(app: &TestApp) -> Vec<(Verb, Vec<i64>)> {
    let events = app.recorded_events::<EntityChanged>().await;
    events.into_iter().map(|event| (event.verb(), event.ids)).collect()
}

#[tokio::test]
async fn nothing_is_stored_without_the_lease_and_nothing_is_lost() {
    for backend in list_backends() {
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let mut answers = answers_to_first_poll(&["[7]", "[]"]);
        let begin = answers.len();
        answers.push(Answer::Held(Arc::clone(&first), 200, CHANGED));
        answers.extend([body_answer(CHANGED), body_answer(CHANGED)]);
        answers.push(Answer::Held(Arc::clone(&second), 400, r#"{"code":"INTERNAL","message":"full"}"#));
        answers.push(body_answer(CHANGED));
        let server = Server::start_with_answers(answers).await;
        let app = start_watcher(&backend, &server).await;
        wait_for_requests(&server, begin).await;
        wait_until("the first poll has ended", async || app.metric(LAST_COMPARISON).await).await;
        let (bookmark, waiting) = read_stored(&app).await;
        assert_eq!(waiting, 0);

        app.clock.advance_seconds(1);
        wait_for_requests(&server, begin + 1).await;
        let steal = async |tx: &mut Tx| {
            tx.execute("UPDATE lease SET fence = fence + 1 WHERE name = $1", &[POLL_BOOKMARK.into()]).await
        };
        assert_eq!(app.db("watcher").write(steal).await.unwrap(), 1);
        first.notify_one();
        wait_for_requests(&server, begin + 4).await;
        assert_eq!(read_stored(&app).await, (bookmark.clone(), 0), "another replica had the lease");
        assert_eq!(list_heard_changes(&app).await, []);
        second.notify_one();
        wait_until("the change is heard after all", async || {
            (!list_heard_changes(&app).await.is_empty()).then_some(())
        })
        .await;
        // Two requests for each poll, as long as the overlap lasts.
        for requests in [9, 11] {
            app.clock.advance_seconds(1);
            wait_for_requests(&server, begin + requests).await;
        }
        assert_eq!(list_heard_changes(&app).await, [(Verb::Updated, vec![7])]);
        assert_ne!(read_stored(&app).await.0, bookmark);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_process_that_stops_during_a_poll_gives_its_lease_back() {
    for backend in list_backends() {
        let mut answers = answers_to_first_poll(&["[7]", "[]"]);
        let begin = answers.len();
        answers.push(Answer::Never);
        let server = Server::start_with_answers(answers).await;
        let app = start_watcher(&backend, &server).await;
        wait_for_requests(&server, begin).await;
        wait_until("the first poll has ended", async || app.metric(LAST_COMPARISON).await).await;
        app.clock.advance_seconds(1);
        wait_for_requests(&server, begin + 1).await;
        // The clock stands still: only a lease that was given back lets the next process poll.
        let app = Box::pin(app.restart_after(async || ())).await;
        wait_for_requests(&server, begin + 2).await;
        app.stop().await;
    }
}

#[tokio::test]
async fn ids_are_compared_in_blocks_of_any_number() {
    for backend in list_backends() {
        let mut answers = answers_to_first_poll(&["[1,2,70000]", "[140000,900000]", "[]"]);
        let first = answers.len();
        // A poll, and ids in other pages: 1, 70000 and 900000 are gone, 140001 and 3000000 are new.
        answers.extend([
            body_answer(OLD),
            body_answer("[2,140000]"),
            body_answer("[140001]"),
            body_answer("[3000000]"),
            body_answer("[]"),
        ]);
        let second = answers.len();
        answers.extend([body_answer(OLD), body_answer("[]"), body_answer("[]")]);
        let server = Server::start_with_answers(answers).await;
        let app = start_watcher(&backend, &server).await;
        wait_for_requests(&server, first).await;
        let ended = wait_until("the first comparison has ended", async || app.metric(LAST_COMPARISON).await).await;
        assert_eq!(list_heard_changes(&app).await, []);

        app.clock.advance_seconds(24 * 3600);
        wait_until("the second", async || app.metric(LAST_COMPARISON).await.filter(|at| *at > ended)).await;
        assert_eq!(server.requests().len(), second);
        app.drain().await;
        let expected = [
            (Verb::Deleted, vec![1]),
            (Verb::Deleted, vec![70_000]),
            (Verb::Created, vec![140_001]),
            (Verb::Deleted, vec![900_000]),
            (Verb::Created, vec![3_000_000]),
        ];
        assert_eq!(list_heard_changes(&app).await, expected);

        // All rows are gone.
        app.clock.advance_seconds(24 * 3600);
        wait_until("the third", async || app.metric(LAST_COMPARISON).await.filter(|at| *at > ended + 90_000.0)).await;
        app.drain().await;
        let deleted =
            [(Verb::Deleted, vec![2]), (Verb::Deleted, vec![140_000, 140_001]), (Verb::Deleted, vec![3_000_000])];
        assert_eq!(list_heard_changes(&app).await[expected.len()..], deleted);
        let blocks = "SELECT COUNT(*) AS n FROM bookmark WHERE name LIKE 'icat.ids.%'";
        let row = app.db("watcher").read().await.unwrap().fetch_one(blocks, &[]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 0);
        app.stop().await;
    }
}

#[tokio::test]
async fn every_statement_is_known_to_each_engine() {
    for test in testkit::create_databases("statements", &[]).await {
        test.db.prepare_all(&STATEMENTS).await.unwrap();
    }
}
