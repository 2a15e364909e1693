//! Frames that were asked for, and are drawn even if the system forgets.
//!
//! Under X11, baseview 0.4.2 asks the server to tell when the next frame of the screen is, one at a time, and draws then.
//! If it asks before the window is shown (a slow host has changed the size of its own window meanwhile), the server tells
//! nobody, and nothing would ever be drawn. So the window's timer looks whether a frame is late, and draws it itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use baseview::WindowWaker;

/// No frame has been asked for.
const NEVER: u64 = u64::MAX;
/// Longer than any screen takes for a frame.
const GRACE: Duration = Duration::from_millis(250);

/// Asks for frames, from any thread.
#[derive(Clone)]
pub struct Frames {
    waker: WindowWaker,
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    /// When the next frame is due, in milliseconds since the start.
    due: AtomicU64,
    /// The system has forgotten one.
    is_forgotten: AtomicBool,
}

impl Frames {
    pub fn new(waker: WindowWaker) -> Self {
        Self {
            waker,
            shared: Arc::new(Shared {
                started: Instant::now(),
                due: AtomicU64::new(NEVER),
                is_forgotten: AtomicBool::new(false),
            }),
        }
    }

    /// The next, as soon as there can be one.
    pub fn request(&self) {
        self.request_after(Duration::ZERO);
    }

    /// One after so long, at the latest.
    pub fn request_after(&self, delay: Duration) {
        self.shared.ask(delay);
        self.waker.request_redraw_after(delay);
    }

    /// The system has a frame drawn.
    pub fn remembered(&self) {
        self.shared.is_forgotten.store(false, Ordering::Relaxed);
    }

    /// What has been asked for is being drawn.
    pub fn begin(&self) {
        self.shared.due.store(NEVER, Ordering::Release);
    }

    /// Whether a frame has to be drawn without the system.
    pub fn is_late(&self) -> bool {
        // Elsewhere windows that can't be seen aren't drawn.
        cfg!(target_os = "linux") && self.shared.is_late()
    }
}

impl Shared {
    fn ask(&self, delay: Duration) {
        let due = self.started.elapsed().saturating_add(delay);
        let due = u64::try_from(due.as_millis()).unwrap_or(NEVER);
        self.due.fetch_min(due, Ordering::AcqRel);
    }

    fn is_late(&self) -> bool {
        let due = self.due.load(Ordering::Acquire);
        if due == NEVER {
            return false;
        }
        let by = self
            .started
            .elapsed()
            .saturating_sub(Duration::from_millis(due));
        if by >= GRACE {
            self.is_forgotten.store(true, Ordering::Relaxed);
        }
        self.is_forgotten.load(Ordering::Relaxed) && by > Duration::ZERO
    }
}
