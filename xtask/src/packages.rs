//! What must come from the distribution, and which package has it.

use anyhow::bail;

use crate::{runtime, shell};

/// What the machine is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Build and separate.
    Demo,
    /// Everything, tests and the training smoke run included.
    Tests,
}

/// A program that set-up, a build or a test starts.
struct Need {
    program: &'static str,
    args: &'static [&'static str],
    /// Debian's and Ubuntu's name.
    package: &'static str,
    why: &'static str,
}

/// Kept in step with the `apt-get install` line in README.md (a test compares them).
const FOR_DEMO: &[Need] = &[Need {
    program: "cc",
    args: &["--version"],
    package: "build-essential",
    why: "links",
}];

const FOR_PIP: Need = Need {
    program: "python3",
    args: &["-m", "pip", "--version"],
    package: "python3-pip",
    why: "fetches ONNX Runtime",
};

const FOR_TESTS: &[Need] = &[
    Need {
        program: "ffmpeg",
        args: &["-version"],
        package: "ffmpeg",
        why: "writes the compressed files that the readers are tested with",
    },
    Need {
        program: "python3",
        args: &["-m", "venv", "--help"],
        package: "python3-venv",
        why: "keeps the training's packages apart",
    },
];

fn needs(purpose: For) -> Vec<&'static Need> {
    let mut needs: Vec<_> = FOR_DEMO.iter().collect();
    if !runtime::is_installed() {
        needs.push(&FOR_PIP);
    }
    if purpose == For::Tests {
        needs.extend(FOR_TESTS);
    }
    needs
}

/// Stops with the one command that installs what is missing.
pub fn check(purpose: For) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let missing: Vec<&Need> = needs(purpose)
        .into_iter()
        .filter(|need| !shell::succeeds(need.program, need.args))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("{}", advice(&missing));
}

fn advice(missing: &[&Need]) -> String {
    let mut text = String::from("these are missing:\n");
    for need in missing {
        text += &format!("  {} ({})\n", need.package, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    text + &format!(
        "on Debian or Ubuntu: sudo apt-get install {}",
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_every_missing_package_in_one_command() {
        let missing: Vec<&Need> = FOR_TESTS.iter().collect();
        let text = advice(&missing);
        let command = text.lines().last().unwrap();
        for need in missing {
            assert!(
                command.split(' ').any(|word| word == need.package),
                "{command}"
            );
        }
    }

    #[test]
    fn readme_names_every_package_that_setup_asks_for() {
        let readme = include_str!("../../README.md");
        let line = readme
            .lines()
            .find(|line| line.contains("apt-get install"))
            .unwrap();
        for need in FOR_DEMO.iter().chain([&FOR_PIP]).chain(FOR_TESTS) {
            assert!(
                line.split(' ').any(|word| word == need.package),
                "{}: {line}",
                need.package
            );
        }
    }
}
