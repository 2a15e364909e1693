//! Capture: what comes in while the transport plays goes to disk, with its place on the timeline.
//!
//! ```text
//! host block ─► AUDIO THREAD  CaptureSide::record ─► lane ┐
//!                                                         ▼
//!               DISK THREAD   one WAV of 32-bit floats per take, which goes with its last owner
//! editor     ─► any thread    Capture: arm, the list of takes, what went wrong
//! ```
//!
//! A *take* is audio without a gap: a loop, a jump, a stop, a change of the sample rate or of the channels
//! and a block that was lost each end it. So every frame of a take is where its start and its count say.
//!
//! The lane is never waited for. If it is full, because the disk stood still for [`LANE_SECONDS`], the block is
//! counted and the take ends, saying so.

mod disk;
pub mod kept;
mod overview;
mod side;
mod takes;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rtrb::RingBuffer;
use unweave_separation::files::scratch;

use crate::lane::lane;
use disk::{Disk, Inlet};
pub use overview::Overview;
pub use side::{CaptureSide, Moment, Position};
pub use takes::{Ending, Problem, Recording, Take};

/// Seconds of audio that the lane holds: longer than disks pause to spin up or to trim.
pub const LANE_SECONDS: usize = 4;

/// Takes that may be there at a time, a file each. Short loops for hours would flood a folder otherwise.
pub const MAX_TAKES: usize = 10_000;

/// Longest wait for the disk thread to end; unloading a plug-in must not take 200 ms.
const STOP_LIMIT: Duration = Duration::from_millis(150);

/// Starts of takes that may wait in the lane: as many as a lane has marks.
const NUM_STARTS: usize = 64;

/// Captures for one plug-in instance. Dropping it ends the disk thread; takes stay with who else holds them.
///
/// It is armed and disarmed by whoever has it; what is captured is decided block by block on the audio thread.
pub struct Capture {
    /// What the three threads know.
    shared: Arc<Shared>,
    /// Where a folder for takes is made.
    parent: PathBuf,
    /// The disk thread; none until it is needed.
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the three threads know of each other.
#[derive(Default)]
pub(crate) struct Shared {
    /// Whether what plays is wanted.
    is_armed: AtomicBool,
    /// Whether the disk thread is to end.
    is_stopping: AtomicBool,
    /// Frames that found no room in the lane, since the start.
    lost_frames: AtomicU64,
    /// Number of the run that the audio side is in the middle of; 0 if it is in none.
    open_run: AtomicU64,
    /// Never locked by the audio thread.
    board: Mutex<Board>,
}

/// What the editor sees and the disk thread writes.
#[derive(Default)]
pub(crate) struct Board {
    /// Lanes in the order in which they were made; the last may be in use.
    inlets: Vec<Inlet>,
    /// Those that have ended, in their order.
    takes: Arc<Vec<Arc<Take>>>,
    /// The one that is being made.
    recording: Option<Recording>,
    /// Why capturing has ended by itself, until it is armed again.
    problem: Option<Problem>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        // Every change of the board is one assignment or one push.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Capture {
    /// Takes will go to a folder of their own in `parent`. Nothing is made or started before it is armed,
    /// unless something is in there that a killed program may have left: its takes are kept, the rest goes.
    pub fn new(parent: PathBuf) -> Self {
        let has_leftovers = scratch::has_any(&parent, takes::PREFIX);
        let capture = Self {
            shared: Arc::default(),
            parent,
            thread: Mutex::default(),
        };
        if has_leftovers {
            // The disk thread cleans up when it starts. If there is no thread now, arming will tell.
            let _ = capture.start();
        }
        capture
    }

    /// The audio thread's end, for blocks of `num_channels`; the one before it is of no use any more.
    ///
    /// Allocates the lane, [`LANE_SECONDS`] long. Called when audio is set up, not on the audio thread.
    pub fn side(&self, sample_rate: u32, num_channels: usize) -> CaptureSide {
        let lane_frames = LANE_SECONDS * usize::try_from(sample_rate).unwrap_or(usize::MAX / 8);
        let (lane_writer, lane_reader) = lane(num_channels, lane_frames);
        let (starts, next_starts) = RingBuffer::new(NUM_STARTS);
        self.shared.open_run.store(0, Ordering::Release);
        let inlet = Inlet::new(lane_reader, next_starts, sample_rate, num_channels);
        let mut board = self.shared.board();
        // While there is no disk thread, nobody else throws them away.
        board.inlets.retain_mut(|old| !old.is_over());
        board.inlets.push(inlet);
        drop(board);
        self.wake();
        CaptureSide::new(
            Arc::clone(&self.shared),
            lane_writer,
            starts,
            (sample_rate, num_channels),
        )
    }

    /// From now on, what plays is captured, or no longer.
    ///
    /// Whether the disk is ready for it is found out on the disk thread: see [`Self::problem`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn arm(&self, is_armed: bool) -> Result<(), Problem> {
        if is_armed {
            self.start().map_err(|error| Problem::disk(&error))?;
            self.shared.board().problem = None;
        }
        self.shared.is_armed.store(is_armed, Ordering::Release);
        self.wake();
        Ok(())
    }

    /// Whether it is armed. It disarms itself when it can't go on: see [`Self::problem`].
    pub fn is_armed(&self) -> bool {
        self.shared.is_armed.load(Ordering::Acquire)
    }

    /// The takes that have ended, in the order they were made.
    pub fn takes(&self) -> Arc<Vec<Arc<Take>>> {
        Arc::clone(&self.shared.board().takes)
    }

    /// The take that is being made.
    pub fn recording(&self) -> Option<Recording> {
        self.shared.board().recording.clone()
    }

    /// What ended the capture, until it is armed again.
    pub fn problem(&self) -> Option<Problem> {
        self.shared.board().problem.clone()
    }

    /// Frames that were lost because the lane was full, since the start.
    pub fn lost_frames(&self) -> u64 {
        self.shared.lost_frames.load(Ordering::Relaxed)
    }

    /// Removes a take from the list. Its file goes when nobody uses it any more.
    pub fn discard(&self, id: u64) {
        Arc::make_mut(&mut self.shared.board().takes).retain(|take| take.id != id);
    }

    /// Ends the disk thread for good, and with it the take that is being made; gives all that were there. Dropping
    /// does the same.
    pub fn end(&self) -> Arc<Vec<Arc<Take>>> {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.is_armed.store(false, Ordering::Release);
        self.wake();
        let thread = self.lock_thread().take();
        if let Some(thread) = thread {
            let started = std::time::Instant::now();
            while !thread.is_finished() {
                if started.elapsed() > STOP_LIMIT {
                    // A disk that hangs keeps its thread, which owns all it uses.
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
        std::mem::take(&mut *self.shared.board()).takes
    }

    fn lock_thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> std::io::Result<()> {
        let mut thread = self.lock_thread();
        if thread.is_some() || self.shared.is_stopping.load(Ordering::Acquire) {
            return Ok(());
        }
        let disk = Disk::new(Arc::clone(&self.shared), self.parent.clone());
        let spawned = std::thread::Builder::new()
            .name("unweave-disk".to_owned())
            .spawn(move || disk.run())?;
        *thread = Some(spawned);
        Ok(())
    }

    fn wake(&self) {
        if let Some(thread) = &*self.lock_thread() {
            thread.thread().unpark();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
