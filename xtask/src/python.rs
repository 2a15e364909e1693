//! Python environments for what needs packages; made once and kept in the user's cache.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::{shell, wheels};

/// The Python of an environment that holds the requirements, for the purpose of that name.
pub fn with(requirements: &Path, purpose: &str) -> anyhow::Result<PathBuf> {
    let name = environment_name(purpose, &wheels::sha256_of_file(requirements)?);
    let environment = cache_folder()?.join(name);
    let complete = environment.join("complete");
    if complete.exists() {
        return Ok(python_of(&environment));
    }
    let python = create(&environment)?;
    install(&python, &[OsStr::new("-r"), requirements.as_os_str()])?;
    fs::write(&complete, "")?;
    Ok(python)
}

/// The Python of a new environment in a folder, in place of what was there.
pub fn create(environment: &Path) -> anyhow::Result<PathBuf> {
    shell::run(
        Command::new(shell::python())
            .args(["-m", "venv", "--clear"])
            .arg(environment),
    )?;
    Ok(python_of(environment))
}

/// Puts packages into an environment.
pub fn install(python: &Path, what: &[&OsStr]) -> anyhow::Result<()> {
    shell::run(
        Command::new(python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(what),
    )
}

/// The folder of an environment's packages.
pub fn packages(python: &Path) -> anyhow::Result<PathBuf> {
    let printed = shell::output(Command::new(python).args([
        "-c",
        "import sysconfig; print(sysconfig.get_path('purelib'))",
    ]))?;
    Ok(PathBuf::from(printed.trim()))
}

fn python_of(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    })
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
