//! What a developer types: set-up, the demo, the tests, releases, and the figures in the documents.
//!
//! `cargo xtask help` lists the commands. Everything here runs on a clean machine with the ordinary
//! package clients (cargo, pip) and names no server: where packages come from is the client's own
//! configuration.
#![forbid(unsafe_code)]

mod apple;
mod build;
mod bundle;
mod demo;
mod dependencies;
mod figures;
mod fuzz;
mod hosts;
mod install;
mod licences;
mod macos;
mod package;
mod packages;
mod python;
mod release;
mod rooms;
mod runtime;
mod shell;
mod system;
mod test;
mod validate;
mod wheels;
mod windows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// What a developer of Unweave types.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put the pinned ONNX Runtime in the user's data folder and check the system packages.
    Setup,
    /// Set up, build, and separate the demo song into ./stems.
    Demo,
    /// Build the plug-in as VST3, CLAP and standalone into target/bundled.
    Bundle(Build),
    /// Bundle, and copy the plug-ins to where this user's hosts look.
    Install(Build),
    /// Set up, then run the plug-in in other people's hosts, the Python package, and all tests.
    Test {
        /// Go to `cargo test`, as in: cargo xtask test --package unweave-live
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the plug-in that `cargo test --no-run` has built in other people's hosts.
    Hosts(hosts::Args),
    /// Build the Python package, install it into an environment of its own, and test it with the command that
    /// `cargo test --no-run` has built.
    Python {
        /// Go to pytest.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Bundle, and run the validators of VST3 and CLAP that are installed.
    Validate {
        #[command(flatten)]
        build: Build,
        /// Let clap-validator also feed the plug-in at random for so many seconds.
        #[arg(long, value_name = "SECONDS")]
        fuzz: Option<u32>,
    },
    /// Feed every fuzz target for so many seconds.
    #[command(after_help = fuzz::HELP)]
    Fuzz(fuzz::Args),
    /// Check every dependency's licence and source against deny.toml.
    Licences,
    /// Check that the modules of a library import in one direction.
    Rooms,
    /// Run the commands named in the documents' generated blocks and put their output in.
    Figures(figures::Args),
    /// Give the next release its number, here and in the changelog.
    #[command(after_help = release::version::HELP)]
    Version {
        /// As in 0.2.0: breaking changes raise the second number, others the third.
        number: release::version::Number,
    },
    /// Build what users download, and try the Debian package on a clean system.
    #[command(after_help = release::HELP)]
    Release,
    /// Build, pack and try, or test, for Windows.
    #[command(after_help = windows::HELP)]
    Windows(windows::Args),
    /// Let the compiler check every crate for both kinds of Mac.
    #[command(after_help = macos::HELP)]
    Macos,
}

/// How to build.
#[derive(Debug, clap::Args)]
struct Build {
    /// Optimized, and without debug information.
    #[arg(long)]
    release: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let root = workspace_root()?;
    match command {
        Command::Setup => setup(),
        Command::Demo => {
            setup()?;
            demo::run(&root)
        }
        Command::Test { args } => {
            setup()?;
            test::run(&root, &args)
        }
        Command::Bundle(build) => bundle::run(&root, build.release).map(drop),
        Command::Install(build) => install::run(&root, build.release),
        Command::Hosts(args) => hosts::run(&root, &args),
        Command::Python { args } => package::run(&root, &args),
        Command::Validate { build, fuzz } => validate::run(&root, build.release, fuzz),
        Command::Fuzz(args) => fuzz::run(&root, &args),
        Command::Licences => licences::check(&root),
        Command::Rooms => rooms::check(&root),
        Command::Figures(args) => figures::refresh(&root, &args),
        Command::Version { number } => release::version::set(&root, &number),
        Command::Release => release::run(&root),
        Command::Windows(args) => windows::run(&root, &args),
        Command::Macos => macos::check(&root),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_explains_itself() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands_mut() {
            let help = command.render_help().to_string();
            assert!(command.get_about().is_some(), "{help}");
            assert!(help.contains("Usage: cargo xtask "), "{help}");
        }
    }

    #[test]
    fn a_wrong_argument_is_a_sentence_and_options_of_cargo_test_are_its_own() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["cargo xtask"], args].concat());
        for wrong in [
            &["bundle", "--fast"][..],
            &["hosts", "--monkey", "long"],
            &["hosts", "--seed", "1"],
            &["figures"],
            &["fuzz", "0"],
            &["version", "next"],
            &["nothing"],
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("error: "), "{wrong:?}: {error}");
            assert!(error.contains("--help"), "{wrong:?}: {error}");
        }
        let test = parse(&["test", "--package", "x", "--", "--nocapture"]).unwrap();
        let Command::Test { args } = test.command else {
            panic!("{test:?}");
        };
        assert_eq!(args, ["--package", "x", "--", "--nocapture"]);
        let help = parse(&["test", "--help"]).unwrap_err();
        assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp);
    }
}
