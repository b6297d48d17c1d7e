//! How a statement of a `SQLite` writer is waited for.
//!
//! Each statement is run by the thread of its connection. The task that waits for it is one of many of its own thread, and gets
//! its turn after all that are ready: with 32 readers on two cores, a write of eight statements waits eight times for some of
//! them, and all other writers with it. So while others wait to write, the thread of the task stops for the few microseconds that
//! a statement usually takes.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long a thread stops for one statement at most; about as long as other tasks take for one step.
const MAX_STOP: Duration = Duration::from_micros(200);

/// Waits for a statement; `is_urgent`: other writers wait for this one.
pub async fn wait_for_statement<F: Future>(statement: F, is_urgent: bool) -> F::Output {
    let mut statement = pin!(statement);
    if is_urgent && let Some(done) = stop_thread_for(statement.as_mut()) {
        return done;
    }
    statement.await
}

/// Stops this thread until a future is ready or [`MAX_STOP`] has passed.
fn stop_thread_for<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(ThreadWaker(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let end = Instant::now() + MAX_STOP;
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return Some(done);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::park_timeout(left);
    }
}

struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_statement_of_another_thread_is_waited_for_whether_it_is_short_or_long() {
        for delay in [Duration::ZERO, MAX_STOP / 2, MAX_STOP * 20] {
            for is_urgent in [false, true] {
                let (done, outcome) = oneshot::channel();
                let thread = std::thread::spawn(move || {
                    std::thread::park_timeout(delay);
                    done.send(7)
                });
                assert_eq!(wait_for_statement(outcome, is_urgent).await, Ok(7), "{delay:?}");
                thread.join().unwrap().unwrap();
            }
        }
    }
}
