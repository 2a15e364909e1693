//! A live form for networks on spectra: windows that look back.
//!
//! Overlap-add of whole segments costs the length of a segment in latency. Here the transform runs on without
//! segments; its last W frames are kept, and whenever H new ones are there the network sees all W. Of what it
//! gives, the H frames before the last L count: they have seen L frames or more of their future and all of the
//! window's past. Each is transformed back and overlap-added like any other.
//!
//! With N = n_fft, h = hop of the transform: a hop of the separator is H h samples, and the stems lag the mix by
//! `N − h + L h`, so S = N + (L + H − 1) h.

use realfft::num_complex::Complex;

use crate::load::check_numbers;
use crate::manifest::{Lookback, Manifest, Transform, Window};
use crate::network::OnSpectra;
use crate::stft::{Stft, hann};
use crate::{Error, Separator, Shape, StemBlock};

/// The stems, hop and window of a model that is run so.
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a length is a length"
)]
fn share(frames: usize, share: f32) -> usize {
    (frames as f64 * f64::from(share)) as usize
}

/// A network on spectra at work on a signal without an end.
pub(crate) struct Windows<N> {
    shape: Shape,
    window: Lookback,
    network: N,
    stft: Stft,
    /// The last N samples of the mix, `[channel][sample]`.
    history: [Vec<f32>; 2],
    /// The last W frames of the mix, `[channel][frame · bin]`.
    spectra: [Vec<Complex<f32>>; 2],
    /// Stems under way, `[stem][channel][sample]`, N samples.
    overlap: Vec<[Vec<f32>; 2]>,
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
        let mut weights = match transform.window {
            Window::Hann => hann(transform.n_fft),
            Window::Rectangular => vec![1.0; transform.n_fft],
        };
        if transform.is_normalised {
            let factor = 1.0 / (transform.n_fft as f32).sqrt();
            weights.iter_mut().for_each(|weight| *weight *= factor);
        }
        let stft = Stft::with_window(transform.hop, weights);
        let samples = || [vec![0.0; transform.n_fft], vec![0.0; transform.n_fft]];
        let frames = || vec![Complex::default(); window.frames * stft.num_bins()];
        let mut new = Self {
            history: samples(),
            spectra: [frames(), frames()],
            overlap: shape.stems.iter().map(|_| samples()).collect(),
            shape,
            window,
            network,
            stft,
        };
        check_numbers(&mut new)?;
        Ok(new)
    }

    /// Runs the network on the window that ends with the newest frame, and adds its stems from sample `start` on.
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
