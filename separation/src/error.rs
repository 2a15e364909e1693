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
