//! The audio thread's end of the capture lane.
//!
//! A *run* is a stretch of blocks that follow each other on the timeline while capture is armed and the
//! transport plays. Runs are numbered from 1 on; a run that ends says so by its number ([`Shared::open_run`]),
//! and how one begins goes through a lane of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rtrb::Producer;

use super::Shared;
use crate::lane::{LanePosition, LaneWriter};

/// A position that is off by less than this is the one that was expected: hosts round, and no loop or
/// jump is so short. In parts of a second.
const TOLERANCE: u32 = 1000;

/// The same for positions in beats.
const TOLERANCE_BEATS: f64 = 0.01;

/// The host's transport at the first frame of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Whether the transport plays. True for a host that tells nothing at all of its transport.
    pub is_playing: bool,
    /// Where on the timeline.
    pub position: Position,
    /// Beats per minute, if the host tells.
    pub tempo: Option<f64>,
}

/// Where on the timeline a frame is, as far as the host tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Position {
    /// In frames from the timeline's zero; before it if negative.
    Frames(i64),
    /// In beats only: says when the transport jumps, but not where a file belongs, since the tempo may
    /// have changed on the way.
    Beats(f64),
    /// Not at all: jumps can't be noticed.
    Unknown,
}

/// How a run begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunStart {
    /// From 1 on.
    pub(super) run: u64,
    /// Of its first frame.
    pub(super) position: Position,
    /// Beats per minute, if the host tells.
    pub(super) tempo: Option<f64>,
    /// [`Shared::lost_frames`] when it began.
    pub(super) lost_frames: u64,
}

/// Captures blocks; owned by the audio thread.
///
/// # Realtime safety
/// [`Self::record`] and [`Self::interrupt`] never allocate, free, lock, make a system call or wait.
pub struct CaptureSide {
    /// What the other threads say and want to know.
    shared: Arc<Shared>,
    /// To the disk thread, all channels.
    lane: LaneWriter,
    /// To the disk thread, one per run.
    starts: Producer<RunStart>,
    /// In Hz.
    sample_rate: u32,
    /// Of every block.
    num_channels: usize,
    /// Number of the present or last run.
    run: u64,
    /// Frames of the run so far.
    frame: u64,
    /// Where the next frame is expected, while in a run.
    expected: Option<Position>,
    /// Whether the host has interrupted since the last block.
    may_have_jumped: bool,
}

impl CaptureSide {
    /// Of a lane that was just made; the other ends are the disk thread's.
    pub(super) fn new(
        shared: Arc<Shared>,
        lane: LaneWriter,
        starts: Producer<RunStart>,
        (sample_rate, num_channels): (u32, usize),
    ) -> Self {
        Self {
            shared,
            lane,
            starts,
            sample_rate,
            num_channels,
            run: 0,
            frame: 0,
            expected: None,
            may_have_jumped: false,
        }
    }

    /// What it was made for: frames per second, and channels.
    pub fn format(&self) -> (u32, usize) {
        (self.sample_rate, self.num_channels)
    }

    /// The host has reset or stopped processing: only a position can tell that audio goes on without a gap.
    pub fn interrupt(&mut self) {
        self.may_have_jumped = true;
    }

    /// Captures a block if capture is armed and the transport plays.
    ///
    /// # Shape
    /// `[channel][frame]`, as many channels as [`Self::format`] says, of equal length.
    pub fn record(&mut self, channels: &[&mut [f32]], moment: &Moment) {
        let num_frames = channels.first().map_or(0, |channel| channel.len());
        let is_wanted = moment.is_playing && self.shared.is_armed.load(Ordering::Acquire);
        let is_whole = channels.len() == self.num_channels
            && channels.iter().all(|channel| channel.len() == num_frames);
        if !is_wanted || !is_whole {
            self.end_run();
            return;
        }
        if num_frames == 0 {
            return;
        }
        if !self.goes_on(moment.position) {
            self.end_run();
        }
        let is_new = self.expected.is_none();
        let (run, frame) = if is_new {
            (self.run + 1, 0)
        } else {
            (self.run, self.frame)
        };
        let start = RunStart {
            run,
            position: moment.position,
            tempo: moment.tempo,
            lost_frames: self.shared.lost_frames.load(Ordering::Relaxed),
        };
        // What is known of the run is there before its frames are seen. A start whose frames find no room is
        // skipped by its number.
        let has_start = !is_new || self.starts.push(start).is_ok();
        self.run = run;
        self.shared.open_run.store(run, Ordering::Release);
        let position = LanePosition { epoch: run, frame };
        let samples = channels.iter().map(|channel| &**channel);
        if !has_start || !self.lane.write(position, num_frames, samples) {
            self.shared
                .lost_frames
                .fetch_add(num_frames as u64, Ordering::Relaxed);
            self.expected = None;
            self.shared.open_run.store(0, Ordering::Release);
            return;
        }
        self.frame = frame + num_frames as u64;
        self.expected = Some(self.position_after(moment, num_frames));
        self.may_have_jumped = false;
    }

    /// The next frame is of another run, if there is one.
    fn end_run(&mut self) {
        if self.expected.take().is_some() {
            self.shared.open_run.store(0, Ordering::Release);
        }
    }

    /// Whether a block at this position follows what was captured last.
    fn goes_on(&self, position: Position) -> bool {
        match (self.expected, position) {
            (Some(Position::Frames(expected)), Position::Frames(actual)) => {
                expected.abs_diff(actual) <= u64::from(self.sample_rate / TOLERANCE)
            }
            (Some(Position::Beats(expected)), Position::Beats(actual)) => {
                (expected - actual).abs() <= TOLERANCE_BEATS
            }
            (Some(Position::Unknown), Position::Unknown) => !self.may_have_jumped,
            _ => false,
        }
    }

    /// Where the host should be after a block of so many frames.
    fn position_after(&self, moment: &Moment, num_frames: usize) -> Position {
        #[expect(clippy::cast_precision_loss, reason = "no block has 2^53 frames")]
        let seconds = num_frames as f64 / f64::from(self.sample_rate);
        let num_frames = i64::try_from(num_frames).unwrap_or(i64::MAX);
        match (self.expected, moment.position) {
            // From the start of the run on: roundings of the host don't add up to a shift.
            (Some(Position::Frames(expected)), _) => {
                Position::Frames(expected.saturating_add(num_frames))
            }
            (_, Position::Frames(frame)) => Position::Frames(frame.saturating_add(num_frames)),
            (_, Position::Beats(beats)) => {
                Position::Beats(beats + seconds * moment.tempo.unwrap_or(0.0) / 60.0)
            }
            (_, Position::Unknown) => Position::Unknown,
        }
    }
}

impl Drop for CaptureSide {
    fn drop(&mut self) {
        self.end_run();
    }
}
