//! One file from the network, whole and the right one, or nothing.
//!
//! What comes is appended to a part file that outlives failures, Ctrl-C and a kill; the next attempt asks
//! for the rest only. Every address serves the same content, which the SHA-256 proves, so that one may go
//! on where another stopped. What turns out to be something else is put into quarantine.
//!
//! | the server says | then |
//! |---|---|
//! | 206 | what comes is appended, if it begins where the part ends |
//! | 200 | the part begins anew: this server can't go on, or has another version (`If-Range`) |
//! | 416 | the part begins anew |
//! | 429, 5xx, silence, an end in the middle | once more, later, up to `MAX_FRUITLESS` times without anything new |
//! | anything else, or another size | the next address |
//!
//! HTTPS certificates are checked against the system's own list; HTTP status, ranges and `If-Range` are those
//! of RFC 9110.
//!
//! # Units
//! Sizes and positions are bytes.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// Attempts in a row at one address that bring nothing new.
const MAX_FRUITLESS: u32 = 3;
/// Rest before the second attempt; each later one is twice as long.
const REST: Duration = Duration::from_millis(250);
/// Read at a time; cancelling is looked at in between.
const CHUNK_BYTES: usize = 64 * 1024;

/// A file to download, and how it is known to be the right one.
#[derive(Debug, Clone)]
pub struct RemoteFile {
    /// Bytes.
    pub size: u64,
    /// Of the content, lower-case hexadecimal.
    pub sha256: String,
    /// Where it lies, best first.
    pub urls: Vec<String>,
}

/// Where a download is put.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folder of unfinished downloads.
    pub parts: PathBuf,
    /// Folder of what was something else.
    pub quarantine: PathBuf,
    /// What a file in quarantine is called.
    pub name: String,
}

/// Told how many bytes are there.
pub type OnProgress<'a> = dyn Fn(u64) + 'a;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Stopped on request.
    #[error("cancelled")]
    Cancelled,
    /// Another process is at it.
    #[error("another run of unweave is downloading it")]
    Busy,
    /// The disk.
    #[error("{path}: {source}")]
    Disk {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// No address had it.
    #[error("{}", .0.join("\n  "))]
    Addresses(Vec<String>),
}

/// What came of one request.
enum Outcome {
    /// The part file is as long as the file.
    Complete,
    /// It broke off; worth another attempt.
    Broken(String),
    /// Nothing will come from this address.
    Hopeless(String),
}

/// A client that gives up on a server that is silent for so long.
pub fn agent(silence: Duration) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("unweave/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(silence))
        .timeout_connect(Some(silence))
        .timeout_send_request(Some(silence))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .build()
        .new_agent()
}

