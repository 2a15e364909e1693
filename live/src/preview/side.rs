//! The audio thread's end of what is listened to.
//!
//! Two ramps of 10 ms decide what is heard: `level` cross-fades between the live output and the preview,
//! `voice` fades the preview itself. So a preview that begins or ends is a cross-fade, and one that jumps or
//! runs dry fades out and in without the live output showing in between.
//!
//! # Shape
//! Stems are `[stem][channel][frame]`, of stretches of at most 128 frames.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use rtrb::{Consumer, Producer};

use super::{RATE_AT_FIRST, Shared, Stream, new_levels};
use crate::controls::{Controls, MAX_STEMS, RAMPS_PER_SECOND, Ramp};
use crate::levels::{Gauge, Levels};

/// Frames that are mixed at a time.
const MAX_FRAMES: usize = 128;

/// One stretch of a stem on its way to the output.
type Piece = [f32; MAX_FRAMES];

/// Plays previews; belongs to the audio thread.
///
/// # Realtime safety
/// [`Self::process`] never allocates, frees, locks, makes a system call or waits.
pub struct PreviewSide {
    /// What is wanted, and the meters' levels.
    shared: Arc<Shared>,
    /// What is to be heard next.
    from_desk: Consumer<Box<Stream>>,
    /// What is heard no longer, to be freed there.
    to_desk: Producer<Box<Stream>>,
    /// What is heard, or fades out.
    current: Option<Box<Stream>>,
    /// Frames of a ramp, 10 ms.
    fade_frames: usize,
    /// 0: the live output is heard; 1: the preview.
    level: Ramp,
    /// Of the preview's own: 0 where it begins, ends, jumps or has run dry.
    voice: Ramp,
    /// Of each stem, by the strip that it is mixed as.
    gains: [Ramp; MAX_STEMS],
    /// Of the stretch that is mixed, `[stem][channel][frame]`; here, since it is large for a stack.
    stems: Box<[[Piece; 2]; MAX_STEMS]>,
    /// Measures what is heard of the preview.
    gauge: Gauge,
    /// Whether the transport rolled in the last block.
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

impl PreviewSide {
    /// For [`RATE_AT_FIRST`], until it is set up.
    pub(super) fn new(
        shared: Arc<Shared>,
        (from_desk, to_desk): (Consumer<Box<Stream>>, Producer<Box<Stream>>),
        levels: Arc<Levels>,
    ) -> Self {
        Self {
            shared,
            from_desk,
            to_desk,
            current: None,
            fade_frames: fade_frames(RATE_AT_FIRST),
            level: Ramp::new(0.0, RATE_AT_FIRST),
            voice: Ramp::new(0.0, RATE_AT_FIRST),
            gains: [Ramp::new(1.0, RATE_AT_FIRST); MAX_STEMS],
            stems: Box::new([[[0.0; MAX_FRAMES]; 2]; MAX_STEMS]),
            gauge: Gauge::new(levels),
            was_playing: false,
        }
    }

