//! Errors in the words of someone who wants stems: what happened, and what to do. The command and the
//! Python package say the same.
//!
//! Errors are typed ([`crate::Error`], [`JobError`], [`ReadError`], [`VerifyError`]) and speak of frames and
//! files; here they become what follows the name of a song, `song.wav: can't be read: …`, without a full stop
//! at the end.

use std::io;

use crate::audio::read::ReadError;
use crate::audio::write::WriteError;
use crate::delivery::verify::VerifyError;
use crate::offline::JobError;

/// What can be read without other programs, as a list within a sentence.
pub const KINDS: &str = "WAV, AIFF, FLAC, ALAC, MP3, AAC, Ogg, Opus, CAF, AU, and the audio of MP4, MOV, WebM and Matroska";

/// What the system said, for people: without its number, and in plain words where they are known.
///
/// # Example
/// ```
/// use std::io;
/// use unweave_separation::words::system;
///
/// assert_eq!(system(&io::ErrorKind::StorageFull.into()), "the disk is full");
/// ```
pub fn system(error: &io::Error) -> String {
    let plain = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "all the room that you may use is taken",
        io::ErrorKind::FileTooLarge => "the file would become larger than is allowed there",
        io::ErrorKind::PermissionDenied => "there is no permission for it",
        io::ErrorKind::NotFound => "it is not there",
        io::ErrorKind::ReadOnlyFilesystem => "the disk can only be read",
        io::ErrorKind::NotADirectory => "something that is no folder is in the way",
        io::ErrorKind::IsADirectory => "it is a folder",
        io::ErrorKind::StaleNetworkFileHandle | io::ErrorKind::NotConnected => {
            "the connection to the disk is gone"
        }
        _ => {
            let said = error.to_string();
            return match said.split_once(" (os error ") {
                Some((text, _)) => text.to_owned(),
                None => said,
            };
        }
    };
    plain.to_owned()
}

/// Why there is no set of a song. `output` is what the caller calls the option that names another folder
/// for sets, such as `-o`.
pub fn job(error: &JobError, output: &str) -> String {
    match error {
        JobError::Read(error) => read(error),
        JobError::Write(error) => write(error, output),
        JobError::Output { dir, source } => format!(
            "can't write to the folder {}: {}",
            dir.display(),
            no_place(source, "one", output)
        ),
        JobError::ReadBack(error) => {
            format!(
                "what was written can't be read back, so it was not kept: {}",
                verify(error)
            )
        }
        JobError::DoesNotSum => {
            "what was written doesn't sum to the song, so it was not kept: the disk or the memory \
             may be failing, try another disk"
                .to_owned()
        }
        JobError::Cancelled => "cancelled, nothing was kept of it".to_owned(),
        other => other.to_string(),
    }
}

/// Why a song can't be read.
pub fn read(error: &ReadError) -> String {
    match error {
        ReadError::Io(source) => {
            format!(
                "can't be read: {}; check the path and its permissions",
                system(source)
            )
        }
        ReadError::NotAudio => {
            format!("not an audio file that Unweave knows: it reads {KINDS}")
        }
        ReadError::ForeignCodec(what) => format!(
            "{what} can be read only with ffmpeg's help, which was not found or found no audio: install it, and try \
             again"
        ),
        ReadError::Unsupported(what) => {
            format!("{what} can't be read; convert it first, for example with: ffmpeg -i SONG song.wav")
        }
        ReadError::OutOfRange { range, available } if range.start >= *available => {
            format!(
                "the song is over before the range begins: it has {available} frames, the range begins at frame {}",
                range.start
            )
        }
        ReadError::Empty => "there is no audio in it".to_owned(),
        ReadError::EndMissing => {
            "cut off: its end is missing, where this kind of file says how to read the rest. Get a whole copy".to_owned()
        }
        ReadError::Damaged { frame, what } => {
            format!("damaged at frame {frame} ({what}). Get another copy")
        }
        other => other.to_string(),
    }
}

/// Why a set can't be verified.
pub fn verify(error: &VerifyError) -> String {
    match error {
        VerifyError::File { name, source } => format!("{name}: {}", read(source)),
        VerifyError::Report(error) => {
            format!("{error}; name the folder that `unweave separate` made")
        }
        other => other.to_string(),
    }
}

/// Why a file of a set can't be written.
fn write(error: &WriteError, output: &str) -> String {
    match error {
        WriteError::Io(source) => {
            format!("can't be written: {}", no_place(source, "folder", output))
        }
        other => other.to_string(),
    }
}

/// What the system said of a place for sets, and what to do about it.
///
/// `what` is another of which would do, such as `folder`.
fn no_place(error: &io::Error, what: &str, output: &str) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            format!(
                "{}; make room, or choose another disk with {output}. A stereo song at 44.1 kHz needs \
                 about 0.2 GB per minute while it is being separated, and half of that afterwards",
                system(error)
            )
        }
        _ if is_held(error) => format!(
            "{}; close it in the program that has it open, or choose another {what} with {output}",
            system(error)
        ),
        _ => format!("{}; choose another {what} with {output}", system(error)),
    }
}

/// Whether another program has the file open in a way that Windows lets nobody else use it.
///
/// # Source
/// Microsoft, "System Error Codes": `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`.
fn is_held(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(32 | 33))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_no_numbers_of_the_system() {
        for number in 1..=134 {
            let said = system(&io::Error::from_raw_os_error(number));
            assert!(!said.contains("os error") && !said.is_empty(), "{said}");
        }
        let full = system(&io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full, "the disk is full");
        assert_eq!(
            system(&io::Error::other("in its own words")),
            "in its own words"
        );
    }
}
