//! The clients: one sends documents in bulk, the other changes of single rows. Both know what was acknowledged.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Documents that are sent at once.
const BATCH: i64 = 50;
/// Ids of files that the changes create; those of the bulk are lower.
const FIRST_CREATED: i64 = 1_000_000_000;
const CREATED_DATASET: i64 = 1_000_000;

/// Where requests are sent.
#[derive(Clone)]
pub struct Address {
    pub http: reqwest::Client,
    pub internal: String,
}

impl Address {
    /// The status of the answer; `None` if there was none.
    pub async fn post(&self, path: &str, body: String) -> Option<u16> {
        let request = self.http.post(format!("{}/icat.lucene/{path}", self.internal)).body(body);
        Some(request.send().await.ok()?.status().as_u16())
    }

    pub async fn send_accepted(&self, path: &str, body: &Value) {
        assert_eq!(self.post(path, body.to_string()).await, Some(204), "{path}");
    }
}

/// What both clients did so far.
#[derive(Default)]
pub struct Progress {
    pub answered: Cell<usize>,
    pub in_flight: Cell<usize>,
    /// Acknowledged batches of the bulk client. Each is a dataset with its files.
    batches: RefCell<Vec<i64>>,
}

impl Progress {
    /// Sends a request; whether it was acknowledged. Any answer but 204 is a mistake.
    async fn send(&self, address: &Address, path: &str, body: &Value) -> bool {
        self.in_flight.set(self.in_flight.get() + 1);
        let status = address.post(path, body.to_string()).await;
        self.in_flight.set(self.in_flight.get() - 1);
        if let Some(status) = status {
            assert_eq!(status, 204, "{path}");
            self.answered.set(self.answered.get() + 1);
        }
        status.is_some()
    }
}

fn build_file(id: i64, name: &str, dataset: i64, dataset_name: &str) -> Value {
    json!({
        "id": id, "name": name, "location": format!("/data/{dataset}/{name}"), "fileSize": id, "fileCount": 1, "date": id,
        "dataset.id": dataset, "dataset.name": dataset_name, "investigation.id": 1, "investigation.name": "one",
        "visitId": "1", "investigation.startDate": 1,
    })
}

/// The rows of an entity by id, each with the fields that are compared.
pub type Rows = BTreeMap<i64, Value>;

/// Populates datafiles.
#[derive(Default)]
pub struct BulkClient {
    last_batch: i64,
    unanswered: Option<i64>,
}

impl BulkClient {
    /// Sends batch after batch until a request has no answer.
    pub async fn send_until_lost(&mut self, address: &Address, progress: &Progress) {
        loop {
            self.last_batch += 1;
            let batch = self.last_batch;
            let files: Vec<Value> =
                list_files(batch).map(|id| build_file(id, &name_file(id), batch, &name_dataset(batch))).collect();
            if !progress.send(address, "addNow/Datafile", &json!(files)).await {
                self.unanswered = Some(batch);
                return;
            }
            progress.batches.borrow_mut().push(batch);
        }
    }

    pub fn is_unanswered(&self) -> bool {
        self.unanswered.is_some()
    }

    /// A batch without an answer was stored or not, but not in part.
    pub fn settle_unanswered_batch(&mut self, files: &Rows, progress: &Progress) {
        let Some(batch) = self.unanswered.take() else { return };
        let found = list_files(batch).filter(|id| files.contains_key(id)).count();
        if found > 0 {
            assert_eq!(found, list_files(batch).count(), "batch {batch} was stored in part");
            progress.batches.borrow_mut().push(batch);
        }
    }
}

fn list_files(batch: i64) -> impl Iterator<Item = i64> {
    batch * BATCH..(batch + 1) * BATCH
}

fn name_file(id: i64) -> String {
    format!("bulk-{id}.h5")
}

fn name_dataset(id: i64) -> String {
    format!("dataset-{id}")
}

/// What an acknowledged change did.
enum Effect {
    /// The new name of a file.
    File(i64, String),
    DeletedFile(i64),
    /// The new name of a dataset.
    Dataset(i64, String),
    DeletedDataset(i64),
}

/// Creates, updates and deletes files, renames datasets and deletes them.
#[derive(Default)]
pub struct ChangeClient {
    number: i64,
    unanswered: Option<(Value, Vec<Effect>)>,
    files: BTreeMap<i64, String>,
    datasets: BTreeMap<i64, String>,
    deleted_datasets: BTreeSet<i64>,
}

