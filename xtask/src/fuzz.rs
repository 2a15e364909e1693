//! Every fuzz target for a while, by the compiler that is there.
//!
//! `cargo fuzz` does more (it minimizes what it finds, and merges corpora) and takes a nightly compiler. What it passes
//! to the compiler for coverage is known to a stable one, too; the address sanitizer, which is not, would watch C code,
//! of which there is little here and none that it could see into.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::{bundle, shell};

/// What the command's help says besides.
pub const HELP: &str = "\
Builds all targets of fuzz/ with coverage and overflow checks and runs one after the other, from fuzz/seeds and what
was found before (fuzz/corpus). What a target fails on lies in fuzz/artifacts, and running its program on that file
shows the failure again.";

/// For whom, and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds for each target.
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Only these targets.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Coverage for libFuzzer, and checks that a release leaves out.
///
/// # Source
/// What `cargo fuzz build --verbose` passes, but for its sanitizer.
const FLAGS: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
];

/// Builds and runs the targets; fails after the last if one has found something.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    let fuzz = root.join("fuzz");
    let all = targets(&std::fs::read_to_string(fuzz.join("Cargo.toml"))?)?;
    if let Some(unknown) = args.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}, only {}", all.join(", "));
    }
    let chosen = match args.targets.is_empty() {
        true => &all,
        false => &args.targets,
    };
    let host = host()?;
    let built = bundle::target_folder(root).join("fuzz");
    shell::run(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            // With a target, the flags are not for build scripts.
            .args([
                "build",
                "--release",
                "--locked",
                "--bins",
                "--target",
                &host,
            ])
            .arg("--target-dir")
            .arg(&built)
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
            .current_dir(&fuzz),
    )?;
    let mut failed = Vec::new();
    for target in chosen {
        let corpus = fuzz.join("corpus").join(target);
        let artifacts = fuzz.join("artifacts").join(target);
        for folder in [&corpus, &artifacts] {
            std::fs::create_dir_all(folder)?;
        }
        let mut artifact_prefix = std::ffi::OsString::from("-artifact_prefix=");
        artifact_prefix.push(artifacts.join(""));
        let run = shell::run(
            Command::new(built.join(&host).join("release").join(target))
                .arg(&corpus)
                .arg(fuzz.join("seeds").join(target))
                .arg(format!("-max_total_time={}", args.seconds))
                .arg("-print_final_stats=1")
                // A song that takes longer, or more memory, than this would be a way to stop a host.
                .args(["-timeout=20", "-rss_limit_mb=2048"])
                .arg(artifact_prefix),
        );
        if run.is_err() {
            failed.push(target.as_str());
        }
    }
    ensure!(
        failed.is_empty(),
        "these found something, which lies in fuzz/artifacts: {}",
        failed.join(", ")
    );
    eprintln!("{}: nothing found", chosen.join(", "));
    Ok(())
}

/// The programs of the fuzz targets' manifest.
fn targets(manifest: &str) -> anyhow::Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse()?;
    let names = manifest
        .get("bin")
        .and_then(toml::Value::as_array)
        .context("fuzz/Cargo.toml lists no [[bin]]")?
        .iter()
        .filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned()));
    Ok(names.collect())
}

/// Rust's name of this system.
fn host() -> anyhow::Result<String> {
    let printed = shell::output(Command::new("rustc").args(["--version", "--verbose"]))?;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not say what system it is for")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A folder of seeds under another name would be left out without a word.
    #[test]
    fn every_target_has_a_program_and_seeds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let names = |folder: &str| {
            let mut names: Vec<String> = std::fs::read_dir(fuzz.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        let mut targets =
            targets(&std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap()).unwrap();
        targets.sort();
        assert_eq!(names("fuzz_targets"), targets);
        assert_eq!(names("seeds"), targets);
    }

    /// Nothing else would say that it isn't: it is a workspace of its own.
    #[test]
    fn the_lock_file_knows_every_dependency_of_what_is_fuzzed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let read = |name: &str| -> toml::Table {
            let text = std::fs::read_to_string(root.join(name)).unwrap();
            text.parse().unwrap()
        };
        let manifest = read("separation/Cargo.toml");
        let is_optional = |dependency: &toml::Value| {
            let optional = dependency.get("optional");
            optional.is_some_and(|optional| optional.as_bool() == Some(true))
        };
        let needed = manifest["dependencies"].as_table().unwrap().iter();
        let needed: BTreeSet<&str> = needed
            .filter(|(_, dependency)| !is_optional(dependency))
            .map(|(name, _)| name.as_str())
            .collect();
        let lock = read("fuzz/Cargo.lock");
        let packages = lock["package"].as_array().unwrap().iter();
        let mut packages = packages.filter(|p| p["name"].as_str() == Some("unweave-separation"));
        let locked = packages.next().unwrap()["dependencies"].as_array().unwrap();
        let locked: BTreeSet<&str> = locked
            .iter()
            .map(|name| name.as_str().unwrap().split(' ').next().unwrap())
            .collect();
        assert_eq!(locked, needed);
    }
}
