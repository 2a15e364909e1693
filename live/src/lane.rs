//! A wait-free lane of frames from one thread to another that knows which frames they are.
//!
//! Two of them join the threads: the mix goes to the worker, stems come back. One ring buffer per
//! channel holds the samples; frames are written and read in all
//! channels or in none. Where the frames belong, [`LanePosition`], is said by a *mark*, once per discontinuity:
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
pub(crate) struct LanePosition {
    /// Counts resets of the audio side.
    pub(crate) epoch: u64,
    /// Frames since the reset.
    pub(crate) frame: u64,
}

impl LanePosition {
    /// Where the frame belongs that comes so many later.
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
    /// Where its first frame belongs.
    pub(crate) start: LanePosition,
    /// At least 1.
    pub(crate) num_frames: usize,
}

/// From here on frames have other positions than counting goes on to.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Frames written to the lane before this one.
    lane_frame: u64,
    position: LanePosition,
}

/// The end that writes; belongs to one thread.
pub(crate) struct LaneWriter {
    /// One ring per channel, all of one capacity.
    channels: Vec<Producer<f32>>,
    /// Where positions jump.
    marks: Producer<Mark>,
    /// Frames since the lane exists.
    written: u64,
    /// Where a frame belongs that needs no mark.
    next: Option<LanePosition>,
}

/// The end that reads; belongs to one thread.
pub(crate) struct LaneReader {
    /// One ring per channel, all of one capacity.
    channels: Vec<Consumer<f32>>,
    /// Where positions jump.
    marks: Consumer<Mark>,
    /// Frames since the lane exists, skipped ones included.
    read: u64,
    /// Where the next frame belongs; known once a mark has been read.
    next: Option<LanePosition>,
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

    /// Frames that have not been read yet; fewer by the time it is told.
    pub(crate) fn num_waiting(&self) -> usize {
        let waiting = |channel: &Producer<f32>| channel.buffer().capacity() - channel.slots();
        self.channels.last().map_or(0, waiting)
    }

    /// Whether the reader is gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.marks.is_abandoned()
    }

    /// Appends frames of all channels, or none if there is no room: then false.
    ///
    /// `channels` gives one slice of `num_frames` per channel of the lane.
    pub(crate) fn write<'a>(
        &mut self,
        position: LanePosition,
        num_frames: usize,
        channels: impl IntoIterator<Item = &'a [f32]>,
    ) -> bool {
        if num_frames == 0 {
            return true;
        }
        let needs_mark = self.next != Some(position);
        let free = self.channels.last().map_or(0, Producer::slots);
        if free < num_frames || (needs_mark && self.marks.is_full()) {
            return false;
        }
        if needs_mark {
            let lane_frame = self.written;
            // Can't be full: just checked, and only this end fills it.
            let _ = self.marks.push(Mark {
                lane_frame,
                position,
            });
        }
        let mut samples = channels.into_iter();
        for channel in &mut self.channels {
            // Can't fail: the last channel had the room, so all had.
            let _ = channel.push_entire_slice(samples.next().unwrap_or_default());
        }
        self.written += num_frames as u64;
        self.next = Some(position.after(num_frames));
        true
    }
}

