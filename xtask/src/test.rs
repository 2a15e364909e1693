//! The README's second command: everything that can be tested on this machine.

use std::path::Path;
use std::process::Command;

use crate::{packages, shell, training};

/// The training smoke run, then every test of the workspace; `args` go to `cargo test`.
pub fn run(root: &Path, args: &[String]) -> anyhow::Result<()> {
    packages::check(packages::For::Tests)?;
    training::smoke(root)?;
    shell::run(
        Command::new("cargo")
            .args(["test", "--workspace"])
            .args(args)
            .current_dir(root),
    )
}
