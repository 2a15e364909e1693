//! Silence costs no inference, and what comes with and after it is what it would be.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::path::Path;

use unweave_separation::{Model, Options, Separator, StemBlock, Terminator, load};

/// Plays hops of this amplitude; the stems, one after the other.
fn play(separator: &mut dyn Separator, num_hops: usize, amplitude: f32) -> Vec<f32> {
    let hop = separator.shape().hop_frames;
    let (mut state, mut all, mut stems) = (1_u32, Vec::new(), StemBlock::default());
    for _ in 0..num_hops {
        let mix: Vec<f32> = (0..hop)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0;
                noise * amplitude
            })
            .collect();
        separator.process([&mix, &mix], &mut stems).unwrap();
        for channel in stems.iter().flatten() {
            all.extend(channel);
        }
    }
    all
}

/// Silence that is not quite silent, 600 dB down, keeps the network at work: the stems after it must be the same
/// as after silence during which it slept, but for rounding.
#[test]
fn what_comes_after_silence_is_what_comes_after_near_silence() {
    let model = Model::built_in().unwrap();
    let [silent, nearly] = [0.0, 1e-30].map(|amplitude| {
        let mut separator = load(&model, &Options::default()).unwrap();
        play(&mut *separator, 6, 0.1);
        let during = play(&mut *separator, 40, amplitude);
        (during, play(&mut *separator, 6, 0.1))
    });
    let distance = |a: &[f32], b: &[f32]| {
        let pairs = a.iter().zip(b);
        pairs.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()))
    };
    assert!(distance(&silent.0, &nearly.0) < 1e-6);
    let peak = distance(&silent.1, &vec![0.0; silent.1.len()]);
    assert!(peak > 0.01, "something is separated: {peak}");
    let after = distance(&silent.1, &nearly.1);
    assert!(after < 1e-5, "{after}");
}

/// Families whose networks see a segment at a time; `kinds.rs` says what is there.
const SEGMENTED: [&str; 4] = ["waveform", "hybrid", "mdx", "openunmix"];

/// Zeros with a sign are as silent, but are not taken for silence, so the network is asked each time. They are equal
/// as numbers, and so must be all that is computed with them.
#[test]
fn the_stems_of_silence_are_the_same_whether_the_network_is_asked_or_not() {
    for family in SEGMENTED {
        let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kinds");
        let model = Model::open(&kinds.join(family)).unwrap();
        let [asked, kept] = [true, false].map(|is_asked| {
            let terminator = Terminator::new();
            let options = Options {
                terminator: terminator.clone(),
                ..Options::default()
            };
            let mut separator = load(&model, &options).unwrap();
            let shape = separator.shape();
            let per_window = shape.window_frames.div_ceil(shape.hop_frames) + 1;
            let zero = if is_asked { -0.0 } else { 0.0 };
            let silence = vec![zero; shape.hop_frames];
            let mut all = play(&mut *separator, 2, 0.1);
            let mut stems = StemBlock::default();
            for hop in 0..per_window + 3 {
                // From here on every inference fails.
                if hop == per_window && !is_asked {
                    terminator.terminate();
                }
                separator.process([&silence, &silence], &mut stems).unwrap();
                all.extend(stems.iter().flatten().flatten());
            }
            if !is_asked {
                let noise = vec![0.1; silence.len()];
                let heard = separator.process([&noise, &noise], &mut stems);
                assert!(heard.is_err(), "{family}");
            }
            all
        });
        assert!(asked == kept, "{family}");
    }
}
