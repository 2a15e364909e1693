//! Every dependency's licence and source against `deny.toml`, with nothing but cargo.
//!
//! `cargo deny` does the same and more; it takes minutes to build, which a clean machine should not
//! have to spend. Both read one list.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::dependencies::{Dependencies, Package};

/// Fails with the list of every crate that may not be linked.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let rules = Rules::parse(&fs::read_to_string(root.join("deny.toml"))?)?;
    let packages = Dependencies::of_all_systems(root)?.packages;
    let refused: Vec<String> = packages
        .iter()
        .filter_map(|package| rules.refusal(package))
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

/// The part of deny.toml's `[licenses]` that is used.
struct Rules {
    allowed: Vec<spdx::Licensee>,
    /// (crate, licences that it alone may have)
    exceptions: Vec<(String, Vec<spdx::Licensee>)>,
}

impl Rules {
    fn parse(deny_toml: &str) -> anyhow::Result<Self> {
        let deny: toml::Table = deny_toml.parse()?;
        let licenses = deny
            .get("licenses")
            .context("deny.toml has no [licenses]")?;
        let exceptions = match licenses.get("exceptions").and_then(toml::Value::as_array) {
            None => Vec::new(),
            Some(rows) => rows.iter().map(exception).collect::<anyhow::Result<_>>()?,
        };
        Ok(Self {
            allowed: licensees(licenses)?,
            exceptions,
        })
    }

    /// Why this package may not be linked, if so.
    fn refusal(&self, package: &Package) -> Option<String> {
        let name = format!("{} {}", package.name, package.version);
        // The workspace's own members have no source; everything else comes from the registry.
        if let Some(source) = &package.source
            && !source.starts_with("registry+")
        {
            return Some(format!(
                "{name}: comes from {source}, not from the registry"
            ));
        }
        let Some(licence) = &package.license else {
            return Some(format!("{name}: names no licence"));
        };
        let own = self
            .exceptions
            .iter()
            .filter(|(of, _)| *of == package.name)
            .flat_map(|(_, own)| own);
        let allowed: Vec<&spdx::Licensee> = self.allowed.iter().chain(own).collect();
        // Some crates still write the old "MIT/Apache-2.0".
        match spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX) {
            Ok(expression) => {
                let is_allowed = expression
                    .evaluate(|required| allowed.iter().any(|one| one.satisfies(required)));
                (!is_allowed).then(|| format!("{name}: {licence} is not allowed by deny.toml"))
            }
            Err(error) => Some(format!(
                "{name}: cannot read its licence `{licence}`: {error}"
            )),
        }
    }
}

fn exception(row: &toml::Value) -> anyhow::Result<(String, Vec<spdx::Licensee>)> {
    let name = row.get("crate").and_then(toml::Value::as_str);
    Ok((
        name.context("an exception names no crate")?.to_owned(),
        licensees(row)?,
    ))
}

/// The `allow` list of a table.
fn licensees(table: &toml::Value) -> anyhow::Result<Vec<spdx::Licensee>> {
    table
        .get("allow")
        .and_then(toml::Value::as_array)
        .context("deny.toml: there is no `allow`")?
        .iter()
        .map(|id| {
            let id = id
                .as_str()
                .context("deny.toml: `allow` holds something that is no string")?;
            spdx::Licensee::parse(id).with_context(|| format!("deny.toml: {id} is no SPDX licence"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_satisfies_may_be_linked() {
        let rules = Rules::parse(
            "[licenses]\nallow = ['MIT', 'Apache-2.0']\n\
             exceptions = [{ crate = 'special', allow = ['LGPL-3.0'] }]",
        )
        .unwrap();
        let registry = "registry+x";
        let cases = [
            ("a", Some("MIT"), registry, true),
            ("a", Some("MIT/Apache-2.0"), registry, true),
            ("a", Some("GPL-3.0-only OR MIT"), registry, true),
            ("a", Some("GPL-3.0-only AND MIT"), registry, false),
            ("a", Some("GPL-3.0-only"), registry, false),
            ("a", Some("LGPL-3.0"), registry, false),
            ("special", Some("LGPL-3.0"), registry, true),
            ("special", Some("GPL-3.0-only"), registry, false),
            ("a", Some("my own words"), registry, false),
            ("a", None, registry, false),
            ("a", Some("MIT"), "git+x", false),
        ];
        for (name, license, source, expected) in cases {
            let package = serde_json::from_value(serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "license": license, "source": source,
            }))
            .unwrap();
            let refusal = rules.refusal(&package);
            assert_eq!(
                refusal.is_none(),
                expected,
                "{name} {license:?} {source}: {refusal:?}"
            );
        }
    }

    #[test]
    fn the_projects_own_list_is_readable() {
        assert!(
            !Rules::parse(include_str!("../../deny.toml"))
                .unwrap()
                .allowed
                .is_empty()
        );
    }
}
