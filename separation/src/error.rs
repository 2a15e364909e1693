//! Everything that can go wrong between a mix and its stems.

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
