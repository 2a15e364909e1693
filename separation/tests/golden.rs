//! The built-in model, run by this library, against what PyTorch computes offline with the same weights.
//!
//! `models/builtin/golden/` is written by `models/training/export.py`: a synthetic mix of 7,000 frames, and
//! the stems that the network gives for it in one pass over the whole signal. f32, little endian,
//! `[channel][frame]` and `[stem][channel][frame]`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use unweave_separation::{Model, Options, StemBlock, Stream, load};

fn read(name: &str) -> Vec<f32> {
    let path = format!(
        "{}/../models/builtin/golden/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

#[test]
fn streamed_stems_are_those_of_the_offline_network_first_to_last_frame() {
    let mix = read("mix.f32");
    let expected = read("stems.f32");
    let (left, right) = mix.split_at(mix.len() / 2);
    let frames = left.len();
    assert!(
        mix.iter().any(|x| x.abs() > 0.1),
        "a golden mix that is silent proves nothing"
    );
    let model = Model::built_in().unwrap();
    // One hop per call as in live use; a batch that the signal fills more than once; all in one call.
    for (batch_hops, push_frames) in [(1, 500), (3, 7_000), (64, 7_000)] {
        let separator = load(&model, &Options::default()).unwrap();
        let mut stream = Stream::with_batch(separator, 44_100, batch_hops).unwrap();
        let num_stems = stream.shape().stems.len();
        assert_eq!(expected.len(), num_stems * 2 * frames);
        let mut stems = vec![[Vec::new(), Vec::new()]; num_stems];
        let mut out = StemBlock::default();
        let mut append = |out: &StemBlock| {
            for (stem, out) in stems.iter_mut().zip(out.iter()) {
                stem[0].extend_from_slice(&out[0]);
                stem[1].extend_from_slice(&out[1]);
            }
        };
        for (left, right) in left.chunks(push_frames).zip(right.chunks(push_frames)) {
            stream.push([left, right], &mut out).unwrap();
            append(&out);
        }
        stream.flush(&mut out).unwrap();
        append(&out);
        for (idx, channel) in stems.iter().flatten().enumerate() {
            let expected = &expected[idx * frames..][..frames];
            assert_eq!(channel.len(), frames);
            let worst = channel
                .iter()
                .zip(expected)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            // Two runtimes and two transforms in f32, and the recurrence carries their rounding on.
            assert!(
                worst < 1e-4,
                "batch {batch_hops}, stem {}, channel {}: off by {worst:e}",
                idx / 2,
                idx % 2
            );
        }
    }
}

/// The golden signal is shorter than a batch of files; here full batches carry state to the next.
#[test]
fn batches_of_64_hops_give_the_stems_of_single_hops() {
    let model = Model::built_in().unwrap();
    let frames = 150 * 1_024 + 77;
    let voice = |pitch: f32| -> Vec<f32> {
        (0..frames)
            .map(|n| {
                let t = n as f32 / 44_100.0;
                let beat = (-(t % 0.5) * 8.0).exp();
                0.4 * beat * (t * pitch * std::f32::consts::TAU).sin().signum()
                    + 0.2 * (t * 1_384.0).sin()
            })
            .collect()
    };
    let mix = [voice(110.0), voice(165.0)];
    let stems = |batch_hops: usize| {
        let separator = load(&model, &Options::default()).unwrap();
        let mut stream = Stream::with_batch(separator, 44_100, batch_hops).unwrap();
        let mut out = StemBlock::default();
        stream.push([&mix[0], &mix[1]], &mut out).unwrap();
        let mut vocals = out.stem(2)[0].clone();
        stream.flush(&mut out).unwrap();
        vocals.extend_from_slice(&out.stem(2)[0]);
        vocals
    };
    let (live, files) = (stems(1), stems(64));
    assert_eq!((live.len(), files.len()), (frames, frames));
    assert!(
        live.iter().any(|x| x.abs() > 1e-3),
        "a silent stem proves nothing"
    );
    let worst = live
        .iter()
        .zip(&files)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst < 1e-4, "off by {worst:e}");
}
