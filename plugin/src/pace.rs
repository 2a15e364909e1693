//! Tells from the clock that a host renders, where the framework does not.
//!
//! nice-plug 0.4.2 hands VST3's process mode on one `setupProcessing` late, so a host that renders
//! straight after loading a plug-in is taken for real time, where nothing waits and late stems are
//! missing. But a host that hands over audio faster than time passes is no sound card: waiting for a
//! stem then costs it nothing that anybody hears.

use std::time::{Duration, Instant};

/// Share of the lead that is forgiven as time passes, so that a sound card whose clock runs fast
/// against the computer's (by 0.1 ‰ or less) never looks like rendering.
const FORGIVEN: f64 = 0.01;

/// How far the audio handed over is ahead of the clock.
#[derive(Debug, Clone)]
pub struct Pace {
    sample_rate: f64,
    /// Lead up to which this may be a sound card: bursts, and hosts that render a little ahead.
    allowance: Duration,
    lead: Duration,
    last: Option<Instant>,
}

impl Pace {
    /// `allowance` is shorter than the latency, so that rendering is noticed before stems are due.
    pub fn new(sample_rate: f32, allowance: Duration) -> Self {
        Self {
            sample_rate: f64::from(sample_rate),
            allowance,
            lead: Duration::ZERO,
            last: None,
        }
    }

    /// Playing starts anew.
    pub fn reset(&mut self) {
        self.lead = Duration::ZERO;
        self.last = None;
    }

    /// Counts a block that was handed over at `now`; true while the host is ahead of real time.
    pub fn is_rendering(&mut self, num_frames: usize, now: Instant) -> bool {
        if let Some(last) = self.last {
            let passed = now.saturating_duration_since(last).mul_f64(1.0 + FORGIVEN);
            self.lead = self.lead.saturating_sub(passed);
        }
        self.last = Some(now);
        let is_rendering = self.lead > self.allowance;
        // Block lengths are far below 2^53.
        self.lead += Duration::from_secs_f64(num_frames as f64 / self.sample_rate);
        is_rendering
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Duration = Duration::from_millis(100);

    /// Blocks of 512 frames at 48 kHz that come at `speed` times real time, for ten minutes.
    fn is_ever_rendering(speed: f64) -> bool {
        let mut pace = Pace::new(48_000.0, ALLOWANCE);
        let start = Instant::now();
        (0..56_250).any(|block| {
            let time = f64::from(block) * 512.0 / 48_000.0 / speed;
            pace.is_rendering(512, start + Duration::from_secs_f64(time))
        })
    }

    #[test]
    fn a_sound_card_never_looks_like_rendering_even_if_its_clock_is_fast() {
        for speed in [0.5, 1.0, 1.0001, 1.005] {
            assert!(!is_ever_rendering(speed), "{speed}");
        }
    }

    #[test]
    fn rendering_is_noticed_at_any_speed_that_matters() {
        for speed in [1.05, 2.0, 100.0] {
            assert!(is_ever_rendering(speed), "{speed}");
        }
    }

    #[test]
    fn bursts_and_interruptions_of_a_sound_card_are_no_rendering() {
        let mut pace = Pace::new(48_000.0, ALLOWANCE);
        let start = Instant::now();
        for burst in 0..1000u32 {
            // Four blocks of 21 ms at once, every 85.3 ms; now and then the host sleeps for a second.
            let at = start
                + Duration::from_micros(85_333) * burst
                + Duration::from_secs((burst / 100).into());
            for _ in 0..4 {
                assert!(!pace.is_rendering(1024, at), "burst {burst}");
            }
        }
    }

    #[test]
    fn rendering_is_noticed_once_the_allowance_is_used_up_and_forgotten_on_reset() {
        let mut pace = Pace::new(48_000.0, ALLOWANCE);
        let now = Instant::now();
        let blocks = (0..).take_while(|_| !pace.is_rendering(480, now)).count();
        // 480 frames are 10 ms: the lead passes 100 ms with the eleventh.
        assert_eq!(blocks, 11);
        pace.reset();
        assert!(!pace.is_rendering(480, now));
    }
}
