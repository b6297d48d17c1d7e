//! What changes in the catalogue, as `icat.entity.changed` events, whichever catalogue it is.
//!
//! The embedded catalogue publishes these events itself. A foreign icat.server tells nobody, so a worker asks it for rows
//! with a new `modTime`, and once a night compares all ids, because deleted rows leave no `modTime`. It writes the events
//! in the transaction that stores how far it has read. The setting `icat.changes` decides; services use
//! [`CatalogueChanges`] and need not know.

pub mod bookmarks;
mod comparison;
mod id_blocks;
mod metrics;
mod poll_worker;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use events::messages::icat::{EntityChanged, Verb};
use events::{Consumer, Events, Received};
use service_kit::config::{ChangeSource, IcatConfig};
use service_kit::{BuildError, Ctx, Problem, Tx};

use self::poll_worker::PollWorker;

/// The embedded catalogue has as many in an event.
const IDS_PER_EVENT: usize = 200;

/// The changes of the catalogue, as one service hears of them.
pub struct CatalogueChanges<'e> {
    events: &'e Events,
    polled: Arc<PolledEntities>,
    is_enabled: bool,
}

/// The entities that the services of a process want to hear of. A poll begins when all of them are built.
#[derive(Debug, Default)]
struct PolledEntities {
    is_started: AtomicBool,
    names: Mutex<BTreeSet<&'static str>>,
}

impl PolledEntities {
    fn add_names(&self, names: &'static [&'static str]) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }

    fn list_names(&self) -> Vec<&'static str> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl<'e> CatalogueChanges<'e> {
    /// Made in a service's `build`, as often as needed. The first call in a process starts the worker that polls, if one is
    /// needed; its events go through the outbox of that service.
    pub fn start(ctx: &Ctx, events: &'e Events) -> Result<Self, BuildError> {
        let config = &ctx.config.core.icat;
        let polled = ctx.process.get_or_init(PolledEntities::default);
        if !polled.is_started.swap(true, Ordering::Relaxed) {
            if needs_polling(config) {
                ctx.add_worker(PollWorker::new(ctx, events.outbox(), Arc::clone(&polled))?.into_worker(ctx));
            } else if config.changes == ChangeSource::Auto && !config.is_embedded() {
                tracing::info!(
                    "changes of the catalogue are not polled, because there is no reader account: set icat.reader, or \
                     icat.changes = \"events\" if the catalogue publishes its changes over NATS"
                );
            }
        }
        Ok(Self { events, polled, is_enabled: config.changes != ChangeSource::None })
    }

    /// Calls `on_change` for changes of these entities in every replica from now on, without a guarantee: for caches and
    /// to wake workers. `on_missed` is called whenever changes may have been missed.
    pub fn add_listener(
        &self,
        name: &'static str,
        entities: &'static [&'static str],
        on_change: impl Fn(&EntityChanged) + Send + Sync + 'static,
        on_missed: impl Fn() + Send + Sync + 'static,
    ) {
        if !self.is_enabled {
            return;
        }
        self.polled.add_names(entities);
        let callback = move |event: EntityChanged| {
            if entities.contains(&event.entity.as_str()) {
                on_change(&event);
            }
        };
        self.events.add_listener(name, callback, on_missed);
    }
}

impl CatalogueChanges<'_> {
    /// Starts a durable consumer of the changes of these entities; see [`Consumer`] for the guarantee. `on_gap` is called when
    /// changes may have been missed, also at the first start.
    pub fn add_consumer(
        &self,
        name: &'static str,
        entities: &'static [&'static str],
        on_change: impl AsyncFn(&mut Tx, &EntityChanged) -> Result<(), Problem> + Send + Sync + 'static,
        on_gap: impl AsyncFn() -> Result<(), Problem> + Send + Sync + 'static,
    ) {
        self.polled.add_names(entities);
        let handle = async move |tx: &mut Tx, received: &Received<EntityChanged>| {
            if entities.contains(&received.event.entity.as_str()) {
                on_change(tx, &received.event).await
            } else {
                Ok(())
            }
        };
        self.events.add_consumer(Consumer::new(name, handle).on_gap(on_gap));
    }
}

/// `auto` polls a catalogue that is not of this process, if there is an account to poll it with.
fn needs_polling(config: &IcatConfig) -> bool {
    match config.changes {
        ChangeSource::Poll => true,
        ChangeSource::Auto => !config.is_embedded() && !config.reader.is_empty(),
        ChangeSource::Events | ChangeSource::None => false,
    }
}

/// The events of changed rows of one entity of a foreign catalogue, which does not say who changed them. `revision` is the moment
/// of the change in milliseconds.
pub fn create_change_events(entity: &str, verb: Verb, ids: &[i64], revision: i64) -> Vec<EntityChanged> {
    let event = |ids: &[i64]| EntityChanged {
        entity: entity.to_owned(),
        ids: ids.to_vec(),
        verb: verb.into(),
        revision,
        actor: String::new(),
    };
    ids.chunks(IDS_PER_EVENT).map(event).collect()
}
