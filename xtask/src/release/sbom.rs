//! What is in the programs, as CycloneDX 1.5: a list that machines compare with lists of known flaws.
//!
//! # Source
//! <https://cyclonedx.org/docs/1.5/json/>, and <https://github.com/package-url/purl-spec> for the names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::VERSION;
use crate::dependencies::{Linked, Package};
use crate::system::System;
use crate::{runtime, wheels};

/// The document; it names no time, so that it only changes when a part does.
pub fn write(root: &Path, linked: &Linked<'_>, system: System) -> anyhow::Result<String> {
    let checksums = checksums(&fs::read_to_string(root.join("Cargo.lock"))?)?;
    let names: BTreeMap<&str, String> = linked
        .iter()
        .map(|(package, _)| (package.id.as_str(), reference(package)))
        .collect();
    let mut components: Vec<Value> = linked
        .iter()
        .map(|(package, _)| component(package, &checksums))
        .collect();
    components.push(json!({
        "type": "library",
        "bom-ref": "onnxruntime",
        "name": "onnxruntime",
        "version": runtime::VERSION,
        "purl": format!("pkg:pypi/onnxruntime@{}", runtime::VERSION),
        "licenses": [{ "expression": "MIT" }],
        "hashes": [{ "alg": "SHA-256", "content": runtime::sha256(system)? }],
    }));
    components.extend(models(root)?);
    let dependencies: Vec<Value> = linked
        .iter()
        .map(|(package, links)| {
            let links: Vec<&String> = links.iter().filter_map(|id| names.get(id)).collect();
            json!({ "ref": reference(package), "dependsOn": links })
        })
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "name": "Unweave",
            "version": VERSION,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        } },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn component(package: &Package, checksums: &BTreeMap<(String, String), String>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
    });
    if let Some(expression) = package.expression() {
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if package.is_foreign() {
        component["purl"] = json!(reference(package));
    }
    let key = (package.name.clone(), package.version.clone());
    if let Some(checksum) = checksums.get(&key) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// The package URL.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// The networks of the built-in model, which are inside the programs.
fn models(root: &Path) -> anyhow::Result<Vec<Value>> {
    let folder = root.join("models/builtin");
    let mut components = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "onnx")
        {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            components.push(json!({
                "type": "machine-learning-model",
                "bom-ref": name,
                "name": name,
                "licenses": [{ "expression": "MIT" }],
                "hashes": [{ "alg": "SHA-256", "content": wheels::sha256_of_file(&path)? }],
            }));
        }
    }
    components.sort_by_key(|component| component["name"].to_string());
    Ok(components)
}

/// (crate, version) → SHA-256 of what the registry gave.
fn checksums(lock: &str) -> anyhow::Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = lock.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    Ok(packages
        .context("Cargo.lock lists no packages")?
        .iter()
        .filter_map(|package| {
            let text = |key| Some(package.get(key)?.as_str()?.to_owned());
            Some(((text("name")?, text("version")?), text("checksum")?))
        })
        .collect())
}
