//! The transform pair of the spectral models, hop by hop.
//!
//! With window w, N = n_fft, h = hop, F = N/2 + 1, all at the model's rate:
//!
//! 1. w is the square root of the periodic Hann window, `w[n] = sin(π n / N)`.
//! 2. Frame k covers samples `[(k+1)h − N, (k+1)h)`; there is silence before the start. No centring, no
//!    reflection: nothing is needed from the future, and no sample is seen twice.
//! 3. Forward: `X[f] = Σ w[n] x[n] e^(−2πi f n / N)`, unnormalised.
//! 4. Backward: `y[n] = 2h/N · w[n] · 1/N Σ X[f] e^(2πi f n / N)`, frames added where they overlap.
//!
//! Every sample, the first and the last included, lies in N/h frames k ≥ 0, and over them w² adds up to
//! N/(2h), which step 4 divides by: forward then backward is the identity, once the tail is flushed
//! with N − h samples of silence. Frame k completes samples `[(k+1)h − N, (k+1)h − N + h)`: a lag of N − h.
//!
//! # Shape
//! A spectrum is `[bin][re, im]` or one complex number per bin, F bins from 0 Hz to the Nyquist frequency; bin
//! f is at `f · rate / N` Hz.
//!
//! # Source
//! Matches `torch.stft(center=False, normalized=False)` on a mix padded with N − h zeros in front.

use std::f32::consts::PI;

use realfft::num_complex::Complex;

use crate::transform::fourier::Fourier;

/// Tables and work space of one transform pair. Holds no audio: that is in the caller's buffers, one
/// per channel forward, one per stem and channel backward.
///
/// One pair serves any number of channels and signals, one after the other; nothing is allocated after it is
/// made.
pub struct Stft {
    /// h, in samples.
    hop: usize,
    /// One frame and its spectrum.
    fourier: Fourier,
    /// w, N values.
    analysis_window: Vec<f32>,
    /// Everything step 4 multiplies by, the 1/N of the transform included.
    synthesis_window: Vec<f32>,
}

impl Stft {
    /// Whether `n_fft` and `hop` give a pair that is the identity: `n_fft` even, and `hop` divides its
    /// half.
    pub fn is_valid(n_fft: usize, hop: usize) -> bool {
        n_fft > 0 && n_fft.is_multiple_of(2) && hop > 0 && (n_fft / 2).is_multiple_of(hop)
    }

    /// The pair of steps 1 to 4, for frames of `n_fft` samples, `hop` apart.
    ///
    /// # Panics
    /// If not [`Stft::is_valid`].
    pub fn new(n_fft: usize, hop: usize) -> Self {
        assert!(
            Self::is_valid(n_fft, hop),
            "n_fft {n_fft} with hop {hop} cannot be the identity"
        );
        let window_function = (0..n_fft)
            .map(|n| (PI * n as f32 / n_fft as f32).sin())
            .collect();
        Self::with_window_function(hop, window_function)
    }

    /// With another window, and any hop with which every sample has a weight: step 4 then divides by
    /// `Σ w²` over the frames that a sample lies in, whatever that is.
    pub(crate) fn with_window_function(hop: usize, analysis_window: Vec<f32>) -> Self {
        let n_fft = analysis_window.len();
        let energy = |n: usize| -> f64 {
            let overlapping = analysis_window[n % hop..].iter().step_by(hop);
            overlapping.map(|w| f64::from(*w).powi(2)).sum()
        };
        let energies: Vec<f64> = (0..hop).map(energy).collect();
        let weight =
            |(n, w): (usize, &f32)| narrow(f64::from(*w) / (n_fft as f64 * energies[n % hop]));
        Self {
            hop,
            fourier: Fourier::new(n_fft),
            synthesis_window: analysis_window.iter().enumerate().map(weight).collect(),
            analysis_window,
        }
    }

    /// With the periodic Hann window.
    pub(crate) fn hann(n_fft: usize, hop: usize) -> Self {
        Self::with_window_function(hop, hann(n_fft))
    }

    /// N: frames a transform sees; the length of `history` and `overlap`.
    pub fn n_fft(&self) -> usize {
        self.analysis_window.len()
    }

    /// h: new frames per transform.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// F: bins from 0 Hz to the Nyquist frequency.
    pub fn num_bins(&self) -> usize {
        self.fourier.spectrum.len()
    }

