//! How cargo builds what is handed on, and where it lies then.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::system::System;
use crate::windows::tree::Tree;
use crate::{bundle, runtime, shell};

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
            tree: Some(tree),
        }
    }

    /// Builds what these arguments of cargo say.
    pub fn run(&self, what: &[&str]) -> anyhow::Result<()> {
        if let Some(tree) = &self.tree {
            return tree.cargo("build", &[what, &["--release"]].concat());
        }
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(&self.root)
            .args(["build", "--locked", "--target-dir"])
            .arg(&self.target)
            .args(what);
        if self.is_release {
            cargo.arg("--release");
        }
        cargo.envs(self.environment.iter().map(|(name, value)| (name, value)));
        shell::run(&mut cargo)
    }

    /// Where a program or library of this file name lies once built.
    pub fn file(&self, name: &str) -> PathBuf {
        let profile = if self.is_release { "release" } else { "debug" };
        match &self.tree {
            Some(tree) => tree.built(profile, name),
            None => self.target.join(profile).join(name),
        }
    }

    /// Where a program of this name lies once built.
    pub fn program(&self, name: &str) -> PathBuf {
        self.file(&self.system.program(name))
    }

    /// ONNX Runtime for what is built, with its licence texts beside it.
    pub fn runtime(&self) -> anyhow::Result<PathBuf> {
        match &self.tree {
            Some(tree) => runtime::fetch(self.system, &tree.folder().join("runtime")),
            None => runtime::install(),
        }
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
