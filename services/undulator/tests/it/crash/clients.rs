//! The clients: what they ask for, and what they were record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

pub const CLIENTS: usize = 8;

/// Whether a client repeats what was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Asks once.
    Once,
    /// Repeats with the same `Idempotency-Key` until it is acknowledged.
    Repeats,
}

/// What the clients know, by the names of the rows they asked for.
#[derive(Debug, Clone, Default)]
pub struct ClientRecord {
    pub attempted: BTreeMap<String, Mode>,
    pub acknowledged: BTreeSet<String>,
    /// Answers other than 200, by status.
    pub refused: BTreeMap<u16, usize>,
}

/// Eight clients against a catalogue.
pub struct Load {
    http: reqwest::Client,
    session: String,
    record: Mutex<ClientRecord>,
    in_flight: AtomicUsize,
    unanswered: AtomicUsize,
    finished: watch::Sender<usize>,
    /// Rises when the writer is up again after a kill.
    starts: watch::Sender<usize>,
    is_endless: AtomicBool,
}

impl ClientRecord {
    pub fn render_summary(&self) -> String {
        let of = |mode: Mode| {
            let names = self.attempted.iter().filter(|(_, m)| **m == mode).map(|(name, _)| name);
            let (attempted, acknowledged) =
                names.fold((0, 0), |(a, k), name| (a + 1, k + usize::from(self.acknowledged.contains(name))));
            format!("{attempted} attempted, {acknowledged} acknowledged")
        };
        let refused = &self.refused;
        format!("without repetition {}; with {}; refused {refused:?}", of(Mode::Once), of(Mode::Repeats))
    }
}

impl Load {
    pub fn new(http: &reqwest::Client, session: &str) -> Arc<Self> {
        Arc::new(Self {
            http: http.clone(),
            session: session.to_owned(),
            record: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            finished: watch::Sender::new(0),
            starts: watch::Sender::new(0),
            is_endless: AtomicBool::new(false),
        })
    }

    pub fn to_record(&self) -> ClientRecord {
        self.record.lock().unwrap().clone()
    }

    /// Requests that are sent and not answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Requests whose connection broke.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::SeqCst)
    }

    /// Until so many rows are acknowledged or given up.
    pub async fn wait_until_finished(&self, count: usize) {
        self.finished.subscribe().wait_for(|finished| *finished >= count).await.unwrap();
    }

    pub fn finished(&self) -> usize {
        *self.finished.borrow()
    }

    /// Whether the clients go on after the rows that they were told to write.
    pub fn set_endless(&self, is_endless: bool) {
        self.is_endless.store(is_endless, Ordering::SeqCst);
    }

    /// Clients that lost their connection go on.
    pub fn resume_clients(&self) {
        self.starts.send_modify(|starts| *starts += 1);
    }

    /// Writes `count` rows with names that begin with `prefix`, and more while the load is endless; the clients take turns
    /// at the addresses.
    pub async fn write_rows(self: &Arc<Self>, prefix: &'static str, count: usize, addresses: Vec<String>) {
        let next = Arc::new(AtomicUsize::new(0));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let mode = if client < CLIENTS / 2 { Mode::Once } else { Mode::Repeats };
            let (load, next) = (Arc::clone(self), Arc::clone(&next));
            let address = format!("{}/icat/entityManager", addresses[client % addresses.len()]);
            clients.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= count && !load.is_endless.load(Ordering::SeqCst) {
                        return;
                    }
                    load.write_row(&address, &format!("{prefix}-{number}"), mode).await;
                    load.finished.send_modify(|finished| *finished += 1);
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    }

    async fn write_row(&self, address: &str, name: &str, mode: Mode) {
        self.record.lock().unwrap().attempted.insert(name.to_owned(), mode);
        loop {
            let start = *self.starts.borrow();
            let outcome = self.send_request(address, name, mode).await;
            match outcome {
                Ok(200) => {
                    self.record.lock().unwrap().acknowledged.insert(name.to_owned());
                    return;
                }
                Ok(status) => *self.record.lock().unwrap().refused.entry(status).or_default() += 1,
                Err(_) => {
                    self.starts.subscribe().wait_for(|now| *now > start).await.unwrap();
                }
            }
            if mode == Mode::Once {
                return;
            }
        }
    }

    async fn send_request(&self, address: &str, name: &str, mode: Mode) -> Result<u16, reqwest::Error> {
        let entities = format!("{{\"Facility\":{{\"name\":\"{name}\"}}}}");
        let mut request =
            self.http.post(address).form(&[("sessionId", self.session.as_str()), ("entities", &entities)]);
        if mode == Mode::Repeats {
            request = request.header("idempotency-key", name);
        }
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let outcome = async { Ok((request.send().await?.status().as_u16(), ())) }.await;
        if outcome.is_err() {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        outcome.map(|(status, ())| status)
    }
}
