//! What the services of one process share besides their listeners: metrics, and one value per type for the libraries
//! that build on this one (the in-process bus, caches).

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::metrics::Metrics;

type Shared = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// One per process (in tests, one per started set of services). Cheap to clone.
#[derive(Clone, Default)]
pub struct Process {
    pub metrics: Metrics,
    shared: Arc<Mutex<Shared>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}

impl Process {
    /// The one value of this type in the process; `make` creates it at the first call.
    pub fn get_or_init<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let value = shared.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make()));
        Arc::clone(value).downcast().unwrap_or_else(|_| unreachable!("values are stored under their own type"))
    }
}
