//! The plug-in as hosts want it: a folder or file per format, with what it needs beside the binary.
//!
//! ```text
//! bundled/
//!   Unweave.vst3/Contents/<arch>/      the plug-in and ONNX Runtime
//!   Unweave.vst3/Contents/Resources/   licences, and what hosts read instead of loading the plug-in
//!   Unweave.clap                       the plug-in; on macOS a folder like the VST3's
//!   Unweave.runtime/                   ONNX Runtime for the .clap and the standalone, licences
//!   unweave-standalone
//! ```
//!
//! The plug-in looks for the runtime beside itself and in `Unweave.runtime` there, so no environment
//! variable is needed. The model is inside the plug-in.
//!
//! # Source
//! Steinberg, "VST 3 Developer Portal": Plug-in Format Structure, for the folders of a VST3, and
//! Module Info, for `moduleinfo.json`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::build::Build;
use crate::system::System;
use crate::{apple, packages, runtime, shell};

/// Name of every bundle.
pub const NAME: &str = "Unweave";
/// Folder beside a single-file plug-in; the plug-in knows it by this name.
pub const RUNTIME_FOLDER: &str = "Unweave.runtime";
/// What cargo calls the plug-in.
const PLUGIN: &str = "unweave_plugin";
/// The plug-in as a program.
pub const STANDALONE: &str = "unweave-standalone";
/// Names, versions and class ids, which a test compares with the plug-in's own.
pub const MODULE_INFO: &str = "plugin/moduleinfo.json";

/// Everything that must be handed on with the binaries, from the repository's root.
const NOTICES: &[(&str, &str)] = &[
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    // What the model is made of, and its authors' licence.
    ("models/builtin/model.toml", "model.toml"),
    ("models/builtin/NOTICE.md", "model-NOTICE.md"),
];

/// Builds, and bundles where a developer looks; gives the folder of the bundles.
pub fn run(root: &Path, is_release: bool) -> anyhow::Result<PathBuf> {
    let bundled = target_folder(root).join("bundled");
    // Built aside and moved at the end: no half bundle is ever found under its name.
    fs::create_dir_all(&bundled)?;
    let scratch = tempfile::tempdir_in(&bundled)?;
    build(root, &Build::ordinary(root, is_release), scratch.path())?;
    for entry in fs::read_dir(scratch.path())? {
        replace(&entry?.path(), &bundled)?;
    }
    eprintln!("bundles: {}", bundled.display());
    Ok(bundled)
}

/// Builds, and writes the bundles and the standalone into a folder.
pub fn build(root: &Path, build: &Build, to: &Path) -> anyhow::Result<()> {
    if build.system == System::HERE {
        packages::check(packages::For::Bundle)?;
    }
    let library = build.runtime()?;
    build.run(&["--package", STANDALONE, "--features", "cards"])?;
    // Last, because the other build may leave a library of the same name.
    build.run(&["--package", "unweave-plugin", "--lib"])?;
    let parts = Parts {
        root,
        system: build.system,
        plugin: build.file(&build.system.library(PLUGIN))?,
        standalone: Some(build.program(STANDALONE)?),
        is_stripped: build.is_release,
        library,
    };
    parts.write(to)
}

/// Writes bundles of the plug-in that `cargo test` has built, without the standalone.
pub fn of_tests(root: &Path, to: &Path) -> anyhow::Result<()> {
    let parts = Parts {
        root,
        system: System::HERE,
        // A library that tests link is not copied to where a build leaves it.
        plugin: target_folder(root)
            .join("debug/deps")
            .join(System::HERE.library(PLUGIN)),
        standalone: None,
        is_stripped: false,
        library: runtime::install()?,
    };
    parts.write(to)
}

/// Moves a file or folder into `folder`, in place of what has its name.
pub fn replace(from: &Path, folder: &Path) -> anyhow::Result<()> {
    let name = from.file_name().context("a bundle has a name")?;
    let to = folder.join(name);
    if to.is_dir() {
        fs::remove_dir_all(&to)?;
    }
    fs::rename(from, &to).with_context(|| format!("cannot write {}", to.display()))
}

/// Copies a file, or a folder with all in it.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// What bundles are made of.
struct Parts<'a> {
    root: &'a Path,
    system: System,
    plugin: PathBuf,
    standalone: Option<PathBuf>,
    /// Debug information is for whoever builds, and three times as large as the rest.
    is_stripped: bool,
    /// ONNX Runtime, with its licence texts beside it.
    library: PathBuf,
}

