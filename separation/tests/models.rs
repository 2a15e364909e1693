//! Models are found where they should be, and refused before use if anything about them is wrong.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

#[path = "fixtures/model.rs"]
mod model;

use std::fs;

use model::{SPECTRAL, WAVEFORM, fixture, folder, with_files};
use proptest::prelude::*;
use unweave_separation::model::manifest::Manifest;
use unweave_separation::model::onnx::external_locations;
use unweave_separation::{Error, Model, Options, Origin, Store, load};

/// Why a manifest is refused.
fn problem(text: &str) -> String {
    match Manifest::parse(text, "here") {
        Err(Error::Manifest { origin, problem }) => {
            assert_eq!(origin, "here");
            problem
        }
        other => panic!("expected a refusal, got {other:?} for:\n{text}"),
    }
}

#[test]
fn a_manifest_that_is_not_exactly_right_is_refused_in_plain_words() {
    let spectral = with_files(SPECTRAL, &[("model.onnx", b"x")]);
    let waveform = with_files(WAVEFORM, &[("model.onnx", b"x")]);
    Manifest::parse(&spectral, "here").unwrap();
    Manifest::parse(&waveform, "here").unwrap();
    let built_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/builtin/model.toml");
    let built_in = std::fs::read_to_string(built_in).unwrap();
    Manifest::parse(&built_in, "here").unwrap();
    let nul = r#"path = "a\u0000.onnx""#;
    #[rustfmt::skip]
    let rows = [
        // what is right, what it is replaced by, what the refusal must name
        (&built_in, "hop = 1024", "hop = 128", "hop = 128"),
        (&built_in, "hop = 1024", "hop = 768", "a hop that divides"),
        (&built_in, "bins = 1024", "bins = 1", "bins from 2"),
        (&built_in, "sample_rate = 44100", "sample_rate = 96000", "at most 48000"),
        (&spectral, "format = 1", "format = 2", "update Unweave"),
        (&spectral, "format = 1", "format = 0", "format = 0"),
        (&spectral, "format = 1", "", "format = 1"),
        (&spectral, "format = 1", "format = \"1\"", "format = 1"),
        (&spectral, "name = \"Tiny\"", "name = \"Tiny\"\nnane = \"Typo\"", "nane"),
        (&spectral, "hop = 16", "hop = 16\nhops = 16", "hops"),
        (&spectral, "licence = \"MIT\"", "", "licence"),
        (&spectral, "licence = \"MIT\"", "licence = \" \"", "licence"),
        (&spectral, "id = \"tiny\"", "id = \"Tiny Model\"", "id"),
        (&spectral, "id = \"tiny\"", "id = \"../tiny\"", "id"),
        (&spectral, "streaming-spectrum", "magic", "magic"),
        (&spectral, "sample_rate = 44100", "sample_rate = 500", "sample_rate = 500"),
        (&spectral, "channels = 2", "channels = 1", "stereo"),
        (&spectral, "[\"first\", \"second\", \"third\"]", "[\"third\"]", "stems lists 1"),
        (&spectral, "\"second\"", "\"first\"", "listed twice"),
        (&spectral, "\"second\"", "\"a/b\"", "a/b"),
        (&spectral, "residual = \"third\"", "residual = \"other\"", "residual = \"other\""),
        (&spectral, "hop = 16", "hop = 24", "hop must divide"),
        (&spectral, "hop = 16", "hop = 0", "hop must divide"),
        (&spectral, "n_fft = 64", "n_fft = 1000000", "at most"),
        (&spectral, "sqrt-hann", "hamming", "hamming"),
        (&spectral, "lookahead_hops = 0", "lookahead_hops = 1000000", "lookahead_hops"),
        (&spectral, "lookahead_hops = 0", "lookahead_hops = -1", "lookahead_hops"),
        (&spectral, "[1, -1, 2, 33, 2]", "[1, -1, 2, 65, 2]", "expected [1, -1, 2, 33, 2]"),
        (&spectral, "[1, -1, 3, 2, 33, 2]", "[1, -1, 4, 2, 33, 2]", "expected [1, -1, 3, 2, 33, 2]"),
        (&spectral, "shape = [1]", "shape = [-1]", "shape"),
        (&spectral, "shape = [1]", "shape = [0]", "positive"),
        (&spectral, "shape = [1]", "shape = [4294967295, 4294967295, 4294967295]", "positive"),
        (&spectral, "\"count_in\"", "\"mix\"", "used twice"),
        (&spectral, "[latency]\nlookahead_hops = 0", "", "[latency]"),
        (&spectral, "path = \"model.onnx\"", "path = \"../model.onnx\"", "inside"),
        (&spectral, "path = \"model.onnx\"", "path = \"a/../../model.onnx\"", "inside"),
        (&spectral, "path = \"model.onnx\"", "path = \"/etc/model.onnx\"", "inside"),
        (&spectral, "path = \"model.onnx\"", "path = 'C:\\model.onnx'", "inside"),
        (&spectral, "path = \"model.onnx\"", "path = '..\\model.onnx'", "inside"),
        (&spectral, "path = \"model.onnx\"", "path = \"./model.onnx\"", "inside"),
        (&spectral, "path = \"model.onnx\"", "path = \"\"", "inside"),
        (&spectral, "path = \"model.onnx\"", nul, "inside"),
        (&spectral, "path = \"model.onnx\"", "path = \"model.bin\"", ".onnx"),
        (&spectral, "sha256 = \"", "sha256 = \"0", "64"),
        (&waveform, "overlap_frames = 16", "overlap_frames = 58", "nine tenths"),
        (&waveform, "overlap_frames = 16", "overlap_frames = 16\ntrim_frames = 32", "leaves nothing"),
        (&waveform, "[tensors]", "[filter]\ntype = \"ratio\"\npower = 2\nabove = \"zeros\"\n[tensors]", "no [filter]"),
        (&waveform, "[1, 2, 2, 64]", "[1, 3, 2, 64]", "expected [1, 2, 2, 64]"),
        (&spectral, "shape = [1, -1, 2, 33, 2] }", "shape = [1, -1, 2, 33, 2], axes = [\"bin\"] }", "axes frame"),
        (&spectral, "shape = [1, -1, 2, 33, 2] }", "shape = [1, -1, 2, 33, 2], axes = [\"stem\", \"frame\", \"part\"] }", "axis Stem"),
        (&waveform, "frames = 64", "frames = 0", "frames = 0"),
        (&waveform, "[segment]", "[latency]\nlookahead_hops = 0\n[segment]", "[latency]"),
        (&waveform, "normalise = false", "", "normalise"),
    ];
    for (text, right, wrong, named) in rows {
        assert!(text.contains(right), "{right:?} is not in the manifest");
        let problem = problem(&text.replacen(right, wrong, 1));
        assert!(
            problem.contains(named),
            "{right:?} → {wrong:?} gave: {problem}"
        );
        assert!(!problem.contains('\n'), "more than a line: {problem}");
    }
    problem("");
    problem("\0");
    problem("not toml at all");
    problem(&"# x\n".repeat(100_000));
    let twice = with_files(SPECTRAL, &[("a.onnx", b"x"), ("b.onnx", b"x")]);
    assert!(problem(&twice).contains("here 2 are"));
}

