//! Live: all of it in one transform, so that nothing is waited for twice.
//!
//! For the frames that become final, in the order of [`super`]:
//!
//! 1. `A = share · X` is the accompaniment, `X − A` the vocals.
//! 2. `D = drum mask · A`; the mask sees frames of A before, from windows past, and the newer ones of this
//!    window.
//! 3. `T = (1 − drum mask) · A` in the lowest bins, and `bass mask · T` is the bass. It looks back only: T is
//!    not known of frames that are not final.
//!
//! What is left of A is other, which nobody computes: it is the residual.

use std::ops::Range;

use realfft::num_complex::Complex;

use super::bass::Bass;
use super::drums::Drums;
use super::mask::{Mask, Span};
use super::networks::Networks;
use super::{FRAME_SECONDS_BASS, Stems, seconds};
use crate::error::Error;
use crate::model::manifest::{Lookback, Manifest};
use crate::network::spectra::{Spectra, Spectral};
use crate::network::{Give, OnSpectra};
use crate::transform::settings::Transform;

/// Medians over time see so much of the past; of the future, what there is up to as much again.
///
/// In seconds; at the built-in model's 1024 samples per frame and 44.1 kHz, 11 frames.
const MEDIAN_SECONDS: f32 = 0.25;

/// Vocals, drums and bass of a window of spectra.
///
/// Frames below are of the transform, each of all bins unless it says lows.
pub(crate) struct Live {
    /// Shares of the accompaniment.
    networks: Networks,
    /// Where drums, bass and vocals go.
    stems: Stems,
    /// The window's mix.
    spectral: Spectral,
    /// Masks of the drums; the same span of frames for lows and highs.
    drums: Drums,
    /// Masks of the bass.
    bass: Bass,
    /// New frames per window.
    hop: usize,
    /// Accompaniment of the frames that were final last, and of all that are newer. `[channel][frame · bin]`.
    accompaniment: Spectra,
    /// Of the frames that become final, `[frame · bin]`, the same for both channels.
    drum_masks: Vec<f32>,
    /// The lows of the accompaniment without drums, of the frames that were final last and of the new ones.
    /// `[channel][frame · low bin]`.
    tonal: Spectra,
    /// Of the frames that become final, `[frame · low bin]`.
    bass_masks: Vec<f32>,
    /// The stem that is being given; only its wanted frames hold something.
    stem: Spectra,
}

impl Live {
    /// Of networks that were loaded; `window` is the live mode's.
    pub(super) fn new(
        manifest: &Manifest,
        transform: Transform,
        window: Lookback,
        stems: Stems,
        networks: Networks,
    ) -> Self {
        let rate = manifest.sample_rate as f32;
        let bin_hz = rate / transform.n_fft as f32;
        let frames = |length: f32| seconds(length, rate, transform.hop);
        let median = frames(MEDIAN_SECONDS);
        let median = Span {
            past: median,
            // The newest frame of a window has none.
            future: median.min(window.look + window.hop - 1),
        };
        let bass = Span {
            past: frames(FRAME_SECONDS_BASS.0),
            future: 0,
        };
        let gate = Span {
            past: frames(FRAME_SECONDS_BASS.1),
            future: 0,
        };
        let spectral = Spectral::new(transform);
        let num_bins = spectral.num_bins();
        Self {
            networks,
            stems,
            spectral,
            drums: Drums::new((bin_hz, num_bins), median, median),
            bass: Bass::new(bin_hz, bass, gate),
            hop: window.hop,
            accompaniment: Spectra::default(),
            drum_masks: Vec::new(),
            tonal: Spectra::default(),
            bass_masks: Vec::new(),
            stem: Spectra::default(),
        }
    }

    /// Fills `drum_masks` for the wanted frames and returns where they are in `accompaniment`.
    ///
    /// Asks the networks for the wanted frames and all newer ones, and appends their accompaniment to that of
    /// the past.
    ///
    /// # Errors
    /// Inference fails.
    fn mask_drums(&mut self, wanted: &Range<usize>) -> Result<Range<usize>, Error> {
        let num_bins = self.spectral.num_bins();
        let seen = wanted.start..self.spectral.frames;
        let shares = self
            .networks
            .shares(&self.spectral, self.hop, seen.clone())?;
        let num_past = self.accompaniment[0].len() / num_bins;
        for ((accompaniment, mix), shares) in self
            .accompaniment
            .iter_mut()
            .zip(&self.spectral.mix)
            .zip(shares)
        {
            let mix = &mix[seen.start * num_bins..];
            accompaniment.extend(mix.iter().zip(shares).map(|(x, share)| x * share));
        }
        let own = num_past..num_past + wanted.len();
        self.drum_masks.resize(wanted.len() * num_bins, 0.0);
        self.drums.masks(
            [&self.accompaniment[0], &self.accompaniment[1]],
            num_bins,
            &(0..num_past + seen.len()),
            own.clone(),
            &mut self.drum_masks,
        );
        Ok(own)
    }

