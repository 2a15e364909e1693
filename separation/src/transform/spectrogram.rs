//! The transform of a whole segment, as the networks that work on spectrograms were trained with it.
//!
//! With window w, periodic Hann (`w[n] = sin²(π n / N)`) or rectangular (`w[n] = 1`), N = n_fft, h = hop:
//!
//! 0. Silence is appended to the segment, if the network wants some.
//! 1. Frame t covers samples `[t h − lead, t h − lead + N)`; what lies outside the segment is its mirror
//!    image (the outermost sample is not repeated).
//! 2. Forward: `X[f] = c Σ w[n] x[n] e^(−2πi f n / N)`, c = 1, or 1/√N if normalised.
//! 3. Backward: `y[n] = Σ_t w[n] / (c N) Σ_f X[f] e^(2πi f n / N) / Σ_t w[n]²`.
//!
//! | framing | lead | frames of n samples | Σ w² in step 3 over |
//! |---|---|---|---|
//! | centred | N / 2 | ⌊n / h⌋ + 1 | the frames there are |
//! | between | (N − h) / 2 | ⌈n / h⌉ | all frames, as if they went on |
//! | whole | 0 | (n − N) / h + 1 | all frames, as if they went on |
//!
//! # Source
//! Centred: `torch.stft` and `torch.istft` with `center=True`, `pad_mode="reflect"`; the window is rectangular
//! where they are given none, as in SCNet (`scnet.SCNet.forward`), which also appends the silence. Between: `_spec` and
//! `_ispec` of Demucs 4 (`demucs.htdemucs`), whose padding of 3/2 h and whose two frames dropped on each
//! side come to this. Whole: `tf.signal.stft` without padding, and Spleeter's factor of 2/3, which is
//! 1 / Σ w² at h = N / 4.

use realfft::num_complex::Complex;

use crate::transform::fourier::Fourier;
use crate::transform::settings::{Framing, Transform, WindowFunction};
use crate::transform::stft::hann;

/// Least Σ w² that is divided by; below it torch refuses.
const LEAST_WEIGHT: f32 = 1e-11;

/// Tables and work space of one transform pair.
///
/// Holds nothing of a signal between calls.
pub(crate) struct Spectrogram {
    /// Lengths, window and framing.
    transform: Transform,
    /// One frame and its spectrum.
    fourier: Fourier,
    /// w, N values.
    window_function: Vec<f32>,
    /// Samples under way, from `−lead` on. Windowed frames, added where they overlap.
    sum: Vec<f32>,
    /// 1 / Σ w² for every sample of a segment of this length. With the factors of the transform; made anew when
    /// the length changes.
    scale: Vec<f32>,
}

impl Spectrogram {
    /// Tables for these settings.
    pub(crate) fn new(transform: Transform) -> Self {
        Self {
            fourier: Fourier::new(transform.n_fft),
            window_function: match transform.window_function {
                WindowFunction::Hann => hann(transform.n_fft),
                WindowFunction::Rectangular => vec![1.0; transform.n_fft],
            },
            sum: Vec::new(),
            scale: Vec::new(),
            transform,
        }
    }

    /// Bins of a spectrum.
    pub(crate) fn num_bins(&self) -> usize {
        self.fourier.spectrum.len()
    }

    /// Spectra of all frames of a segment of one channel.
    ///
    /// `samples` is of any length, but at least N where frames are whole; all bins are made, also those that a
    /// graph doesn't see.
    ///
    /// # Shape
    /// `spectra`: `[frame][bin]`, made as long as needed.
    pub(crate) fn analyse(&mut self, samples: &[f32], spectra: &mut Vec<Complex<f32>>) {
        let Transform {
            n_fft,
            hop,
            is_normalised,
            framing,
            silence_frames,
            ..
        } = self.transform;
        let lead = framing.lead(n_fft, hop);
        let factor = if is_normalised {
            1.0 / (n_fft as f32).sqrt()
        } else {
            1.0
        };
        let num_bins = self.num_bins();
        let num_frames = self.transform.num_frames(samples.len());
        spectra.resize(num_frames * num_bins, Complex::default());
        for (t, spectrum) in spectra.chunks_exact_mut(num_bins).enumerate() {
            let inside = (t * hop).checked_sub(lead);
            let frame = &mut self.fourier.frame;
            match inside.and_then(|start| samples.get(start..start + n_fft)) {
                Some(samples) => {
                    for ((x, sample), w) in frame.iter_mut().zip(samples).zip(&self.window_function)
                    {
                        *x = sample * w * factor;
                    }
                }
                None => {
                    for (n, (x, w)) in frame.iter_mut().zip(&self.window_function).enumerate() {
                        *x = mirrored(samples, silence_frames, t * hop + n, lead) * w * factor;
                    }
                }
            }
            self.fourier.forward();
            spectrum.copy_from_slice(&self.fourier.spectrum);
        }
    }

