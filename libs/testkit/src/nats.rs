//! A private NATS server with `JetStream`, which keeps its port and its store when it is started again.

use std::fs::File;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::ports::free_port;
use crate::signals;
use crate::waiting::wait_until;

/// Killed when dropped.
#[derive(Debug)]
pub struct Nats {
    port: u16,
    dir: TempDir,
    server: Option<Child>,
}

impl Nats {
    /// A running server with an empty store.
    pub async fn start() -> Self {
        let mut nats = Self::new_stopped();
        nats.start_again().await;
        nats
    }

    /// A server that is not there yet.
    pub fn new_stopped() -> Self {
        Self { port: free_port(), dir: TempDir::new().expect("a temporary directory"), server: None }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// `[events]` for services that use this server.
    pub fn settings(&self) -> String {
        format!("[events]\nkind = \"nats\"\nnats_url = \"{}\"\n", self.url())
    }

    /// On the same port, with what the store has.
    pub async fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        let log = File::options().create(true).append(true).open(self.dir.path().join("log")).expect("a log file");
        let server = Command::new("nats-server")
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream", "--store_dir"])
            .arg(self.dir.path().join("store"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nats-server is installed; scripts/test --install-only does it");
        self.server = Some(server);
        let port = self.port;
        // It listens once the store is read.
        wait_until("nats-server listens", async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()).await;
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        let mut server = self.server.take().expect("the server runs");
        signals::send_signal("TERM", &server);
        server.wait().expect("the server ends");
    }

    /// Ends it without a chance to put anything in order.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("the server can be killed");
            server.wait().expect("the server ends");
        }
    }

    /// Loses everything it had; only while it is stopped.
    pub fn delete_data(&mut self) {
        assert!(self.server.is_none(), "the server runs");
        std::fs::remove_dir_all(self.dir.path().join("store")).expect("the store can be removed");
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
