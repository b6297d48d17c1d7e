//! Work on texts that takes processor time: rendering Markdown, sanitizing HTML. Long texts are worked on in a pool of their own,
//! so that no thread that answers requests is blocked, and nobody's comment waits for somebody's PDF.

use std::time::Duration;

use service_kit::{Blocking, Pools, Problem};

const THREADS: usize = 2;
const QUEUE: usize = 64;
/// Not every program that writes tries again.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are worked on at once, in less time than it takes to hand them over and back.
const SHORT: usize = 8 << 10;

#[derive(Debug, Clone)]
pub struct TextPool(Blocking);

impl TextPool {
    pub fn open(pools: &Pools) -> Self {
        Self(pools.open("logbook.rendering", THREADS, QUEUE))
    }

    /// Runs work on texts of so many bytes. Refused with 503 if too many wait and none of them is done in time.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if bytes <= SHORT { Ok(work()) } else { self.0.run_within(QUEUE_TIMEOUT, work).await }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::current;

    use super::*;

    #[tokio::test]
    async fn a_long_text_does_not_hold_the_thread_that_answers() {
        let pool = TextPool::open(&Pools::default());
        let here = current().id();
        assert_eq!(pool.run(SHORT, || current().id()).await.unwrap(), here);
        assert_ne!(pool.run(SHORT + 1, || current().id()).await.unwrap(), here);
    }
}
