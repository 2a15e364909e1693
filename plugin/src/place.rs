//! Where this binary lies, and so where the runtime that was installed with it does.
//!
//! | bundle | binary | runtime |
//! |---|---|---|
//! | VST3 | `Unweave.vst3/Contents/<arch>/Unweave.so` | the same folder |
//! | CLAP, a single file | `Unweave.clap` | `Unweave.runtime/` beside it |
//! | CLAP on macOS | `Unweave.clap/Contents/MacOS/Unweave` | the same folder |
//! | standalone | `unweave-standalone` | the same folder, or `Unweave.runtime/` beside it |

use std::path::{Path, PathBuf};

use unweave_separation::files::folders;

/// Folder beside a single-file plug-in that holds what it needs.
pub const RUNTIME_FOLDER: &str = "Unweave.runtime";

/// The folders that may hold the runtime of this installation, likeliest first.
///
/// Empty if the system doesn't say where the binary is. The current folder is never one of them: a
/// library planted there must not be loaded.
pub fn runtime_folders() -> Vec<PathBuf> {
    binary().as_deref().map(folders_beside).unwrap_or_default()
}

/// Where stems go unless another folder is chosen: beside the user's music.
pub fn stems_folder() -> PathBuf {
    let home = folders::home().unwrap_or_default();
    let music = home.join("Music");
    let parent = if music.is_dir() { music } else { home };
    parent.join("Unweave")
}

/// This dynamic library, or the program that it is linked into.
fn binary() -> Option<PathBuf> {
    process_path::get_dylib_path()
        // A program started through PATH is reported by its bare name.
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::current_exe().ok())
        // Installed through a link: what it needs lies where the link points. On Windows the answer would begin with
        // `\\?\`, which people don't know.
        .and_then(|path| match cfg!(windows) {
            true => Some(path),
            false => path.canonicalize().ok(),
        })
}

fn folders_beside(binary: &Path) -> Vec<PathBuf> {
    match binary.parent() {
        Some(folder) => vec![folder.join(RUNTIME_FOLDER), folder.to_owned()],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_this_test_program_is_searched() {
        let exe = std::env::current_exe().unwrap();
        let exe = match cfg!(windows) {
            true => exe,
            false => exe.canonicalize().unwrap(),
        };
        let folders = runtime_folders();
        assert!(
            folders.contains(&exe.parent().unwrap().to_owned()),
            "{folders:?}"
        );
        assert!(folders.iter().all(|folder| folder.is_absolute()));
    }
}
