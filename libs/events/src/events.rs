//! The entry point for services: outbox, consumers, listeners and their workers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use service_kit::config::{BusKind, EventsConfig};
use service_kit::{BuildError, Ctx, Worker};

use crate::bus::{Bus, MemoryBus, NatsBus};
use crate::consumer::{Consumer, RunningConsumer};
use crate::dead_letters::DeadLetterRetries;
use crate::listener::{self, Listener};
use crate::messages::Event;
use crate::metrics::EventMetrics;
use crate::outbox::Outbox;
use crate::relay::Relay;
use crate::relay_wakeup::RelayWakeup;

/// The bus of the process; created by the first service that needs it.
#[derive(Clone)]
enum ProcessBus {
    Memory(Arc<MemoryBus>),
    Nats(Arc<NatsBus>),
    /// Given by a test.
    Other(Arc<dyn Bus>),
}

impl ProcessBus {
    async fn join_process_bus(ctx: &Ctx) -> Result<Self, BuildError> {
        let config: &EventsConfig = &ctx.config.core.events;
        match config.kind {
            BusKind::Memory => Ok(Self::Memory(ctx.process.get_or_init(MemoryBus::default))),
            BusKind::Nats => {
                let shared = ctx.process.get_or_init(tokio::sync::OnceCell::<Arc<NatsBus>>::new);
                let name = format!("undulator-{}", ctx.service);
                let bus = shared.get_or_try_init(async || NatsBus::connect(config, &name).await.map(Arc::new)).await;
                let bus = bus.map_err(|e| BuildError::Other(e.to_string()))?;
                Ok(Self::Nats(Arc::clone(bus)))
            }
        }
    }

    fn as_bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Memory(bus) => Arc::clone(bus) as _,
            Self::Nats(bus) => Arc::clone(bus) as _,
            Self::Other(bus) => Arc::clone(bus),
        }
    }
}

/// The events of a service; created once, in its `build`.
pub struct Events {
    ctx: Ctx,
    process: ProcessBus,
    bus: Arc<dyn Bus>,
    metrics: Arc<EventMetrics>,
    outbox: Outbox,
    handlers: Handlers,
}

type Handlers = Arc<Mutex<HashMap<&'static str, Arc<dyn crate::consumer::EventHandler>>>>;

impl Events {
    /// Connects to the bus of the process, and starts the relay and the retries of the service.
    pub async fn start(ctx: &Ctx) -> Result<Self, BuildError> {
        Ok(Self::start_workers(ctx, ProcessBus::join_process_bus(ctx).await?))
    }

    /// The same with a bus that a test created.
    #[doc(hidden)]
    pub fn start_with_bus(ctx: &Ctx, bus: Arc<dyn Bus>) -> Self {
        Self::start_workers(ctx, ProcessBus::Other(bus))
    }

    fn start_workers(ctx: &Ctx, process: ProcessBus) -> Self {
        let bus = process.as_bus();
        let metrics = ctx.process.get_or_init(|| EventMetrics::register(&ctx.process));
        let outbox = Outbox::new(ctx.service, Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        let handlers = Handlers::default();
        let wakeup = RelayWakeup::new(ctx.service, Arc::clone(&bus), Arc::clone(&outbox.wake), ctx.stop.clone());
        let relay = Relay {
            service: ctx.service,
            db: ctx.db.clone(),
            leases: ctx.leases.clone(),
            bus: Arc::clone(&bus),
            clock: Arc::clone(&ctx.clock),
            wakeup: wakeup.clone(),
            metrics: Arc::clone(&metrics),
            stop: ctx.stop.clone(),
        };
        ctx.add_worker(Worker::new("events.relay", move || relay.clone().run()));
        ctx.add_worker(Worker::new("events.relay-wakeup", move || wakeup.clone().forward_wakeups()));
        let second = DeadLetterRetries {
            service: ctx.service,
            handlers: HashMap::new(),
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            metrics: Arc::clone(&metrics),
            stop: ctx.stop.clone(),
        };
        let known = Arc::clone(&handlers);
        ctx.add_worker(Worker::new("events.second-attempts", move || {
            let handlers = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
            DeadLetterRetries { handlers, ..second.clone() }.run()
        }));
        let status = Arc::clone(&bus);
        ctx.checks.add_check(format!("events.{}", ctx.service), move || status.status());
        Self { ctx: ctx.clone(), process, bus, metrics, outbox, handlers }
    }

    /// The outbox, for the state of the service.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Starts a durable consumer.
    pub fn add_consumer(&self, consumer: Consumer) {
        let Consumer { name, subject, handle, reconcile } = consumer;
        if let ProcessBus::Memory(bus) = &self.process {
            bus.register_consumer(name, subject);
        }
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::clone(&handle));
        let running = RunningConsumer {
            name,
            subject,
            handle,
            reconcile,
            db: self.ctx.db.clone(),
            bus: Arc::clone(&self.bus),
            clock: Arc::clone(&self.ctx.clock),
            metrics: Arc::clone(&self.metrics),
            stop: self.ctx.stop.clone(),
        };
        self.ctx.add_worker(Worker::new(name, move || running.clone().run()));
    }

    /// Listens to one type of event in every replica, without guaranteed delivery; for caches. `missed` is called
    /// whenever events may have been missed.
    pub fn add_listener<E: Event>(
        &self,
        name: &'static str,
        callback: impl Fn(E) + Send + Sync + 'static,
        missed: impl Fn() + Send + Sync + 'static,
    ) {
        let listener = Listener {
            name,
            subject: E::SUBJECT,
            hear: listener::decode_then::<E>(callback),
            missed: Arc::new(missed),
            bus: Arc::clone(&self.bus),
            clock: Arc::clone(&self.ctx.clock),
            stop: self.ctx.stop.clone(),
        };
        self.ctx.add_worker(Worker::new(name, move || listener.clone().run()));
    }
}
