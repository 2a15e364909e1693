//! Both kinds of model, run by the real runtime on graphs whose stems are known in closed form.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

#[path = "fixtures/model.rs"]
mod model;

use std::time::{Duration, Instant};

use model::{SPECTRAL, WAVEFORM, fixture, folder};
use unweave_separation::{
    Error, Model, Options, Separator, StemBlock, Stft, Stream, Terminator, load,
};

/// Loads a graph with a manifest.
fn separator(manifest: &str, files: &[(&str, &[u8])]) -> Box<dyn Separator> {
    let dir = tempfile::tempdir().unwrap();
    let path = folder(dir.path(), "model", manifest, files);
    load(&Model::open(&path).unwrap(), &Options::default()).unwrap()
}

fn mix(frames: usize) -> [Vec<f32>; 2] {
    let wave = |step: f32| {
        (0..frames)
            .map(|n| (n as f32 * step).sin() * 0.5 + 0.1)
            .collect()
    };
    [wave(0.37), wave(0.11)]
}

/// The whole mix through a stream, `[stem][channel][frame]`.
fn run(stream: &mut Stream, mix: &[Vec<f32>; 2]) -> Vec<[Vec<f32>; 2]> {
    let mut out = StemBlock::default();
    stream.push([&mix[0], &mix[1]], &mut out).unwrap();
    let mut stems: Vec<[Vec<f32>; 2]> = out.iter().cloned().collect();
    stream.flush(&mut out).unwrap();
    for (stem, out) in stems.iter_mut().zip(out.iter()) {
        stem[0].extend_from_slice(&out[0]);
        stem[1].extend_from_slice(&out[1]);
    }
    stems
}

#[test]
fn spectral_stems_are_the_masked_spectra_whatever_the_batch_and_again_after_reset() {
    let mix = mix(1_000);
    // What the graph does, by hand: frame n = 1, 2, … times min(1, n / 8) for the first stem.
    let mut expected = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for (channel_idx, mix) in mix.iter().enumerate() {
        let mut stft = Stft::new(64, 16);
        let mut padded = mix.clone();
        padded.resize(mix.len() + 64, 0.0);
        let (mut history, mut spectrum) = (vec![0.0; 64], vec![0.0; 66]);
        let mut overlap = [vec![0.0; 64], vec![0.0; 64]];
        for (idx, hop) in padded.chunks_exact(16).enumerate() {
            stft.analyse(&mut history, hop, &mut spectrum);
            let first = ((idx + 1) as f32 / 8.0).min(1.0);
            for (stem_idx, mask) in [first, 1.0 - first].into_iter().enumerate() {
                let masked: Vec<f32> = spectrum.iter().map(|x| x * mask).collect();
                let mut out = vec![0.0; 16];
                stft.synthesise(&masked, &mut overlap[stem_idx], &mut out);
                expected[stem_idx][channel_idx].extend(out);
            }
        }
    }
    for batch_hops in [1, 5, 64] {
        let separator = separator(SPECTRAL, &[("model.onnx", &fixture("fading.onnx"))]);
        assert_eq!(separator.shape().window_frames, 64);
        let mut stream = Stream::with_batch(separator, 44_100, batch_hops).unwrap();
        for _ in 0..2 {
            let stems = run(&mut stream, &mix);
            for frame in 0..1_000 {
                for channel in 0..2 {
                    for stem in 0..2 {
                        let (actual, expected) = (
                            stems[stem][channel][frame],
                            expected[stem][channel][frame + 64 - 16],
                        );
                        assert!(
                            (actual - expected).abs() < 1e-6,
                            "stem {stem}, frame {frame}"
                        );
                    }
                    // The masks sum to one, so nothing but rounding is left over.
                    assert!(stems[2][channel][frame].abs() < 1e-6);
                }
            }
            stream.reset();
        }
    }
}

#[test]
fn weights_of_segments_add_up_to_one_first_and_last_frame_included() {
    for frames in [1, 47, 48, 49, 64, 500] {
        let separator = separator(WAVEFORM, &[("model.onnx", &fixture("ones.onnx"))]);
        let mut stream = Stream::new(separator, 44_100).unwrap();
        let stems = run(&mut stream, &mix(frames));
        assert_eq!(stems[0][0].len(), frames);
        for value in stems[0].iter().flatten() {
            assert!((value - 1.0).abs() < 1e-6, "{frames} frames: {value}");
        }
    }
}

