//! The caller of a request, for its log line: recorded by the code that identifies the caller, deep inside the handler.

use std::cell::RefCell;
use std::future::Future;

use crate::redaction;
use crate::sha256_hex;

/// Hexadecimal digits of the digest; enough to distinguish the users of a facility.
const DIGITS: usize = 12;

tokio::task_local! {
    static NAME: RefCell<Option<String>>;
}

/// The caller of the request that is being answered.
pub(crate) struct CallerName;

impl CallerName {
    /// Runs the work of a request; returns its result and the caller that was recorded meanwhile.
    pub async fn scope<T>(work: impl Future<Output = T>) -> (T, Option<String>) {
        let noting = async {
            let outcome = work.await;
            (outcome, NAME.with(RefCell::take))
        };
        NAME.scope(RefCell::default(), noting).await
    }
}

/// What logs show of a user, such as `db/alice`: a digest of the name.
pub fn render_user_name(user_name: &str) -> String {
    if redaction::is_on() { sha256_hex(user_name)[..DIGITS].to_owned() } else { user_name.to_owned() }
}

/// Records a user, such as `db/alice`, as the caller of the current request; logs show a digest of the name. Does nothing
/// outside a request.
pub fn record_caller(user_name: &str) {
    let shown = render_user_name(user_name);
    // Outside a request there is no line to put it into.
    let _noted = NAME.try_with(|name| name.replace(Some(shown)));
}
