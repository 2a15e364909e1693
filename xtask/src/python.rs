//! Python environments for what needs packages; made once and kept in the user's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::{runtime, shell};

/// The Python of an environment that holds the requirements, for the purpose of that name.
pub fn with(requirements: &Path, purpose: &str) -> anyhow::Result<PathBuf> {
    let name = environment_name(purpose, &runtime::sha256_of_file(requirements)?);
    let environment = cache_folder()?.join(name);
    let python = environment.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let complete = environment.join("complete");
    if !complete.exists() {
        shell::run(
            Command::new(shell::python())
                .args(["-m", "venv", "--clear"])
                .arg(&environment),
        )?;
        shell::run(
            Command::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "-r",
                ])
                .arg(requirements),
        )?;
        fs::write(&complete, "")?;
    }
    Ok(python)
}

/// Other requirements get another environment: none is ever changed in place.
fn environment_name(purpose: &str, requirements_sha256: &str) -> String {
    format!("{purpose}-{}", &requirements_sha256[..12])
}

fn cache_folder() -> anyhow::Result<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .context("HOME is not set")?;
    Ok(cache.join("unweave"))
}
