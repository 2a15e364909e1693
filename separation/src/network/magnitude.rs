//! Kind `magnitude`: magnitudes in, magnitudes of the stems out, and a filter that makes spectra of them
//! with the mix's phase. Open-Unmix and Spleeter; one graph per stem, or one for all.
//!
//! Per segment or window:
//!
//! 1. The graphs see |X| of the lowest `bins` bins, both channels at once or one after the other.
//! 2. With a ratio: what they give, v, is raised to the power p; a stem is `X (v^p + ε/S) / (Σ v^p + ε)`, S the
//!    sources. Bins above those that are seen have no mask of their own: nothing, or the mean of the frame's
//!    mask.
//! 3. With Wiener: a stem is v with the phase of X, 0 above what is seen; then all are refined together.
//!
//! A graph may also give the residual. It then takes part in the sums, and its spectra go nowhere.
//!
//! # Source
//! Ratio: `spleeter.model.EstimatorSpecBuilder._build_masks`, ε = 1e−10, above the bins that the networks
//! see `_extend_mask`. Wiener: [`super::wiener`].

use std::ops::Range;

use realfft::num_complex::Complex;

use super::spectra::{self, Input, Spectra, Spectral};
use super::wiener;
use super::{Give, OnSpectra};
use crate::error::Error;
use crate::model::layout::Sizes;
use crate::model::manifest::{Above, Filter, Interface, Manifest};
use crate::runtime::session::Session;
use crate::transform::settings::Transform;

/// ε of the ratio: a bin where no stem has energy is shared equally.
const EPSILON: f32 = 1e-10;

/// Graphs whose outputs are magnitudes, and the filter that makes spectra of them.
///
/// A *source* is a stem of any graph's output, in the order of the graphs; the indices of `sources`, `raised`
/// and `stems` are those of sources.
pub(crate) struct Magnitude {
    /// Each with the stems of the manifest that its output holds, in its order.
    graphs: Vec<(Session, Vec<usize>)>,
    /// One for all graphs.
    interface: Interface,
    filter: Filter,
    /// The stem that is never given.
    residual_idx: usize,
    /// The transform, and the spectra of the mix.
    spectral: Spectral,
    /// Magnitudes of the mix, of as many frames as were seen last.
    input: Input,
    /// The stem of each source.
    sources: Vec<usize>,
    /// For ratios, `[source][channel][frame · bin]`: magnitudes raised to the power, of the bins that the graph sees.
    raised: Vec<[Vec<f32>; 2]>,
    /// Per source; the residual's is not made for ratios.
    stems: Vec<Spectra>,
}

impl Magnitude {
    /// Of one session per graph of the manifest, in its order, for segments of `frames` samples.
    ///
    /// # Errors
    /// The runtime can't make the tensor.
    pub(crate) fn new(
        manifest: &Manifest,
        frames: usize,
        (transform, filter): (Transform, Filter),
        sessions: Vec<Session>,
    ) -> Result<Self, Error> {
        let interface = manifest.interface.clone();
        let graphs: Vec<(Session, Vec<usize>)> = sessions
            .into_iter()
            .zip(manifest.graphs())
            .map(|(session, file)| (session, manifest.stems_of(file)))
            .collect();
        let sources: Vec<usize> = graphs.iter().flat_map(|(_, given)| given.clone()).collect();
        Ok(Self {
            filter,
            residual_idx: manifest.residual_idx,
            spectral: Spectral::new(transform),
            input: Input::new(&interface.inputs[0], transform.num_frames(frames))?,
            raised: vec![Default::default(); sources.len()],
            stems: vec![Spectra::default(); sources.len()],
            sources,
            graphs,
            interface,
        })
    }

