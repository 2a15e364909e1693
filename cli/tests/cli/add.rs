//! `unweave models add`: models from files that are here.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Said, command, names};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../separation/tests/fixtures")
        .join(name)
}

fn run(models: &Path, args: &[&str]) -> Said {
    let mut command = command();
    command.args(args).env("UNWEAVE_MODELS", models);
    command.output().unwrap().into()
}

/// Adds a graph as a waveform model with these stems.
fn add(models: &Path, file: &Path, id: &str, stems: &str, more: &[&str]) -> Said {
    let file = file.to_str().unwrap();
    let args = [
        "models", "add", file, "--kind", "waveform", "--id", id, "--stems", stems,
    ];
    run(models, &[&args[..], more].concat())
}

#[test]
fn a_graph_becomes_a_model_that_separates() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    let said = add(
        &models,
        &fixture("square.onnx"),
        "mine",
        "loud,rest",
        &["--licence", "CC0-1.0"],
    );
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(
        said.stdout.trim_end(),
        models.join("mine").display().to_string()
    );
    let info = run(&models, &["models", "info", "mine", "--json"]);
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    assert_eq!(
        (&info["residual"], &info["licence"]),
        (&"rest".into(), &"CC0-1.0".into())
    );

    let song = crate::common::song(&dir.path().join("s.wav"), 3_000);
    let out = dir.path().join("out");
    let args = [
        "separate",
        song.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
        "--model",
        "mine",
    ];
    let said = run(&models, &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);

    let again = add(&models, &fixture("square.onnx"), "mine", "loud,rest", &[]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    let again = add(
        &models,
        &fixture("ones.onnx"),
        "mine",
        "loud,rest",
        &["--overwrite"],
    );
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(models.join("mine/ones.onnx").exists() && !models.join("mine/square.onnx").exists());
}

#[test]
fn weights_in_a_file_of_their_own_come_along() {
    let dir = tempfile::tempdir().unwrap();
    let (graph, weights) = (fixture("external.onnx"), fixture("gains.bin"));
    let more = [weights.to_str().unwrap()];
    let said = add(dir.path(), &graph, "apart", "most,rest", &more);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let said = add(dir.path(), &graph, "without", "most,rest", &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("can't be loaded"), "{}", said.stderr);
    assert_eq!(names(dir.path()), ["apart"]);
}

#[test]
fn what_does_not_fit_is_explained_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    let broken = dir.path().join("broken.onnx");
    fs::write(&broken, "no graph").unwrap();
    #[rustfmt::skip]
    let cases = [
        (fixture("square.onnx"), "a,b,c", &["--kind", "waveform"][..], "gives 2 stems, but --stems lists 3"),
        (fixture("fading.onnx"), "a,b,c", &["--kind", "waveform"], "expected one input and one output, found mix [1, -1, 2, 33, 2]"),
        (fixture("square.onnx"), "a,b", &["--kind", "hybrid"], "needs more than options can say"),
        (fixture("square.onnx"), "a,b", &["--kind", "waveform", "--residual", "c"], "residual = \"c\""),
        (fixture("square.onnx"), "a,b", &["--kind", "waveform", "--overlap", "60"], "overlap_frames = 60"),
        (fixture("absent.onnx"), "a,b", &["--kind", "waveform"], "can't read"),
        (broken, "a,b", &["--kind", "waveform"], "can't be loaded"),
    ];
    for (file, stems, more, words) in cases {
        let args = [
            "models",
            "add",
            file.to_str().unwrap(),
            "--id",
            "x",
            "--stems",
            stems,
        ];
        let said = run(&models, &[&args[..], more].concat());
        assert_eq!(said.code, Some(1), "{more:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{more:?}: {}", said.stderr);
        assert_eq!(names(&models), [""; 0], "{more:?}");
    }
}

#[test]
fn a_manifest_gets_the_checksums_it_lacks_and_must_be_that_of_the_graph() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    let manifest = dir.path().join("model.toml");
    let text = |input: &str| {
        format!(
            "format = 1\nid = \"mine\"\nname = \"Mine\"\nversion = \"1\"\nkind = \"waveform\"\nlicence = \"MIT\"\n\
             source = \"here\"\ntraining_data = []\nsample_rate = 44100\nchannels = 2\n\
             stems = [\"loud\", \"rest\"]\nresidual = \"rest\"\n\
             segment = {{ frames = 64, overlap_frames = 16, normalise = false }}\n\
             [tensors]\ninput = {{ name = {input:?}, shape = [1, 2, 64] }}\n\
             output = {{ name = \"parts\", shape = [1, 2, 2, 64] }}\n\
             [[file]]\npath = \"square.onnx\"\n"
        )
    };
    let graph = fixture("square.onnx");
    let args = [
        "models",
        "add",
        graph.to_str().unwrap(),
        "--manifest",
        manifest.to_str().unwrap(),
    ];
    fs::write(&manifest, text("sound")).unwrap();
    let said = run(&models, &args);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("\"sound\"") && said.stderr.contains("\"wave\""),
        "{}",
        said.stderr
    );
    assert_eq!(names(&models), [""; 0]);
    fs::write(&manifest, text("wave")).unwrap();
    let said = run(&models, &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(run(&models, &["models", "verify", "mine"]).code, Some(0));
}

#[test]
fn files_of_the_catalogue_got_elsewhere_are_named_if_they_are_others() {
    let dir = tempfile::tempdir().unwrap();
    let graph = fixture("square.onnx");
    let said = run(
        dir.path(),
        &["models", "add", graph.to_str().unwrap(), "--as", "htdemucs"],
    );
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr
            .contains("expected an input \"mix\", found [\"wave\"]"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("licence: for research only"),
        "{}",
        said.stderr
    );
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_device_that_is_not_here_is_an_error_that_says_what_is() {
    let dir = tempfile::tempdir().unwrap();
    let song = crate::common::song(&dir.path().join("s.wav"), 3_000);
    // No runtime is built for both.
    let device = if cfg!(target_os = "macos") {
        "directml"
    } else {
        "coreml"
    };
    let message = crate::common::refused(&song, &["--device", device]);
    assert!(
        message.contains(&format!("device {device} can't be used")),
        "{message}"
    );
    assert!(message.contains("auto, cpu"), "{message}");
    let said = crate::common::unweave(&["separate", song.to_str().unwrap(), "--device", "quantum"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("unweave doctor"), "{}", said.stderr);
}
