//! Blocking work in named, bounded pools: a hung disk fills its own pool and nothing else.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::problem::{Code, Problem};

/// A bounded pool for blocking calls of one kind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blocking {
    name: Arc<str>,
    /// Running and waiting together.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    runtime: Handle,
}

impl Blocking {
    /// At most `threads` calls run and `queue` more wait. Must be made inside the process's main runtime.
    pub fn new(name: &str, threads: usize, queue: usize) -> Self {
        Self {
            name: name.into(),
            places: Arc::new(Semaphore::new(threads + queue)),
            running: Arc::new(Semaphore::new(threads)),
            runtime: Handle::current(),
        }
    }

    /// Runs `work` on a thread that may block. [`Code::Unavailable`] at once if the pool is full.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let full =
            || Problem::new(Code::Unavailable, "busy", "too many requests of this kind at once").with_retry_after(5);
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            tracing::warn!(pool.name = &*self.name, "pool full");
            full()
        })?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| full())?;
        // Both permits go with the work, so that a caller who gives up does not free the place of a hung call.
        let done = self.runtime.spawn_blocking(move || {
            let result = work();
            drop((turn, place));
            result
        });
        done.await.map_err(Problem::internal)
    }
}
