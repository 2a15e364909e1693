//! Whether what is handed on tells where it was built.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// A folder of this machine.
struct Folder {
    /// With a separator at its end.
    name: Vec<u8>,
    /// What is in it.
    entries: Vec<Vec<u8>>,
}

impl Folder {
    /// `None` for the root of all, and for one that isn't there.
    fn new(path: &Path) -> anyhow::Result<Option<Self>> {
        if path.parent().is_none() || !path.exists() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        for entry in
            fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?
        {
            entries.push(entry?.file_name().into_encoded_bytes());
        }
        let name = path.join("").into_os_string().into_encoded_bytes();
        Ok(Some(Self { name, entries }))
    }

    /// Whether bytes name something that is in it. Its own name alone may be there by chance, as a part of paths that
    /// are not of files.
    fn is_told(&self, mut bytes: &[u8]) -> bool {
        while let Some(at) = bytes.iter().position(|byte| *byte == self.name[0]) {
            bytes = &bytes[at..];
            if let Some(rest) = bytes.strip_prefix(&self.name[..])
                && self.entries.iter().any(|entry| rest.starts_with(entry))
            {
                return true;
            }
            bytes = &bytes[1..];
        }
        false
    }
}

/// Fails with every file in `folder` that names something in one of these folders of this machine. Files called
/// `foreign` were built by others, in folders of theirs, which may be called alike.
pub fn check(
    folder: &Path,
    of_this_machine: &[PathBuf],
    foreign: Option<&OsStr>,
) -> anyhow::Result<()> {
    let of_this_machine = of_this_machine.iter().map(|path| Folder::new(path));
    let of_this_machine: Vec<Option<Folder>> = of_this_machine.collect::<anyhow::Result<_>>()?;
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
            let told = of_this_machine.iter().flatten();
            for told in told.filter(|folder| folder.is_told(&bytes)) {
                found.push(format!(
                    "{} names {}",
                    path.display(),
                    String::from_utf8_lossy(&told.name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found_in_any_file_and_all_are_named() {
        let [folder, home, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        fs::create_dir(home.path().join("src")).unwrap();
        let home_name = home.path().display();
        let (deep, flat) = (folder.path().join("a/b"), folder.path().join("c"));
        fs::create_dir(deep.parent().unwrap()).unwrap();
        let told = format!("\0/{home_name}/src/lib.rs\0");
        fs::write(&deep, [b"\xff", told.as_bytes()].concat()).unwrap();
        // What is not there is none of this machine's.
        fs::write(&flat, format!("{home_name}/org/a11y, {home_name}s/src")).unwrap();
        fs::write(folder.path().join("other.so"), told).unwrap();
        let foreign = Some(OsStr::new("other.so"));
        let of_this_machine = [home.path(), other.path(), Path::new("/")].map(Path::to_owned);
        let error = check(folder.path(), &of_this_machine, foreign).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(&format!("{} names {home_name}/", deep.display())));
        assert_eq!(error.matches(" names ").count(), 1, "{error}");
        fs::remove_file(&deep).unwrap();
        check(folder.path(), &of_this_machine, foreign).unwrap();
    }
}
