//! A server that reads requests, counts them, and gives prepared answers.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    Body(u16, &'static str),
    /// Status, `ETag` and body.
    Tagged(u16, &'static str, &'static str),
    /// To the same address again.
    Redirect,
    /// The body after a notification.
    Held(Arc<Notify>, u16, &'static str),
    /// Keeps the client waiting until it goes away.
    Never,
}

/// Stops when it is dropped.
pub struct Server {
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Gives the answers in this order, and the last one forever.
    pub async fn start_with_answers(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve_connection(stream, Arc::clone(&seen), answers.clone()));
            }
        });
        Self { port, heads, _tasks: tasks }
    }

    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Method and target of each request so far.
    pub fn requests(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().map(|head| head.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    }

    /// The value of a header, named in lower case, in each request so far; empty where it is missing.
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let find = |head: &String| {
            let line = head.lines().find_map(|line| line.split_once(": ").filter(|(other, _)| *other == name));
            line.map_or_else(String::new, |(_, value)| value.to_owned())
        };
        self.heads.lock().unwrap().iter().map(find).collect()
    }
}

async fn serve_connection(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, answers: Vec<Answer>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap_or_default();
        if length == 0 {
            return;
        }
        request.extend(&part[..length]);
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let target = text.split(' ').nth(1).unwrap();
    let place = {
        let mut seen = seen.lock().unwrap();
        seen.push(text.split("\r\n\r\n").next().unwrap().to_owned());
        seen.len() - 1
    };
    let answer = match answers.get(place).or(answers.last()).unwrap() {
        Answer::Body(status, body) => render_response(*status, "", body),
        Answer::Tagged(status, etag, body) => render_response(*status, &format!("etag: {etag}\r\n"), body),
        Answer::Held(notify, status, body) => {
            notify.notified().await;
            render_response(*status, "", body)
        }
        Answer::Redirect => {
            format!("HTTP/1.1 302 X\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Answer::Never => {
            let _gone = stream.read(&mut [0; 1]).await;
            return;
        }
    };
    let _sent = stream.write_all(answer.as_bytes()).await;
}

fn render_response(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
