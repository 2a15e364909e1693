//! Kind `deep-filter`: DeepFilterNet 3, three graphs that clean a voice: what it keeps is one stem.
//!
//! Each channel by itself, at 48 kHz, with frames of 960 samples every 480, Vorbis window, spectra divided by
//! 960, α = 0.99:
//!
//! 1. Features: energies of 32 bands in dB less their running mean, divided by 40; the lowest 96 bins divided
//!    by the root of their running amplitude. Frame t of the graphs sees features of frame t + 2.
//! 2. `encoder` makes an embedding of them, `gains` a gain per band, `filters` five complex taps for each of
//!    the 96 bins.
//! 3. Bins from 96 on are multiplied by their band's gain; below, `y[t] = Σ_i c_i[t] x[t + i − 2]`.
//!
//! # Shape
//! Per channel and segment of n samples there are T = ⌈n / 480⌉ + 1 frames of 481 bins.
//!
//! | graph | in | out |
//! |---|---|---|
//! | `encoder` | `feat_erb [1,1,T,32]`, `feat_spec [1,2,T,96]` | `e0`–`e3`, `emb [1,T,512]`, `c0 [1,64,T,96]` |
//! | `gains` | `emb`, `e3` to `e0` | `m [1,1,T,32]` |
//! | `filters` | `emb`, `c0` | `coefs [1,T,96,10]`: per bin five taps, oldest frame first, each re, im |
//!
//! # Source
//! Schröter et al. 2023, "DeepFilterNet: Perceptually motivated real-time speech enhancement"; features, bands
//! and look-ahead as in its `libDF` and `df.deepfilternet3`, graphs as `df.scripts.export` writes them.

use realfft::num_complex::Complex;

use super::Network;
use crate::error::Error;
use crate::model::manifest::{ANY, Interface, Manifest, Tensor as Promise};
use crate::runtime::session::{Session, Tensor};
use crate::separator::StemBlock;
use crate::transform::stft::Stft;

/// 20 ms at [`RATE`].
const N_FFT: usize = 960;
/// 10 ms at [`RATE`].
const HOP: usize = 480;
/// From 0 Hz to the Nyquist frequency, 50 Hz apart.
const BINS: usize = N_FFT / 2 + 1;
/// Bands of one gain each, which cover all bins.
const BANDS: usize = 32;
/// Bins that are filtered, up to 4.8 kHz.
const LOW_BINS: usize = 96;
/// Frames that a filter adds up: two earlier ones, its own, and two later ones.
const TAPS: usize = 5;
/// Frames that features and taps look ahead.
const AHEAD: usize = 2;
/// `exp(−hop / rate / 1 s)`, which libDF rounds to two places.
const ALPHA: f32 = 0.99;
/// The only sample rate of the kind, in Hz; manifests with another are refused.
const RATE: f32 = 48_000.0;
/// Fewest bins in a band.
const LEAST_BINS: usize = 2;

/// Three graphs: what is heard, gains per band, and filters for the lowest bins.
///
/// The stem is what is kept of the mix; all else is the residual. Nothing is carried from one segment to the
/// next, so running means begin anew with each.
pub(crate) struct DeepFilter {
    /// Features to embedding, and what the other two take over from its layers.
    encoder: Session,
    /// Embedding to gains per band.
    gains: Session,
    /// Embedding to taps for the lowest bins.
    filters: Session,
    /// The first stem that is not the residual.
    stem_idx: usize,
    /// With the Vorbis window; spectra are divided by [`N_FFT`] after it, and multiplied by it before the way
    /// back.
    stft: Stft,
    /// Bins in each band. From the lowest on; they add up to [`BINS`].
    bands: [usize; BANDS],
}

/// The tensors of each graph, in the order of [`crate::model::manifest::Part`].
///
/// The exporter's names and sizes are fixed, so manifests of this kind have no `[tensors]`. −1 is T, the same
/// in all.
pub(crate) fn interfaces() -> [Interface; 3] {
    let tensor = |name: &str, shape: &[i64]| Promise {
        name: name.to_owned(),
        shape: shape.to_vec(),
        axes: Vec::new(),
    };
    let interface = |inputs: Vec<Promise>, outputs: Vec<Promise>| Interface {
        inputs,
        outputs,
        states: Vec::new(),
    };
    let emb = || tensor("emb", &[1, ANY, 512]);
    let c0 = || tensor("c0", &[1, 64, ANY, 96]);
    let e = [
        tensor("e0", &[1, 64, ANY, 32]),
        tensor("e1", &[1, 64, ANY, 16]),
        tensor("e2", &[1, 64, ANY, 8]),
        tensor("e3", &[1, 64, ANY, 8]),
    ];
    let [e0, e1, e2, e3] = e.clone();
    [
        interface(
            vec![
                tensor("feat_erb", &[1, 1, ANY, 32]),
                tensor("feat_spec", &[1, 2, ANY, 96]),
            ],
            e.into_iter().chain([emb(), c0()]).collect(),
        ),
        interface(
            vec![emb(), e3, e2, e1, e0],
            vec![tensor("m", &[1, 1, ANY, 32])],
        ),
        interface(vec![emb(), c0()], vec![tensor("coefs", &[1, ANY, 96, 10])]),
    ]
}

