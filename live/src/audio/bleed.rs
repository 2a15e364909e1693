//! Sensitivity: how much of a doubtful sound a stem gets.
//!
//! Per stem i and band b, with the stem's share of the band's energy `w = E_i / Σ E_j`:
//!
//! 1. Every stem is split into four bands by a tree of one-pole low-passes, `low` and `rest = s − low`:
//!    no delay, and the bands sum to the stem.
//! 2. E is the energy of a band over both channels, smoothed with a time constant of 15 ms.
//! 3. Less of the others (sensitivity a < 0) is an expander on the share: the band is scaled by
//!    `min(1, 2w)^(3|a|)`. Where the stem has half of the energy or more nothing changes; where it has
//!    a twentieth, as bleed has, it goes down by up to 60 dB.
//! 4. More of the stem (a > 0) takes in the other stems of the band where this one dominates:
//!    `s + a w² (Σ s_j − s)`.
//! 5. Factors are found every 16 frames, counted from the start of the mix, and move in a straight
//!    line in between, so the result doesn't depend on block sizes.
//! 6. The residual stem gets what the others gained or lost: the stems sum to the mix as before.
//!
//! It runs here and not beside the model, because a change is then heard at once and to the frame.
//!
//! # Source
//! Soft masks from energy ratios: S. Makino (ed.), "Audio Source Separation", 2018, chapter 4; applied to
//! bands instead of bins, since this comes after the transform and may add no latency.

use std::f32::consts::TAU;

use crate::audio::chunk::{Chunk, Cover};
use crate::controls::{Controls, MAX_STEMS, Ramp};
use crate::setup::Setup;

/// Where the bands meet: below the body of voices, between body and presence, above consonants.
const CROSSOVERS_HZ: [f32; NUM_BANDS - 1] = [250.0, 1500.0, 6000.0];
/// One more than there are crossovers.
const NUM_BANDS: usize = 4;

/// Time constant of the energies: a syllable's attack passes, a bar's rest doesn't.
const ENERGY_SECONDS: f32 = 0.015;

/// Frames between two computations of the factors; 0.4 ms at 44.1 kHz.
const TICK_FRAMES: usize = 16;

/// Exponent of the expander at full effect.
const EXPANDER_ORDER: f32 = 3.0;

/// Energy below which a band counts as silent and is left alone: −120 dB.
const SILENCE: f32 = 1e-12;

/// Below this a filter's state is zero: far below any audio, far above subnormal numbers.
const INAUDIBLE: f32 = 1e-30;

/// A value per band, the lowest band first.
type Bands = [f32; NUM_BANDS];

/// The post-process of all stems.
///
/// It costs nothing while no sensitivity is set and none fades away.
pub(super) struct Bleed {
    /// The stem that gets what the others gain or lose.
    residual_idx: usize,
    /// −1 to 1 per stem.
    amounts: [Ramp; MAX_STEMS],
    /// How much of that it keeps.
    residual_gain: Ramp,
    /// Step of each low-pass per frame, `1 − e^(−2π f / rate)`.
    crossovers: [f32; NUM_BANDS - 1],
    /// The same for the energies, by their time constant.
    energy_step: f32,
    /// One per stem, in the model's order.
    stems: Vec<StemBands>,
    /// Whether the last chunk went through it.
    is_running: bool,
}

/// The state of one stem.
#[derive(Debug, Clone, Copy)]
struct StemBands {
    /// Outputs of the low-passes, `[channel][crossover]`.
    lows: [[f32; NUM_BANDS - 1]; 2],
    /// Smoothed, of both channels together.
    energies: Bands,
    /// Factor of the stem in each band, less 1.
    own: Line,
    /// Factor of all stems together in each band.
    all: Line,
}

/// One factor per band, moving in a straight line from tick to tick.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// At the present frame.
    now: Bands,
    /// What comes on top with each frame.
    step: Bands,
    /// Where it will be at the next tick.
    target: Bands,
}

