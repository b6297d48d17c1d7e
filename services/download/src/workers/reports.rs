//! Stores what transfers report when they end. Every replica does it for its own.

use std::sync::Arc;

use events::messages::download::TransferFinished;
use service_kit::{Ctx, DbError, Problem, Worker};
use tokio_util::sync::CancellationToken;

use crate::manifest::Manifest;
use crate::state::State;
use crate::store;
use crate::transfer::reports::{Inbox, Report};

/// Reports stored in one transaction.
const MOST: usize = 100;

pub fn worker(ctx: &Ctx, state: &Arc<State>, inbox: &Inbox) -> Worker {
    let (state, inbox, stop) = (Arc::clone(state), Arc::clone(inbox), ctx.stop.clone());
    Worker::new("download.reports", move || run(Arc::clone(&state), Arc::clone(&inbox), stop.clone()))
}

async fn run(state: Arc<State>, inbox: Inbox, stop: CancellationToken) {
    let mut inbox = inbox.lock().await;
    loop {
        let mut reports = Vec::new();
        tokio::select! {
            // The listeners are closed by then, so what is in the box is all there will be.
            () = stop.cancelled() => {
                while let Ok(report) = inbox.try_recv() {
                    reports.push(report);
                }
                store(&state, &reports).await;
                return;
            }
            _ = inbox.recv_many(&mut reports, MOST) => store(&state, &reports).await,
        }
    }
}

async fn store(state: &State, reports: &[Report]) {
    if reports.is_empty() {
        return;
    }
    let learned: Vec<(&Manifest, Vec<(usize, u32)>)> =
        reports.iter().map(|report| (&*report.manifest, report.manifest.crcs.take_fresh())).collect();
    let stored = state.db.write(async |tx| -> Result<(), Problem> {
        for (manifest, learned) in &learned {
            learn(state, tx, manifest, learned).await?;
        }
        for Report { subject, bytes, outcome, manifest: _ } in reports {
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            let event = TransferFinished { subject: subject.clone(), bytes, outcome: (*outcome).into() };
            state.outbox.emit(tx, &event).await?;
        }
        Ok(())
    });
    if let Err(e) = stored.await {
        tracing::error!(
            error = service_kit::problem::chain(&e),
            reports = reports.len(),
            "reports of transfers are lost"
        );
    }
}

/// Stores checksums with their manifest, and with their files for other manifests.
pub async fn learn(
    state: &State,
    tx: &mut service_kit::Tx,
    manifest: &Manifest,
    learned: &[(usize, u32)],
) -> Result<(), DbError> {
    let Some(id) = manifest.id else { return Ok(()) };
    for (place, crc) in learned {
        store::manifests::learn(tx, id, *place, *crc).await?;
        if let Some(source) = manifest.sources.get(*place) {
            store::checksums::learn(tx, &state.config.storage, &source.location, &source.identity, *crc).await?;
        }
    }
    Ok(())
}
