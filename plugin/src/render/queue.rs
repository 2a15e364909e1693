//! Renderings, one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use unweave_separation::Terminator;

use super::{Order, Stage, Work, render, words};

/// Renders what it is given in turn, each under a number of the caller's. Dropping it cancels everything and waits,
/// well below 200 ms, until nothing is left of what wasn't whole.
#[derive(Default)]
pub struct Queue {
    list: Arc<Mutex<List>>,
    work: Option<Work>,
}

#[derive(Default)]
struct List {
    waiting: VecDeque<(u64, Order)>,
    running: Option<(u64, Terminator)>,
    stages: BTreeMap<u64, Stage>,
    /// A thread will look at what is waiting.
    has_thread: bool,
}

impl Queue {
    /// Renders this after what is there already; in place of what came of the number's last.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn push(&mut self, number: u64, order: Order) -> std::io::Result<()> {
        let mut list = self.list.lock();
        list.waiting.push_back((number, order));
        list.stages.insert(number, Stage::Waiting);
        let is_alive = self.work.as_ref().is_some_and(|work| !work.is_over());
        if list.has_thread && is_alive {
            return Ok(());
        }
        list.has_thread = true;
        drop(list);
        // The old thread has ended, or is about to.
        self.work = None;
        let shared = Arc::clone(&self.list);
        match Work::start("unweave-render", move |_| work_off(&shared)) {
            Ok(work) => {
                self.work = Some(work);
                Ok(())
            }
            Err(error) => {
                *self.list.lock() = List::default();
                Err(error)
            }
        }
    }

    /// How far a number's rendering is, or what came of the last.
    pub fn stage(&self, number: u64) -> Option<Stage> {
        self.list.lock().stages.get(&number).cloned()
    }

    /// Whether something is being rendered or waits for it.
    pub fn is_busy(&self) -> bool {
        let list = self.list.lock();
        list.running.is_some() || !list.waiting.is_empty()
    }

    /// Stops a rendering, or doesn't begin it.
    pub fn cancel(&self, number: u64) {
        let mut list = self.list.lock();
        let num_waiting = list.waiting.len();
        list.waiting.retain(|(waiting, _)| *waiting != number);
        if list.waiting.len() < num_waiting {
            list.stages.insert(number, Stage::Cancelled);
        }
        if let Some((running, cancel)) = &list.running
            && *running == number
        {
            cancel.terminate();
        }
    }

    /// Forgets what came of a number's last rendering.
    pub fn forget(&self, number: u64) {
        let mut list = self.list.lock();
        if list.stages.get(&number).is_some_and(Stage::is_over) {
            list.stages.remove(&number);
        }
    }
    /// Cancels everything and waits until nothing is left of what wasn't whole. What came of each stays to be asked for.
    pub fn end(&mut self) {
        let mut list = self.list.lock();
        list.waiting.clear();
        if let Some((_, cancel)) = &list.running {
            cancel.terminate();
        }
        drop(list);
        self.work = None;
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.end();
    }
}

/// Until nothing is waiting.
fn work_off(shared: &Mutex<List>) {
    loop {
        let cancel = Terminator::new();
        let (number, order) = {
            let mut list = shared.lock();
            let Some((number, order)) = list.waiting.pop_front() else {
                list.has_thread = false;
                return;
            };
            list.running = Some((number, cancel.clone()));
            list.stages.insert(number, Stage::Loading);
            (number, order)
        };
        let result = render(&order, &cancel, &mut |progress| {
            let mut list = shared.lock();
            list.stages.insert(number, Stage::Running(progress));
        });
        let stage = match result {
            Ok(done) => done,
            Err(_) if cancel.is_terminated() => Stage::Cancelled,
            Err(error) => Stage::Failed(words::job(&error)),
        };
        let mut list = shared.lock();
        list.running = None;
        list.stages.insert(number, stage);
    }
}
