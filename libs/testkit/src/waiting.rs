//! Waiting for a state, with a guard.

use std::time::Duration;

/// What has not come about by then does not come about.
const GUARD: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks until there is something to see; panics with `what` if there is nothing within half a minute.
pub async fn wait_until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut looks = tokio::time::interval(BETWEEN_LOOKS);
        loop {
            looks.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    let seen = tokio::time::timeout(GUARD, looking).await;
    seen.unwrap_or_else(|_| panic!("not so within {GUARD:?}: {what}"))
}

/// What must come about within half a minute; panics with `what` if it does not.
pub async fn wait_for<T>(what: &str, coming: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(GUARD, coming).await;
    came.unwrap_or_else(|_| panic!("not so within {GUARD:?}: {what}"))
}
