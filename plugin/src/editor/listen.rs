//! What the engine has published, taken up once per frame: meters and picture.

use std::sync::Arc;

use unweave_live::{Level, Levels, Slot};

use crate::editor::level_meter::LevelMeter;
use crate::editor::picture::Picture;
use crate::ids;

/// Slots that are enough for meters to have settled.
const SETTLING_SLOTS: u64 = 200;
/// Below this amplitude, −80 dB, a slot counts as silence.
const SILENCE: f32 = 1e-4;
/// After so long without input it is said that there is none: longer than the pauses in music.
const INPUT_SECONDS: f32 = 2.0;
/// Hosts may call with long blocks: between two the window doesn't fall asleep.
const LONGEST_BLOCK_SECONDS: f32 = 0.25;

/// Meters and picture of one window.
#[derive(Default)]
pub struct Listener {
    levels: Option<Arc<Levels>>,
    /// The slot to be read next.
    next: u64,
    /// Time without slots: the host does not call.
    idle_seconds: f32,
    /// Time since the picture moved.
    still_seconds: f32,
    /// Until it is said that there is no input.
    input_seconds: f32,
    /// The stems as they are heard, in the order of [`ids::STEMS`].
    pub stems: [LevelMeter; ids::STEMS.len()],
    /// The main output.
    pub main: LevelMeter,
    /// The last seconds.
    pub picture: Picture,
}

impl Listener {
    /// Takes up what has been published; `seconds` have passed since the last time.
    ///
    /// Gives whether anything moves, so that it has to be drawn again soon.
    pub fn listen(&mut self, levels: Option<Arc<Levels>>, seconds: f32) -> bool {
        let is_same = match (&levels, &self.levels) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            self.next = levels.as_ref().map_or(0, |levels| levels.oldest());
            self.picture.clear();
        }
        self.levels = levels;
        self.still_seconds += seconds;
        self.input_seconds = (self.input_seconds - seconds).max(0.0);
        let Some(levels) = self.levels.clone() else {
            return self.rest(seconds);
        };
        let end = levels.num_written();
        if end == self.next {
            return self.rest(seconds);
        }
        self.idle_seconds = 0.0;
        #[expect(clippy::cast_possible_truncation, reason = "a hundredth of a second")]
        let slot_seconds = levels.slot_seconds() as f32;
        for slot_idx in self.next.max(levels.oldest())..end {
            let Some(slot) = levels.read(slot_idx) else {
                continue;
            };
            if slot_idx + SETTLING_SLOTS >= end {
                self.show_slot(&slot, slot_seconds);
            }
            if self.picture.push(&slot) {
                self.still_seconds = 0.0;
            }
            if slot.mix.peak > SILENCE {
                self.input_seconds = INPUT_SECONDS;
            }
        }
        self.next = end;
        self.is_moving()
    }

    fn show_slot(&mut self, slot: &Slot, seconds: f32) {
        for (meter, stem) in self.stems.iter_mut().zip(&slot.stems) {
            let heard = Level {
                peak: stem.level.peak * stem.gain,
                mean_square: stem.level.mean_square * stem.gain * stem.gain,
            };
            meter.hear(heard, seconds);
        }
        self.main.hear(slot.main, seconds);
    }

    /// Nothing new: a host that has stopped calling lets the meters fall, one that calls with long
    /// blocks doesn't.
    fn rest(&mut self, seconds: f32) -> bool {
        self.idle_seconds += seconds;
        if self.idle_seconds > LONGEST_BLOCK_SECONDS {
            for meter in self.stems.iter_mut().chain([&mut self.main]) {
                meter.hear(Level::default(), seconds);
            }
        }
        self.is_moving()
    }

    /// Whether the host has handed over more than silence of late.
    pub fn has_input(&self) -> bool {
        self.input_seconds > 0.0
    }

    fn is_moving(&self) -> bool {
        self.still_seconds < LONGEST_BLOCK_SECONDS
            || self.has_input()
            || self.main.is_moving()
            || self.stems.iter().any(LevelMeter::is_moving)
    }
}
