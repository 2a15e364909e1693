//! Hearing the stems of a song in place of the output: a thread that feeds the audio thread's lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use unweave_live::preview::{PreviewDesk, PreviewFeed};
use unweave_live::{Levels, MAX_STEMS};
use unweave_separation::Terminator;

use crate::ids;
use crate::render::bounds::{Bounds, Course, Next, at_rate};
use crate::render::stems::{StemSource, Stems};
use crate::render::{SongFile, Work, words};

/// How often a full lane is looked at.
const NAP: Duration = Duration::from_millis(20);
/// A host that takes nothing for so long processes no audio.
const PATIENCE: Duration = Duration::from_secs(3);

const NO_AUDIO: &str =
    "The host processes no audio: nothing can be heard. Switch the plug-in on, or start audio.";

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listening {
    /// The output, as ever.
    Off,
    /// The output, until the first stems are there.
    Preparing,
    /// The stems of a song, mixed as the faders are set.
    Playing,
    /// The output, since nothing can be heard, for this reason.
    Failed(String),
}

/// What is played.
pub(super) struct Wish {
    pub(super) song: SongFile,
    pub(super) source: StemSource,
    /// Where to begin, as a frame of the song.
    pub(super) frame: u64,
}

/// Plays one song at a time.
pub(super) struct Player {
    desk: Arc<Mutex<PreviewDesk>>,
    bounds: Arc<Mutex<Bounds>>,
    failure: Arc<Mutex<Option<String>>>,
    /// Whether what was played last was heard to its end.
    has_ended: Arc<AtomicBool>,
    work: Option<Work>,
    /// The song's sample rate by that of the host, of what is or was played last.
    rates: Arc<Mutex<(u32, u32)>>,
}

impl Player {
    pub(super) fn new(desk: PreviewDesk) -> Self {
        Self {
            desk: Arc::new(Mutex::new(desk)),
            bounds: Arc::default(),
            failure: Arc::default(),
            has_ended: Arc::default(),
            work: None,
            rates: Arc::new(Mutex::new((1, 1))),
        }
    }

    /// Plays from here on, in place of what was played before.
    pub(super) fn start(&mut self, wish: Wish, sample_rate: u32) -> Result<(), String> {
        // Waits for the thread, so that nothing more is fed of what was played.
        self.work = None;
        *self.failure.lock() = None;
        self.has_ended.store(false, Ordering::Release);
        let num_stems = wish.source.tracks().names().len();
        let feed = self.desk.lock().play(num_stems, ids::STEMS.len());
        let feed = feed.map_err(|_| NO_AUDIO.to_owned())?;
        let (desk, failure) = (Arc::clone(&self.desk), Arc::clone(&self.failure));
        let (bounds, rates) = (Arc::clone(&self.bounds), Arc::clone(&self.rates));
        let has_ended = Arc::clone(&self.has_ended);
        let work = Work::start("unweave-player", move |cancel| {
            let mut feeding = Feeding {
                feed,
                bounds: &bounds,
                cancel,
            };
            let result = feeding.run(&wish, sample_rate, &rates);
            if cancel.is_terminated() {
                return;
            }
            has_ended.store(result == Ok(true), Ordering::Release);
            *failure.lock() = result.err();
            desk.lock().end(&feeding.feed);
        });
        match work {
            Ok(work) => self.work = Some(work),
            Err(error) => {
                self.desk.lock().stop();
                return Err(format!("Nothing can be played now: {error}."));
            }
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        self.work = None;
        self.desk.lock().stop();
        *self.failure.lock() = None;
    }

    /// Whether what was played last came to its end, and the host hasn't interrupted it.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// From now on, also while it plays.
    pub(super) fn set_bounds(&self, bounds: Bounds) {
        *self.bounds.lock() = bounds;
    }

    /// Tracks that are not heard.
    pub(super) fn silence(&self, is_silent: [bool; MAX_STEMS]) {
        self.desk.lock().silence(is_silent);
    }

    pub(super) fn levels(&self) -> Arc<Levels> {
        self.desk.lock().levels()
    }

    /// The frame of the song that is heard.
    pub(super) fn frame(&self) -> Option<u64> {
        let frame = self.desk.lock().frame()?;
        let (own, hosts) = *self.rates.lock();
        Some(at_rate(frame, hosts, own))
    }

    pub(super) fn state(&self) -> Listening {
        if let Some(failure) = &*self.failure.lock() {
            return Listening::Failed(failure.clone());
        }
        let desk = self.desk.lock();
        match (desk.is_playing(), desk.frame()) {
            (false, _) => Listening::Off,
            (true, None) => Listening::Preparing,
            (true, Some(_)) => Listening::Playing,
        }
    }
}

/// One song on its way to the audio thread.
struct Feeding<'a> {
    feed: PreviewFeed,
    bounds: &'a Mutex<Bounds>,
    cancel: &'a Terminator,
}

impl Feeding<'_> {
    /// Until its end has been heard, or nobody wants more of it; gives which.
    fn run(
        &mut self,
        wish: &Wish,
        sample_rate: u32,
        rates: &Mutex<(u32, u32)>,
    ) -> Result<bool, String> {
        let open = Stems::open(
            &wish.song,
            &wish.source,
            (sample_rate, wish.frame),
            self.cancel,
        );
        let mut stems = open.map_err(|error| words::job(&error))?;
        let own_rate = stems.own_rate();
        *rates.lock() = (own_rate, sample_rate);
        let mut course = Course::new(wish.frame, own_rate, sample_rate);
        while self.goes_on() {
            let bounds = self.bounds.lock().clone();
            let block = stems.read().map_err(|error| words::job(&error))?;
            let piece = course.cut(block[0][0].len(), &bounds);
            if !self.put(block, piece.num_frames, piece.frame)? {
                return Ok(false);
            }
            match piece.next {
                Next::Block => (),
                Next::Jump(frame) => stems.seek(frame).map_err(|error| words::job(&error))?,
                Next::End => return self.wait_until_heard(),
            }
        }
        Ok(false)
    }

    fn goes_on(&self) -> bool {
        !self.cancel.is_terminated() && self.feed.is_wanted()
    }

    /// Feeds the first frames of a block as there is room; false if nobody wants them any more.
    fn put(&mut self, block: &[[Vec<f32>; 2]], num_frames: usize, at: u64) -> Result<bool, String> {
        let most = self.feed.max_frames() / 4;
        let mut done = 0;
        let mut last = (self.feed.num_heard(), Instant::now());
        while done < num_frames {
            if !self.goes_on() {
                return Ok(false);
            }
            let piece = done..num_frames.min(done + most.max(1));
            let stems = block
                .iter()
                .map(|stem| stem.each_ref().map(|channel| &channel[piece.clone()]));
            if self.feed.feed(at + done as u64, piece.len(), stems) {
                done = piece.end;
            } else {
                self.wait(&mut last)?;
            }
        }
        Ok(true)
    }

    fn wait_until_heard(&mut self) -> Result<bool, String> {
        let mut last = (self.feed.num_heard(), Instant::now());
        while self.goes_on() && !self.feed.is_heard() {
            self.wait(&mut last)?;
        }
        Ok(self.goes_on())
    }

    /// A moment; `last` is how much was heard when, the last time that it was more.
    fn wait(&self, last: &mut (u64, Instant)) -> Result<(), String> {
        std::thread::sleep(NAP);
        let num_heard = self.feed.num_heard();
        if num_heard != last.0 {
            *last = (num_heard, Instant::now());
        }
        if last.1.elapsed() > PATIENCE {
            return Err(NO_AUDIO.to_owned());
        }
        Ok(())
    }
}
