//! A song as the input: a thread reads it, the audio thread takes what was read.
//!
//! ```text
//! any thread   Transport: play, stop, loop ─┐
//! reader       Mix ─► pieces ───────────────┴─► SongSide   AUDIO THREAD
//!                 ◄─ empty pieces
//! ```
//!
//! Each time something is played, and each time from another place, it is a stream of its own. Streams travel to the
//! audio thread in a box, and back when they are no longer heard, so nothing is freed there. What is read comes out as
//! it is in the file, resampled only if the sound card runs at another rate.

mod reading;
mod side;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use rtrb::{Consumer, Producer, RingBuffer};
use unweave_plugin::render::bounds::{Bounds, at_rate};
use unweave_plugin::render::{Mix, SongFile, Work, words};

use reading::Reading;
use side::Stream;
pub use side::{Rolling, SongSide};

/// Frames that are handed over together.
const PIECE_FRAMES: usize = 1024;
/// Half a second at 96 kHz: longer than a disk takes to wake a reader.
const NUM_PIECES: usize = 48;
/// Streams on their way: more than a person can start between two blocks.
const NUM_STREAMS: usize = 8;

/// Frames of a song, all from one place of it.
struct Piece {
    /// Of the song, counted at the sound card's rate.
    frame: u64,
    num_frames: usize,
    samples: [[f32; PIECE_FRAMES]; 2],
}

#[derive(Default)]
struct StreamShared {
    /// The frame that is taken next, counted at the sound card's rate.
    frame: AtomicU64,
    /// Nothing more will be read.
    is_read: AtomicBool,
    /// All that was read was taken.
    is_over: AtomicBool,
    num_read: AtomicU64,
    num_taken: AtomicU64,
    num_gaps: AtomicU64,
}

impl StreamShared {
    fn num_waiting(&self) -> u64 {
        // The later of both first: there are never fewer read than taken.
        let num_taken = self.num_taken.load(Ordering::Acquire);
        self.num_read.load(Ordering::Acquire) - num_taken
    }
}

struct Shared {
    is_wanted: AtomicBool,
    /// The sound card's, in Hz; 0 before it is known.
    sample_rate: AtomicU32,
}

/// What is to be played.
#[derive(Clone)]
pub struct Wish {
    /// Which row of the panel it is.
    pub key: u64,
    /// Where it is read from.
    pub song: SongFile,
    /// Where to begin, as a frame of the song.
    pub frame: u64,
}

/// What is played now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playing {
    /// Which row of the panel it is.
    pub key: u64,
    /// The frame of the song that goes in now.
    pub frame: u64,
    /// Frames of the song per second.
    pub own_rate: u32,
    /// Frames at the sound card's rate that wait to go in.
    pub num_waiting: u64,
    /// The reader was too slow so often, and there was silence.
    pub num_gaps: u64,
}

/// Starts and stops; for any thread but the audio thread.
pub struct Transport {
    shared: Arc<Shared>,
    desk: Mutex<Desk>,
}

struct Desk {
    to_audio: Producer<Box<Stream>>,
    from_audio: Consumer<Box<Stream>>,
    current: Option<Current>,
    bounds: Arc<Mutex<Bounds>>,
    refusal: Option<String>,
}

struct Current {
    wish: Wish,
    own_rate: u32,
    sample_rate: u32,
    stream: Arc<StreamShared>,
    failure: Arc<Mutex<Option<String>>>,
    /// Reads; ends when this is dropped.
    _reader: Work,
}

/// Both ends.
pub fn song() -> (Transport, SongSide) {
    let shared = Arc::new(Shared {
        is_wanted: AtomicBool::new(false),
        sample_rate: AtomicU32::new(0),
    });
    let (to_audio, from_desk) = RingBuffer::new(NUM_STREAMS);
    // One more than can be on their way there, so that all can come back.
    let (to_desk, from_audio) = RingBuffer::new(2 * NUM_STREAMS);
    let transport = Transport {
        shared: Arc::clone(&shared),
        desk: Mutex::new(Desk {
            to_audio,
            from_audio,
            current: None,
            bounds: Arc::default(),
            refusal: None,
        }),
    };
    let side = SongSide {
        shared,
        from_desk,
        to_desk,
        current: None,
    };
    (transport, side)
}

impl Transport {
    /// Plays, in place of what was played before.
    pub fn play(&self, wish: Wish) {
        let mut desk = self.desk.lock();
        desk.refusal = desk.start(wish, &self.shared).err();
        if desk.refusal.is_some() {
            desk.current = None;
            self.shared.is_wanted.store(false, Ordering::Release);
        }
    }

