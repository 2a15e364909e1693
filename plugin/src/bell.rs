//! Tells an open window that there is something new to draw, and only while it waits for that.
//!
//! While something moves, the window draws at its own pace; a request for every block would draw it at the pace at
//! which it listens, which is faster than a screen without a graphics card can be drawn for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rung by any thread, heard by the window.
#[derive(Clone)]
pub struct Bell {
    is_rung: Arc<AtomicBool>,
    is_wanted: Arc<AtomicBool>,
}

impl Default for Bell {
    fn default() -> Self {
        Self {
            is_rung: Arc::new(AtomicBool::new(true)),
            is_wanted: Arc::new(AtomicBool::new(true)),
        }
    }
}

impl Bell {
    /// Makes the window draw, if it sleeps.
    ///
    /// # Realtime safety
    /// Two atomics.
    pub fn ring(&self) {
        if self.is_wanted.swap(false, Ordering::AcqRel) {
            self.wake_now();
        }
    }

    /// Makes the window draw, whatever it does: for what happens seldom.
    pub fn wake_now(&self) {
        self.is_rung.store(true, Ordering::Release);
    }

    /// Whether the window wants to be woken from now on.
    pub fn listen(&self, is_wanted: bool) {
        self.is_wanted.store(is_wanted, Ordering::Release);
    }

    /// Whether it was rung since the last time; for the window.
    pub fn answer(&self) -> bool {
        self.is_rung.swap(false, Ordering::AcqRel)
    }
}
