//! Events that passed a consumer by: it reads the whole state, once.

use std::time::Duration;

use async_nats::jetstream;
use testkit::probe::{self, ICAT_CONSUMER, THINGS_CONSUMER, store::reconciliations};
use testkit::{Nats, TestApp, wait_until};

use crate::arrangements::{everywhere, make_thing, maker, until_number};

async fn reconciled(app: &TestApp, consumer: &str) -> i64 {
    reconciliations::count_reconciliations(&mut app.db("probe").read().await.unwrap(), consumer).await.unwrap()
}

async fn until_reconciled(app: &TestApp, times: i64) {
    let look = async || (reconciled(app, THINGS_CONSUMER).await >= times).then_some(());
    wait_until(&format!("the state was read {times} times"), look).await;
    assert_eq!(reconciled(app, THINGS_CONSUMER).await, times);
}

/// Proves that the consumer runs: its catching up is over.
async fn until_thing_is_seen(app: &TestApp, name: &str) {
    make_thing(app, name).await;
    let sql = format!("SELECT COUNT(*) FROM thing WHERE name = '{name}' AND seen_at IS NOT NULL");
    until_number(app, "probe", &sql, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_consumer_reads_the_state_once_and_a_restart_does_not() {
    for arranged in everywhere(&[probe::SERVICE]).await {
        let app = arranged.app;
        until_thing_is_seen(&app, "first").await;
        until_reconciled(&app, 1).await;
        let app = app.restart().await;
        until_thing_is_seen(&app, "second").await;
        assert_eq!(reconciled(&app, THINGS_CONSUMER).await, 1, "{}", arranged.name);
        assert_eq!(reconciled(&app, ICAT_CONSUMER).await, 1, "{}", arranged.name);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_stream_is_noticed_and_a_server_that_was_only_away_is_not() {
    let mut nats = Nats::start().await;
    let app = TestApp::start(&[probe::SERVICE], &format!("{}{}", nats.settings(), maker())).await;
    until_thing_is_seen(&app, "first").await;
    until_reconciled(&app, 1).await;

    nats.stop();
    nats.start_again().await;
    until_thing_is_seen(&app, "after a restart of the server").await;
    assert_eq!(reconciled(&app, THINGS_CONSUMER).await, 1, "nothing was lost");

    nats.stop();
    nats.delete_data();
    nats.start_again().await;
    until_reconciled(&app, 2).await;
    until_thing_is_seen(&app, "in the new stream").await;
    assert_eq!(reconciled(&app, THINGS_CONSUMER).await, 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_away_for_longer_than_events_are_kept_reads_the_state() {
    let nats = Nats::start().await;
    let app = TestApp::start(&[probe::SERVICE], &format!("{}{}", nats.settings(), maker())).await;
    until_thing_is_seen(&app, "first").await;
    until_reconciled(&app, 1).await;
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let restarted = app
        .restart_after(async || {
            // Something happens meanwhile, and is dropped because of its age.
            let mut config = context.get_stream("UNDULATOR_V1").await.unwrap().cached_info().config.clone();
            config.max_age = Duration::from_secs(1);
            config.duplicate_window = Duration::from_secs(1);
            context.update_stream(config).await.unwrap();
            context.publish("undulator.v1.probe.thing.changed", "lost".into()).await.unwrap().await.unwrap();
            wait_until("the events are too old", async || {
                let stream = context.get_stream("UNDULATOR_V1").await.unwrap();
                (stream.cached_info().state.messages == 0).then_some(())
            })
            .await;
        })
        .await;
    until_thing_is_seen(&restarted, "second").await;
    assert_eq!(reconciled(&restarted, THINGS_CONSUMER).await, 2);
    restarted.stop().await;
}
