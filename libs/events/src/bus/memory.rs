//! The bus of one process. An event counts as published when every consumer in the process has stored its effect; a
//! crash before that leaves it in the outbox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use super::{Acknowledge, Bus, BusError, Delivery, EventStream, Subscription, SubscriptionStart};
use crate::envelope::Envelope;

type Sent = (Envelope, oneshot::Sender<()>);

/// The in-memory bus. A subscription survives restarts of its consumer, so that it misses no event.
#[derive(Default)]
pub struct MemoryBus {
    consumers: Mutex<HashMap<String, Route>>,
    listeners: Mutex<Vec<(String, mpsc::UnboundedSender<Envelope>)>>,
}

struct Route {
    subject: String,
    sender: mpsc::UnboundedSender<Sent>,
    /// Unbounded channels, which the relays limit: each publishes one batch at a time.
    receiver: Arc<AsyncMutex<mpsc::UnboundedReceiver<Sent>>>,
}

impl MemoryBus {
    /// Must be called before the relays start, so that the consumer misses no event.
    pub fn register_consumer(&self, consumer: &str, subject: &str) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let route = Route { subject: subject.to_owned(), sender, receiver: Arc::new(AsyncMutex::new(receiver)) };
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).insert(consumer.to_owned(), route);
    }

    fn send_to_consumers(&self, event: &Envelope) -> Vec<oneshot::Receiver<()>> {
        let consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        let interested = consumers.values().filter(|route| route.subject == event.subject);
        interested
            .map(|route| {
                let (done, wait) = oneshot::channel();
                // A closed channel drops `done`, which counts as not acknowledged.
                let _sent = route.sender.send((event.clone(), done));
                wait
            })
            .collect()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, events: &[Envelope]) -> Vec<bool> {
        let sent: Vec<_> = events.iter().map(|event| self.send_to_consumers(event)).collect();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).retain(|(subject, listener)| {
            events.iter().filter(|event| event.subject == *subject).all(|event| listener.send(event.clone()).is_ok())
        });
        let acknowledged = sent
            .into_iter()
            .map(|waits| async { join_all(waits).await.into_iter().all(|acknowledged| acknowledged.is_ok()) });
        join_all(acknowledged).await
    }

    async fn subscribe(
        &self,
        consumer: &str,
        _subject: &str,
    ) -> Result<(SubscriptionStart, Box<dyn Subscription>), BusError> {
        let receiver = {
            let consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
            consumers.get(consumer).map(|route| Arc::clone(&route.receiver))
        };
        let receiver = receiver.ok_or_else(|| BusError(format!("{consumer} was not registered")))?;
        let beginning = SubscriptionStart { stream: "memory".to_owned(), missed_events: false };
        Ok((beginning, Box::new(MemorySubscription(receiver))))
    }

    /// Keeps the closed channel: new events are refused, and wait in their outboxes for the next start.
    async fn remove_consumer(&self, consumer: &str) {
        let receiver = {
            let consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
            consumers.get(consumer).map(|route| Arc::clone(&route.receiver))
        };
        if let Some(receiver) = receiver {
            let mut receiver = receiver.lock().await;
            receiver.close();
            while receiver.try_recv().is_ok() {}
        }
    }

    async fn listen(&self, subject: &str) -> Result<Box<dyn EventStream>, BusError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push((subject.to_owned(), sender));
        Ok(Box::new(MemoryEventStream(receiver)))
    }

    fn status(&self) -> Result<(), String> {
        Ok(())
    }
}

struct MemorySubscription(Arc<AsyncMutex<mpsc::UnboundedReceiver<Sent>>>);

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Delivery>, BusError> {
        let mut sent = Vec::with_capacity(max);
        if self.0.lock().await.recv_many(&mut sent, max).await == 0 {
            return Err(BusError("the process is stopping".to_owned()));
        }
        let delivery = |(envelope, done)| Delivery { envelope, ack: Box::new(MemoryAck(done)) as Box<dyn Acknowledge> };
        Ok(sent.into_iter().map(delivery).collect())
    }
}

struct MemoryAck(oneshot::Sender<()>);

#[async_trait]
impl Acknowledge for MemoryAck {
    async fn acknowledge(self: Box<Self>) {
        // The relay may have stopped. Then the event is delivered again, and its id is known.
        let _gone = self.0.send(());
    }

    /// Dropping the sender is the answer: the relay publishes again.
    async fn redeliver(self: Box<Self>) {}
}

struct MemoryEventStream(mpsc::UnboundedReceiver<Envelope>);

#[async_trait]
impl EventStream for MemoryEventStream {
    async fn next(&mut self) -> Result<Envelope, BusError> {
        self.0.recv().await.ok_or_else(|| BusError("the process is stopping".to_owned()))
    }
}
