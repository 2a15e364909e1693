//! The disk thread: from the lane into files.
//!
//! Each lane is one setup of audio: a sample rate and a number of channels. Its frames come in *runs*,
//! stretches that the audio thread found to follow each other, with the run's number as the epoch of their
//! positions. A take is a run, or what of it came without a gap.
//!
//! The file grows by whole blocks, and its header is right only when it ends ([`GrowingWav`]): of a program
//! that was killed, the next one keeps what there is ([`super::kept`]).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rtrb::Consumer;
use unweave_separation::audio::time_stamp::TimeStamp;
use unweave_separation::audio::write::GrowingWav;
use unweave_separation::files::scratch::{self, ScratchFolder};

use super::side::RunStart;
use super::takes::{PREFIX, TakeFile};
use super::{Ending, MAX_TAKES, Overview, Position, Problem, Recording, Shared, Take, kept};
use crate::lane::LaneReader;

/// How often the lane is looked at while armed. The audio thread can't wake anybody: that is a system call.
const NAP: Duration = Duration::from_millis(20);

/// How often it is looked at otherwise, should a wake-up get lost.
const LONG_NAP: Duration = Duration::from_secs(1);

/// A run that is open, but of which nothing has come for so long, has ended: the host has stopped
/// processing. Should it go on after all, that is another take.
const IDLE_LIMIT: Duration = Duration::from_millis(500);

/// Frames that are written at a time at most. 1.5 s at 44.1 kHz.
const MAX_FRAMES: usize = 1 << 16;

/// The reading end of one lane.
pub(super) struct Inlet {
    /// What was captured, all channels.
    lane: LaneReader,
    /// How runs begin, in their order; a start whose frames were lost is passed over.
    starts: Consumer<RunStart>,
    /// Of all takes from this lane, in Hz.
    sample_rate: u32,
    /// Of all takes from this lane.
    num_channels: usize,
    /// The start of the run that is being read.
    start: Option<RunStart>,
}

impl Inlet {
    /// Of a lane that was just made; the other ends are the audio thread's.
    pub(super) fn new(
        lane: LaneReader,
        starts: Consumer<RunStart>,
        sample_rate: u32,
        num_channels: usize,
    ) -> Self {
        Self {
            lane,
            starts,
            sample_rate,
            num_channels,
            start: None,
        }
    }

    /// Whether there is nothing in it, and won't be.
    pub(super) fn is_over(&mut self) -> bool {
        self.lane.is_abandoned() && self.lane.run().is_none()
    }

    /// How run number `run` began.
    fn start_of(&mut self, run: u64) -> Option<RunStart> {
        while self.start.is_none_or(|start| start.run < run) {
            self.start = Some(self.starts.pop().ok()?);
        }
        self.start.filter(|start| start.run == run)
    }
}

/// A take whose file is open.
struct Open {
    /// Number of the run that it is of.
    run: u64,
    /// Frame of the run that comes next.
    next: u64,
    wav: GrowingWav,
    /// Where it is; goes with its last owner.
    file: TakeFile,
    /// Beats per minute at its start, if the host tells.
    tempo: Option<f64>,
    /// [`Shared::lost_frames`] when its run began.
    lost_before: u64,
    /// When its last frames came.
    last_heard: Instant,
}

/// Writes takes; owned by the disk thread.
pub(super) struct Disk {
    /// What the other threads know and say.
    shared: Arc<Shared>,
    /// Where the folder of this instance's takes is made.
    parent: PathBuf,
    /// From the first arming on.
    folder: Option<Arc<ScratchFolder>>,
    /// The lane that is read now; later ones wait on the board.
    inlet: Option<Inlet>,
    /// The take that is being made.
    open: Option<Open>,
    /// Of the next take; none is used twice.
    next_id: u64,
    /// `[channel][frame]`
    block: Vec<Vec<f32>>,
}

impl Disk {
    /// Nothing is made in `parent` yet.
    pub(super) fn new(shared: Arc<Shared>, parent: PathBuf) -> Self {
        Self {
            shared,
            parent,
            folder: None,
            inlet: None,
            open: None,
            next_id: 1,
            block: Vec::new(),
        }
    }

    /// Until the capture is dropped.
    pub(super) fn run(mut self) {
        // Nothing to clean up, or nothing that can be: arming will tell.
        let parent = &self.parent;
        let _ = scratch::clean(parent, PREFIX, &mut |folder| kept::rescue(folder, parent));
        while !self.shared.is_stopping.load(Ordering::Acquire) {
            if self.shared.is_armed.load(Ordering::Acquire)
                && let Err(error) = self.folder()
            {
                self.stop(Problem::disk(&error));
            }
            self.step();
            let is_quiet = self.open.is_none() && !self.shared.is_armed.load(Ordering::Acquire);
            std::thread::park_timeout(if is_quiet { LONG_NAP } else { NAP });
        }
        self.step();
        self.close(Ending::Stopped);
    }

