//! Hearing stems that were separated elsewhere, in place of the live output: a whole song, from any place in it.
//!
//! ```text
//! any thread   PreviewDesk: play, stop, which tracks are heard ─┐
//! feeder       PreviewFeed ─► lane of stems ────────────────────┴─► PreviewSide   AUDIO THREAD
//! ```
//!
//! Each time something is played, and each time from another place, it has a lane of its own, which holds
//! [`LANE_SECONDS`]. Lanes travel to the audio thread in a box, and back when they are no longer heard, so nothing
//! is freed there. The stems are mixed with the gains, mutes and solos of the live stems, and fade in 10 ms wherever
//! they begin, end, jump or run dry: no click, whatever happens when. While a lane is empty there is silence.
//!
//! What the host renders must be the live output alone. So listening is over, at once and for good, when the host
//! renders, and when its transport starts or it resets after the preview was heard: that is how a recording in real
//! time begins.
//!
//! Previews have [`Levels`] of their own, so that meters show what is heard.

mod side;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::controls::MAX_STEMS;
use crate::lane::{LanePosition, LaneReader, LaneWriter, lane};
use crate::levels::Levels;
pub use side::{PreviewSide, Use};

/// Seconds of stems that wait to be heard at most: longer than a model takes for a batch of hops.
pub const LANE_SECONDS: usize = 2;

/// Lanes on their way in either direction: one that is heard, one that waits, and one to spare.
const NUM_LANES: usize = 3;

/// Until the host's sample rate is known.
const RATE_AT_FIRST: u32 = 44_100;

/// What is played, as the audio thread has it.
struct Stream {
    /// Stems from the feeder.
    lane: LaneReader,
    /// How many are fed.
    num_stems: usize,
    /// How many of them have a strip of their own; from 1 to `num_stems`.
    num_strips: usize,
    /// What the feeder's end knows of it.
    shared: Arc<StreamShared>,
    /// Something of it has been there to be heard.
    has_begun: bool,
}

/// What the ends of one lane know of each other.
#[derive(Default)]
struct StreamShared {
    /// The frame of the song that is heard next.
    frame: AtomicU64,
    /// Whether something of it has been heard.
    has_begun: AtomicBool,
}

/// Starts and stops; belongs to any thread but the audio thread.
pub struct PreviewDesk {
    shared: Arc<Shared>,
    /// What is to be heard.
    to_audio: Producer<Box<Stream>>,
    /// What is heard no longer.
    from_audio: Consumer<Box<Stream>>,
    /// Of what was played last.
    current: Arc<StreamShared>,
}

/// Gives the stems; belongs to one thread, for as long as it is fed.
pub struct PreviewFeed {
    /// Stems to the audio thread.
    lane: LaneWriter,
    num_stems: usize,
    /// Frames that the lane holds.
    capacity_frames: usize,
    shared: Arc<Shared>,
    /// What the audio thread knows of it.
    stream: Arc<StreamShared>,
}

/// What the host doesn't do: take what is to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotProcessing;

struct Shared {
    /// Never locked while audio is processed.
    levels: Mutex<Arc<Levels>>,
    /// Whether a preview is to be heard at all.
    is_wanted: AtomicBool,
    /// One bit for each track that is not heard.
    silenced: AtomicU32,
    /// The host's, in Hz.
    sample_rate: AtomicU32,
}

/// Both ends.
pub fn preview() -> (PreviewDesk, PreviewSide) {
    let levels = new_levels(RATE_AT_FIRST);
    let shared = Arc::new(Shared {
        levels: Mutex::new(Arc::clone(&levels)),
        is_wanted: AtomicBool::new(false),
        silenced: AtomicU32::new(0),
        sample_rate: AtomicU32::new(RATE_AT_FIRST),
    });
    let (to_audio, from_desk) = RingBuffer::new(NUM_LANES);
    let (to_desk, from_audio) = RingBuffer::new(NUM_LANES);
    let desk = PreviewDesk {
        shared: Arc::clone(&shared),
        to_audio,
        from_audio,
        current: Arc::default(),
    };
    let side = PreviewSide::new(shared, (from_desk, to_desk), levels);
    (desk, side)
}

/// What is heard, at the host's rate.
fn new_levels(sample_rate: u32) -> Arc<Levels> {
    Arc::new(Levels::new(MAX_STEMS, sample_rate))
}

