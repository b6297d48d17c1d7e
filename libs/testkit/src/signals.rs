//! Signals to processes of a test, by the `kill` command: the product forbids the unsafe call behind it.

use std::process::{Child, Command};

/// Sends a signal such as `TERM` or `STOP` to a process that this test started and has not yet waited for.
pub(crate) fn send_signal(signal: &str, child: &Child) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} works");
}
