//! Runs networks on spectra live: on windows of the recent past, of which only the newest frames are used.
//!
//! Overlap-add of whole segments costs the length of a segment in latency. Here the transform runs on without
//! segments; its last W frames are kept, and whenever H new ones are there the network sees all W. Of what it
//! gives, the H frames before the last L count: they have seen L frames or more of their future and all of the
//! window's past. Each is transformed back and overlap-added like any other.
//!
//! With N = n_fft, h = hop of the transform: a hop of the separator is H h samples, and the stems lag the mix by
//! `N − h + L h`, so S = N + (L + H − 1) h.
//!
//! Silence costs nothing: of a window of nothing but zeros every stem is zero, whatever the network would say, so
//! it isn't asked. The stems are the same to the last bit.
//!
//! Of the frames kept, counted from the oldest: `W − H .. W` are new this time, `W − L − H .. W − L` become
//! final.
//!
//! The built-in model in mode `standard` has N = 4096, h = 1024, W = 64, H = 4, L = 2 at 44.1 kHz: each
//! inference sees 1.5 s of the past, S is 9216 frames (209 ms), and a hop 4096 frames (93 ms).

use realfft::num_complex::Complex;

use crate::error::Error;
use crate::model::manifest::{Lookback, Manifest};
use crate::network::OnSpectra;
use crate::separator::check::check_numbers;
use crate::separator::{Separator, Shape, StemBlock};
use crate::transform::settings::{Transform, WindowFunction};
use crate::transform::stft::{Stft, hann};

/// The stems, hop and window of a model that is run so.
///
/// From the manifest alone, so that the latency is known before anything is loaded.
///
/// # Units
/// Everything in the shape is in samples at the model's rate, everything in `window` but its budget in frames
/// of the transform.
pub(crate) fn shape(manifest: &Manifest, transform: &Transform, window: &Lookback) -> Shape {
    let hop_frames = window.hop * transform.hop;
    Shape {
        sample_rate: manifest.sample_rate,
        stems: manifest.stems.clone(),
        residual_idx: manifest.residual_idx,
        hop_frames,
        window_frames: transform.n_fft + (window.look + window.hop - 1) * transform.hop,
        budget_frames: share(hop_frames, window.budget),
    }
}

/// `share` of so many frames, rounded down; `share` is between 0 and 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a length is a length"
)]
fn share(frames: usize, share: f32) -> usize {
    (frames as f64 * f64::from(share)) as usize
}

/// A network on spectra at work on a signal without an end.
///
/// Lags the mix by [`Shape::lag_frames`]: the transform's `N − h`, and L frames of it.
pub(crate) struct Windows<N> {
    /// As [`shape`] says; the stems are the network's own.
    shape: Shape,
    /// W, H and L, in frames of the transform.
    window: Lookback,
    /// What makes spectra of stems out of the W frames.
    network: N,
    /// The transform, hop by hop; shared by all channels, as it holds no audio.
    stft: Stft,
    /// The last N samples of the mix, `[channel][sample]`.
    history: [Vec<f32>; 2],
    /// The last W frames of the mix, `[channel][frame · bin]`.
    spectra: [Vec<Complex<f32>>; 2],
    /// Stems under way, `[stem][channel][sample]`, N samples.
    overlap: Vec<[Vec<f32>; 2]>,
    /// Samples of silence up to now, at most [`Windows::memory`].
    silence: usize,
}

