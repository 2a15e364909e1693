//! The program: says on the terminal what can't be said in the window, and opens it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use unweave_plugin::UnweaveStereo;
use unweave_standalone::arguments::Arguments;
use unweave_standalone::{Program, Setting, memory, path_of_user, sound};

fn main() -> ExitCode {
    memory::give_back();
    let arguments = Arguments::parse();
    nice_plug::wrapper::setup_logger::<UnweaveStereo>();
    let systems = sound::systems();
    if arguments.list {
        print!("{}", sound::list(&systems));
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
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
