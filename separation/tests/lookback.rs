//! Networks on spectra in windows that look back, against the same networks on whole segments.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::fs;
use std::path::Path;

use unweave_separation::audio::read::AudioReader;
use unweave_separation::loading::shape;
use unweave_separation::{Mode, Model, Options, Purpose, StemBlock, Stream, Timing, load};

/// Of the network with random weights in `tests/kinds/spleeter`.
const WINDOW: usize = 128;
const N_FFT: usize = 4096;
const HOP: usize = 1024;

/// `tests/kinds/NAME` with these lines more in its manifest.
fn model(dir: &Path, name: &str, live: &str) -> Model {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/kinds")
        .join(name);
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
    }
    let manifest = dir.join("model.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    // Tables of an array may stand anywhere at the top level.
    fs::write(&manifest, text + live).unwrap();
    Model::open(dir).unwrap()
}

/// The first frames of the demo song, `[channel][frame]`.
fn song(frames: usize) -> [Vec<f32>; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/paper-lanterns.flac");
    let mut reader = AudioReader::open(&path).unwrap();
    let mut block = Vec::new();
    let mut song = [Vec::new(), Vec::new()];
    while song[0].len() < frames && reader.read(&mut block).unwrap() > 0 {
        for (song, block) in song.iter_mut().zip(&block) {
            song.extend_from_slice(block);
        }
    }
    song.map(|channel| channel[..frames].to_vec())
}

/// The first stem of the whole mix, in pushes of this many frames.
fn first_stem(model: &Model, mix: &[Vec<f32>; 2], purpose: Purpose, push: usize) -> [Vec<f32>; 2] {
    let options = Options {
        purpose,
        ..Options::default()
    };
    let separator = load(model, &options).unwrap();
    assert_eq!(*separator.shape(), shape(model, purpose).unwrap());
    let mut stream = Stream::new(separator, 44_100).unwrap();
    let (mut out, mut stem) = (StemBlock::default(), [Vec::new(), Vec::new()]);
    let mut append = |out: &StemBlock| {
        for (stem, out) in stem.iter_mut().zip(out.stem(0)) {
            stem.extend_from_slice(out);
        }
    };
    for (left, right) in mix[0].chunks(push).zip(mix[1].chunks(push)) {
        stream.push([left, right], &mut out).unwrap();
        append(&out);
    }
    stream.flush(&mut out).unwrap();
    append(&out);
    stem
}

const LIVE: Purpose = Purpose::Live(Mode::Standard);

/// A window of a signal is a song that begins with silence and ends with the window: the network must hear, and
/// give, the same for both. Frame k of the stream is frame k + 1 of a song, which begins with a window of silence.
#[test]
fn a_window_is_what_the_network_makes_of_a_song_that_ends_there() {
    let (hop, look) = (16, 8);
    let dir = tempfile::tempdir().unwrap();
    let live = "\n[[live]]\nmode = \"standard\"\nframes = 128\nhop = 16\nlook = 8\n";
    let model = model(dir.path(), "spleeter", live);
    let mix = song(112 * HOP);
    let actual = first_stem(&model, &mix, LIVE, 5_000);
    assert_eq!(actual[0].len(), mix[0].len());
    let mut loudest = 0.0f32;
    for newest in (32..=112).step_by(hop) {
        let silent = (WINDOW - 1 - newest) * HOP;
        let song = mix.each_ref().map(|mix| {
            let mut song = vec![0.0; silent];
            song.extend_from_slice(&mix[..newest * HOP]);
            song
        });
        let expected = first_stem(&model, &song, Purpose::Files, 50_000);
        // What lies in frames of this window alone: a hop of samples lies in four frames.
        let first = (newest - look - hop) * HOP;
        let last = (newest - look - N_FFT / HOP + 1) * HOP;
        for (actual, expected) in actual.iter().zip(&expected) {
            for frame in first..last {
                let (actual, expected) = (actual[frame], expected[silent + frame]);
                loudest = loudest.max(expected.abs());
                assert!(
                    (actual - expected).abs() < 1e-5,
                    "window up to {newest}, frame {frame}: {actual} for {expected}"
                );
            }
        }
    }
    assert!(loudest > 0.05, "a stem that is silent proves nothing");
}

/// The formula of the latency against the first frame that comes out.
#[test]
fn frames_come_out_when_the_timing_says_and_not_before() {
    for (hop, look) in [(1, 0), (4, 2), (16, 8)] {
        let dir = tempfile::tempdir().unwrap();
        let live = format!(
            "\n[[live]]\nmode = \"quick\"\nframes = 128\nhop = {hop}\nlook = {look}\nbudget = 0.5\n"
        );
        let model = model(dir.path(), "spleeter", &live);
        assert_eq!(model.manifest.modes(), [Mode::Quick]);
        // A mode that it hasn't is the first that it has.
        let shape = shape(&model, LIVE).unwrap();
        let window = N_FFT + (look + hop - 1) * HOP;
        assert_eq!(
            (shape.hop_frames, shape.window_frames, shape.budget_frames),
            (hop * HOP, window, hop * HOP / 2)
        );
        let timing = Timing::of(&shape, 44_100).unwrap();
        assert_eq!(
            (timing.hop_frames, timing.window_frames),
            (hop * HOP, window)
        );
        let separator = load(&model, &Options::default()).unwrap();
        let mut stream = Stream::new(separator, 44_100).unwrap();
        // Hop by hop, how many frames are out after how many went in.
        let mix = song(4 * window);
        let mut out = StemBlock::default();
        let (mut given, mut worst) = (0, 0);
        for (idx, (left, right)) in mix[0].chunks(HOP).zip(mix[1].chunks(HOP)).enumerate() {
            stream.push([left, right], &mut out).unwrap();
            if out.num_frames() > 0 {
                // Until now the first of these was missing.
                worst = worst.max((idx + 1) * HOP - given);
                given += out.num_frames();
            }
        }
        assert_eq!(worst, window, "hop {hop}, look {look}");
    }
}

/// Complex spectra, a transform whose hop doesn't divide its window, spectra that are divided by √N, and a graph that
/// takes any length.
#[test]
fn every_family_on_spectra_can_be_run_so_and_its_stems_do_not_depend_on_the_pushes() {
    for (name, frames) in [
        ("mdx", 256),
        ("roformer", 801),
        ("openunmix", 64),
        ("scnet-masked", 132),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let live = format!("\n[[live]]\nmode = \"light\"\nframes = {frames}\nhop = 24\nlook = 2\n");
        let model = model(dir.path(), name, &live);
        let mix = song(60_000);
        let whole = first_stem(&model, &mix, LIVE, mix[0].len());
        assert_eq!(whole[0].len(), mix[0].len());
        assert_eq!(whole, first_stem(&model, &mix, LIVE, 777), "{name}");
        let energy: f32 = whole[0].iter().map(|x| x * x).sum();
        assert!(energy > 1e-3, "{name} is silent");
    }
}
