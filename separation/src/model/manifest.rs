//! `model.toml`: what a model is, what it was made from, and what its tensors must look like.
//!
//! A manifest is read before anything of the model is, and refused in plain words if it is not exactly
//! right: a key that is misspelt would otherwise mean a default that nobody chose. Below, N is the length
//! of a segment, S the number of stems, F the number of bins, T the number of frames of a transform; all
//! tensors are f32. −1 in a shape stands for any T.
//!
//! | `kind` | input → output | sections | such as |
//! |---|---|---|---|
//! | `streaming-spectrum` | spectra and state → spectra of all stems and state | `[stft]` `[latency]` `[[state]]` | UL-UNAS, GTCRN |
//! | `waveform` | `[1, 2, N]` → `[1, S, 2, N]` | `[segment]` | Demucs |
//! | `hybrid` | the same and spectra → the same and spectra, added up | `[segment]` `[stft]` | HTDemucs |
//! | `spectrum` | spectra → spectra, or masks to multiply them by | `[segment]` `[stft]` `[estimate]` | MDX-Net, SCNet, RoFormer |
//! | `magnitude` | magnitudes → magnitudes | `[segment]` `[stft]` `[filter]` | Open-Unmix, Spleeter |
//! | `deep-filter` | features → gains and filters, three graphs | `[segment]` | DeepFilterNet 3 |
//! | `bag` | other models, averaged | `[[member]]` | htdemucs_ft |
//! | `vocals-first` | magnitudes → magnitudes, two graphs; the rest without learning | `[stft]` `[files]` `[[live]]` | the built-in model |
//! | `cascade` | another model, whose stems are split further | `[[stage]]` | drums → kick, snare, … |
//!
//! # Tensors of spectra
//! Their axes, outermost first, are named in `axes = ["channel", "part", "bin", "frame"]`: `stem`,
//! `channel`, `bin`, `frame`, and `part` for re and im. An axis that is not named has size one; without
//! `channel`, the graph is run for each channel. The shape may merge neighbours. `bins` in `[stft]` says how
//! many bins the graph sees, if not all, and `silence_frames` how much silence follows a segment (SCNet). The
//! axes of `streaming-spectrum` are frame, channel, bin, part, and frame, stem, channel, bin, part, unless
//! others are named; those of `hybrid` channel, part, bin, frame, with stem in front. An output with a stem
//! axis holds either all stems in order, or all but the residual.
//!
//! # Several graphs
//! A `spectrum` or `magnitude` model may have one graph per stem, all with the same tensors: `stem` in
//! `[[file]]` says whose, `gain` what to multiply it by (MDX-Net's `compensate`). The residual needs none.
//! A graph's external data lies in files that are listed too, beside it; in another graph, if a location ends in `.onnx`,
//! where weights are found by their names.
//!
//! # Live windows
//! Cutting into segments costs seconds of latency. A `spectrum` or `magnitude` model may say in `[[live]]`, once
//! per mode, how it is run live instead: the graph sees the last `frames` frames of the transform whenever `hop`
//! new ones are there, and of what it gives, the `hop` frames before the last `look` count: a latency of
//! `n_fft + (look + hop − 1) · stft hop` samples. `budget` is the share of a hop that one inference may take,
//! which the latency holds besides; 7/8 if not said.
//!
//! # Versions of the format
//! | format | |
//! |---|---|
//! | 1 | the first |

mod interface;
mod raw;
mod sections;

use crate::error::Error;
use crate::mode::Mode;
pub use crate::model::layout::Axis;
pub use crate::transform::settings::{Framing, Transform, WindowFunction};

/// The format that this library reads.
pub const FORMAT: i64 = 1;

/// A dimension of a tensor that may have any size, and is T.
pub(crate) const ANY: i64 = -1;

/// A manifest that holds together. Made by [`Manifest::parse`].
///
/// # Example
/// The `model.toml` of a model that gives spectra of one stem, and takes any number of frames per call:
/// ```
/// use unweave_separation::model::manifest::{Kind, Manifest};
///
/// let text = r#"
/// format = 1
/// id = "example"
/// name = "Example"
/// version = "1.0.0"
/// kind = "streaming-spectrum"
/// licence = "MIT"
/// source = "where it is from"
/// training_data = ["a set, with its licence"]
/// sample_rate = 44100
/// channels = 2
/// stems = ["vocals", "other"]
/// residual = "other"
///
/// [stft]
/// n_fft = 2048
/// hop = 512
/// window = "sqrt-hann"
///
/// [latency]
/// lookahead_hops = 0
///
/// [[file]]
/// path = "vocals.onnx"
/// sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
///
/// [tensors]
/// input = { name = "mix", shape = [-1, 2, 1025, 2] }
/// output = { name = "stems", shape = [-1, 1, 2, 1025, 2] }
/// "#;
/// let manifest = Manifest::parse(text, "model.toml")?;
/// assert!(matches!(manifest.kind, Kind::StreamingSpectrum(spectrum) if spectrum.hop == 512));
///
/// let wrong = text.replace("hop = 512", "hop = 500");
/// let error = Manifest::parse(&wrong, "model.toml").expect_err("it doesn't divide 1024");
/// assert!(error.to_string().starts_with("model.toml: [stft] n_fft = 2048, hop = 500"));
/// # Ok::<(), unweave_separation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
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
    /// Names in the order of the output tensor. From 2 to 32, lower case, none twice.
    pub stems: Vec<String>,
    /// The stem that receives what the model leaves over.
    pub residual_idx: usize,
    /// How audio becomes tensors.
    pub kind: Kind,
    /// The graphs, then the files their weights may lie in. None of a bag or a cascade, whose parts have
    /// theirs.
    pub files: Vec<File>,
    /// Names and shapes that every graph must have; empty where the kind says them.
    pub interface: Interface,
    /// How it is run live in each mode that it names; none if in one way only.
    pub(crate) live: Vec<(Mode, Lookback)>,
    /// Whether the graph has an output for the residual stem, too.
    pub(crate) has_residual_output: bool,
}

