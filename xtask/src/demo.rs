//! The README's first command: the demo song comes apart.

use std::path::Path;
use std::process::Command;

use crate::shell;

/// From the repository's root.
pub const SONG: &str = "assets/demo/paper-lanterns.flac";
const STEMS: &str = "stems";

/// Builds the command line and separates the demo song into `./stems`.
pub fn run(root: &Path) -> anyhow::Result<()> {
    shell::run(
        Command::new("cargo")
            .args(["run", "--release", "--package", "unweave", "--", "separate"])
            .args([SONG, "--overwrite", "--output", STEMS])
            .current_dir(root),
    )
}