/// Downloads a file; gives its path, in the folder of parts.
///
/// # Errors
/// No address has it, the disk fails, or `cancel` was set. What has come stays for the next time.
pub fn download(
    agent: &Agent,
    remote: &RemoteFile,
    places: &Places,
    on_progress: &OnProgress<'_>,
    cancel: &AtomicBool,
) -> Result<PathBuf, Failure> {
    let path = places.parts.join(format!("{}.part", remote.sha256));
    let disk = |source| Failure::Disk {
        path: path.display().to_string(),
        source,
    };
    fs::create_dir_all(&places.parts).map_err(disk)?;
    let mut part = File::options()
        .create(true)
        .read(true)
        .append(true)
        .open(&path)
        .map_err(disk)?;
    part.try_lock().map_err(|_| Failure::Busy)?;
    let mut problems = Vec::new();
    for url in &remote.urls {
        let (mut fruitless, mut most, mut is_anew) = (0, 0, false);
        let problem = loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Failure::Cancelled);
            }
            let old = part.metadata().map_err(disk)?.len();
            let outcome = if old == remote.size {
                Outcome::Complete
            } else {
                Request {
                    agent,
                    url,
                    remote,
                    validator: &path.with_extension("etag"),
                }
                .run(&mut part, on_progress, cancel)
                .map_err(disk)?
            };
            match outcome {
                Outcome::Complete => {
                    if sha256(&mut part).map_err(disk)? == remote.sha256 {
                        let _ = fs::remove_file(path.with_extension("etag"));
                        return Ok(path);
                    }
                    let actual = sha256(&mut part).map_err(disk)?;
                    if old > 0 && !is_anew {
                        // The older bytes may be the wrong ones: once more, from the start.
                        is_anew = true;
                        part.set_len(0).map_err(disk)?;
                        continue;
                    }
                    let kept = quarantine(&path, places, &actual).map_err(disk)?;
                    part.set_len(0).map_err(disk)?;
                    break format!(
                        "has another file than it should: its sha-256 is {actual}, expected {}. It is not \
                         used, and was kept as {} for you to look at; `unweave models clean` deletes it",
                        remote.sha256,
                        kept.display()
                    );
                }
                Outcome::Broken(problem) => {
                    let now = part.metadata().map_err(disk)?.len();
                    // Only what was never there before is progress: some servers begin anew each time.
                    fruitless = if now > most { 0 } else { fruitless + 1 };
                    most = most.max(now);
                    if fruitless >= MAX_FRUITLESS {
                        break problem;
                    }
                    rest(REST * (1 << fruitless), cancel);
                }
                Outcome::Hopeless(problem) => break problem,
            }
        };
        problems.push(format!("{url} {problem}"));
    }
    // Nothing to go on from is nothing to keep.
    if part.metadata().map_err(disk)?.len() == 0 {
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(path.with_extension("etag"));
    }
    Err(Failure::Addresses(problems))
}

/// One request to one address.
struct Request<'a> {
    agent: &'a Agent,
    url: &'a str,
    remote: &'a RemoteFile,
    /// Holds the address and the version of the content that the part came from.
    validator: &'a Path,
}

