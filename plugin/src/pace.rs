//! Tells from the clock that a host renders, where the framework does not.
//!
//! nice-plug 0.4.2 hands VST3's process mode on one `setupProcessing` late, so a host that renders
//! straight after loading a plug-in is taken for real time, where nothing waits and late stems are
//! missing. But a host that hands over audio faster than time passes is no sound card: waiting for a
//! stem then costs it nothing that anybody hears.

use std::time::{Duration, Instant};

/// Share by which passing time counts for more, so that neither a sound card whose clock runs fast
/// against the computer's (by 0.1 ‰ or less) nor the plug-in's own time (1 %) looks like rendering.
const FORGIVEN: f64 = 0.05;

/// How far the audio handed over is ahead of the time that the host has let pass.
///
/// Time inside the plug-in doesn't count: while rendering, that is time waited for stems.
#[derive(Debug, Clone)]
pub struct Pace {
    sample_rate: f64,
    /// Lead up to which this may be a sound card: bursts, and hosts that render a little ahead.
    allowance: Duration,
    lead: Duration,
    /// When the plug-in returned to the host.
    returned: Option<Instant>,
}

impl Pace {
    /// `allowance` is shorter than the latency, so that rendering is noticed before stems are due.
    pub fn new(sample_rate: f32, allowance: Duration) -> Self {
        Self {
            sample_rate: f64::from(sample_rate),
            allowance,
            lead: Duration::ZERO,
            returned: None,
        }
    }

    /// Playing starts anew.
    pub fn reset(&mut self) {
        self.lead = Duration::ZERO;
        self.returned = None;
    }

    /// The host calls at `now` with a block; true while it renders.
    pub fn is_rendering(&mut self, num_frames: usize, now: Instant) -> bool {
        if let Some(returned) = self.returned {
            let passed = now.saturating_duration_since(returned);
            self.lead = self.lead.saturating_sub(passed.mul_f64(1.0 + FORGIVEN));
        }
        let is_rendering = self.lead > self.allowance;
        // Block lengths are far below 2^53. The limit is what must pass before it is real time again.
        self.lead += Duration::from_secs_f64(num_frames as f64 / self.sample_rate);
        self.lead = self.lead.min(2 * self.allowance);
        is_rendering
    }

    /// The plug-in returns to the host at `now`.
    pub fn returns(&mut self, now: Instant) {
        self.returned = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Duration = Duration::from_millis(100);
    const BLOCK: Duration = Duration::from_micros(10_667);

    /// Ten minutes of 512 frames at 48 kHz from a host that lets `outside` pass between blocks, while
    /// the plug-in takes `inside`; how many blocks were taken for rendering.
    fn rendering_blocks(outside: Duration, inside: Duration) -> usize {
        let mut pace = Pace::new(48_000.0, ALLOWANCE);
        let mut now = Instant::now();
        (0..56_250)
            .filter(|_| {
                now += outside;
                let is_rendering = pace.is_rendering(512, now);
                now += inside;
                pace.returns(now);
                is_rendering
            })
            .count()
    }

    #[test]
    fn a_sound_card_never_looks_like_rendering_even_if_its_clock_is_fast() {
        for speed in [0.5, 1.0, 1.0001, 1.005] {
            let inside = BLOCK.mul_f64(0.01);
            let outside = BLOCK.mul_f64(1.0 / speed) - inside;
            assert_eq!(rendering_blocks(outside, inside), 0, "{speed}");
        }
    }

    #[test]
    fn rendering_is_noticed_and_stays_noticed_however_long_stems_are_waited_for() {
        for speed in [1.2, 2.0, 100.0] {
            for inside in [Duration::ZERO, BLOCK / 2, 10 * BLOCK] {
                let noticed = rendering_blocks(BLOCK.mul_f64(1.0 / speed), inside);
                assert!(noticed > 56_250 - 120, "{speed}, {inside:?}: {noticed}");
            }
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
                pace.returns(at);
            }
        }
    }

    #[test]
    fn rendering_is_noticed_once_the_allowance_is_used_up_and_forgotten_when_time_passes() {
        let mut pace = Pace::new(48_000.0, ALLOWANCE);
        let now = Instant::now();
        pace.returns(now);
        // 480 frames are 10 ms: the lead passes 100 ms with the eleventh.
        let blocks = (0..).take_while(|_| !pace.is_rendering(480, now)).count();
        assert_eq!(blocks, 11);
        assert!(!pace.clone().is_rendering(480, now + 2 * ALLOWANCE));
        pace.reset();
        assert!(!pace.is_rendering(480, now));
    }
}