impl<N: OnSpectra> Windows<N> {
    /// Ready for the first hop of a mix, once the network was seen to work.
    ///
    /// # Errors
    /// The network fails on noise or on silence, or gives no numbers for them.
    pub(crate) fn new(
        shape: Shape,
        transform: &Transform,
        window: Lookback,
        network: N,
    ) -> Result<Self, Error> {
        let mut weights = match transform.window_function {
            WindowFunction::Hann => hann(transform.n_fft),
            WindowFunction::Rectangular => vec![1.0; transform.n_fft],
        };
        if transform.is_normalised {
            let factor = 1.0 / (transform.n_fft as f32).sqrt();
            weights.iter_mut().for_each(|weight| *weight *= factor);
        }
        let stft = Stft::with_window_function(transform.hop, weights);
        let samples = || [vec![0.0; transform.n_fft], vec![0.0; transform.n_fft]];
        let frames = || vec![Complex::default(); window.frames * stft.num_bins()];
        let mut new = Self {
            history: samples(),
            spectra: [frames(), frames()],
            overlap: shape.stems.iter().map(|_| samples()).collect(),
            silence: 0,
            shape,
            window,
            network,
            stft,
        };
        check_numbers(&mut new)?;
        Ok(new)
    }

    /// After so many samples of silence nothing but zeros is in the history, the window and the overlap.
    ///
    /// In samples, and rather too many: nothing depends on it but how soon silence is for free.
    fn memory(&self) -> usize {
        let Lookback {
            frames, hop, look, ..
        } = self.window;
        (frames + look + hop) * self.stft.hop() + 3 * self.stft.n_fft()
    }

    /// Runs the network on the window that ends with the newest frame, and adds its stems from sample `start` on.
    ///
    /// Writes `hop_frames` samples of every stem that the network gives; the overlap of the others stays as it
    /// is.
    ///
    /// # Errors
    /// Inference fails. The overlap is then partly new: reset before going on.
    fn run(&mut self, stems: &mut StemBlock, start: usize) -> Result<(), Error> {
        let Lookback {
            frames, hop, look, ..
        } = self.window;
        let num_bins = self.stft.num_bins();
        let spectral = self.network.spectral();
        for (seen, spectra) in spectral.mix.iter_mut().zip(&self.spectra) {
            seen.clone_from(spectra);
        }
        spectral.frames = frames;
        let wanted = frames - look - hop..frames - look;
        let (stft, overlap) = (&mut self.stft, &mut self.overlap);
        self.network
            .estimate(wanted.clone(), &mut |_, stem_idx, spectra| {
                for ((spectra, overlap), out) in spectra
                    .iter()
                    .zip(&mut overlap[stem_idx])
                    .zip(stems.stem_mut(stem_idx))
                {
                    for (idx, frame) in wanted.clone().enumerate() {
                        let spectrum = &spectra[frame * num_bins..][..num_bins];
                        let out = &mut out[start + idx * stft.hop()..][..stft.hop()];
                        stft.synthesise_complex(spectrum, overlap, out);
                    }
                }
            })
    }
}

