//! How long one inference takes on this machine.
//!
//! It decides whether a model may run live: the median of [`MEASURED_HOPS`] hops against the budget T of the
//! plan, by wall clock, as the budget is.

use std::time::Duration;

use unweave_separation::{Error, StemBlock, Stream, Timing};

use crate::clock::Clock;
use crate::status::Status;

/// Hops before the measurement: caches fill, the runtime allocates, and a window comes together.
const WARM_UP_HOPS: usize = 4;

/// Hops that are measured. An odd number has a middle.
const MEASURED_HOPS: usize = 9;

/// Measurements before a model is called too slow. When a session is loaded all instances load their
/// models at once, and each takes from the others what it measures; that passes.
const MAX_ATTEMPTS: u32 = 6;

/// Rest after the first attempt; each later one is as much longer.
const REST: Duration = Duration::from_millis(200);

/// A measurement of one inference, against what it may take.
pub(super) struct Trial<'a> {
    /// What times hops, and rests.
    pub(super) clock: &'a dyn Clock,
    /// Tells when the engine is stopping.
    pub(super) status: &'a Status,
    /// What one hop may take.
    pub(super) budget: Duration,
}

impl Trial<'_> {
    /// The time of a hop, the best of several attempts if the first are over budget.
    ///
    /// # Errors
    /// The model fails, or the engine is stopping.
    pub(super) fn run(&self, stream: &mut Stream) -> Result<Duration, Error> {
        let mut best = self.attempt(stream)?;
        for attempt_idx in 1..MAX_ATTEMPTS {
            if best <= self.budget {
                break;
            }
            self.clock.sleep(REST * attempt_idx);
            best = best.min(self.attempt(stream)?);
        }
        Ok(best)
    }

    /// Runs the model on noise and returns the median time of a hop: the scheduler may interrupt some
    /// of them.
    fn attempt(&self, stream: &mut Stream) -> Result<Duration, Error> {
        let Timing {
            window_frames,
            hop_frames,
            ..
        } = stream.timing();
        let num_warm_up = window_frames.div_ceil(hop_frames) + WARM_UP_HOPS;
        let mut stems = StemBlock::default();
        let mut seed = 1;
        let mut times = Vec::new();
        for hop_idx in 0..num_warm_up + MEASURED_HOPS {
            if self.status.signal.is_stopping() {
                return Err(Error::Inference {
                    reason: "stopped while it was measured".to_owned(),
                });
            }
            let noise: Vec<f32> = (0..hop_frames).map(|_| next_noise(&mut seed)).collect();
            let started = self.clock.now();
            stream.push([&noise, &noise], &mut stems)?;
            if hop_idx >= num_warm_up {
                times.push(self.clock.now().saturating_sub(started));
            }
        }
        stream.reset();
        times.sort_unstable();
        Ok(times[MEASURED_HOPS / 2])
    }
}

/// White noise at −20 dB full scale: silence is faster in some models and slower in others.
///
/// # Source
/// D. E. Knuth, "The Art of Computer Programming" vol. 2, 3.3.4: line 26 of the table of multipliers.
fn next_noise(seed: &mut u64) -> f32 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let [high, low, ..] = seed.to_be_bytes();
    f32::from(i16::from_be_bytes([high, low])) / f32::from(i16::MAX) * 0.1
}
