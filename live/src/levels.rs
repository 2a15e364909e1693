//! How loud the mix and its stems were over the last seconds, for whoever draws meters.
//!
//! The audio thread sums up slots of a hundredth of a second and puts them into a ring of atomics. It
//! does so whether anybody reads or not: a window that opens changes nothing for it, and shows at once
//! what has just been heard. Any number of readers remember what they have read, so no peak escapes a
//! slow one.
//!
//! # Realtime safety
//! Writing is 5 + 3 n atomic stores per slot of n stems, and one that counts it. A reader that is overtaken
//! while it reads notices and gives nothing, rather than values of two slots.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::controls::MAX_STEMS;

/// Slots per second.
const SLOTS_PER_SECOND: u32 = 100;
/// Slots that are kept: 20 s.
const CAPACITY: usize = 2048;
/// Values of a slot before those of its stems: whether the transport rolls, and two levels.
const HEAD: usize = 5;
/// Values of a stem: its level and its gain.
const PER_STEM: usize = 3;

/// Peak and power over the frames of a slot, the louder channel's and the channels' mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Level {
    /// Largest magnitude; 1 is full scale.
    pub peak: f32,
    /// Mean of the squares; its root is the RMS value.
    pub mean_square: f32,
}

/// One stem in a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StemLevel {
    /// The stem as its output has it: before gain, mute and solo.
    pub level: Level,
    /// Linear gain with which the main output has it, at the end of the slot.
    pub gain: f32,
}

/// A hundredth of a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Slot {
    /// Whether the host's transport was rolling.
    pub is_playing: bool,
    /// The mix, as late as the stems.
    pub mix: Level,
    /// The main output.
    pub main: Level,
    /// In the model's order; silence beyond its stems.
    pub stems: [StemLevel; MAX_STEMS],
}

/// The slots of the last seconds; written by the audio thread, read by any other.
pub struct Levels {
    num_stems: usize,
    /// Frames of a slot, a hundredth of a second rounded down; slots end with a chunk, so some are longer and
    /// the next shorter.
    slot_frames: usize,
    /// In Hz.
    sample_rate: u32,
    /// Bits of `f32`, `[slot % CAPACITY][value]`.
    values: Vec<AtomicU32>,
    /// Slots that are complete. The next one is being written.
    num_written: AtomicU64,
}

impl Levels {
    /// Of so many stems, without a slot yet.
    pub fn new(num_stems: usize, sample_rate: u32) -> Self {
        let num_values = CAPACITY * (HEAD + PER_STEM * num_stems);
        Self {
            num_stems,
            slot_frames: (sample_rate / SLOTS_PER_SECOND).max(1) as usize,
            sample_rate,
            values: (0..num_values).map(|_| AtomicU32::new(0)).collect(),
            num_written: AtomicU64::new(0),
        }
    }

    /// How many stems a slot has.
    pub fn num_stems(&self) -> usize {
        self.num_stems
    }

    /// Length of a slot in seconds.
    pub fn slot_seconds(&self) -> f64 {
        self.slot_frames as f64 / f64::from(self.sample_rate)
    }

    /// Slots that have been written since the start: the number of the next one.
    pub fn num_written(&self) -> u64 {
        self.num_written.load(Ordering::Acquire)
    }

    /// The number of the oldest slot that [`Self::read`] still has.
    pub fn oldest(&self) -> u64 {
        (self.num_written() + 1).saturating_sub(CAPACITY as u64)
    }

    /// A slot; `None` if it isn't written yet or not kept any more.
    pub fn read(&self, slot_idx: u64) -> Option<Slot> {
        if slot_idx >= self.num_written() {
            return None;
        }
        let mut values = self.slot(slot_idx).iter().map(|value| {
            let value = f32::from_bits(value.load(Ordering::Relaxed));
            if value.is_finite() { value } else { 0.0 }
        });
        let mut next = || values.next().unwrap_or(0.0);
        let is_playing = next() > 0.0;
        let [mix, main] = [(); 2].map(|()| level(&mut next));
        let mut stems = [StemLevel::default(); MAX_STEMS];
        for stem in stems.iter_mut().take(self.num_stems) {
            *stem = StemLevel {
                level: level(&mut next),
                gain: next(),
            };
        }
        // Whoever has read a value of a later slot now sees that it was begun.
        fence(Ordering::Acquire);
        let begun = self.num_written.load(Ordering::Relaxed);
        (begun < slot_idx + CAPACITY as u64).then_some(Slot {
            is_playing,
            mix,
            main,
            stems,
        })
    }

