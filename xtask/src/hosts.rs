//! The plug-in in hosts that others wrote, installed as users have it.

use std::path::Path;
use std::process::Command;

use crate::{bundle, install, packages, python, runtime, shell};

/// Programs in Python packages; `tests/hosts/compare.py` knows how each is driven.
const HOSTS: [&str; 2] = ["pedalboard", "dawdreamer"];

/// Installs the plug-in that `cargo test` has built for a user with an empty home folder, renders a piece
/// of the demo song in every host, and compares with the command line's stems.
///
/// The hosts get an empty environment: what the plug-in needs it must find beside itself.
pub fn compare(root: &Path) -> anyhow::Result<()> {
    packages::check(packages::For::Hosts)?;
    let folder = root.join("tests/hosts");
    let python = python::with(&folder.join("requirements.txt"), "hosts")?;
    let scratch = tempfile::tempdir()?;
    let (bundles, home) = (scratch.path().join("bundles"), scratch.path().join("home"));
    bundle::of_tests(root, &bundles)?;
    let plugin = install::for_home(&bundles, &home)?;
    let unweave = bundle::target_folder(root)
        .join("debug/unweave")
        .with_extension(std::env::consts::EXE_EXTENSION);
    for host in HOSTS {
        let mut compare = Command::new(&python);
        compare.env_clear();
        // Without it Windows loads no libraries.
        if let Some(system) = std::env::var_os("SYSTEMROOT") {
            compare.env("SYSTEMROOT", system);
        }
        shell::run(
            compare
                .arg("-B")
                .arg(folder.join("compare.py"))
                .args(["--host", host, "--plugin"])
                .arg(&plugin)
                .arg("--song")
                .arg(root.join("assets/demo/paper-lanterns.flac"))
                .arg("--unweave")
                .arg(&unweave)
                .arg("--runtime")
                .arg(runtime::install()?)
                .env("HOME", &home),
        )?;
    }
    Ok(())
}
