//! How cargo builds what is handed on, and where it lies then.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::system::System;
use crate::windows::tree::Tree;
use crate::{apple, bundle, runtime, shell};

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\x1f";

/// A way to build.
pub struct Build {
    root: PathBuf,
    target: PathBuf,
    pub is_release: bool,
    /// What is built for.
    pub system: System,
    /// In place of what the environment says.
    environment: Vec<(&'static str, OsString)>,
    /// Rust's names of the systems whose programs become one; none for this system's own alone.
    parts: &'static [&'static str],
    /// Where it is built, if not on this system itself.
    tree: Option<Tree>,
}

impl Build {
    /// As whoever works here builds.
    pub fn ordinary(root: &Path, is_release: bool) -> Self {
        Self {
            root: root.to_owned(),
            target: bundle::target_folder(root),
            is_release,
            system: System::HERE,
            environment: Vec::new(),
            parts: &[],
            tree: None,
        }
    }

    /// Optimized, and without the names of this machine's folders, which would be in messages of panics: two
    /// checkouts build the same. In a target folder of its own, because cargo builds all anew for other flags.
    pub fn for_others(root: &Path) -> anyhow::Result<Self> {
        let cargo = cargo_home()?;
        let folders = [(cargo.as_path(), "/cargo"), (root, "/unweave")];
        let each = |option: &str, separator: &str| {
            let flags = folders.map(|(from, to)| {
                let mut flag = OsString::from(option);
                flag.push(from);
                flag.push("=");
                flag.push(to);
                flag
            });
            flags.join(separator.as_ref())
        };
        let mut environment = vec![(
            "CARGO_ENCODED_RUSTFLAGS",
            each("--remap-path-prefix=", FLAG_SEPARATOR),
        )];
        // LAME names its files in messages, too. Microsoft's compiler knows no such option.
        if !cfg!(windows) {
            environment.push(("CFLAGS", each("-ffile-prefix-map=", " ")));
        }
        Ok(Self {
            root: root.to_owned(),
            target: bundle::target_folder(root).join("dist"),
            is_release: true,
            system: System::HERE,
            environment,
            parts: match cfg!(target_os = "macos") {
                true => &apple::TARGETS,
                false => &[],
            },
            tree: None,
        })
    }

    /// For Windows, optimized.
    pub fn for_windows(root: &Path, tree: Tree) -> Self {
        Self {
            root: root.to_owned(),
            target: bundle::target_folder(root),
            is_release: true,
            system: System::WINDOWS,
            environment: Vec::new(),
            parts: &[],
            tree: Some(tree),
        }
    }

    /// Builds what these arguments of cargo say.
    pub fn run(&self, what: &[&str]) -> anyhow::Result<()> {
        if let Some(tree) = &self.tree {
            return tree.cargo("build", &[what, &["--release"]].concat());
        }
        let targets = self.parts.iter().map(|target| ["--target", target]);
        let mut builds: Vec<Vec<&str>> = targets.map(|target| [what, &target].concat()).collect();
        if builds.is_empty() {
            builds.push(what.to_owned());
        }
        for what in builds {
            let mut cargo =
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo
                .current_dir(&self.root)
                .args(["build", "--locked", "--target-dir"])
                .arg(&self.target)
                .args(what);
            if self.is_release {
                cargo.arg("--release");
            }
            cargo.envs(self.environment.iter().map(|(name, value)| (name, value)));
            shell::run(&mut cargo)?;
        }
        Ok(())
    }

    /// Where a program or library of this file name lies once built; for several processors it is made here.
    pub fn file(&self, name: &str) -> anyhow::Result<PathBuf> {
        let profile = if self.is_release { "release" } else { "debug" };
        if let Some(tree) = &self.tree {
            return Ok(tree.built(profile, name));
        }
        if self.parts.is_empty() {
            return Ok(self.target.join(profile).join(name));
        }
        let parts = self.parts.iter();
        let parts: Vec<PathBuf> = parts
            .map(|target| self.target.join(target).join(profile).join(name))
            .collect();
        self.joined(&parts, name)
    }

    /// One file of those for each processor.
    fn joined(&self, parts: &[PathBuf], name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.target.join("universal");
        fs::create_dir_all(&folder)?;
        let to = folder.join(name);
        shell::run(&mut apple::lipo(parts, &to))?;
        Ok(to)
    }

    /// Where a program of this name lies once built.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.file(&self.system.program(name))
    }

    /// ONNX Runtime for what is built, with its licence texts beside it.
    pub fn runtime(&self) -> anyhow::Result<PathBuf> {
        if let Some(tree) = &self.tree {
            return runtime::fetch(self.system, &tree.folder().join("runtime"));
        }
        if self.parts.is_empty() {
            return runtime::install();
        }
        let mut parts = Vec::new();
        for arch in ["aarch64", "x86_64"] {
            let os = System::HERE.os;
            let folder = self.target.join("runtime").join(arch);
            parts.push(runtime::fetch(System { os, arch }, &folder)?);
        }
        let name = parts[0].file_name().context("a library has a name")?;
        let joined = self.joined(&parts, &name.to_string_lossy())?;
        for notice in runtime::NOTICES {
            bundle::copy(
                &parts[0].with_file_name(notice),
                &joined.with_file_name(notice),
            )?;
        }
        Ok(joined)
    }
}

/// Where cargo keeps what it downloads.
pub fn cargo_home() -> anyhow::Result<PathBuf> {
    Ok(match std::env::var_os("CARGO_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir()
            .context("there is no home folder")?
            .join(".cargo"),
    })
}
