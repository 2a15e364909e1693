//! Models of kind `streaming-spectrum`: spectra and state in, spectra of all stems and state out.
//!
//! Per call, for T hops: T forward transforms of each channel into the input tensor, one run of the
//! graph, T backward transforms of each channel of every stem but the residual, which
//! [`crate::Stream`] derives from the mix: a quarter of the backward work saved with four stems. The
//! stems lag by the transform's N − h and the model's own look-ahead.

use crate::manifest::Spectrum;
use crate::runtime::session::{Session, Tensor};
use crate::stft::Stft;
use crate::store::Model;
use crate::{Error, Separator, Shape, StemBlock};

/// A streaming model at work.
pub(crate) struct StreamingSpectrum {
    shape: Shape,
    stft: Stft,
    session: Session,
    states: Vec<Tensor>,
    /// The last N frames of the mix, `[channel][frame]`.
    history: [Vec<f32>; 2],
    /// Stems on their way out, `[stem][channel][frame]`, N frames.
    overlap: Vec<[Vec<f32>; 2]>,
    /// `[1, T, 2, F, 2]` for the T of the last call.
    input: Tensor,
    input_hops: usize,
}

impl StreamingSpectrum {
    /// Ready for the first hop of a mix.
    ///
    /// # Errors
    /// The runtime can't make the tensors.
    pub(crate) fn new(model: &Model, spectrum: Spectrum, session: Session) -> Result<Self, Error> {
        let manifest = &model.manifest;
        let channels = || [vec![0.0; spectrum.n_fft], vec![0.0; spectrum.n_fft]];
        let stft = Stft::new(spectrum.n_fft, spectrum.hop);
        Ok(Self {
            shape: Shape {
                sample_rate: manifest.sample_rate,
                stems: manifest.stems.clone(),
                residual_idx: manifest.residual_idx,
                hop_frames: spectrum.hop,
                window_frames: spectrum.n_fft + spectrum.lookahead_hops * spectrum.hop,
            },
            states: session.initial_states()?,
            history: channels(),
            overlap: manifest.stems.iter().map(|_| channels()).collect(),
            input: input_tensor(1, stft.num_bins())?,
            input_hops: 1,
            stft,
            session,
        })
    }
}

impl Separator for StreamingSpectrum {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for state in &mut self.states {
            state.values_mut().fill(0.0);
        }
        for channel in self
            .history
            .iter_mut()
            .chain(self.overlap.iter_mut().flatten())
        {
            channel.fill(0.0);
        }
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        let hop = self.shape.hop_frames;
        let (num_hops, num_stems) = (num_frames / hop, self.shape.stems.len());
        stems.reshape(num_stems, num_frames);
        if num_hops == 0 {
            return Ok(());
        }
        if num_hops != self.input_hops {
            self.input = input_tensor(num_hops, self.stft.num_bins())?;
            self.input_hops = num_hops;
        }
        // [frame][channel][bin][re, im]
        let len = 2 * self.stft.num_bins();
        let mut spectra = self.input.values_mut().chunks_exact_mut(len);
        for hop_idx in 0..num_hops {
            for (mix, history) in mix.iter().zip(&mut self.history) {
                let samples = &mix[hop_idx * hop..][..hop];
                let spectrum = spectra.next().expect("the tensor has T · 2 spectra");
                self.stft.analyse(history, samples, spectrum);
            }
        }

        let output = self.session.run(&self.input, &mut self.states)?;

        // [frame][stem][channel][bin][re, im]
        let spectra = output.values();
        if spectra.len() != num_hops * num_stems * 2 * len {
            return Err(Error::Inference {
                reason: format!(
                    "{num_hops} frames in gave an output of {} values",
                    spectra.len()
                ),
            });
        }
        for (stem_idx, overlap) in self.overlap.iter_mut().enumerate() {
            for (channel_idx, overlap) in overlap.iter_mut().enumerate() {
                let out = &mut stems.stem_mut(stem_idx)[channel_idx];
                if stem_idx == self.shape.residual_idx {
                    out.fill(0.0);
                    continue;
                }
                for (hop_idx, out) in out.chunks_exact_mut(hop).enumerate() {
                    let spectrum_idx = (hop_idx * num_stems + stem_idx) * 2 + channel_idx;
                    let spectrum = &spectra[spectrum_idx * len..][..len];
                    self.stft.synthesise(spectrum, overlap, out);
                }
            }
        }
        Ok(())
    }
}

fn input_tensor(num_hops: usize, num_bins: usize) -> Result<Tensor, Error> {
    Tensor::zeros(&[1, num_hops, 2, num_bins, 2])
}