    /// The spectrum after one more hop of one channel.
    ///
    /// # Shape
    /// `history`: the last N samples, zeros at first, updated here; `samples`: h;
    /// `spectrum`: `[bin][re, im]`, 2 F.
    ///
    /// # Panics
    /// If `history` or `samples` has another length.
    pub fn analyse(&mut self, history: &mut [f32], samples: &[f32], spectrum: &mut [f32]) {
        let bins = self.forward(history, samples);
        for (pair, bin) in spectrum.as_chunks_mut::<2>().0.iter_mut().zip(bins) {
            *pair = [bin.re, bin.im];
        }
    }

    /// As [`Stft::analyse`], and hands the spectrum out.
    pub(crate) fn forward(&mut self, history: &mut [f32], samples: &[f32]) -> &[Complex<f32>] {
        history.copy_within(self.hop.., 0);
        history[self.n_fft() - self.hop..].copy_from_slice(samples);
        let Fourier { frame, .. } = &mut self.fourier;
        for ((frame, sample), weight) in frame.iter_mut().zip(&*history).zip(&self.analysis_window)
        {
            *frame = sample * weight;
        }
        self.fourier.forward();
        &self.fourier.spectrum
    }

    /// The hop of one channel that one more spectrum completes.
    ///
    /// # Shape
    /// `spectrum`: `[bin][re, im]`, 2 F; `overlap`: N samples under way, zeros at first, updated here;
    /// `samples`: h.
    ///
    /// # Panics
    /// If `overlap` is shorter or `samples` of another length.
    pub fn synthesise(&mut self, spectrum: &[f32], overlap: &mut [f32], samples: &mut [f32]) {
        let pairs = spectrum.as_chunks::<2>().0;
        for (bin, pair) in self.fourier.spectrum.iter_mut().zip(pairs) {
            *bin = Complex::new(pair[0], pair[1]);
        }
        self.backward(overlap, samples);
    }

    /// As [`Stft::synthesise`], for a spectrum in another form.
    pub(crate) fn synthesise_complex(
        &mut self,
        spectrum: &[Complex<f32>],
        overlap: &mut [f32],
        samples: &mut [f32],
    ) {
        self.fourier.spectrum.copy_from_slice(spectrum);
        self.backward(overlap, samples);
    }

    /// Step 4 for the spectrum in `fourier`: adds its frame to `overlap`, hands out the first hop of that and
    /// moves the rest up.
    fn backward(&mut self, overlap: &mut [f32], samples: &mut [f32]) {
        self.fourier.backward();
        for ((overlap, frame), weight) in overlap
            .iter_mut()
            .zip(&self.fourier.frame)
            .zip(&self.synthesis_window)
        {
            *overlap += frame * weight;
        }
        samples.copy_from_slice(&overlap[..self.hop]);
        overlap.copy_within(self.hop.., 0);
        overlap[self.n_fft() - self.hop..].fill(0.0);
    }
}

/// The periodic Hann window.
///
/// `w[n] = sin²(π n / N)`, N values, w\[0\] = 0; computed in f64.
pub(crate) fn hann(n_fft: usize) -> Vec<f32> {
    let angle = |n: usize| std::f64::consts::PI * n as f64 / n_fft as f64;
    (0..n_fft).map(|n| narrow(angle(n).sin().powi(2))).collect()
}

