//! The next version, in every file that names it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
/// A version, `0.2.0`.
pub use semver::Version as Number;

use crate::{bundle, shell};

/// What the command's help says besides.
pub const HELP: &str = "\
Writes the number into Cargo.toml, the lock files and plugin/moduleinfo.json, and puts what the changelog
lists as unreleased under it, with today's date. Look at the difference, commit it, then `cargo xtask release`.";

/// The list of changes, from the repository's root.
pub const CHANGELOG: &str = "CHANGELOG.md";
const UNRELEASED: &str = "## [Unreleased]";

/// Sets the workspace's version and cuts the changelog.
pub fn set(root: &Path, number: &Number) -> anyhow::Result<()> {
    let manifest = root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    let current = current(&text)?;
    ensure!(
        *number >= current,
        "{number} is before {current}, which this is: a version is never used twice"
    );
    let path = root.join(CHANGELOG);
    let today = time::OffsetDateTime::now_utc().date();
    let changelog = cut(&fs::read_to_string(&path)?, number, &today.to_string())?;
    fs::write(path, changelog)?;
    fs::write(manifest, replace(&text, "version = ", &current, number)?)?;
    let module_info = root.join(bundle::MODULE_INFO);
    let text = fs::read_to_string(&module_info)?;
    fs::write(
        module_info,
        replace(&text, "\"Version\": ", &current, number)?,
    )?;
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        // Nothing but the workspace's own versions changes in the lock file.
        shell::run(
            Command::new("cargo")
                .args([
                    "update",
                    "--quiet",
                    "--workspace",
                    "--offline",
                    "--manifest-path",
                ])
                .arg(root.join(manifest)),
        )?;
    }
    eprintln!("This is {number} now.");
    Ok(())
}

/// Whether the changelog has a section for a version.
pub fn has_section(changelog: &str, version: &str) -> bool {
    let heading = format!("## [{version}]");
    changelog.lines().any(|line| line.starts_with(&heading))
}

/// The version in the workspace's manifest.
fn current(manifest: &str) -> anyhow::Result<Number> {
    let manifest: toml::Table = manifest.parse()?;
    let version = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("version")?.as_str())
        .context("Cargo.toml has no workspace.package.version")?;
    Ok(version.parse()?)
}

/// The text with another version behind a key.
fn replace(text: &str, key: &str, from: &Number, to: &Number) -> anyhow::Result<String> {
    let quoted = |number| format!("{key}\"{number}\"");
    let from = quoted(from);
    ensure!(text.contains(&from), "there is no `{from}`");
    Ok(text.replace(&from, &quoted(to)))
}

/// The changelog with what is unreleased under the version's own heading.
fn cut(changelog: &str, number: &Number, date: &str) -> anyhow::Result<String> {
    ensure!(
        !has_section(changelog, &number.to_string()),
        "{CHANGELOG} has a section for {number} already"
    );
    let (before, after) = changelog
        .split_once(UNRELEASED)
        .with_context(|| format!("{CHANGELOG} has no `{UNRELEASED}`"))?;
    let next = after.find("\n## ").unwrap_or(after.len());
    if !after[..next].contains("\n- ") {
        bail!("{CHANGELOG} lists nothing unreleased: say first what users get");
    }
    Ok(format!(
        "{before}{UNRELEASED}\n\n## [{number}] - {date}{after}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_unreleased_stands_under_the_version_and_nothing_twice() {
        let log = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n- Old.\n";
        let number = Number::new(0, 2, 0);
        let cut_once = cut(log, &number, "2026-02-03").unwrap();
        assert_eq!(
            cut_once,
            "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n\n- A thing.\n\n\
             ## [0.1.0] - 2026-01-01\n\n- Old.\n"
        );
        assert!(has_section(&cut_once, "0.2.0") && !has_section(&cut_once, "0.3.0"));
        for (number, expected) in [("0.2.0", "already"), ("0.3.0", "nothing unreleased")] {
            let error = cut(&cut_once, &number.parse().unwrap(), "2026-02-03").unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn every_file_that_names_the_version_names_the_workspaces() {
        let manifest = include_str!("../../../Cargo.toml");
        let current = current(manifest).unwrap();
        assert_eq!(current.to_string(), super::super::VERSION);
        let next = Number::new(99, 0, 0);
        let changed = replace(manifest, "version = ", &current, &next).unwrap();
        assert_eq!(changed.matches("\"99.0.0\"").count(), 1);
        let module_info = include_str!("../../../plugin/moduleinfo.json");
        let changed = replace(module_info, "\"Version\": ", &current, &next).unwrap();
        let versions = changed.matches("\"Version\"").count();
        assert_eq!(changed.matches("\"99.0.0\"").count(), versions);
    }
}
