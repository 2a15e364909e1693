//! How far a job is, how fast it goes, how long it will take.

use std::time::{Duration, Instant};

/// Share of the time that pass 1 takes, for a fraction that moves evenly. Measured with the built-in model
/// and WAV files on two cores; other models and formats only make the last part faster or slower.
const SEPARATING_SHARE: f64 = 0.85;

/// A look at a running job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// How much is done, 0 to 1; never falls.
    pub fraction: f64,
    /// Seconds of audio separated per second of time so far.
    pub speed: f64,
    /// How long the rest will take at the pace so far.
    pub remaining: Duration,
}

/// Turns positions into [`Progress`].
pub(super) struct Meter<'a> {
    sample_rate: u32,
    start: Instant,
    fraction: f64,
    separated_frames: u64,
    separating: Duration,
    on_progress: &'a mut dyn FnMut(Progress),
}

impl<'a> Meter<'a> {
    pub(super) fn new(sample_rate: u32, on_progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            sample_rate,
            start: Instant::now(),
            fraction: 0.0,
            separated_frames: 0,
            separating: Duration::ZERO,
            on_progress,
        }
    }

    /// `fraction` of pass 1 is done, which is that many frames.
    pub(super) fn separated(&mut self, fraction: f64, num_frames: u64) {
        self.separated_frames = num_frames;
        self.separating = self.start.elapsed();
        self.tell(fraction * SEPARATING_SHARE);
    }

    /// `fraction` of pass 2 is done.
    pub(super) fn written(&mut self, fraction: f64) {
        self.tell(SEPARATING_SHARE + fraction * (1.0 - SEPARATING_SHARE) / 2.0);
    }

    pub(super) fn finish(&mut self) {
        self.tell(1.0);
    }

    fn tell(&mut self, fraction: f64) {
        self.fraction = self.fraction.max(fraction);
        let elapsed = self.start.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "a speed for people")]
        let audio_seconds = self.separated_frames as f64 / f64::from(self.sample_rate);
        let rest = (1.0 - self.fraction) / self.fraction.max(1e-3);
        (self.on_progress)(Progress {
            fraction: self.fraction,
            speed: audio_seconds / self.separating.as_secs_f64().max(1e-3),
            remaining: elapsed.mul_f64(rest),
        });
    }
}
