//! The training's smoke run: from packed audio to an exported model, in a couple of minutes.
//!
//! It needs the training data, which is too large for this repository and is looked for in
//! `../shared/data` beside it.

use std::path::Path;
use std::process::Command;

use crate::{packages, python, shell};

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
    let python = python::with(&folder.join("requirements.txt"), "training")?;
    shell::run(
        Command::new("sh")
            .arg(folder.join("smoke.sh"))
            .arg(&data)
            .env("PYTHON", python)
            // Bytecode would land in the source tree.
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )
}
