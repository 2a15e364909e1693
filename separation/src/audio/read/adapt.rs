//! Parts of one file that differ in sample rate or channel count become one.
//!
//! The song has one rate and one number of channels, those that [`super::joined`] and [`super::mpeg`] decided
//! on; a part that differs is converted on its way.

use super::ReadError;
use crate::audio::resample::{Resampler, SAMPLE_RATES};

/// Gives every part at the rate and with the channels of the whole.
pub(super) struct Adapter {
    /// Of the whole, in Hz.
    sample_rate: u32,
    /// Of the whole.
    num_channels: usize,
    /// Converts the present part, where its rate is another.
    resampler: Option<Resampler>,
}

impl Adapter {
    /// For a whole of this rate, in Hz, and this many channels.
    pub(super) fn new(sample_rate: u32, num_channels: usize) -> Self {
        Self {
            sample_rate,
            num_channels,
            resampler: None,
        }
    }

    /// Frames that a part becomes. `⌈n · whole's rate / part's rate⌉`, as [`Resampler::flush`] makes them.
    pub(super) fn num_frames(&self, part_frames: u64, part_rate: u32) -> u64 {
        (part_frames * u64::from(self.sample_rate)).div_ceil(part_rate.max(1).into())
    }

    /// Replaces frames of a part by what they become; mono sounds on both sides.
    ///
    /// Frames of another rate come late by the converter's delay, the last with [`Adapter::end_part`].
    ///
    /// # Shape
    /// `planes` is `[channel][frame]`, before as the part is, afterwards as the whole.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] if that would take more than doubling mono, or the rate is out of range.
    pub(super) fn push(&mut self, planes: &mut Vec<Vec<f32>>, rate: u32) -> Result<(), ReadError> {
        if planes.len() != self.num_channels {
            let (1, Some(mono)) = (planes.len(), planes.first().cloned()) else {
                return Err(ReadError::Unsupported(format!(
                    "a file whose parts have {} and {} channels",
                    self.num_channels,
                    planes.len()
                )));
            };
            planes.resize(self.num_channels, mono);
        }
        if rate == self.sample_rate {
            return Ok(());
        }
        if self.num_channels > 2 {
            let what = "a file with more than two channels whose sample rate changes";
            return Err(ReadError::Unsupported(what.into()));
        }
        let resampler = match &mut self.resampler {
            Some(resampler) => resampler,
            none => none.insert(Resampler::new(rate, self.sample_rate).map_err(|_| {
                ReadError::Unsupported(format!(
                    "a change of the sample rate within the file, from {} to {rate} Hz (from {} to {} Hz is possible),",
                    self.sample_rate,
                    SAMPLE_RATES.start(),
                    SAMPLE_RATES.end()
                ))
            })?),
        };
        let mut out = [Vec::new(), Vec::new()];
        resampler.push([&planes[0], &planes[self.num_channels - 1]], &mut out);
        *planes = out.into_iter().take(self.num_channels).collect();
        Ok(())
    }

    /// The last frames of a part that was converted. `[channel][frame]`; none if nothing was converted.
    pub(super) fn end_part(&mut self) -> Option<Vec<Vec<f32>>> {
        let mut resampler = self.resampler.take()?;
        let mut out = [Vec::new(), Vec::new()];
        resampler.flush(&mut out);
        Some(out.into_iter().take(self.num_channels).collect())
    }
}
