//! Models of kind `streaming-spectrum`: spectra and state in, spectra of all stems and state out.
//!
//! Per call, for T hops: T forward transforms of each channel into the input tensor, one run of the
//! graph, T backward transforms of each channel of every stem but the residual, which
//! [`crate::Stream`] derives from the mix: a quarter of the backward work saved with four stems. The
//! stems lag by the transform's N − h and the model's own look-ahead. A graph that takes one frame per
//! call is called T times; one without a channel axis is called for each channel, with states of its own.
//!
//! N, h and the look-ahead are from the manifest, the window is the square root of Hann there and back
//! ([`crate::transform::stft`]), S is N + look-ahead · h, and the hop is h.

use crate::error::Error;
use crate::model::layout::{Sizes, Strides};
use crate::model::manifest::{ANY, Axis, Interface, Spectrum};
use crate::model::store::Model;
use crate::runtime::session::{Session, Tensor};
use crate::separator::{Separator, Shape, StemBlock};
use crate::transform::stft::Stft;

/// A streaming model at work.
pub(crate) struct StreamingSpectrum {
    /// Stems, hop h and window S.
    shape: Shape,
    /// The transform, shared by all channels, as it holds no audio.
    stft: Stft,
    /// The graph; input spectra, output spectra of stems, and states both ways.
    session: Session,
    /// Names, shapes and axes of its tensors.
    interface: Interface,
    /// Stems of the output.
    given: Vec<usize>,
    /// One set per run that a frame takes: one, or one per channel. Each is one tensor per `[[state]]` of the
    /// manifest.
    states: Vec<Vec<Tensor>>,
    /// The last N frames of the mix, `[channel][frame]`.
    history: [Vec<f32>; 2],
    /// Stems on their way out, `[stem][channel][frame]`, N frames.
    overlap: Vec<[Vec<f32>; 2]>,
    /// For the frames of the last call. Zeros or old values between calls; all are written before each run.
    input: Tensor,
    input_frames: usize,
    /// One spectrum, `[bin][re, im]`. For tensors in which bins are not followed by their parts.
    spectrum: Vec<f32>,
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
        let interface = manifest.interface.clone();
        let num_runs = if interface.inputs[0].axes.contains(&Axis::Channel) {
            1
        } else {
            2
        };
        Ok(Self {
            shape: Shape {
                sample_rate: manifest.sample_rate,
                stems: manifest.stems.clone(),
                residual_idx: manifest.residual_idx,
                hop_frames: spectrum.hop,
                window_frames: window_frames(spectrum),
                budget_frames: Shape::usual_budget_frames(spectrum.hop),
            },
            states: (0..num_runs)
                .map(|_| session.initial_states())
                .collect::<Result<_, _>>()?,
            given: manifest.stems_of(&manifest.files[0]),
            history: channels(),
            overlap: manifest.stems.iter().map(|_| channels()).collect(),
            input: interface.inputs[0].zeros(1)?,
            input_frames: 1,
            spectrum: vec![0.0; 2 * stft.num_bins()],
            interface,
            stft,
            session,
        })
    }

    /// T of one run of the graph that is to do `num_hops`.
    ///
    /// All at once if the input's T is free, else one.
    fn frames_per_run(&self, num_hops: usize) -> usize {
        let input = &self.interface.inputs[0].shape;
        if input.contains(&ANY) { num_hops } else { 1 }
    }

    /// Runs the graph on `num_hops` hops from hop `first` on, in channels `channels`.
    ///
    /// # Shape
    /// `mix` is `[channel][frame]`, `stems` as long. The tensors have T = `num_hops` and as many channels as
    /// `channels`.
    ///
    /// # Errors
    /// Inference fails, or an output has another number of values than its shape and T say. States may then be
    /// partly new: reset before going on.
    fn run(
        &mut self,
        mix: [&[f32]; 2],
        stems: &mut StemBlock,
        (first, num_hops): (usize, usize),
        channels: std::ops::Range<usize>,
    ) -> Result<(), Error> {
        let hop = self.shape.hop_frames;
        let sizes = Sizes {
            stems: self.given.len(),
            channels: channels.len(),
            bins: self.stft.num_bins(),
            frames: num_hops,
            parts: 2,
        };
        let (inputs, outputs) = (&self.interface.inputs[0], &self.interface.outputs[0]);
        let input = Strides::new(&inputs.axes, &sizes);
        let output = Strides::new(&outputs.axes, &sizes);
        if num_hops != self.input_frames {
            self.input = inputs.zeros(num_hops)?;
            self.input_frames = num_hops;
        }
        let values = self.input.values_mut();
        for (run_channel, channel) in channels.clone().enumerate() {
            for frame in 0..num_hops {
                let samples = &mix[channel][(first + frame) * hop..][..hop];
                let at = frame * input.frame + run_channel * input.channel;
                let history = &mut self.history[channel];
                if (input.part, input.bin) == (1, 2) {
                    let spectrum = &mut values[at..at + 2 * sizes.bins];
                    self.stft.analyse(history, samples, spectrum);
                    continue;
                }
                self.stft.analyse(history, samples, &mut self.spectrum);
                for (bin, pair) in self.spectrum.as_chunks::<2>().0.iter().enumerate() {
                    values[at + bin * input.bin] = pair[0];
                    values[at + bin * input.bin + input.part] = pair[1];
                }
            }
        }

        let states = self.states.len().min(channels.start + 1) - 1;
        let out = self.session.run(&[&self.input], &mut self.states[states])?;

        let values = out[0].expect(sizes.stems * sizes.channels * sizes.bins * num_hops * 2)?;
        for (idx, &stem_idx) in self.given.iter().enumerate() {
            if stem_idx == self.shape.residual_idx {
                continue;
            }
            for (run_channel, channel) in channels.clone().enumerate() {
                let out = &mut stems.stem_mut(stem_idx)[channel];
                let overlap = &mut self.overlap[stem_idx][channel];
                for frame in 0..num_hops {
                    let at =
                        frame * output.frame + idx * output.stem + run_channel * output.channel;
                    let out = &mut out[(first + frame) * hop..][..hop];
                    if (output.part, output.bin) == (1, 2) {
                        let spectrum = &values[at..at + 2 * sizes.bins];
                        self.stft.synthesise(spectrum, overlap, out);
                        continue;
                    }
                    for (bin, pair) in self.spectrum.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                        let at = at + bin * output.bin;
                        *pair = [values[at], values[at + output.part]];
                    }
                    self.stft.synthesise(&self.spectrum, overlap, out);
                }
            }
        }
        Ok(())
    }
}

/// S: one window, and what the model looks ahead.
///
/// The last transform that a frame lies in ends up to N − 1 frames after it, and the graph gives its spectrum
/// so many hops later.
pub(crate) fn window_frames(spectrum: Spectrum) -> usize {
    spectrum.n_fft + spectrum.lookahead_hops * spectrum.hop
}

impl Separator for StreamingSpectrum {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for state in self.states.iter_mut().flatten() {
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
        let num_hops = num_frames / self.shape.hop_frames;
        stems.reshape(self.shape.stems.len(), num_frames);
        for channel in stems.stem_mut(self.shape.residual_idx) {
            channel.fill(0.0);
        }
        let per_run = self.frames_per_run(num_hops);
        for first in (0..num_hops).step_by(per_run.max(1)) {
            let hops = (first, per_run);
            if self.states.len() == 1 {
                self.run(mix, stems, hops, 0..2)?;
            } else {
                self.run(mix, stems, hops, 0..1)?;
                self.run(mix, stems, hops, 1..2)?;
            }
        }
        Ok(())
    }
}
