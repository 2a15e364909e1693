//! The plug-in in hosts that others wrote, installed as users have it.

mod ardour;
pub mod desktop;
mod monkey;
mod qtractor;
mod window;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use self::desktop::Desktop;
use self::monkey::Monkey;
use crate::{bundle, install, packages, python, runtime, shell};

/// Programs in Python packages; `tests/hosts/compare.py` knows how each is driven.
const HOSTS: [&str; 2] = ["pedalboard", "dawdreamer"];

/// Which hosts, and how long the monkey is let loose on each of their windows.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only the hosts with windows, and random clicks, drags and keys for so long in each of them.
    #[arg(long, value_name = "SECONDS")]
    monkey: Option<u64>,
    /// Which clicks, drags and keys: the same for the same number.
    #[arg(long, value_name = "N", requires = "monkey")]
    seed: Option<u64>,
}

/// How long the monkey is let loose and with what seed, unless it is said.
const MONKEY_TIME: Duration = Duration::from_secs(5);
const MONKEY_SEED: u64 = 1;

/// The plug-in that `cargo test` has built, for a user with an empty home folder, in every host that there is.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    packages::check(packages::For::Hosts)?;
    let scratch = tempfile::tempdir()?;
    let (bundles, home) = (scratch.path().join("bundles"), scratch.path().join("home"));
    bundle::of_tests(root, &bundles)?;
    let plugin = install::for_home(&bundles, &home)?;
    if args.monkey.is_none() {
        compare(root, &home, &plugin)?;
    }
    let monkey = Monkey {
        time: args.monkey.map_or(MONKEY_TIME, Duration::from_secs),
        seed: args.seed.unwrap_or(MONKEY_SEED),
    };
    by_hand(root, &home, scratch.path(), monkey)
}

/// Uses the plug-in as a person does, in hosts with windows.
fn by_hand(root: &Path, home: &Path, scratch: &Path, monkey: Monkey) -> anyhow::Result<()> {
    let is_there = |host: &str, program: &str| {
        let needed = Desktop::PROGRAMS.into_iter().chain([program]);
        let missing: Vec<&str> = needed.filter(|program| !shell::is_found(program)).collect();
        if !missing.is_empty() {
            eprintln!("NOT TESTED: {host}, for want of {}", missing.join(", "));
        }
        missing.is_empty()
    };
    let (has_qtractor, has_ardour) = (
        is_there("qtractor", qtractor::PROGRAM),
        is_there("Ardour", ardour::PROGRAM),
    );
    if !has_qtractor && !has_ardour {
        return Ok(());
    }
    // Where none can be had, nothing is said of the plug-in.
    let desktop = match Desktop::start(scratch) {
        Ok(desktop) => desktop,
        Err(error) => {
            eprintln!("NOT TESTED: hosts with windows, for want of a desktop: {error:#}");
            return Ok(());
        }
    };
    if has_qtractor {
        qtractor::run(&desktop, root, home, scratch, monkey)?;
        eprintln!("qtractor: survived");
    }
    if has_ardour {
        ardour::run(&desktop, home, scratch, monkey)?;
        eprintln!("Ardour: survived");
    }
    Ok(())
}

/// Renders a piece of the demo song in every host that is a Python package, and compares with the command
/// line's stems.
///
/// The hosts get an empty environment: what the plug-in needs it must find beside itself.
fn compare(root: &Path, home: &Path, plugin: &Path) -> anyhow::Result<()> {
    let folder = root.join("tests/hosts");
    let python = python::with(&folder.join("requirements.txt"), "hosts")?;
    let unweave = bundle::target_folder(root)
        .join("debug/unweave")
        .with_extension(std::env::consts::EXE_EXTENSION);
    for host in HOSTS {
        let mut compare = Command::new(&python);
        compare.env_clear();
        // Without it Windows loads no libraries.
        if let Some(system) = std::env::var_os("SYSTEMROOT") {
            compare.env("SYSTEMROOT", system);
        }
        shell::run(
            compare
                .arg("-B")
                .arg(folder.join("compare.py"))
                .args(["--host", host, "--plugin"])
                .arg(plugin)
                .arg("--song")
                .arg(root.join("assets/demo/paper-lanterns.flac"))
                .arg("--unweave")
                .arg(&unweave)
                .arg("--runtime")
                .arg(runtime::install()?)
                .env("HOME", home),
        )?;
    }
    Ok(())
}
