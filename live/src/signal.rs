//! What the two halves of an engine tell each other, and how one wakes the other.
//!
//! In real time the audio thread only writes and reads atomics here. Offline it waits for the stems, and whoever
//! drops the engine waits for the inference thread.
//!
//! Flags are stored with release and loaded with acquire: who sees one sees what was written before it. A
//! thread that waits here looks again every [`RECHECK`], so a wake-up that comes too early or gets lost costs
//! 10 ms and nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

/// Longest sleep of a thread that waits for the other, should it have missed a signal.
const RECHECK: Duration = Duration::from_millis(10);

/// Stops a running inference; called from any thread but the audio thread, at any time.
pub type Terminate = Arc<dyn Fn() + Send + Sync>;

/// What both halves share, besides the lanes.
#[derive(Default)]
pub(crate) struct Signal {
    /// The audio side's present epoch: the worker skips what is older.
    epoch: AtomicU64,
    /// Frames of the mix lane that the worker is done with; their stems are in the stem lane.
    done_frames: AtomicU64,
    /// Whether the audio thread may wait.
    is_offline: AtomicBool,
    /// Whether the worker is to end; never taken back.
    is_stopping: AtomicBool,
    /// Whether the worker has ended, by itself or by a panic.
    is_finished: AtomicBool,
    /// The loader has returned.
    has_loaded: AtomicBool,
    /// Never locked by the audio thread.
    terminate: Mutex<Option<Terminate>>,
    /// Locked by the audio thread while it waits offline, never in real time.
    turn: Mutex<()>,
    /// Told whenever something may have changed that the audio thread waits for.
    turn_changed: Condvar,
    /// The inference thread, once it runs.
    worker: OnceLock<Thread>,
}

impl Signal {
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// From now on older frames are skipped. For the audio thread.
    pub(crate) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Frames of the mix lane that the worker has done with since the lane exists.
    pub(crate) fn done_frames(&self) -> u64 {
        self.done_frames.load(Ordering::Acquire)
    }

    /// For the worker; wakes who waits for it.
    pub(crate) fn set_done_frames(&self, frames: u64) {
        if self.done_frames.swap(frames, Ordering::AcqRel) != frames {
            self.changed();
        }
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.is_offline.load(Ordering::Acquire)
    }

    pub(crate) fn set_offline(&self, is_offline: bool) {
        self.is_offline.store(is_offline, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    pub(crate) fn has_loaded(&self) -> bool {
        self.has_loaded.load(Ordering::Acquire)
    }

    pub(crate) fn set_loaded(&self) {
        self.has_loaded.store(true, Ordering::Release);
    }

    /// Says whom [`Signal::wake_worker`] wakes.
    pub(crate) fn set_worker(&self, thread: Thread) {
        // A second worker does not exist; should one, the first keeps the name.
        let _ = self.worker.set(thread);
    }

    /// Says what ends a running inference.
    pub(crate) fn set_terminate(&self, terminate: Option<Terminate>) {
        *lock(&self.terminate) = terminate;
    }

    /// Tells the worker to end, in the middle of an inference too.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        let terminate = lock(&self.terminate).clone();
        if let Some(terminate) = terminate {
            terminate();
        }
        self.wake_worker();
        self.changed();
    }

    /// The worker has ended; wakes who waits for it.
    pub(crate) fn set_finished(&self) {
        self.is_finished.store(true, Ordering::Release);
        drop(lock(&self.turn));
        self.turn_changed.notify_all();
    }

    /// Ends the worker's nap. A system call: not for real time.
    pub(crate) fn wake_worker(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    /// Sleeps until `is_done`, or `limit` is over; true when done. Not for real time.
    pub(crate) fn wait_until(&self, limit: Duration, is_done: impl Fn() -> bool) -> bool {
        let mut slept = Duration::ZERO;
        let mut turn = lock(&self.turn);
        while !is_done() {
            if slept >= limit {
                return false;
            }
            let started = std::time::Instant::now();
            turn = self
                .turn_changed
                .wait_timeout(turn, RECHECK.min(limit))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            slept += started.elapsed();
        }
        true
    }

    /// Wakes the audio thread if it waits, which it does offline only.
    pub(crate) fn changed(&self) {
        if self.is_offline() {
            // The lock makes sure that whoever checked before is asleep by now.
            drop(lock(&self.turn));
            self.turn_changed.notify_all();
        }
    }
}

/// What these mutexes guard is whole after any panic: a unit, or a value replaced at once.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
