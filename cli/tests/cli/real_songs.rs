//! Real mixes. They come from `../shared/data/eval`, beside the checkout, which holds songs that are too
//! large for the repository; where it is absent the test says so.

use std::fs;
use std::path::Path;

use crate::common::{assert_sums, separate};

#[test]
fn real_mixes_separate_into_sets_that_sum() {
    let eval = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/eval");
    let Ok(folders) = fs::read_dir(&eval) else {
        eprintln!("not run: there are no songs in ../shared/data/eval");
        return;
    };
    let mut songs: Vec<_> = folders
        .map(|folder| folder.unwrap().path().join("mixture.flac"))
        .filter(|path| path.is_file())
        .collect();
    songs.sort();
    assert!(!songs.is_empty(), "no mixture.flac in {}", eval.display());
    let out = tempfile::tempdir().unwrap();
    for song in songs {
        let set = separate(&song, out.path(), &["--format", "flac"]);
        assert_sums(&set);
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(set.join("mixture (Report).json")).unwrap()).unwrap();
        let loudness = |label: &str| {
            let files = report["files"].as_array().unwrap();
            let file = files
                .iter()
                .find(|f| f["name"].as_str().unwrap().contains(label));
            file.unwrap()["loudness_lufs"].as_f64()
        };
        // Every stem has something in it and none is the mix: the model does something.
        let mix = loudness("Full Mix").unwrap();
        for stem in ["Drums", "Bass", "Vocals", "Other"] {
            let stem = loudness(stem).unwrap_or(-100.0);
            assert!(stem < mix + 1.0, "{}: {stem} in {mix}", song.display());
        }
    }
}