impl Line {
    /// Arrives, exactly, and sets out for the next tick.
    fn aim(&mut self, target: Bands) {
        self.now = self.target;
        self.target = target;
        for ((step, now), target) in self.step.iter_mut().zip(self.now).zip(target) {
            *step = (target - now) / TICK_FRAMES as f32;
        }
    }

    fn advance(&mut self) {
        for (now, step) in self.now.iter_mut().zip(self.step) {
            *now += step;
        }
    }

    /// Whether it changes nothing, now and up to the next tick.
    fn is_zero(&self) -> bool {
        self.now == Bands::default() && self.target == Bands::default()
    }
}

impl Bleed {
    pub(super) fn new(setup: &Setup) -> Self {
        let sample_rate = setup.plan.sample_rate();
        let one_pole = |radians: f32| 1.0 - (-radians).exp();
        let rate_hz = sample_rate as f32;
        Self {
            residual_idx: setup.residual_idx,
            amounts: [Ramp::new(0.0, sample_rate); MAX_STEMS],
            residual_gain: Ramp::new(1.0, sample_rate),
            crossovers: CROSSOVERS_HZ.map(|hz| one_pole(TAU * hz / rate_hz)),
            energy_step: one_pole(1.0 / (ENERGY_SECONDS * rate_hz)),
            stems: vec![StemBands::default(); setup.num_stems],
            is_running: false,
        }
    }

    pub(super) fn reset(&mut self) {
        self.stems.fill(StemBands::default());
        self.is_running = false;
    }

    /// Another stem is the residual: nothing is taken off it.
    pub(super) fn set_residual(&mut self, residual_idx: usize) {
        self.residual_idx = residual_idx;
        self.amounts[residual_idx].set(0.0, true);
    }

    /// Sets out for these settings, or is there at once.
    pub(super) fn set(&mut self, controls: &Controls, is_at_once: bool) {
        let num_stems = self.stems.len();
        let stems = controls.stems.iter().take(num_stems);
        for (stem_idx, (amount, stem)) in self.amounts.iter_mut().zip(stems).enumerate() {
            if stem_idx != self.residual_idx {
                amount.set(stem.sensitivity.clamp(-1.0, 1.0), is_at_once);
            }
        }
        self.residual_gain
            .set(controls.residual_gain.clamp(0.0, 1.0), is_at_once);
    }

    /// Whether the last chunk has something in [`Chunk::lost`].
    pub(super) fn is_losing(&self) -> bool {
        self.is_running && self.residual_gain.resting() != Some(1.0)
    }

    /// Reshapes the stems of a chunk.
    pub(super) fn process(&mut self, chunk: &mut Chunk) {
        let num_frames = chunk.num_frames;
        let start = chunk.num_frames_before_the_mix();
        if chunk.cover == Cover::Nowhere || self.is_neutral() {
            self.is_running = false;
            self.residual_gain.skip(num_frames);
            for amount in &mut self.amounts {
                amount.skip(num_frames);
            }
            return;
        }
        if !self.is_running {
            self.stems.fill(StemBands::default());
            self.is_running = true;
        }
        self.residual_gain.skip(start);
        for amount in &mut self.amounts {
            amount.skip(start);
        }
        for frame_idx in start..num_frames {
            if chunk.position(frame_idx).is_multiple_of(TICK_FRAMES as u64) {
                self.tick();
            }
            self.frame(chunk, frame_idx);
        }
    }

    /// Nothing to do, now and until the next setting.
    fn is_neutral(&self) -> bool {
        let is_asked_for = self
            .amounts
            .iter()
            .any(|amount| amount.resting() != Some(0.0));
        let is_at_rest = self
            .stems
            .iter()
            .all(|stem| stem.own.is_zero() && stem.all.is_zero());
        !is_asked_for && is_at_rest
    }

