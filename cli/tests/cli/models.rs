//! Models that are missing, damaged, or of another kind, and what `models` and `doctor` say.

use std::fs;
use std::path::Path;

use crate::common::{Said, command, refused, song, unweave};

/// The built-in model as a folder, to be spoilt.
fn copy_model(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/builtin");
    fs::create_dir_all(to).unwrap();
    for name in [
        "model.toml",
        "vocals.onnx",
        "accompaniment.onnx",
        "accompaniment-live.onnx",
    ] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_model_named_by_its_folder_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("mine");
    copy_model(&model);
    edit(
        &model.join("model.toml"),
        "id = \"unweave\"",
        "id = \"mine\"",
    );
    let path = song(&dir.path().join("s.wav"), 3_000);
    let args = [
        "separate",
        path.to_str().unwrap(),
        "-o",
        dir.path().to_str().unwrap(),
    ];
    let said = unweave(&[&args[..], &["--model", model.to_str().unwrap(), "--json"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["songs"][0]["report"]["model"]["id"], "mine");
}

#[test]
fn a_model_that_is_not_there_damaged_or_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 3_000);
    let model = dir.path().join("spoilt");
    let named = model.to_str().unwrap();

    let message = refused(&path, &["--model", "nonesuch"]);
    assert!(
        message.contains("no model \"nonesuch\"; known are unweave"),
        "{message}"
    );
    let message = refused(&path, &["--model", named]);
    assert!(message.contains("spoilt"), "{message}");

    copy_model(&model);
    let mut bytes = fs::read(model.join("vocals.onnx")).unwrap();
    bytes[100_000] ^= 1;
    fs::write(model.join("vocals.onnx"), bytes).unwrap();
    let message = refused(&path, &["--model", named]);
    assert!(message.contains("sha-256"), "{message}");

    for (from, to, words) in [
        (
            "kind = \"vocals-first\"",
            "kind = \"crystal-ball\"",
            "crystal-ball",
        ),
        ("name = \"mix\"", "name = \"sound\"", "sound"),
        ("format = 1", "format = 99", "format"),
    ] {
        copy_model(&model);
        edit(&model.join("model.toml"), from, to);
        let message = refused(&path, &["--model", named]);
        assert!(message.contains(words), "{to}: {message}");
    }
}

#[test]
fn a_missing_runtime_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 3_000);
    let library = dir.path().join("libonnxruntime.so");
    let output = command()
        .args([
            "separate",
            path.to_str().unwrap(),
            "-o",
            dir.path().to_str().unwrap(),
        ])
        .env("UNWEAVE_ONNXRUNTIME", &library)
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains(&library.display().to_string()),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("cargo xtask setup"), "{}", said.stderr);
}

#[test]
fn list_info_and_verify_know_the_built_in_model_and_the_users() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("models");
    copy_model(&store.join("mine"));
    edit(
        &store.join("mine/model.toml"),
        "id = \"unweave\"",
        "id = \"mine\"",
    );
    fs::create_dir_all(store.join("broken")).unwrap();
    fs::write(store.join("broken/model.toml"), "format = 1\n").unwrap();
    let run = |args: &[&str]| {
        let output = command()
            .args(args)
            .env("UNWEAVE_MODELS", &store)
            .output()
            .unwrap();
        Said::from(output)
    };
    let said = run(&["models", "list"]);
    assert_eq!(said.code, Some(1), "one of them is broken");
    let ids: Vec<&str> = said
        .stdout
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(ids, ["mine", "unweave"]);
    assert!(said.stderr.contains("broken"), "{}", said.stderr);

    let said = run(&["models", "info", "mine"]);
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.contains("licence      MIT"), "{}", said.stdout);
    let said = run(&["models", "info", "unweave", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["origin"], "built in");

    let said = run(&["models", "verify", "mine"]);
    assert_eq!(
        (said.code, said.stdout.contains("mine: good")),
        (Some(0), true),
        "{}",
        said.stdout
    );
    fs::write(store.join("mine/vocals.onnx"), "x").unwrap();
    let said = run(&["models", "verify"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("unweave: good"), "{}", said.stdout);
    assert!(said.stdout.contains("sha-256"), "{}", said.stdout);
}

#[test]
fn doctor_is_content_here_and_helpful_without_a_runtime() {
    let said = unweave(&["doctor"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("All is well."), "{}", said.stdout);
    let output = command()
        .args(["doctor", "--json"])
        .env("UNWEAVE_ONNXRUNTIME", "/nonexistent/libonnxruntime.so")
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(
        json["advice"][0]
            .as_str()
            .unwrap()
            .contains("cargo xtask setup"),
        "{json}"
    );
}
