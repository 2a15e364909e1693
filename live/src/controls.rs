//! What the user asks for, and how the audio thread gets there without a click.

/// Most stems that a model may have: the largest public models have six.
pub const MAX_STEMS: usize = 8;

/// Time from one setting to the next, as ramps per second: 10 ms.
pub(crate) const RAMPS_PER_SECOND: u32 = 100;

/// What the user asks of one stem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StemControl {
    /// Linear gain in the main output; 1 leaves the stem as it is in the mix.
    pub gain: f32,
    /// Takes the stem out of the main output, soloed or not.
    pub is_muted: bool,
    /// Takes all stems out of the main output that are not soloed.
    pub is_soloed: bool,
    /// −1 (less of the other stems) to 1 (more of this stem); 0 takes the model's word. The residual
    /// stem gets what the others gain or lose, so its own value is not used.
    pub sensitivity: f32,
}

impl Default for StemControl {
    fn default() -> Self {
        Self {
            gain: 1.0,
            is_muted: false,
            is_soloed: false,
            sensitivity: 0.0,
        }
    }
}

/// What the user asks for, for the frames of one call of [`crate::AudioSide::process`].
///
/// Every change is a linear ramp of 10 ms from the first of these frames on, whatever the block size,
/// so a host that cuts its blocks at automation events gets them to the frame. Values that are not
/// finite are ignored.
///
/// Gain, mute, solo and the comparison act on the main output alone: the stem outputs are the stems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Controls {
    /// One per stem in the model's order; the rest is not used.
    pub stems: [StemControl; MAX_STEMS],
    /// How much of what sensitivity takes off the stems is kept, in the residual stem. At 1 the stems
    /// sum to the mix; at 0 it is gone from all outputs. Without sensitivity it changes nothing.
    pub residual_gain: f32,
    /// The main output is the aligned dry signal, for comparison. The stem outputs stay.
    pub is_dry: bool,
    /// The main output is the aligned dry signal and the stem outputs are silent.
    pub is_bypassed: bool,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            stems: [StemControl::default(); MAX_STEMS],
            residual_gain: 1.0,
            is_dry: false,
            is_bypassed: false,
        }
    }
}

impl Controls {
    /// Gain of a stem in the main output after mute and solo, among the first `num_stems`.
    pub fn effective_gain(&self, stem_idx: usize, num_stems: usize) -> f32 {
        let is_any_soloed = self.stems.iter().take(num_stems).any(|stem| stem.is_soloed);
        match self.stems.get(stem_idx) {
            Some(stem) if !stem.is_muted && (stem.is_soloed || !is_any_soloed) => stem.gain,
            _ => 0.0,
        }
    }
}

/// A value that moves to its target in a straight line.
///
/// The value is computed from the frame count and not summed up, so it does not depend on how the
/// frames are cut into blocks and it arrives exactly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    /// Where it set out.
    from: f32,
    /// Where it goes, or is.
    to: f32,
    /// In `0 ..= len`; at `len` the value rests.
    done: u16,
    /// Frames of a ramp: 10 ms.
    len: u16,
}

impl Ramp {
    /// At rest at `value`; `sample_rate` in Hz says how long 10 ms are.
    pub(crate) fn new(value: f32, sample_rate: u32) -> Self {
        let len = u16::try_from(sample_rate / RAMPS_PER_SECOND).unwrap_or(u16::MAX);
        Self {
            from: value,
            to: value,
            done: len,
            len,
        }
    }

    /// Goes to `target` from here on, or is there at once.
    pub(crate) fn set(&mut self, target: f32, is_at_once: bool) {
        if !target.is_finite() {
            return;
        }
        if is_at_once {
            (self.from, self.to, self.done) = (target, target, self.len);
        } else if target != self.to {
            (self.from, self.to, self.done) = (self.value(), target, 0);
        }
    }

    /// The value at the next frame.
    pub(crate) fn value(&self) -> f32 {
        if self.done == self.len {
            return self.to;
        }
        self.from + (self.to - self.from) * (f32::from(self.done) / f32::from(self.len))
    }

    /// The value, if it doesn't move.
    pub(crate) fn resting(&self) -> Option<f32> {
        (self.done == self.len).then_some(self.to)
    }

    /// The values at the next frames.
    pub(crate) fn fill(&mut self, values: &mut [f32]) {
        for value in values {
            *value = self.value();
            self.done = self.done.saturating_add(1).min(self.len);
        }
    }

    /// Goes on without looking.
    pub(crate) fn skip(&mut self, num_frames: usize) {
        let num_frames = u16::try_from(num_frames).unwrap_or(u16::MAX);
        self.done = self.done.saturating_add(num_frames).min(self.len);
    }
}
