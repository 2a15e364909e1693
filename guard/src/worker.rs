//! Waiting for the framework's worker thread.
//!
//! On Linux nice-plug 0.4.2 has one thread for all VST3 instances tell each window of changes that blocks brought.
//! Two things end that thread: a task for a plug-in that is gone, and a window that is just being opened or closed. And
//! when it has ended, the next plug-in that is removed takes the host with it. So before either happens, it has to have
//! done what it was told.

use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crate::link::Link;

/// For a machine that is busy with other things: what the worker is told takes it microseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries, while the worker's queue is full.
const NAP: Duration = Duration::from_millis(5);
/// From the end of a task until the worker has let go of the plug-in, with much to spare.
const LETTING_GO: Duration = Duration::from_millis(2);

/// A task that says when it is done: the plug-in's `BackgroundTask`.
pub struct Errand(Sender<()>);

impl Errand {
    /// For the plug-in's `task_executor`.
    pub fn run(self) {
        // Nobody may be waiting any more.
        let _ = self.0.send(());
    }
}

/// How the guard of a plug-in reaches the framework's worker.
#[derive(Default)]
pub struct Worker(OnceLock<Box<dyn Fn(Errand) + Send + Sync>>);

impl Worker {
    /// For a plug-in to call while it is made, with the `execute_background` of its executor.
    pub fn of_this_plugin(post: impl Fn(Errand) + Send + Sync + 'static) {
        // Made once.
        let _ = Link::of_this_plugin().worker.0.set(Box::new(post));
    }

    /// Waits until the worker has done all that it was told before; false if it has ended or never comes to it.
    pub(crate) fn settle(&self) -> bool {
        // Elsewhere windows are told by other means, and the worker has nothing to do.
        let Some(post) = self.0.get().filter(|_| cfg!(target_os = "linux")) else {
            return true;
        };
        let begun = Instant::now();
        loop {
            let (done, is_done) = mpsc::channel();
            post(Errand(done));
            match is_done.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(()) => {
                    std::thread::sleep(LETTING_GO);
                    return true;
                }
                Err(RecvTimeoutError::Disconnected) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(NAP);
                }
                Err(_) => return false,
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_before_is_done_and_a_full_queue_is_waited_for() {
        let (tell, told) = mpsc::sync_channel::<Option<Errand>>(2);
        let worker = Worker::default();
        assert!(worker.settle(), "there is none");
        let full = tell.clone();
        let _ = worker.0.set(Box::new(move |errand| {
            // Given up if there is no room.
            let _ = full.try_send(Some(errand));
        }));
        tell.send(None).unwrap();
        tell.send(None).unwrap();
        let thread = std::thread::spawn(move || {
            let mut num_done = 0;
            for errand in told {
                std::thread::sleep(Duration::from_millis(20));
                match errand {
                    Some(errand) => {
                        errand.run();
                        return num_done;
                    }
                    None => num_done += 1,
                }
            }
            num_done
        });
        assert!(worker.settle());
        assert_eq!(thread.join().unwrap(), 2);
    }
}
