//! Drums without learning: what rises above the running median.
//!
//! A sound that lasts is a line along time in the spectrogram, a blow one along frequency. Medians along either
//! keep one and drop the other. Below some 200 Hz, where a bin is as wide as a kick drum's whole band, medians
//! along frequency can't tell a kick from a bass note: there the drums are what exceeds the median along time.
//!
//! With magnitudes a, m their median over time, p that over frequency:
//! - above: mask `(p² / (c m² + p²))^1.25`; the power keeps the attacks of guitars and pianos out, and c falls from 1
//!   to 0.06 above 3.5 kHz, where what lasts is mostly cymbals that ring,
//! - below: mask `e / (m² + e)`, where `e = max(a² − m², 0)`,
//! - share of the second at frequency f: `1 / (1 + (f / 200 Hz)^8)`.
//!
//! # Shape
//! Medians are of the magnitude of both channels together, `√((|L|² + |R|²) / 2)`; masks are `[frame · bin]`,
//! all bins.
//!
//! # Source
//! Fitzgerald, "Harmonic/percussive separation using median filtering" (DAFx 2010). The low band's excess,
//! the power and c are ours.

use std::ops::Range;

use realfft::num_complex::Complex;

use super::mask::{Mask, Span, TINY};
use super::medians::{MAX_VALUES, Medians};

/// Where the excess gives way to the medians of both directions, in Hz, and how steeply.
const CROSSOVER_HZ: f32 = 200.0;
const ORDER: i32 = 8;
/// The excess is not computed where its share is below a thousandth.
const LOW_END_HZ: f32 = 500.0;
/// Bins on each side that the median over frequency sees, which so is of 17 values.
const HALF_BINS: usize = 8;
/// Above this, in Hz, what lasts is mostly cymbals that ring, and the median over time counts for less; here it
/// is halfway down.
const RINGING_HZ: f32 = 3_500.0;
/// c far above.
const RINGING_WEIGHT: f32 = 0.06;
/// How steeply c falls: exponent of 3500 Hz / f.
const RINGING_ORDER: i32 = 4;
/// Masks of the drums, for one transform.
#[derive(Debug, Clone)]
pub(super) struct Drums {
    /// Of the median over time below the crossover.
    low: Span,
    /// Of the median over time above it.
    high: Span,
    /// Share of the excess per bin, as far as it is computed.
    shares: Vec<f32>,
    /// What the median over time counts for above the crossover, per bin.
    weights: Vec<f32>,
    medians: Medians,
    /// Of both channels together, `[frame · bin]`. Work space, as are the following two.
    magnitudes: Vec<f32>,
    /// m of a frame, per bin.
    lasting: Vec<f32>,
    /// p of a frame, per bin.
    sudden: Vec<f32>,
}

impl Drums {
    /// For a transform of `num_bins` bins, `bin_hz` apart.
    pub(super) fn new((bin_hz, num_bins): (f32, usize), low: Span, high: Span) -> Self {
        debug_assert!(low.past + low.future < MAX_VALUES && high.past + high.future < MAX_VALUES);
        let share = |hz: f32| 1.0 / (1.0 + (hz / CROSSOVER_HZ).powi(ORDER));
        let ringing = |hz: f32| {
            let above = 1.0 / (1.0 + (RINGING_HZ / hz.max(1.0)).powi(RINGING_ORDER));
            1.0 + above * (RINGING_WEIGHT - 1.0)
        };
        let frequencies = (0u16..).map(|bin| f32::from(bin) * bin_hz);
        Self {
            low,
            high,
            shares: frequencies
                .clone()
                .take_while(|hz| *hz < LOW_END_HZ)
                .map(share)
                .collect(),
            weights: frequencies.clone().take(num_bins).map(ringing).collect(),
            medians: Medians::new(),
            magnitudes: Vec::new(),
            lasting: Vec::new(),
            sudden: Vec::new(),
        }
    }
}

impl Mask for Drums {
    fn past(&self) -> usize {
        self.low.past.max(self.high.past)
    }

    fn future(&self) -> usize {
        self.low.future.max(self.high.future)
    }

    fn masks(
        &mut self,
        spectra: [&[Complex<f32>]; 2],
        num_bins: usize,
        there: &Range<usize>,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) {
        let mut magnitudes = std::mem::take(&mut self.magnitudes);
        magnitudes.clear();
        let pairs = spectra[0].iter().zip(spectra[1]);
        magnitudes.extend(pairs.map(|(l, r)| (0.5 * (l.norm_sqr() + r.norm_sqr())).sqrt()));
        self.lasting.resize(num_bins, 0.0);
        self.sudden.resize(num_bins, 0.0);
        for (frame, masks) in wanted.zip(masks.chunks_exact_mut(num_bins)) {
            let of =
                |frames: Range<usize>| &magnitudes[frames.start * num_bins..frames.end * num_bins];
            let own = of(frame..frame + 1);
            self.medians.over_frames(
                of(self.high.around(frame, there)),
                num_bins,
                &mut self.lasting,
            );
            self.medians.over_bins(own, HALF_BINS, &mut self.sudden);
            let medians = self.lasting.iter().zip(&self.sudden).zip(&self.weights);
            for (mask, ((lasting, sudden), weight)) in masks.iter_mut().zip(medians) {
                let (lasting, sudden) = (lasting * lasting, sudden * sudden);
                let share = sudden / (weight * lasting + sudden + TINY);
                *mask = share * share.sqrt().sqrt();
            }
            let num_low = self.shares.len().min(num_bins);
            let lasting = &mut self.lasting[..num_low];
            self.medians
                .over_frames(of(self.low.around(frame, there)), num_bins, lasting);
            for (((mask, share), lasting), own) in
                masks.iter_mut().zip(&self.shares).zip(lasting).zip(own)
            {
                let lasting = *lasting * *lasting;
                let excess = (own * own - lasting).max(0.0);
                *mask += share * (excess / (lasting + excess + TINY) - *mask);
            }
        }
        self.magnitudes = magnitudes;
    }
}
