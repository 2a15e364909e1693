//! ONNX Runtime, chosen by the person where none was found.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use unweave_separation::{Error, runtime};

/// Choices since the library was loaded: every instance that lacks the runtime tries again after each.
static NUM_CHOICES: AtomicU64 = AtomicU64::new(0);

/// Uses this file from now on, in all instances, now and later.
///
/// # Errors
/// In the user's words, why it can't be used.
pub fn choose(library: &Path) -> Result<(), String> {
    runtime::choose(library).map_err(|error| words(&error))?;
    NUM_CHOICES.fetch_add(1, Ordering::Release);
    Ok(())
}

/// How often one was chosen.
pub fn num_choices() -> u64 {
    NUM_CHOICES.load(Ordering::Acquire)
}

/// What is wrong, for people who have a window rather than a command line.
pub fn words(error: &Error) -> String {
    match error {
        Error::Runtime { problem, supported } => {
            format!("{problem}; it takes ONNX Runtime {supported}")
        }
        other => other.to_string(),
    }
}
