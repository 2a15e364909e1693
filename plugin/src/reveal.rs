//! Files in the system's file manager, and their paths on the clipboard.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that opens a window of the file manager, and what it is given.
struct Program {
    name: &'static str,
    args: Vec<OsString>,
}

/// Opens the system's file manager on a folder, or on the folder of a file.
///
/// Returns at once; if no window can be opened, `on_refusal` is told later and on another thread, in the user's
/// words.
pub fn show_in_folder(path: &Path, on_refusal: impl FnOnce(String) + Send + 'static) {
    let path = path.to_owned();
    // Some programs wait until their window is closed.
    let showing = move || {
        if let Err(refusal) = open_first(programs(&path), &path) {
            on_refusal(refusal);
        }
    };
    // Without a thread the system is beyond a word about it.
    let _ = std::thread::Builder::new()
        .name("unweave-folder".to_owned())
        .spawn(showing);
}

/// Puts the paths of these files on the clipboard, one a line.
pub fn copy_paths<'p>(ctx: &egui::Context, paths: impl IntoIterator<Item = &'p Path>) {
    let lines: Vec<String> = paths
        .into_iter()
        .map(|path| path.display().to_string())
        .collect();
    ctx.copy_text(lines.join("\n"));
}

/// What is tried in turn.
fn programs(path: &Path) -> Vec<Program> {
    let program = |name, args: &[&dyn AsRef<std::ffi::OsStr>]| Program {
        name,
        args: args.iter().map(|arg| arg.as_ref().to_owned()).collect(),
    };
    if cfg!(target_os = "macos") {
        return vec![match path.is_dir() {
            true => program("open", &[&path]),
            false => program("open", &[&"-R", &path]),
        }];
    }
    if cfg!(windows) {
        let mut select = OsString::from("/select,");
        select.push(path);
        return vec![match path.is_dir() {
            true => program("explorer", &[&path]),
            false => program("explorer", &[&select]),
        }];
    }
    let folder = folder_of(path);
    let mut all = vec![
        program("xdg-open", &[&folder]),
        program("gio", &[&"open", &folder]),
    ];
    for manager in ["nautilus", "dolphin", "nemo", "thunar", "caja", "pcmanfm"] {
        all.push(program(manager, &[&folder]));
    }
    all
}

fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    path.parent().unwrap_or(path).to_owned()
}

/// The first program that is there and succeeds.
fn open_first(programs: Vec<Program>, path: &Path) -> Result<(), String> {
    if !path.exists() {
        return Err(format!("{} is no longer there.", path.display()));
    }
    let first = programs.first().map_or("", |program| program.name);
    for program in programs {
        let ended = Command::new(program.name)
            .args(&program.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match ended {
            // Explorer's status says nothing.
            Ok(status) if status.success() || cfg!(windows) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{} can't be started: {error}.", program.name)),
        }
    }
    Err(format!(
        "No file manager could be opened ({first} is missing or fails). The files are in {}",
        folder_of(path).display()
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn program(name: &'static str, args: &[&str]) -> Program {
        Program {
            name,
            args: args.iter().map(OsString::from).collect(),
        }
    }

    #[test]
    fn the_first_program_that_works_is_used_and_otherwise_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stem.wav");
        std::fs::write(&file, "").unwrap();
        let opened = folder.path().join("opened");
        let missing = || program("unweave-no-such-program", &[]);
        let works = program("touch", &[opened.to_str().unwrap()]);
        open_first(vec![missing(), program("false", &[]), works], &file).unwrap();
        assert!(opened.exists());
        let refusal = open_first(vec![missing(), program("false", &[])], &file).unwrap_err();
        assert!(
            refusal.contains("unweave-no-such-program") && refusal.contains("The files are in"),
            "{refusal}"
        );
        assert!(refusal.ends_with(folder.path().to_str().unwrap()));
    }

    #[test]
    fn a_folder_that_is_gone_is_told_apart_from_a_missing_program() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let refusal = open_first(Vec::new(), &gone).unwrap_err();
        assert!(refusal.ends_with("is no longer there."), "{refusal}");
    }
}
