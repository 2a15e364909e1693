//! How many threads a job uses, for what.

use std::num::NonZeroUsize;

use crate::model::manifest::Kind;
use crate::model::store::Model;

/// Threads that encode files: so many as the user names, else one per processor.
pub fn for_encoding(wanted: Option<NonZeroUsize>) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    wanted.map_or_else(all, NonZeroUsize::get)
}

/// Threads that share one inference. A recurrent model goes step by step: a second thread wins
/// nothing on an idle machine, and on a busy one each step waits for the slower of the two.
pub fn for_inference(model: &Model, wanted: Option<NonZeroUsize>) -> usize {
    match model.manifest.kind {
        Kind::StreamingSpectrum(_) => wanted.map_or(1, NonZeroUsize::get),
        _ => for_encoding(wanted),
    }
}
