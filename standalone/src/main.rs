//! The program: says on the terminal what can't be said in the window, and opens it.
#![forbid(unsafe_code)]
// Else Windows would open a terminal behind the window.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;

use clap::Parser as _;
use unweave_plugin::UnweaveStereo;
use unweave_standalone::arguments::Arguments;
use unweave_standalone::words::{self, Kind};
use unweave_standalone::{Program, Setting, memory, path_of_user, sound};

fn main() -> ExitCode {
    memory::give_back();
    words::find_terminal();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    nice_plug::wrapper::setup_logger::<UnweaveStereo>();
    let systems = sound::systems();
    if arguments.list {
        words::say(Kind::Answer, &sound::list(&systems));
        return ExitCode::SUCCESS;
    }
    let setting = Setting {
        systems,
        settings: path_of_user(),
    };
    let run = Program::start(UnweaveStereo::default(), &arguments, setting);
    match run.and_then(Program::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            words::say(Kind::Problem, &problem);
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong with the command line, or what was asked about it.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        words::say(Kind::Problem, &error.to_string());
        // As every program's that has its command line from the same library.
        return ExitCode::from(2);
    }
    words::say(Kind::Answer, &error.to_string());
    ExitCode::SUCCESS
}