impl LaneReader {
    /// Whether the writer is gone: what is there then is all that will be.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.marks.is_abandoned()
    }

    /// Frames read or skipped since the lane exists.
    pub(crate) fn read_frames(&self) -> u64 {
        self.read
    }

    /// Frames that wait to be read.
    pub(crate) fn num_frames(&self) -> usize {
        self.channels.last().map_or(0, Consumer::slots)
    }

    /// The frames that are next, up to the next discontinuity or the end of what is there.
    pub(crate) fn run(&mut self) -> Option<Run> {
        let available = self.num_frames();
        let mut until_mark = u64::MAX;
        while let Ok(mark) = self.marks.peek() {
            if mark.lane_frame > self.read {
                until_mark = mark.lane_frame - self.read;
                break;
            }
            self.next = Some(mark.position);
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

    /// So many frames are gone.
    fn advance(&mut self, num_frames: usize) {
        self.read += num_frames as u64;
        self.next = self.next.map(|next| next.after(num_frames));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(epoch: u64, frame: u64) -> LanePosition {
        LanePosition { epoch, frame }
    }

    /// A sample that says where it belongs: exact in f32 for what the tests use.
    fn sample(position: LanePosition, channel_idx: u16) -> f32 {
        let frame = u16::try_from(position.frame).unwrap();
        let epoch = u16::try_from(position.epoch).unwrap();
        f32::from(frame) + 1000.0 * f32::from(epoch) + 0.25 * f32::from(channel_idx)
    }

    fn write(writer: &mut LaneWriter, start: LanePosition, num_frames: usize) -> bool {
        let samples = [0, 1].map(|channel_idx| -> Vec<f32> {
            (0..num_frames)
                .map(|frame_idx| sample(start.after(frame_idx), channel_idx))
                .collect()
        });
        writer.write(start, num_frames, samples.iter().map(Vec::as_slice))
    }

    /// Reads frames and checks that they are what they are said to be.
    fn read(reader: &mut LaneReader, start: LanePosition, num_frames: usize) {
        let mut samples = [vec![0.0; num_frames], vec![0.0; num_frames]];
        reader.read(num_frames, samples.iter_mut().map(Vec::as_mut_slice));
        for (channel_idx, channel) in (0..).zip(&samples) {
            for (frame_idx, actual) in channel.iter().enumerate() {
                assert_eq!(*actual, sample(start.after(frame_idx), channel_idx));
            }
        }
    }

    /// All sequences of six operations, against a plain list of the places in the lane.
    #[test]
    fn every_short_sequence_of_operations_agrees_with_a_list_of_places() {
        const CAPACITY: usize = 5;
        const NUM_OPERATIONS: usize = 6;
        let depth: u32 = if cfg!(miri) { 3 } else { 6 };
        for sequence in 0..NUM_OPERATIONS.pow(depth) {
            let (mut writer, mut reader) = lane(2, CAPACITY);
            let mut list = std::collections::VecDeque::new();
            let mut next = position(0, 0);
            for step in 0..depth {
                match sequence / NUM_OPERATIONS.pow(step) % NUM_OPERATIONS {
                    // Writes of two lengths; a refused one is a gap.
                    operation @ 0..2 => {
                        let num_frames = 1 + 2 * operation;
                        let fits = list.len() + num_frames <= CAPACITY;
                        assert_eq!(write(&mut writer, next, num_frames), fits);
                        if fits {
                            list.extend((0..num_frames).map(|idx| next.after(idx)));
                        }
                        next = next.after(num_frames);
                    }
                    2 => next = position(next.epoch + 1, 0),
                    3 => next = next.after(7),
                    operation => {
                        let run = reader.run();
                        let follows = |idx: &usize| list[*idx] == list[0].after(*idx);
                        let expected = (0..list.len()).take_while(follows).count();
                        assert_eq!(run.map_or(0, |run| run.num_frames), expected);
                        let Some(run) = run else { continue };
                        assert_eq!(run.start, list[0]);
                        if operation == 4 {
                            read(&mut reader, run.start, run.num_frames);
                            list.drain(..run.num_frames);
                        } else {
                            reader.skip(1);
                            list.pop_front();
                        }
                    }
                }
            }
        }
    }

    /// Two threads at once. Miri runs it with its own scheduler and weak memory, many times over.
    #[test]
    fn frames_and_their_places_stay_together_between_threads() {
        let num_epochs = if cfg!(miri) { 4 } else { 60 };
        let frames_per_epoch = if cfg!(miri) { 12 } else { 900 };
        let (mut writer, mut reader) = lane(2, 16);
        let producer = std::thread::spawn(move || {
            for epoch in 0..num_epochs {
                let mut next = position(epoch, 0);
                while next.frame < frames_per_epoch {
                    let num_frames = usize::try_from(1 + next.frame % 5).unwrap();
                    if write(&mut writer, next, num_frames) {
                        // A gap now and then.
                        next = next.after(num_frames + usize::from(next.frame.is_multiple_of(11)));
                    } else {
                        std::thread::yield_now();
                    }
                }
            }
        });
        let mut seen = 0_u64;
        let mut last = position(0, 0);
        loop {
            let is_over = producer.is_finished();
            let Some(run) = reader.run() else {
                if is_over {
                    break;
                }
                std::thread::yield_now();
                continue;
            };
            let is_later = (run.start.epoch, run.start.frame) >= (last.epoch, last.frame);
            assert!(is_later, "{run:?} after {last:?}");
            let num_frames = run.num_frames.min(7);
            read(&mut reader, run.start, num_frames);
            last = run.start.after(num_frames);
            seen += num_frames as u64;
        }
        assert_eq!(seen, reader.read_frames());
        assert_eq!(last.epoch, num_epochs - 1);
        producer.join().unwrap();
    }

    #[test]
    fn marks_that_do_not_fit_refuse_the_frames_and_nothing_is_mixed_up() {
        let (mut writer, mut reader) = lane(2, 1000);
        for epoch in 0..NUM_MARKS as u64 {
            assert!(write(&mut writer, position(epoch, 3), 2));
        }
        assert!(!write(&mut writer, position(99, 0), 2), "no mark is free");
        assert!(
            write(&mut writer, position(NUM_MARKS as u64 - 1, 5), 2),
            "needs no mark"
        );
        for epoch in 0..NUM_MARKS as u64 {
            let run = reader.run().unwrap();
            assert_eq!(run.start, position(epoch, 3));
            read(&mut reader, run.start, run.num_frames);
        }
        assert!(reader.run().is_none());
        assert!(write(&mut writer, position(99, 0), 2));
        assert_eq!(reader.run().unwrap().start, position(99, 0));
    }
}
