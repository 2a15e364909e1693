//! How the samples of a segment become spectra: what a network was trained with, as its manifest says.
//!
//! In a manifest this is `[stft]`. The transforms themselves are [`super::spectrogram`], for whole segments,
//! and [`super::stft`], hop by hop.

/// A transform outside the graph.
///
/// N even, h at most N / 2 and a divisor of N unless frames are centred:
/// [`crate::model::manifest::Manifest::parse`] sees to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transform {
    /// Length of a frame, in samples.
    pub n_fft: usize,
    /// Samples from frame to frame.
    pub hop: usize,
    /// Lowest bins of a spectrum that the graph sees.
    pub bins: usize,
    /// What the samples of a frame are multiplied by.
    pub window_function: WindowFunction,
    /// Where frames lie.
    pub framing: Framing,
    /// Silence that is appended to a segment before it is transformed.
    pub silence_frames: usize,
    /// Whether spectra are divided by √n_fft.
    pub is_normalised: bool,
}

/// What the samples of a frame are multiplied by before and after its transform.
///
/// The same there and back: the sum of its squares is what is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowFunction {
    /// Periodic Hann.
    Hann,
    /// All ones.
    Rectangular,
}

/// Where the frames of a segment's transform lie.
///
/// With N = n_fft and h = hop, frame 0 begins N / 2, (N − h) / 2 or no samples before the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// Frame t around sample t h, as in torch.
    Centred,
    /// Frame t around the middle of hop t, as in Demucs.
    Between,
    /// Every frame whole inside the segment, as in TensorFlow.
    Whole,
}

impl Framing {
    /// By how many samples the first frame begins before the segment.
    pub(crate) fn lead(self, n_fft: usize, hop: usize) -> usize {
        match self {
            Self::Centred => n_fft / 2,
            Self::Between => (n_fft - hop) / 2,
            Self::Whole => 0,
        }
    }
}

impl Transform {
    /// T for a segment of so many samples.
    ///
    /// Silence that is appended counts as samples. With whole frames a segment is never shorter than one.
    pub fn num_frames(&self, samples: usize) -> usize {
        let samples = samples + self.silence_frames;
        match self.framing {
            Framing::Centred => samples / self.hop + 1,
            Framing::Between => samples.div_ceil(self.hop),
            Framing::Whole => (samples - self.n_fft) / self.hop + 1,
        }
    }

    /// Whether frames lie inside the segment, so that its ends fade by themselves.
    pub(crate) fn is_whole(&self) -> bool {
        self.framing == Framing::Whole
    }
}
