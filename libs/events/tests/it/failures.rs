//! Events whose effect fails: kept, tried again by time, parked, and never in the way of others.

use std::time::Duration;

use events::store::{self, DeadLetter};
use events::{Envelope, Event as _, Headers, admin};
use service_kit::Clock as _;
use testkit::probe::ThingChanged;
use testkit::{TestApp, list_backends, wait_until};

use crate::arrangements::{emit_events, everywhere, thing};
use crate::faulty::{self, OUTAGES, done, insert_faulty_thing, mend};

const SECOND: Duration = Duration::from_secs(1);

async fn the_dead_letter(app: &TestApp, attempts: i64) -> DeadLetter {
    wait_until(&format!("a dead letter after {attempts} attempts"), async || {
        app.dead_letters().await.into_iter().find(|letter| letter.attempts == attempts)
    })
    .await
}

async fn until_done(app: &TestApp, expected: &[i64]) {
    wait_until(&format!("effects of {expected:?}"), async || (done(app).await == expected).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_holds_up_no_other_event_and_is_tried_again_by_time() {
    for arranged in everywhere(&[faulty::SERVICE]).await {
        let app = &arranged.app;
        insert_faulty_thing(app, 7, "trouble").await;
        insert_faulty_thing(app, 9, "panic").await;
        // One transaction, so that they come in one batch.
        emit_events(app, "faulty", &[6, 7, 8, 9, 10].map(thing)).await;
        until_done(app, &[6, 8, 10]).await;
        let letters =
            wait_until("two dead letters", async || Some(app.dead_letters().await).filter(|l| l.len() == 2)).await;
        let now = app.clock.now_micros();
        for letter in &letters {
            assert_eq!((letter.consumer.as_str(), letter.attempts), ("faulty-things", 1), "{}", arranged.name);
            assert_eq!(letter.next_attempt_at, Some(now + SECOND), "{}", arranged.name);
        }
        let reasons: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
        assert!(reasons.iter().any(|reason| reason.contains("trouble with thing 7")), "{reasons:?}");
        assert!(reasons.iter().any(|reason| reason.contains("panicked")), "{reasons:?}");

        mend(app).await;
        app.drain().await;
        assert_eq!(done(app).await, [6, 8, 10], "{}: the time has not come", arranged.name);
        app.clock.advance_seconds(1);
        app.drain().await;
        until_done(app, &[6, 7, 8, 9, 10]).await;
        assert!(app.dead_letters().await.is_empty(), "{}", arranged.name);
        println!("{}: 5 events, 2 failed and were stored later", arranged.name);
        arranged.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_twelve_attempts_a_failure_is_parked_until_somebody_retries_it() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[faulty::SERVICE], "").await;
        insert_faulty_thing(&app, 7, "trouble").await;
        emit_events(&app, "faulty", &[thing(7)]).await;
        for attempt in 1..12 {
            let letter = the_dead_letter(&app, attempt).await;
            let pause = letter.next_attempt_at.unwrap().duration_since(app.clock.now_micros());
            assert_eq!(pause, (SECOND * (1 << (attempt - 1))).min(300 * SECOND), "after attempt {attempt}");
            app.clock.advance_seconds(pause.as_secs().cast_signed());
        }
        assert_eq!(the_dead_letter(&app, 12).await.next_attempt_at, None);
        let parked = "undulator_dead_letters{undulator_service=\"faulty\",state=\"parked\"}";
        wait_until("operators see it", async || (app.metric(parked).await == Some(1.0)).then_some(())).await;
        mend(&app).await;
        app.clock.advance_seconds(24 * 3600);
        app.drain().await;
        assert!(done(&app).await.is_empty(), "parked is parked");

        let now = app.clock.now_micros();
        assert_eq!(admin::retry_dead_letters(app.db("faulty"), now).await.unwrap(), 1);
        app.drain().await;
        assert_eq!(done(&app).await, [7]);
        assert_eq!(admin::retry_dead_letters(app.db("faulty"), now).await.unwrap(), 0);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_cannot_be_decoded_becomes_a_dead_letter() {
    for arranged in everywhere(&[faulty::SERVICE]).await {
        let app = &arranged.app;
        let nonsense = Envelope {
            id: "nonsense".to_owned(),
            subject: ThingChanged::SUBJECT.to_owned(),
            headers: Headers { source: "elsewhere".to_owned(), ..Headers::default() },
            payload: vec![0xff; 3],
        };
        app.db("faulty").write(async |tx| store::insert_event(tx, &nonsense).await).await.unwrap();
        emit_events(app, "faulty", &[thing(1)]).await;
        until_done(app, &[1]).await;
        let letter = the_dead_letter(app, 1).await;
        assert_eq!(letter.event_id, "nonsense", "{}", arranged.name);
        assert!(letter.reason.contains("cannot be decoded"), "{}", letter.reason);
        arranged.app.stop().await;
    }
}

/// As many attempts as park a letter, and more.
#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_database_are_no_attempts() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[faulty::SERVICE], "").await;
        OUTAGES.forget_permits(usize::MAX);
        insert_faulty_thing(&app, 7, "outage").await;
        emit_events(&app, "faulty", &[thing(7)]).await;
        OUTAGES.acquire_many(3).await.unwrap().forget();
        assert!(app.dead_letters().await.is_empty(), "the event comes again by itself");
        mend(&app).await;
        until_done(&app, &[7]).await;

        insert_faulty_thing(&app, 8, "trouble").await;
        emit_events(&app, "faulty", &[thing(8)]).await;
        let letter = the_dead_letter(&app, 1).await;
        mend(&app).await;
        insert_faulty_thing(&app, 8, "outage").await;
        OUTAGES.forget_permits(usize::MAX);
        app.clock.advance_seconds(1);
        OUTAGES.acquire_many(3).await.unwrap().forget();
        let after = the_dead_letter(&app, 1).await;
        assert_eq!(
            (after.next_attempt_at, after.reason),
            (letter.next_attempt_at, letter.reason),
            "nothing was counted"
        );
        mend(&app).await;
        until_done(&app, &[7, 8]).await;
        assert!(app.dead_letters().await.is_empty());
        app.stop().await;
    }
}
