//! Changes of this catalogue as services beside another one hear of them: by polling, because a foreign icat.server publishes
//! nothing.

use events::Events;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::{CatalogueChanges, IcatClient};
use serde_json::json;
use service_kit::{BuildError, Clock as _, Ctx, Running, ServiceDef};
use testkit::{Backend, TestApp, list_backends, recorder, wait_until};

use crate::client_library::AUTHENTICATOR;

const CATALOGUE: &str = "[catalogue]\nmax_entities = 7\nauthn = [{ mnemonic = \"simple\", url = \"self\" }]\n";
const LAST_POLL: &str = "undulator_catalogue_poll_timestamp_seconds";

/// A service that wants to hear of groupings.
const WATCHER: ServiceDef =
    ServiceDef { name: "watcher", build: |ctx| Box::pin(async move { build_watcher(ctx).await }), ..ServiceDef::EMPTY };

async fn build_watcher(ctx: Ctx) -> Result<Running, BuildError> {
    let events = Events::start(&ctx).await?;
    CatalogueChanges::start(&ctx, &events)?.add_listener("watcher.changed", &["Grouping"], |_| (), || ());
    Ok(Running::default())
}

/// A catalogue, and a process elsewhere that polls it.
struct Site {
    catalogue: TestApp,
    icat: IcatClient,
    session: String,
    watcher: TestApp,
    /// What the first comparison saw.
    initial: Vec<i64>,
}

impl Site {
    async fn start_on(backend: &Backend, groupings: usize) -> Self {
        let catalogue = TestApp::start_on(backend, &[icat::SERVICE, AUTHENTICATOR], CATALOGUE).await;
        let icat = IcatClient::new(catalogue.http.clone(), &catalogue.public);
        let session = icat.login("simple", &[("username", "root")]).await.unwrap();
        let initial = create_groupings(&icat, &session, 0, groupings).await;
        catalogue.clock.advance_seconds(10);
        let settings =
            format!("[icat]\nurl = \"{}\"\nreader = \"simple:root:x\"\npoll_interval = \"20ms\"\n", catalogue.public);
        let watcher = TestApp::start_on(backend, &[WATCHER, recorder::SERVICE], &settings).await;
        let site = Self { catalogue, icat, session, watcher, initial };
        wait_until("the ids are stored", async || {
            let compared = "undulator_catalogue_comparison_timestamp_seconds{entity=\"Grouping\"}";
            site.watcher.metric(compared).await.filter(|at| *at > 0.0)
        })
        .await;
        site
    }

    async fn create_more(&self, first: usize, count: usize) -> Vec<i64> {
        create_groupings(&self.icat, &self.session, first, count).await
    }

    /// The clock of the watcher goes on, and it has polled since then.
    async fn poll_again(&self) {
        self.watcher.clock.advance_seconds(1);
        let now = u32::try_from(self.watcher.clock.now().as_second()).unwrap();
        let has_polled = async || self.watcher.metric(LAST_POLL).await.filter(|at| *at >= f64::from(now));
        wait_until("a poll has ended", has_polled).await;
        self.watcher.drain().await;
    }

    /// What was heard, as verbs and ids.
    async fn list_heard_changes(&self) -> Vec<(Verb, Vec<i64>)> {
        let events = self.watcher.recorded_events::<EntityChanged>().await;
        assert!(events.iter().all(|event| event.entity == "Grouping"), "{events:?}");
        events.into_iter().map(|event| (event.verb(), event.ids)).collect()
    }

    async fn stop(self) {
        self.watcher.stop().await;
        self.catalogue.stop().await;
    }
}

async fn create_groupings(icat: &IcatClient, session: &str, first: usize, count: usize) -> Vec<i64> {
    if count == 0 {
        return Vec::new();
    }
    let rows: Vec<_> = (first..first + count).map(|n| json!({"Grouping": {"name": format!("g{n}")}})).collect();
    icat.create_entities(session, &rows).await.unwrap()
}

