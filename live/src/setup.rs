//! What an engine is made of: the model and how it is loaded, and what its two halves must agree on.

use unweave_separation::{Separator, Shape};

use crate::controls::MAX_STEMS;
use crate::error::Error;
use crate::plan::LatencyPlan;
use crate::signal::Terminate;
use crate::status::Fault;

/// What both halves must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// When stems are due.
    pub(crate) plan: LatencyPlan,
    /// From 1 to [`MAX_STEMS`].
    pub(crate) num_stems: usize,
    /// The stem that gets what is left over; less than `num_stems`.
    pub(crate) residual_idx: usize,
    /// Latency that there must be room for besides the plan's; 0 for none.
    pub(crate) room_frames: usize,
}

impl Setup {
    /// For a model of this shape. It need not be loaded: its manifest knows the shape.
    ///
    /// # Errors
    /// [`Error::NumStems`] if it has no stem or more than [`MAX_STEMS`].
    pub fn new(shape: &Shape, plan: LatencyPlan) -> Result<Self, Error> {
        let num_stems = shape.stems.len();
        if shape.residual_idx >= num_stems || num_stems > MAX_STEMS {
            return Err(Error::NumStems {
                actual: num_stems,
                max: MAX_STEMS,
            });
        }
        Ok(Self {
            plan,
            num_stems,
            residual_idx: shape.residual_idx,
            room_frames: 0,
        })
    }

    /// The same, with room for engines that need a latency of up to so many frames: [`crate::Handover`].
    #[must_use]
    pub fn with_room(self, latency_frames: usize) -> Self {
        Self {
            room_frames: latency_frames,
            ..self
        }
    }

    /// When stems are due.
    pub fn plan(&self) -> &LatencyPlan {
        &self.plan
    }
}

/// A separator that has been loaded, and how to end an inference of it.
pub struct LoadedSeparator {
    /// Runs on the inference thread and is freed there.
    pub separator: Box<dyn Separator>,
    /// Ends a running inference, if the runtime can; called from another thread.
    pub terminate: Option<Terminate>,
}

/// Why there is no model: a code for the host, and words for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of fault it is.
    pub fault: Fault,
    /// What is wrong and what to do about it.
    pub reason: String,
}

/// Loads and verifies a model on the inference thread, where it may take its time; it should give up
/// when asked whether the engine is stopping and told so.
pub type Loader = Box<dyn FnOnce(&dyn Fn() -> bool) -> Result<LoadedSeparator, Refusal> + Send>;
