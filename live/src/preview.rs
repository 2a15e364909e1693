//! Hearing a few seconds of stems that were separated elsewhere, in place of the live output.
//!
//! The stems travel to the audio thread in a box through a lane, and back when they are no longer heard, so
//! nothing is freed there. They are mixed with the gains, mutes and solos of the live stems, repeat
//! until they are stopped, and fade against the live output in 10 ms: no click, whatever happens when.
//!
//! What the host renders must be the live output alone. So listening is over, at once and for good, when the host
//! renders, and when its transport starts or it resets after the preview was heard: that is how a recording in real
//! time begins.
//!
//! Previews have [`Levels`] of their own, so that meters show what is heard.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::controls::{Controls, MAX_STEMS, RAMPS_PER_SECOND, Ramp};
use crate::levels::{Gauge, Levels};

/// Previews on their way in either direction: one that is heard, one that waits, and one to spare.
const NUM_BOXES: usize = 3;

/// Until the host's sample rate is known.
const RATE_AT_FIRST: u32 = 44_100;

/// Frames that are mixed at a time.
const MAX_FRAMES: usize = 128;

/// Stems to be heard.
pub struct Preview {
    stems: Vec<[Vec<f32>; 2]>,
    num_frames: usize,
}

/// Keeps the previews; belongs to any thread but the audio thread.
pub struct PreviewDesk {
    shared: Arc<Shared>,
    to_audio: Producer<Box<Preview>>,
    from_audio: Consumer<Box<Preview>>,
}

/// Plays the previews; belongs to the audio thread.
///
/// # Realtime safety
/// [`Self::process`] never allocates, frees, locks, makes a system call or waits.
pub struct PreviewSide {
    shared: Arc<Shared>,
    from_desk: Consumer<Box<Preview>>,
    to_desk: Producer<Box<Preview>>,
    current: Option<Box<Preview>>,
    /// The next frame of the preview.
    frame: usize,
    fade_frames: usize,
    /// 0: the live output is heard; 1: the preview.
    level: Ramp,
    gains: [Ramp; MAX_STEMS],
    gauge: Gauge,
    was_playing: bool,
}

/// What the host does with a block.
#[derive(Debug, Clone, Copy, Default)]
pub struct Use {
    /// The transport rolls.
    pub is_playing: bool,
    /// It renders: nobody listens.
    pub is_offline: bool,
}

/// What is heard, at the host's rate until that is known.
fn new_levels(sample_rate: u32) -> Arc<Levels> {
    Arc::new(Levels::new(MAX_STEMS, sample_rate))
}

struct Shared {
    /// Never locked while audio is processed.
    levels: Mutex<Arc<Levels>>,
    is_wanted: AtomicBool,
    /// The frame of the preview that is heard.
    frame: AtomicU64,
}

impl Preview {
    /// Stems at the host's rate, `[stem][channel][frame]`, all of the same length: the shortest counts.
    pub fn new(stems: Vec<[Vec<f32>; 2]>) -> Self {
        let lengths = stems.iter().flatten().map(Vec::len);
        let num_frames = lengths.min().unwrap_or(0);
        Self { stems, num_frames }
    }

    /// Length in frames.
    pub fn num_frames(&self) -> usize {
        self.num_frames
    }
}

/// Both ends.
pub fn preview() -> (PreviewDesk, PreviewSide) {
    let levels = new_levels(RATE_AT_FIRST);
    let shared = Arc::new(Shared {
        levels: Mutex::new(Arc::clone(&levels)),
        is_wanted: AtomicBool::new(false),
        frame: AtomicU64::new(0),
    });
    let (to_audio, from_desk) = RingBuffer::new(NUM_BOXES);
    let (to_desk, from_audio) = RingBuffer::new(NUM_BOXES);
    let desk = PreviewDesk {
        shared: Arc::clone(&shared),
        to_audio,
        from_audio,
    };
    let side = PreviewSide {
        shared,
        from_desk,
        to_desk,
        current: None,
        frame: 0,
        fade_frames: 1,
        level: Ramp::new(0.0, RATE_AT_FIRST),
        gains: [Ramp::new(1.0, RATE_AT_FIRST); MAX_STEMS],
        gauge: Gauge::new(levels),
        was_playing: false,
    };
    (desk, side)
}

