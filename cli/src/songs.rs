//! The songs of a command: files, folders, playlists, and the standard input.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

/// What stands for the standard input and the standard output.
pub const STANDARD: &str = "-";

/// Endings of files that are taken from folders; a file that is named is tried whatever its ending.
const ENDINGS: [&str; 34] = [
    "aac", "ac3", "aif", "aifc", "aiff", "alac", "ape", "au", "caf", "dts", "flac", "m4a", "m4b",
    "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mpc", "oga", "ogg", "opus", "snd", "tta",
    "w64", "wav", "wave", "webm", "wma", "wv", "m4v", "rf64",
];

/// The songs that arguments name, in their order; those of a folder are sorted.
///
/// # Errors
/// A folder or playlist that can't be read, or has no songs.
pub fn expand(named: &[PathBuf], filter: Option<&str>) -> anyhow::Result<Vec<PathBuf>> {
    let mut songs = Vec::new();
    for path in named {
        let ending = ending(path);
        if path.is_dir() {
            let mut found = BTreeSet::new();
            walk(path, filter, &mut found)
                .with_context(|| format!("the folder {} can't be read", path.display()))?;
            ensure!(
                !found.is_empty(),
                "there are no songs in the folder {}{}",
                path.display(),
                match filter {
                    Some(filter) => format!(" that fit the filter {filter:?}"),
                    None => String::new(),
                }
            );
            songs.extend(found);
        } else if matches!(ending.as_str(), "m3u" | "m3u8") {
            let found = playlist(path)?;
            ensure!(
                !found.is_empty(),
                "the playlist {} names no songs",
                path.display()
            );
            songs.extend(found);
        } else {
            songs.push(path.clone());
        }
    }
    Ok(songs)
}

fn walk(dir: &Path, filter: Option<&str>, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        // A link to a folder above would lead around in circles.
        if entry.file_type()?.is_dir() {
            walk(&path, filter, found)?;
        } else if ENDINGS.contains(&ending(&path).as_str()) {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            if filter.is_none_or(|filter| fits(&filter.to_lowercase(), &name)) {
                found.insert(path);
            }
        }
    }
    Ok(())
}

/// Whether a name fits a pattern, in which `*` stands for anything and `?` for one character.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern_left, mut name_left) = (pattern, name);
    // Where to go on if what follows the last star doesn't fit.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let (mut p, mut n) = (pattern_left.chars(), name_left.chars());
        match (p.next(), n.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern_left = p.as_str();
                retry = Some((pattern_left, name_left));
                continue;
            }
            (Some(wanted), Some(actual)) if wanted == '?' || wanted == actual => {
                (pattern_left, name_left) = (p.as_str(), n.as_str());
                continue;
            }
            _ => {}
        }
        let Some((pattern_after, name_at)) = retry else {
            return false;
        };
        let mut rest = name_at.chars();
        if rest.next().is_none() {
            return false;
        }
        (pattern_left, name_left) = (pattern_after, rest.as_str());
        retry = Some((pattern_after, name_left));
    }
}

/// The files that a playlist names, beside it unless they are absolute.
fn playlist(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let bytes =
        fs::read(path).with_context(|| format!("the playlist {} can't be read", path.display()))?;
    // Old ones are not in UTF-8 but in the code page of Windows, of which this is most.
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
    let dir = path.parent().unwrap_or(Path::new(""));
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut songs = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.contains("://") {
            bail!(
                "the playlist {} names {line}, which is no file on this machine",
                path.display()
            );
        }
        songs.push(dir.join(line));
    }
    Ok(songs)
}

fn ending(path: &Path) -> String {
    path.extension()
        .map(|ending| ending.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

/// The standard input as a file, which goes with the folder.
///
/// # Errors
/// The system refuses.
pub fn standard_input() -> anyhow::Result<(TempDir, PathBuf)> {
    let dir =
        tempfile::tempdir().context("there is no room for what comes from the standard input")?;
    let path = dir.path().join("Standard Input");
    let mut file = fs::File::create(&path)?;
    io::copy(&mut io::stdin().lock(), &mut file).context("the standard input can't be read")?;
    Ok((dir, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_fits_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.flac", "a.flac", true),
            ("*.flac", "a.flac.mp3", false),
            ("*live*", "a live one.mp3", true),
            ("?.mp3", "a.mp3", true),
            ("?.mp3", "ab.mp3", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbX", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
