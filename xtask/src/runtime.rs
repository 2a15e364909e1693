//! The pinned ONNX Runtime: from the `onnxruntime` wheel into the user's data folder.
//!
//! Microsoft publishes the shared library inside its Python wheels, one per platform, with the
//! licence texts. pip fetches the wheel (and checks the index's own hash), we take the library out,
//! check it against the table below, and put it where Unweave looks without being told:
//!
//! | system | folder |
//! |---|---|
//! | Linux | `$XDG_DATA_HOME/unweave/runtime`, or `~/.local/share/unweave/runtime` |
//! | macOS | `~/Library/Application Support/unweave/runtime` |
//! | Windows | `%LOCALAPPDATA%\unweave\runtime` |

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::shell;
use crate::system::System;

/// From 1.29 on the library starts a telemetry thread on Linux; 1.23.2 writes nothing and calls
/// nobody.
pub const VERSION: &str = "1.23.2";

/// The library's licence and notices as they lie beside it.
pub const NOTICES: &[&str] = &["onnxruntime-LICENSE.txt", "onnxruntime-NOTICES.txt"];

/// What one platform needs of the wheel.
#[derive(Debug)]
struct Build {
    os: &'static str,
    arch: &'static str,
    /// pip's name for the platform.
    wheel_platform: &'static str,
    /// The library's name in the wheel.
    wheel_file: &'static str,
    /// Its name once installed: the one that loaders try without a version.
    file: &'static str,
    sha256: &'static str,
}

/// Hashes taken from the wheels themselves; each agrees with the RECORD inside its wheel, and the
/// library is the same file in every Python version's wheel.
const BUILDS: &[Build] = &[
    Build {
        os: "linux",
        arch: "x86_64",
        wheel_platform: "manylinux_2_27_x86_64",
        wheel_file: "libonnxruntime.so.1.23.2",
        file: "libonnxruntime.so",
        sha256: "718c3fb0785d5ea06061b92c32ce4ad35be1bd4c71ae6192efe06f1ab21f0f8a",
    },
    Build {
        os: "linux",
        arch: "aarch64",
        wheel_platform: "manylinux_2_27_aarch64",
        wheel_file: "libonnxruntime.so.1.23.2",
        file: "libonnxruntime.so",
        sha256: "ab8c4363e06ac80b3d1279ea55ebea44e906c5b131ba783ff684a067540c0e94",
    },
    Build {
        os: "macos",
        arch: "aarch64",
        wheel_platform: "macosx_13_0_arm64",
        wheel_file: "libonnxruntime.1.23.2.dylib",
        file: "libonnxruntime.dylib",
        sha256: "c1440b79237783705e156956469f207d51d03d74003886197972af76b966c04c",
    },
    Build {
        os: "macos",
        arch: "x86_64",
        wheel_platform: "macosx_13_0_x86_64",
        wheel_file: "libonnxruntime.1.23.2.dylib",
        file: "libonnxruntime.dylib",
        sha256: "8330f6d9d53f81d564c88de6520113b25db9537872e70a0fb7942fea202f08b1",
    },
    Build {
        os: "windows",
        arch: "x86_64",
        wheel_platform: "win_amd64",
        wheel_file: "onnxruntime.dll",
        file: "onnxruntime.dll",
        sha256: "93457c4f17904d0ab98f3e9ac27ed153993f4b5b769337cbfd6f4c528fb0a509",
    },
];

impl Build {
    /// Whether its library is in a folder, bit for bit.
    fn is_in(&self, folder: &Path) -> bool {
        sha256_of_file(&folder.join(self.file)).is_ok_and(|actual| actual == self.sha256)
    }
}

fn build_for(System { os, arch }: System) -> anyhow::Result<&'static Build> {
    BUILDS
        .iter()
        .find(|build| build.os == os && build.arch == arch)
        .with_context(|| {
            format!(
                "there is no pinned ONNX Runtime for {os} on {arch}: \
             install version {VERSION} yourself and set UNWEAVE_ONNXRUNTIME to the library"
            )
        })
}

