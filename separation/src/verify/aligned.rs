//! Files read in step, whatever block sizes their decoders give.

use std::path::Path;

use super::VerifyError;
use crate::read::{AudioReader, ReadError};
use crate::report::SourceReport;

/// A file with the frames that were decoded but not compared yet.
pub(super) struct Aligned {
    name: String,
    reader: AudioReader,
    block: Vec<Vec<f32>>,
    /// Frames of `block` that were compared.
    done: usize,
}

impl Aligned {
    pub(super) fn open(dir: &Path, name: &str, source: &SourceReport) -> Result<Self, VerifyError> {
        let reader = AudioReader::open(&dir.join(name)).map_err(|source| file(name, source))?;
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
        Ok(Self {
            name: name.to_owned(),
            reader,
            block: Vec::new(),
            done: 0,
        })
    }

    /// Decodes if nothing is left, and gives how many frames are there; 0 is the end.
    pub(super) fn fill(&mut self) -> Result<usize, VerifyError> {
        let mut len = self.block.first().map_or(0, Vec::len);
        if self.done == len {
            self.done = 0;
            len = self
                .reader
                .read(&mut self.block)
                .map_err(|source| file(&self.name, source))?;
        }
        Ok(len - self.done)
    }

    pub(super) fn advance(&mut self, num_frames: usize) {
        self.done += num_frames;
    }

    pub(super) fn num_channels(&self) -> usize {
        self.block.len()
    }

    pub(super) fn channel(&self, channel: usize) -> &[f32] {
        &self.block[channel][self.done..]
    }

    /// All files have as many frames as the mix.
    pub(super) fn check_length(&self, expected: u64) -> Result<(), VerifyError> {
        let actual = self
            .reader
            .facts()
            .num_frames
            .unwrap_or(self.reader.position());
        if actual != expected {
            return Err(VerifyError::Shape {
                name: self.name.clone(),
                actual: format!("{actual} frames"),
                expected: format!("{expected} frames"),
            });
        }
        Ok(())
    }
}

fn file(name: &str, source: ReadError) -> VerifyError {
    VerifyError::File {
        name: name.to_owned(),
        source,
    }
}
