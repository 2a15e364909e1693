//! Kind `hybrid`: samples and spectra in, samples and spectra out; a stem is the sum of both. HTDemucs as
//! it is commonly exported, its transform outside the graph.
//!
//! The two branches of the network leave the graph apart, so a stem is `wave + istft(spectra)`, both of the
//! segment's length. HTDemucs' transform has its frames between hops
//! ([`crate::transform::settings::Framing::Between`]).

use super::Network;
use super::spectra::{Input, Spectra, Spectral};
use crate::error::Error;
use crate::model::manifest::{Interface, Manifest};
use crate::runtime::session::{Session, Tensor};
use crate::separator::StemBlock;
use crate::transform::settings::Transform;

/// A graph with two inputs, `[1, 2, N]` and spectra, and two outputs, `[1, S, 2, N]` and spectra of every stem.
///
/// # Shape
/// N is the manifest's segment, S the stems of the output, with or without the residual
/// ([`Manifest::stems_of`]). The axes of the spectra are as the manifest names them.
pub(crate) struct Hybrid {
    /// The graph; inputs samples, spectra, outputs likewise.
    session: Session,
    /// Index 0 is the samples, 1 the spectra, of inputs and of outputs.
    interface: Interface,
    /// Stem of the manifest for each stem of the output.
    given: Vec<usize>,
    /// The stem that is not transformed back.
    residual_idx: usize,
    /// The transform, and the spectra of the segment.
    spectral: Spectral,
    /// `[1, 2, N]`, as the network is shown it.
    samples: Tensor,
    /// The input tensor of spectra, T frames.
    spectra: Input,
    /// One stem on its way back, all bins of the transform.
    stem: Spectra,
}

impl Hybrid {
    /// Of a graph that takes segments of `frames` samples.
    ///
    /// # Errors
    /// The runtime can't make the tensors.
    pub(crate) fn new(
        manifest: &Manifest,
        frames: usize,
        transform: Transform,
        session: Session,
    ) -> Result<Self, Error> {
        let interface = manifest.interface.clone();
        Ok(Self {
            session,
            given: manifest.stems_of(&manifest.files[0]),
            residual_idx: manifest.residual_idx,
            spectral: Spectral::new(transform),
            samples: interface.inputs[0].zeros(frames)?,
            spectra: Input::new(&interface.inputs[1], transform.num_frames(frames))?,
            stem: Spectra::default(),
            interface,
        })
    }
}

impl Network for Hybrid {
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let frames = segment[0].len();
        let samples = self.samples.values_mut();
        for (input, samples) in samples.chunks_exact_mut(frames).zip(segment) {
            input.copy_from_slice(samples);
        }
        self.spectral.analyse(segment);
        let interface = &self.interface.inputs[1];
        let spectra = self.spectra.of(interface, self.spectral.frames)?;
        self.spectral.write(interface, 0, spectra);

        let output = self.session.run(&[&self.samples, spectra], &mut [])?;

        let num_stems = self.given.len();
        let waves = output[0].expect(num_stems * 2 * frames)?;
        let interface = &self.interface.outputs[1];
        let (sizes, _) = self.spectral.layout(interface, num_stems);
        let spectra = output[1].expect(Spectral::len(&sizes))?;
        for (idx, &stem_idx) in self.given.iter().enumerate() {
            if stem_idx == self.residual_idx {
                continue;
            }
            let stem = stems.stem_mut(stem_idx);
            self.spectral
                .read(interface, spectra, (idx, num_stems), 0, &mut self.stem);
            self.spectral.synthesise(&self.stem, stem);
            let waves = waves[idx * 2 * frames..].chunks_exact(frames);
            for (channel, wave) in stem.iter_mut().zip(waves) {
                for (sample, wave) in channel.iter_mut().zip(wave) {
                    *sample += wave;
                }
            }
        }
        Ok(())
    }
}