/// The folder that this user's Unweave searches, from the environment.
fn folder(os: &str, var: impl Fn(&str) -> Option<String>) -> anyhow::Result<PathBuf> {
    let set = |name: &str| {
        var(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").context("HOME is not set");
    let data = match os {
        "windows" => set("LOCALAPPDATA").context("LOCALAPPDATA is not set")?,
        "macos" => home()?.join("Library/Application Support"),
        // A relative XDG path is to be ignored, says the XDG base directory specification.
        _ => match set("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
            Some(path) => path,
            None => home()?.join(".local/share"),
        },
    };
    Ok(data.join("unweave").join("runtime"))
}

/// The checksum of a system's library, in lower-case hexadecimal.
pub fn sha256(system: System) -> anyhow::Result<&'static str> {
    Ok(build_for(system)?.sha256)
}

fn installed_folder() -> anyhow::Result<PathBuf> {
    folder(std::env::consts::OS, |name| std::env::var(name).ok())
}

/// Whether the pinned library is in place, bit for bit.
pub fn is_installed() -> bool {
    let build = build_for(System::HERE);
    build.is_ok_and(|build| installed_folder().is_ok_and(|folder| build.is_in(&folder)))
}

/// Puts the library and its licence texts where this user's programs look; does nothing when they are there.
/// Gives the path.
pub fn install() -> anyhow::Result<PathBuf> {
    fetch(System::HERE, &installed_folder()?)
}

/// Puts a system's library and its licence texts into a folder; does nothing when they are there. Gives the path.
pub fn fetch(system: System, folder: &Path) -> anyhow::Result<PathBuf> {
    let build = build_for(system)?;
    let path = folder.join(build.file);
    if build.is_in(folder) {
        return Ok(path);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Beside its destination, so that the last step is a rename and never a half-written file.
    let scratch = tempfile::tempdir_in(folder)?;
    let wheel = download(build, scratch.path())?;
    let unpacked = scratch.path().join("unpacked");
    shell::run(
        Command::new(shell::python())
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(&unpacked),
    )?;
    let package = unpacked.join("onnxruntime");
    let library = package.join("capi").join(build.wheel_file);
    let actual = sha256_of_file(&library)?;
    ensure!(
        actual == build.sha256,
        "{} has the wrong checksum: expected {}, found {actual}",
        build.wheel_file,
        build.sha256
    );
    for (from, to) in ["LICENSE", "ThirdPartyNotices.txt"]
        .into_iter()
        .zip(NOTICES)
    {
        fs::rename(package.join(from), folder.join(to))
            .with_context(|| format!("the wheel has no {from}"))?;
    }
    fs::rename(&library, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn download(build: &Build, to: &Path) -> anyhow::Result<PathBuf> {
    shell::run(
        Command::new(shell::python())
            .args(pip_arguments(build))
            .arg(to),
    )?;
    let wheel = fs::read_dir(to)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ext| ext == "whl"));
    match wheel {
        Some(wheel) => Ok(wheel),
        None => bail!("pip reported success but left no wheel in {}", to.display()),
    }
}

/// One Python version is named, whichever runs pip: the library does not depend on it.
fn pip_arguments(build: &Build) -> Vec<String> {
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
        format!("--platform={}", build.wheel_platform),
        format!("onnxruntime=={VERSION}"),
        "--dest".to_owned(),
    ])
    .collect()
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
    fn the_folder_follows_each_systems_convention() {
        type Environment = &'static [(&'static str, &'static str)];
        let cases: &[(&str, Environment, &str)] = &[
            (
                "linux",
                &[("HOME", "/home/u")],
                "/home/u/.local/share/unweave/runtime",
            ),
            (
                "linux",
                &[("HOME", "/home/u"), ("XDG_DATA_HOME", "/d")],
                "/d/unweave/runtime",
            ),
            (
                "linux",
                &[("HOME", "/home/u"), ("XDG_DATA_HOME", "")],
                "/home/u/.local/share/unweave/runtime",
            ),
            (
                "linux",
                &[("HOME", "/home/u"), ("XDG_DATA_HOME", "relative")],
                "/home/u/.local/share/unweave/runtime",
            ),
            (
                "macos",
                &[("HOME", "/Users/u"), ("XDG_DATA_HOME", "/d")],
                "/Users/u/Library/Application Support/unweave/runtime",
            ),
            (
                "windows",
                &[("LOCALAPPDATA", "/c/Local")],
                "/c/Local/unweave/runtime",
            ),
        ];
        for (os, env, expected) in cases {
            let var = |name: &str| {
                env.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(
                folder(os, var).unwrap(),
                Path::new(expected),
                "{os} {env:?}"
            );
        }
        assert!(folder("linux", |_| None).is_err());
    }

    #[test]
    fn every_pinned_build_is_complete_and_found_by_its_platform() {
        for build in BUILDS {
            assert_eq!(build.sha256.len(), 64, "{build:?}");
            assert!(
                build
                    .sha256
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
            );
            assert_eq!(
                build_for(System {
                    os: build.os,
                    arch: build.arch
                })
                .unwrap()
                .sha256,
                build.sha256
            );
            assert!(pip_arguments(build).contains(&format!("--platform={}", build.wheel_platform)));
        }
        let unknown = System {
            os: "plan9",
            arch: "mips",
        };
        let error = build_for(unknown).unwrap_err().to_string();
        assert!(error.contains("UNWEAVE_ONNXRUNTIME"), "{error}");
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