impl ChangeClient {
    /// Sends changes until a request has no answer.
    pub async fn send_until_lost(&mut self, address: &Address, progress: &Progress) {
        loop {
            let (operations, effects) = self.build_change(progress);
            if !progress.send(address, "modify", &operations).await {
                self.unanswered = Some((operations, effects));
                return;
            }
            self.record_effects(effects);
        }
    }

    pub fn is_unanswered(&self) -> bool {
        self.unanswered.is_some()
    }

    /// Sends the request without an answer again.
    pub async fn send_again(&mut self, address: &Address) {
        let Some((operations, effects)) = self.unanswered.take() else { return };
        address.send_accepted("modify", &operations).await;
        self.record_effects(effects);
    }

    fn build_change(&mut self, progress: &Progress) -> (Value, Vec<Effect>) {
        self.number += 1;
        let created = FIRST_CREATED + self.number;
        let mut operations = Vec::new();
        let mut effects = Vec::new();
        let mut put_file = |verb: &str, id: i64, name: String, dataset: i64| {
            let document = build_file(id, &name, dataset, &name_dataset(dataset));
            operations.push(json!({verb: {"_index": "Datafile", "_id": id, "doc": document}}));
            effects.push(Effect::File(id, name));
        };
        put_file("create", created, format!("created-{created}"), CREATED_DATASET);
        put_file("update", created - 1, format!("updated-{}", created - 1), CREATED_DATASET);
        let batches = progress.batches.borrow();
        let living: Vec<i64> = batches.iter().copied().filter(|id| !self.deleted_datasets.contains(id)).collect();
        let chosen = usize::try_from(self.number).unwrap().checked_rem(living.len()).map(|position| living[position]);
        if let Some(dataset) = chosen {
            let file = dataset * BATCH + self.number % BATCH;
            put_file("update", file, format!("changed-{}", self.number), dataset);
        }
        operations.push(json!({"delete": {"_index": "Datafile", "_id": created - 2}}));
        effects.push(Effect::DeletedFile(created - 2));
        if let Some(dataset) = chosen {
            if self.number % 5 == 0 {
                operations.push(json!({"delete": {"_index": "Dataset", "_id": dataset}}));
                effects.push(Effect::DeletedDataset(dataset));
            } else {
                let name = format!("renamed-{}", self.number);
                let document = json!({"id": dataset, "name": name, "investigation.id": 1});
                operations.push(json!({"update": {"_index": "Dataset", "_id": dataset, "doc": document}}));
                effects.push(Effect::Dataset(dataset, name));
            }
        }
        (json!(operations), effects)
    }

    fn record_effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::File(id, name) => {
                    self.files.insert(id, name);
                }
                Effect::DeletedFile(id) => {
                    self.files.remove(&id);
                }
                Effect::Dataset(id, name) => {
                    self.datasets.insert(id, name);
                }
                Effect::DeletedDataset(id) => {
                    self.deleted_datasets.insert(id);
                    self.files.retain(|file, _| !list_files(id).any(|of_dataset| of_dataset == *file));
                }
            }
        }
    }

    /// Files and datasets that must be found.
    pub fn list_expected_rows(&self, progress: &Progress) -> (Rows, Rows) {
        let (mut files, mut datasets) = (Rows::new(), Rows::new());
        let name_of = |dataset: i64| self.datasets.get(&dataset).cloned().unwrap_or_else(|| name_dataset(dataset));
        let mut put_file = |id: i64, original: String, dataset: i64| {
            let name = self.files.get(&id).cloned().unwrap_or(original);
            files.insert(id, json!({"id": id, "name": name, "dataset.name": name_of(dataset)}));
        };
        for batch in progress.batches.borrow().iter().filter(|id| !self.deleted_datasets.contains(id)) {
            list_files(*batch).for_each(|id| put_file(id, name_file(id), *batch));
        }
        for (id, name) in self.files.range(FIRST_CREATED..) {
            put_file(*id, name.clone(), CREATED_DATASET);
        }
        // A dataset that is only known from its files is not found itself.
        for (id, name) in self.datasets.iter().filter(|(id, _)| !self.deleted_datasets.contains(id)) {
            datasets.insert(*id, json!({"id": id, "name": name}));
        }
        (files, datasets)
    }
}
