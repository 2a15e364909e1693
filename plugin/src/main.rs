//! Unweave without a host: on the sound card, or between the programs of a JACK session.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    if nice_plug::nice_export_standalone::<unweave_plugin::UnweaveStereo>() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
