//! Whoever asked for a job is told how far it is, how fast it goes and how long it will take, and may stop it.

use std::time::{Duration, Instant};

use super::JobError;
use crate::runtime::Terminator;

/// Share of the time that separating takes, for a fraction that moves evenly. Measured with the built-in model
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

/// Whoever asked for the job.
pub(super) struct Caller<'a> {
    /// Of the song, in Hz.
    sample_rate: u32,
    start: Instant,
    /// What was told last, 0 to 1.
    fraction: f64,
    /// Frames that came in from the song.
    separated_frames: u64,
    /// How long separating took so far.
    separating: Duration,
    /// Told on the job's own thread.
    on_progress: &'a mut dyn FnMut(Progress),
    cancel: &'a Terminator,
}

impl<'a> Caller<'a> {
    /// The time that speed is measured by begins now.
    pub(super) fn new(
        sample_rate: u32,
        on_progress: &'a mut dyn FnMut(Progress),
        cancel: &'a Terminator,
    ) -> Self {
        Self {
            sample_rate,
            start: Instant::now(),
            fraction: 0.0,
            separated_frames: 0,
            separating: Duration::ZERO,
            on_progress,
            cancel,
        }
    }

    /// An error once the job is to be stopped.
    pub(super) fn may_go_on(&self) -> Result<(), JobError> {
        if self.cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        Ok(())
    }

    /// What stops the job.
    pub(super) fn cancel(&self) -> &Terminator {
        self.cancel
    }

    /// `fraction` of the song is separated, which is that many frames.
    pub(super) fn separated(&mut self, fraction: f64, num_frames: u64) {
        self.separated_frames = num_frames;
        self.separating = self.start.elapsed();
        self.tell(fraction * SEPARATING_SHARE);
    }

    /// `fraction` of the files is written.
    pub(super) fn written(&mut self, fraction: f64) {
        self.tell(SEPARATING_SHARE + fraction * (1.0 - SEPARATING_SHARE) / 2.0);
    }

    /// All files are written and read back.
    pub(super) fn finish(&mut self) {
        self.tell(1.0);
    }

    /// Tells how far the job is; a fraction that would fall stays.
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