#[test]
fn the_first_of_an_id_in_search_order_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (user, system) = (dir.path().join("user"), dir.path().join("system"));
    let files: &[(&str, &[u8])] = &[("model.onnx", b"x")];
    let named = |id: &str, version: &str| {
        SPECTRAL
            .replace("id = \"tiny\"", &format!("id = {id:?}"))
            .replace("version = \"1\"", &format!("version = {version:?}"))
    };
    folder(&user, "a", &named("both", "user"), files);
    folder(&system, "a", &named("both", "system"), files);
    folder(&system, "b", &named("one", "system"), files);
    let by_path = folder(dir.path(), "loose", &named("loose", "path"), files);
    let store = Store::new(Some(user.clone()), vec![system]);

    let found = |name: &str| {
        let model = store.find(name).unwrap();
        (model.origin, model.manifest.version)
    };
    assert_eq!(found("both"), (Origin::User, "user".to_owned()));
    assert_eq!(found("one"), (Origin::System, "system".to_owned()));
    let built_in = Model::built_in().unwrap();
    assert_eq!(store.find(&built_in.manifest.id).unwrap(), built_in);
    for path in [by_path.clone(), by_path.join("model.toml")] {
        assert_eq!(
            found(path.to_str().unwrap()),
            (Origin::Path, "path".to_owned())
        );
    }
    let Err(Error::NoSuchModel { name, known }) = store.find("absent") else {
        panic!("a model that does not exist was found");
    };
    assert_eq!(name, "absent");
    assert_eq!(known, ["both", "one", built_in.manifest.id.as_str()]);
    assert!(matches!(
        store.find("no/such/folder"),
        Err(Error::ModelUnreadable { .. })
    ));
    assert!(matches!(
        store.find(by_path.join("model.onnx").to_str().unwrap()),
        Err(Error::Manifest { .. })
    ));

    // A broken one is listed as such and does not let one further down stand in for it.
    folder(&user, "one", "format = 1", files);
    assert_eq!(
        store.list().iter().filter(|model| model.is_err()).count(),
        1
    );
    assert!(matches!(store.find("one"), Err(Error::Manifest { .. })));
    // Folders that do not exist are no error.
    assert_eq!(
        Store::new(Some(dir.path().join("none")), vec![])
            .list()
            .len(),
        1
    );
}

