//! The root of a storage, opened when its file system answers. A mount that hangs while the process starts blocks one thread
//! of the pool of this storage and nothing else.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use service_kit::{Blocking, BuildError, Problem};

use super::StorageRoot;
use crate::error::storage_unavailable;

/// How long a request waits for a file system that has not answered yet.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

type OpenRoot<R> = Box<dyn Fn() -> Result<R, String> + Send + Sync>;

/// `R` is [`StorageRoot`] except in tests.
pub struct LazyRoot<R = StorageRoot> {
    name: String,
    open: OpenRoot<R>,
    opened: OnceLock<Arc<R>>,
    is_opening: AtomicBool,
}

/// Resets the flag when an attempt to open the root ends.
struct OpeningGuard<'r>(&'r AtomicBool);

impl Drop for OpeningGuard<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl<R: Send + Sync + 'static> LazyRoot<R> {
    /// `open` may block without limit.
    pub fn new(name: &str, open: impl Fn() -> Result<R, String> + Send + Sync + 'static) -> Self {
        let (opened, is_opening) = (OnceLock::new(), AtomicBool::new(false));
        Self { name: name.to_owned(), open: Box::new(open), opened, is_opening }
    }

    /// An error if the root cannot be opened; no error while the file system does not answer.
    pub async fn open_at_start(self: &Arc<Self>, pool: &Blocking) -> Result<(), BuildError> {
        match self.try_open(pool).await {
            Some(outcome) => outcome.map_err(BuildError::Other),
            None => {
                let name = &self.name;
                tracing::error!(
                    storage.name = name,
                    "the storage does not answer; requests for it are refused until it does"
                );
                Ok(())
            }
        }
    }

    /// The root; 503 while the file system does not answer.
    pub async fn get(self: &Arc<Self>, pool: &Blocking) -> Result<Arc<R>, Problem> {
        if let Some(root) = self.opened.get() {
            return Ok(Arc::clone(root));
        }
        if let Some(Err(e)) = self.try_open(pool).await {
            return Err(self.to_unavailable(e));
        }
        self.opened.get().cloned().ok_or_else(|| self.to_unavailable("its file system does not answer"))
    }

    /// Opens the root, unless another request is doing so. `None` if that takes too long; the attempt continues then.
    async fn try_open(self: &Arc<Self>, pool: &Blocking) -> Option<Result<(), String>> {
        if self.is_opening.swap(true, Ordering::AcqRel) {
            return None;
        }
        let root = Arc::clone(self);
        let opening = pool.run_queued(move || {
            let _opening = OpeningGuard(&root.is_opening);
            let opened = (root.open)()?;
            let _first = root.opened.set(Arc::new(opened));
            Ok(())
        });
        let outcome = tokio::time::timeout(OPEN_TIMEOUT, opening).await.ok()?;
        Some(outcome.unwrap_or_else(|e| Err(e.to_string())))
    }

    fn to_unavailable(&self, why: impl Display) -> Problem {
        storage_unavailable(&self.name, why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use service_kit::Pools;

    use super::*;

    /// A root whose file system answers when the test sends an answer.
    fn hanging_root() -> (Sender<Result<u8, String>>, Arc<LazyRoot<u8>>) {
        let (sender, receiver) = channel();
        let receiver: Mutex<Receiver<Result<u8, String>>> = Mutex::new(receiver);
        (sender, Arc::new(LazyRoot::new("main", move || receiver.lock().unwrap().recv().unwrap())))
    }

    #[tokio::test]
    async fn a_hanging_storage_is_refused_until_it_answers() {
        let pool = Pools::default().open("storage.main", 2, 2);
        let (file_system, root) = hanging_root();
        assert!(root.open_at_start(&pool).await.is_ok(), "the start goes on");
        for _ in 0..10 {
            let refused = root.get(&pool).await.unwrap_err();
            assert_eq!((refused.code, refused.retry_after), (service_kit::Code::Unavailable, Some(10)), "{refused}");
        }
        assert_eq!(pool.run(|| 7).await.unwrap(), 7, "the hang has one thread, whoever asks meanwhile");
        file_system.send(Err("its path is gone".to_owned())).unwrap();
        while root.is_opening.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        file_system.send(Ok(3)).unwrap();
        assert_eq!(*root.get(&pool).await.unwrap(), 3, "asked again, it answers");
        assert_eq!(*root.get(&pool).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_opened_fails_the_start() {
        let pool = Pools::default().open("storage.main", 2, 2);
        let (file_system, root) = hanging_root();
        file_system.send(Err("there is no such directory".to_owned())).unwrap();
        let refused = root.open_at_start(&pool).await.unwrap_err();
        assert_eq!(refused.to_string(), "there is no such directory");
    }
}