#[tokio::test]
async fn changes_of_a_foreign_catalogue_become_events_once() {
    for backend in list_backends() {
        let site = Site::start_on(&backend, 9).await;
        assert_eq!(site.list_heard_changes().await, [], "what was there before is no change");

        // More rows of one moment than a page has.
        let created = site.create_more(100, 20).await;
        site.poll_again().await;
        assert_eq!(site.list_heard_changes().await, [(Verb::Updated, created.clone())]);
        site.poll_again().await;
        site.watcher.clock.advance_seconds(120);
        site.poll_again().await;
        assert_eq!(site.list_heard_changes().await.len(), 1, "also when the overlap is over");

        site.catalogue.clock.advance_seconds(130);
        site.icat
            .update_entities(&site.session, &[json!({"Grouping": {"id": created[3], "name": "other"}})])
            .await
            .unwrap();
        site.poll_again().await;
        assert_eq!(site.list_heard_changes().await[1..], [(Verb::Updated, vec![created[3]])]);

        // The clock of the watcher does not matter, neither behind nor ahead.
        for seconds in [-7200, 14_400] {
            site.watcher.clock.advance_seconds(seconds);
            site.catalogue.clock.advance_seconds(1);
            let known = site.list_heard_changes().await.len();
            let created = site.create_more(usize::try_from(20_000 + seconds).unwrap(), 1).await;
            wait_until("the change is heard", async || {
                site.watcher.clock.advance_seconds(1);
                (site.list_heard_changes().await.len() > known).then_some(())
            })
            .await;
            assert_eq!(site.list_heard_changes().await[known..], [(Verb::Updated, created)]);
        }
        site.stop().await;
    }
}

#[tokio::test]
async fn the_first_rows_of_an_empty_table_are_changes() {
    for backend in list_backends() {
        let site = Site::start_on(&backend, 0).await;
        let created = site.create_more(0, 2).await;
        site.poll_again().await;
        assert_eq!(site.list_heard_changes().await, [(Verb::Updated, created)]);
        site.stop().await;
    }
}

#[tokio::test]
async fn a_restart_continues_where_the_last_poll_ended() {
    for backend in list_backends() {
        let site = Site::start_on(&backend, 1).await;
        let Site { catalogue, icat, session, watcher, initial } = site;
        let mut created = Vec::new();
        let meanwhile = async || created = create_groupings(&icat, &session, 50, 3).await;
        let watcher = Box::pin(watcher.restart_after(meanwhile)).await;
        let site = Site { catalogue, icat, session, watcher, initial };
        site.poll_again().await;
        assert_eq!(site.list_heard_changes().await, [(Verb::Updated, created)], "what changed while nobody polled");
        site.stop().await;
    }
}

#[tokio::test]
async fn deletions_and_rows_with_an_old_time_are_found_at_night() {
    for backend in list_backends() {
        let site = Site::start_on(&backend, 30).await;
        let created = site.create_more(100, 2).await;
        site.poll_again().await;
        site.icat.delete_entities(&site.session, "Grouping", &[created[0], site.initial[5]]).await.unwrap();
        // A row with a time that polls have passed.
        site.catalogue.clock.advance_seconds(-1000);
        let old = site.create_more(200, 1).await;
        site.poll_again().await;
        assert_eq!(site.list_heard_changes().await.len(), 1, "a poll sees neither");

        site.watcher.clock.advance_seconds(24 * 3600);
        wait_until("the comparison", async || (site.list_heard_changes().await.len() > 2).then_some(())).await;
        let heard = site.list_heard_changes().await;
        let kept = vec![created[1], old[0]];
        let gone = vec![site.initial[5]];
        assert_eq!(heard, [(Verb::Updated, created), (Verb::Deleted, gone), (Verb::Created, kept)]);
        site.stop().await;
    }
}

#[tokio::test]
async fn settings_decide_whether_a_catalogue_is_polled() {
    let catalogue = TestApp::start(&[icat::SERVICE, AUTHENTICATOR], CATALOGUE).await;
    for (settings, is_polled) in [
        ("", false),
        ("reader = \"simple:root:x\"\n", true),
        ("reader = \"simple:root:x\"\nchanges = \"poll\"\n", true),
        ("reader = \"simple:root:x\"\nchanges = \"events\"\n", false),
        ("reader = \"simple:root:x\"\nchanges = \"none\"\n", false),
    ] {
        let toml = format!("[icat]\nurl = \"{}\"\n{settings}", catalogue.public);
        let watcher = TestApp::start(&[WATCHER], &toml).await;
        let metrics = watcher.metrics().await;
        assert_eq!(metrics.contains(LAST_POLL), is_polled, "{settings}");
        watcher.stop().await;
    }
    catalogue.stop().await;
}
