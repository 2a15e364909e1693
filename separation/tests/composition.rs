//! Models made of models, and models behind strips, from tiny graphs whose stems are known in closed form.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

#[path = "fixtures/model.rs"]
mod model;

use std::fs;
use std::path::{Path, PathBuf};

use model::{SPECTRAL, WAVEFORM, fixture, folder};
use unweave_separation::loading::shape;
use unweave_separation::loading::strips::Strips;
use unweave_separation::{
    Error, Measuring, Mode, Model, Options, Purpose, Separator, StemBlock, Stream, load,
};

/// Three stems, of which the second fades into the first: `parent`. A split into 0.75 and 0.25: `split`, and
/// the same at another rate: `slow`. The square: `square`.
fn parts(dir: &Path) {
    let named = |manifest: &str, id: &str| {
        let (head, tail) = manifest.split_once("id = \"").unwrap();
        format!("{head}id = \"{id}{}", &tail[tail.find('"').unwrap()..])
    };
    folder(
        dir,
        "parent",
        &named(SPECTRAL, "parent"),
        &[("model.onnx", &fixture("fading.onnx"))],
    );
    let files: &[(&str, &[u8])] = &[
        ("model.onnx", &fixture("external.onnx")),
        ("gains.bin", &fixture("gains.bin")),
    ];
    folder(dir, "split", &named(WAVEFORM, "split"), files);
    let slow = WAVEFORM.replace("44100", "22050");
    folder(dir, "slow", &named(&slow, "slow"), files);
    folder(
        dir,
        "square",
        &named(WAVEFORM, "square"),
        &[("model.onnx", &fixture("square.onnx"))],
    );
}

fn composed(dir: &Path, kind: &str, stems: &str, residual: &str, sections: &str) -> PathBuf {
    let manifest = format!(
        "format = 1\nid = \"whole\"\nname = \"Whole\"\nversion = \"1\"\nkind = \"{kind}\"\nlicence = \
         \"MIT\"\nsource = \"tests\"\ntraining_data = []\nsample_rate = 44100\nchannels = 2\nstems = \
         {stems}\nresidual = \"{residual}\"\n{sections}"
    );
    folder(dir, "whole", &manifest, &[])
}

fn options(purpose: Purpose) -> Options {
    Options {
        purpose,
        ..Options::default()
    }
}

fn mix(frames: usize) -> [Vec<f32>; 2] {
    let wave = |step: f32| {
        (0..frames)
            .map(|n| (n as f32 * step).sin() * 0.5 + 0.1)
            .collect()
    };
    [wave(0.037), wave(0.011)]
}

/// The whole mix through a separator, `[stem][channel][frame]`.
fn run(separator: Box<dyn Separator>, mix: &[Vec<f32>; 2], push: usize) -> Vec<[Vec<f32>; 2]> {
    let mut stream = Stream::new(separator, 44_100).unwrap();
    if stream.wants_track() {
        let mut measuring = Measuring::default();
        measuring.add([&mix[0], &mix[1]]);
        stream.begin(&measuring.track());
    }
    let mut stems = vec![[Vec::new(), Vec::new()]; stream.shape().stems.len()];
    let mut out = StemBlock::default();
    let mut append = |out: &StemBlock| {
        for (stem, out) in stems.iter_mut().zip(out.iter()) {
            stem[0].extend_from_slice(&out[0]);
            stem[1].extend_from_slice(&out[1]);
        }
    };
    for (left, right) in mix[0].chunks(push).zip(mix[1].chunks(push)) {
        stream.push([left, right], &mut out).unwrap();
        append(&out);
    }
    stream.flush(&mut out).unwrap();
    append(&out);
    stems
}

fn worst(a: &[Vec<f32>; 2], b: impl Fn(usize, usize) -> f32) -> f32 {
    let error = |channel: usize| {
        let samples = a[channel].iter().enumerate();
        samples
            .map(|(frame, a)| (a - b(channel, frame)).abs())
            .fold(0.0, f32::max)
    };
    error(0).max(error(1))
}