#[test]
fn weights_in_a_file_of_their_own_are_used_if_the_manifest_lists_it() {
    let mix = mix(777);
    let files: &[(&str, &[u8])] = &[
        ("model.onnx", &fixture("external.onnx")),
        ("gains.bin", &fixture("gains.bin")),
    ];
    let mut stream = Stream::with_batch(separator(WAVEFORM, files), 44_100, 3).unwrap();
    let stems = run(&mut stream, &mix);
    for (stem, share) in stems.iter().zip([0.75, 0.25]) {
        for (stem, mix) in stem.iter().flatten().zip(mix.iter().flatten()) {
            assert!((stem - share * mix).abs() < 1e-6);
        }
    }
}

/// The graph squares, so the result shows which mean and deviation a segment was divided by.
#[test]
fn segments_are_normalised_by_their_own_mean_and_deviation_and_cross_faded_linearly() {
    let (frames, hop, overlap) = (500usize, 48usize, 16usize);
    let mix = mix(frames);
    // With the silence before the start, so that segment k begins at k · hop.
    let padded = mix.each_ref().map(|mix| {
        let mut padded = vec![0.0; overlap];
        padded.extend(mix.iter().map(|x| f64::from(*x)));
        padded.resize(frames + 200, 0.0);
        padded
    });
    let mut expected = vec![0.0f64; frames + 200];
    for start in (0..frames + overlap).step_by(hop) {
        let [left, right] = padded.each_ref().map(|padded| &padded[start..start + 64]);
        let mono: Vec<f64> = left.iter().zip(right).map(|(l, r)| (l + r) / 2.0).collect();
        let mean = mono.iter().sum::<f64>() / 64.0;
        let variance = mono.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 63.0;
        for i in 0..64 {
            let value = (left[i] - mean).powi(2) / variance.sqrt();
            let triangle = ((i + 1) as f64).min((64 - i) as f64) / (overlap + 1) as f64;
            expected[start + i] += triangle.min(1.0) * value;
        }
    }
    let expected = &expected[overlap..];
    let manifest = WAVEFORM.replace("normalise = false", "normalise = true");
    let separator = separator(&manifest, &[("model.onnx", &fixture("square.onnx"))]);
    let stems = run(&mut Stream::new(separator, 44_100).unwrap(), &mix);
    for (frame, (actual, expected)) in stems[0][0].iter().zip(expected).enumerate() {
        let error = (f64::from(*actual) - expected).abs();
        assert!(error < 1e-5, "frame {frame}: {actual} for {expected}");
    }
    // Silence is not blown up, and not a division by zero.
    let silence = [vec![0.0; 300], vec![0.0; 300]];
    let separator = self::separator(&manifest, &[("model.onnx", &fixture("square.onnx"))]);
    let stems = run(&mut Stream::new(separator, 44_100).unwrap(), &silence);
    assert!(stems.iter().flatten().flatten().all(|x| *x == 0.0));
}

#[test]
fn a_terminator_stops_a_running_inference_and_all_that_follow() {
    let terminator = Terminator::new();
    let options = Options {
        terminator: terminator.clone(),
        ..Options::default()
    };
    let model = Model::built_in().unwrap();
    let mut separator = load(&model, &options).unwrap();
    // Ten minutes of music in one call: minutes of work, if it is not stopped.
    let hop = separator.shape().hop_frames;
    let block = vec![0.1; 600 * 44_100 / hop * hop];
    let (started, starts) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        let mut stems = StemBlock::default();
        started.send(()).unwrap();
        let first = separator.process([&block, &block], &mut stems);
        let returned = Instant::now();
        let second = separator.process([&block[..hop], &block[..hop]], &mut stems);
        (first, second, returned)
    });
    starts.recv().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let stopped = Instant::now();
    terminator.terminate();
    let (first, second, returned) = worker.join().unwrap();
    assert!(matches!(first, Err(Error::Terminated)), "{first:?}");
    assert!(matches!(second, Err(Error::Terminated)), "{second:?}");
    // One operation of the graph, on a busy machine.
    assert!(
        returned - stopped < Duration::from_secs(30),
        "{:?}",
        returned - stopped
    );
    assert!(terminator.is_terminated());
    assert!(matches!(
        load(&model, &options).map(drop),
        Err(Error::Terminated)
    ));
}
