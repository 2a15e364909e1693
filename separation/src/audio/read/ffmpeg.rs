//! What no library here decodes, decoded by the ffmpeg program where the machine has it.
//!
//! It writes floats into a temporary WAV, which is then read like any other. Only files are opened by it: a
//! playlist must not lead to the network.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use super::{Opened, ReadError, Source, wav};
use crate::files::program;

/// Names the program in place of the one on the path.
const PROGRAM_VARIABLE: &str = "UNWEAVE_FFMPEG";

/// The longest complaint that is passed on, in characters.
const MAX_COMPLAINT: usize = 200;

/// The first audio track of a file; `None` if there is no such program, or it finds no audio.
pub(super) fn open(path: &Path) -> Result<Option<Opened>, ReadError> {
    let name = std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| "ffmpeg".into());
    let dir = tempfile::tempdir()?;
    let decoded = dir.path().join("decoded.wav");
    // An absolute path can't be taken for an option or a protocol.
    let path = std::path::absolute(path)?;
    let output = program::quiet(name)
        .args([
            "-v",
            "error",
            "-nostdin",
            "-protocol_whitelist",
            "file",
            "-i",
        ])
        .arg(&path)
        .args(["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "0"])
        .args(["-c:a", "pcm_f32le", "-rf64", "auto", "-y"])
        .arg(&decoded)
        .stdout(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Ok(None);
    };
    let Ok(file) = File::open(&decoded) else {
        return Ok(None);
    };
    let end = file.metadata()?.len();
    let Some((mut facts, source)) = wav::open(&file, 0..end).ok().flatten() else {
        return Ok(None);
    };
    facts.format = "decoded by ffmpeg".into();
    facts.kind = super::SampleKind::Lossy;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = (!output.status.success() || !complaint.trim().is_empty()).then(|| {
        let first = complaint.lines().next().unwrap_or_default();
        // It begins with the place in the program.
        let words = first.rsplit("] ").next().unwrap_or(first);
        let words: String = words.chars().take(MAX_COMPLAINT).collect();
        format!("ffmpeg, which decoded the file, found it cut off or damaged: {words}")
    });
    let source = Decoded {
        source,
        complaint,
        _dir: dir,
    };
    Ok(Some((facts, Box::new(source))))
}

struct Decoded {
    /// Goes before the folder that it reads from, as some systems want it.
    source: Box<dyn Source>,
    complaint: Option<String>,
    _dir: TempDir,
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
        notes.extend(self.complaint.clone());
        notes
    }
}