#[test]
fn leaves_of_a_cascade_sum_to_the_mix_at_every_level() {
    let dir = tempfile::tempdir().unwrap();
    parts(dir.path());
    let mix = mix(3_000);
    let parent = Model::open(&dir.path().join("parent")).unwrap();
    let plain = run(load(&parent, &Options::default()).unwrap(), &mix, 700);
    // At half the rate the split hears no edges: the song's own beginning and end are such.
    for (split, precision, inside) in [("split", 1e-6, 0..3_000), ("slow", 2e-3, 1_000..2_000)] {
        let whole = composed(
            dir.path(),
            "cascade",
            r#"["third", "second", "a", "b1", "b2"]"#,
            "third",
            &format!(
                "[[stage]]\nmodel = \"parent\"\n[[stage]]\nmodel = \"{split}\"\nsplits = \
                 \"first\"\nstems = [\"a\", \"b\"]\n[[stage]]\nmodel = \"split\"\nsplits = \
                 \"b\"\nstems = [\"b1\", \"b2\"]\n"
            ),
        );
        let whole = Model::open(&whole).unwrap();
        for purpose in [Purpose::Live(Mode::Standard), Purpose::Files] {
            for push in [700, 3_000] {
                let separator = load(&whole, &options(purpose)).unwrap();
                let promised = shape(&whole, purpose).unwrap();
                if purpose == Purpose::Live(Mode::Standard) {
                    assert_eq!(*separator.shape(), promised);
                }
                let stems = run(separator, &mix, push);
                let row = format!("{split}, {purpose:?}, {push}");
                let [third, second, a, b1, b2] = &stems[..] else {
                    panic!("five stems were asked for");
                };
                assert_eq!(third[0].len(), 3_000, "{row}");
                let sum = |c: usize, f: usize| stems.iter().map(|stem| stem[c][f]).sum::<f32>();
                assert!(worst(&mix, sum) < 1e-6, "{row}");
                // What the later stages make of "first" adds up to it, whatever they do.
                let first = worst(&plain[0], |c, f| a[c][f] + b1[c][f] + b2[c][f]);
                assert!(first < 1e-6, "{row}: {first}");
                assert!(worst(second, |c, f| plain[1][c][f]) < 1e-6, "{row}");
                for (stem, share) in [(a, 0.75), (b1, 0.75 * 0.25)] {
                    let expected = |c: usize, f: usize| {
                        let is_inside = inside.contains(&f);
                        if is_inside {
                            share * plain[0][c][f]
                        } else {
                            stem[c][f]
                        }
                    };
                    let error = worst(stem, expected);
                    assert!(error < precision, "{row}, {share}: {error}");
                }
            }
        }
    }
}

#[test]
fn stems_that_are_called_alike_are_added_up() {
    let dir = tempfile::tempdir().unwrap();
    parts(dir.path());
    let mix = mix(1_000);
    let whole = composed(
        dir.path(),
        "cascade",
        r#"["second", "first", "third"]"#,
        "third",
        "[[stage]]\nmodel = \"parent\"\n[[stage]]\nmodel = \"split\"\nsplits = \"first\"\nstems = \
         [\"second\", \"first\"]\n",
    );
    let stems = run(
        load(&Model::open(&whole).unwrap(), &Options::default()).unwrap(),
        &mix,
        100,
    );
    let parent = Model::open(&dir.path().join("parent")).unwrap();
    let plain = run(load(&parent, &Options::default()).unwrap(), &mix, 100);
    assert!(worst(&stems[0], |c, f| plain[1][c][f] + 0.75 * plain[0][c][f]) < 1e-6);
    assert!(worst(&stems[1], |c, f| 0.25 * plain[0][c][f]) < 1e-6);
}

#[test]
fn members_of_a_bag_are_averaged_by_their_weights() {
    let dir = tempfile::tempdir().unwrap();
    parts(dir.path());
    let mix = mix(1_000);
    let whole = composed(
        dir.path(),
        "bag",
        r#"["most", "rest"]"#,
        "rest",
        "[[member]]\nmodel = \"split\"\nweights = { most = 1.0 }\n[[member]]\nmodel = \
         \"square\"\nweights = { most = 3.0, rest = 1.0 }\n",
    );
    let whole = Model::open(&whole).unwrap();
    for purpose in [Purpose::Live(Mode::Standard), Purpose::Files] {
        let separator = load(&whole, &options(purpose)).unwrap();
        assert_eq!(*separator.shape(), shape(&whole, purpose).unwrap());
        let stems = run(separator, &mix, 333);
        let average = |c: usize, f: usize| {
            let x = mix[c][f];
            (0.75 * x + 3.0 * x * x) / 4.0
        };
        assert!(worst(&stems[0], average) < 1e-6, "{purpose:?}");
        assert!(
            worst(&stems[1], |c, f| mix[c][f] - average(c, f)) < 1e-6,
            "{purpose:?}"
        );
    }
}

