//! The validators of the plug-in formats, on our bundles.
//!
//! None of them comes from a package registry, so those are run that this machine has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::{bundle, shell};

/// A program that checks plug-ins.
struct Validator {
    program: &'static str,
    /// Names the program where it is not in the search path.
    variable: &'static str,
    bundle: &'static str,
    arguments: &'static [&'static str],
    /// How to get it.
    advice: &'static str,
}

const VALIDATORS: [Validator; 3] = [
    Validator {
        program: "clap-validator",
        variable: "CLAP_VALIDATOR",
        bundle: "Unweave.clap",
        arguments: &["validate"],
        advice: "cargo install --git https://github.com/free-audio/clap-validator clap-validator",
    },
    Validator {
        program: "validator",
        variable: "VST3_VALIDATOR",
        bundle: "Unweave.vst3",
        // All of its tests.
        arguments: &["-e"],
        advice: "clone https://github.com/steinbergmedia/vst3sdk with its submodules, then \
                 cmake -S vst3sdk -B build && cmake --build build --target validator",
    },
    Validator {
        program: "pluginval",
        variable: "PLUGINVAL",
        bundle: "Unweave.vst3",
        arguments: &["--strictness-level", "10", "--validate"],
        advice: "a release of https://github.com/Tracktion/pluginval",
    },
];

/// Bundles, then runs every validator that is installed, and clap-validator's fuzzer for so many seconds.
pub fn run(root: &Path, is_release: bool, fuzz_seconds: Option<u32>) -> anyhow::Result<()> {
    let bundled = bundle::run(root, is_release)?;
    let (mut failed, mut num_run) = (Vec::new(), 0);
    for validator in &VALIDATORS {
        let Some(program) = validator.find(|name| std::env::var_os(name)) else {
            eprintln!("{}", validator.missing());
            continue;
        };
        num_run += 1;
        let bundle = bundled.join(validator.bundle);
        let mut command = Command::new(&program);
        if validator.program == "pluginval" && is_without_display() {
            command.arg("--skip-gui-tests");
        }
        command.args(validator.arguments).arg(&bundle);
        let mut commands = vec![command];
        if validator.program == "clap-validator"
            && let Some(seconds) = fuzz_seconds
        {
            let mut command = Command::new(&program);
            command.args(["fuzz", "--duration", &format!("{seconds}s")]);
            command.arg(&bundle);
            commands.push(command);
        }
        for command in &mut commands {
            if let Err(error) = shell::run(command) {
                failed.push(error.to_string());
            }
        }
    }
    if num_run == 0 {
        bail!("no validator is installed");
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    eprintln!(
        "{num_run} of {} validators ran and found nothing",
        VALIDATORS.len()
    );
    Ok(())
}

impl Validator {
    /// The program that the variable names, else the first in the search path.
    fn find(&self, var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if let Some(named) = var(self.variable).filter(|value| !value.is_empty()) {
            return Some(named.into());
        }
        let file = format!("{}{}", self.program, std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&var("PATH")?)
            .map(|folder| folder.join(&file))
            .find(|path| path.is_file())
    }

    fn missing(&self) -> String {
        format!(
            "{} is not installed; put it in the search path, or its path in {}. To get it: {}",
            self.program, self.variable, self.advice
        )
    }
}

fn is_without_display() -> bool {
    cfg!(target_os = "linux") && std::env::var_os("DISPLAY").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_is_found_by_its_variable_then_by_the_search_path() {
        let folder = tempfile::tempdir().unwrap();
        let [validator, ..] = &VALIDATORS;
        let installed = folder.path().join(format!(
            "{}{}",
            validator.program,
            std::env::consts::EXE_SUFFIX
        ));
        let path = |name: &str| (name == "PATH").then(|| folder.path().into());
        assert_eq!(validator.find(path), None);
        std::fs::write(&installed, "").unwrap();
        assert_eq!(validator.find(path), Some(installed));
        let named = |name: &str| (name == validator.variable).then(|| "elsewhere".into());
        assert_eq!(validator.find(named), Some("elsewhere".into()));
    }

    #[test]
    fn whoever_lacks_a_validator_is_told_where_it_goes_and_where_it_comes_from() {
        for validator in &VALIDATORS {
            let text = validator.missing();
            for part in [validator.program, validator.variable, "https://github.com/"] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}
