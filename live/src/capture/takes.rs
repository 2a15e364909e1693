//! What has been captured.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Overview, Position};

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
    /// How it looks.
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
            message: error.to_string(),
        }
    }
}

impl Take {
    /// The take as a WAV of 32-bit floats.
    pub fn path(&self) -> &Path {
        &self.file.0
    }
}

/// A file that goes with its owner.
#[derive(Debug)]
pub(super) struct TakeFile(pub(super) PathBuf);

impl Drop for TakeFile {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = fs::remove_file(&self.0);
    }
}
