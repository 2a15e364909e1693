//! A web server of this machine that can be as bad as servers get.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    /// Start of the range, if one was asked for.
    pub start: Option<usize>,
    pub if_range: Option<String>,
}

/// A server and what it was asked so far. Its thread ends with the test's process.
pub struct Server {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Lets `answer` write to every connection; it also gets how many requests came before.
    pub fn start(answer: impl Fn(&Asked, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    // A client that went away is no failure of the server.
                    let Some(request) = read(&stream) else { return };
                    let idx = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    answer(&request, idx, &mut stream);
                });
            }
        });
        Self { address, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// One request's head.
fn read(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut asked = Asked {
        path: first.split(' ').nth(1)?.to_owned(),
        start: None,
        if_range: None,
    };
    loop {
        let line = lines.next()?.ok()?;
        if line.is_empty() {
            return Some(asked);
        }
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                asked.start = value
                    .strip_prefix("bytes=")?
                    .strip_suffix('-')?
                    .parse()
                    .ok();
            }
            "if-range" => asked.if_range = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// Head and body; the connection is closed after it.
pub fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// As a good server would, with ranges and a tag; of the body only the first `limit` bytes.
pub fn serve(stream: &mut TcpStream, asked: &Asked, content: &[u8], limit: usize) {
    let tag = "ETag: \"one\"\r\n";
    let same = asked.if_range.as_deref().is_none_or(|tag| tag == "\"one\"");
    match asked.start.filter(|_| same) {
        Some(start) => {
            let (last, size) = (content.len() - 1, content.len());
            let rest = &content[start..];
            let headers = format!(
                "{tag}Content-Length: {}\r\nContent-Range: bytes {start}-{last}/{size}\r\n",
                rest.len()
            );
            reply(
                stream,
                "206 Partial Content",
                &headers,
                &rest[..limit.min(rest.len())],
            );
        }
        None => {
            let headers = format!("{tag}Content-Length: {}\r\n", content.len());
            reply(
                stream,
                "200 OK",
                &headers,
                &content[..limit.min(content.len())],
            );
        }
    }
}
