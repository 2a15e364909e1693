//! How often the window is drawn while something moves.
//!
//! A graphics card draws every frame of the screen. Where the processor draws, each frame costs as much as the
//! separation of many hops, so there are fewer of them; what the pointer does still shows at once, because each
//! of its events is drawn by itself.

use std::time::Duration;

/// Frames per second of most screens.
const FULL_RATE: f64 = 60.0;
/// Where the processor draws: less than a twentieth of a core. BENCHMARKS.md has what a frame costs.
const SOFTWARE_RATE: f64 = 30.0;
/// A frame that comes this much too early, in seconds, is in time: screens and timers have rhythms of their own.
const TOLERANCE: f64 = 0.004;

/// Frames at a steady distance, whatever else is drawn in between.
#[derive(Debug)]
pub struct Tempo {
    interval: f64,
    /// Time of the next frame.
    due: f64,
}

impl Default for Tempo {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Tempo {
    /// The pace of a graphics card, or of the processor.
    pub fn new(is_software: bool) -> Self {
        let rate = if is_software {
            SOFTWARE_RATE
        } else {
            FULL_RATE
        };
        Self {
            interval: 1.0 / rate,
            due: 0.0,
        }
    }

    /// How long after `now`, in seconds since any start, the next frame is due.
    ///
    /// Every frame has to ask for the next: one that came in between, for the pointer's sake, asks for the same.
    /// If it began a rhythm of its own, a moved pointer would leave many that go on side by side.
    pub fn until_next(&mut self, now: f64) -> Duration {
        if now + TOLERANCE >= self.due {
            let next = self.due + self.interval;
            // After a pause there is nothing to catch up with.
            self.due = if next > now {
                next
            } else {
                now + self.interval
            };
        }
        Duration::from_secs_f64((self.due - now).clamp(0.0, self.interval + TOLERANCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_keep_their_distance_however_many_are_drawn_in_between() {
        for (is_software, expected) in [(false, 600usize), (true, 300)] {
            let mut tempo = Tempo::new(is_software);
            // Each frame asks for a timer; a pointer that moves a hundred times a second draws in between.
            let mut timers = vec![0.0];
            let mut now = 0.0;
            let mut num_due: usize = 0;
            while now < 10.0 {
                let due = tempo.due;
                if now + TOLERANCE >= due {
                    num_due += 1;
                }
                timers.retain(|timer| *timer > now);
                timers.push(now + tempo.until_next(now).as_secs_f64());
                let next = timers.iter().copied().fold(f64::INFINITY, f64::min);
                now = next.min(now + 0.01);
            }
            assert!(num_due.abs_diff(expected) <= 2, "{num_due}");
        }
    }

    #[test]
    fn after_a_pause_nothing_is_caught_up_with() {
        let mut tempo = Tempo::new(false);
        tempo.until_next(0.0);
        let next = tempo.until_next(100.0);
        assert!(
            (next.as_secs_f64() - 1.0 / FULL_RATE).abs() < 1e-9,
            "{next:?}"
        );
        assert!(tempo.until_next(100.001) < next);
    }
}
