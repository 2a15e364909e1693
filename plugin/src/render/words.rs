//! Errors in the words of someone who wants stems: what happened, and what to do.

use std::error::Error;
use std::io;

use unweave_live::capture::Problem;
use unweave_separation::audio::read::ReadError;
use unweave_separation::audio::write::WriteError;
use unweave_separation::offline::JobError;
use unweave_separation::words::KINDS;

/// Why there is no set.
pub fn job(error: &JobError) -> String {
    match error {
        JobError::Read(error) => read(error),
        JobError::Write(WriteError::Io(source)) => {
            format!("The stems can't be written: {}", system(source))
        }
        JobError::Output { dir, source } => {
            format!("Can't write to {}: {}", dir.display(), system(source))
        }
        JobError::DoesNotSum => {
            "What was written doesn't sum to the song, so it was not kept: the disk or the memory may be \
             failing. Try another disk."
                .to_owned()
        }
        other => sentence(&chain(other)),
    }
}

/// Why a song can't be used.
pub fn read(error: &ReadError) -> String {
    match error {
        ReadError::Io(source) => sentence(&format!("the song can't be read: {source}")),
        ReadError::NotAudio => {
            format!("This is no audio file that Unweave knows: it reads {KINDS}.")
        }
        other => sentence(&chain(other)),
    }
}

/// Why nothing is captured any more.
pub fn capture(problem: &Problem) -> String {
    match problem {
        Problem::Disk { kind, message } => {
            let advice = match kind {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "What was captured is kept. Make room, or discard takes, and arm again."
                }
                _ => "What was captured before is kept. Arm again to go on.",
            };
            format!("Capture stopped: {message}. {advice}")
        }
        Problem::TooManyTakes => {
            "Capture stopped: there are too many takes. Discard some, and arm again.".to_owned()
        }
        other => format!("Capture stopped: {other:?}"),
    }
}

fn system(error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Make room, or choose a folder on another disk. A stereo song at 44.1 kHz needs about 0.2 GB \
             per minute while it is rendered, and half of that afterwards."
        }
        _ => "Choose another folder.",
    };
    format!("{error}. {advice}")
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use std::io::Error;
    use std::io::ErrorKind::{PermissionDenied, StorageFull};

    use super::*;

    #[test]
    fn every_refusal_says_what_to_do() {
        let output = |kind| JobError::Output {
            dir: "/stems".into(),
            source: Error::from(kind),
        };
        let written = |kind| JobError::Write(WriteError::Io(Error::from(kind)));
        let on_disk = |kind: io::ErrorKind| Problem::Disk {
            kind,
            message: Error::from(kind).to_string(),
        };
        for (text, what, advice) in [
            (
                job(&output(PermissionDenied)),
                "/stems",
                "Choose another folder",
            ),
            (job(&output(StorageFull)), "/stems", "Make room"),
            (job(&written(StorageFull)), "can't be written", "Make room"),
            (
                capture(&on_disk(StorageFull)),
                "no storage space",
                "Make room",
            ),
            (
                capture(&on_disk(PermissionDenied)),
                "permission",
                "Arm again",
            ),
            (capture(&Problem::TooManyTakes), "too many", "Discard"),
            (read(&ReadError::NotAudio), "no audio file", "it reads WAV"),
        ] {
            assert!(text.contains(what) && text.contains(advice), "{text}");
        }
    }
}