    /// A segment of one channel from the spectra of all its frames.
    ///
    /// Samples that no frame covers are 0.
    ///
    /// # Shape
    /// `spectra`: as [`Spectrogram::analyse`] makes them; `samples`: what it was given.
    pub(crate) fn synthesise(&mut self, spectra: &[Complex<f32>], samples: &mut [f32]) {
        let Transform { n_fft, hop, .. } = self.transform;
        let lead = self.transform.framing.lead(n_fft, hop);
        if self.scale.len() != samples.len() {
            self.scale = self.scales(samples.len());
        }
        let num_frames = spectra.len() / self.num_bins();
        self.sum.clear();
        let reach = (num_frames.max(1) - 1) * hop + n_fft;
        self.sum.resize(reach.max(lead + samples.len()), 0.0);
        for (t, spectrum) in spectra.chunks_exact(self.num_bins()).enumerate() {
            self.fourier.spectrum.copy_from_slice(spectrum);
            self.fourier.backward();
            for ((sum, frame), w) in self.sum[t * hop..]
                .iter_mut()
                .zip(&self.fourier.frame)
                .zip(&self.window_function)
            {
                *sum += frame * w;
            }
        }
        for ((sample, sum), scale) in samples.iter_mut().zip(&self.sum[lead..]).zip(&self.scale) {
            *sample = sum * scale;
        }
    }

    /// Everything step 3 multiplies by but the window, per sample.
    ///
    /// # Shape
    /// `len` values, for samples 0 to `len` − 1 of the segment.
    fn scales(&self, len: usize) -> Vec<f32> {
        let Transform {
            n_fft,
            hop,
            framing,
            is_normalised,
            silence_frames,
            ..
        } = self.transform;
        let lead = framing.lead(n_fft, hop);
        let mut weights = vec![0.0f32; lead + len + silence_frames + n_fft];
        if framing == Framing::Centred {
            for t in 0..self.transform.num_frames(len) {
                for (weight, w) in weights[t * hop..].iter_mut().zip(&self.window_function) {
                    *weight += w * w;
                }
            }
        } else {
            for (n, weight) in weights.iter_mut().enumerate() {
                *weight = self.window_function[n % hop..]
                    .iter()
                    .step_by(hop)
                    .map(|w| w * w)
                    .sum();
            }
        }
        let n = n_fft as f32;
        let factor = if is_normalised {
            1.0 / n.sqrt()
        } else {
            1.0 / n
        };
        weights[lead..lead + len]
            .iter()
            .map(|weight| factor / weight.max(LEAST_WEIGHT))
            .collect()
    }
}

