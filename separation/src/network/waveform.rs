//! Kind `waveform`: a segment of samples in, segments of samples out, such as Demucs exported end to end.
//!
//! The graph has all of the network in it, its transforms included; here samples are copied in and stems out.
//! How a mix is cut into segments is the business of [`super::segments`].

use super::Network;
use crate::error::Error;
use crate::model::manifest::Manifest;
use crate::runtime::session::{Session, Tensor};
use crate::separator::StemBlock;

/// A graph from `[1, 2, N]` to `[1, S, 2, N]`.
///
/// # Shape
/// N is the manifest's segment, S the stems of the output, with or without the residual.
pub(crate) struct Waveform {
    /// The graph, with one input and one output.
    session: Session,
    /// Stem of the manifest for each stem of the output.
    given: Vec<usize>,
    /// `[1, 2, N]`
    input: Tensor,
}

impl Waveform {
    /// Of a graph that takes segments of `frames` samples.
    ///
    /// # Errors
    /// The runtime can't make the tensor.
    pub(crate) fn new(manifest: &Manifest, frames: usize, session: Session) -> Result<Self, Error> {
        Ok(Self {
            session,
            given: manifest.stems_of(&manifest.files[0]),
            input: manifest.interface.inputs[0].zeros(frames)?,
        })
    }
}

impl Network for Waveform {
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let frames = segment[0].len();
        for (input, samples) in self
            .input
            .values_mut()
            .chunks_exact_mut(frames)
            .zip(segment)
        {
            input.copy_from_slice(samples);
        }
        let output = self.session.run(&[&self.input], &mut [])?;
        // [stem][channel][frame]
        let values = output[0].expect(self.given.len() * 2 * frames)?;
        for (idx, values) in values.chunks_exact(frames).enumerate() {
            stems.stem_mut(self.given[idx / 2])[idx % 2].copy_from_slice(values);
        }
        Ok(())
    }
}