impl PreviewDesk {
    /// From now on this preview is heard, from its start.
    ///
    /// # Errors
    /// Gives it back if the audio thread hasn't taken the ones before: no audio is processed.
    pub fn play(&mut self, preview: Box<Preview>) -> Result<(), Box<Preview>> {
        self.free();
        self.to_audio
            .push(preview)
            .map_err(|rtrb::PushError::Full(preview)| preview)?;
        self.shared.is_wanted.store(true, Ordering::Release);
        Ok(())
    }

    /// The live output is heard again.
    pub fn stop(&mut self) {
        self.shared.is_wanted.store(false, Ordering::Release);
        self.free();
    }

    /// Whether a preview is to be heard.
    pub fn is_playing(&self) -> bool {
        self.shared.is_wanted.load(Ordering::Acquire)
    }

    /// The frame of the preview that is heard.
    pub fn frame(&self) -> u64 {
        self.shared.frame.load(Ordering::Relaxed)
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

impl PreviewSide {
    /// For another sample rate, in which no preview was made yet. Frees: not on the audio thread.
    pub fn set_up(&mut self, sample_rate: u32) {
        self.current = None;
        while self.from_desk.pop().is_ok() {}
        self.shared.is_wanted.store(false, Ordering::Release);
        self.level = Ramp::new(0.0, sample_rate);
        self.gains = [Ramp::new(1.0, sample_rate); MAX_STEMS];
        let levels = new_levels(sample_rate);
        self.gauge = Gauge::new(Arc::clone(&levels));
        let shared = self.shared.levels.lock();
        *shared.unwrap_or_else(PoisonError::into_inner) = levels;
        self.was_playing = false;
        self.fade_frames = usize::try_from(sample_rate / RAMPS_PER_SECOND).map_or(1, |n| n.max(1));
    }

    /// Puts the preview in place of the main output, `[channel][frame]` of one or two channels, if one is to be
    /// heard; whether one is.
    pub fn process(&mut self, main: &mut [&mut [f32]], controls: &Controls, host: Use) -> bool {
        let starts = host.is_playing && !std::mem::replace(&mut self.was_playing, host.is_playing);
        if host.is_offline {
            self.end();
        } else if starts {
            self.interrupt();
        }
        let num_frames = main.iter().map(|channel| channel.len()).min().unwrap_or(0);
        let mut done = 0;
        while done < num_frames && self.make_ready(controls) {
            let end = num_frames.min(done + MAX_FRAMES);
            self.mix(main, done, end);
            done = end;
        }
        done > 0
    }

    /// The host begins anew: what has been heard is heard no longer.
    pub fn interrupt(&mut self) {
        if self.current.is_some() && self.level.resting() != Some(0.0) {
            self.end();
        }
    }

    fn end(&mut self) {
        self.shared.is_wanted.store(false, Ordering::Release);
        // At once: a fade would be in what is recorded.
        self.level.set(0.0, true);
    }

    /// Takes and gives back boxes, and says where the ramps go; false if nothing is to be heard.
    fn make_ready(&mut self, controls: &Controls) -> bool {
        let is_wanted = self.shared.is_wanted.load(Ordering::Acquire);
        let has_next = self.from_desk.peek().is_ok();
        if self.level.resting() == Some(0.0) && (has_next || !is_wanted) {
            if let Some(old) = self.current.take() {
                // If the way back is full it stays; there is room as soon as the desk looks.
                if let Err(rtrb::PushError::Full(old)) = self.to_desk.push(old) {
                    self.current = Some(old);
                    return false;
                }
            }
            if is_wanted {
                self.current = self.from_desk.pop().ok();
                self.frame = 0;
                for (stem_idx, gain) in self.gains.iter_mut().enumerate() {
                    gain.set(target(controls, stem_idx, self.current.as_deref()), true);
                }
            }
        }
        let Some(preview) = self.current.as_deref() else {
            return false;
        };
        // The next one may have become the current one.
        let has_next = self.from_desk.peek().is_ok();
        let is_heard = is_wanted && !has_next && !controls.is_bypassed && preview.num_frames > 0;
        self.level.set(if is_heard { 1.0 } else { 0.0 }, false);
        for (stem_idx, gain) in self.gains.iter_mut().enumerate() {
            gain.set(target(controls, stem_idx, Some(preview)), false);
        }
        preview.num_frames > 0 && (is_heard || self.level.resting() != Some(0.0))
    }

    fn mix(&mut self, main: &mut [&mut [f32]], start: usize, end: usize) {
        let Some(preview) = self.current.as_deref() else {
            return;
        };
        let num_frames = end - start;
        let mut levels = [0.0; MAX_FRAMES];
        self.level.fill(&mut levels[..num_frames]);
        let mut gains = [[0.0; MAX_FRAMES]; MAX_STEMS];
        for (gain, ramp) in gains.iter_mut().zip(&mut self.gains) {
            ramp.fill(&mut gain[..num_frames]);
        }
        let mut mix = [[0.0; MAX_FRAMES]; 2];
        let mut stems = [[[0.0; MAX_FRAMES]; 2]; MAX_STEMS];
        for (idx, level) in levels[..num_frames].iter().enumerate() {
            let frame = self.frame;
            self.frame = (frame + 1) % preview.num_frames;
            let envelope = self.envelope(frame, preview.num_frames);
            let mut sides = [0.0; 2];
            for (stem_idx, (stem, gain)) in preview.stems.iter().zip(&gains).enumerate() {
                for (side_idx, (side, channel)) in sides.iter_mut().zip(stem).enumerate() {
                    let sample = channel[frame];
                    *side += gain[idx] * sample;
                    let heard = *level * envelope * sample;
                    mix[side_idx][idx] += heard;
                    if let Some(stem) = stems.get_mut(stem_idx) {
                        stem[side_idx][idx] = heard;
                    }
                }
            }
            let heard: &[f32] = match main.len() {
                1 => &[0.5 * (sides[0] + sides[1])],
                _ => &sides,
            };
            for (channel, heard) in main.iter_mut().zip(heard) {
                let live = channel[start + idx];
                // At rest exactly the one or the other.
                channel[start + idx] = match *level {
                    0.0 => live,
                    1.0 => envelope * heard,
                    level => (1.0 - level) * live + level * envelope * heard,
                };
            }
        }
        self.shared
            .frame
            .store(self.frame as u64, Ordering::Relaxed);
        let heard = |channel: usize| main.get(channel).or(main.first());
        let heard = [0, 1].map(|channel| heard(channel).map_or(&[][..], |main| &main[start..end]));
        self.gauge.set_playing(true);
        self.gauge
            .add(mix.each_ref().map(|side| &side[..num_frames]), heard);
        for (stem_idx, stem) in stems.iter().enumerate() {
            let stem = stem.each_ref().map(|side| &side[..num_frames]);
            self.gauge.add_stem(stem_idx, stem);
        }
        self.gauge
            .publish(|stem_idx| gains[stem_idx][num_frames - 1]);
    }

    /// Takes the click from the seam where the preview repeats.
    fn envelope(&self, frame: usize, num_frames: usize) -> f32 {
        let from_seam = frame.min(num_frames - 1 - frame).min(self.fade_frames);
        #[expect(
            clippy::cast_precision_loss,
            reason = "10 ms are a few thousand frames"
        )]
        let envelope = from_seam as f32 / self.fade_frames as f32;
        envelope
    }
}

fn target(controls: &Controls, stem_idx: usize, preview: Option<&Preview>) -> f32 {
    let num_stems = preview.map_or(0, |preview| preview.stems.len());
    if controls.is_dry {
        1.0
    } else {
        controls.effective_gain(stem_idx, num_stems)
    }
}