impl<N: OnSpectra> Separator for Windows<N> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for samples in self
            .history
            .iter_mut()
            .chain(self.overlap.iter_mut().flatten())
        {
            samples.fill(0.0);
        }
        for spectra in &mut self.spectra {
            spectra.fill(Complex::default());
        }
        self.network.reset();
        self.silence = self.memory();
    }

    fn max_batch_hops(&self) -> usize {
        1
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        stems.reshape(self.shape.stems.len(), num_frames);
        for channel in stems.stem_mut(self.shape.residual_idx) {
            channel.fill(0.0);
        }
        let (num_bins, hop) = (self.stft.num_bins(), self.stft.hop());
        let new = self.window.hop * num_bins;
        for start in (0..num_frames).step_by(self.shape.hop_frames) {
            let is_silent = mix.iter().all(|mix| {
                let new = &mix[start..start + self.shape.hop_frames];
                new.iter().all(|sample| *sample == 0.0)
            });
            if is_silent && self.silence >= self.memory() {
                for stem_idx in 0..self.shape.stems.len() {
                    for out in stems.stem_mut(stem_idx) {
                        out[start..start + self.shape.hop_frames].fill(0.0);
                    }
                }
                self.network.rest(self.window.hop);
                continue;
            }
            self.silence = if is_silent {
                self.silence + self.shape.hop_frames
            } else {
                0
            };
            for ((mix, history), spectra) in
                mix.iter().zip(&mut self.history).zip(&mut self.spectra)
            {
                spectra.copy_within(new.., 0);
                let kept = spectra.len() - new;
                let samples = mix[start..].chunks_exact(hop);
                for (spectrum, samples) in spectra[kept..].chunks_exact_mut(num_bins).zip(samples) {
                    spectrum.copy_from_slice(self.stft.forward(history, samples));
                }
            }
            self.run(stems, start)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::network::Give;
    use crate::network::spectra::{Spectra, Spectral};
    use crate::transform::settings::Framing;

    const TRANSFORM: Transform = Transform {
        n_fft: 64,
        hop: 16,
        bins: 33,
        window_function: WindowFunction::Hann,
        framing: Framing::Whole,
        silence_frames: 0,
        is_normalised: false,
    };

    const WINDOW: Lookback = Lookback {
        frames: 12,
        hop: 2,
        look: 1,
        budget: 0.5,
    };

    /// Gives the first stem a share that depends on all that it has ever been told, as far as it remembers: the
    /// number of new frames.
    struct Counting {
        spectral: Spectral,
        num_new: usize,
        calls: Arc<AtomicUsize>,
        stem: Spectra,
    }

    impl OnSpectra for Counting {
        fn spectral(&mut self) -> &mut Spectral {
            &mut self.spectral
        }

        fn reset(&mut self) {
            self.num_new = 0;
        }

        fn rest(&mut self, num_new: usize) {
            self.num_new += num_new;
        }

        fn estimate(&mut self, _wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.num_new += WINDOW.hop;
            let share = 1.0 / (1.0 + self.num_new as f32);
            for (stem, mix) in self.stem.iter_mut().zip(&self.spectral.mix) {
                stem.clear();
                stem.extend(mix.iter().map(|x| x * share));
            }
            give(&mut self.spectral, 0, &self.stem);
            Ok(())
        }
    }

    fn windows() -> (Windows<Counting>, Arc<AtomicUsize>) {
        let shape = Shape {
            window_frames: 64 + 2 * 16,
            ..crate::separator::doubles::shape(44_100, 32, 96)
        };
        let calls = Arc::<AtomicUsize>::default();
        let network = Counting {
            spectral: Spectral::new(TRANSFORM),
            num_new: 0,
            calls: Arc::clone(&calls),
            stem: Spectra::default(),
        };
        let windows = Windows::new(shape, &TRANSFORM, WINDOW, network).unwrap();
        calls.store(0, Ordering::Relaxed);
        (windows, calls)
    }

    #[test]
    fn a_network_is_not_asked_about_silence_and_the_stems_are_the_same() {
        let (mut sleepy, calls) = windows();
        let (mut wakeful, all_calls) = windows();
        let hop = sleepy.shape().hop_frames;
        // In hops: sound, silence short and long, and silence at the start.
        let mut num_silent = 0;
        for (is_sound, num_hops) in [
            (false, 30),
            (true, 5),
            (false, 10),
            (true, 3),
            (false, 200),
            (true, 40),
        ] {
            for hop_idx in 0..num_hops {
                let mut mix = crate::audio::noise::noise(hop);
                if !is_sound {
                    mix.fill(0.0);
                    num_silent += 1;
                }
                mix[0] += if is_sound { hop_idx as f32 } else { -0.0 };
                let (mut given, mut expected) = (StemBlock::default(), StemBlock::default());
                sleepy.process([&mix, &mix], &mut given).unwrap();
                wakeful.silence = 0;
                wakeful.process([&mix, &mix], &mut expected).unwrap();
                assert_eq!(given, expected);
            }
        }
        assert_eq!(all_calls.load(Ordering::Relaxed), 288);
        let asked = calls.load(Ordering::Relaxed);
        // Once its memory is silent it sleeps.
        let awake = sleepy.memory().div_ceil(hop);
        assert!(num_silent == 240 && asked <= 48 + 10 + awake, "{asked}");
    }
}
