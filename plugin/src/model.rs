//! What the plug-in separates with, and how it comes to the inference thread.

use unweave_live::{Error, Fault, LatencyPlan, Loader, Refusal, Timing};
use unweave_separation::Shape;

/// Id of the model that comes with the plug-in, as in its manifest.
pub const BUILTIN_ID: &str = "unweave-live";

/// A model that need not be loaded yet.
pub struct Source {
    /// What its manifest promises.
    pub shape: Shape,
    /// Loads it, on the inference thread.
    pub loader: Loader,
}

impl Source {
    /// When its stems are due in a host at `sample_rate` that announces blocks of at most
    /// `max_block_frames`.
    ///
    /// # Errors
    /// The rate is not one that is converted.
    pub fn plan(&self, sample_rate: f32, max_block_frames: usize) -> Result<LatencyPlan, Error> {
        let sample_rate = whole_rate(sample_rate);
        let timing = Timing::of(&self.shape, sample_rate)?;
        LatencyPlan::new(timing, sample_rate, max_block_frames)
    }
}

/// Hosts state rates in floating point; a fraction of a hertz is not worth another resampler.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and what is out of range is refused as a rate"
)]
fn whole_rate(sample_rate: f32) -> u32 {
    sample_rate.round() as u32
}

/// The model of that id. None can be loaded yet: the output is the aligned dry signal.
pub fn source(id: &str) -> Source {
    let reason = format!("the model {id} is not installed");
    Source {
        shape: unweave_separation::doubles::shape(44_100, 1024, 4096),
        loader: Box::new(|_is_stopping| {
            Err(Refusal {
                fault: Fault::NoModel,
                reason,
            })
        }),
    }
}
