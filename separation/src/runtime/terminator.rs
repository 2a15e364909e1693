//! Stopping inferences from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ort::session::RunOptions;

/// Stops whatever the separators it was given to are computing, from any thread, for good.
///
/// Clones are the same terminator. One is made before a model is loaded
/// ([`crate::Terminator`]), so loading can be stopped too. What was stopped returns
/// [`crate::Error::Terminated`], within the time of one operation of the graph, and so does everything
/// after it: a terminator has no way back, so that no stop is ever lost.
#[derive(Debug, Clone, Default)]
pub struct Terminator(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_stopped: AtomicBool,
    /// What the sessions run with.
    runs: Mutex<Vec<Weak<RunOptions>>>,
}

impl Terminator {
    /// One that has not stopped anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops. Waits for nothing but another call of this.
    pub fn terminate(&self) {
        self.0.is_stopped.store(true, Ordering::SeqCst);
        let runs = self.0.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for run in runs.iter().filter_map(Weak::upgrade) {
            // The runtime only sets a flag here, which cannot fail; the flag above is looked at as well.
            let _ = run.terminate();
        }
    }

    /// Whether [`Terminator::terminate`] was called.
    pub fn is_terminated(&self) -> bool {
        self.0.is_stopped.load(Ordering::SeqCst)
    }

    /// Lets `run` be stopped from now on.
    pub(super) fn watch(&self, run: &Arc<RunOptions>) {
        let mut runs = self.0.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|run| run.strong_count() > 0);
        runs.push(Arc::downgrade(run));
        if self.is_terminated() {
            let _ = run.terminate();
        }
    }
}
