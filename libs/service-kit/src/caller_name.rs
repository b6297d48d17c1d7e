//! Who a request is from, for its line in the log: noted by whoever finds out, deep inside the handler.

use std::cell::RefCell;
use std::future::Future;

use crate::redaction;
use crate::sha256_hex;

/// So many hexadecimal digits of the digest tell the users of a facility apart.
const DIGITS: usize = 12;

tokio::task_local! {
    static NAME: RefCell<Option<String>>;
}

/// The caller of the request that is being answered.
pub(crate) struct CallerName;

impl CallerName {
    /// Runs the work of a request; what it came to, and who was noted as its caller.
    pub async fn scope<T>(work: impl Future<Output = T>) -> (T, Option<String>) {
        let noting = async {
            let outcome = work.await;
            (outcome, NAME.with(RefCell::take))
        };
        NAME.scope(RefCell::default(), noting).await
    }
}

/// Notes a user, such as `db/alice`, as the caller of the present request; logs show a digest of the name. Does nothing
/// outside a request.
pub fn record_caller(user_name: &str) {
    let shown = if redaction::IS_ON { sha256_hex(user_name)[..DIGITS].to_owned() } else { user_name.to_owned() };
    // Outside a request there is no line to put it into.
    let _noted = NAME.try_with(|name| name.replace(Some(shown)));
}
