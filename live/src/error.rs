//! What can go wrong when the engine is set up; nothing can once it runs.
//!
//! [`Error::TooSlow`] and [`Error::NumStems`] are of the model, and another one helps; [`Error::Separation`] is
//! of the host's sample rate; [`Error::Thread`] is the system's.

/// Why the engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An inference would not be done before the next one is due.
    #[error("one inference takes {budget_frames} frames, but the next is due after {hop_frames}")]
    TooSlow {
        /// Time for one inference, in frames at the host's rate.
        budget_frames: usize,
        /// Distance between two inferences, in frames at the host's rate.
        hop_frames: usize,
    },
    /// The model has no stem, or more than can be mixed.
    #[error("the model has {actual} stems, from 1 to {max} can be mixed")]
    NumStems {
        /// Stems of the model.
        actual: usize,
        /// [`crate::MAX_STEMS`]
        max: usize,
    },
    /// The timing of the model at this rate is unknown.
    #[error("the model cannot run at this sample rate")]
    Separation(#[from] unweave_separation::Error),
    /// The system gave no thread.
    #[error("the inference thread could not be started")]
    Thread(#[source] std::io::Error),
}
