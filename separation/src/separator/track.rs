//! What is known of a mix before its first frame: of a file all, of a live signal nothing.
//!
//! Some networks were trained on songs that were brought to mean 0 and deviation 1 as a whole
//! ([`crate::Separator::wants_track`]), so a job for files listens to a song once before it separates it.

/// Facts about a whole mix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Track {
    /// Its length.
    pub num_frames: u64,
    /// How loud it is; none where nobody listened to it before, as for a stem that is split further.
    pub loudness: Option<Statistics>,
}

/// Of the mean of both channels.
///
/// # Units
/// Full scale is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Its mean.
    pub mean: f32,
    /// Its standard deviation, with n − 1. Never below −140 dB; of silence it is 1.
    pub deviation: f32,
}

/// Deviation below which audio is silence that must not be blown up: −140 dB.
const SILENCE: f64 = 1e-7;

/// Measures a mix that comes block by block.
///
/// # Example
/// ```
/// use unweave_separation::Measuring;
///
/// let mut measuring = Measuring::default();
/// measuring.add([&[1.0, 0.0], &[0.0, -1.0]]);
/// let track = measuring.track();
/// assert_eq!(track.num_frames, 2);
/// // The mono mix is 0.5, −0.5.
/// let loudness = track.loudness.expect("it was measured");
/// assert_eq!((loudness.mean, loudness.deviation), (0.0, 0.5_f32.sqrt()));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Measuring {
    /// How many were added.
    num_frames: u64,
    /// Of the mono mix so far.
    mean: f64,
    /// Σ (x − mean)²
    spread: f64,
}

impl Measuring {
    /// Adds a block. NaN and infinity count as 0, as [`crate::Stream`] takes them.
    ///
    /// # Shape
    /// `mix` is `[channel][frame]`.
    pub fn add(&mut self, mix: [&[f32]; 2]) {
        for (left, right) in mix[0].iter().zip(mix[1]) {
            let finite = |x: &f32| if x.is_finite() { f64::from(*x) } else { 0.0 };
            let x = (finite(left) + finite(right)) / 2.0;
            // Welford 1962: no sum of squares that swallows small deviations from a large mean.
            self.num_frames += 1;
            #[expect(
                clippy::cast_precision_loss,
                reason = "a song is far shorter than 2^53"
            )]
            let n = self.num_frames as f64;
            let from_old = x - self.mean;
            self.mean += from_old / n;
            self.spread += from_old * (x - self.mean);
        }
    }

    /// What was measured.
    pub fn track(&self) -> Track {
        Track {
            num_frames: self.num_frames,
            loudness: Some(self.statistics()),
        }
    }

    /// Mean and deviation; of silence 0 and 1.
    pub(crate) fn statistics(&self) -> Statistics {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a song is far shorter than 2^53"
        )]
        let others = (self.num_frames.max(2) - 1) as f64;
        let deviation = (self.spread / others).sqrt();
        if deviation < SILENCE {
            return Statistics {
                mean: 0.0,
                deviation: 1.0,
            };
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "back to the audio's own type"
        )]
        let (mean, deviation) = (self.mean as f32, deviation as f32);
        Statistics { mean, deviation }
    }
}
