//! One engine per plug-in instance: sets up both halves, and ends the inference thread.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::audio::AudioSide;
use crate::clock::{Clock, SystemClock};
use crate::denormals;
use crate::error::Error;
use crate::handover::{Link, Successor};
use crate::lane::lane;
use crate::setup::{Loader, Setup};
use crate::status::Status;
use crate::worker::Worker;

/// Longest wait for the inference thread to end; unloading a plug-in must not take 200 ms.
const STOP_LIMIT: Duration = Duration::from_millis(150);

/// The same while the model is being loaded, which a runtime can't be told to stop. It takes a tenth of
/// a second, more on a busy machine; a process that ended meanwhile would take the runtime's memory from
/// under it, and crash.
const LOADING_STOP_LIMIT: Duration = Duration::from_secs(2);

/// Keeps the inference thread; dropping it ends the thread, within 200 ms once the model is loaded.
///
/// The audio side outlives it well: without a worker its output is the aligned dry signal.
///
/// It belongs to whoever activates and deactivates: never to the audio thread, as ending waits.
pub struct Engine {
    /// What the thread says, and by which it is told to end.
    status: Arc<Status>,
    /// The inference thread, until it was waited for.
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Sets up both halves and starts the inference thread, which loads the model.
    ///
    /// Takes well under a millisecond but for the memory of the lanes: it may be called on activation.
    /// The thread has the system's normal priority, below audio even if an audio thread calls this, and
    /// `name` in debuggers and profilers.
    ///
    /// # Errors
    /// [`Error::Thread`] if the system gives no thread.
    pub fn start(setup: &Setup, name: &str, loader: Loader) -> Result<(AudioSide, Self), Error> {
        let (link, worker) = link(setup, loader, Box::new(SystemClock::default()));
        let engine = Self::spawn(&link, worker, name)?;
        Ok((AudioSide::new(setup, link), engine))
    }

    /// As [`Engine::start`], for an audio side that there is already: a [`crate::Handover`] takes the half.
    ///
    /// # Errors
    /// [`Error::Thread`] if the system gives no thread.
    pub fn start_successor(
        setup: &Setup,
        name: &str,
        loader: Loader,
    ) -> Result<(Successor, Self), Error> {
        let (link, worker) = link(setup, loader, Box::new(SystemClock::default()));
        let engine = Self::spawn(&link, worker, name)?;
        Ok((Successor(link), engine))
    }

    /// Starts the thread of a worker.
    fn spawn(link: &Link, mut worker: Worker, name: &str) -> Result<Self, Error> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || denormals::flushed(|| worker.run()))
            .map_err(Error::Thread)?;
        Ok(Self {
            status: Arc::clone(&link.status),
            thread: Some(thread),
        })
    }

    /// How it is doing; for the editor and for the host's parameter texts.
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let signal = &self.status.signal;
        signal.stop();
        let limit = if signal.has_loaded() {
            STOP_LIMIT
        } else {
            LOADING_STOP_LIMIT
        };
        let has_ended = signal.wait_until(limit, || signal.is_finished());
        // A runtime that neither ends nor terminates keeps its thread, which owns all it uses.
        if let (true, Some(thread)) = (has_ended, self.thread.take()) {
            // A panic has been reported in the status already.
            let _ = thread.join();
        }
    }
}

/// Both halves without a thread: who calls [`Worker::step`] is the inference thread.
///
/// For tests, which so decide when an inference happens.
#[cfg(any(test, feature = "testing"))]
pub fn halves(
    setup: &Setup,
    loader: Loader,
    clock: Box<dyn Clock>,
) -> (AudioSide, Worker, Arc<Status>) {
    let (link, worker) = link(setup, loader, clock);
    let status = Arc::clone(&link.status);
    (AudioSide::new(setup, link), worker, status)
}

/// As [`halves`], for an audio side that there is already.
#[cfg(any(test, feature = "testing"))]
pub fn successor_halves(
    setup: &Setup,
    loader: Loader,
    clock: Box<dyn Clock>,
) -> (Successor, Worker, Arc<Status>) {
    let (link, worker) = link(setup, loader, clock);
    let status = Arc::clone(&link.status);
    (Successor(link), worker, status)
}

/// The lanes and both their ends.
fn link(setup: &Setup, loader: Loader, clock: Box<dyn Clock>) -> (Box<Link>, Worker) {
    let status = Arc::new(Status::default());
    let plan = &setup.plan;
    // The mix lane holds what arrives while an inference takes its budget several times over; with
    // more the stems are late for long, and starting afresh is the faster way back.
    let mix_frames = plan.latency_frames() + plan.allowance_frames();
    // Stems are never ahead of the mix nor behind what is due, plus the block that is being handed over.
    let stem_frames = plan.latency_frames() + 2 * plan.allowance_frames();
    let (mix_writer, mix_reader) = lane(2, mix_frames);
    let (stem_writer, stem_reader) = lane(2 * setup.num_stems, stem_frames);
    let worker = Worker::new(
        setup,
        Arc::clone(&status),
        (mix_reader, stem_writer),
        (loader, clock),
    );
    (
        Box::new(Link::new(setup, status, mix_writer, stem_reader)),
        worker,
    )
}

#[cfg(test)]
mod tests {
    use unweave_separation::Timing;
    use unweave_separation::doubles::{Passthrough, shape};

    use super::*;
    use crate::controls::Controls;
    use crate::plan::LatencyPlan;
    use crate::setup::LoadedSeparator;
    use crate::worker::Step;

    /// Time that nobody needs here.
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _time: Duration) {}
    }

    fn play(audio: &mut AudioSide, num_frames: usize) {
        let (mut left, mut right) = (vec![0.1; num_frames], vec![0.1; num_frames]);
        audio.process([&mut left, &mut right], &mut [], &Controls::default());
    }

    /// The host plays in real time while the worker naps. From the block that completes a hop to when
    /// the worker looks it may take the shortest nap, a sixteenth of a hop, and no longer.
    #[test]
    fn the_worker_looks_soon_after_every_complete_hop_and_seldom_before() {
        const HOP: usize = 1024;
        for block in [1, 64, 100, 512] {
            let shape = shape(44_100, HOP, 4 * HOP);
            let timing = Timing::of(&shape, 44_100).unwrap();
            let plan = LatencyPlan::new(timing, 44_100, 512).unwrap();
            let setup = Setup::new(&shape, plan).unwrap();
            let loaded = LoadedSeparator {
                separator: Box::new(Passthrough::new(shape)),
                terminate: None,
            };
            let loader: Loader = Box::new(|_| Ok(loaded));
            let (mut audio, mut worker, status) = halves(&setup, loader, Box::new(Still));
            worker.step();
            let (mut played, mut now, mut num_naps) = (0, 0, 0);
            while played < 100 * HOP {
                while worker.step() == Step::Busy {}
                let next_hop = (played / HOP + 1) * HOP;
                let latest = next_hop.next_multiple_of(block) + HOP / 16;
                num_naps += 1;
                now += worker.nap_frames(false);
                assert!(now <= latest, "blocks of {block}: {now}, {latest}");
                while played + block <= now {
                    play(&mut audio, block);
                    played += block;
                }
            }
            assert_eq!(status.late_hops(), 0);
            assert!(
                num_naps < 100 * if block < 256 { 8 } else { 14 },
                "blocks of {block}: {num_naps}"
            );
        }
    }
}
