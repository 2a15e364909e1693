//! A wait-free lane of frames from one thread to another that knows which frames they are.
//!
//! Two of them join the threads: the mix goes to the worker, stems come back. One ring buffer per
//! channel holds the samples; frames are written and read in all
//! channels or in none. Where the frames belong, [`Place`], is said by a *mark*, once per discontinuity:
//! frames after a mark follow each other. So a lane costs the same for blocks of one frame as of 8192,
//! and alignment is arithmetic on positions.
//!
//! Why rings of samples and no boxed hops that travel back and forth: nothing has to be returned or
//! freed, a stale run is dropped by moving an index, and pieces of any length that follow each other
//! read as one.
//!
//! Memory order: the writer pushes the mark before the frames it is about and the channels in order;
//! the reader looks at the last channel first, then at the marks. So a frame that is seen in the last
//! channel is there in all of them, and its mark is there too. Space is checked in the last channel
//! likewise, because the reader frees it last.

use rtrb::{Consumer, Producer, RingBuffer};

/// Discontinuities that fit into a lane. Each is a reset, a lost block or a failed inference; with
/// more of them waiting, blocks are refused until the reader has caught up.
const NUM_MARKS: usize = 64;

/// Where a frame belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counts resets of the audio side.
    pub(crate) epoch: u64,
    /// Frames since the reset.
    pub(crate) frame: u64,
}

impl Place {
    pub(crate) fn after(self, num_frames: usize) -> Self {
        Self {
            frame: self.frame + num_frames as u64,
            ..self
        }
    }
}

/// Frames that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: Place,
    /// At least 1.
    pub(crate) num_frames: usize,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Frames written to the lane before this one.
    lane_frame: u64,
    place: Place,
}

/// The end that writes; belongs to one thread.
pub(crate) struct LaneWriter {
    channels: Vec<Producer<f32>>,
    marks: Producer<Mark>,
    written: u64,
    /// Where a frame belongs that needs no mark.
    next: Option<Place>,
}

/// The end that reads; belongs to one thread.
pub(crate) struct LaneReader {
    channels: Vec<Consumer<f32>>,
    marks: Consumer<Mark>,
    read: u64,
    /// Where the next frame belongs; known once a mark has been read.
    next: Option<Place>,
}

/// A lane for `num_channels` (at least 1) and `capacity_frames`. Allocates; nothing else here does.
pub(crate) fn lane(num_channels: usize, capacity_frames: usize) -> (LaneWriter, LaneReader) {
    let (producers, consumers) = (0..num_channels.max(1))
        .map(|_| RingBuffer::new(capacity_frames))
        .unzip();
    let (mark_producer, mark_consumer) = RingBuffer::new(NUM_MARKS);
    let writer = LaneWriter {
        channels: producers,
        marks: mark_producer,
        written: 0,
        next: None,
    };
    let reader = LaneReader {
        channels: consumers,
        marks: mark_consumer,
        read: 0,
        next: None,
    };
    (writer, reader)
}

impl LaneWriter {
    /// Frames written since the lane exists.
    pub(crate) fn written_frames(&self) -> u64 {
        self.written
    }

    /// Appends frames of all channels, or none if there is no room: then false.
    ///
    /// `channels` gives one slice of `num_frames` per channel of the lane.
    pub(crate) fn write<'a>(
        &mut self,
        place: Place,
        num_frames: usize,
        channels: impl IntoIterator<Item = &'a [f32]>,
    ) -> bool {
        if num_frames == 0 {
            return true;
        }
        let needs_mark = self.next != Some(place);
        let free = self.channels.last().map_or(0, Producer::slots);
        if free < num_frames || (needs_mark && self.marks.is_full()) {
            return false;
        }
        if needs_mark {
            let lane_frame = self.written;
            // Can't be full: just checked, and only this end fills it.
            let _ = self.marks.push(Mark { lane_frame, place });
        }
        let mut samples = channels.into_iter();
        for channel in &mut self.channels {
            // Can't fail: the last channel had the room, so all had.
            let _ = channel.push_entire_slice(samples.next().unwrap_or_default());
        }
        self.written += num_frames as u64;
        self.next = Some(place.after(num_frames));
        true
    }
}

impl LaneReader {
    /// Frames read or skipped since the lane exists.
    pub(crate) fn read_frames(&self) -> u64 {
        self.read
    }

    /// The frames that are next, up to the next discontinuity or the end of what is there.
    pub(crate) fn run(&mut self) -> Option<Run> {
        let available = self.channels.last().map_or(0, Consumer::slots);
        let mut until_mark = u64::MAX;
        while let Ok(mark) = self.marks.peek() {
            if mark.lane_frame > self.read {
                until_mark = mark.lane_frame - self.read;
                break;
            }
            self.next = Some(mark.place);
            let _ = self.marks.pop();
        }
        let num_frames = available.min(usize::try_from(until_mark).unwrap_or(usize::MAX));
        let start = self.next?;
        (num_frames > 0).then_some(Run { start, num_frames })
    }

    /// Takes the next frames, at most as many as [`Self::run`] has just told.
    ///
    /// `channels` gives one slice of `num_frames` per channel of the lane.
    pub(crate) fn read<'a>(
        &mut self,
        num_frames: usize,
        channels: impl IntoIterator<Item = &'a mut [f32]>,
    ) {
        let mut samples = channels.into_iter();
        for channel in &mut self.channels {
            // Can't fail: the last channel had the frames, so all had.
            let _ = channel.pop_entire_slice(samples.next().unwrap_or_default());
        }
        self.advance(num_frames);
    }

    /// Drops the next frames, at most as many as [`Self::run`] has just told.
    pub(crate) fn skip(&mut self, num_frames: usize) {
        for channel in &mut self.channels {
            if let Ok(chunk) = channel.read_chunk(num_frames) {
                chunk.commit_all();
            }
        }
        self.advance(num_frames);
    }

    fn advance(&mut self, num_frames: usize) {
        self.read += num_frames as u64;
        self.next = self.next.map(|next| next.after(num_frames));
    }
}