#[test]
fn the_built_in_model_is_whole() {
    Model::built_in().unwrap().verify().unwrap();
}

#[test]
fn files_that_are_missing_damaged_or_elsewhere_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let graph = fixture("fading.onnx");
    let make = |name: &str| folder(dir.path(), name, SPECTRAL, &[("model.onnx", &graph)]);

    Model::open(&make("good")).unwrap().verify().unwrap();

    let path = make("missing");
    fs::remove_file(path.join("model.onnx")).unwrap();
    let error = Model::open(&path).unwrap().verify().unwrap_err();
    assert!(matches!(error, Error::ModelUnreadable { .. }), "{error}");

    let path = make("damaged");
    let mut damaged = graph.clone();
    damaged[100] ^= 1;
    fs::write(path.join("model.onnx"), damaged).unwrap();
    let error = Model::open(&path).unwrap().verify().unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert!(load(&Model::open(&path).unwrap(), &Options::default()).is_err());

    #[cfg(unix)]
    {
        // The content is right, but who can change it is not who owns the model's folder.
        let path = make("linked");
        fs::rename(path.join("model.onnx"), dir.path().join("outside.onnx")).unwrap();
        std::os::unix::fs::symlink("../outside.onnx", path.join("model.onnx")).unwrap();
        let error = Model::open(&path).unwrap().verify().unwrap_err();
        assert!(error.to_string().contains("leads out"), "{error}");
    }
}

