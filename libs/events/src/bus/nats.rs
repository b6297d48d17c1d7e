//! NATS `JetStream`: one stream for all services, which is configured here.

use std::convert::Infallible;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{AckKind, Context, Message};
use async_nats::{Client, ConnectOptions, HeaderMap, Subscriber};
use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use service_kit::config::EventsConfig;
use tokio::sync::Notify;

use super::{Acknowledge, Bus, BusError, Delivery, EventStream, Subscription, SubscriptionStart};
use crate::envelope::Envelope;

const SUBJECTS: &str = "undulator.v1.>";
/// How long the stream keeps events. Inboxes keep ids a week longer.
const MAX_AGE: Duration = Duration::from_hours(14 * 24);
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// How long an acknowledgement of a publication may take; after that, the event is published again.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a consumer may take before an event is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// After what time an event whose effect could not be stored is delivered again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const MAX_ACK_PENDING: i64 = 1_000;

/// The connection of the process.
pub struct NatsBus {
    client: Client,
    context: Context,
    stream: stream::Config,
}

fn bus_error(what: &str) -> impl Fn(&dyn std::fmt::Display) -> BusError {
    move |e| BusError(format!("{what}: {e}"))
}

impl NatsBus {
    /// Starts to connect. If the server is not reachable, the client keeps trying.
    pub async fn connect(config: &EventsConfig, name: &str) -> Result<Self, BusError> {
        let mut options = ConnectOptions::new().retry_on_initial_connect().name(name);
        if !config.credentials_file.is_empty() {
            let refused = bus_error("events.credentials_file");
            options = options.credentials_file(&config.credentials_file).await.map_err(|e| refused(&e))?;
        }
        let client = options.connect(&config.nats_url).await.map_err(|e| bus_error("events.nats_url")(&e))?;
        let context = ContextBuilder::new().ack_timeout(ACK_TIMEOUT).timeout(ACK_TIMEOUT).build(client.clone());
        Ok(Self { client, context, stream: stream_config(config) })
    }

    /// Creates the stream, or updates its configuration.
    async fn ensure_stream(&self) -> Result<Stream, BusError> {
        let refused = bus_error("cannot create the stream");
        self.context.create_or_update_stream(self.stream.clone()).await.map_err(|e| refused(&e))?;
        self.context.get_stream(&self.stream.name).await.map_err(|e| bus_error("cannot read the stream")(&e))
    }

    /// All events from now on, for `undulator events tail`.
    pub async fn subscribe_to_all(&self) -> Result<Box<dyn EventStream>, BusError> {
        self.listen(SUBJECTS).await
    }
}

fn stream_config(config: &EventsConfig) -> stream::Config {
    stream::Config {
        name: config.stream.clone(),
        subjects: vec![SUBJECTS.to_owned()],
        retention: RetentionPolicy::Limits,
        max_age: MAX_AGE,
        duplicate_window: DUPLICATE_WINDOW,
        // A full stream refuses events, so that they wait in the outboxes and none is dropped.
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: config.replicas,
        description: Some("Undulator events, settings 1".to_owned()),
        ..stream::Config::default()
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, events: &[Envelope]) -> Vec<bool> {
        // Without a connection, the client would fill its buffer and then block.
        if self.status().is_err() {
            return vec![false; events.len()];
        }
        // All events are sent before the first acknowledgement is awaited.
        let mut acknowledgements = Vec::with_capacity(events.len());
        for event in events {
            let mut headers = HeaderMap::new();
            for (name, value) in event.wire_headers() {
                headers.insert(name, value.as_str());
            }
            let sent = self.context.publish_with_headers(event.subject.clone(), headers, event.payload.clone().into());
            acknowledgements.push(sent.await);
        }
        let waits = acknowledgements.into_iter().map(|sent| async {
            let refused = match sent {
                Ok(acknowledgement) => match acknowledgement.await {
                    Ok(_) => return true,
                    Err(e) => e,
                },
                Err(e) => e,
            };
            tracing::debug!(error = %refused, "not published");
            // The stream may have been lost with its server.
            refused.kind() == async_nats::jetstream::context::PublishErrorKind::StreamNotFound && {
                if let Err(e) = self.ensure_stream().await {
                    tracing::warn!(error = %e, "the stream is missing and cannot be created");
                }
                false
            }
        });
        join_all(waits).await
    }

    async fn subscribe(
        &self,
        consumer: &str,
        subject: &str,
    ) -> Result<(SubscriptionStart, Box<dyn Subscription>), BusError> {
        let stream = self.ensure_stream().await?;
        let info = stream.get_info().await.map_err(|e| bus_error("cannot read the stream")(&e))?;
        // The error may be a timeout. Then the next call fails, and the consumer retries.
        let before = stream.consumer_info(consumer).await.ok();
        let config = pull::Config {
            durable_name: Some(consumer.to_owned()),
            filter_subject: subject.to_owned(),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_ACK_PENDING,
            ..pull::Config::default()
        };
        let refused = bus_error("cannot create the consumer");
        let durable = stream.create_consumer(config).await.map_err(|e| refused(&e))?;
        let messages = durable.stream().max_messages_per_batch(256).heartbeat(Duration::from_secs(5));
        let messages =
            messages.expires(Duration::from_secs(15)).messages().await.map_err(|e| bus_error("cannot pull")(&e))?;
        let first = info.state.first_sequence;
        let missed_events = before.is_none_or(|before| before.ack_floor.stream_sequence + 1 < first);
        let beginning = SubscriptionStart { stream: info.created.to_string(), missed_events };
        Ok((beginning, Box::new(NatsSubscription(messages))))
    }

    async fn listen(&self, subject: &str) -> Result<Box<dyn EventStream>, BusError> {
        let subscriber =
            self.client.subscribe(subject.to_owned()).await.map_err(|e| bus_error("cannot subscribe")(&e))?;
        // The answer to the flush proves that the server has the subscription.
        self.client.flush().await.map_err(|e| bus_error("cannot subscribe")(&e))?;
        Ok(Box::new(NatsEventStream(subscriber)))
    }

    async fn wake_relays(&self, service: &str) {
        // Without a connection, the client would only buffer it.
        if self.status().is_err() {
            return;
        }
        if let Err(e) = self.client.publish(wakeup_subject(service), "".into()).await {
            tracing::debug!(error = %e, "a wake-up call to the other replicas was lost");
        }
    }

    async fn forward_wakeups(&self, service: &str, called: &Notify) -> Result<Infallible, BusError> {
        let subscribed = self.client.subscribe(wakeup_subject(service)).await;
        let mut wakeups = subscribed.map_err(|e| bus_error("cannot subscribe")(&e))?;
        while wakeups.next().await.is_some() {
            called.notify_one();
        }
        Err(BusError("the subscription ended".to_owned()))
    }

    fn status(&self) -> Result<(), String> {
        match self.client.connection_state() {
            State::Connected => Ok(()),
            _ => Err("no connection to NATS; events wait in the outbox".to_owned()),
        }
    }
}