impl DeepFilter {
    /// Of the sessions in the order of [`interfaces`].
    pub(crate) fn new(manifest: &Manifest, sessions: [Session; 3]) -> Self {
        let [encoder, gains, filters] = sessions;
        let window_function = (0..N_FFT)
            .map(|n| {
                let sine = (std::f32::consts::PI * (n as f32 + 0.5) / N_FFT as f32).sin();
                (std::f32::consts::FRAC_PI_2 * sine * sine).sin()
            })
            .collect();
        Self {
            encoder,
            gains,
            filters,
            stem_idx: if manifest.residual_idx == 0 { 1 } else { 0 },
            stft: Stft::with_window_function(HOP, window_function),
            bands: band_widths(),
        }
    }

    /// All three steps on one channel.
    ///
    /// # Shape
    /// `samples` and `out` are as long as each other; the last hop is filled up with silence.
    ///
    /// # Errors
    /// Inference fails, or an output has another number of values than T frames need.
    fn channel(&mut self, samples: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let mix = self.analyse(samples);
        let frames = mix.len();
        let (bands, bins) = features(&mix, &self.bands)?;

        let mut encoded = self.encoder.run(&[&bands, &bins], &mut [])?;
        let (c0, emb) = (encoded.remove(5), encoded.remove(4));
        let [e0, e1, e2, e3] = &encoded[..] else {
            return Err(Error::Inference {
                reason: "the encoder gave too few outputs".to_owned(),
            });
        };
        let gains = self.gains.run(&[&emb, e3, e2, e1, e0], &mut [])?;
        let gains = gains[0].expect(frames * BANDS)?;
        let taps = self.filters.run(&[&emb, &c0], &mut [])?;
        let taps = taps[0].expect(frames * LOW_BINS * TAPS * 2)?;

        let mut overlap = vec![0.0; N_FFT];
        let mut hop = vec![0.0; HOP];
        let mut spectrum = vec![0.0; 2 * BINS];
        for t in 0..frames {
            let gains = &gains[t * BANDS..][..BANDS];
            let gain_of_bin = self
                .bands
                .iter()
                .zip(gains)
                .flat_map(|(&width, &gain)| std::iter::repeat_n(gain, width));
            let taps = &taps[t * LOW_BINS * TAPS * 2..][..LOW_BINS * TAPS * 2];
            for (bin, (pair, gain)) in spectrum
                .as_chunks_mut::<2>()
                .0
                .iter_mut()
                .zip(gain_of_bin)
                .enumerate()
            {
                let y = if bin < LOW_BINS {
                    filtered(&mix, t, bin, &taps[bin * TAPS * 2..][..TAPS * 2])
                } else {
                    mix[t][bin] * gain
                };
                *pair = [y.re * N_FFT as f32, y.im * N_FFT as f32];
            }
            self.stft.synthesise(&spectrum, &mut overlap, &mut hop);
            // The first hop to come out lies before the segment.
            if let Some(start) = (t * HOP).checked_sub(HOP) {
                let len = HOP.min(out.len().saturating_sub(start));
                out[start..start + len].copy_from_slice(&hop[..len]);
            }
        }
        Ok(())
    }

    /// Frame t covers `[(t − 1) h, (t + 1) h)`; one more than it takes to cover the segment.
    ///
    /// # Shape
    /// The result is `[frame][bin]`. What lies before and after the samples is silence.
    fn analyse(&mut self, samples: &[f32]) -> Vec<Vec<Complex<f32>>> {
        let mut history = vec![0.0; N_FFT];
        let mut spectrum = vec![0.0; 2 * BINS];
        let mut hop = vec![0.0; HOP];
        (0..samples.len().div_ceil(HOP) + 1)
            .map(|t| {
                let samples = samples.get(t * HOP..).unwrap_or_default();
                let len = samples.len().min(HOP);
                hop[..len].copy_from_slice(&samples[..len]);
                hop[len..].fill(0.0);
                self.stft.analyse(&mut history, &hop, &mut spectrum);
                let pairs = spectrum.as_chunks::<2>().0.iter();
                pairs
                    .map(|&[re, im]| Complex::new(re, im) / N_FFT as f32)
                    .collect()
            })
            .collect()
    }
}

impl Network for DeepFilter {
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let stem = stems.stem_mut(self.stem_idx);
        for (samples, out) in segment.iter().zip(stem) {
            self.channel(samples, out)?;
        }
        Ok(())
    }
}

