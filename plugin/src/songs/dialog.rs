//! The system's own dialogs, as programs of their own: nothing of them is loaded into the host.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use unweave_separation::Terminator;
use unweave_separation::files::program;

/// How often a dialog is asked whether it has ended.
const NAP: Duration = Duration::from_millis(20);

/// What is to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A file with audio.
    Song,
    /// The folder that stems go to.
    Folder,
    /// The library of ONNX Runtime.
    Runtime,
}

/// A program and its arguments; it prints the path that was chosen, and nothing if there is none.
type Program = (&'static str, &'static [&'static str]);

/// Asks the person; none if they choose nothing.
///
/// # Errors
/// In the user's words, why nobody can be asked.
pub(super) fn ask(kind: PathKind, cancel: &Terminator) -> Result<Option<PathBuf>, String> {
    ask_with(programs(kind), cancel)
}

/// A dialog of Windows Forms, and which of its properties is the answer.
macro_rules! powershell {
    ($dialog:literal, $answer:literal) => {
        &[(
            "powershell",
            &[
                "-NoProfile",
                "-STA",
                "-Command",
                concat!(
                    "Add-Type -AssemblyName System.Windows.Forms; \
                     [Console]::OutputEncoding = [Text.Encoding]::UTF8; \
                     $d = New-Object System.Windows.Forms.",
                    $dialog,
                    "; if ($d.ShowDialog() -eq 'OK') { $d.",
                    $answer,
                    " }"
                ),
            ],
        )]
    };
}

fn programs(kind: PathKind) -> &'static [Program] {
    match kind {
        PathKind::Song if cfg!(target_os = "macos") => &[(
            "osascript",
            &[
                "-e",
                "POSIX path of (choose file with prompt \"Choose a song\")",
            ],
        )],
        PathKind::Folder if cfg!(target_os = "macos") => &[(
            "osascript",
            &[
                "-e",
                "POSIX path of (choose folder with prompt \"Folder for the stems\")",
            ],
        )],
        PathKind::Runtime if cfg!(target_os = "macos") => &[(
            "osascript",
            &[
                "-e",
                "POSIX path of (choose file with prompt \"Choose libonnxruntime.dylib\")",
            ],
        )],
        PathKind::Song | PathKind::Runtime if cfg!(windows) => {
            powershell!("OpenFileDialog", "FileName")
        }
        PathKind::Folder if cfg!(windows) => {
            powershell!("FolderBrowserDialog", "SelectedPath")
        }
        PathKind::Runtime => &[
            (
                "zenity",
                &["--file-selection", "--title=Choose libonnxruntime.so"],
            ),
            (
                "kdialog",
                &[
                    "--title",
                    "Choose libonnxruntime.so",
                    "--getopenfilename",
                    ".",
                ],
            ),
        ],
        PathKind::Song => &[
            ("zenity", &["--file-selection", "--title=Choose a song"]),
            (
                "kdialog",
                &["--title", "Choose a song", "--getopenfilename", "."],
            ),
        ],
        PathKind::Folder => &[
            (
                "zenity",
                &[
                    "--file-selection",
                    "--directory",
                    "--title=Folder for the stems",
                ],
            ),
            (
                "kdialog",
                &[
                    "--title",
                    "Folder for the stems",
                    "--getexistingdirectory",
                    ".",
                ],
            ),
        ],
    }
}

/// The first program that is there; it is ended when the cancel comes.
fn ask_with(programs: &[Program], cancel: &Terminator) -> Result<Option<PathBuf>, String> {
    for (name, args) in programs {
        let spawned = program::quiet(name)
            .args(*args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| format!("{name} can't be started: {error}."))?,
        };
        // A path is shorter than what a pipe holds, so the program never waits for it to be read.
        while matches!(child.try_wait(), Ok(None)) {
            if cancel.is_terminated() {
                // It may have ended by itself a moment ago.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(None);
            }
            std::thread::sleep(NAP);
        }
        let mut bytes = Vec::new();
        if let Some(mut out) = child.stdout.take() {
            // What was printed before an error may be half a path.
            out.read_to_end(&mut bytes)
                .map_err(|error| format!("{name} can't be understood: {error}."))?;
        }
        let text = String::from_utf8_lossy(&bytes);
        let path = text.trim_end_matches(['\r', '\n']);
        return Ok((!path.is_empty()).then(|| PathBuf::from(path)));
    }
    let names: Vec<&str> = programs.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "There is no dialog to choose with ({} is missing): type or paste the path.",
        names.join(" or ")
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const MISSING: Program = ("unweave-no-such-dialog", &[]);

    #[test]
    fn what_the_dialog_prints_is_the_path_and_nothing_is_nothing() {
        let cancel = Terminator::new();
        let says = |script: &'static [&'static str]| ask_with(&[MISSING, ("sh", script)], &cancel);
        assert_eq!(
            says(&["-c", "echo '/a song/with spaces .wav'"]),
            Ok(Some(PathBuf::from("/a song/with spaces .wav")))
        );
        assert_eq!(says(&["-c", "exit 1"]), Ok(None));
        let missing = ask_with(&[MISSING], &cancel).unwrap_err();
        assert!(missing.contains(MISSING.0), "{missing}");
    }

    #[test]
    fn a_dialog_that_is_open_is_closed_when_it_is_no_longer_wanted() {
        let cancel = Terminator::new();
        let stop = cancel.clone();
        let asking = std::thread::spawn(move || ask_with(&[("sleep", &["1000"])], &stop));
        cancel.terminate();
        assert_eq!(asking.join().unwrap(), Ok(None));
    }
}
