//! Whether the modules of a library import in one direction.
//!
//! A library's `lib.rs` lists its modules, the rooms, in a box of its documentation, a line for each. That is
//! a promise: a room imports only from those listed below it. Here the list is taken at its word:
//!
//! 1. every room is listed, and every listed one exists,
//! 2. no file imports from a room above its own, nor by way of what the root re-exports,
//! 3. the files of one room form no circle, leaving aside parents and children.
//!
//! Tests inside the files count too; documentation may point anywhere.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use imports::Import;

/// The line of `lib.rs` that the box follows.
const HEADING: &str = "//! rooms, from the top:";

/// Libraries that promise an order.
const LIBRARIES: [&str; 4] = ["separation", "live", "plugin", "standalone"];

/// Fails with the list of every import that goes against its library's order.
pub fn check(root: &Path) -> anyhow::Result<()> {
    for library in LIBRARIES {
        let source = Path::new(library).join("src");
        let problems =
            problems(&root.join(&source)).with_context(|| source.display().to_string())?;
        if !problems.is_empty() {
            bail!("{}:\n{}", source.display(), problems.join("\n"));
        }
        println!("rooms: {} imports in one direction", source.display());
    }
    Ok(())
}

/// What breaks the promise of the library whose sources are in `source`, a sentence each.
fn problems(source: &Path) -> anyhow::Result<Vec<String>> {
    let lib = fs::read_to_string(source.join("lib.rs"))?;
    let order = order(&lib)?;
    let files = files(source)?;
    let mut problems = unlisted(&order, &files);
    // The files of a room that import from each other: room → file → files.
    let mut within: BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, path) in &files {
        let room = module[0].as_str();
        let text = fs::read_to_string(source.join(path))?;
        let found = imports::find(&text, module).with_context(|| path.display().to_string())?;
        for Import { path: to, line } in found {
            let place = format!("{}:{line}", path.display());
            match (level(&order, room), level(&order, &to[0])) {
                (Some(from), Some(level)) if level < from => problems.push(format!(
                    "{place}: {room} imports from {}, which is above it: move what both need down",
                    to[0]
                )),
                (_, None) => problems.push(format!(
                    "{place}: crate::{} is no room: name the one it is in",
                    to[0]
                )),
                _ => {}
            }
            if let (true, Some(from), Some(to)) = (to[0] == room, module.get(1), to.get(1))
                && from != to
                && files.iter().any(|(module, _)| module[..] == [room, to])
            {
                let files = within.entry(room).or_default();
                files.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    for (room, files) in &within {
        if let Some(circle) = circle(files) {
            problems.push(format!(
                "{room}: its files import in a circle: {}",
                circle.join(" → ")
            ));
        }
    }
    Ok(problems)
}

/// The rooms that `lib.rs` lists, from the top.
fn order(lib: &str) -> anyhow::Result<Vec<String>> {
    let rooms: Vec<String> = lib
        .lines()
        .skip_while(|line| *line != HEADING)
        .skip(1)
        .skip_while(|line| line.trim() == "//!" || line.starts_with("//! ```"))
        .take_while(|line| line.starts_with("//! ") && !line.starts_with("//! ```"))
        .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .collect();
    ensure!(
        !rooms.is_empty(),
        "lib.rs does not list its rooms below the line `{HEADING}`"
    );
    Ok(rooms)
}

/// 0 for the room at the top.
fn level(order: &[String], room: &str) -> Option<usize> {
    order.iter().position(|listed| listed == room)
}

fn unlisted(order: &[String], files: &[(Vec<String>, PathBuf)]) -> Vec<String> {
    let rooms: BTreeSet<&String> = files.iter().map(|(module, _)| &module[0]).collect();
    let listed: BTreeSet<&String> = order.iter().collect();
    let unlisted = rooms
        .difference(&listed)
        .map(|room| format!("{room} is not in lib.rs's list of rooms"));
    let missing = listed
        .difference(&rooms)
        .map(|room| format!("lib.rs lists {room}, which is not there"));
    unlisted.chain(missing).collect()
}

/// Every file but `lib.rs`, and but a program's `main.rs`: the module it holds, `["audio", "read", "wav"]`, and where it is in `source`.
fn files(source: &Path) -> anyhow::Result<Vec<(Vec<String>, PathBuf)>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(source.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && ![Path::new("lib.rs"), Path::new("main.rs")].contains(&path.as_path())
            {
                let module = path.with_extension("");
                let names = module
                    .iter()
                    .map(|name| name.to_string_lossy().into_owned());
                files.push((names.collect(), path));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The files of some circle, the first again at its end.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut remaining = imports.clone();
    // Whoever imports nothing that remains is in no circle.
    loop {
        let files: BTreeSet<String> = remaining.keys().cloned().collect();
        for to in remaining.values_mut() {
            to.retain(|file| files.contains(file));
        }
        let before = remaining.len();
        remaining.retain(|_, to| !to.is_empty());
        if remaining.len() == before {
            break;
        }
    }
    // Now each imports one that remains: following them comes back to where it was.
    let mut path = vec![remaining.keys().next()?.clone()];
    loop {
        let next = remaining.get(path.last()?)?.first()?.clone();
        if let Some(start) = path.iter().position(|file| *file == next) {
            path.push(next);
            return Some(path.split_off(start));
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests;
