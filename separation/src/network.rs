//! What makes stems of a segment, one kind of network per file, all behind [`Network`].
//!
//! Each kind of manifest ([`crate::model::manifest`]) has a type here, and what runs it on a mix of any length:
//!
//! | kind | type | run live by | run on files by |
//! |---|---|---|---|
//! | `waveform`, `hybrid`, `deep-filter` | [`waveform`], [`hybrid`], [`deep_filter`] | [`segments`] | [`segments`] |
//! | `spectrum` | [`spectrum`] | [`lookback`] with `[[live]]`, else [`segments`] | [`segments`] |
//! | `magnitude` | [`magnitude`] | the same | [`segments`] |
//! | `vocals-first` | [`vocals_first`] | [`lookback`] | [`lookback`], then stages of its own |
//! | `streaming-spectrum` | [`streaming`] | by itself | by itself |
//!
//! All of it works in stereo at the model's own sample rate and on the thread that calls. The residual stem is
//! nobody's here: [`crate::Stream`] takes it from the mix, whatever a network says of it.

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
///
/// Nothing is carried from one segment to the next, so the same segment gives the same stems:
/// [`segments::Segments`] counts on it when it answers silence from memory.
pub(crate) trait Network: Send {
    /// Fills `stems` with the stems of `segment`; the residual stem may be left as it is.
    ///
    /// A value out that is NaN or infinite is not noticed here: it is looked for in the first inference, when a
    /// model is loaded, and in every stem that a [`crate::Stream`] gives.
    ///
    /// # Shape
    /// `segment` is `[channel][frame]`, `stems` `[stem][channel][frame]` and as long.
    ///
    /// # Errors
    /// Inference fails.
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error>;
}

/// A network that works on spectra, in whatever windows they come.
///
/// Either somebody transforms whole segments for it, as its [`Network`] does, or keeps the transform running
/// and asks for the newest frames, as [`lookback::Windows`] does. It can't tell which, but by what it is asked
/// for.
pub(crate) trait OnSpectra: Send {
    /// The transform, and the mix in it, which the caller fills.
    fn spectral(&mut self) -> &mut Spectral;

    /// Gives the spectra of every stem but the residual, as many frames as the mix in
    /// [`OnSpectra::spectral`] has; only those in `wanted` are looked at.
    ///
    /// # Shape
    /// `wanted` counts frames of the mix in [`OnSpectra::spectral`], the oldest being 0. What is given lies as
    /// the mix does, `[channel][frame · bin]`; outside `wanted` it may hold anything.
    ///
    /// # Errors
    /// Inference fails.
    fn estimate(&mut self, wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error>;

    /// The next window is the first of another mix.
    ///
    /// Only what has a memory of its own, such as a running level, has something to do here.
    fn reset(&mut self) {}

    /// So many frames are new in a window of silence, and nobody asks for its stems: does for what is remembered
    /// of earlier windows as much as [`OnSpectra::estimate`] would.
    fn rest(&mut self, num_new: usize) {
        let _ = num_new;
    }
}

/// Takes the spectra of a stem, by its index.
///
/// What it is given is overwritten by the next stem, so it transforms back at once. The first argument is the
/// transform to do that with, for which whole segments have a use; [`lookback::Windows`] has its own.
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
    ///
    /// Every −1 of the shape becomes `frames`. A graph that can do with this number alone then passes for what
    /// it is: −1 would promise that it takes any.
    pub(crate) fn fix_frames(&mut self, frames: usize) {
        for size in &mut self.shape {
            if *size == ANY {
                *size = dimension(frames);
            }
        }
    }

    /// A tensor of zeros with `frames` where any number may be.
    ///
    /// Every −1 of the shape becomes `frames`; a manifest has one only where frames are counted.
    ///
    /// # Errors
    /// The runtime can't make it.
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
