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
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::system::System;
use crate::wheels::{Wheel, sha256_of_file};

/// From 1.29 on the library starts a telemetry thread on Linux; 1.23.2 writes nothing and calls
/// nobody.
pub const VERSION: &str = "1.23.2";

/// The library's licence and notices as they lie beside it.
pub const NOTICES: &[&str] = &["onnxruntime-LICENSE.txt", "onnxruntime-NOTICES.txt"];

/// What one platform needs.
#[derive(Debug)]
struct Build {
    system: System,
    wheel: Wheel,
    /// The library's name once installed: the one that loaders try without a version.
    file: &'static str,
}

/// The library in Microsoft's wheel for a platform.
const fn build(
    (os, arch): (&'static str, &'static str),
    platform: &'static str,
    in_wheel: &'static str,
    file: &'static str,
    sha256: &'static str,
) -> Build {
    Build {
        system: System { os, arch },
        wheel: Wheel {
            package: "onnxruntime",
            version: VERSION,
            platform,
            file: in_wheel,
            sha256,
        },
        file,
    }
}

/// Hashes taken from the wheels themselves; each agrees with the RECORD inside its wheel, and the
/// library is the same file in every Python version's wheel.
const BUILDS: &[Build] = &[
    build(
        ("linux", "x86_64"),
        "manylinux_2_27_x86_64",
        "onnxruntime/capi/libonnxruntime.so.1.23.2",
        "libonnxruntime.so",
        "718c3fb0785d5ea06061b92c32ce4ad35be1bd4c71ae6192efe06f1ab21f0f8a",
    ),
    build(
        ("linux", "aarch64"),
        "manylinux_2_27_aarch64",
        "onnxruntime/capi/libonnxruntime.so.1.23.2",
        "libonnxruntime.so",
        "ab8c4363e06ac80b3d1279ea55ebea44e906c5b131ba783ff684a067540c0e94",
    ),
    build(
        ("macos", "aarch64"),
        "macosx_13_0_arm64",
        "onnxruntime/capi/libonnxruntime.1.23.2.dylib",
        "libonnxruntime.dylib",
        "c1440b79237783705e156956469f207d51d03d74003886197972af76b966c04c",
    ),
    build(
        ("macos", "x86_64"),
        "macosx_13_0_x86_64",
        "onnxruntime/capi/libonnxruntime.1.23.2.dylib",
        "libonnxruntime.dylib",
        "8330f6d9d53f81d564c88de6520113b25db9537872e70a0fb7942fea202f08b1",
    ),
    build(
        ("windows", "x86_64"),
        "win_amd64",
        "onnxruntime/capi/onnxruntime.dll",
        "onnxruntime.dll",
        "93457c4f17904d0ab98f3e9ac27ed153993f4b5b769337cbfd6f4c528fb0a509",
    ),
];

impl Build {
    /// Whether its library is in a folder, bit for bit.
    fn is_in(&self, folder: &Path) -> bool {
        sha256_of_file(&folder.join(self.file)).is_ok_and(|actual| actual == self.wheel.sha256)
    }
}

fn build_for(system: System) -> anyhow::Result<&'static Build> {
    BUILDS
        .iter()
        .find(|build| build.system == system)
        .with_context(|| {
            let System { os, arch } = system;
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
    Ok(build_for(system)?.wheel.sha256)
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
    let library = build.wheel.unpack(scratch.path())?;
    let package = scratch.path().join("unpacked/onnxruntime");
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
    fn every_pinned_build_is_complete_and_found_by_its_system() {
        for build in BUILDS {
            let sha256 = build.wheel.sha256;
            assert_eq!(sha256.len(), 64, "{build:?}");
            assert!(
                sha256
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
            );
            assert_eq!(build_for(build.system).unwrap().wheel.sha256, sha256);
        }
        let unknown = System {
            os: "plan9",
            arch: "mips",
        };
        let error = build_for(unknown).unwrap_err().to_string();
        assert!(error.contains("UNWEAVE_ONNXRUNTIME"), "{error}");
    }
}
