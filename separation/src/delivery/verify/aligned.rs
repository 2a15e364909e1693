//! Files decoded side by side and compared in step, whatever block sizes their decoders give.
//!
//! A thread per file decodes and hashes ahead, [`BLOCKS_AHEAD`] blocks at most; whoever compares takes as many
//! frames as all files have. When the comparison ends, channels are dropped, threads see that nobody listens,
//! and end.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};

use super::{VerifyError, hash_samples};
use crate::audio::read::{AudioReader, ReadError};
use crate::audio::write::BitDepth;
use crate::delivery::report::{FileReport, SourceReport};

/// Blocks that a decoder may be ahead of the comparison.
const BLOCKS_AHEAD: usize = 4;

/// `[channel][frame]`.
type Block = Vec<Vec<f32>>;

/// A file that a thread decodes, with the frames that were not compared yet.
pub(super) struct Aligned<'scope> {
    name: String,
    /// What was decoded and not asked for yet.
    blocks: Receiver<Result<Block, ReadError>>,
    /// Gives the checksum of all samples once it ends.
    decoding: ScopedJoinHandle<'scope, Sha256>,
    /// Length of the file, where it is known from its header.
    stated_frames: Option<u64>,
    block: Block,
    /// Frames of `block` that were compared.
    done: usize,
    num_frames: u64,
}

impl<'scope> Aligned<'scope> {
    /// Opens a file, and starts to decode it.
    ///
    /// # Errors
    /// It can't be opened, or has another rate or number of channels than the song.
    pub(super) fn open(
        scope: &'scope Scope<'scope, '_>,
        dir: &Path,
        said: &FileReport,
        source: &SourceReport,
        depth: BitDepth,
    ) -> Result<Self, VerifyError> {
        let name = said.name.as_str();
        let path = dir.join(name);
        let reader = match said.track {
            Some(track_idx) => AudioReader::open_track(&path, track_idx),
            None => AudioReader::open(&path),
        };
        let reader = reader.map_err(|source| file(name, source))?;
        let facts = reader.facts();
        let shape = |rate: u32, channels: usize| format!("{rate} Hz and {channels} channels");
        let actual = shape(facts.sample_rate, facts.layout.num_channels());
        let expected = shape(source.sample_rate, source.num_channels);
        if actual != expected {
            return Err(VerifyError::Shape {
                name: name.to_owned(),
                actual,
                expected,
            });
        }
        let stated_frames = facts.num_frames;
        let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
        let decoding = scope.spawn(move || decode(reader, &sender, depth));
        Ok(Self {
            name: name.to_owned(),
            blocks,
            decoding,
            stated_frames,
            block: Vec::new(),
            done: 0,
            num_frames: 0,
        })
    }

    /// Waits for the next block if nothing is left, and gives how many frames are there; 0 is the end.
    ///
    /// # Errors
    /// The file can't be decoded any further.
    pub(super) fn fill(&mut self) -> Result<usize, VerifyError> {
        let mut len = self.block.first().map_or(0, Vec::len);
        if self.done == len {
            self.done = 0;
            self.block = match self.blocks.recv() {
                Ok(block) => block.map_err(|source| file(&self.name, source))?,
                Err(_) => Vec::new(),
            };
            len = self.block.first().map_or(0, Vec::len);
            self.num_frames += len as u64;
        }
        Ok(len - self.done)
    }

    /// So many frames of the block were compared.
    pub(super) fn advance(&mut self, num_frames: usize) {
        self.done += num_frames;
    }

    /// How many channels the block has.
    pub(super) fn num_channels(&self) -> usize {
        self.block.len()
    }

    /// What of a channel was not compared yet.
    pub(super) fn channel(&self, channel: usize) -> &[f32] {
        &self.block[channel][self.done..]
    }

    /// That the file has as many frames as the mix; gives the checksum of its samples.
    ///
    /// # Errors
    /// It has another number of frames.
    pub(super) fn finish(self, expected: u64) -> Result<Sha256, VerifyError> {
        let actual = self.stated_frames.unwrap_or(self.num_frames);
        drop(self.blocks);
        let hash = self
            .decoding
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if actual != expected {
            return Err(VerifyError::Shape {
                name: self.name,
                actual: format!("{actual} frames"),
                expected: format!("{expected} frames"),
            });
        }
        Ok(hash)
    }
}

/// Decodes and hashes until the end, an error, or until nobody listens.
///
/// Samples are hashed as they would be written at `depth`.
fn decode(
    mut reader: AudioReader,
    sender: &SyncSender<Result<Block, ReadError>>,
    depth: BitDepth,
) -> Sha256 {
    let mut hash = Sha256::new();
    loop {
        let mut block = Vec::new();
        match reader.read(&mut block) {
            Ok(0) => return hash,
            Ok(_) => hash_samples(&mut hash, &block, depth),
            Err(error) => {
                let _ = sender.send(Err(error));
                return hash;
            }
        }
        if sender.send(Ok(block)).is_err() {
            return hash;
        }
    }
}

/// The error of a file that can't be read.
fn file(name: &str, source: ReadError) -> VerifyError {
    VerifyError::File {
        name: name.to_owned(),
        source,
    }
}