/// Sample `position − lead` of the samples and the silence after them, mirrored at both ends as often as it
/// takes.
fn mirrored(samples: &[f32], silence_frames: usize, position: usize, lead: usize) -> f32 {
    let period = 2 * (samples.len() + silence_frames).saturating_sub(1);
    let position = match period {
        0 => 0,
        _ => (position + period * lead.div_ceil(period) - lead) % period,
    };
    let position = position.min(period - position);
    samples.get(position).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn noise(frames: usize) -> Vec<f32> {
        crate::audio::noise::noise(frames)
    }

    fn transform(n_fft: usize, hop: usize, framing: Framing, is_normalised: bool) -> Transform {
        Transform {
            n_fft,
            hop,
            bins: n_fft / 2 + 1,
            window_function: WindowFunction::Hann,
            framing,
            silence_frames: 0,
            is_normalised,
        }
    }

    #[test]
    fn spectra_are_the_direct_sum_over_the_mirrored_segment() {
        for (framing, lead) in [
            (Framing::Centred, 32),
            (Framing::Between, 24),
            (Framing::Whole, 0),
        ] {
            let samples = noise(64 + 5 * 16);
            let transform = transform(64, 16, framing, true);
            let mut spectra = Vec::new();
            Spectrogram::new(transform).analyse(&samples, &mut spectra);
            let last = samples.len() as i64 - 1;
            for (t, spectrum) in spectra.chunks(33).enumerate() {
                for (bin, actual) in spectrum.iter().enumerate() {
                    let mut expected = Complex::<f64>::default();
                    for n in 0..64 {
                        let mut p = (t * 16 + n) as i64 - lead;
                        p = p.abs();
                        p = if p > last { 2 * last - p } else { p };
                        let hann = 0.5 - 0.5 * (2.0 * PI * n as f64 / 64.0).cos();
                        let angle = -2.0 * PI * (bin * n) as f64 / 64.0;
                        expected += Complex::from_polar(
                            f64::from(samples[usize::try_from(p).unwrap()]) * hann / 8.0,
                            angle,
                        );
                    }
                    let error = (f64::from(actual.re) - expected.re)
                        .hypot(f64::from(actual.im) - expected.im);
                    assert!(error < 1e-6, "{framing:?}, frame {t}, bin {bin}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn silence_after_a_segment_is_as_if_the_segment_held_it() {
        let mut padded = noise(500);
        padded.resize(500 + 40, 0.0);
        let without = Transform {
            window_function: WindowFunction::Rectangular,
            ..transform(64, 16, Framing::Centred, false)
        };
        let with = Transform {
            silence_frames: 40,
            ..without
        };
        let (mut expected, mut actual) = (Vec::new(), Vec::new());
        Spectrogram::new(without).analyse(&padded, &mut expected);
        Spectrogram::new(with).analyse(&padded[..500], &mut actual);
        assert_eq!(actual, expected);
        // A rectangular window: the first bin is the sum of what the frame covers.
        let sum: f32 = padded[160 - 32..160 + 32].iter().sum();
        assert!((actual[10 * 33].re - sum).abs() < 1e-5);

        let (mut whole, mut out) = (vec![1.0; 540], vec![1.0; 500]);
        Spectrogram::new(without).synthesise(&expected, &mut whole);
        Spectrogram::new(with).synthesise(&actual, &mut out);
        assert_eq!(out, whole[..500]);
        for (i, (out, sample)) in out.iter().zip(&padded).enumerate() {
            assert!((out - sample).abs() < 2e-6, "{i}");
        }
    }

    #[test]
    fn forward_then_backward_is_the_identity_first_and_last_sample_included() {
        for (n_fft, hop, framing, len) in [
            (4096, 1024, Framing::Centred, 20_000),
            (4096, 1024, Framing::Between, 20_480),
            // A last hop that is not whole.
            (4096, 1024, Framing::Between, 20_000),
            // A hop that does not divide the window, as RoFormers use it.
            (2048, 441, Framing::Centred, 20_000),
            // Shorter than the lead.
            (4096, 1024, Framing::Centred, 300),
        ] {
            for is_normalised in [false, true] {
                let samples = noise(len);
                let mut pair = Spectrogram::new(transform(n_fft, hop, framing, is_normalised));
                let (mut spectra, mut out) = (Vec::new(), vec![0.0; len]);
                pair.analyse(&samples, &mut spectra);
                pair.synthesise(&spectra, &mut out);
                // The last hop of `between` ends in frames that are not there, as in Demucs.
                let whole = if framing == Framing::Between {
                    len - 2560
                } else {
                    len
                };
                let first = if framing == Framing::Between { 2560 } else { 0 };
                for i in first..whole {
                    let error = (out[i] - samples[i]).abs();
                    assert!(error < 2e-6, "{n_fft}/{hop} {framing:?}, {i}: {error:e}");
                }
            }
        }
    }
}
