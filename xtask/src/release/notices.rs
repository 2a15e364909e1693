//! The licence texts of everything by others that is shipped, in one document.
//!
//! `cargo about` does the same and is better at guessing; it takes minutes to build. Here nothing is guessed:
//! a crate's own files are taken, and where it carries none, the text of the licence that it names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::dependencies::{Linked, Package};
use crate::runtime;

/// Beginnings of the names of files with licences, in lower case: in crates, in what they carry of others'
/// (LAME, fonts), wherever it lies there.
const NAMES: [&str; 8] = [
    "licence",
    "license",
    "copying",
    "copyright",
    "notice",
    "unlicense",
    "ofl",
    "ufl",
];

/// The document.
pub fn of(root: &Path, linked: &Linked<'_>) -> anyhow::Result<String> {
    let mut list = format!(
        "Unweave contains or comes with the work of others.\n\n\
         ONNX Runtime {} by Microsoft: MIT; its texts lie beside the library.\n",
        runtime::VERSION
    );
    // Text → whose it is. Many crates have the same one.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let model = fs::read_to_string(root.join("models/builtin/NOTICE.md"))?;
    texts.insert(model, vec!["the built-in model".to_owned()]);
    for (package, _) in linked.iter().filter(|(package, _)| package.is_foreign()) {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or_default();
        let from = package.repository.as_deref().unwrap_or_default();
        list += &format!("{name}: {licence} {from}\n");
        for text in own_texts(package)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let texts = texts.iter().map(|(text, of)| {
        let line = "=".repeat(100);
        format!("\n{line}\n{}\n{line}\n\n{}\n", of.join(", "), text.trim())
    });
    Ok(list + &texts.collect::<String>())
}

/// The texts that a crate carries, else those that it names.
fn own_texts(package: &Package) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    find(package.folder(), &mut files)?;
    if files.is_empty() {
        return named_texts(package);
    }
    files.sort();
    files
        .iter()
        .map(|path| {
            let bytes = fs::read(path).with_context(|| path.display().to_string())?;
            // Line ends and encodings of the last century.
            Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
        })
        .collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.file_type()?.is_dir() {
            find(&entry.path(), found)?;
        } else if NAMES.iter().any(|start| name.starts_with(start)) && !name.ends_with(".rs") {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// The standard texts of all licences in a crate's expression.
fn named_texts(package: &Package) -> anyhow::Result<Vec<String>> {
    let name = &package.name;
    let expression = package
        .expression()
        .with_context(|| format!("{name} names no licence"))?;
    let expression = spdx::Expression::parse(&expression)?;
    let texts: Vec<String> = expression
        .requirements()
        .filter_map(|requirement| requirement.req.license.id())
        .map(|id| id.text().to_owned())
        .collect();
    ensure!(
        !texts.is_empty(),
        "{name}: nobody knows the text of {expression}"
    );
    Ok(texts)
}
