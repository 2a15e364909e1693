//! The song as a job wants it: from which frame on, and to which.

use super::Job;
use crate::audio::read::{AudioReader, ReadError};
use crate::runtime::Terminator;

/// The song at the first frame that is wanted.
///
/// Of a stem file, `track_idx` is one of its tracks; else the song is what the file wants played.
///
/// # Errors
/// The file can't be read, has none of the frames, or the job was stopped while ffmpeg decoded.
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
