//! A thread of low priority that ends when its owner does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thread_priority::{ThreadPriority, set_current_thread_priority};
use unweave_separation::Terminator;

/// Of 0 to 99: 10 as Unix counts niceness. Lower still, and on a busy machine the thread would not get to
/// hear in time that it is cancelled.
const PRIORITY: u8 = 22;

/// Longest wait for the thread to end; unloading a plug-in must not take 200 ms.
const STOP_LIMIT: Duration = Duration::from_millis(150);

/// Work in the background. Dropping it cancels it, and waits until it has ended.
pub struct Work {
    cancel: Terminator,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Work {
    /// Starts a thread that gives up when the terminator says so.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        name: &str,
        work: impl FnOnce(&Terminator) + Send + 'static,
    ) -> std::io::Result<Self> {
        let cancel = Terminator::new();
        let is_over = Arc::<AtomicBool>::default();
        let (thread_cancel, over) = (cancel.clone(), Over(Arc::clone(&is_over)));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _over = over;
                // Where it can't be lowered, it is only a matter of comfort. Threads that are started from here
                // inherit it.
                if let Ok(value) = PRIORITY.try_into() {
                    let _ = set_current_thread_priority(ThreadPriority::Crossplatform(value));
                }
                work(&thread_cancel);
            })?;
        Ok(Self {
            cancel,
            is_over,
            thread: Some(thread),
        })
    }

    /// Tells it to give up.
    pub fn cancel(&self) {
        self.cancel.terminate();
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// Says that the work is over, also when it panicked.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.cancel.terminate();
        let started = Instant::now();
        while !self.is_over() {
            if started.elapsed() > STOP_LIMIT {
                // A system call that hangs keeps its thread, which owns all it uses.
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
