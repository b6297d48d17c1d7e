//! The one switch for hiding secrets. It is on in every build except the test build with the feature `unredacted`, in
//! which `tests/interop/suite/test_secrets_stay_hidden.py` must find each secret in each place where it looks: a search that finds nothing in the
//! real program means something only because of that.

#[cfg(all(feature = "unredacted", not(debug_assertions)))]
compile_error!("the feature `unredacted` shows the secrets of users: it is for test builds only");

/// Whether secrets are hidden.
pub const ON: bool = cfg!(not(feature = "unredacted"));

/// What stands in a message in the place of a secret.
pub fn hidden(secret: &str) -> &str {
    if ON { "***" } else { secret }
}
