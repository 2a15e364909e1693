//! What is written, and what is said.

use std::fs;

use crate::common::{assert_sums, integers, names, separate, song, unweave};

#[test]
fn the_files_are_labelled_and_stdout_names_their_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 30_000);
    let said = unweave(&[
        "separate",
        path.to_str().unwrap(),
        "-o",
        dir.path().to_str().unwrap(),
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let set = dir.path().join("Song");
    assert_eq!(said.stdout, format!("{}\n", set.display()));
    assert!(said.stderr.contains("x real time"), "{}", said.stderr);
    assert_eq!(
        names(&set),
        [
            "Song (Bass Stem).wav",
            "Song (Drums Stem).wav",
            "Song (Full Mix).wav",
            "Song (Instrumental).wav",
            "Song (Other Stem).wav",
            "Song (Report).json",
            "Song (Vocals Stem).wav",
        ]
    );
    assert_sums(&set);
    // By hand, from the files alone.
    let [mix, drums, bass, vocals, other, instrumental] = [
        "Full Mix",
        "Drums Stem",
        "Bass Stem",
        "Vocals Stem",
        "Other Stem",
        "Instrumental",
    ]
    .map(|label| integers(&set.join(format!("Song ({label}).wav"))));
    for at in 0..mix.len() {
        assert_eq!(drums[at] + bass[at] + vocals[at] + other[at], mix[at]);
        assert_eq!(mix[at] - vocals[at], instrumental[at]);
    }
    assert!(
        vocals != drums && drums.iter().any(|&sample| sample != 0),
        "stems, not silence"
    );
}

#[test]
fn sums_of_any_combination() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 10_000);
    let sums = [
        "--sum",
        "No Drums=bass+vocals+other",
        "--sum",
        "Rhythm=drums+bass",
    ];
    let set = separate(
        &path,
        &dir.path().join("a"),
        &[&sums[..], &["--no-mix"]].concat(),
    );
    let sum = |label: &str| integers(&set.join(format!("Song ({label}).wav")));
    let (no_drums, rhythm) = (sum("No Drums"), sum("Rhythm"));
    for at in 0..no_drums.len() {
        let at_of = |label: &str| sum(label)[at];
        if at % 997 == 0 {
            assert_eq!(
                no_drums[at],
                at_of("Bass Stem") + at_of("Vocals Stem") + at_of("Other Stem")
            );
            assert_eq!(rhythm[at], at_of("Drums Stem") + at_of("Bass Stem"));
        }
    }
    assert!(!names(&set).iter().any(|name| name.contains("Full Mix")));
    assert_sums(&set);

    let set = separate(
        &path,
        &dir.path().join("b"),
        &[&sums[..], &["--only-sums"]].concat(),
    );
    assert_eq!(
        names(&set),
        [
            "Song (No Drums).wav",
            "Song (Report).json",
            "Song (Rhythm).wav"
        ]
    );
}

#[test]
fn every_format_and_depth() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 20_000);
    for (format, depth) in [
        ("wav", "16"),
        ("wav", "24"),
        ("wav", "32f"),
        ("flac", "16"),
        ("flac", "24"),
        ("mp3", "24"),
    ] {
        let out = dir.path().join(format!("{format}-{depth}"));
        let set = separate(&path, &out, &["--format", format, "--bit-depth", depth]);
        let files = names(&set);
        assert_eq!(
            files
                .iter()
                .filter(|n| n.ends_with(&format!(".{format}")))
                .count(),
            6
        );
        if format == "mp3" {
            let said = unweave(&["verify", set.to_str().unwrap()]);
            assert_eq!(said.code, Some(0), "{}", said.stderr);
            assert!(
                said.stdout.contains("lossy") && said.stdout.contains("dBFS"),
                "{}",
                said.stdout
            );
        } else {
            assert_sums(&set);
        }
    }
}

#[test]
fn overwriting_keeps_the_name_and_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 3_000);
    let set = separate(&path, dir.path(), &[]);
    fs::write(set.join("notes.txt"), "mine").unwrap();
    assert_eq!(
        separate(&path, dir.path(), &["--overwrite", "--stems", "bass"]),
        set
    );
    assert_eq!(
        names(&set),
        [
            "Song (Bass Stem).wav",
            "Song (Full Mix).wav",
            "Song (Report).json",
            "notes.txt"
        ]
    );
}

#[test]
fn json_is_one_document_with_the_report_of_the_set() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 44_100);
    let out = dir.path().to_str().unwrap();
    let said = unweave(&[
        "separate",
        path.to_str().unwrap(),
        "-o",
        out,
        "--json",
        "--quiet",
    ]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let report = &json["songs"][0]["report"];
    assert_eq!(report["gain"], 1.0);
    assert_eq!(report["proof"]["outcome"], "exact");
    assert_eq!(report["proof"]["num_frames"], 44_100);
    assert_eq!(report["proof"]["sums"][0]["max_difference"], 0.0);
    assert_eq!(report["source"]["seconds"], 1.0);
    assert_eq!(report["model"]["sha256"].as_str().unwrap().len(), 64);
    assert!(
        report["runtime"]
            .as_str()
            .unwrap()
            .starts_with("ONNX Runtime 1.")
    );
    for file in report["files"].as_array().unwrap() {
        match file["loudness_lufs"].as_f64() {
            Some(lufs) => assert!((-70.0..0.0).contains(&lufs), "{file}"),
            // Nobody sings in this song; below −70 LUFS nothing counts in EBU R 128, and a peak is above the loudness.
            None => assert!(file["peak_dbfs"].as_f64().unwrap() < -60.0, "{file}"),
        }
    }
    let beside = fs::read_to_string(dir.path().join("Song/Song (Report).json")).unwrap();
    let beside: serde_json::Value = serde_json::from_str(&beside).unwrap();
    assert_eq!(&beside, report);
}

#[test]
fn bench_gives_every_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 44_100);
    let said = unweave(&["bench", path.to_str().unwrap(), "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let steps = json["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 8);
    assert!(
        steps
            .iter()
            .all(|step| step["seconds"].as_f64().unwrap() >= 0.0)
    );
    assert_eq!(json["song_seconds"], 1.0);
}
