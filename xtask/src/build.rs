//! How cargo builds what is handed on, and where it lies then.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::{bundle, shell};

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\x1f";

/// A way to build.
pub struct Build {
    root: PathBuf,
    target: PathBuf,
    pub is_release: bool,
    /// In place of what the environment says.
    flags: Option<OsString>,
}

impl Build {
    /// As whoever works here builds.
    pub fn ordinary(root: &Path, is_release: bool) -> Self {
        Self {
            root: root.to_owned(),
            target: bundle::target_folder(root),
            is_release,
            flags: None,
        }
    }

    /// Optimized, and without the names of this machine's folders, which would be in messages of panics: two
    /// checkouts build the same. In a target folder of its own, because cargo builds all anew for other flags.
    pub fn for_others(root: &Path) -> anyhow::Result<Self> {
        let cargo = match std::env::var_os("CARGO_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => std::env::home_dir()
                .context("there is no home folder")?
                .join(".cargo"),
        };
        let remap = |from: &Path, to: &str| {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            flag
        };
        Ok(Self {
            root: root.to_owned(),
            target: bundle::target_folder(root).join("dist"),
            is_release: true,
            flags: Some(
                [remap(&cargo, "/cargo"), remap(root, "/unweave")].join(FLAG_SEPARATOR.as_ref()),
            ),
        })
    }

    /// Builds what these arguments of cargo say.
    pub fn run(&self, what: &[&str]) -> anyhow::Result<()> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(&self.root)
            .args(["build", "--locked", "--target-dir"])
            .arg(&self.target)
            .args(what);
        if self.is_release {
            cargo.arg("--release");
        }
        if let Some(flags) = &self.flags {
            cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
        }
        shell::run(&mut cargo)
    }

    /// Where a program or library of this file name lies once built.
    pub fn file(&self, name: &str) -> PathBuf {
        let profile = if self.is_release { "release" } else { "debug" };
        self.target.join(profile).join(name)
    }

    /// Where a program of this name lies once built.
    pub fn program(&self, name: &str) -> PathBuf {
        self.file(&format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}
