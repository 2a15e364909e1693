//! One engine per plug-in instance: sets up both halves, and ends the inference thread.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use unweave_separation::{Separator, Shape};

use crate::audio::AudioSide;
use crate::clock::{Clock, SystemClock};
use crate::controls::MAX_STEMS;
use crate::denormals;
use crate::error::Error;
use crate::handover::{Link, Successor};
use crate::lane::lane;
use crate::plan::LatencyPlan;
use crate::status::{Fault, Status, Terminate};
use crate::worker::Worker;

/// Longest wait for the inference thread to end; unloading a plug-in must not take 200 ms.
const STOP_LIMIT: Duration = Duration::from_millis(150);

/// The same while the model is being loaded, which a runtime can't be told to stop. It takes a tenth of
/// a second, more on a busy machine; a process that ended meanwhile would take the runtime's memory from
/// under it, and crash.
const LOADING_STOP_LIMIT: Duration = Duration::from_secs(2);

/// What both halves must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    pub(crate) plan: LatencyPlan,
    pub(crate) num_stems: usize,
    pub(crate) residual_idx: usize,
    pub(crate) room_frames: usize,
}

impl Setup {
    /// For a model of this shape. It need not be loaded: its manifest knows the shape.
    ///
    /// # Errors
    /// [`Error::NumStems`] if it has no stem or more than [`MAX_STEMS`].
    pub fn new(shape: &Shape, plan: LatencyPlan) -> Result<Self, Error> {
        let num_stems = shape.stems.len();
        if shape.residual_idx >= num_stems || num_stems > MAX_STEMS {
            return Err(Error::NumStems {
                actual: num_stems,
                max: MAX_STEMS,
            });
        }
        Ok(Self {
            plan,
            num_stems,
            residual_idx: shape.residual_idx,
            room_frames: 0,
        })
    }

    /// The same, with room for engines that need a latency of up to so many frames: [`crate::Handover`].
    #[must_use]
    pub fn with_room(self, latency_frames: usize) -> Self {
        Self {
            room_frames: latency_frames,
            ..self
        }
    }

    /// When stems are due.
    pub fn plan(&self) -> &LatencyPlan {
        &self.plan
    }
}

/// A model, ready to run.
pub struct Model {
    /// Runs on the inference thread and is freed there.
    pub separator: Box<dyn Separator>,
    /// Ends a running inference, if the runtime can; called from another thread.
    pub terminate: Option<Terminate>,
}

/// Why there is no model: a code for the host, and words for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of fault it is.
    pub fault: Fault,
    /// What is wrong and what to do about it.
    pub reason: String,
}

/// Loads and verifies a model on the inference thread, where it may take its time; it should give up
/// when asked whether the engine is stopping and told so.
pub type Loader = Box<dyn FnOnce(&dyn Fn() -> bool) -> Result<Model, Refusal> + Send>;

/// Keeps the inference thread; dropping it ends the thread, within 200 ms once the model is loaded.
///
/// The audio side outlives it well: without a worker its output is the aligned dry signal.
pub struct Engine {
    status: Arc<Status>,
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
        self.status.stop();
        let status = &*self.status;
        let limit = if status.has_loaded() {
            STOP_LIMIT
        } else {
            LOADING_STOP_LIMIT
        };
        let has_ended = status.wait_until(limit, || status.is_finished());
        // A runtime that neither ends nor terminates keeps its thread, which owns all it uses.
        if let (true, Some(thread)) = (has_ended, self.thread.take()) {
            // A panic has been reported in the status already.
            let _ = thread.join();
        }
    }
}

/// Both halves without a thread: who calls [`Worker::step`] is the inference thread.
///
/// For hosts of their own and for tests, which so decide when an inference happens.
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