    /// Keeps what the next window's masks look back at.
    ///
    /// `own` is what [`Live::mask_drums`] returned. Newer frames go, too: the next window knows them better.
    fn keep(&mut self, own: &Range<usize>) {
        let num_bins = self.spectral.num_bins();
        let first = own.end.saturating_sub(self.drums.past());
        for accompaniment in &mut self.accompaniment {
            accompaniment.truncate(own.end * num_bins);
            accompaniment.drain(..first * num_bins);
        }
    }

    /// Fills `bass_masks` for the wanted frames of `accompaniment`.
    ///
    /// `wanted` counts frames of `accompaniment`. Appends their lows without drums to `tonal`, of which as much
    /// past is kept as the masks look at.
    fn mask_bass(&mut self, wanted: &Range<usize>) {
        let num_bins = self.spectral.num_bins();
        let (num_low, past) = (self.bass.num_bins(), self.bass.past());
        for (tonal, accompaniment) in self.tonal.iter_mut().zip(&self.accompaniment) {
            for (frame, masks) in wanted.clone().zip(self.drum_masks.chunks_exact(num_bins)) {
                let lows = &accompaniment[frame * num_bins..][..num_low];
                tonal.extend(lows.iter().zip(masks).map(|(x, mask)| x * (1.0 - mask)));
            }
            let extra = (tonal.len() / num_low).saturating_sub(past + wanted.len());
            tonal.drain(..extra * num_low);
        }
        let num_frames = self.tonal[0].len() / num_low;
        self.bass_masks.resize(wanted.len() * num_low, 0.0);
        self.bass.masks(
            [&self.tonal[0], &self.tonal[1]],
            num_low,
            &(0..num_frames),
            num_frames - wanted.len()..num_frames,
            &mut self.bass_masks,
        );
    }
}

impl OnSpectra for Live {
    fn spectral(&mut self) -> &mut Spectral {
        &mut self.spectral
    }

    fn reset(&mut self) {
        self.networks.reset();
        for past in self.accompaniment.iter_mut().chain(&mut self.tonal) {
            past.clear();
        }
    }

    fn rest(&mut self, num_new: usize) {
        self.networks.rest(num_new);
        let num_bins = self.spectral.num_bins();
        for accompaniment in &mut self.accompaniment {
            let num_frames = accompaniment.len() / num_bins + num_new;
            accompaniment.resize(num_frames * num_bins, Complex::default());
            let first = num_frames.saturating_sub(self.drums.past());
            accompaniment.drain(..first * num_bins);
        }
        let num_low = self.bass.num_bins();
        for tonal in &mut self.tonal {
            let num_frames = tonal.len() / num_low + num_new;
            tonal.resize(num_frames * num_low, Complex::default());
            let first = num_frames.saturating_sub(self.bass.past() + num_new);
            tonal.drain(..first * num_low);
        }
    }

    fn estimate(&mut self, wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error> {
        let own = self.mask_drums(&wanted)?;
        self.mask_bass(&own);
        let num_bins = self.spectral.num_bins();
        let num_low = self.bass.num_bins();
        let window = wanted.start * num_bins..wanted.end * num_bins;
        let masked = own.start * num_bins..own.end * num_bins;
        for stem in &mut self.stem {
            stem.resize(self.spectral.frames * num_bins, Complex::default());
        }
        let parts = |stem: &mut Spectra, fill: &dyn Fn(usize, &mut [Complex<f32>])| {
            for (channel, stem) in stem.iter_mut().enumerate() {
                fill(channel, &mut stem[window.clone()]);
            }
        };
        let Self {
            spectral,
            accompaniment,
            drum_masks,
            tonal,
            bass_masks,
            stem,
            stems,
            ..
        } = self;
        parts(stem, &|channel, stem| {
            let mix = spectral.mix[channel][window.clone()].iter();
            for (stem, (mix, rest)) in stem
                .iter_mut()
                .zip(mix.zip(&accompaniment[channel][masked.clone()]))
            {
                *stem = mix - rest;
            }
        });
        give(spectral, stems.vocals, stem);
        parts(stem, &|channel, stem| {
            let accompaniment = accompaniment[channel][masked.clone()].iter();
            for (stem, (x, mask)) in stem.iter_mut().zip(accompaniment.zip(&*drum_masks)) {
                *stem = x * mask;
            }
        });
        give(spectral, stems.drums, stem);
        parts(stem, &|channel, stem| {
            let tonal = &tonal[channel];
            let newest = &tonal[tonal.len() - bass_masks.len()..];
            let masked = newest.iter().zip(&*bass_masks).map(|(x, mask)| x * mask);
            let masked: Vec<Complex<f32>> = masked.collect();
            for (stem, masked) in stem
                .chunks_exact_mut(num_bins)
                .zip(masked.chunks_exact(num_low))
            {
                stem[..num_low].copy_from_slice(masked);
                stem[num_low..].fill(Complex::default());
            }
        });
        give(spectral, stems.bass, stem);
        self.keep(&own);
        Ok(())
    }
}