    /// Aims the factors at where the energies say.
    fn tick(&mut self) {
        // What dies away must end, and not go on in numbers so small that processors take long.
        for stem in &mut self.stems {
            let states = stem.lows.iter_mut().flatten().chain(&mut stem.energies);
            for state in states.filter(|state| state.abs() < INAUDIBLE) {
                *state = 0.0;
            }
        }
        let mut totals = Bands::default();
        for stem in &self.stems {
            for (total, energy) in totals.iter_mut().zip(stem.energies) {
                *total += energy;
            }
        }
        for (stem, amount) in self.stems.iter_mut().zip(&mut self.amounts) {
            let (mut own, mut all) = (Bands::default(), Bands::default());
            for band in 0..NUM_BANDS {
                if totals[band] > SILENCE {
                    let share = stem.energies[band] / totals[band];
                    (own[band], all[band]) = factors(amount.value(), share);
                }
            }
            stem.own.aim(own);
            stem.all.aim(all);
            amount.skip(TICK_FRAMES);
        }
    }

    /// Reshapes one frame.
    fn frame(&mut self, chunk: &mut Chunk, frame_idx: usize) {
        let keep = self.residual_gain.value();
        self.residual_gain.skip(1);
        for stem in &mut self.stems {
            stem.own.advance();
            stem.all.advance();
        }
        for channel_idx in 0..2 {
            let mut bands = [Bands::default(); MAX_STEMS];
            let mut sums = Bands::default();
            let channels = chunk.stems.iter().map(|stem| stem[channel_idx][frame_idx]);
            for ((stem, sample), bands) in self.stems.iter_mut().zip(channels).zip(&mut bands) {
                *bands = split(&mut stem.lows[channel_idx], &self.crossovers, sample);
                for band in 0..NUM_BANDS {
                    sums[band] += bands[band];
                    let energy = bands[band] * bands[band];
                    // Both channels go into one energy, so that the image stays where it is.
                    stem.energies[band] += self.energy_step * (energy - 0.5 * stem.energies[band]);
                }
            }
            for (stem_idx, (stem, bands)) in self.stems.iter().zip(&bands).enumerate() {
                if stem_idx != self.residual_idx {
                    let mut change = 0.0;
                    for band in 0..NUM_BANDS {
                        change +=
                            stem.own.now[band] * bands[band] + stem.all.now[band] * sums[band];
                    }
                    chunk.stems[stem_idx][channel_idx][frame_idx] += change;
                }
            }
            let rest = chunk.rest(self.residual_idx, channel_idx, frame_idx);
            let residual = &mut chunk.stems[self.residual_idx][channel_idx][frame_idx];
            let lost = (1.0 - keep) * (rest - *residual);
            *residual = rest - lost;
            chunk.lost[channel_idx][frame_idx] = lost;
        }
    }
}

impl Default for StemBands {
    fn default() -> Self {
        Self {
            lows: [[0.0; NUM_BANDS - 1]; 2],
            energies: Bands::default(),
            own: Line::default(),
            all: Line::default(),
        }
    }
}

/// Changes of a band for a share of its energy: of the stem itself, and of all stems together.
fn factors(amount: f32, share: f32) -> (f32, f32) {
    if amount < 0.0 {
        let gain = (2.0 * share).min(1.0).powf(-EXPANDER_ORDER * amount);
        (gain - 1.0, 0.0)
    } else {
        let taken = amount * share * share;
        (-taken, taken)
    }
}

/// Splits one sample into bands that sum to it.
fn split(lows: &mut [f32; NUM_BANDS - 1], crossovers: &[f32; NUM_BANDS - 1], sample: f32) -> Bands {
    let mut bands = Bands::default();
    let mut rest = sample;
    for (band, (low, step)) in lows.iter_mut().zip(crossovers).enumerate() {
        *low += step * (rest - *low);
        bands[band] = *low;
        rest -= *low;
    }
    bands[NUM_BANDS - 1] = rest;
    bands
}
