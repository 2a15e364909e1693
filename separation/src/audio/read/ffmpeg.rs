//! What no library here decodes, decoded by the ffmpeg program where the machine has it.
//!
//! It writes floats into a temporary WAV, which is then read like any other. Only files are opened by it: a
//! playlist must not lead to the network.
//!
//! The program is a process of its own: its licence and its crashes stay outside, and no video or network code
//! of it is in a host's process. Samples are `pcm_f32le`, the file RF64 where it exceeds 4 GB, its tags the
//! song's.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{Opened, ReadError, Source, wav};
use crate::files::program;

/// Names the program in place of the one on the path.
const PROGRAM_VARIABLE: &str = "UNWEAVE_FFMPEG";

/// The longest complaint that is passed on, in characters.
const MAX_COMPLAINT: usize = 200;
/// As much of all complaints is read as must hold the first.
const MAX_COMPLAINT_BYTES: u64 = 4_096;

/// How often a running program is looked at.
const PATIENCE: Duration = Duration::from_millis(20);

/// A track of a file as it was when it was decoded.
type Key = (PathBuf, u64, Option<SystemTime>, usize);

/// The file that was decoded last, for as long as anyone reads it: a song is opened several times on its way.
///
/// Weak, so that the file goes with its last reader.
static LAST: Mutex<Option<(Key, Weak<DecodedFile>)>> = Mutex::new(None);

/// What ffmpeg made of a track.
///
/// Its folder goes when it does.
struct DecodedFile {
    /// Holds `decoded.wav`, and `words`, what the program printed.
    dir: TempDir,
    /// A note for the listener, if the program failed or complained.
    complaint: Option<String>,
}

impl DecodedFile {
    fn wav(&self) -> PathBuf {
        self.dir.path().join("decoded.wav")
    }
}

/// The first audio track of a file, or another one; `None` if there is no such program, or it finds no audio.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] once `may_go_on` says no.
pub(super) fn open(
    path: &Path,
    track_idx: Option<usize>,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<Opened>, ReadError> {
    // An absolute path can't be taken for an option or a protocol.
    let path = std::path::absolute(path)?;
    let metadata = path.metadata()?;
    let track_idx = track_idx.unwrap_or(0);
    let key = (path, metadata.len(), metadata.modified().ok(), track_idx);
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = match &*last() {
        Some((known, decoded)) if *known == key => decoded.upgrade(),
        _ => None,
    };
    let decoded = match known {
        Some(decoded) => decoded,
        None => {
            let Some(decoded) = decode(&key.0, track_idx, may_go_on)?.map(Arc::new) else {
                return Ok(None);
            };
            *last() = Some((key, Arc::downgrade(&decoded)));
            decoded
        }
    };
    let Ok(file) = File::open(decoded.wav()) else {
        return Ok(None);
    };
    let end = file.metadata()?.len();
    let Some((mut facts, source)) = wav::open(&file, 0..end).ok().flatten() else {
        return Ok(None);
    };
    facts.format = "decoded by ffmpeg".into();
    facts.kind = super::SampleKind::Lossy;
    Ok(Some((facts, Box::new(Decoded { source, decoded }))))
}

/// Runs the program to its end, if there is one.
///
/// Looks at it every [`PATIENCE`]; if it fails in the middle, what it has written by then is kept, with a
/// complaint.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] once `may_go_on` says no; the program is then stopped.
fn decode(
    path: &Path,
    track_idx: usize,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Option<DecodedFile>, ReadError> {
    let name = std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| "ffmpeg".into());
    let mut decoded = DecodedFile {
        dir: tempfile::tempdir()?,
        complaint: None,
    };
    let words = decoded.dir.path().join("words");
    let started = program::quiet(name)
        .args(["-v", "error", "-nostdin", "-protocol_whitelist", "file"])
        .arg("-i")
        .arg(path)
        .args(["-map", &format!("0:a:{track_idx}")])
        .args(["-vn", "-sn", "-dn", "-map_metadata", "0"])
        .args(["-c:a", "pcm_f32le", "-rf64", "auto", "-y"])
        .arg(decoded.wav())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&words)?)
        .spawn();
    let Ok(mut running) = started else {
        return Ok(None);
    };
    let status = loop {
        if let Some(status) = running.try_wait()? {
            break status;
        }
        if !may_go_on() {
            running.kill()?;
            running.wait()?;
            return Err(io::Error::from(io::ErrorKind::Interrupted).into());
        }
        std::thread::sleep(PATIENCE);
    };
    let mut complaint = Vec::new();
    File::open(&words)?
        .take(MAX_COMPLAINT_BYTES)
        .read_to_end(&mut complaint)?;
    let complaint = String::from_utf8_lossy(&complaint);
    decoded.complaint = (!status.success() || !complaint.trim().is_empty()).then(|| {
        let first = complaint.lines().next().unwrap_or_default();
        // It begins with the place in the program.
        let words = first.rsplit("] ").next().unwrap_or(first);
        let words: String = words.chars().take(MAX_COMPLAINT).collect();
        format!("ffmpeg, which decoded the file, found it cut off or damaged: {words}")
    });
    Ok(Some(decoded))
}

/// A reader of what ffmpeg wrote.
struct Decoded {
    /// Goes before the folder that it reads from, as some systems want it.
    source: Box<dyn Source>,
    /// Keeps the file, and has the complaint.
    decoded: Arc<DecodedFile>,
}

impl Source for Decoded {
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        self.source.read(block)
    }

    fn fraction(&self) -> f64 {
        self.source.fraction()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.source.notes();
        notes.extend(self.decoded.complaint.clone());
        notes
    }
}
