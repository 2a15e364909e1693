//! Whether what is handed on tells where it was built.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Shorter than this, a folder's name may stand in any file by chance.
const MIN_BYTES: usize = 4;

/// Fails with every file in `folder` that names something below one of these folders of this machine. Files called
/// `foreign` were built by others, in folders of theirs, which may be called alike.
pub fn check(
    folder: &Path,
    of_this_machine: &[PathBuf],
    foreign: Option<&OsStr>,
) -> anyhow::Result<()> {
    let names: Vec<Vec<u8>> = of_this_machine
        .iter()
        .map(|path| path.join("").into_os_string().into_encoded_bytes())
        .filter(|name| name.len() > MIN_BYTES)
        .collect();
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.file_name() == foreign {
                continue;
            }
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            for name in names.iter().filter(|name| contains(&bytes, name)) {
                found.push(format!(
                    "{} names {}",
                    path.display(),
                    String::from_utf8_lossy(name)
                ));
            }
        }
    }
    ensure!(
        found.is_empty(),
        "what is handed on must not tell where it was built:\n{}",
        found.join("\n")
    );
    Ok(())
}

fn contains(bytes: &[u8], name: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == name[0]) {
        rest = &rest[at..];
        if rest.starts_with(name) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found_in_any_file_and_all_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (deep, flat) = (folder.path().join("a/b"), folder.path().join("c"));
        fs::create_dir(deep.parent().unwrap()).unwrap();
        fs::write(&deep, b"\0\xff//home/me/src/lib.rs\0").unwrap();
        fs::write(&flat, "homes are /home/men's").unwrap();
        fs::write(folder.path().join("other.so"), "/home/me/theirs").unwrap();
        let foreign = Some(OsStr::new("other.so"));
        let of_this_machine = ["/home/me", "/home/you", "/"].map(PathBuf::from);
        let error = check(folder.path(), &of_this_machine, foreign).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(&format!("{} names /home/me/", deep.display())));
        assert_eq!(error.matches(" names ").count(), 1, "{error}");
        fs::remove_file(&deep).unwrap();
        check(folder.path(), &of_this_machine, foreign).unwrap();
    }
}
