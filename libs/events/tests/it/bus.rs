//! A bus that does what a test says, and a service over it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use events::bus::{Bus, BusError, EventStream, Subscription, SubscriptionStart};
use events::{Envelope, Events};
use service_kit::{BuildError, Ctx, Running, ServiceDef};
use testkit::{Backend, TestApp};

type Answer = Pin<Box<dyn Future<Output = Vec<bool>> + Send>>;
type Respond = dyn Fn(&[Envelope]) -> Answer + Send + Sync;

/// Keeps what is published and answers as it is told; takes everything until then.
#[derive(Default)]
pub struct FakeBus {
    published: Mutex<Vec<Envelope>>,
    respond: Mutex<Option<Arc<Respond>>>,
}

/// By `site`, because the `build` of a service cannot hold on to anything of its test.
static BUSES: Mutex<Option<HashMap<String, Arc<FakeBus>>>> = Mutex::new(None);

pub const SERVICE: ServiceDef =
    ServiceDef { name: "relayed", build: |ctx| Box::pin(std::future::ready(build(&ctx))), ..ServiceDef::EMPTY };

#[expect(clippy::unnecessary_wraps, reason = "the type of a service's build")]
fn build(ctx: &Ctx) -> Result<Running, BuildError> {
    let _events = Events::start_with_bus(ctx, FakeBus::at(&ctx.config.core.site));
    Ok(Running::default())
}

/// The service over a bus of its own; `site` differs between tests.
pub async fn start_with_fake_bus(backend: &Backend, site: &str) -> (TestApp, Arc<FakeBus>) {
    let app = TestApp::start_on(backend, &[SERVICE], &format!("site = \"{site}\"\n")).await;
    (app, FakeBus::at(site))
}

impl FakeBus {
    fn at(site: &str) -> Arc<Self> {
        let mut buses = BUSES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buses.get_or_insert_default().entry(site.to_owned()).or_default())
    }

    /// How publications are answered from now on.
    pub fn respond(&self, respond: impl Fn(&[Envelope]) -> Answer + Send + Sync + 'static) {
        *self.respond.lock().unwrap() = Some(Arc::new(respond));
    }

    /// Everything that was handed over, acknowledged or not.
    pub fn published(&self) -> Vec<Envelope> {
        self.published.lock().unwrap().clone()
    }
}

#[async_trait]
impl Bus for FakeBus {
    async fn publish(&self, events: &[Envelope]) -> Vec<bool> {
        self.published.lock().unwrap().extend_from_slice(events);
        let respond = self.respond.lock().unwrap().clone();
        match respond {
            Some(respond) => respond(events).await,
            None => vec![true; events.len()],
        }
    }

    async fn subscribe(&self, _: &str, _: &str) -> Result<(SubscriptionStart, Box<dyn Subscription>), BusError> {
        Err(BusError("nobody consumes here".to_owned()))
    }

    async fn listen(&self, _: &str) -> Result<Box<dyn EventStream>, BusError> {
        Err(BusError("nobody listens here".to_owned()))
    }

    fn status(&self) -> Result<(), String> {
        Ok(())
    }
}
