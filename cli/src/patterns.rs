//! Patterns of names, which the shells of Windows leave to the programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, ensure};

use crate::songs::fits;

/// The paths that arguments name: on Windows what fits them, sorted; elsewhere the shell has seen to that.
///
/// # Errors
/// Nothing fits a pattern, or a folder in it can't be read.
pub fn expand(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for path in named {
        if cfg!(windows) && path.components().any(|part| pattern(part).is_some()) {
            paths.extend(matching(path)?);
        } else {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

/// The pattern that a part of a path is. Neither character can be in a name on Windows.
fn pattern(part: Component<'_>) -> Option<String> {
    let Component::Normal(name) = part else {
        return None;
    };
    let name = name.to_str()?;
    name.contains(['*', '?']).then(|| name.to_lowercase())
}

/// What fits a path in which names have `*` or `?`, as in `music\*\*.flac`; never hidden names.
fn matching(path: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::from([PathBuf::new()]);
    for part in path.components() {
        let Some(pattern) = pattern(part) else {
            found = found.iter().map(|folder| folder.join(part)).collect();
            continue;
        };
        let mut inside = BTreeSet::new();
        for folder in found.iter().filter(|folder| {
            // The current one has no name.
            folder.as_os_str().is_empty() || folder.is_dir()
        }) {
            let at = match folder.as_os_str().is_empty() {
                true => Path::new("."),
                false => folder,
            };
            let entries = fs::read_dir(at)
                .with_context(|| format!("the folder {} can't be read", at.display()))?;
            for entry in entries {
                let name = entry?.file_name();
                let text = name.to_string_lossy().to_lowercase();
                if !text.starts_with('.') && fits(&pattern, &text) {
                    inside.insert(folder.join(name));
                }
            }
        }
        found = inside;
    }
    found.retain(|path| path.exists());
    ensure!(!found.is_empty(), "nothing fits {}", path.display());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_what_fits_in_every_folder_that_fits() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "b/2.FLAC",
            "a/1.flac",
            "a/1.mp3",
            "a/.hidden.flac",
            "3.flac",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = |pattern: &str| {
            let found = matching(&dir.path().join(pattern))?;
            let names = found
                .iter()
                .map(|path| path.strip_prefix(dir.path()).unwrap());
            anyhow::Ok(names.map(Path::to_owned).collect::<Vec<_>>())
        };
        for (pattern, expected) in [
            ("*.flac", &["3.flac"][..]),
            ("*/*.flac", &["a/1.flac", "b/2.FLAC"]),
            ("a/?.*", &["a/1.flac", "a/1.mp3"]),
            ("?", &["a", "b"]),
            ("*/1.mp3", &["a/1.mp3"]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found(pattern).unwrap(), expected, "{pattern}");
        }
        let error = found("*.wav").unwrap_err().to_string();
        assert!(error.starts_with("nothing fits "), "{error}");
        assert!(error.ends_with("*.wav"), "{error}");
    }
}
