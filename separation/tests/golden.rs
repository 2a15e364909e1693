//! The built-in model against what NumPy, SciPy and ONNX Runtime make of the same mix.
//!
//! `models/builtin/golden/` is written by `models/evaluation/reference.py`, which computes all but the networks anew,
//! in 64 bits and for the whole mix at once: drums, bass and vocals, every 61st frame of five seconds, f32, little
//! endian, `[stem][channel][frame]`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::f64::consts::TAU;

use unweave_separation::{Mode, Model, Options, Purpose, StemBlock, Stream, load};

const FRAMES: usize = 220_500;
/// Prime, so that every phase of a hop is among them.
const EVERY: usize = 61;
/// The script's, which are the model's first.
const STEMS: [&str; 3] = ["drums", "bass", "vocals"];
/// Of full scale. In f32 the whole way differs by 2e-7 from the script's; other versions of ONNX Runtime on other
/// processors add up in another order and may differ by some ten times that. What is wrong by a frame, a bin or a
/// constant is off by 1e-3 and more.
const TOLERANCE: f32 = 1e-5;

/// `golden_mix` of the script.
#[expect(clippy::cast_possible_truncation, reason = "audio is f32")]
fn mix() -> [Vec<f32>; 2] {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 16) / 32_768.0 - 1.0
    };
    let mut mix = [Vec::new(), Vec::new()];
    for frame in 0..FRAMES {
        let t = frame as f64 / 44_100.0;
        let (beat, off) = (t % 0.5, (t + 0.25) % 0.5);
        let sweep = 48.0 * beat + 2.0 * (1.0 - (-25.0 * beat).exp());
        let kick = 0.5 * (-18.0 * beat).exp() * (TAU * sweep).sin();
        let pitch = if t % 2.0 < 1.0 { 55.0 } else { 65.4 };
        let bass: f64 = [(1.0, 0.2), (2.0, 0.1), (3.0, 0.05)]
            .map(|(k, gain)| gain * (TAU * k * pitch * t).sin())
            .iter()
            .sum();
        let sung = TAU * (220.0 * t + 0.3 * (TAU * 5.5 * t).sin());
        let voice: f64 = if t % 2.0 < 1.4 {
            (1..13)
                .map(|k| 0.1 / f64::from(k) * (f64::from(k) * sung).sin())
                .sum()
        } else {
            0.0
        };
        for (channel, tone) in mix.iter_mut().zip([660.0, 554.0]) {
            let side = 0.06 * (TAU * tone * t).sin();
            let snare = 0.25 * (-30.0 * off).exp() * noise();
            channel.push((kick + bass + voice + side + snare) as f32);
        }
    }
    mix
}

fn golden(name: &str) -> Vec<f32> {
    let path = format!(
        "{}/../models/builtin/golden/{name}.f32",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// All stems, `[stem][channel][frame]`, of a mix that comes in pushes.
fn separated(purpose: Purpose, mix: &[Vec<f32>; 2], push_frames: usize) -> Vec<[Vec<f32>; 2]> {
    let options = Options {
        purpose,
        ..Options::default()
    };
    let model = Model::built_in().unwrap();
    let separator = load(&model, &options).unwrap();
    let mut stream = Stream::new(separator, 44_100).unwrap();
    assert_eq!(stream.shape().stems[..3], STEMS);
    let mut stems = vec![[Vec::new(), Vec::new()]; stream.shape().stems.len()];
    let mut out = StemBlock::default();
    let mut append = |out: &StemBlock| {
        for (stem, out) in stems.iter_mut().zip(out.iter()) {
            stem[0].extend_from_slice(&out[0]);
            stem[1].extend_from_slice(&out[1]);
        }
    };
    for (left, right) in mix[0].chunks(push_frames).zip(mix[1].chunks(push_frames)) {
        stream.push([left, right], &mut out).unwrap();
        append(&out);
    }
    stream.flush(&mut out).unwrap();
    append(&out);
    stems
}

fn compare(name: &str, purpose: Purpose, push_frames: usize) {
    let stems = separated(purpose, &mix(), push_frames);
    let expected = golden(name);
    let num_kept = FRAMES.div_ceil(EVERY);
    assert_eq!(expected.len(), STEMS.len() * 2 * num_kept);
    let mut expected = expected.chunks_exact(num_kept);
    for (stem, name_of_stem) in stems.iter().zip(STEMS) {
        for (idx, channel) in stem.iter().enumerate() {
            let expected = expected.next().unwrap();
            assert_eq!(channel.len(), FRAMES);
            let peak = expected.iter().fold(0.0, |peak: f32, x| peak.max(x.abs()));
            assert!(peak > 0.1, "{name_of_stem}: a silent stem proves nothing");
            let (worst, frame) = channel
                .iter()
                .step_by(EVERY)
                .zip(expected)
                .enumerate()
                .map(|(frame, (actual, expected))| ((actual - expected).abs(), frame * EVERY))
                .fold((0.0, 0), |a: (f32, usize), b| if b.0 > a.0 { b } else { a });
            println!("{name}, {name_of_stem}, channel {idx}: off by {worst:e} in frame {frame}");
            assert!(
                worst < TOLERANCE,
                "{name}, {name_of_stem}, channel {idx}: off by {worst:e} in frame {frame}"
            );
        }
    }
}

#[test]
fn stems_for_files_are_those_of_the_reference_first_to_last_frame() {
    compare("files", Purpose::Files, 50_000);
}

#[test]
fn live_stems_are_those_of_the_reference_first_to_last_frame() {
    compare("live", Purpose::Live(Mode::Standard), 500);
}
