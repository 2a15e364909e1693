//! How the engine is doing, for whoever looks at it: atomics, and text for the editor.
//!
//! Written by the inference thread, but for the late hops and the block length, which are the audio thread's.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::signal::{Signal, lock};

/// Why there are no stems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Fault {
    /// No model is chosen or installed.
    NoModel = 2,
    /// The model is damaged or not of a kind that runs live.
    BadModel = 3,
    /// The inference runtime is missing or broken.
    NoRuntime = 4,
    /// The model doesn't have the timing or the stems that the latency was planned for.
    Mismatch = 5,
    /// The machine needs longer for an inference than the plan allows.
    TooSlow = 6,
    /// Inference failed many times in a row.
    Inference = 7,
    /// A bug ended the inference thread.
    Panicked = 8,
    /// Models can't run at the host's sample rate.
    Rate = 9,
}

/// What the inference thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Loads, verifies and warms up the model. The output is dry.
    Loading,
    /// Separates.
    Running,
    /// Doesn't separate; the output stays dry.
    Refused(Fault),
}

impl State {
    /// Of [`State::Loading`]; faults have their own numbers.
    const LOADING: u8 = 0;
    /// Of [`State::Running`].
    const RUNNING: u8 = 1;

    /// The state as one byte, so that it can be an atomic.
    fn code(self) -> u8 {
        match self {
            Self::Loading => Self::LOADING,
            Self::Running => Self::RUNNING,
            Self::Refused(fault) => fault as u8,
        }
    }

    /// The state of a byte; what no state has means a bug.
    fn from_code(code: u8) -> Self {
        use Fault::{BadModel, Inference, Mismatch, NoModel, NoRuntime, Panicked, Rate, TooSlow};
        let all = [
            NoModel, BadModel, NoRuntime, Mismatch, TooSlow, Inference, Panicked, Rate,
        ];
        match code {
            Self::LOADING => Self::Loading,
            Self::RUNNING => Self::Running,
            _ => Self::Refused(
                all.into_iter()
                    .find(|fault| *fault as u8 == code)
                    .unwrap_or(Panicked),
            ),
        }
    }
}

/// How the engine is doing. Any thread may ask; nothing here waits, except [`Status::reason`].
#[derive(Default)]
pub struct Status {
    /// As [`State::code`].
    state: AtomicU8,
    /// Since the start.
    late_hops: AtomicU64,
    /// Since the start.
    failed_hops: AtomicU64,
    /// 1000 is all of a core.
    load_permille: AtomicU32,
    /// In microseconds.
    inference_us: AtomicU64,
    /// Longest block that the host has handed over.
    block_frames: AtomicUsize,
    /// Never locked by the audio thread.
    reason: Mutex<Option<String>>,
    pub(crate) signal: Signal,
}

impl Status {
    /// What the inference thread is doing.
    pub fn state(&self) -> State {
        State::from_code(self.state.load(Ordering::Acquire))
    }

    /// Why there are no stems, in the words of whoever refused. Not for the audio thread.
    pub fn reason(&self) -> Option<String> {
        lock(&self.reason).clone()
    }

    /// Hops that were not there when they were due, since the start: too late, or lost to a failed
    /// inference. In their place the output was dry.
    pub fn late_hops(&self) -> u64 {
        self.late_hops.load(Ordering::Relaxed)
    }

    /// Inferences that failed or returned something that is not a number, since the start.
    pub fn failed_hops(&self) -> u64 {
        self.failed_hops.load(Ordering::Relaxed)
    }

    /// Time for the inferences of late over the time that they may take, 1 being all of a core.
    pub fn load(&self) -> f32 {
        let permille = self.load_permille.load(Ordering::Relaxed);
        f32::from(u16::try_from(permille).unwrap_or(u16::MAX)) / 1000.0
    }

    /// T as measured on loading: what one inference usually takes. Zero before.
    pub fn inference_time(&self) -> Duration {
        Duration::from_micros(self.inference_us.load(Ordering::Relaxed))
    }

    pub(crate) fn set_state(&self, state: State, reason: Option<String>) {
        *lock(&self.reason) = reason;
        self.state.store(state.code(), Ordering::Release);
        self.signal.changed();
    }

    pub(crate) fn add_late_hops(&self, num_hops: u64) {
        self.late_hops.fetch_add(num_hops, Ordering::Relaxed);
    }

    pub(crate) fn add_failed_hop(&self) {
        self.failed_hops.fetch_add(1, Ordering::Relaxed);
    }

    /// One more hop's load; an eighth of it counts.
    pub(crate) fn note_load_permille(&self, permille: u32) {
        let old = u64::from(self.load_permille.load(Ordering::Relaxed));
        let new = (old * 7 + u64::from(permille)) / 8;
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        self.load_permille.store(new, Ordering::Relaxed);
    }

    pub(crate) fn set_inference_time(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.inference_us.store(micros, Ordering::Relaxed);
    }

    /// Longest block that the host has handed over.
    pub fn block_frames(&self) -> usize {
        self.block_frames.load(Ordering::Relaxed)
    }

    pub(crate) fn note_block(&self, num_frames: usize) {
        self.block_frames.fetch_max(num_frames, Ordering::Relaxed);
    }
}
