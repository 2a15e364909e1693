//! Everything that can go wrong between a mix and its stems.
//!
//! Reading and writing files have errors of their own ([`crate::audio::read::ReadError`],
//! [`crate::audio::write::WriteError`]), and so have jobs on songs ([`crate::offline::JobError`]). Messages
//! here are for whoever writes programs; [`crate::words`] has some for people.

use std::path::PathBuf;

/// Why a mix could not be separated. Variants are what a caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A block has another shape than was agreed; a bug in the caller.
    #[error("block has {actual} frames, expected a multiple of {expected}")]
    BlockLength {
        /// What the length must be a multiple of, in frames.
        expected: usize,
        /// What was handed over, in frames.
        actual: usize,
    },
    /// A sample rate that is not converted.
    #[error("a sample rate of {actual} Hz is not supported; from {min} to {max} Hz is")]
    SampleRate {
        /// What was asked for.
        actual: u32,
        /// Lowest rate.
        min: u32,
        /// Highest rate.
        max: u32,
    },
    /// A separator that a residual cannot be taken from.
    #[error(
        "{num_stems} stems with residual {residual_idx}: at least two are needed, the residual one of them"
    )]
    NoResidual {
        /// How many stems it has.
        num_stems: usize,
        /// Which is the residual, counted from 0.
        residual_idx: usize,
    },
    /// An earlier call failed, and going on would shift all that follows: reset first.
    #[error("separation failed before and was not reset since")]
    NeedsReset,
    /// A manifest that is not exactly right.
    #[error("{origin}: {problem}")]
    Manifest {
        /// Path of the manifest, or what else it is called.
        origin: String,
        /// The first thing that is wrong.
        problem: String,
    },
    /// No model of this name.
    #[error("there is no model {name:?}; known are {}", .known.join(", "))]
    NoSuchModel {
        /// What was asked for.
        name: String,
        /// Ids that exist.
        known: Vec<String>,
    },
    /// A file of a model that can't be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    ModelUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of a model that is another than its manifest says; get it again from where it came.
    #[error("{}: damaged or exchanged: its sha-256 is {actual}, the manifest says {expected}", .path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// By the manifest.
        expected: String,
        /// Of the file.
        actual: String,
    },
    /// A model that can't be run as its manifest says.
    #[error("model {id} is refused: {problem}")]
    ModelRefused {
        /// Its id.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// A model that can't be installed or removed.
    #[error("{}: {problem}", .path.display())]
    Installation {
        /// Where it is or would be.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// ONNX Runtime was not found, or none that may be used.
    #[error(
        "{problem}. Install Unweave again (in a checkout: `cargo xtask setup`), or set UNWEAVE_ONNXRUNTIME to the library of \
         ONNX Runtime {supported}"
    )]
    Runtime {
        /// What was looked for, and what was wrong with what was found.
        problem: String,
        /// Versions that may be used.
        supported: &'static str,
    },
    /// A device that was asked for and can't be used here.
    #[error("device {device} can't be used: {problem}. This machine has: auto, {usable}")]
    Device {
        /// The device.
        device: crate::device::Device,
        /// What is wrong with it.
        problem: String,
        /// Ids of those that can be used.
        usable: String,
    },
    /// Stopped by a [`crate::Terminator`].
    #[error("stopped")]
    Terminated,
    /// A model could not be run to its end.
    #[error("inference failed: {reason}")]
    Inference {
        /// What the runtime said.
        reason: String,
    },
    /// The model's output holds NaN or infinity.
    #[error("the model returned a value that is not a number for stem {stem}")]
    NotANumber {
        /// Name of the first stem that holds one.
        stem: String,
    },
}