#[test]
fn graphs_that_are_not_what_their_manifest_says_are_refused_by_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let truncated = fixture("fading.onnx")[..400].to_vec();
    let cases = [
        (
            "wrong_name",
            SPECTRAL,
            fixture("wrong_name.onnx"),
            "expected an input \"mix\", found [\"x\"",
        ),
        (
            "wrong_shape",
            SPECTRAL,
            fixture("wrong_shape.onnx"),
            "found [1, -1, 2, 32, 2]",
        ),
        ("double", SPECTRAL, fixture("double.onnx"), "tensor of f32"),
        (
            "not_a_number",
            SPECTRAL,
            fixture("not_a_number.onnx"),
            "not numbers for stem \"first\"",
        ),
        (
            "other_kind",
            WAVEFORM,
            fixture("fading.onnx"),
            "expected an input \"wave\"",
        ),
        ("truncated", SPECTRAL, truncated, "cut short"),
        (
            "text",
            SPECTRAL,
            b"<html>not found</html>".to_vec(),
            "model.onnx: it is",
        ),
        ("empty", SPECTRAL, Vec::new(), "does not load"),
        // Both keep weights in gains.bin; here the manifest lists no such file.
        (
            "unlisted",
            WAVEFORM,
            fixture("external.onnx"),
            "\"gains.bin\", which the manifest doesn't list",
        ),
        (
            "escaping",
            WAVEFORM,
            fixture("escaping.onnx"),
            "\"../gains.bin\"",
        ),
    ];
    for (name, manifest, graph, expected) in cases {
        let path = folder(dir.path(), name, manifest, &[("model.onnx", &graph)]);
        // What the graph would read if it were let.
        fs::write(path.join("gains.bin"), fixture("gains.bin")).unwrap();
        fs::write(dir.path().join("gains.bin"), fixture("gains.bin")).unwrap();
        let error = match load(&Model::open(&path).unwrap(), &Options::default()) {
            Ok(_) => panic!("{name} was loaded"),
            Err(error) => error,
        };
        assert!(
            matches!(error, Error::ModelRefused { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
    // The state of the graph has another name than the manifest's.
    let manifest = SPECTRAL.replace("count_in", "counted");
    let path = folder(
        dir.path(),
        "state",
        &manifest,
        &[("model.onnx", &fixture("fading.onnx"))],
    );
    let error = load(&Model::open(&path).unwrap(), &Options::default())
        .map(drop)
        .unwrap_err();
    assert!(
        error.to_string().contains("expected an input \"counted\""),
        "{error}"
    );
    // The graph has a state that the manifest doesn't know.
    let (manifest, _) = SPECTRAL.split_once("[[state]]").unwrap();
    let path = folder(
        dir.path(),
        "more",
        manifest,
        &[("model.onnx", &fixture("fading.onnx"))],
    );
    let error = load(&Model::open(&path).unwrap(), &Options::default())
        .map(drop)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"count_in\" is not in the manifest"),
        "{error}"
    );
}

#[test]
fn external_locations_are_found_wherever_a_graph_keeps_them() {
    assert_eq!(
        external_locations(&fixture("external.onnx")),
        Ok(vec!["gains.bin".to_owned()])
    );
    assert_eq!(
        external_locations(&fixture("escaping.onnx")),
        Ok(vec!["../gains.bin".to_owned()])
    );
    assert_eq!(external_locations(&fixture("fading.onnx")), Ok(vec![]));
    // Message fields by number around the same tensor: a length, then what it holds.
    let field = |number: u8, content: &[u8]| {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        if number > 15 {
            bytes = vec![(number << 3 | 2) | 0x80, number >> 4, bytes[1]];
        }
        bytes.extend_from_slice(content);
        bytes
    };
    let entry = [field(1, b"location"), field(2, b"/etc/passwd")].concat();
    let tensor = field(13, &entry);
    let attribute = |content: Vec<u8>| field(7, &field(1, &field(5, &content)));
    let hiding_places = [
        ("initializer", field(7, &field(5, &tensor))),
        (
            "sparse initializer",
            field(7, &field(15, &field(1, &tensor))),
        ),
        ("constant node", attribute(field(5, &tensor))),
        ("list of tensors", attribute(field(10, &tensor))),
        ("sparse attribute", attribute(field(22, &field(2, &tensor)))),
        ("branch of an If", attribute(field(6, &field(5, &tensor)))),
        ("list of graphs", attribute(field(11, &field(5, &tensor)))),
        (
            "function",
            field(25, &field(7, &field(5, &field(5, &tensor)))),
        ),
        (
            "default of a function",
            field(25, &field(11, &field(5, &tensor))),
        ),
    ];
    for (place, file) in hiding_places {
        assert_eq!(
            external_locations(&file),
            Ok(vec!["/etc/passwd".to_owned()]),
            "{place}"
        );
    }
    // Graph in attribute in node in graph, and so on: deeper than any stack.
    let long = |number: u8, content: &[u8]| {
        [&[number << 3 | 2], &length(content.len())[..], content].concat()
    };
    let mut deep = field(5, &tensor);
    for _ in 0..20_000 {
        deep = long(1, &long(5, &long(6, &deep)));
    }
    let deep = long(7, &deep);
    assert!(external_locations(&deep).is_err());
}

/// A length as protobuf writes it, in three bytes.
fn length(length: usize) -> Vec<u8> {
    let byte = |shift: usize| u8::try_from(length >> shift & 0x7f).unwrap();
    vec![byte(0) | 0x80, byte(7) | 0x80, byte(14)]
}

proptest! {
    #[test]
    fn no_bytes_bring_the_readers_down(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = external_locations(&bytes);
        let _ = Manifest::parse(&String::from_utf8_lossy(&bytes), "here");
    }

    #[test]
    fn no_change_to_a_graph_brings_the_reader_down(at in 0usize..260, value in any::<u8>()) {
        let mut graph = fixture("external.onnx");
        graph[at] = value;
        let _ = external_locations(&graph);
    }
}
