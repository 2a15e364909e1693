//! What came of verifying a set.

use serde::{Deserialize, Serialize};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything that can be checked holds for every sample.
    Exact,
    /// The files are lossy: the differences say how far they are from the sum.
    Lossy,
    /// Something doesn't hold.
    Failed,
}

/// All checks of one set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The result.
    pub outcome: Outcome,
    /// Frames that were compared.
    pub num_frames: u64,
    /// Each sum that was checked.
    pub sums: Vec<SumCheck>,
    /// Names of files whose samples are not those that were written.
    pub changed_files: Vec<String>,
}

/// One sum over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SumCheck {
    /// For people: `drums + bass + vocals + other = Full Mix`.
    pub claim: String,
    /// Largest difference, in integer steps; in units of full scale for floats and MP3.
    pub max_difference: f64,
    /// Root mean square of the difference, in the same unit.
    pub rms_difference: f64,
    /// Where the sum first fails.
    pub first_bad_frame: Option<u64>,
}
