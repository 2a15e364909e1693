//! The catalogue of public models: every entry holds together, and every manifest in it is one.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::path::Path;

use unweave_separation::files::checksum;
use unweave_separation::loading::install::{File, Trial, install, remove};
use unweave_separation::model::catalogue::{Catalogue, Entry};
use unweave_separation::model::manifest::Manifest;
use unweave_separation::{Options, Store};

fn entries() -> Vec<Entry> {
    let catalogue = Catalogue::built_in().unwrap_or_else(|error| panic!("{error}"));
    catalogue.entries().to_vec()
}

/// The anchors that the headings of the guide have on the web.
fn sections() -> Vec<String> {
    include_str!("../../models/CONVERTING.md")
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| {
            let kept = heading.to_lowercase();
            let kept = kept
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_entry_has_a_manifest_that_runs_what_it_names() {
    for entry in entries() {
        let text = if entry.is_published() {
            entry.manifest()
        } else {
            // Whatever it is converted to has these names and some content.
            let files = entry.file_names();
            let contents: Vec<_> = files
                .into_iter()
                .map(|name| (name, b"a graph".to_vec()))
                .collect();
            assert!(!contents.is_empty(), "{}", entry.id);
            entry.manifest_of(&contents)
        };
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", entry.id));
        let manifest = Manifest::parse(&text, &entry.id).unwrap();
        assert_eq!(manifest.id, entry.id);
        assert_eq!(manifest.licence, entry.licence);
        assert_eq!(manifest.stems, entry.stems(), "{}", entry.id);
    }
}

#[test]
fn every_entry_says_where_it_is_from_and_what_it_may_be_used_for() {
    let entries = entries();
    let sections = sections();
    for (idx, entry) in entries.iter().enumerate() {
        let id = &entry.id;
        assert!(
            entries[..idx].iter().all(|other| other.id != *id),
            "{id} twice"
        );
        assert!(entry.source.starts_with("https://"), "{id}");
        assert!(!entry.about.is_empty() && !entry.licence.is_empty(), "{id}");
        if entry.commercial.must_be_accepted() {
            assert!(!entry.terms.is_empty(), "{id}: why it must be accepted");
        }
        for needed in &entry.needs {
            let before = entries[..idx].iter().find(|other| other.id == *needed);
            assert!(
                before.is_some_and(Entry::is_published),
                "{id} needs {needed}"
            );
        }
        for file in &entry.files {
            assert!(
                file.size > 0 && !file.urls.is_empty(),
                "{id}: {}",
                file.path
            );
            assert!(
                file.urls.iter().all(|url| url.starts_with("https://")),
                "{id}"
            );
            assert_eq!(file.sha256.len(), 64, "{id}");
        }
        match &entry.convert {
            None => assert!(!entry.files.is_empty() || !entry.needs.is_empty(), "{id}"),
            Some(section) => {
                assert!(
                    sections.contains(section),
                    "{id}: {section} is not in {sections:?}"
                );
                assert!(entry.files.is_empty(), "{id}");
                assert!(!entry.checkpoints.is_empty(), "{id}: from what");
            }
        }
        for checkpoint in &entry.checkpoints {
            assert!(checkpoint.url.starts_with("https://"), "{id}");
            let is_sum = |sum: &String| (8..=64).contains(&sum.len());
            assert!(checkpoint.sha256.as_ref().is_none_or(is_sum), "{id}");
        }
    }
}

#[test]
fn files_got_elsewhere_take_the_place_of_the_published_ones() {
    let entries = entries();
    let entry = entries.iter().find(|entry| entry.id == "htdemucs").unwrap();
    let content = b"fp32 from somewhere".to_vec();
    let text = entry
        .manifest_of(&[("mine.onnx".to_owned(), content.clone())])
        .unwrap();
    let manifest = Manifest::parse(&text, "here").unwrap();
    assert_eq!(manifest.files[0].path, "mine.onnx");
    assert_eq!(manifest.files[0].sha256, checksum::sha256(&content));
    let two = [
        ("a.onnx".to_owned(), content.clone()),
        ("b.onnx".to_owned(), content),
    ];
    let problem = entry.manifest_of(&two).unwrap_err().to_string();
    assert!(
        problem.contains("expected the files htdemucs_fp16weights.onnx, found a.onnx, b.onnx"),
        "{problem}"
    );
}

/// The files of small models as they are published, where they are at hand: they have the catalogue's
/// checksums, and run as its manifests say.
#[test]
fn published_files_have_the_checksums_and_run() {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/weights");
    if !weights.is_dir() {
        eprintln!("skipped: {} is not there", weights.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(Some(dir.path().join("models")), Vec::new());
    let entries = entries();
    for (id, folder) in [
        ("ul-unas", "ulunas_16k"),
        ("gtcrn", "gtcrn_16k"),
        ("deepfilternet3", "dfn3_48k"),
    ] {
        let entry = entries.iter().find(|entry| entry.id == id).unwrap();
        let files: Vec<File> = entry
            .files
            .iter()
            .map(|file| {
                let from = weights.join(folder).join(&file.path);
                assert_eq!(std::fs::metadata(&from).unwrap().len(), file.size, "{id}");
                File {
                    path: file.path.clone(),
                    from,
                    is_moved: false,
                }
            })
            .collect();
        let text = entry.manifest().unwrap();
        let (model, trial) = install(&store, &text, &files, false, &Options::default()).unwrap();
        assert_eq!((model.manifest.id.as_str(), trial), (id, Trial::Passed));
        assert!(install(&store, &text, &files, false, &Options::default()).is_err());
    }
    remove(&store, "gtcrn").unwrap();
    assert!(!dir.path().join("models/gtcrn").exists());
}