/// Back to the audio's own type.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl std::fmt::Debug for Stft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stft")
            .field("n_fft", &self.n_fft())
            .field("hop", &self.hop)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_window_and_hop_give_back_what_went_in() {
        for (n_fft, hop, scale) in [(64, 16, 1.0), (64, 13, 1.0), (2048, 441, 0.02)] {
            let window_function = hann(n_fft).iter().map(|w| w * scale).collect();
            let mut stft = Stft::with_window_function(hop, window_function);
            let (mut history, mut overlap) = (vec![0.0; n_fft], vec![0.0; n_fft]);
            let samples = crate::audio::noise::noise(40 * hop);
            let mut out = Vec::new();
            for samples in samples.chunks_exact(hop) {
                let spectrum = stft.forward(&mut history, samples).to_vec();
                let mut hop_out = vec![0.0; hop];
                stft.synthesise_complex(&spectrum, &mut overlap, &mut hop_out);
                out.extend(hop_out);
            }
            // What comes out lags by N − h.
            for (out, sample) in out[n_fft - hop..].iter().zip(&samples) {
                assert!(
                    (out - sample).abs() < 1e-6,
                    "{n_fft}/{hop}: {out} for {sample}"
                );
            }
        }
    }
    use std::f64::consts::PI;

    fn noise(frames: usize) -> Vec<f32> {
        let mut state = 9u32;
        (0..frames)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0
            })
            .collect()
    }

    /// Steps 2 and 3 word for word, in f64.
    fn direct_spectrum(mix: &[f32], k: usize, n_fft: usize, hop: usize) -> Vec<[f64; 2]> {
        (0..=n_fft / 2)
            .map(|bin| {
                let (mut re, mut im) = (0.0, 0.0);
                for n in 0..n_fft {
                    let Some(position) = ((k + 1) * hop + n).checked_sub(n_fft) else {
                        continue;
                    };
                    // The periodic Hann window by its own formula.
                    let hann = 0.5 - 0.5 * (2.0 * PI * n as f64 / n_fft as f64).cos();
                    let x = f64::from(mix[position]) * hann.sqrt();
                    let angle = -2.0 * PI * ((bin * n) % n_fft) as f64 / n_fft as f64;
                    re += x * angle.cos();
                    im += x * angle.sin();
                }
                [re, im]
            })
            .collect()
    }

    #[test]
    fn spectra_are_the_direct_fourier_sum_from_the_first_frame_on() {
        for (n_fft, hop) in [(64, 16), (96, 48), (250, 25)] {
            let mix = noise(8 * hop);
            let mut stft = Stft::new(n_fft, hop);
            let mut history = vec![0.0; n_fft];
            let mut spectrum = vec![0.0; 2 * stft.num_bins()];
            for (k, samples) in mix.chunks(hop).enumerate() {
                stft.analyse(&mut history, samples, &mut spectrum);
                let expected = direct_spectrum(&mix, k, n_fft, hop);
                assert_eq!(expected.len(), stft.num_bins());
                for (bin, (actual, expected)) in spectrum.chunks(2).zip(&expected).enumerate() {
                    let error = (f64::from(actual[0]) - expected[0])
                        .hypot(f64::from(actual[1]) - expected[1]);
                    // f32: a sum of n_fft terms of size one.
                    assert!(
                        error < 2e-5,
                        "{n_fft}/{hop}, frame {k}, bin {bin}: {error:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn forward_then_backward_is_the_identity_first_and_last_sample_included() {
        for (n_fft, hop) in [(4_096, 1_024), (2_048, 512), (64, 32), (60, 6)] {
            let mut mix = noise(7 * hop);
            let frames = mix.len();
            let lag = n_fft - hop;
            mix.resize(frames + lag, 0.0);
            let mut stft = Stft::new(n_fft, hop);
            let (mut history, mut overlap) = (vec![0.0; n_fft], vec![0.0; n_fft]);
            let mut spectrum = vec![0.0; 2 * stft.num_bins()];
            let mut out = vec![0.0; mix.len()];
            for (samples, out) in mix.chunks(hop).zip(out.chunks_mut(hop)) {
                stft.analyse(&mut history, samples, &mut spectrum);
                stft.synthesise(&spectrum, &mut overlap, out);
            }
            for frame in 0..frames {
                let error = (out[frame + lag] - mix[frame]).abs();
                assert!(error < 1e-6, "{n_fft}/{hop}, frame {frame}: {error:e}");
            }
        }
    }

    #[test]
    fn the_weights_of_all_frames_over_a_sample_add_up_to_one() {
        let (n_fft, hop) = (4_096, 1_024);
        let stft = Stft::new(n_fft, hop);
        for offset in 0..hop {
            let sum: f64 = (offset..n_fft)
                .step_by(hop)
                .map(|n| {
                    f64::from(stft.analysis_window[n])
                        * f64::from(stft.synthesis_window[n])
                        * n_fft as f64
                })
                .sum();
            assert!((sum - 1.0).abs() < 1e-6, "offset {offset}: {sum}");
        }
    }

    #[test]
    fn a_spectrum_with_phase_in_its_outer_bins_is_taken_as_its_real_part() {
        let mut stft = Stft::new(64, 16);
        let mut spectrum = vec![0.0; 2 * stft.num_bins()];
        (spectrum[1], spectrum[65]) = (3.0, -5.0);
        let (mut overlap, mut out) = (vec![0.0; 64], vec![1.0; 16]);
        stft.synthesise(&spectrum, &mut overlap, &mut out);
        assert_eq!(out, [0.0; 16]);
    }
}
