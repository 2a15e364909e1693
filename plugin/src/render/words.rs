//! Errors in the words of someone who wants stems: what happened, and what to do.

use std::error::Error;
use std::io;

use unweave_live::capture::Problem;
use unweave_separation::audio::read::ReadError;
use unweave_separation::audio::write::WriteError;
use unweave_separation::delivery::report::Report;
use unweave_separation::files::naming;
use unweave_separation::offline::JobError;
use unweave_separation::words::{KINDS, system as said};

/// Why there is no set.
pub fn job(error: &JobError) -> String {
    match error {
        JobError::Read(error) => read(error),
        JobError::Write(WriteError::Io(source)) => {
            format!("The stems can't be written: {}", no_place(source))
        }
        JobError::Output { dir, source } => {
            format!("Can't write to {}: {}", dir.display(), no_place(source))
        }
        JobError::DoesNotSum => {
            "What was written doesn't sum to the song, so it was not kept: the disk or the memory may be \
             failing. Try another disk."
                .to_owned()
        }
        other => sentence(&chain(other)),
    }
}

/// What a report says of its files: a line for each, and by what they were made.
pub fn facts(report: &Report) -> Vec<String> {
    let mut facts: Vec<String> = report
        .files
        .iter()
        .map(|file| {
            let peak = file.peak_dbfs.map(|db| format!("peak {db:.1} dBFS"));
            let loudness = file.loudness_lufs.map(|lufs| format!("{lufs:.1} LUFS"));
            let levels: Vec<String> = peak.into_iter().chain(loudness).collect();
            if levels.is_empty() {
                format!("{}: silent", file.name)
            } else {
                format!("{}: {}", file.name, levels.join(", "))
            }
        })
        .collect();
    if report.gain != 1.0 {
        facts.push(format!(
            "Turned by {:.1} dB, or something would clip",
            report.gain_db
        ));
    }
    let model = &report.model;
    facts.push(format!("Separated by {} {}", model.name, model.version));
    facts
}

/// Why a song can't be used.
pub fn read(error: &ReadError) -> String {
    match error {
        ReadError::Io(source) => sentence(&format!("the song can't be read: {}", said(source))),
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
                    "What was captured is kept. Make room, or remove takes, and switch Capture on again."
                }
                _ => "What was captured before is kept. Switch Capture on again to go on.",
            };
            format!("Capture stopped: {message}. {advice}")
        }
        Problem::TooManyTakes => {
            "Capture stopped: there are too many takes. Remove some, and switch Capture on again."
                .to_owned()
        }
        other => format!("Capture stopped: {other:?}"),
    }
}

/// What the system said, as a sentence.
pub fn system(error: &io::Error) -> String {
    sentence(&said(error))
}

/// What the system said of a place for stems, and what to do about it.
fn no_place(error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Make room, or choose a folder on another disk. A stereo song at 44.1 kHz needs about 0.2 GB \
             per minute while it is rendered, and half of that afterwards."
        }
        _ => "Choose another folder.",
    };
    format!("{} {advice}", system(error))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = match cause.downcast_ref::<io::Error>() {
            Some(error) => said(error),
            None => cause.to_string(),
        };
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// With a capital and a full stop: reasons come in lower case, to be put together.
pub(crate) fn sentence(text: &str) -> String {
    format!("{}.", naming::capitalised(text).trim_end_matches('.'))
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
            message: said(&Error::from(kind)),
        };
        for (text, what, advice) in [
            (
                job(&output(PermissionDenied)),
                "/stems",
                "Choose another folder",
            ),
            (job(&output(StorageFull)), "/stems", "Make room"),
            (job(&written(StorageFull)), "can't be written", "Make room"),
            (capture(&on_disk(StorageFull)), "disk is full", "Make room"),
            (
                capture(&on_disk(PermissionDenied)),
                "permission",
                "Capture on again",
            ),
            (capture(&Problem::TooManyTakes), "too many", "Remove"),
            (read(&ReadError::NotAudio), "no audio file", "it reads WAV"),
        ] {
            assert!(text.contains(what) && text.contains(advice), "{text}");
        }
    }
}
