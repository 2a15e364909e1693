//! A clock that tests can control.
//!
//! The worker asks no other clock, so tests with one of their own decide how long an inference takes.

use std::time::{Duration, Instant};

/// Tells the worker how long an inference took, and lets it rest.
pub trait Clock: Send {
    /// Time since an arbitrary but fixed moment.
    fn now(&self) -> Duration;

    /// Lets time pass on the calling thread: this much, or less if it is unparked.
    fn sleep(&self, time: Duration);
}

/// The system's monotonic clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::park_timeout(time);
    }
}