    /// Only ever called by the audio thread.
    fn write(&self, slot: &Slot) {
        let slot_idx = self.num_written.load(Ordering::Relaxed);
        let head = [
            if slot.is_playing { 1.0 } else { 0.0 },
            slot.mix.peak,
            slot.mix.mean_square,
            slot.main.peak,
            slot.main.mean_square,
        ];
        let stems = slot
            .stems
            .iter()
            .take(self.num_stems)
            .flat_map(|stem| [stem.level.peak, stem.level.mean_square, stem.gain]);
        for (value, cell) in head.into_iter().chain(stems).zip(self.slot(slot_idx)) {
            cell.store(value.to_bits(), Ordering::Relaxed);
        }
        self.num_written.store(slot_idx + 1, Ordering::Release);
        // What is stored from here on belongs to the next slot: see `read`.
        fence(Ordering::Release);
    }

    /// The values of a slot: whether it plays, the mix' peak and power, the main output's, then peak, power and
    /// gain of each stem.
    fn slot(&self, slot_idx: u64) -> &[AtomicU32] {
        let len = HEAD + PER_STEM * self.num_stems;
        // A remainder of CAPACITY fits.
        let start = usize::try_from(slot_idx % CAPACITY as u64).unwrap_or(0) * len;
        &self.values[start..start + len]
    }
}

/// The next two values.
fn level(next: &mut impl FnMut() -> f32) -> Level {
    Level {
        peak: next(),
        mean_square: next(),
    }
}

/// Sums up slots on the audio thread.
pub(crate) struct Gauge {
    levels: Arc<Levels>,
    /// Whether the host's transport rolls.
    is_playing: bool,
    /// Frames of the slot so far.
    num_frames: usize,
    mix: Sum,
    main: Sum,
    stems: [Sum; MAX_STEMS],
}

/// A [`Level`] in the making.
#[derive(Clone, Copy, Default)]
struct Sum {
    peak: f32,
    /// Of both channels.
    squares: f32,
}

impl Gauge {
    pub(crate) fn new(levels: Arc<Levels>) -> Self {
        Self {
            levels,
            is_playing: false,
            num_frames: 0,
            mix: Sum::default(),
            main: Sum::default(),
            stems: [Sum::default(); MAX_STEMS],
        }
    }

    pub(crate) fn levels(&self) -> &Arc<Levels> {
        &self.levels
    }

    pub(crate) fn set_playing(&mut self, is_playing: bool) {
        self.is_playing = is_playing;
    }

    /// Adds frames of the mix and of what became of it.
    pub(crate) fn add(&mut self, mix: [&[f32]; 2], main: [&[f32]; 2]) {
        self.num_frames += mix[0].len();
        self.mix.add(mix);
        self.main.add(main);
    }

    /// Adds the same frames of a stem; those of a stem that is missing may be left out.
    pub(crate) fn add_stem(&mut self, stem_idx: usize, stem: [&[f32]; 2]) {
        self.stems[stem_idx].add(stem);
    }

    /// Ends the slot if it is long enough. `gain` tells that of a stem.
    pub(crate) fn publish(&mut self, gain: impl Fn(usize) -> f32) {
        // Slots end with a chunk, a few frames late; the next one begins where it should have.
        let Some(left_frames) = self.num_frames.checked_sub(self.levels.slot_frames) else {
            return;
        };
        let end = |sum: &mut Sum| std::mem::take(sum).level(self.num_frames);
        let mut slot = Slot {
            is_playing: self.is_playing,
            mix: end(&mut self.mix),
            main: end(&mut self.main),
            stems: [StemLevel::default(); MAX_STEMS],
        };
        let stems = slot.stems.iter_mut().zip(&mut self.stems);
        for (stem_idx, (stem, sum)) in stems.take(self.levels.num_stems).enumerate() {
            *stem = StemLevel {
                level: end(sum),
                gain: gain(stem_idx),
            };
        }
        self.levels.write(&slot);
        self.num_frames = left_frames;
    }
}

