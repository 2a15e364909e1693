//! Bass without learning: a crossover that follows the stereo image.
//!
//! Basses are in the centre, guitars and keys mostly beside it. So where both sides are alike, what is left of
//! the music after vocals and drums is bass up to 900 Hz, with its harmonics; where they are not, up to 150 Hz.
//! A single guitar or piano is in the centre, too: only where enough of the energy below 900 Hz lies below 150 Hz
//! is there a bass at all.
//!
//! With `s = ⟨Re L R*⟩ / ⟨(|L|² + |R|²) / 2⟩` over frames around, `w = clip((s − 0.9) / 0.1) · clip((r − 0.2) / 0.25)`,
//! r the share of the energy below 150 Hz: the mask is `w / (1 + (f/900)^8) + (1 − w) / (1 + (f/150)^8)`.
//!
//! # Shape
//! Masks are `[frame · bin]`, the same for both channels; from 2850 Hz on they are 0.

use std::ops::Range;

use realfft::num_complex::Complex;

use super::mask::{Mask, Span, TINY};

/// Up to where a bass reaches in the centre, in Hz; the filter has half its amplitude there.
const CENTRE_HZ: f32 = 900.0;
/// The same beside the centre; also where the lows end whose share is measured.
const SIDE_HZ: f32 = 150.0;
/// Exponent of both filters: 48 dB per octave.
const ORDER: i32 = 8;
/// Above this, masks are below a ten-thousandth, and 0.
const END_HZ: f32 = 2_850.0;
/// Likeness of the sides from which on something counts as in the centre.
const LIKENESS: f32 = 0.9;
/// Share of the lows at which a bass begins to be heard, and at which it is.
const GATE: Range<f32> = 0.2..0.45;

/// Masks of the bass, for one transform.
#[derive(Debug, Clone)]
pub(super) struct Bass {
    /// Frames over which the sides are compared.
    likeness: Span,
    /// Frames over which the energies are.
    gate: Span,
    /// Mask of a bin that is in the centre, per bin.
    centre: Vec<f32>,
    /// Mask of one that is not, per bin.
    side: Vec<f32>,
    /// Bins below 150 and 900 Hz.
    num_low: usize,
    num_centre: usize,
}

impl Bass {
    /// For a transform whose bins are `bin_hz` apart.
    pub(super) fn new(bin_hz: f32, likeness: Span, gate: Span) -> Self {
        let frequencies: Vec<f32> = (0u16..)
            .map(|bin| f32::from(bin) * bin_hz)
            .take_while(|hz| *hz < END_HZ)
            .collect();
        let low_pass = |end: f32| {
            let gain = |hz: &f32| 1.0 / (1.0 + (hz / end).powi(ORDER));
            frequencies.iter().map(gain).collect()
        };
        let below = |end: f32| frequencies.iter().filter(|hz| **hz < end).count();
        Self {
            likeness,
            gate,
            centre: low_pass(CENTRE_HZ),
            side: low_pass(SIDE_HZ),
            num_low: below(SIDE_HZ),
            num_centre: below(CENTRE_HZ),
        }
    }

    /// Lowest bins that have a mask; it is 0 above.
    pub(super) fn num_bins(&self) -> usize {
        self.centre.len()
    }
}

impl Mask for Bass {
    fn past(&self) -> usize {
        self.likeness.past.max(self.gate.past)
    }

    fn future(&self) -> usize {
        self.likeness.future.max(self.gate.future)
    }

    fn masks(
        &mut self,
        spectra: [&[Complex<f32>]; 2],
        stride: usize,
        there: &Range<usize>,
        wanted: Range<usize>,
        masks: &mut [f32],
    ) {
        let of = |channel: usize, frame: usize| &spectra[channel][frame * stride..][..stride];
        let num_bins = self.num_bins();
        let (mut alike, mut all) = (vec![0.0f32; num_bins], vec![0.0f32; num_bins]);
        for (frame, masks) in wanted.zip(masks.chunks_exact_mut(stride)) {
            let (masks, above) = masks.split_at_mut(num_bins);
            above.fill(0.0);
            let energy = |num_bins: usize| -> f32 {
                let frames = self.gate.around(frame, there);
                let channels = frames.flat_map(|frame| [of(0, frame), of(1, frame)]);
                let bins = channels.flat_map(|channel| &channel[..num_bins]);
                bins.map(Complex::norm_sqr).sum()
            };
            let share = energy(self.num_low) / (energy(self.num_centre) + TINY);
            let gate = ((share - GATE.start) / (GATE.end - GATE.start)).clamp(0.0, 1.0);
            alike.fill(0.0);
            all.fill(0.0);
            for near in self.likeness.around(frame, there) {
                for ((alike, all), (l, r)) in alike
                    .iter_mut()
                    .zip(&mut all)
                    .zip(of(0, near).iter().zip(of(1, near)))
                {
                    *alike += l.re * r.re + l.im * r.im;
                    *all += 0.5 * (l.norm_sqr() + r.norm_sqr());
                }
            }
            for ((mask, (alike, all)), (centre, side)) in masks
                .iter_mut()
                .zip(alike.iter().zip(&all))
                .zip(self.centre.iter().zip(&self.side))
            {
                let likeness = alike / (all + TINY);
                let weight = gate * ((likeness - LIKENESS) / (1.0 - LIKENESS)).clamp(0.0, 1.0);
                *mask = weight * centre + (1.0 - weight) * side;
            }
        }
    }
}
