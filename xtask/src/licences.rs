//! Every dependency's licence and source against `deny.toml`, with nothing but cargo.
//!
//! `cargo deny` does the same and more; it takes minutes to build, which a clean machine should not
//! have to spend. Both read one list.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::shell;

/// Fails with the list of every crate that may not be linked.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let allowed = allowed(&fs::read_to_string(root.join("deny.toml"))?)?;
    let metadata = shell::output(
        Command::new("cargo")
            .args(["metadata", "--format-version=1", "--locked"])
            .current_dir(root),
    )?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let refused: Vec<String> = packages
        .iter()
        .filter_map(|package| refusal(package, &allowed))
        .collect();
    if !refused.is_empty() {
        bail!("{}", refused.join("\n"));
    }
    println!(
        "licences: {} packages, all allowed by deny.toml",
        packages.len()
    );
    Ok(())
}

fn allowed(deny_toml: &str) -> anyhow::Result<Vec<spdx::Licensee>> {
    let deny: toml::Table = deny_toml.parse()?;
    deny.get("licenses")
        .and_then(|licenses| licenses.get("allow"))
        .and_then(toml::Value::as_array)
        .context("deny.toml has no licenses.allow")?
        .iter()
        .map(|id| {
            let id = id
                .as_str()
                .context("licenses.allow holds something that is no string")?;
            spdx::Licensee::parse(id).with_context(|| format!("{id} is no SPDX licence"))
        })
        .collect()
}

/// Why this package of `cargo metadata` may not be linked, if so.
fn refusal(package: &Value, allowed: &[spdx::Licensee]) -> Option<String> {
    let name = format!("{} {}", package["name"], package["version"]).replace('"', "");
    // The workspace's own members have no source; everything else comes from the registry.
    if let Some(source) = package["source"].as_str()
        && !source.starts_with("registry+")
    {
        return Some(format!(
            "{name}: comes from {source}, not from the registry"
        ));
    }
    let Some(licence) = package["license"].as_str() else {
        return Some(format!("{name}: names no licence"));
    };
    // Some crates still write the old "MIT/Apache-2.0".
    match spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX) {
        Ok(expression) => {
            let is_allowed = expression
                .evaluate(|required| allowed.iter().any(|licensee| licensee.satisfies(required)));
            (!is_allowed).then(|| format!("{name}: {licence} is not allowed by deny.toml"))
        }
        Err(error) => Some(format!(
            "{name}: cannot read its licence `{licence}`: {error}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_satisfies_may_be_linked() {
        let allowed = allowed("[licenses]\nallow = ['MIT', 'Apache-2.0']").unwrap();
        let registry = "registry+x";
        let cases = [
            (Some("MIT"), registry, true),
            (Some("MIT/Apache-2.0"), registry, true),
            (Some("GPL-3.0-only OR MIT"), registry, true),
            (Some("GPL-3.0-only AND MIT"), registry, false),
            (Some("GPL-3.0-only"), registry, false),
            (Some("my own words"), registry, false),
            (None, registry, false),
            (Some("MIT"), "git+x", false),
        ];
        for (license, source, expected) in cases {
            let package = serde_json::json!({
                "name": "a", "version": "1.0.0", "license": license, "source": source,
            });
            let refusal = refusal(&package, &allowed);
            assert_eq!(
                refusal.is_none(),
                expected,
                "{license:?} {source}: {refusal:?}"
            );
        }
    }

    #[test]
    fn the_projects_own_list_is_readable() {
        assert!(!allowed(include_str!("../../deny.toml")).unwrap().is_empty());
    }
}
