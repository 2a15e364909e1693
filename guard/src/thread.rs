//! Telling threads apart without allocating.

use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A thread, or none.
///
/// Two threads have the same mark only if one has ended before the other began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thread(usize);

impl Thread {
    /// The one that asks.
    pub fn here() -> Self {
        HERE.with(|here| Self(std::ptr::from_ref(here).addr()))
    }
}

/// A thread that can be looked up from all others.
#[derive(Debug, Default)]
pub struct SharedThread(AtomicUsize);

impl SharedThread {
    /// The thread that makes it.
    pub fn here() -> Self {
        let Thread(mark) = Thread::here();
        Self(AtomicUsize::new(mark))
    }

    /// From now on the thread that asks.
    pub fn set_here(&self) {
        let Thread(mark) = Thread::here();
        self.0.store(mark, Ordering::SeqCst);
    }

    /// From now on none.
    pub fn clear(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// Whether it is the thread that asks.
    pub fn is_here(&self) -> bool {
        Thread(self.0.load(Ordering::SeqCst)) == Thread::here()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_itself_and_no_other() {
        let main = SharedThread::here();
        assert!(main.is_here());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(!main.is_here()));
        });
        main.clear();
        assert!(!main.is_here());
    }
}
