//! Work on texts that takes time of a processor: rendering Markdown, cleaning HTML. Long ones are worked on in a pool of their
//! own, so that no thread that answers requests stands still meanwhile, and nobody's comment waits for somebody's PDF.

use std::time::Duration;

use service_kit::{Blocking, Pools, Problem};

const THREADS: usize = 2;
const QUEUE: usize = 64;
/// Programs that write do not all try again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are worked on at once, in less time than it takes to hand them over and back.
const SHORT: usize = 8 << 10;

#[derive(Debug, Clone)]
pub struct Rendering(Blocking);

impl Rendering {
    pub fn open(pools: &Pools) -> Self {
        Self(pools.open("logbook.rendering", THREADS, QUEUE))
    }

    /// Does what has to be done with texts of so many bytes. Refused with 503 if too many wait and none of them is done in time.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if bytes <= SHORT { Ok(work()) } else { self.0.run_within(PATIENCE, work).await }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::current;

    use super::*;

    #[tokio::test]
    async fn a_long_text_does_not_hold_the_thread_that_answers() {
        let rendering = Rendering::open(&Pools::default());
        let here = current().id();
        assert_eq!(rendering.run(SHORT, || current().id()).await.unwrap(), here);
        assert_ne!(rendering.run(SHORT + 1, || current().id()).await.unwrap(), here);
    }
}
