//! The training's smoke run: from packed audio to an exported model, in a couple of minutes.
//!
//! It needs the training data, which is too large for this repository and is looked for in
//! `../shared/data` beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::{packages, runtime, shell};

/// Prepares, trains, exports and evaluates a tiny model in a temporary folder. Says so and does
/// nothing where the training data is not there.
pub fn smoke(root: &Path) -> anyhow::Result<()> {
    let data = root.join("../shared/data");
    if !data.is_dir() {
        eprintln!("training smoke run: left out, there is no ../shared/data with training audio");
        return Ok(());
    }
    packages::check(packages::For::Training)?;
    let folder = root.join("models/training");
    let python = python_with(&folder.join("requirements.txt"))?;
    shell::run(
        Command::new("sh")
            .arg(folder.join("smoke.sh"))
            .arg(&data)
            .env("PYTHON", python)
            // Bytecode would land in the source tree.
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )
}

/// The Python of an environment that holds the requirements; made once and kept in the user's cache.
fn python_with(requirements: &Path) -> anyhow::Result<PathBuf> {
    let environment =
        cache_folder()?.join(environment_name(&runtime::sha256_of_file(requirements)?));
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
fn environment_name(requirements_sha256: &str) -> String {
    format!("training-{}", &requirements_sha256[..12])
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