#[test]
fn compositions_that_do_not_fit_are_refused_by_what_does_not() {
    let dir = tempfile::tempdir().unwrap();
    parts(dir.path());
    let first = "[[stage]]\nmodel = \"parent\"\n";
    let rows = [
        (
            "cascade",
            r#"["first", "third"]"#,
            first.to_owned(),
            "end in first, second, third",
        ),
        (
            "cascade",
            r#"["first", "third"]"#,
            format!("{first}[[stage]]\nmodel = \"split\"\nsplits = \"drums\"\n"),
            "splits \"drums\", but the stages before it give first, second, third",
        ),
        (
            "cascade",
            r#"["first", "third"]"#,
            format!("{first}stems = [\"first\", \"third\"]\n"),
            "names 2 stems, but separates first, second, third",
        ),
        (
            "cascade",
            r#"["first", "third"]"#,
            "[[stage]]\nmodel = \"none\"\n".to_owned(),
            "none",
        ),
        (
            "bag",
            r#"["most", "third"]"#,
            "[[member]]\nmodel = \"parent\"\nweights = { most = 1 }\n".to_owned(),
            "weight for \"most\", but separates first, second, third",
        ),
        (
            "bag",
            r#"["first", "third"]"#,
            "[[member]]\nmodel = \"parent\"\nweights = { third = 1 }\n".to_owned(),
            "no member has a weight for \"first\"",
        ),
        (
            "bag",
            r#"["most", "third"]"#,
            "[[member]]\nmodel = \"whole\"\nweights = { most = 1 }\n".to_owned(),
            "part of itself",
        ),
    ];
    for (kind, stems, sections, named) in rows {
        let model = Model::open(&composed(dir.path(), kind, stems, "third", &sections)).unwrap();
        for error in [
            load(&model, &Options::default()).map(drop).unwrap_err(),
            shape(&model, Purpose::Live(Mode::Standard)).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains(named), "{sections}: {text}");
        }
    }
    let model = composed(dir.path(), "bag", r#"["most", "third"]"#, "third", first);
    let error = Model::open(&model).unwrap_err().to_string();
    assert!(error.contains("kind bag needs [member]"), "{error}");
}

#[test]
fn strips_hold_the_stems_of_their_names_and_the_residual_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    parts(dir.path());
    let mix = mix(1_000);
    let parent = Model::open(&dir.path().join("parent")).unwrap();
    let plain = run(load(&parent, &Options::default()).unwrap(), &mix, 100);
    let names = ["bass", "second", "first", "other"];
    let whole = composed(
        dir.path(),
        "cascade",
        r#"["second", "a", "b", "third"]"#,
        "third",
        "[[stage]]\nmodel = \"parent\"\n[[stage]]\nmodel = \"slow\"\nsplits = \"first\"\nstems = \
         [\"a\", \"b\"]\n",
    );
    // The cascade's two leaves share the strip of the stem that they come from.
    for model in [parent, Model::open(&whole).unwrap()] {
        let strips = Strips::new(&model, &names, Purpose::Live(Mode::Standard)).unwrap();
        assert_eq!(strips.shape().stems, names);
        assert_eq!(strips.shape().residual_idx, 3);
        assert_eq!(strips.shape().window_frames, 64);
        let stems = run(strips.load(&Options::default()).unwrap(), &mix, 100);
        assert!(stems[0].iter().flatten().all(|x| *x == 0.0));
        assert!(worst(&stems[1], |c, f| plain[1][c][f]) < 1e-6);
        assert!(worst(&stems[2], |c, f| plain[0][c][f]) < 1e-6);
        assert!(worst(&stems[3], |c, f| plain[2][c][f]) < 1e-6);
    }
    let split = Model::open(&dir.path().join("split")).unwrap();
    let error = Strips::new(&split, &names, Purpose::Live(Mode::Standard)).unwrap_err();
    assert!(matches!(error, Error::ModelRefused { .. }), "{error}");
}