/// How audio becomes tensors and back.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Spectra in, spectra out, state carried from call to call.
    StreamingSpectrum(Spectrum),
    /// A segment of samples in, segments of samples out.
    Waveform(Segment),
    /// A segment and its spectra in, both of every stem out.
    Hybrid(Segment, Transform),
    /// Spectra of a segment in, spectra or masks out.
    Spectrum(Segment, Transform, Estimate),
    /// Magnitudes of a segment in, magnitudes out.
    Magnitude(Segment, Transform, Filter),
    /// DeepFilterNet 3.
    DeepFilter(Segment),
    /// Networks for the vocals, in windows like this on files; the rest without learning.
    VocalsFirst(Transform, Lookback),
    /// Models whose stems are averaged.
    Bag(Vec<Member>),
    /// A model, the first, and others that split its stems.
    Cascade(Vec<Stage>),
}

/// Settings of `streaming-spectrum`.
///
/// S of such a model is N + look-ahead · h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spectrum {
    /// N, in frames.
    pub n_fft: usize,
    /// h, in frames; divides N / 2.
    pub hop: usize,
    /// By how many hops the stems lag beyond the transform.
    pub lookahead_hops: usize,
}

/// How a mix is cut, see [`crate::Purpose`].
///
/// `frames` is more than twice `trim_frames`, and at most nine tenths of what is between the two are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// N: frames the graph takes.
    pub frames: usize,
    /// Frames that a segment shares with the next, over which one fades into the other.
    pub overlap_frames: usize,
    /// Frames at each end of a segment that are discarded.
    pub trim_frames: usize,
    /// Whether the graph wants a mix of mean 0 and standard deviation 1 (of the mono mix). Its stems are
    /// brought back to the level of the mix.
    pub is_normalised: bool,
}

/// Most of a segment that may be shared with the next: ten runs per frame are more than anyone gains from.
pub const MAX_OVERLAP: f64 = 0.9;

impl Kind {
    /// The same, but segments share this part of them with the next; none for kinds whose segments fix that
    /// themselves, or that have none.
    #[must_use]
    pub fn with_overlap(&self, share: f64) -> Option<Self> {
        let shared = |segment: &Segment| {
            let kept = segment.frames - 2 * segment.trim_frames;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share of a length that is one"
            )]
            let overlap_frames = (kept as f64 * share.clamp(0.0, MAX_OVERLAP)) as usize;
            Segment {
                overlap_frames,
                ..*segment
            }
        };
        match self {
            Self::Waveform(segment) => Some(Self::Waveform(shared(segment))),
            Self::Hybrid(segment, stft) => Some(Self::Hybrid(shared(segment), *stft)),
            Self::Spectrum(segment, stft, estimate) => {
                Some(Self::Spectrum(shared(segment), *stft, *estimate))
            }
            _ => None,
        }
    }
}

impl Segment {
    /// New final frames per segment.
    pub fn hop(&self) -> usize {
        self.frames - 2 * self.trim_frames - self.overlap_frames
    }
}

/// A window of spectra that looks back, in frames of the transform.
///
/// `hop` is at least 1, and `hop + look` at most `frames`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lookback {
    /// W: frames that one inference sees, the newest last.
    pub frames: usize,
    /// New frames per inference, all of which become final.
    pub hop: usize,
    /// How many frames that are newer an inference sees of the last one that becomes final.
    pub look: usize,
    /// The share of a hop that one inference may take, above 0 and below 1.
    pub budget: f32,
}

/// What a graph of kind `spectrum` gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Estimate {
    /// The stems' spectra.
    Spectrum,
    /// What to multiply the mix's spectra by, as complex numbers.
    Mask,
}