/// A subject that is not part of the stream, so that calls are not stored.
fn wakeup_subject(service: &str) -> String {
    format!("undulator.relay.{service}")
}

struct NatsSubscription(pull::Stream);

impl NatsSubscription {
    fn parse_delivery(message: Message) -> Option<Delivery> {
        let envelope = parse_envelope(&message.subject, message.headers.as_ref(), &message.payload)?;
        Some(Delivery { envelope, ack: Box::new(NatsAck(message)) })
    }
}

#[async_trait]
impl Subscription for NatsSubscription {
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Delivery>, BusError> {
        let mut deliveries = Vec::new();
        let mut next = self.0.next().await;
        loop {
            let message = next
                .ok_or_else(|| BusError("the subscription ended".to_owned()))?
                .map_err(|e| bus_error("no delivery")(&e))?;
            match Self::parse_delivery(message.clone()) {
                Some(delivery) => deliveries.push(delivery),
                // A message of another program on our subjects can never be processed.
                None => {
                    tracing::warn!(subject = %message.subject, "message dropped: it does not have the headers of an event");
                    let _lost = message.ack_with(AckKind::Term).await;
                }
            }
            if deliveries.len() >= max {
                return Ok(deliveries);
            }
            next = match self.0.next().now_or_never() {
                Some(ready) => ready,
                None if deliveries.is_empty() => self.0.next().await,
                None => return Ok(deliveries),
            };
        }
    }
}

fn parse_envelope(subject: &str, headers: Option<&HeaderMap>, payload: &[u8]) -> Option<Envelope> {
    Envelope::from_wire(subject, |name| headers?.get(name).map(async_nats::HeaderValue::as_str), payload)
}

struct NatsAck(Message);

#[async_trait]
impl Acknowledge for NatsAck {
    async fn acknowledge(self: Box<Self>) {
        if let Err(e) = self.0.ack().await {
            tracing::debug!(error = %e, "an acknowledgement was lost; the event is delivered again and ignored");
        }
    }

    async fn redeliver(self: Box<Self>) {
        if let Err(e) = self.0.ack_with(AckKind::Nak(Some(AGAIN_AFTER))).await {
            tracing::debug!(error = %e, "the event is delivered again when the time for its acknowledgement ends");
        }
    }
}

struct NatsEventStream(Subscriber);

#[async_trait]
impl EventStream for NatsEventStream {
    async fn next(&mut self) -> Result<Envelope, BusError> {
        loop {
            let message = self.0.next().await.ok_or_else(|| BusError("the subscription ended".to_owned()))?;
            if let Some(envelope) = parse_envelope(&message.subject, message.headers.as_ref(), &message.payload) {
                return Ok(envelope);
            }
        }
    }
}