    /// Runs every graph; fills `raised` for ratios, else `stems` with each source's magnitude and the mix's phase.
    ///
    /// Where the tensors have no channel axis, every graph is run twice, left first.
    fn run(&mut self) -> Result<(), Error> {
        let (input, output) = (&self.interface.inputs[0], &self.interface.outputs[0]);
        let (bins, num_bins) = (self.spectral.transform.bins, self.spectral.pair.num_bins());
        let (Sizes { channels, .. }, _) = self.spectral.layout(output, 1);
        for first in (0..2).step_by(channels) {
            // All graphs hear the same.
            let tensor = self.input.of(input, self.spectral.frames)?;
            self.spectral.write(input, first, tensor);
            let mut source = 0;
            for (session, given) in &mut self.graphs {
                let (sizes, strides) = self.spectral.layout(output, given.len());
                let tensors = session.run(&[tensor], &mut [])?;
                let values = tensors[0].expect(Spectral::len(&sizes))?;
                for stem in 0..given.len() {
                    for channel in 0..channels {
                        let at = stem * strides.stem + channel * strides.channel;
                        let value = |frame: usize, bin: usize| {
                            values[at + frame * strides.frame + bin * strides.bin]
                        };
                        let channel = first + channel;
                        if let Filter::Ratio { power, .. } = self.filter {
                            let raised = &mut self.raised[source][channel];
                            raised.resize(sizes.frames * bins, 0.0);
                            spectra::tiles(sizes.frames, bins, |frame, bin| {
                                raised[frame * bins + bin] = raise(value(frame, bin), power);
                            });
                        } else {
                            let mix = &self.spectral.mix[channel];
                            let stem = &mut self.stems[source][channel];
                            // Bins that the graph doesn't see stay 0.
                            stem.resize(mix.len(), Complex::default());
                            spectra::tiles(sizes.frames, bins, |frame, bin| {
                                let at = frame * num_bins + bin;
                                stem[at] = with_phase_of(mix[at], value(frame, bin));
                            });
                        }
                    }
                    source += 1;
                }
            }
        }
        Ok(())
    }

    /// Fills `stems` with each source's share of the mix.
    ///
    /// From `raised`, and for all frames; the residual's are left out.
    fn share(&mut self, above: Above) {
        let (bins, num_bins) = (self.spectral.transform.bins, self.spectral.pair.num_bins());
        let equal = EPSILON / self.sources.len() as f32;
        let (mut all, mut masks) = (vec![0.0; bins], vec![0.0; bins]);
        for (channel, mix) in self.spectral.mix.iter().enumerate() {
            for (frame, mix) in mix.chunks_exact(num_bins).enumerate() {
                let seen = frame * bins..(frame + 1) * bins;
                all.fill(0.0);
                for raised in &self.raised {
                    for (all, own) in all.iter_mut().zip(&raised[channel][seen.clone()]) {
                        *all += own;
                    }
                }
                for ((stems, raised), stem_idx) in
                    self.stems.iter_mut().zip(&self.raised).zip(&self.sources)
                {
                    if *stem_idx == self.residual_idx {
                        continue;
                    }
                    let raised = &raised[channel][seen.clone()];
                    for ((mask, own), all) in masks.iter_mut().zip(raised).zip(&all) {
                        *mask = (own + equal) / (all + EPSILON);
                    }
                    let rest = match above {
                        Above::Zeros => 0.0,
                        Above::Average => masks.iter().sum::<f32>() / bins as f32,
                    };
                    let stem = &mut stems[channel];
                    stem.resize(self.spectral.frames * num_bins, Complex::default());
                    let stem = &mut stem[frame * num_bins..][..num_bins];
                    let (stem_above, mix_above) = (&mut stem[bins..], &mix[bins..]);
                    for (stem, mix) in stem_above.iter_mut().zip(mix_above) {
                        *stem = mix * rest;
                    }
                    for ((stem, mix), mask) in stem.iter_mut().zip(mix).zip(&masks) {
                        *stem = mix * mask;
                    }
                }
            }
        }
    }
}

/// `value^power`; a negative one counts as 0 unless it is squared.
fn raise(value: f32, power: f32) -> f32 {
    // powf is slow, and exact only for whole numbers by luck.
    if power == 2.0 {
        value * value
    } else {
        value.max(0.0).powf(power)
    }
}

/// A number of this magnitude in the direction of `mix`; of phase 0 where that has none.
fn with_phase_of(mix: Complex<f32>, magnitude: f32) -> Complex<f32> {
    let norm = spectra::magnitude(mix);
    if norm > 0.0 {
        mix * (magnitude / norm)
    } else {
        Complex::new(magnitude, 0.0)
    }
}

impl OnSpectra for Magnitude {
    fn spectral(&mut self) -> &mut Spectral {
        &mut self.spectral
    }

    fn estimate(&mut self, _wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error> {
        self.run()?;
        match self.filter {
            Filter::Ratio { above, .. } => self.share(above),
            Filter::Wiener {
                iterations,
                frames,
                has_residual,
            } => {
                if iterations > 0 {
                    let num_bins = self.spectral.pair.num_bins();
                    let em = wiener::Wiener {
                        iterations,
                        frames,
                        has_residual,
                        num_bins,
                    };
                    em.refine(&self.spectral.mix, &mut self.stems);
                }
            }
        }
        for (stem_idx, spectra) in self.sources.iter().zip(&self.stems) {
            if *stem_idx != self.residual_idx {
                give(&mut self.spectral, *stem_idx, spectra);
            }
        }
        Ok(())
    }
}
