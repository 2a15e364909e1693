//! What has been captured.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use unweave_separation::audio::read::AudioReader;
use unweave_separation::files::scratch::ScratchFolder;
use unweave_separation::words;

use super::kept::{self, Kept};
use super::{Overview, Position};

/// How the folder of an instance's takes is called, before its number.
pub(super) const PREFIX: &str = ".unweave-takes-";

/// A capture that has ended. Its file is removed with the last of its owners.
#[derive(Debug)]
pub struct Take {
    /// Counts from 1 on and is never used again.
    pub id: u64,
    /// Frames per second.
    pub sample_rate: u32,
    /// How many channels.
    pub num_channels: usize,
    /// Length in frames.
    pub num_frames: u64,
    /// Where its first frame is on the host's timeline.
    pub position: Position,
    /// Beats per minute at its start, if the host told.
    pub tempo: Option<f64>,
    /// How it looks; empty if that has to be found out.
    pub overview: Overview,
    /// Why it ended.
    pub ending: Ending,
    pub(super) file: TakeFile,
}

/// A take that is being made.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The id that the take will have.
    pub id: u64,
    /// Frames per second.
    pub sample_rate: u32,
    /// Length so far.
    pub num_frames: u64,
    /// Where its first frame is on the host's timeline.
    pub position: Position,
    /// How it looks so far.
    pub overview: Overview,
}

/// Why a take ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The transport stopped or jumped, the capture was disarmed, or audio was set up anew.
    Stopped,
    /// The disk was too slow: what came next was lost.
    Lost,
    /// The disk took no more.
    Disk,
}

/// Why the capture was disarmed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The system refused.
    Disk {
        /// What kind of refusal.
        kind: io::ErrorKind,
        /// What the system said.
        message: String,
    },
    /// There are [`super::MAX_TAKES`] takes.
    TooManyTakes,
}

impl Problem {
    pub(super) fn disk(error: &io::Error) -> Self {
        Self::Disk {
            kind: error.kind(),
            message: words::system(error),
        }
    }
}

impl Take {
    /// The take as a WAV of 32-bit floats.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Bytes that its file takes.
    pub fn num_bytes(&self) -> u64 {
        4 * self.num_channels as u64 * self.num_frames
    }

    /// Lets it outlive this program, under a name for people: see [`kept::kept`]. Nothing else can be done with it
    /// then.
    ///
    /// # Errors
    /// The system refuses; then it goes with its owners as ever.
    pub fn keep(&self, parent: &Path, name: &str) -> io::Result<()> {
        kept::keep(self.path(), parent, name).map(drop)
    }

    /// Moves a waiting take into a folder of this instance, so that it goes when nobody holds it any more.
    ///
    /// # Errors
    /// The system refuses, or it can't be read.
    pub fn bring_back(kept: &Kept, parent: &Path, id: u64) -> io::Result<Self> {
        let folder = Arc::new(ScratchFolder::create_beside(parent, PREFIX)?);
        let path = folder.path().join("1.wav");
        let reader = AudioReader::open(&kept.path).map_err(io::Error::other)?;
        let facts = reader.facts().clone();
        drop(reader);
        fs::rename(&kept.path, &path)?;
        Ok(Self {
            id,
            sample_rate: facts.sample_rate,
            num_channels: facts.layout.num_channels(),
            num_frames: facts.num_frames.unwrap_or(0),
            position: facts
                .time_stamp
                .and_then(|stamp| i64::try_from(stamp.frame).ok())
                .map_or(Position::Unknown, Position::Frames),
            tempo: None,
            overview: Overview::default(),
            ending: Ending::Stopped,
            file: TakeFile::new(path, folder),
        })
    }
}

/// A file that goes with its owner, and the folder with the last of its files.
pub(super) struct TakeFile {
    path: PathBuf,
    _folder: Arc<ScratchFolder>,
}

impl TakeFile {
    pub(super) fn new(path: PathBuf, folder: Arc<ScratchFolder>) -> Self {
        Self {
            path,
            _folder: folder,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl std::fmt::Debug for TakeFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

impl Drop for TakeFile {
    fn drop(&mut self) {
        // It may be gone with its folder, or kept.
        let _ = fs::remove_file(&self.path);
    }
}