impl Parts<'_> {
    fn write(&self, to: &Path) -> anyhow::Result<()> {
        let vst3 = to.join(format!("{NAME}.vst3"));
        self.write_folder_bundle(&vst3, &self.system.vst3_binary()?)?;
        copy(
            &self.root.join(MODULE_INFO),
            &vst3.join("Contents/Resources/moduleinfo.json"),
        )?;
        let clap = to.join(format!("{NAME}.clap"));
        if self.system.os == "macos" {
            self.write_folder_bundle(&clap, "MacOS/Unweave")?;
        } else {
            self.copy_binary(&self.plugin, &clap)?;
        }
        let runtime = to.join(RUNTIME_FOLDER);
        self.write_runtime(&runtime)?;
        self.write_notices(&runtime)?;
        if let Some(standalone) = &self.standalone {
            let name = standalone.file_name().context("a program has a name")?;
            let program = to.join(name);
            self.copy_binary(standalone, &program)?;
            if self.system.os == "macos" {
                sign_program(&program)?;
            }
        }
        Ok(())
    }

    fn write_folder_bundle(&self, bundle: &Path, binary: &str) -> anyhow::Result<()> {
        let contents = bundle.join("Contents");
        let binary = contents.join(binary);
        self.copy_binary(&self.plugin, &binary)?;
        self.write_runtime(binary.parent().context("a binary lies in a folder")?)?;
        self.write_notices(&contents.join("Resources"))?;
        if self.system.os == "macos" {
            let version = env!("CARGO_PKG_VERSION");
            fs::write(contents.join("Info.plist"), apple::info_plist(version))?;
            fs::write(contents.join("PkgInfo"), "BNDL????")?;
            // Its library is signed already: from the inside out.
            sign(bundle, None)?;
        }
        Ok(())
    }

    fn copy_binary(&self, from: &Path, to: &Path) -> anyhow::Result<()> {
        copy(from, to)?;
        // Other systems' linkers keep debug information in files of its own.
        if self.is_stripped && self.system.os == "linux" {
            shell::run(Command::new("strip").arg("--strip-debug").arg(to))?;
        }
        Ok(())
    }

    fn write_runtime(&self, folder: &Path) -> anyhow::Result<()> {
        let name = self.library.file_name().context("a library has a name")?;
        let library = folder.join(name);
        copy(&self.library, &library)?;
        match self.system.os {
            "macos" => sign(&library, None),
            _ => Ok(()),
        }
    }

    fn write_notices(&self, folder: &Path) -> anyhow::Result<()> {
        for (from, to) in NOTICES {
            copy(&self.root.join(from), &folder.join(to))?;
        }
        let beside = self
            .library
            .parent()
            .context("a library lies in a folder")?;
        for name in runtime::NOTICES {
            copy(&beside.join(name), &folder.join(name))?;
        }
        Ok(())
    }
}

/// Signs a program that isn't in a bundle, on a Mac.
pub fn sign_program(program: &Path) -> anyhow::Result<()> {
    let mut entitlements = tempfile::NamedTempFile::new()?;
    entitlements.write_all(apple::ENTITLEMENTS.as_bytes())?;
    sign(program, Some(entitlements.path()))
}

fn sign(what: &Path, entitlements: Option<&Path>) -> anyhow::Result<()> {
    let identity = std::env::var(apple::IDENTITY_VARIABLE);
    let identity = identity.as_deref().unwrap_or("-");
    shell::run(&mut apple::codesign(what, identity, entitlements))
}

/// Where cargo builds.
pub fn target_folder(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_carries_the_runtime_and_every_licence() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        let made = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            path
        };
        for (name, _) in NOTICES.iter().chain([&(MODULE_INFO, "")]) {
            made(name);
        }
        for name in runtime::NOTICES {
            made(&format!("runtime/{name}"));
        }
        let parts = Parts {
            root: &root,
            system: System::HERE,
            plugin: made("plugin.so"),
            standalone: Some(made("unweave-standalone")),
            is_stripped: false,
            library: made("runtime/onnxruntime"),
        };
        let to = scratch.path().join("to");
        parts.write(&to).unwrap();
        let binary = to
            .join("Unweave.vst3/Contents")
            .join(System::HERE.vst3_binary().unwrap());
        assert_eq!(fs::read_to_string(&binary).unwrap(), "plugin.so");
        assert!(binary.with_file_name("onnxruntime").is_file());
        assert!(to.join("Unweave.runtime/onnxruntime").is_file());
        assert!(to.join(STANDALONE).is_file());
        let module_info = to.join("Unweave.vst3/Contents/Resources/moduleinfo.json");
        assert_eq!(fs::read_to_string(module_info).unwrap(), MODULE_INFO);
        for folder in ["Unweave.vst3/Contents/Resources", RUNTIME_FOLDER] {
            let mut names: Vec<String> = fs::read_dir(to.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name != "onnxruntime" && name != "moduleinfo.json")
                .collect();
            names.sort();
            let mut expected = [
                &[
                    "LICENSE-APACHE",
                    "LICENSE-MIT",
                    "model-NOTICE.md",
                    "model.toml",
                ],
                runtime::NOTICES,
            ]
            .concat();
            expected.sort_unstable();
            assert_eq!(names, expected);
        }
    }
}
