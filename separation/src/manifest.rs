//! `model.toml`: what a model is, what it was made from, and what its tensors must look like.
//!
//! A manifest is read before anything of the model is, and refused in plain words if it is not exactly
//! right: a key that is misspelt would otherwise mean a default that nobody chose. Two kinds exist.
//!
//! # `kind = "streaming-spectrum"`
//! A graph that takes spectra of T ≥ 1 frames and its own state, and gives the spectra of all stems and
//! the new state. Sections `[stft]`, `[latency]`, `[[state]]`; transform as in [`crate::Stft`].
//!
//! | tensor | type and shape | |
//! |---|---|---|
//! | input | f32 `[1, T, 2, F, 2]` | batch, frame, channel, bin, re and im; F = n_fft / 2 + 1 |
//! | output | f32 `[1, T, S, 2, F, 2]` | frame t holds the S stems of input frame t − lookahead_hops |
//! | states | f32, fixed shapes | all zero at the start |
//!
//! # `kind = "waveform"`
//! A graph that takes a segment of N frames and gives all stems of it, such as an end-to-end export of
//! Demucs: f32 `[1, 2, N]` to f32 `[1, S, 2, N]`. Section `[segment]`; see [`Segment`].
//!
//! # Versions of the format
//! | format | |
//! |---|---|
//! | 1 | the first |

mod raw;

use crate::Error;

/// The format that this library reads.
pub const FORMAT: i64 = 1;

/// A dimension of a tensor that may have any size, and is T.
pub(crate) const ANY: i64 = -1;

/// A manifest that holds together. Made by [`Manifest::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Never changes for a model: lower-case letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// For people.
    pub name: String,
    /// The model's own version.
    pub version: String,
    /// SPDX expression or name of the licence of the weights.
    pub licence: String,
    /// Where it comes from: a folder of this repository or an address.
    pub source: String,
    /// One line per set that it was trained on, with licence or attribution.
    pub training_data: Vec<String>,
    /// Frames per second of the model's audio.
    pub sample_rate: u32,
    /// Names in the order of the output tensor.
    pub stems: Vec<String>,
    /// The stem that receives what the model leaves over.
    pub residual_idx: usize,
    /// How audio becomes tensors.
    pub kind: Kind,
    /// The graph, then the files its weights may lie in.
    pub files: Vec<File>,
    /// Names and shapes that the graph must have.
    pub interface: Interface,
}

/// How audio becomes tensors and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Spectra in, spectra out, state carried from call to call.
    StreamingSpectrum(Spectrum),
    /// A segment of samples in, segments of samples out.
    Waveform(Segment),
}

/// Settings of `streaming-spectrum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spectrum {
    /// N, in frames.
    pub n_fft: usize,
    /// h, in frames; divides N / 2.
    pub hop: usize,
    /// By how many hops the stems lag beyond the transform.
    pub lookahead_hops: usize,
}

/// Settings of `waveform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// N: frames the graph takes.
    pub frames: usize,
    /// Frames that a segment shares with the next; at most half of it. Over them one fades linearly
    /// into the other, which is what Demucs' triangular weights come to once they are normalised.
    pub overlap_frames: usize,
    /// Whether the graph wants segments of mean 0 and standard deviation 1 (of the mono mix).
    pub is_normalised: bool,
}

/// A file of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the manifest, inside its folder, with `/` between the parts.
    pub path: String,
    /// SHA-256 of the content, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Names and shapes of a graph's f32 tensors; a dimension of −1 takes any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What the mix goes into.
    pub input: Tensor,
    /// What the stems come out of.
    pub output: Tensor,
    /// What is carried from one call to the next.
    pub states: Vec<State>,
}

/// A tensor of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// As the graph calls it.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<i64>,
}

/// A tensor that comes out of one call and goes into the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Name of the graph's input.
    pub input: String,
    /// Name of the graph's output.
    pub output: String,
    /// Sizes, all fixed.
    pub shape: Vec<usize>,
}

impl Manifest {
    /// Reads and checks the text of a `model.toml`; `origin` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Manifest`] with the first thing that is wrong.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        raw::read(text).map_err(|problem| Error::Manifest {
            origin: origin.to_owned(),
            problem,
        })
    }

    /// SHA-256 of the graph: what identifies the model in reports.
    pub fn sha256(&self) -> &str {
        &self.files[0].sha256
    }
}

impl Interface {
    /// The interface that a kind demands with tensors named so.
    fn required(kind: Kind, num_stems: usize) -> (Vec<i64>, Vec<i64>) {
        let stems = dimension(num_stems);
        match kind {
            Kind::StreamingSpectrum(spectrum) => {
                let bins = dimension(spectrum.n_fft / 2 + 1);
                (vec![1, ANY, 2, bins, 2], vec![1, ANY, stems, 2, bins, 2])
            }
            Kind::Waveform(segment) => {
                let frames = dimension(segment.frames);
                (vec![1, 2, frames], vec![1, stems, 2, frames])
            }
        }
    }
}

/// A length as a dimension; the limits of the manifest keep it far from overflow.
pub(crate) fn dimension(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
