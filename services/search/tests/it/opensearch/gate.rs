//! A cluster that can be made unreachable.

#![expect(clippy::disallowed_methods, reason = "tasks of the test, which end with it")]

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to a server until it is closed.
pub struct Gate {
    port: u16,
    is_open: watch::Sender<bool>,
}

impl Gate {
    pub async fn open(url: &str) -> Self {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_open, opened) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                let (target, mut opened) = (target.clone(), opened.clone());
                tokio::spawn(async move {
                    if *opened.borrow() {
                        tokio::select! {
                            _ = forward(client, &target) => {}
                            _ = opened.wait_for(|is_open| !is_open) => {}
                        }
                    }
                });
            }
        });
        Self { port, is_open }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends all connections, and refuses new ones.
    pub fn close(&self) {
        self.is_open.send_replace(false);
    }

    pub fn open_again(&self) {
        self.is_open.send_replace(true);
    }
}

async fn forward(mut client: TcpStream, target: &str) -> std::io::Result<(u64, u64)> {
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await
}
