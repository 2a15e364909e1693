//! `unweave`: separates songs into labelled stems that sum to the mix.
//!
//! Results and JSON go to the standard output, everything else to the standard error. The exit code is 0
//! if all went well, 1 if something failed, 2 if the arguments were wrong, 3 if `--strict` was given and a song was
//! not whole, 130 after Ctrl-C.
#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod completions;
mod console;
mod doctor;
mod manual;
mod model_args;
mod models;
mod patterns;
mod range;
mod separate;
mod songs;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Takes songs apart into drums, bass, vocals and other, in files that sum to the song exactly.
#[derive(Debug, Parser)]
#[command(name = "unweave", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Separate songs into labelled files.
    Separate(separate::Args),
    /// Read sets back and say whether they sum, sample by sample.
    Verify(verify::Args),
    /// List, describe, check, fetch, add and remove models.
    #[command(subcommand)]
    Models(models::Command),
    /// Say what was found on this machine, and what to do about what wasn't.
    Doctor(doctor::Args),
    /// Measure how long each step takes.
    Bench(bench::Args),
    /// Print what a shell needs to complete this command's words.
    Completions(completions::Args),
    /// Write the manual's pages into a folder, one per command.
    #[command(hide = true)]
    Manual(manual::Args),
}

/// What wrong arguments end with.
const WRONG_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let Some(sentence) = arguments::sentence(&error) else {
                error.exit();
            };
            console::note(&format!("error: {sentence}"));
            return ExitCode::from(WRONG_ARGUMENTS);
        }
    };
    let result = match cli.command {
        Command::Separate(args) => separate::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Models(command) => models::run(&command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => Ok(completions::run(&args, Cli::command())),
        Command::Manual(args) => manual::run(&args, Cli::command()),
    };
    result.unwrap_or_else(|error| {
        console::error(&error);
        ExitCode::FAILURE
    })
}
