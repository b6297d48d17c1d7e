//! What the probe publishes and what it consumes.

use std::sync::Arc;

use ::events::messages::icat::{EntityChanged, SessionEnded, Verb};
use ::events::{Consumer, Events, Received};
use service_kit::{Clock, Ctx, Db, Problem, Tx};

use super::messages::ThingChanged;
use super::store::{effects, reconciliations, things};

pub const THINGS_CONSUMER: &str = "probe-things";
pub const ICAT_CONSUMER: &str = "probe-icat";
pub const SESSIONS_CONSUMER: &str = "probe-sessions";

/// Starts the consumers. Each stores its effects with the event's id, in the consumer's transaction.
pub fn start_consumers(events: &Events, ctx: &Ctx) {
    let clock = Arc::clone(&ctx.clock);
    let things = async move |tx: &mut Tx, received: &Received<ThingChanged>| {
        let ThingChanged { id, revision } = received.event;
        let now = clock.now_micros();
        // Events come in any order: one that speaks of an older revision than the last changes nothing.
        things::set_seen(tx, id, revision, now).await?;
        effects::create_effects(tx, &received.id, "thing", &[id], "changed", now).await?;
        Ok(())
    };
    events.add_consumer(Consumer::new(THINGS_CONSUMER, things).on_gap(reconcile_on_gap(ctx, THINGS_CONSUMER)));

    let clock = Arc::clone(&ctx.clock);
    let entities = async move |tx: &mut Tx, received: &Received<EntityChanged>| {
        let EntityChanged { entity, ids, .. } = &received.event;
        let verb = match received.event.verb() {
            Verb::Unspecified => "unspecified",
            Verb::Created => "created",
            Verb::Updated => "updated",
            Verb::Deleted => "deleted",
        };
        effects::create_effects(tx, &received.id, entity, ids, verb, clock.now_micros()).await?;
        Ok(())
    };
    events.add_consumer(Consumer::new(ICAT_CONSUMER, entities).on_gap(reconcile_on_gap(ctx, ICAT_CONSUMER)));

    let clock = Arc::clone(&ctx.clock);
    let sessions = async move |tx: &mut Tx, received: &Received<SessionEnded>| {
        // A session has no number; the effect says that one ended.
        effects::create_effects(tx, &received.id, "Session", &[0], "ended", clock.now_micros()).await?;
        Ok(())
    };
    events.add_consumer(Consumer::new(SESSIONS_CONSUMER, sessions));
}

/// A real service reads the whole state here; the probe records that it would have.
fn reconcile_on_gap(
    ctx: &Ctx,
    consumer: &'static str,
) -> impl AsyncFn() -> Result<(), Problem> + Send + Sync + 'static {
    let (db, clock): (Db, Arc<dyn Clock>) = (ctx.db.clone(), Arc::clone(&ctx.clock));
    async move || {
        let now = clock.now_micros();
        Ok(db.write(async |tx| reconciliations::record_reconciliation(tx, consumer, now).await).await?)
    }
}
