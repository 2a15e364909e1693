//! The README's second command: everything that can be tested on this machine.

use std::path::Path;
use std::process::Command;

use crate::{hosts, package, packages, rooms, shell};

/// The order of the modules, the plug-in in other people's hosts, the Python package, then every test of the
/// workspace; `args` go to `cargo test`.
pub fn run(root: &Path, args: &[String]) -> anyhow::Result<()> {
    packages::check(packages::For::Tests)?;
    rooms::check(root)?;
    let has_cards = packages::are_met(packages::For::Bundle);
    let features: &[&str] = if has_cards {
        &["--features", "unweave-tests/cards"]
    } else {
        eprintln!("NOT TESTED: sound systems; README names the packages that the standalone needs");
        &[]
    };
    let cargo_test = |options: &[&str]| {
        shell::run(
            Command::new("cargo")
                .args(["test", "--workspace"])
                .args(features)
                .args(options)
                .args(args)
                .current_dir(root),
        )
    };
    // Builds the plug-in that the hosts load, and the command that the package is compared with.
    cargo_test(&["--no-run"])?;
    hosts::run(root, &hosts::Args::default())?;
    package::run(root, &[])?;
    cargo_test(&[])
}
