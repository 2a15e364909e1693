//! The crates that Unweave is made of, as cargo knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

use crate::shell;

/// What `cargo metadata` prints, as far as it is used.
#[derive(Debug, Deserialize)]
pub struct Dependencies {
    pub packages: Vec<Package>,
    resolve: Resolve,
}

/// A crate.
#[derive(Debug, Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    /// SPDX expression, of some crates in the old form `MIT/Apache-2.0`.
    pub license: Option<String>,
    /// `registry+…`, or none for the workspace's own.
    pub source: Option<String>,
    #[serde(default)]
    pub repository: Option<String>,
    #[serde(default)]
    pub manifest_path: PathBuf,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Debug, Deserialize)]
struct EdgeKind {
    /// `build`, `dev`, or none for what is linked.
    kind: Option<String>,
}

/// What is linked into programs: (crate, ids of what it links itself), in the order of names.
pub type Linked<'a> = Vec<(&'a Package, Vec<&'a str>)>;

impl Dependencies {
    /// Of the whole workspace, tests and tools too, on any system.
    pub fn of_all_systems(root: &Path) -> anyhow::Result<Self> {
        Self::read(root, &[])
    }

    /// Of the whole workspace, with every feature, on this system.
    pub fn of_this_system(root: &Path) -> anyhow::Result<Self> {
        let version = shell::output(Command::new("rustc").arg("-vV"))?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("rustc -vV names no host")?;
        Self::of_target(root, host)
    }

    /// Of the whole workspace, with every feature, on the system that Rust calls this.
    pub fn of_target(root: &Path, target: &str) -> anyhow::Result<Self> {
        Self::read(root, &["--all-features", "--filter-platform", target])
    }

    fn read(root: &Path, args: &[&str]) -> anyhow::Result<Self> {
        let printed = shell::output(
            Command::new("cargo")
                .args(["metadata", "--format-version=1", "--locked"])
                .args(args)
                .current_dir(root),
        )?;
        serde_json::from_str(&printed).context("cargo metadata prints something unknown")
    }

    /// The crates that are linked into any of these, those included; macros are not, they only write code.
    pub fn linked(&self, programs: &[&str]) -> Linked<'_> {
        let packages: BTreeMap<&str, &Package> = self
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package))
            .collect();
        let nodes: BTreeMap<&str, &Node> = self
            .resolve
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node))
            .collect();
        let links = |id: &str| -> Vec<&str> {
            let edges = nodes.get(id).map_or(&[][..], |node| &node.deps);
            edges
                .iter()
                .filter(|edge| edge.dep_kinds.iter().any(|of| of.kind.is_none()))
                .map(|edge| edge.pkg.as_str())
                .filter(|id| packages.get(id).is_some_and(|package| !package.is_macro()))
                .collect()
        };
        let mut waiting: Vec<&str> = self
            .packages
            .iter()
            .filter(|package| programs.contains(&package.name.as_str()))
            .map(|package| package.id.as_str())
            .collect();
        let mut seen = BTreeSet::new();
        let mut linked = Vec::new();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                let links = links(id);
                waiting.extend(&links);
                linked.push((packages[id], links));
            }
        }
        linked.sort_by_key(|(package, _)| (&package.name, &package.version));
        linked
    }
}

impl Package {
    /// Whether others wrote it.
    pub fn is_foreign(&self) -> bool {
        self.source.is_some()
    }

    /// Its licence as an SPDX expression.
    pub fn expression(&self) -> Option<String> {
        Some(self.license.as_ref()?.replace('/', " OR "))
    }

    /// The folder of its source.
    pub fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new(""))
    }

    fn is_macro(&self) -> bool {
        let kinds = self.targets.iter().flat_map(|target| &target.kind);
        kinds.into_iter().any(|kind| kind == "proc-macro")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_and_tests_a_program_is_not_linked_into_it() {
        let package = |name: &str, kind: &str| {
            serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
                "source": "registry+x", "targets": [{ "kind": [kind] }],
            })
        };
        let edge = |to: &str, kind: Option<&str>| serde_json::json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] });
        let dependencies: Dependencies = serde_json::from_value(serde_json::json!({
            "packages": [
                package("program", "bin"), package("z", "lib"), package("a", "lib"),
                package("macro", "proc-macro"), package("of_macro", "lib"),
                package("tool", "lib"), package("test", "lib"), package("other", "bin"),
            ],
            "resolve": { "nodes": [
                { "id": "program", "deps": [
                    edge("z", None), edge("macro", None), edge("tool", Some("build")), edge("test", Some("dev")),
                ] },
                { "id": "z", "deps": [edge("a", None)] },
                { "id": "a", "deps": [edge("z", None)] },
                { "id": "macro", "deps": [edge("of_macro", None)] },
            ] },
        }))
        .unwrap();
        let linked = dependencies.linked(&["program"]);
        let names: Vec<&str> = linked.iter().map(|(of, _)| of.name.as_str()).collect();
        assert_eq!(names, ["a", "program", "z"]);
        assert_eq!(linked[1].1, ["z"]);
        assert_eq!(linked[0].0.expression().unwrap(), "MIT OR Apache-2.0");
    }
}