/// Masks of one: transform, segments and their weights must give the mix back, in its place.
#[test]
fn spectra_that_are_not_changed_give_the_mix_back_live_and_in_files() {
    let manifest = WAVEFORM
        .replace("\"waveform\"", "\"spectrum\"")
        .replace(
            "frames = 64\noverlap_frames = 16\n",
            "frames = 256\nOVERLAP\n",
        )
        .replace(
            "[tensors]",
            "[stft]\nn_fft = 64\nhop = 16\nwindow = \"hann\"\nframes = \"centred\"\nnormalised = \
             true\n[estimate]\ngives = \"mask\"\n[tensors]",
        )
        .replace(
            "\"wave\", shape = [1, 2, 64]",
            "\"spectra\", shape = [1, 2, 33, 17, 2], axes = AXES",
        )
        .replace(
            "\"parts\", shape = [1, 2, 2, 64]",
            "\"masks\", shape = [1, 2, 33, 17, 2], axes = AXES",
        )
        .replace("AXES", r#"["channel", "bin", "frame", "part"]"#);
    let dir = tempfile::tempdir().unwrap();
    let mix = mix(2_777);
    for (overlap, trim) in [(0, 0), (64, 0), (192, 0), (0, 32), (100, 33)] {
        let overlap = format!("overlap_frames = {overlap}\ntrim_frames = {trim}");
        let manifest = manifest.replace("OVERLAP", &overlap);
        let files: &[(&str, &[u8])] = &[("model.onnx", &fixture("unity.onnx"))];
        let model = Model::open(&folder(dir.path(), "unity", &manifest, files)).unwrap();
        for purpose in [Purpose::Live(Mode::Standard), Purpose::Files] {
            let separator = load(&model, &options(purpose)).unwrap();
            assert_eq!(*separator.shape(), shape(&model, purpose).unwrap());
            let stems = run(separator, &mix, 1_000);
            assert_eq!(stems[0][0].len(), 2_777);
            let error = worst(&stems[0], |c, f| mix[c][f]);
            assert!(error < 1e-6, "{overlap}, {purpose:?}: {error}");
        }
    }
}

/// The kinds with several graphs and tensors say which is wrong, too.
#[test]
fn a_manifest_of_another_graph_is_told_by_what_was_expected_and_found() {
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kinds");
    let dir = tempfile::tempdir().unwrap();
    let rows = [
        (
            "mdx",
            "name = \"input\"",
            "name = \"spectra\"",
            "expected an input \"spectra\", found [\"input\"]",
        ),
        (
            "hybrid",
            "name = \"x\"",
            "name = \"spectra\"",
            "expected an input \"spectra\", found [\"input\", \"x\"]",
        ),
        (
            "hybrid",
            "name = \"output\", shape",
            "name = \"add_67\", shape",
            "\"add_67\" is empty or used twice",
        ),
        (
            "mdx",
            "[1, 4, 3072, 256]",
            "[1, 4, 2048, 256]",
            "expected [1, 2, 2, 3072, 256]",
        ),
        (
            "openunmix",
            "[1, 2, 2049, -1]",
            "[1, 2, 2049, 2585]",
            "expected [1, 2, 2049, 2584]",
        ),
        (
            "openunmix",
            "stem = \"drums\"",
            "stem = \"vocals\"",
            "stem \"vocals\" has 2 graphs",
        ),
        (
            "openunmix",
            "stem = \"drums\"",
            "stem = \"guitar\"",
            "\"guitar\", which is not one of the stems",
        ),
        (
            "spleeter",
            "frames = \"whole\"",
            "frames = \"centred\"",
            "expected [1, 132, 1024, 2]",
        ),
        (
            "spleeter",
            "overlap_frames = 3072",
            "overlap_frames = 1024",
            "overlap_frames = 3072",
        ),
        (
            "scnet",
            "silence_frames = 1844",
            "silence_frames = 0",
            "expected [1, 2, 2, 2049, 130]",
        ),
        (
            "scnet",
            "silence_frames = 1844",
            "silence_frames = 4097",
            "at most 4096 are possible",
        ),
        (
            "scnet",
            "window = \"rectangular\"",
            "window = \"sqrt-hann\"",
            "needs [stft] window = \"hann\" or \"rectangular\"",
        ),
        (
            "hybrid",
            "frames = \"between\"",
            "frames = \"between\"\nsilence_frames = 1",
            "only with frames = \"centred\"",
        ),
        (
            "waveform",
            "kind = \"waveform\"",
            "kind = \"hybrid\"",
            "kind hybrid needs [stft]",
        ),
    ];
    for (family, right, wrong, named) in rows {
        let to = dir.path().join(family);
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(kinds.join(family)).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
        let text = fs::read_to_string(to.join("model.toml")).unwrap();
        assert!(text.contains(right), "{family}: {right}");
        fs::write(to.join("model.toml"), text.replacen(right, wrong, 1)).unwrap();
        let error = Model::open(&to).and_then(|model| load(&model, &Options::default()).map(drop));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(named), "{family}, {wrong}: {error}");
    }
}
