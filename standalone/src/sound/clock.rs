//! No sound card: the clock paces the plug-in, and what comes out goes nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Link;

/// A thread that plays to nobody; ends when dropped.
pub struct Clock {
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts to play.
///
/// # Errors
/// The system gives no thread.
pub fn start(link: &Link, sample_rate: u32, block_frames: u32) -> std::io::Result<Clock> {
    link.prepare(sample_rate, block_frames);
    let is_ending = Arc::<AtomicBool>::default();
    let (link, ending) = (link.clone(), Arc::clone(&is_ending));
    let num_frames = usize::try_from(block_frames).unwrap_or(1).max(1);
    let block = Duration::from_secs_f64(f64::from(block_frames) / f64::from(sample_rate.max(1)));
    let thread = std::thread::Builder::new()
        .name("unweave-clock".to_owned())
        .spawn(move || {
            let mut channels = [vec![0.0; num_frames], vec![0.0; num_frames]];
            let mut due = Instant::now();
            while !ending.load(Ordering::Acquire) {
                channels.iter_mut().for_each(|channel| channel.fill(0.0));
                let [left, right] = &mut channels;
                link.process([left, right]);
                due += block;
                let now = Instant::now();
                // What a busy machine has missed isn't caught up with.
                due = due.max(now);
                std::thread::sleep(due - now);
            }
        })?;
    Ok(Clock {
        is_ending,
        thread: Some(thread),
    })
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic has been printed already.
            let _ = thread.join();
        }
    }
}
