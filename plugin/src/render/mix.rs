//! A song as it is fed to what separates it while it is heard.

use std::path::Path;

use unweave_separation::Resampler;
use unweave_separation::audio::read::{AudioReader, ReadError};
use unweave_separation::offline::JobError;

/// A file as two channels at the host's rate. Of one with more channels, the first two.
pub struct Mix {
    /// None after the last frame.
    reader: Option<AudioReader>,
    own_rate: u32,
    resampler: Option<Resampler>,
    block: Vec<Vec<f32>>,
    /// The stretch that was read last; empty at the end.
    given: [Vec<f32>; 2],
}

impl Mix {
    /// From a frame on, counted at the file's own rate; behind its end there is nothing.
    ///
    /// # Errors
    /// The file can't be read, or not at this rate.
    pub fn open(path: &Path, frame: u64, sample_rate: u32) -> Result<Self, JobError> {
        let mut reader = AudioReader::open(path)?;
        let own_rate = reader.facts().sample_rate;
        let num_frames = reader.facts().num_frames.unwrap_or(u64::MAX);
        let is_over = frame >= num_frames;
        if frame > 0 && !is_over {
            reader.keep(frame..num_frames)?;
        }
        let resampler = if own_rate == sample_rate {
            None
        } else {
            Some(Resampler::new(own_rate, sample_rate)?)
        };
        Ok(Self {
            reader: (!is_over).then_some(reader),
            own_rate,
            resampler,
            block: Vec::new(),
            given: Default::default(),
        })
    }

    /// The file's sample rate, which its frames are counted at.
    pub fn own_rate(&self) -> u32 {
        self.own_rate
    }

    /// The next stretch, `[channel][frame]`; empty at the end.
    ///
    /// # Errors
    /// The file can't be read on.
    pub fn read(&mut self) -> Result<&[Vec<f32>; 2], JobError> {
        self.given.iter_mut().for_each(Vec::clear);
        while self.given[0].is_empty()
            && let Some(reader) = &mut self.reader
        {
            let num_frames = match reader.read(&mut self.block) {
                // A file that is shorter than its header says ends there.
                Err(ReadError::OutOfRange { .. } | ReadError::Empty) => 0,
                other => other?,
            };
            if num_frames == 0 {
                self.reader = None;
                if let Some(resampler) = &mut self.resampler {
                    resampler.flush(&mut self.given);
                }
                break;
            }
            let left = &self.block[0];
            let right = self.block.get(1).unwrap_or(left);
            match &mut self.resampler {
                Some(resampler) => resampler.push([left, right], &mut self.given),
                None => {
                    self.given[0].extend_from_slice(left);
                    self.given[1].extend_from_slice(right);
                }
            }
        }
        Ok(&self.given)
    }
}
