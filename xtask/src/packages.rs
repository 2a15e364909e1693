//! What must come from the distribution, and which package has it.

use anyhow::bail;

use crate::{runtime, shell};

/// What the machine is wanted for.
#[derive(Clone, Copy)]
pub enum For {
    /// Build and separate.
    Demo,
    /// Build the plug-in and the standalone.
    Bundle,
    /// Run the tests.
    Tests,
    /// The plug-in in hosts that are Python packages.
    Hosts,
}

/// Something that set-up, a build or a test uses.
struct Need {
    /// A program that starts with these arguments where the package is.
    probe: (&'static str, &'static [&'static str]),
    /// Debian's and Ubuntu's name.
    package: &'static str,
    why: &'static str,
}

impl Need {
    fn is_met(&self) -> bool {
        let (program, args) = self.probe;
        shell::succeeds(program, args)
    }
}

/// Whoever runs this has a linker already: cargo needed it to build this program.
const MAKE: Need = Need {
    probe: ("make", &["--version"]),
    package: "build-essential",
    why: "builds LAME, which writes MP3 files",
};

const PIP: Need = Need {
    probe: ("python3", &["-m", "pip", "--version"]),
    package: "python3-pip",
    why: "fetches ONNX Runtime",
};

const FFMPEG: Need = Need {
    probe: ("ffmpeg", &["-version"]),
    package: "ffmpeg",
    why: "writes the compressed files that the readers are tested with",
};

const FOR_BUNDLE: [Need; 3] = [
    Need {
        probe: ("pkg-config", &["--version"]),
        package: "pkg-config",
        why: "finds the sound systems that the standalone links",
    },
    Need {
        probe: ("pkg-config", &["--exists", "jack"]),
        package: "libjack-jackd2-dev",
        why: "the standalone in a JACK session",
    },
    Need {
        probe: ("pkg-config", &["--exists", "alsa"]),
        package: "libasound2-dev",
        why: "the standalone on a sound card",
    },
];

const VENV: Need = Need {
    probe: ("python3", &["-m", "ensurepip", "--version"]),
    package: "python3-venv",
    why: "keeps the Python packages of the tests apart",
};

fn needs(purpose: For) -> Vec<Need> {
    match purpose {
        For::Demo if runtime::is_installed() => vec![MAKE],
        For::Demo => vec![MAKE, PIP],
        For::Bundle if runtime::is_installed() => FOR_BUNDLE.into(),
        For::Bundle => FOR_BUNDLE.into_iter().chain([PIP]).collect(),
        For::Tests => vec![FFMPEG],
        For::Hosts => vec![VENV],
    }
}

/// Whether all of it is there.
pub fn are_met(purpose: For) -> bool {
    needs(purpose).iter().all(Need::is_met)
}

/// Stops with the one command that installs what is missing. Knows Linux only.
pub fn check(purpose: For) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let missing: Vec<Need> = needs(purpose)
        .into_iter()
        .filter(|need| !need.is_met())
        .collect();
    if !missing.is_empty() {
        bail!("{}", advice(&missing));
    }
    Ok(())
}

fn advice(missing: &[Need]) -> String {
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
        let text = advice(&FOR_BUNDLE);
        let command = text.lines().last().unwrap();
        for need in FOR_BUNDLE {
            assert!(
                command.split(' ').any(|word| word == need.package),
                "{command}"
            );
        }
    }

    #[test]
    fn readme_names_every_package_that_setup_asks_for() {
        let readme = include_str!("../../README.md");
        let named: Vec<&str> = readme
            .lines()
            .filter(|line| line.contains("apt-get install"))
            .flat_map(|line| line.split(' '))
            .collect();
        let all = [MAKE, PIP, FFMPEG, VENV].into_iter().chain(FOR_BUNDLE);
        for need in all {
            assert!(named.contains(&need.package), "{}: {named:?}", need.package);
        }
    }

    #[test]
    fn a_program_that_does_not_exist_is_missing_and_one_that_does_is_not() {
        let absent = Need {
            probe: ("unweave-no-such-program", &[]),
            ..MAKE
        };
        assert!(!absent.is_met());
        // This test was started by it.
        let cargo = Need {
            probe: ("cargo", &["--version"]),
            ..MAKE
        };
        assert!(cargo.is_met());
    }
}
