//! Errors in the words of someone who wants stems: what happened, and what to do.

use std::io;
use std::time::Duration;

use unweave_separation::audio::read::ReadError;
use unweave_separation::audio::write::WriteError;
use unweave_separation::delivery::verify::VerifyError;
use unweave_separation::offline::JobError;

use crate::console::clock;

/// Why there is no set of a song.
pub fn job(error: &JobError) -> String {
    match error {
        JobError::Read(error) => read(error),
        JobError::Write(error) => write(error),
        JobError::Output { dir, source } => format!(
            "can't write to the folder {}: {}",
            dir.display(),
            system(source, "choose another one with -o")
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
            format!("can't be read: {}", system(source, "check the path and its permissions"))
        }
        ReadError::NotAudio => {
            "not an audio file that Unweave knows: it reads WAV, AIFF, FLAC, MP3, AAC, M4A, ALAC and \
             Ogg Vorbis. Convert it first, for example with: ffmpeg -i SONG song.wav"
                .to_owned()
        }
        ReadError::Unsupported(what) => {
            format!("{what} can't be read; convert it first, for example with: ffmpeg -i SONG song.wav")
        }
        ReadError::Empty => "there is no audio in it".to_owned(),
        ReadError::Truncated { expected, actual } => format!(
            "cut off: it should have {expected} frames, but only {actual} are there. Get a whole copy; \
             to use what is there, save it anew, for example with: ffmpeg -i SONG song.wav"
        ),
        ReadError::EndMissing => {
            "cut off: its end is missing. Get a whole copy; to use what is there, save it anew, for \
             example with: ffmpeg -i SONG song.wav"
                .to_owned()
        }
        ReadError::Damaged { frame, what } => format!(
            "damaged at frame {frame} ({what}). Get another copy; to use what can be saved of it, try: \
             ffmpeg -i SONG song.wav"
        ),
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

fn write(error: &WriteError) -> String {
    match error {
        WriteError::Io(source) => {
            format!(
                "can't be written: {}",
                system(source, "choose another folder with -o")
            )
        }
        other => other.to_string(),
    }
}

/// What the system said, and what to do about it.
fn system(error: &io::Error, otherwise: &str) -> String {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room, or choose another disk with -o. A stereo song at 44.1 kHz needs about 0.2 GB \
             per minute while it is being separated, and half of that afterwards"
        }
        _ => otherwise,
    };
    format!("{error}; {advice}")
}

/// `3:30 song in 12.1 s (17.4x real time)`.
pub fn pace(seconds: f64, elapsed: Duration) -> String {
    let length = clock(Duration::from_secs_f64(seconds.max(0.0)));
    let took = elapsed.as_secs_f64();
    format!(
        "{length} song in {took:.1} s ({:.1}x real time)",
        seconds / took.max(1e-3)
    )
}