    /// For another sample rate, at which nothing was fed yet. Frees: not on the audio thread.
    pub fn set_up(&mut self, sample_rate: u32) {
        self.current = None;
        while self.from_desk.pop().is_ok() {}
        self.shared.is_wanted.store(false, Ordering::Release);
        self.shared
            .sample_rate
            .store(sample_rate, Ordering::Release);
        self.level = Ramp::new(0.0, sample_rate);
        self.voice = Ramp::new(0.0, sample_rate);
        self.gains = [Ramp::new(1.0, sample_rate); MAX_STEMS];
        let levels = new_levels(sample_rate);
        self.gauge = Gauge::new(Arc::clone(&levels));
        let shared = self.shared.levels.lock();
        *shared.unwrap_or_else(PoisonError::into_inner) = levels;
        self.was_playing = false;
        self.fade_frames = fade_frames(sample_rate);
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
        while done < num_frames {
            let Some(available) = self.make_ready(controls) else {
                break;
            };
            let end = num_frames.min(done + MAX_FRAMES);
            // A dry lane gives silence, for as long as the live output isn't heard instead.
            let end = if available == 0 {
                end
            } else {
                end.min(done + available)
            };
            self.mix(main, done..end, available > 0);
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

    /// Listening is over, at once.
    fn end(&mut self) {
        self.shared.is_wanted.store(false, Ordering::Release);
        // At once: a fade would be in what is recorded.
        self.level.set(0.0, true);
        self.voice.set(0.0, true);
    }

    /// Takes and gives back lanes, and says where the ramps go. Gives how many frames are there to be heard; none if
    /// the live output is all that is heard.
    fn make_ready(&mut self, controls: &Controls) -> Option<usize> {
        let is_wanted = self.shared.is_wanted.load(Ordering::Acquire);
        let has_next = self.from_desk.peek().is_ok();
        let is_silent = self.current.is_none() || self.voice.resting() == Some(0.0);
        let is_live = self.level.resting() == Some(0.0);
        if (is_silent && is_wanted && has_next) || (is_live && !is_wanted) {
            if let Some(old) = self.current.take() {
                // If the way back is full it stays; there is room as soon as the desk looks.
                if let Err(rtrb::PushError::Full(old)) = self.to_desk.push(old) {
                    self.current = Some(old);
                    return None;
                }
            }
            if is_wanted {
                self.current = self.from_desk.pop().ok();
                for (stem_idx, gain) in self.gains.iter_mut().enumerate() {
                    let target = target(&self.shared, controls, stem_idx, self.current.as_deref());
                    gain.set(target, true);
                }
            }
        }
        // The next one may have become the current one.
        let has_next = self.from_desk.peek().is_ok();
        let stream = self.current.as_deref_mut()?;
        let run = stream.lane.run();
        if let Some(run) = run {
            stream.has_begun = true;
            let shared = &stream.shared;
            shared.frame.store(run.start.frame, Ordering::Relaxed);
            shared.has_begun.store(true, Ordering::Release);
        }
        let available = run.map_or(0, |run| run.num_frames);
        // Faded out before the end of what is there: a jump or nothing may follow.
        let goes_on = available > self.fade_frames + MAX_FRAMES;
        let is_heard = is_wanted && !controls.is_bypassed;
        self.voice.set(
            if is_heard && !has_next && goes_on {
                1.0
            } else {
                0.0
            },
            false,
        );
        // Where one follows another, the live output doesn't show between them.
        let is_on = is_heard && (stream.has_begun || self.level.resting() != Some(0.0));
        self.level.set(if is_on { 1.0 } else { 0.0 }, false);
        for (stem_idx, gain) in self.gains.iter_mut().enumerate() {
            gain.set(
                target(&self.shared, controls, stem_idx, Some(stream)),
                false,
            );
        }
        if available == 0 {
            self.voice.set(0.0, true);
        }
        let is_over = !is_on && self.level.resting() == Some(0.0);
        (!is_over).then_some(available)
    }

    /// Mixes what is there over these frames, or silence.
    fn mix(&mut self, main: &mut [&mut [f32]], frames: std::ops::Range<usize>, has_stems: bool) {
        let Some(stream) = self.current.as_deref_mut() else {
            return;
        };
        let num_frames = frames.len();
        let num_stems = stream.num_stems;
        let stems = &mut self.stems[..num_stems];
        // Where one waits for another, what is left of it isn't heard, but goes by.
        if has_stems {
            let channels = stems.iter_mut().flatten();
            stream
                .lane
                .read(num_frames, channels.map(|piece| &mut piece[..num_frames]));
        } else {
            stems.as_flattened_mut().fill([0.0; MAX_FRAMES]);
        }
        let (mut levels, mut voices) = ([0.0; MAX_FRAMES], [0.0; MAX_FRAMES]);
        self.level.fill(&mut levels[..num_frames]);
        self.voice.fill(&mut voices[..num_frames]);
        let mut gains = [[0.0; MAX_FRAMES]; MAX_STEMS];
        for (gain, ramp) in gains.iter_mut().zip(&mut self.gains) {
            ramp.fill(&mut gain[..num_frames]);
        }
        let mut mix = [[0.0; MAX_FRAMES]; 2];
        for idx in 0..num_frames {
            let (level, voice) = (levels[idx], voices[idx]);
            let mut sides = [0.0; 2];
            for (stem, gain) in stems.iter_mut().zip(&gains) {
                for (side_idx, side) in sides.iter_mut().enumerate() {
                    let sample = voice * stem[side_idx][idx];
                    *side += gain[idx] * sample;
                    // As meters see it.
                    stem[side_idx][idx] = level * sample;
                    mix[side_idx][idx] += level * sample;
                }
            }
            let heard: &[f32] = match main.len() {
                1 => &[0.5 * (sides[0] + sides[1])],
                _ => &sides,
            };
            for (channel, heard) in main.iter_mut().zip(heard) {
                let live = channel[frames.start + idx];
                // At rest exactly the one or the other.
                channel[frames.start + idx] = match level {
                    0.0 => live,
                    1.0 => *heard,
                    level => (1.0 - level) * live + level * heard,
                };
            }
        }
        // Meters are those of the strips.
        let last = stream.num_strips - 1;
        let (strips, others) = stems.split_at_mut(stream.num_strips);
        for other in others {
            for (sum, channel) in strips[last].iter_mut().zip(other) {
                for (sum, sample) in sum.iter_mut().zip(channel) {
                    *sum += *sample;
                }
            }
        }
        let heard = |channel: usize| main.get(channel).or(main.first());
        let heard =
            [0, 1].map(|channel| heard(channel).map_or(&[][..], |main| &main[frames.clone()]));
        self.gauge.set_playing(true);
        self.gauge
            .add(mix.each_ref().map(|side| &side[..num_frames]), heard);
        for (strip_idx, strip) in strips.iter().enumerate() {
            let strip = strip.each_ref().map(|side| &side[..num_frames]);
            self.gauge.add_stem(strip_idx, strip);
        }
        self.gauge
            .publish(|stem_idx| gains[stem_idx][num_frames - 1]);
    }
}

/// Frames of a ramp at this rate, in Hz; at least 1.
fn fade_frames(sample_rate: u32) -> usize {
    usize::try_from(sample_rate / RAMPS_PER_SECOND).map_or(1, |frames| frames.max(1))
}

/// The gain that a stem should have: 0 if there is none or it is left out, 1 for the dry signal, else that of
/// its strip.
fn target(shared: &Shared, controls: &Controls, stem_idx: usize, stream: Option<&Stream>) -> f32 {
    let Some(stream) = stream.filter(|stream| stem_idx < stream.num_stems) else {
        return 0.0;
    };
    if controls.is_dry {
        return 1.0;
    }
    if shared.silenced.load(Ordering::Acquire) >> stem_idx & 1 == 1 {
        return 0.0;
    }
    controls.effective_gain(stem_idx.min(stream.num_strips - 1), stream.num_strips)
}
