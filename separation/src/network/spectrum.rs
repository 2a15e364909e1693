//! Kind `spectrum`: complex spectra in; spectra of the stems out (MDX-Net), or complex masks that the
//! mix's spectra are multiplied by (RoFormer). One graph for all stems, or one per stem.
//!
//! Both are complex and may turn the phase, so no filter follows: a stem is what the graph gives, or that times
//! the mix, times `gain` of its file. Bins that the graph doesn't see are 0 in every stem, and end in the
//! residual.

use super::{Give, OnSpectra};
use std::ops::Range;

use super::spectra::{Input, Spectra, Spectral};
use crate::error::Error;
use crate::model::manifest::{Estimate, Interface, Manifest};
use crate::runtime::session::Session;
use crate::transform::settings::Transform;

/// One graph, or one per stem; all have the same tensors, whose axes the manifest names.
pub(crate) struct Spectrum {
    graphs: Vec<Graph>,
    /// One input, one output.
    interface: Interface,
    /// Whether the output is spectra, or what to multiply the mix by.
    estimate: Estimate,
    /// The stem that is never given.
    residual_idx: usize,
    /// The transform, and the spectra of the mix.
    spectral: Spectral,
    /// The mix as the graph sees it.
    input: Input,
    /// The stem that is being given, all bins.
    stem: Spectra,
}

/// A graph and the stems of its output.
struct Graph {
    session: Session,
    /// Stems of the manifest, in the order of the output.
    given: Vec<usize>,
    /// What its stems are multiplied by, `compensate` in MDX-Net.
    gain: f32,
}

impl Spectrum {
    /// Of one session per graph of the manifest, in its order, for segments of `frames` samples.
    ///
    /// # Errors
    /// The runtime can't make the tensor.
    pub(crate) fn new(
        manifest: &Manifest,
        frames: usize,
        (transform, estimate): (Transform, Estimate),
        sessions: Vec<Session>,
    ) -> Result<Self, Error> {
        let interface = manifest.interface.clone();
        Ok(Self {
            graphs: sessions
                .into_iter()
                .zip(manifest.graphs())
                .map(|(session, file)| Graph {
                    session,
                    given: manifest.stems_of(file),
                    gain: file.gain,
                })
                .collect(),
            estimate,
            residual_idx: manifest.residual_idx,
            spectral: Spectral::new(transform),
            input: Input::new(&interface.inputs[0], transform.num_frames(frames))?,
            stem: Spectra::default(),
            interface,
        })
    }
}

impl OnSpectra for Spectrum {
    fn spectral(&mut self) -> &mut Spectral {
        &mut self.spectral
    }

    fn estimate(&mut self, _wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error> {
        let (input, output) = (&self.interface.inputs[0], &self.interface.outputs[0]);
        for graph in &mut self.graphs {
            let num_stems = graph.given.len();
            let (sizes, _) = self.spectral.layout(output, num_stems);
            let mut outputs = Vec::new();
            // A graph without a channel axis hears one channel after the other.
            for first in (0..2).step_by(sizes.channels) {
                let tensor = self.input.of(input, self.spectral.frames)?;
                self.spectral.write(input, first, tensor);
                outputs.push(graph.session.run(&[tensor], &mut [])?);
            }
            for (idx, &stem_idx) in graph.given.iter().enumerate() {
                if stem_idx == self.residual_idx {
                    continue;
                }
                for (run, tensors) in outputs.iter().enumerate() {
                    let values = tensors[0].expect(Spectral::len(&sizes))?;
                    let (stem, first) = ((idx, num_stems), run * sizes.channels);
                    self.spectral
                        .read(output, values, stem, first, &mut self.stem);
                }
                for (stem, mix) in self.stem.iter_mut().zip(&self.spectral.mix) {
                    for (stem, mix) in stem.iter_mut().zip(mix) {
                        if self.estimate == Estimate::Mask {
                            *stem *= mix;
                        }
                        *stem *= graph.gain;
                    }
                }
                give(&mut self.spectral, stem_idx, &self.stem);
            }
        }
        Ok(())
    }
}
