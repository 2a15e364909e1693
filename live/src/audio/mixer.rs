//! The outputs from the delayed mix and its stems: `y = x + Σ (g_i − 1) s_i − lost`.
//!
//! The stem outputs are the s_i; *lost* is what sensitivity took off them and nobody wants to hear.
//!
//! # Shape
//! `main` is `[channel][frame]` of one chunk; stem outputs are `[stem][channel][frame]` of the whole block, of
//! which the chunk begins at `start`.

use crate::audio::StereoOut;
use crate::audio::bleed::Bleed;
use crate::audio::chunk::{Chunk, Cover, MAX_FRAMES, Samples};
use crate::controls::{Controls, MAX_STEMS, Ramp};
use crate::setup::Setup;

/// Gains and switches on their way to what the user asks for.
pub(super) struct Mixer {
    /// Of the model; outputs beyond are silent.
    num_stems: usize,
    /// Gain of each stem in the main output.
    gains: [Ramp; MAX_STEMS],
    /// How much of the correction is in the main output: 0 for the dry signal.
    wet: Ramp,
    /// Gain of the stem outputs.
    open: Ramp,
    /// Sensitivity, which reshapes stems before all else.
    bleed: Bleed,
    /// The next settings are the first: nothing to move from.
    is_fresh: bool,
}

impl Mixer {
    /// With all gains at 1.
    pub(super) fn new(setup: &Setup) -> Self {
        let ramp = Ramp::new(1.0, setup.plan.sample_rate());
        Self {
            num_stems: setup.num_stems,
            gains: [ramp; MAX_STEMS],
            wet: ramp,
            open: ramp,
            bleed: Bleed::new(setup),
            is_fresh: true,
        }
    }

    /// The next frames have nothing to do with the last.
    pub(super) fn reset(&mut self) {
        self.is_fresh = true;
        self.bleed.reset();
    }

    /// Another stem receives what the model leaves over.
    pub(super) fn set_residual(&mut self, residual_idx: usize) {
        self.bleed.set_residual(residual_idx);
    }

    /// Sets out for these settings from the next frame on.
    pub(super) fn set(&mut self, controls: &Controls) {
        let is_at_once = std::mem::take(&mut self.is_fresh);
        for (stem_idx, gain) in self.gains.iter_mut().take(self.num_stems).enumerate() {
            gain.set(
                controls.effective_gain(stem_idx, self.num_stems),
                is_at_once,
            );
        }
        let is_dry = controls.is_dry || controls.is_bypassed;
        self.wet.set(if is_dry { 0.0 } else { 1.0 }, is_at_once);
        let open = if controls.is_bypassed { 0.0 } else { 1.0 };
        self.open.set(open, is_at_once);
        self.bleed.set(controls, is_at_once);
    }

    /// Gain that a stem has in the main output now; the dry signal has each at 1.
    pub(super) fn heard_gain(&self, stem_idx: usize) -> f32 {
        1.0 + self.wet.value() * (self.gains[stem_idx].value() - 1.0)
    }

    /// Fills frames of `main` and, from `start` on, of the stem outputs.
    pub(super) fn mix(
        &mut self,
        chunk: &mut Chunk,
        main: StereoOut<'_>,
        outs: &mut [Option<StereoOut<'_>>],
        start: usize,
    ) {
        self.bleed.process(chunk);
        if chunk.cover == Cover::AsWeighted {
            chunk.fade();
        }
        self.fill_stem_outs(chunk, outs, start);
        self.fill_main(chunk, main);
    }

    /// Copies the stems, at the gain of all outputs. One that has no stem, or whose stem isn't heard, is
    /// silent.
    fn fill_stem_outs(&mut self, chunk: &Chunk, outs: &mut [Option<StereoOut<'_>>], start: usize) {
        let num_frames = chunk.num_frames;
        let resting = self.open.resting();
        let mut open = [0.0; MAX_FRAMES];
        self.open.fill(&mut open[..num_frames]);
        let is_silent = chunk.cover == Cover::Nowhere || resting == Some(0.0);
        for (stem_idx, out) in outs.iter_mut().enumerate() {
            let Some(out) = out else { continue };
            let stem = chunk.stems.get(stem_idx).filter(|_| !is_silent);
            for (channel_idx, out) in out.iter_mut().enumerate() {
                let Some(out) = out.get_mut(start..start + num_frames) else {
                    continue;
                };
                match stem {
                    None => out.fill(0.0),
                    Some(stem) if resting.is_some() => {
                        out.copy_from_slice(&stem[channel_idx][..num_frames]);
                    }
                    Some(stem) => {
                        for ((out, stem), open) in out.iter_mut().zip(&stem[channel_idx]).zip(&open)
                        {
                            *out = open * stem;
                        }
                    }
                }
            }
        }
    }

    /// Copies the mix and adds the correction, if there is one: adding a zero would turn −0 into 0.
    fn fill_main(&mut self, chunk: &Chunk, main: StereoOut<'_>) {
        let num_frames = chunk.num_frames;
        let is_dry = chunk.cover == Cover::Nowhere || self.wet.resting() == Some(0.0);
        let mut correction = Correction::default();
        for (stem_idx, gain) in self.gains.iter_mut().take(self.num_stems).enumerate() {
            if is_dry || gain.resting() == Some(1.0) {
                gain.skip(num_frames);
                continue;
            }
            let mut excess = [0.0; MAX_FRAMES];
            gain.fill(&mut excess[..num_frames]);
            for excess in &mut excess {
                *excess -= 1.0;
            }
            correction.add(&excess, &chunk.stems[stem_idx]);
        }
        if !is_dry && self.bleed.is_losing() {
            correction.add(&[-1.0; MAX_FRAMES], &chunk.lost);
        }
        let mut wet = [0.0; MAX_FRAMES];
        self.wet.fill(&mut wet[..num_frames]);
        for (channel_idx, out) in main.into_iter().enumerate() {
            out.copy_from_slice(&chunk.mix[channel_idx][..num_frames]);
            if correction.is_any {
                for ((out, sum), wet) in out.iter_mut().zip(&correction.sums[channel_idx]).zip(&wet)
                {
                    *out += wet * sum;
                }
            }
        }
    }
}

/// What is added to the mix, `[channel][frame]`.
struct Correction {
    /// Whether anything was added: else the mix is left alone, bit for bit.
    is_any: bool,
    /// Σ (g_i − 1) s_i, less what is lost.
    sums: [Samples; 2],
}

impl Default for Correction {
    fn default() -> Self {
        Self {
            is_any: false,
            sums: [[0.0; MAX_FRAMES]; 2],
        }
    }
}

impl Correction {
    /// Adds a stem with a gain per frame.
    fn add(&mut self, gains: &Samples, stem: &[Samples; 2]) {
        self.is_any = true;
        for (sums, stem) in self.sums.iter_mut().zip(stem) {
            for ((sum, gain), stem) in sums.iter_mut().zip(gains).zip(stem) {
                *sum += gain * stem;
            }
        }
    }
}