/// y of step 3.
///
/// # Shape
/// `mix` is `[frame][bin]`; frames that there are none of count as 0. `taps` is `[tap][re, im]` of this bin at
/// frame `t`.
fn filtered(mix: &[Vec<Complex<f32>>], t: usize, bin: usize, taps: &[f32]) -> Complex<f32> {
    let mut y = Complex::default();
    for (i, &[re, im]) in taps.as_chunks::<2>().0.iter().enumerate() {
        let frame = (t + i)
            .checked_sub(TAPS - 1 - AHEAD)
            .and_then(|t| mix.get(t));
        if let Some(frame) = frame {
            y += frame[bin] * Complex::new(re, im);
        }
    }
    y
}

/// Step 1: the tensors of bands and of bins.
///
/// # Shape
/// `feat_erb` is `[1, 1, frame, band]`, `feat_spec` `[1, part, frame, bin]`, real parts first; what frame t
/// holds is of frame t + 2 of `mix`.
///
/// # Units
/// Energies are means over the bins of a band, in dB; means over time have a time constant of one second.
fn features(mix: &[Vec<Complex<f32>>], widths: &[usize; BANDS]) -> Result<(Tensor, Tensor), Error> {
    // Running means begin at what is usual for speech.
    let between =
        |from: f32, to: f32, i: usize, n: usize| from + (to - from) * i as f32 / (n - 1) as f32;
    let mut levels: [f32; BANDS] = std::array::from_fn(|i| between(-60.0, -90.0, i, BANDS));
    let mut amplitudes: [f32; LOW_BINS] =
        std::array::from_fn(|i| between(0.001, 0.0001, i, LOW_BINS));
    let frames = mix.len();
    let mut bands = Tensor::zeros(&[1, 1, frames, BANDS])?;
    let mut bins = Tensor::zeros(&[1, 2, frames, LOW_BINS])?;
    let (band_values, bin_values) = (bands.values_mut(), bins.values_mut());
    for (t, spectrum) in mix.iter().enumerate() {
        // Where frame t goes: the last two frames see zeros instead of a future.
        let target = t.checked_sub(AHEAD);
        let mut first = 0;
        for (band, (&width, level)) in widths.iter().zip(&mut levels).enumerate() {
            let energy = spectrum[first..first + width]
                .iter()
                .map(Complex::norm_sqr)
                .sum::<f32>()
                / width as f32;
            first += width;
            let db = (energy + 1e-10).log10() * 10.0;
            *level = db * (1.0 - ALPHA) + *level * ALPHA;
            if let Some(t) = target {
                band_values[t * BANDS + band] = (db - *level) / 40.0;
            }
        }
        for (bin, (x, amplitude)) in spectrum.iter().zip(&mut amplitudes).enumerate() {
            *amplitude = x.norm() * (1.0 - ALPHA) + *amplitude * ALPHA;
            if let Some(t) = target {
                let x = x / amplitude.sqrt();
                bin_values[t * LOW_BINS + bin] = x.re;
                bin_values[(frames + t) * LOW_BINS + bin] = x.im;
            }
        }
    }
    Ok((bands, bins))
}

/// Bins per band: equal steps on the scale of equivalent rectangular bandwidths (Glasberg and Moore 1990),
/// bands that would get too few bins taking them from those above.
///
/// `hz = 24.7 · 9.265 (e^(e / 9.265) − 1)` for e equivalent bandwidths; edges are rounded to the nearest bin.
fn band_widths() -> [usize; BANDS] {
    let scale = 24.7 * 9.265f32;
    let highest = 9.265 * (RATE / 2.0 / scale).ln_1p();
    let mut widths = [0; BANDS];
    // Where the bands before this one should end, and by how much they do end later.
    let (mut edge, mut over) = (0, 0);
    for (i, width) in widths.iter_mut().enumerate() {
        let hz = scale * (highest / 9.265 * (i + 1) as f32 / BANDS as f32).exp_m1();
        let next = whole(hz * N_FFT as f32 / RATE);
        let free = (next - edge).saturating_sub(over);
        *width = free.max(LEAST_BINS);
        over = (over + LEAST_BINS).saturating_sub(next - edge);
        edge = next;
    }
    // The Nyquist frequency has a bin, too.
    let others: usize = widths[..BANDS - 1].iter().sum();
    widths[BANDS - 1] = BINS - others;
    widths
}

/// The nearest whole bin.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bin, from 0 to 480"
)]
fn whole(bin: f32) -> usize {
    bin.round() as usize
}

#[cfg(test)]
mod tests {
    #[test]
    fn bands_cover_all_bins_and_grow() {
        let widths = super::band_widths();
        assert_eq!(widths.iter().sum::<usize>(), 481);
        assert!(widths.is_sorted(), "{widths:?}");
        assert_eq!(widths[..6], [2; 6]);
    }
}
