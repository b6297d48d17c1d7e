//! Wakes the relay before its next regular pass: for an event of this process, or a call of a replica that has written an
//! event but does not have the lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::relay::retry_pauses;

/// Wakes a relay. Cheap to clone; all clones share the same state.
#[derive(Clone)]
pub(crate) struct RelayWakeup {
    service: &'static str,
    bus: Arc<dyn Bus>,
    /// An event has been written in this process.
    written: Arc<Notify>,
    /// An event has been written in another process.
    called: Arc<Notify>,
    stop: CancellationToken,
}

impl RelayWakeup {
    pub fn new(service: &'static str, bus: Arc<dyn Bus>, written: Arc<Notify>, stop: CancellationToken) -> Self {
        Self { service, bus, written, called: Arc::default(), stop }
    }

    /// Waits until there is something to publish. A relay without the lease tells the other replicas about events of this
    /// process, and waits until the pause ends, because they may have stopped.
    pub async fn wait(&self, pause: Duration, publishes: bool) {
        let end = tokio::time::sleep(pause);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                () = self.stop.cancelled() => return,
                () = self.called.notified(), if publishes => return,
                () = self.written.notified() => {
                    if publishes {
                        return;
                    }
                    self.bus.wake_relays(self.service).await;
                }
            }
        }
    }

    /// Waits until the pause ends, regardless of new events: the bus is down, and an attempt for each event would be
    /// useless.
    pub async fn wait_ignoring_wakeups(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Receives the calls of other replicas until the process stops.
    pub async fn forward_wakeups(self) {
        let mut pauses = retry_pauses();
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = self.stop.cancelled() => return,
                Err(e) = self.bus.forward_wakeups(self.service, &self.called) => {
                    tracing::debug!(service = self.service, error = %e, "calls of other replicas cannot be received");
                }
            }
            let pause = pauses.next().unwrap_or_default();
            let _stopped = tokio::time::timeout(pause, self.stop.cancelled()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use async_trait::async_trait;

    use super::*;
    use crate::bus::{BusError, EventStream, Subscription, SubscriptionStart};
    use crate::envelope::Envelope;

    const LONG: Duration = Duration::from_hours(1);
    const GUARD: Duration = Duration::from_secs(30);

    /// Calls come back to whoever hears them.
    #[derive(Default)]
    struct Echo {
        call: Notify,
    }

    #[async_trait]
    impl Bus for Echo {
        async fn publish(&self, _: &[Envelope]) -> Vec<bool> {
            Vec::new()
        }
        async fn subscribe(&self, _: &str, _: &str) -> Result<(SubscriptionStart, Box<dyn Subscription>), BusError> {
            Err(BusError("nobody consumes here".to_owned()))
        }
        async fn listen(&self, _: &str) -> Result<Box<dyn EventStream>, BusError> {
            Err(BusError("nobody listens here".to_owned()))
        }
        async fn wake_relays(&self, service: &str) {
            assert_eq!(service, "relayed");
            self.call.notify_one();
        }
        async fn forward_wakeups(&self, _: &str, called: &Notify) -> Result<Infallible, BusError> {
            loop {
                self.call.notified().await;
                called.notify_one();
            }
        }
        fn status(&self) -> Result<(), String> {
            Ok(())
        }
    }

    fn new_replica(bus: &Arc<Echo>) -> (RelayWakeup, Arc<Notify>) {
        let written = Arc::<Notify>::default();
        (RelayWakeup::new("relayed", Arc::clone(bus) as _, Arc::clone(&written), CancellationToken::new()), written)
    }

    async fn require_prompt_end(work: impl Future<Output = ()>) {
        tokio::time::timeout(GUARD, work).await.expect("it goes on long before the pause ends");
    }

    #[tokio::test]
    async fn whoever_publishes_goes_on_with_what_is_written_here() {
        let (publisher, written) = new_replica(&Arc::default());
        written.notify_one();
        require_prompt_end(publisher.wait(LONG, true)).await;
    }

    #[tokio::test]
    async fn while_the_bus_is_away_what_is_written_ends_no_pause_and_is_not_forgotten() {
        let (publisher, written) = new_replica(&Arc::default());
        written.notify_one();
        tokio::select! {
            biased;
            () = publisher.wait_ignoring_wakeups(LONG) => panic!("the bus is away"),
            () = tokio::task::yield_now() => {}
        }
        require_prompt_end(publisher.wait(LONG, true)).await;
        publisher.stop.cancel();
        require_prompt_end(publisher.wait_ignoring_wakeups(LONG)).await;
    }

    #[tokio::test]
    async fn whoever_does_not_publish_calls_the_one_who_does_and_waits() {
        let bus = Arc::default();
        let ((publisher, _), (other, written)) = (new_replica(&bus), new_replica(&bus));
        written.notify_one();
        let call = async {
            tokio::select! {
                () = publisher.clone().forward_wakeups() => {}
                () = other.wait(LONG, false) => panic!("there is nothing to do for the other"),
                () = publisher.wait(LONG, true) => {}
            }
        };
        require_prompt_end(call).await;
    }

    #[tokio::test]
    async fn both_end_with_the_process_and_look_by_themselves_in_the_end() {
        let (wakeup, _) = new_replica(&Arc::default());
        require_prompt_end(wakeup.wait(Duration::ZERO, false)).await;
        wakeup.stop.cancel();
        require_prompt_end(wakeup.wait(LONG, false)).await;
        require_prompt_end(wakeup.wait(LONG, true)).await;
        require_prompt_end(wakeup.forward_wakeups()).await;
    }
}
