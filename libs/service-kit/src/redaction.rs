//! Whether logs, traces, metrics and errors hide secrets. A release always hides them. A build with debug assertions shows
//! them where `TESTKIT_SHOW_SECRETS` is `1`. `tests/interop/suite/test_secrets_stay_hidden.py` starts the program that way and
//! must find secrets in the log, the traces and the metrics: otherwise it would prove nothing that the same search finds none
//! without the variable.

/// Whether secrets are hidden.
#[cfg(debug_assertions)]
pub fn is_on() -> bool {
    use std::sync::LazyLock;

    static IS_OFF: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("TESTKIT_SHOW_SECRETS").is_some_and(|value| value == "1"));
    !*IS_OFF
}

/// Whether secrets are hidden.
#[cfg(not(debug_assertions))]
pub const fn is_on() -> bool {
    true
}

/// What a message shows instead of a secret.
pub fn redact_secret(secret: &str) -> &str {
    if is_on() { "***" } else { secret }
}