impl Request<'_> {
    /// Asks for what is lacking and appends it to the part.
    ///
    /// # Errors
    /// The disk fails.
    fn run(
        &self,
        part: &mut File,
        on_progress: &OnProgress<'_>,
        cancel: &AtomicBool,
    ) -> io::Result<Outcome> {
        let old = part.metadata()?.len();
        if old > self.remote.size {
            part.set_len(0)?;
            return self.run(part, on_progress, cancel);
        }
        let mut request = self.agent.get(self.url);
        if old > 0 {
            request = request.header(header::RANGE, format!("bytes={old}-"));
            if let Some(version) = self.version() {
                // Another version from the start, rather than the end of another version.
                request = request.header(header::IF_RANGE, version);
            }
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(unanswered(&error)),
        };
        let start = match self.accept(&response, old) {
            Ok(start) => start,
            Err(outcome) => {
                if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                    part.set_len(0)?;
                }
                return Ok(outcome);
            }
        };
        if start < old {
            part.set_len(start)?;
        }
        self.keep_version(&response);
        self.receive(response, start, part, on_progress, cancel)
    }

    /// Where in the file the answer's body begins, 0 if all of it comes; `old` bytes are there already.
    fn accept(&self, response: &Response<Body>, old: u64) -> Result<u64, Outcome> {
        let size = self.remote.size;
        match response.status() {
            StatusCode::OK => match number(response, header::CONTENT_LENGTH) {
                Some(length) if length != size => Err(Outcome::Hopeless(format!(
                    "offers {length} bytes, expected are {size}: it is another file"
                ))),
                _ => Ok(0),
            },
            StatusCode::PARTIAL_CONTENT => match range(response) {
                Some((start, total)) if start == old && total.is_none_or(|total| total == size) => {
                    Ok(old)
                }
                _ => Err(Outcome::Hopeless(
                    "answers with another part of the file than was asked for".to_owned(),
                )),
            },
            StatusCode::RANGE_NOT_SATISFIABLE => Err(Outcome::Broken(
                "has no more of the file: it is another one".to_owned(),
            )),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Outcome::Broken(format!("says {status}: try again later")))
            }
            status => Err(Outcome::Hopeless(format!("says {status}"))),
        }
    }

    /// Appends the body to the part, from byte `start` of the file on.
    fn receive(
        &self,
        response: Response<Body>,
        start: u64,
        part: &mut File,
        on_progress: &OnProgress<'_>,
        cancel: &AtomicBool,
    ) -> io::Result<Outcome> {
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut at = start;
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Ok(Outcome::Broken("was cancelled".to_owned()));
            }
            let length = match body.read(&mut chunk) {
                Ok(0) if at == self.remote.size => return Ok(Outcome::Complete),
                Ok(0) => {
                    let size = self.remote.size;
                    return Ok(Outcome::Broken(format!("ends after {at} of {size} bytes")));
                }
                Ok(length) => length,
                // All is there: how the connection ends does not matter.
                Err(_) if at == self.remote.size => return Ok(Outcome::Complete),
                Err(error) => return Ok(Outcome::Broken(format!("breaks off: {error}"))),
            };
            if at + length as u64 > self.remote.size {
                part.set_len(0)?;
                return Ok(Outcome::Hopeless(format!(
                    "sends more than the expected {} bytes: it is another file",
                    self.remote.size
                )));
            }
            (&*part).write_all(&chunk[..length])?;
            at += length as u64;
            on_progress(at);
        }
    }

    /// The version that the part came from, if from this address.
    fn version(&self) -> Option<String> {
        let text = fs::read_to_string(self.validator).ok()?;
        let (url, version) = text.split_once('\n')?;
        (url == self.url && !version.is_empty()).then(|| version.to_owned())
    }

    /// Remembers which version of the content comes now, for the next attempt.
    fn keep_version(&self, response: &Response<Body>) {
        let text = |name| response.headers().get(name)?.to_str().ok();
        // A weak tag does not promise the same bytes, and servers don't take it with If-Range.
        let tag = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
        let version = tag.or_else(|| text(header::LAST_MODIFIED)).unwrap_or("");
        // Without it the sum decides, as it does in the end anyway.
        let _ = fs::write(self.validator, format!("{}\n{version}", self.url));
    }
}

/// What it means that there is no answer.
fn unanswered(error: &ureq::Error) -> Outcome {
    use ureq::Error;
    match error {
        Error::TooManyRedirects | Error::RedirectFailed => {
            Outcome::Hopeless("sends from one address to the next without end".to_owned())
        }
        Error::BadUri(_) | Error::HostNotFound => {
            Outcome::Hopeless(format!("is not found: {error}"))
        }
        Error::Timeout(_) => Outcome::Broken("does not answer".to_owned()),
        Error::Rustls(_) | Error::Tls(_) => Outcome::Hopeless(format!(
            "has no certificate that this system trusts: {error}"
        )),
        other => Outcome::Broken(format!("can't be reached: {other}")),
    }
}

/// A header that is a number.
fn number(response: &Response<Body>, name: header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}

/// Start and, if it is known, whole length, of `Content-Range: bytes 5-9/10`.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Of the whole file, in lower-case hexadecimal.
fn sha256(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut sum = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            length => sum.update(&chunk[..length]),
        }
    }
    Ok(sum
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Copies what came to where nothing is used from.
fn quarantine(path: &Path, places: &Places, actual: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(&places.quarantine)?;
    let name = format!("{}.{}.refused", places.name, &actual[..8]);
    let to = places.quarantine.join(name.replace(['/', '\\'], "-"));
    fs::copy(path, &to)?;
    Ok(to)
}

/// Waits for so long, or until cancelled.
fn rest(time: Duration, cancel: &AtomicBool) {
    let steps = 10;
    for _ in 0..steps {
        if cancel.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(time / steps);
    }
}
