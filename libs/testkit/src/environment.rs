//! Numbers that tests take from the environment: seeds and how many cases there are.

/// A number, if the variable has one: `TESTKIT_SEED` repeats a random test, `TESTKIT_CASES` says how long it runs.
#[expect(clippy::disallowed_methods, reason = "it changes what a test does, and is no setting of the product")]
pub fn number_from_environment(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
