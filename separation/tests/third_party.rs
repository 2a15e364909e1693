//! Networks that nobody here made, run through their manifests: speech enhancers that turn out to extract
//! vocals. Their weights are not in the repository: where `../shared/data/weights` is absent, this says so.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

#[path = "fixtures/model.rs"]
mod model;

use std::path::{Path, PathBuf};

use unweave_separation::audio::read::AudioReader;
use unweave_separation::{Measuring, Model, Options, Purpose, StemBlock, Stream, load};

fn data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if data.join("weights").is_dir() {
        return Some(data);
    }
    eprintln!("skipped: {} is not there", data.display());
    None
}

const HEAD: &str = r#"
format = 1
id = "extractor"
name = "A vocal extractor"
version = "1"
kind = "KIND"
licence = "MIT"
source = "tests"
training_data = []
sample_rate = RATE
channels = 2
stems = ["vocals", "rest"]
residual = "rest"
"#;

/// 16 kHz, one frame per call, one channel, caches in and out.
const STREAMING: &str = r#"
[stft]
n_fft = 512
hop = 256
window = "sqrt-hann"
[latency]
lookahead_hops = 0
[tensors]
input = { name = "mix", shape = [1, 257, 1, 2], axes = ["bin", "frame", "part"] }
output = { name = "enh", shape = [1, 257, 1, 2], axes = ["bin", "frame", "part"] }
"#;

/// What a file is called in the model's folder, and where its weights are.
type Files = &'static [(&'static str, &'static str)];

/// A file's mean of both channels.
fn read(path: &Path) -> Vec<f32> {
    let mut reader = AudioReader::open(path).unwrap();
    let (mut block, mut audio) = (Vec::new(), Vec::new());
    while reader.read(&mut block).unwrap() > 0 {
        audio.extend(block[0].iter().zip(&block[1]).map(|(l, r)| (l + r) / 2.0));
    }
    audio
}

/// Plain SDR of the vocals of a clip in dB, in mono, as the figures were measured.
fn sdr(data: &Path, manifest: &str, files: Files, clip: &str) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let contents: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, path)| {
            (
                *name,
                std::fs::read(data.join("weights").join(path)).unwrap(),
            )
        })
        .collect();
    let borrowed: Vec<(&str, &[u8])> = contents.iter().map(|(n, c)| (*n, c.as_slice())).collect();
    let mut text = model::with_files(manifest, &borrowed);
    for (name, part) in [
        ("enc", "encoder"),
        ("erb_dec", "gains"),
        ("df_dec", "filters"),
    ] {
        let path = format!("path = \"{name}.onnx\"");
        text = text.replace(&path, &format!("{path}\npart = \"{part}\""));
    }
    let folder = model::folder(dir.path(), "model", "", &borrowed);
    std::fs::write(folder.join("model.toml"), text).unwrap();
    let options = Options {
        purpose: Purpose::Files,
        ..Options::default()
    };
    let separator = load(&Model::open(&folder).unwrap(), &options).unwrap();

    let mix = read(&data.join("eval").join(clip).join("mixture.flac"));
    let truth = read(&data.join("eval").join(clip).join("vocals.flac"));
    let mut stream = Stream::with_batch(separator, 44_100, 32).unwrap();
    let mut measuring = Measuring::default();
    measuring.add([&mix, &mix]);
    stream.begin(&measuring.track());
    let mut out = StemBlock::default();
    stream.push([&mix, &mix], &mut out).unwrap();
    let mut vocals = out.stem(0)[0].clone();
    stream.flush(&mut out).unwrap();
    vocals.extend_from_slice(&out.stem(0)[0]);
    assert_eq!(vocals.len(), mix.len());
    let energy = |of: &dyn Fn(f32, f32) -> f32| -> f64 {
        truth
            .iter()
            .zip(&vocals)
            .map(|(&truth, &vocals)| f64::from(of(truth, vocals)).powi(2))
            .sum()
    };
    10.0 * (energy(&|truth, _| truth) / energy(&|truth, vocals| truth - vocals)).log10()
}

/// Figures measured with other programs on the same clip (NumPy around ONNX Runtime; DeepFilterNet's own).
/// Resamplers differ, and with them how much of the band up to 8 kHz is kept, so four tenths of a decibel
/// either way are the same result; a frame out of place or a lost state costs several.
#[test]
fn extractors_reach_the_figures_of_other_programs() {
    let Some(data) = data() else { return };
    let streaming = |states: &str| {
        HEAD.replace("KIND", "streaming-spectrum")
            .replace("RATE", "16000")
            + STREAMING
            + states
    };
    let state = |name: &str, shape: &str| {
        format!("[[state]]\ninput = \"{name}\"\noutput = \"{name}_out\"\nshape = {shape}\n")
    };
    let ulunas = state("conv_cache", "[1, 5358]")
        + &state("tfa_cache", "[1, 402]")
        + &state("inter_cache", "[1, 1056]");
    let gtcrn = state("conv_cache", "[2, 1, 16, 16, 33]")
        + &state("tra_cache", "[2, 3, 1, 1, 16]")
        + &state("inter_cache", "[2, 1, 33, 16]");
    let deep = HEAD.replace("KIND", "deep-filter").replace("RATE", "48000")
        + "[segment]\nframes = 480000\noverlap_frames = 96000\nnormalise = false\n";
    #[rustfmt::skip]
    let rows: [(&str, String, Files, f64); 3] = [
        ("UL-UNAS", streaming(&ulunas), &[("model.onnx", "ulunas_16k/ulunas_stream_simple.onnx")], 3.7),
        ("GTCRN", streaming(&gtcrn), &[("model.onnx", "gtcrn_16k/gtcrn_simple.onnx")], 2.1),
        ("DeepFilterNet 3", deep, &[
            ("enc.onnx", "dfn3_48k/enc.onnx"),
            ("erb_dec.onnx", "dfn3_48k/erb_dec.onnx"),
            ("df_dec.onnx", "dfn3_48k/df_dec.onnx"),
        ], 3.4),
    ];
    let mut worst = 0.0f64;
    for (name, manifest, files, expected) in rows {
        let actual = sdr(&data, &manifest, files, "lithium_262s");
        eprintln!("{name}: {actual:.2} dB");
        worst = worst.max((actual - expected).abs());
    }
    assert!(worst < 0.4, "off by {worst:.2} dB");
}