    /// Where the files are made. A folder that somebody has removed is made anew.
    ///
    /// # Errors
    /// The system refuses, or gives no room.
    fn folder(&mut self) -> io::Result<&Arc<ScratchFolder>> {
        if let Some(folder) = &self.folder
            && !folder.path().is_dir()
        {
            self.folder = None;
        }
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => {
                let parent = &self.parent;
                if parent.is_dir() {
                    scratch::clean(parent, PREFIX, &mut |folder| kept::rescue(folder, parent))?;
                }
                Arc::new(ScratchFolder::create_beside(parent, PREFIX)?)
            }
        };
        Ok(self.folder.insert(folder))
    }

    /// Everything that is in the lanes.
    ///
    /// A lane that the audio thread has let go of is emptied and thrown away, and the next one begun. A take
    /// ends here if its run has, or if nothing came for [`IDLE_LIMIT`].
    fn step(&mut self) {
        loop {
            if self.inlet.is_none() {
                let mut board = self.shared.board();
                if board.inlets.is_empty() {
                    return;
                }
                let first = board.inlets.remove(0);
                drop(board);
                self.inlet = Some(first);
            }
            let Some(mut inlet) = self.inlet.take() else {
                return;
            };
            // Asked before the lane is emptied: what was written before the answer is seen below.
            let is_last_chance = inlet.lane.is_abandoned();
            let open_run = self.shared.open_run.load(Ordering::Acquire);
            let before = self.open.as_ref().map(|open| (open.run, open.next));
            self.drain(&mut inlet);
            if is_last_chance {
                self.close(Ending::Stopped);
                continue;
            }
            self.inlet = Some(inlet);
            if let Some(open) = &self.open
                && before == Some((open.run, open.next))
                && (open.run != open_run || open.last_heard.elapsed() > IDLE_LIMIT)
            {
                self.close(Ending::Stopped);
            }
            return;
        }
    }

    /// Writes what is in a lane.
    fn drain(&mut self, inlet: &mut Inlet) {
        while let Some(run) = inlet.lane.run() {
            let num_frames = run.num_frames.min(MAX_FRAMES);
            let (number, frame) = (run.start.epoch, run.start.frame);
            let goes_on = self
                .open
                .as_ref()
                .is_some_and(|open| (open.run, open.next) == (number, frame));
            if !goes_on {
                self.close(Ending::Stopped);
            }
            self.block.resize_with(inlet.num_channels, Vec::new);
            for channel in &mut self.block {
                channel.resize(num_frames, 0.0);
            }
            inlet
                .lane
                .read(num_frames, self.block.iter_mut().map(Vec::as_mut_slice));
            // What is in the lane was wanted when it came, also if nothing more is wanted now.
            if self.open.is_none() && self.shared.board().problem.is_none() {
                self.begin(inlet, number, frame);
            }
            self.write(num_frames);
        }
    }

    /// Opens the file of a take that begins with frame `frame` of run `run`.
    fn begin(&mut self, inlet: &mut Inlet, run: u64, frame: u64) {
        let start = inlet.start_of(run);
        // Within a run nothing jumps.
        let position = match start.map(|start| start.position) {
            Some(Position::Frames(first)) => Position::Frames(first.saturating_add_unsigned(frame)),
            Some(Position::Beats(beats)) if frame == 0 => Position::Beats(beats),
            _ => Position::Unknown,
        };
        if self.shared.board().takes.len() >= MAX_TAKES {
            self.stop(Problem::TooManyTakes);
            return;
        }
        let id = self.next_id;
        let folder = match self.folder() {
            Ok(folder) => Arc::clone(folder),
            Err(error) => return self.stop(Problem::disk(&error)),
        };
        let path = folder.path().join(format!("{id}.wav"));
        let stamp = match position {
            // Before zero there is no stamp: the standard counts from zero.
            Position::Frames(frame) => u64::try_from(frame).ok().map(TimeStamp::at),
            _ => None,
        };
        let file = TakeFile::new(path, folder);
        match GrowingWav::create(file.path(), inlet.sample_rate, inlet.num_channels, stamp) {
            Ok(wav) => {
                self.next_id += 1;
                self.shared.board().recording = Some(Recording {
                    id,
                    sample_rate: inlet.sample_rate,
                    num_frames: 0,
                    position,
                    overview: Overview::default(),
                });
                self.open = Some(Open {
                    run,
                    next: frame,
                    wav,
                    file,
                    tempo: start.and_then(|start| start.tempo),
                    lost_before: start.map_or(u64::MAX, |start| start.lost_frames),
                    last_heard: Instant::now(),
                });
            }
            Err(error) => self.stop(Problem::disk(&error)),
        }
    }

    /// Appends the block to the open take, if there is one.
    fn write(&mut self, num_frames: usize) {
        let Some(open) = &mut self.open else { return };
        if let Err(error) = open.wav.write(&self.block) {
            let problem = Problem::disk(&error);
            self.close(Ending::Disk);
            self.stop(problem);
            return;
        }
        open.next += num_frames as u64;
        open.last_heard = Instant::now();
        if let Some(recording) = &mut self.shared.board().recording {
            recording.num_frames += num_frames as u64;
            recording.overview.push(&self.block);
        }
    }

    /// Ends the open take, if there is one, and lists it.
    fn close(&mut self, ending: Ending) {
        let Some(open) = self.open.take() else { return };
        let num_channels = self.block.len();
        let lost = self.shared.lost_frames.load(Ordering::Relaxed) > open.lost_before;
        let finished = open.wav.finish();
        let mut board = self.shared.board();
        let Some(recording) = board.recording.take() else {
            return;
        };
        match finished {
            Ok(0) => {}
            Ok(num_frames) => Arc::make_mut(&mut board.takes).push(Arc::new(Take {
                id: recording.id,
                sample_rate: recording.sample_rate,
                num_channels,
                num_frames,
                position: recording.position,
                tempo: open.tempo,
                overview: recording.overview,
                ending: match ending {
                    Ending::Stopped if lost => Ending::Lost,
                    ending => ending,
                },
                file: open.file,
            })),
            Err(error) => board.problem = Some(Problem::disk(&error)),
        }
    }

    /// Disarms, and says why.
    fn stop(&self, problem: Problem) {
        self.shared.is_armed.store(false, Ordering::Release);
        self.shared.board().problem = Some(problem);
    }
}
