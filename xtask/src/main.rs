//! What a developer types: set-up, the demo, the tests, and the figures in the documents.
//!
//! `cargo xtask help` lists the commands. Everything here runs on a clean machine with the ordinary
//! package clients (cargo, pip) and names no server: where packages come from is the client's own
//! configuration.
#![forbid(unsafe_code)]

mod bundle;
mod demo;
mod figures;
mod hosts;
mod install;
mod licences;
mod package;
mod packages;
mod python;
mod rooms;
mod runtime;
mod shell;
mod test;
mod validate;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

const HELP: &str = "\
cargo xtask COMMAND

  setup             put the pinned ONNX Runtime in the user's data folder and check the system packages
  demo              setup, build, and separate the demo song into ./stems
  bundle [--release]   build the plug-in as VST3, CLAP and standalone into target/bundled
  install [--release]  bundle, and copy the plug-ins to where hosts look
  test [ARGS...]    setup, other people's hosts, the Python package, and all tests; ARGS go to `cargo test`
  hosts [--monkey SECONDS [--seed N]]
                    the plug-in that `cargo test --no-run` has built, in other people's hosts; with --monkey,
                    those with windows alone, and random clicks, drags and keys for so long in each window
  python [ARGS...]  the Python package: built, installed into an environment of its own, tested with the command
                    that `cargo test --no-run` has built; ARGS go to pytest
  validate [--release] bundle, and run the validators of VST3 and CLAP that are installed
  licences          check every dependency's licence and source against deny.toml
  rooms             check that the modules of a library import in one direction
  figures FILE...   run the commands named in FILE's generated blocks and put their output in
  help              this list";

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let root = workspace_root()?;
    match command {
        "setup" => setup(),
        "demo" => {
            setup()?;
            demo::run(&root)
        }
        "test" => {
            setup()?;
            test::run(&root, rest)
        }
        "bundle" => bundle::run(&root, rest).map(drop),
        "install" => install::run(&root, rest),
        "hosts" => hosts::run(&root, rest),
        "python" => package::run(&root, rest),
        "validate" => validate::run(&root, rest),
        "licences" => licences::check(&root),
        "rooms" => rooms::check(&root),
        "figures" => figures::refresh(&root, rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => bail!("no command `{unknown}`\n\n{HELP}"),
    }
}

fn setup() -> anyhow::Result<()> {
    packages::check(packages::For::Demo)?;
    let library = runtime::install()?;
    eprintln!("ONNX Runtime {}: {}", runtime::VERSION, library.display());
    Ok(())
}

fn workspace_root() -> anyhow::Result<PathBuf> {
    // Set by cargo for `cargo run`, which is what `cargo xtask` is.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").context("run me as `cargo xtask`")?;
    let root = Path::new(&manifest)
        .parent()
        .context("xtask/ has no parent folder")?;
    Ok(root.to_path_buf())
}
