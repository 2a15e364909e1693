//! What makes stems of a segment, one kind of network per file, all behind [`Network`].

pub(crate) mod deep_filter;
pub(crate) mod hybrid;
pub(crate) mod lookback;
pub(crate) mod magnitude;
pub(crate) mod segments;
pub(crate) mod spectra;
pub(crate) mod spectrum;
pub(crate) mod streaming;
pub(crate) mod vocals_first;
pub(crate) mod waveform;
mod wiener;

use spectra::{Spectra, Spectral};

use std::ops::Range;

use crate::error::Error;
use crate::model::layout::dimension;
use crate::model::manifest::ANY;
use crate::runtime::session::Tensor;
use crate::separator::StemBlock;

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

/// A network that works on spectra, in whatever windows they come.
pub(crate) trait OnSpectra: Send {
    /// The transform, and the mix in it, which the caller fills.
    fn spectral(&mut self) -> &mut Spectral;

    /// Gives the spectra of every stem but the residual, as many frames as the mix in
    /// [`OnSpectra::spectral`] has; only those in `wanted` are looked at.
    ///
    /// # Errors
    /// Inference fails.
    fn estimate(&mut self, wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error>;

    /// The next window is the first of another mix.
    fn reset(&mut self) {}

    /// So many frames are new in a window of silence, and nobody asks for its stems: does for what is remembered
    /// of earlier windows as much as [`OnSpectra::estimate`] would.
    fn rest(&mut self, num_new: usize) {
        let _ = num_new;
    }
}

/// Takes the spectra of a stem, by its index.
pub(crate) type Give<'a> = dyn FnMut(&mut Spectral, usize, &Spectra) + 'a;

impl<N: OnSpectra> Network for N {
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.spectral().analyse(segment);
        let frames = self.spectral().frames;
        self.estimate(0..frames, &mut |spectral, stem_idx, spectra| {
            spectral.synthesise(spectra, stems.stem_mut(stem_idx));
        })
    }
}

impl crate::model::manifest::Tensor {
    /// From now on for so many frames only.
    pub(crate) fn fix_frames(&mut self, frames: usize) {
        for size in &mut self.shape {
            if *size == ANY {
                *size = dimension(frames);
            }
        }
    }

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
