//! Taking turns at what only one thread may use at a time.

use std::time::{Duration, Instant};

use try_lock::{Locked, TryLock};

/// How long another thread's block is waited for, where waiting is allowed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Tries that take some ten microseconds: longer than a save or a window holds up a block, much shorter than a block.
const TRIES: usize = 1_000;

/// Waits until no other thread is in a block. Polite hosts hardly ever make it wait.
pub fn take<T>(lock: &TryLock<T>) -> Option<Locked<'_, T>> {
    let since = Instant::now();
    loop {
        match lock.try_lock() {
            None if since.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(1)),
            result => return result,
        }
    }
}

/// The turn of a block, if no other thread is in one.
///
/// # Realtime safety
/// Neither allocates nor waits for longer than what another thread does beside blocks takes.
pub fn take_for_a_block<T>(lock: &TryLock<T>) -> Option<Locked<'_, T>> {
    (0..TRIES).find_map(|_| {
        let turn = lock.try_lock();
        if turn.is_none() {
            std::hint::spin_loop();
        }
        turn
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_waits_for_nobody_who_takes_long() {
        let lock = TryLock::new(());
        let held = lock.try_lock();
        let started = Instant::now();
        assert!(take_for_a_block(&lock).is_none());
        assert!(started.elapsed() < PATIENCE / 2);
        drop(held);
        assert!(take_for_a_block(&lock).is_some());
        assert!(take(&lock).is_some());
    }
}