    /// Silence, at once.
    pub fn stop(&self) {
        self.shared.is_wanted.store(false, Ordering::Release);
        let mut desk = self.desk.lock();
        desk.current = None;
        desk.refusal = None;
        desk.free();
    }

    /// From now on, also while it plays.
    pub fn set_bounds(&self, bounds: Bounds) {
        let desk = self.desk.lock();
        let mut own = desk.bounds.lock();
        if *own != bounds {
            *own = bounds;
        }
    }

    /// What is played, if something is.
    pub fn playing(&self) -> Option<Playing> {
        let mut desk = self.desk.lock();
        let current = desk.current.as_ref()?;
        let failure = current.failure.lock().take();
        if failure.is_some() || current.stream.is_over.load(Ordering::Acquire) {
            desk.refusal = failure;
            desk.current = None;
            self.shared.is_wanted.store(false, Ordering::Release);
            desk.free();
            return None;
        }
        let frame = current.stream.frame.load(Ordering::Relaxed);
        Some(Playing {
            key: current.wish.key,
            frame: at_rate(frame, current.sample_rate, current.own_rate),
            own_rate: current.own_rate,
            num_waiting: current.stream.num_waiting(),
            num_gaps: current.stream.num_gaps.load(Ordering::Relaxed),
        })
    }

    /// Why the last song that was to be played isn't, in the user's words.
    pub fn refusal(&self) -> Option<String> {
        self.desk.lock().refusal.clone()
    }

    /// The sound card runs at another rate; what is played goes on. Not while audio is processed.
    pub(crate) fn set_sample_rate(&self, sample_rate: u32) {
        let before = self.shared.sample_rate.swap(sample_rate, Ordering::AcqRel);
        if before == sample_rate {
            return;
        }
        if let Some(playing) = self.playing() {
            let desk = self.desk.lock();
            let wish = desk.current.as_ref().map(|current| Wish {
                frame: playing.frame,
                ..current.wish.clone()
            });
            drop(desk);
            if let Some(wish) = wish {
                self.play(wish);
            }
        }
    }
}

impl Desk {
    fn start(&mut self, wish: Wish, shared: &Arc<Shared>) -> Result<(), String> {
        // Waits for the reader, so that nothing more is read of what was played.
        self.current = None;
        self.free();
        let sample_rate = shared.sample_rate.load(Ordering::Acquire);
        if sample_rate == 0 {
            return Err("No sound yet: wait a moment, then play.".to_owned());
        }
        // Opened here, so that what can't be read is said at once.
        let mix = Mix::open(wish.song.path(), wish.frame, sample_rate);
        let mix = mix.map_err(|error| words::job(&error))?;
        let own_rate = mix.own_rate();
        let (to_audio, pieces) = RingBuffer::new(NUM_PIECES);
        let (mut empties, from_audio) = RingBuffer::new(NUM_PIECES);
        for _ in 0..NUM_PIECES {
            // There is room for as many.
            let _ = empties.push(Box::new(Piece {
                frame: 0,
                num_frames: 0,
                samples: [[0.0; PIECE_FRAMES]; 2],
            }));
        }
        let stream = Arc::<StreamShared>::default();
        let first = at_rate(wish.frame, own_rate, sample_rate);
        stream.frame.store(first, Ordering::Relaxed);
        let failure = Arc::<Mutex<Option<String>>>::default();
        let reading = Reading {
            wish: wish.clone(),
            sample_rate,
            own_rate,
            mix,
            to_audio,
            from_audio,
            bounds: Arc::clone(&self.bounds),
            shared: Arc::clone(&stream),
        };
        let (own, failed) = (Arc::clone(&stream), Arc::clone(&failure));
        let reader = Work::start("unweave-song", move |cancel| {
            if let Err(error) = reading.run(cancel) {
                *failed.lock() = Some(error);
            }
            own.is_read.store(true, Ordering::Release);
        });
        let reader = reader.map_err(|error| format!("Nothing can be played now: {error}."))?;
        self.to_audio
            .push(Box::new(Stream {
                pieces,
                empties,
                piece: None,
                taken: 0,
                shared: Arc::clone(&stream),
            }))
            .map_err(|_| {
                "No sound card takes the song: choose another at the lower right.".to_owned()
            })?;
        self.current = Some(Current {
            wish,
            own_rate,
            sample_rate,
            stream,
            failure,
            _reader: reader,
        });
        shared.is_wanted.store(true, Ordering::Release);
        Ok(())
    }

    /// Frees what the audio thread has done with.
    fn free(&mut self) {
        while self.from_audio.pop().is_ok() {}
    }
}
