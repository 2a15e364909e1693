//! The song as a job wants it: from which frame on, and to which.

use super::Job;
use crate::audio::read::{AudioReader, ReadError};
use crate::runtime::Terminator;

/// The song at the first frame that is wanted.
pub(super) fn open(
    job: &Job<'_>,
    track_idx: Option<usize>,
    cancel: &Terminator,
) -> Result<AudioReader, ReadError> {
    let may_go_on = || !cancel.is_terminated();
    let mut reader = AudioReader::open_while(job.source, track_idx, &may_go_on)?;
    if let Some(range) = &job.range {
        reader.keep(range.clone())?;
    }
    Ok(reader)
}
