//! `unweave completions`: what a shell needs to complete the words of `unweave`.

use std::io::Write as _;
use std::process::ExitCode;

use clap_complete::Shell;

/// Arguments of `unweave completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "For bash:
  unweave completions bash > ~/.local/share/bash-completion/completions/unweave")]
pub struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints the script; a closed pipe is no error of ours.
pub fn run(args: &Args, mut command: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "unweave", &mut script);
    let _ = std::io::stdout().write_all(&script);
    ExitCode::SUCCESS
}