impl Sum {
    /// Adds frames of both channels.
    fn add(&mut self, channels: [&[f32]; 2]) {
        /// Sums side by side, so that the compiler can use the processor's wide registers.
        const LANES: usize = 8;
        let (mut peaks, mut squares) = ([0.0f32; LANES], [0.0f32; LANES]);
        for samples in channels {
            for samples in samples.chunks(LANES) {
                let lanes = peaks.iter_mut().zip(&mut squares);
                for ((peak, square), sample) in lanes.zip(samples) {
                    // NaN is no peak.
                    *peak = if sample.abs() > *peak {
                        sample.abs()
                    } else {
                        *peak
                    };
                    *square += sample * sample;
                }
            }
        }
        self.peak = peaks.into_iter().fold(self.peak, f32::max);
        self.squares += squares.iter().sum::<f32>();
    }

    /// What it comes to over so many frames.
    fn level(self, num_frames: usize) -> Level {
        Level {
            peak: self.peak,
            mean_square: self.squares / (2 * num_frames.max(1)) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_holds_peak_and_power_of_its_frames() {
        let levels = Arc::new(Levels::new(2, 44_100));
        let mut gauge = Gauge::new(Arc::clone(&levels));
        gauge.set_playing(true);
        // A square wave of ±0.5 with one sample of −0.75; 441 is seven times 63.
        let mut left = [0.5; 63];
        left.iter_mut().step_by(2).for_each(|sample| *sample = -0.5);
        let right = left;
        for chunk_idx in 0..7 {
            left[5] = if chunk_idx == 3 { -0.75 } else { 0.5 };
            gauge.add([&left, &right], [&[0.0; 63], &[0.25; 63]]);
            gauge.add_stem(1, [&[1.0; 63], &[f32::NAN; 63]]);
            gauge.publish(|stem_idx| [0.5, 2.0][stem_idx]);
        }
        assert_eq!(levels.num_written(), 1);
        let slot = levels.read(0).unwrap();
        assert!(slot.is_playing);
        assert_eq!(slot.mix.peak, 0.75);
        let power = 0.25 + (0.75f32.powi(2) - 0.25) / 882.0;
        assert!((slot.mix.mean_square - power).abs() < 1e-6);
        assert_eq!(
            slot.main,
            Level {
                peak: 0.25,
                mean_square: 0.03125
            }
        );
        assert_eq!(
            slot.stems[0],
            StemLevel {
                level: Level::default(),
                gain: 0.5
            }
        );
        // What is no number counts as nothing.
        assert_eq!(
            slot.stems[1].level,
            Level {
                peak: 1.0,
                mean_square: 0.0
            }
        );
        assert_eq!(slot.stems[1].gain, 2.0);
        assert_eq!(levels.read(1), None, "not yet");
    }

    #[test]
    fn slots_do_not_drift_whatever_the_chunks() {
        for chunk_frames in [1, 7, 64] {
            let levels = Arc::new(Levels::new(1, 48_000));
            let mut gauge = Gauge::new(Arc::clone(&levels));
            let silence = [0.0; 64];
            let silence = &silence[..chunk_frames];
            for _ in 0..48_000 / chunk_frames {
                gauge.add([silence; 2], [silence; 2]);
                gauge.publish(|_| 1.0);
            }
            assert!((99..=100).contains(&levels.num_written()), "{chunk_frames}");
        }
    }

    /// Every slot holds its own number in all of its values: a torn one would hold two.
    #[test]
    fn readers_get_whole_slots_or_none_while_the_writer_runs() {
        let levels = Arc::new(Levels::new(MAX_STEMS, 44_100));
        let slot = |number: u16| {
            let value = f32::from(number) + 1.0;
            let level = Level {
                peak: value,
                mean_square: value,
            };
            Slot {
                is_playing: true,
                mix: level,
                main: level,
                stems: [StemLevel { level, gain: value }; MAX_STEMS],
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| (0..60_000).for_each(|number| levels.write(&slot(number))));
            let (mut num_read, mut num_lost) = (0, 0);
            while levels.num_written() < 60_000 || num_read == 0 {
                // At the edge where the writer is.
                for number in levels.oldest()..levels.oldest() + 8 {
                    match levels.read(number) {
                        Some(read) => {
                            assert_eq!(read, slot(u16::try_from(number).unwrap()));
                            num_read += 1;
                        }
                        None => num_lost += 1,
                    }
                }
            }
            assert!(num_read > 0, "{num_lost} lost");
        });
        assert_eq!(levels.read(levels.oldest() - 1), None, "no longer kept");
    }
}
