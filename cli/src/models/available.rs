//! `unweave models available`: the catalogue, for people and programs.

use serde::Serialize;
use unweave_separation::Store;
use unweave_separation::model::catalogue::{Catalogue, Commercial, Entry};

use super::size;
use crate::console;

/// An entry as it is shown.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    about: &'a str,
    stems: Vec<&'a str>,
    licence: &'a str,
    commercial_use: &'static str,
    source: &'a str,
    bytes: u64,
    /// `installed`, `fetch` or `convert`.
    state: &'static str,
}

/// Prints the catalogue. Nothing is asked of the network.
///
/// # Errors
/// None that a caller could do something about.
pub fn run(catalogue: &Catalogue, store: &Store, json: bool) -> anyhow::Result<()> {
    let installed: Vec<String> = store
        .list()
        .into_iter()
        .filter_map(|model| Some(model.ok()?.manifest.id))
        .collect();
    let rows: Vec<Row<'_>> = catalogue
        .entries()
        .iter()
        .map(|entry| Row {
            id: &entry.id,
            name: &entry.name,
            about: &entry.about,
            stems: entry.stems(),
            licence: &entry.licence,
            commercial_use: match entry.commercial {
                Commercial::Allowed => "allowed",
                Commercial::Forbidden => "forbidden",
                Commercial::Unclear => "unclear",
            },
            source: &entry.source,
            bytes: total(catalogue, entry),
            state: if installed.contains(&entry.id) {
                "installed"
            } else if entry.is_published() {
                "fetch"
            } else {
                "convert"
            },
        })
        .collect();
    if json {
        return console::json(&rows);
    }
    for row in &rows {
        let state = match row.state {
            "fetch" => format!("fetch, {}", size(row.bytes)),
            "convert" => "convert it yourself".to_owned(),
            other => other.to_owned(),
        };
        console::result(&format!("{} ({state})", row.id));
        console::result(&format!("  {}: {}", row.name, row.stems.join(", ")));
        console::result(&format!("  {}", row.about));
        console::result(&format!(
            "  licence: {}; commercial use: {}",
            row.licence, row.commercial_use
        ));
    }
    Ok(())
}

/// Bytes of an entry and of what it needs.
fn total(catalogue: &Catalogue, entry: &Entry) -> u64 {
    let needed = entry.needs.iter().filter_map(|id| catalogue.find(id).ok());
    entry.size() + needed.map(Entry::size).sum::<u64>()
}