/// How the spectra of the stems follow from the magnitudes that a network gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Filter {
    /// Each stem's share, `(v_s^power + ε/S) / (Σ v^power + ε)`, times the mix.
    Ratio {
        /// 1 for amplitudes, 2 for energies.
        power: f32,
        /// What becomes of the bins that the graph does not see.
        above: Above,
    },
    /// The magnitudes with the mix's phase, then `iterations` of expectation maximisation over windows of
    /// `frames` frames: the multichannel Wiener filter of Open-Unmix.
    Wiener {
        /// How often the filter is estimated anew; 0 keeps the magnitudes.
        iterations: usize,
        /// Frames that share one spatial covariance.
        frames: usize,
        /// Whether what the networks leave over takes part as a stem of its own.
        has_residual: bool,
    },
}

/// What becomes of the bins above those that a graph sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Above {
    /// Nothing of them is in any stem.
    Zeros,
    /// They are masked by the mean of the mask over the bins below.
    Average,
}

/// A model in a bag.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Id of the model.
    pub model: String,
    /// How much its say counts, per stem of the bag; a stem is the mean by these weights.
    pub weights: Vec<f32>,
}

/// A model in a cascade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Id of the model.
    pub model: String,
    /// What is split: a stem of an earlier stage by the name it has there; none for the first, which
    /// hears the mix.
    pub splits: Option<String>,
    /// What its stems are called from here on, in its order; empty if as the model calls them. What two
    /// stages or two stems call alike is added up.
    pub stems: Vec<String>,
}

/// A file of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Relative to the manifest, inside its folder, with `/` between the parts.
    pub path: String,
    /// SHA-256 of the content, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The stem that this graph alone makes.
    pub stem_idx: Option<usize>,
    /// What its stem is multiplied by.
    pub gain: f32,
    /// What this graph is to a kind that has several. Only `deep-filter` and `vocals-first` have parts.
    pub part: Option<Part>,
    /// How many of the newest frames this graph gives, if not all that it sees. Its input is then of one
    /// length, too.
    pub frames: Option<usize>,
}

impl File {
    /// Whether it is a graph; else weights of one.
    pub fn is_graph(&self) -> bool {
        self.path.ends_with(".onnx")
    }
}

/// The graphs of `deep-filter`, then those of `vocals-first`, in the order they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Features to embedding.
    Encoder,
    /// Embedding to gains.
    Gains,
    /// Embedding to filters.
    Filters,
    /// Magnitudes of the mix to those of the vocals.
    Vocals,
    /// Magnitudes of the mix to those of everything else.
    Accompaniment,
    /// The same for live windows alone: it leaves out what nobody looks at.
    Live,
}

/// Names and shapes of a graph's f32 tensors; a dimension of −1 takes any size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// What the mix goes into: samples, then spectra.
    pub inputs: Vec<Tensor>,
    /// What the stems come out of: samples, then spectra.
    pub outputs: Vec<Tensor>,
    /// What is carried from one call to the next.
    pub states: Vec<State>,
}

/// A tensor of the graph.
///
/// Always f32; the runtime's are compared with it when a model is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// As the graph calls it.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<i64>,
    /// What the dimensions are, if it holds spectra. Outermost first; an axis that isn't named has size one.
    pub axes: Vec<Axis>,
}

/// A tensor that comes out of one call and goes into the next.
///
/// Zeros at the start of a mix.
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

    /// The live modes that it has, in the order in which they are offered; at least one.
    pub fn modes(&self) -> Vec<Mode> {
        if self.live.is_empty() {
            return vec![Mode::Standard];
        }
        self.live.iter().map(|(mode, _)| *mode).collect()
    }

    /// The window of a live mode, of the first if it has not this one; none if it has no such windows.
    pub(crate) fn lookback(&self, mode: Mode) -> Option<Lookback> {
        let named = self.live.iter().find(|(named, _)| *named == mode);
        named.or(self.live.first()).map(|(_, window)| *window)
    }

    /// The graphs; what else there is are their weights.
    pub fn graphs(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_graph())
    }

    /// The stems that a graph gives, in the order of its output: its own if it has one, else all, or
    /// all but the residual if the output has no room for more.
    pub(crate) fn stems_of(&self, graph: &File) -> Vec<usize> {
        if let Some(stem_idx) = graph.stem_idx {
            return vec![stem_idx];
        }
        let all: Vec<usize> = (0..self.stems.len()).collect();
        if self.has_residual_output {
            return all;
        }
        all.into_iter()
            .filter(|&stem_idx| stem_idx != self.residual_idx)
            .collect()
    }
}

impl Kind {
    /// As manifests call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StreamingSpectrum(_) => "streaming-spectrum",
            Self::Waveform(_) => "waveform",
            Self::Hybrid(..) => "hybrid",
            Self::Spectrum(..) => "spectrum",
            Self::Magnitude(..) => "magnitude",
            Self::DeepFilter(_) => "deep-filter",
            Self::VocalsFirst(..) => "vocals-first",
            Self::Bag(_) => "bag",
            Self::Cascade(_) => "cascade",
        }
    }
}
