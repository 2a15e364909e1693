//! What makes stems of a segment, one kind of network per file, all behind [`Network`].

pub(crate) mod deep_filter;
pub(crate) mod hybrid;
pub(crate) mod magnitude;
mod spectra;
pub(crate) mod spectrum;
pub(crate) mod waveform;
mod wiener;

use crate::manifest::{ANY, dimension};
use crate::runtime::session::Tensor;
use crate::{Error, StemBlock};

/// What makes stems of a segment.
pub(crate) trait Network: Send {
    /// Fills `stems` with the stems of `segment`; the residual stem may be left as it is.
    ///
    /// # Shape
    /// `segment` is `[channel][frame]`, `stems` `[stem][channel][frame]` and as long.
    ///
    /// # Errors
    /// Inference fails.
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error>;
}

impl crate::manifest::Tensor {
    /// A tensor of zeros with `frames` where any number may be.
    pub(crate) fn zeros(&self, frames: usize) -> Result<Tensor, Error> {
        let shape: Vec<usize> = self
            .shape
            .iter()
            .map(|&size| {
                let size = if size == ANY { dimension(frames) } else { size };
                usize::try_from(size).unwrap_or(0)
            })
            .collect();
        Tensor::zeros(&shape)
    }
}