impl PreviewDesk {
    /// From now on what is fed is heard, and what was before no longer.
    ///
    /// The first `num_strips` of `num_stems` stems are mixed as the live stems of these numbers, the others as the
    /// last of them.
    ///
    /// # Errors
    /// The audio thread hasn't taken what was played before: no audio is processed.
    pub fn play(
        &mut self,
        num_stems: usize,
        num_strips: usize,
    ) -> Result<PreviewFeed, NotProcessing> {
        self.free();
        let num_stems = num_stems.clamp(1, MAX_STEMS);
        let rate = self.shared.sample_rate.load(Ordering::Acquire);
        let capacity_frames = LANE_SECONDS * usize::try_from(rate).unwrap_or(usize::MAX / 8);
        let (writer, reader) = lane(2 * num_stems, capacity_frames);
        let stream = Arc::<StreamShared>::default();
        self.to_audio
            .push(Box::new(Stream {
                lane: reader,
                num_stems,
                num_strips: num_strips.clamp(1, num_stems),
                shared: Arc::clone(&stream),
                has_begun: false,
            }))
            .map_err(|_| NotProcessing)?;
        self.current = Arc::clone(&stream);
        self.shared.is_wanted.store(true, Ordering::Release);
        Ok(PreviewFeed {
            lane: writer,
            num_stems,
            capacity_frames,
            shared: Arc::clone(&self.shared),
            stream,
        })
    }

    /// The live output is heard again.
    pub fn stop(&mut self) {
        self.shared.is_wanted.store(false, Ordering::Release);
        self.free();
    }

    /// All that a feed gave has been heard: the live output is heard again, unless something else is played.
    pub fn end(&mut self, feed: &PreviewFeed) {
        if Arc::ptr_eq(&self.current, &feed.stream) {
            self.stop();
        }
    }

    /// Whether a preview is to be heard.
    pub fn is_playing(&self) -> bool {
        self.shared.is_wanted.load(Ordering::Acquire)
    }

    /// The frame of the song, as it was fed, that is heard; none before the first.
    pub fn frame(&self) -> Option<u64> {
        let has_begun = self.current.has_begun.load(Ordering::Acquire);
        has_begun.then(|| self.current.frame.load(Ordering::Relaxed))
    }

    /// Which tracks are left out, by the order in which their stems are fed.
    pub fn silence(&self, is_silent: [bool; MAX_STEMS]) {
        let bits = is_silent
            .iter()
            .rev()
            .fold(0, |bits, is_silent| bits << 1 | u32::from(*is_silent));
        self.shared.silenced.store(bits, Ordering::Release);
    }

    /// How loud what is heard has been.
    pub fn levels(&self) -> Arc<Levels> {
        let levels = self.shared.levels.lock();
        Arc::clone(&levels.unwrap_or_else(PoisonError::into_inner))
    }

    /// Frees what the audio thread has done with.
    fn free(&mut self) {
        while self.from_audio.pop().is_ok() {}
    }
}

impl PreviewFeed {
    /// Adds frames from `frame` of the song on, or none if there is no room for all of them now: then false.
    ///
    /// # Shape
    /// `[stem][channel][frame]` at the host's rate: at most [`Self::max_frames`], as many stems as were announced.
    pub fn feed<'a>(
        &mut self,
        frame: u64,
        num_frames: usize,
        stems: impl IntoIterator<Item = [&'a [f32]; 2]>,
    ) -> bool {
        let position = LanePosition { epoch: 0, frame };
        let channels = stems.into_iter().take(self.num_stems).flatten();
        self.lane.write(position, num_frames, channels)
    }

    /// Most frames that fit at a time.
    pub fn max_frames(&self) -> usize {
        self.capacity_frames
    }

    /// Whether all that was fed has been heard.
    pub fn is_heard(&self) -> bool {
        self.lane.num_waiting() == 0
    }

    /// Whether this is still to be heard: nobody has stopped it or plays something else, and the host goes on.
    pub fn is_wanted(&self) -> bool {
        self.shared.is_wanted.load(Ordering::Acquire) && !self.lane.is_abandoned()
    }

    /// Frames that were taken to be heard; stands still while no audio is processed.
    pub fn num_heard(&self) -> u64 {
        self.lane.written_frames() - self.lane.num_waiting() as u64
    }
}
