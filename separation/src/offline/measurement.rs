//! Peak, loudness and checksum of a file, for its report.
//!
//! Loudness is integrated loudness after ITU-R BS.1770 and EBU R 128, by the crate ebur128. Peak is the largest
//! sample, not a true peak between samples. The checksum is of samples and not of the file, so that tags may
//! change.

use ebur128::{Channel, EbuR128, Mode};
use sha2::{Digest, Sha256};

use crate::audio::channels::Layout;
use crate::audio::write::{BitDepth, Samples, WriteError};
use crate::delivery::verify::hash_block;
use crate::files::checksum::hex;

/// What is known of a file so far, from the samples that were given to its encoder.
pub(super) struct Measurement {
    /// What integers are divided by; 1 for floats.
    full_scale: f64,
    /// Largest magnitude so far, full scale being 1.
    peak: f64,
    /// The meter, with a weight per channel.
    loudness: EbuR128,
    hash: Sha256,
    /// The last block as floats, `[channel][frame]`.
    planes: Vec<Vec<f32>>,
}

/// The results for a whole file.
pub(super) struct Measured {
    /// In dB of full scale; none for silence.
    pub peak_dbfs: Option<f64>,
    /// In LUFS; none if nothing passes the gate.
    pub loudness_lufs: Option<f64>,
    /// See [`crate::delivery::report::FileReport::samples_sha256`].
    pub samples_sha256: String,
}

impl Measurement {
    /// For a file of this layout and rate, in Hz.
    ///
    /// # Errors
    /// The meter doesn't take them.
    pub(super) fn new(
        layout: &Layout,
        sample_rate: u32,
        depth: BitDepth,
    ) -> Result<Self, WriteError> {
        let num_channels = layout.num_channels();
        let channels = u32::try_from(num_channels).unwrap_or(u32::MAX);
        let mut loudness = EbuR128::new(channels, sample_rate, Mode::I).map_err(failed)?;
        let map: Vec<Channel> = layout
            .positions()
            .iter()
            .map(|&p| weight(p, num_channels))
            .collect();
        loudness.set_channel_map(&map).map_err(failed)?;
        Ok(Self {
            full_scale: depth.full_scale(),
            peak: 0.0,
            loudness,
            hash: Sha256::new(),
            planes: vec![Vec::new(); num_channels],
        })
    }

    /// The next block, `[channel][frame]`.
    ///
    /// # Errors
    /// The meter fails.
    pub(super) fn add(&mut self, samples: Samples<'_>) -> Result<(), WriteError> {
        match samples {
            Samples::Integer(channels) => {
                let planes: Vec<&[i32]> = channels.iter().map(Vec::as_slice).collect();
                hash_block(&mut self.hash, &planes, i32::to_le_bytes);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a power of two is exact in f32"
                )]
                let scale = 1.0 / self.full_scale as f32;
                for (plane, channel) in self.planes.iter_mut().zip(channels) {
                    plane.clear();
                    #[expect(
                        clippy::cast_precision_loss,
                        reason = "24-bit integers are exact in f32"
                    )]
                    plane.extend(channel.iter().map(|&sample| sample as f32 * scale));
                }
            }
            Samples::Float(channels) => {
                let planes: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
                hash_block(&mut self.hash, &planes, f32::to_le_bytes);
                for (plane, channel) in self.planes.iter_mut().zip(channels) {
                    plane.clear();
                    plane.extend_from_slice(channel);
                }
            }
        }
        let peak = self
            .planes
            .iter()
            .flatten()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        self.peak = self.peak.max(peak.into());
        let planes: Vec<&[f32]> = self.planes.iter().map(Vec::as_slice).collect();
        self.loudness.add_frames_planar_f32(&planes).map_err(failed)
    }

    /// What came of the whole file.
    pub(super) fn finish(self) -> Measured {
        let is_silent = self.peak == 0.0;
        Measured {
            peak_dbfs: (!is_silent).then(|| 20.0 * self.peak.log10()),
            // Minus infinity where nothing passes the gate.
            loudness_lufs: self
                .loudness
                .loudness_global()
                .ok()
                .filter(|lufs| lufs.is_finite()),
            samples_sha256: hex(&self.hash.finalize()),
        }
    }
}

/// How EBU R 128 weighs a position: surrounds count more, the low-frequency channel not at all.
fn weight(position: Option<u8>, num_channels: usize) -> Channel {
    match (position, num_channels) {
        // Mono is measured as it stands, not as two loudspeakers.
        (_, 1) => Channel::Center,
        (Some(0), _) => Channel::Left,
        (Some(1), _) => Channel::Right,
        (Some(2), _) => Channel::Center,
        (Some(3), _) => Channel::Unused,
        (Some(4 | 9), _) => Channel::LeftSurround,
        (Some(5 | 10), _) => Channel::RightSurround,
        _ => Channel::Center,
    }
}

fn failed(error: ebur128::Error) -> WriteError {
    WriteError::Encoder(format!("the loudness meter: {error}"))
}
