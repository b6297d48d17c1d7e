//! Whether logs, traces, metrics and errors hide secrets. They do in every build except the test build with the feature
//! `unredacted`. In that build `tests/interop/suite/test_secrets_stay_hidden.py` must find secrets in the log, the traces and
//! the metrics: otherwise it would prove nothing that the same search finds none in the real program.

#[cfg(all(feature = "unredacted", not(debug_assertions)))]
compile_error!("the feature `unredacted` shows the secrets of users: it is for test builds only");

/// Whether secrets are hidden.
pub const IS_ON: bool = cfg!(not(feature = "unredacted"));

/// What a message shows instead of a secret.
pub fn redact_secret(secret: &str) -> &str {
    if IS_ON { "***" } else { secret }
}
