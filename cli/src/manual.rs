//! `unweave manual`: the pages of the manual, for whoever makes a package.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

/// Arguments of `unweave manual`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for `unweave.1`, `unweave-separate.1` and so on.
    folder: PathBuf,
}

/// Writes the pages.
///
/// # Errors
/// The folder can't be made or written.
pub fn run(args: &Args, command: clap::Command) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write the manual to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
