//! Stream: any rate and push size, alignment, the sum, and the closed form of its delay.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use unweave_separation::doubles::{self, Delayed, Failing, NotANumber, Passthrough};
use unweave_separation::{Error, Separator, StemBlock, Stream};

/// `[stem][channel][frame]` of a whole mix, pushed in blocks of `push_frames`.
fn run(stream: &mut Stream, mix: &[Vec<f32>; 2], push_frames: usize) -> Vec<[Vec<f32>; 2]> {
    let mut out = StemBlock::default();
    let mut all = vec![[Vec::new(), Vec::new()]; stream.shape().stems.len()];
    let append = |all: &mut Vec<[Vec<f32>; 2]>, out: &StemBlock| {
        for (all, stem) in all.iter_mut().zip(out.iter()) {
            all[0].extend_from_slice(&stem[0]);
            all[1].extend_from_slice(&stem[1]);
        }
    };
    for (left, right) in mix[0].chunks(push_frames).zip(mix[1].chunks(push_frames)) {
        stream.push([left, right], &mut out).unwrap();
        append(&mut all, &out);
    }
    stream.flush(&mut out).unwrap();
    append(&mut all, &out);
    all
}

fn noise(frames: usize) -> [Vec<f32>; 2] {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0
    };
    [
        (0..frames).map(|_| next()).collect(),
        (0..frames).map(|_| next()).collect(),
    ]
}

/// Rates in relation to a model at 44.1 kHz: equal, usual, extreme, co-prime.
const RATES: [u32; 9] = [
    44_100, 48_000, 88_200, 96_000, 192_000, 384_000, 22_050, 8_000, 44_101,
];

#[test]
fn window_and_hop_are_what_counting_frame_by_frame_finds() {
    // Small windows keep the count short; the last rows share factors with the rates or do not.
    let windows = [
        (1, 1, 1),
        (4, 16, 1),
        (4, 16, 3),
        (7, 40, 1),
        (147, 441, 1),
        (160, 700, 2),
    ];
    for (model_rate, rates) in [
        (44_100, &RATES[..]),
        (48_000, &[44_100, 48_000, 11_025][..]),
    ] {
        for &rate in rates {
            for (hop, window, batch) in windows {
                let mut shape = doubles::shape(model_rate, hop, window);
                // The longest that there may be.
                shape.budget_frames = hop - 1;
                let separator = Box::new(Passthrough::new(shape));
                let mut stream = Stream::with_batch(separator, rate, batch).unwrap();
                // Remainders of frames against hops repeat within this many frames for all rows
                // but the co-prime rate, whose worst case comes early by its size.
                let frames = 3 * stream.timing().window_frames + 60_000;
                let mut out = StemBlock::default();
                let (mut given, mut window_found, mut hop_found) = (0, 0, 0);
                for taken in 1..=frames {
                    stream.push([&[0.1], &[0.1]], &mut out).unwrap();
                    let new = out.num_frames();
                    if new > 0 {
                        // The first of the new frames waited longest.
                        window_found = window_found.max(taken - given);
                        hop_found = hop_found.max(new);
                    }
                    given += new;
                }
                let row = format!("{model_rate} at {rate}, hop {hop}, window {window}, b {batch}");
                let timing = stream.timing();
                assert_eq!(timing.window_frames, window_found, "{row}");
                assert!(hop_found <= timing.hop_frames, "{row}: {hop_found}");
                assert!(hop_found + 1 >= timing.hop_frames, "{row}: {hop_found}");
                assert!(timing.budget_frames < timing.hop_frames, "{row}");
            }
        }
    }
}

#[test]
fn as_many_frames_come_out_as_went_in_for_every_length_and_rate() {
    for rate in RATES {
        for frames in [0, 1, 2, 100, 1_023, 1_024, 4_097, 20_000] {
            let shape = doubles::shape(44_100, 256, 1_024);
            let mut stream = Stream::new(Box::new(Passthrough::new(shape)), rate).unwrap();
            let stems = run(&mut stream, &noise(frames), 300);
            for channel in stems.iter().flatten() {
                assert_eq!(channel.len(), frames, "at {rate} Hz");
            }
        }
    }
}

#[test]
fn at_the_models_own_rate_stems_are_the_separators_bit_for_bit_and_aligned() {
    let mix = noise(5_000);
    let shape = doubles::shape(44_100, 256, 1_024);
    let mut stream = Stream::new(Box::new(Passthrough::new(shape)), 44_100).unwrap();
    let stems = run(&mut stream, &mix, 333);
    assert_eq!(stems[0], mix);
    for silent in &stems[1..] {
        assert!(silent.iter().flatten().all(|x| *x == 0.0));
    }
}

/// A tone with soft ends has no content above the model's band, so the stem must be a share of it to
/// the accuracy of two conversions, −94 dB, first to last frame. A shift by 1/1000 frame would show.
#[test]
fn at_other_rates_stems_stay_where_they_were() {
    for rate in RATES.into_iter().filter(|rate| *rate >= 22_050) {
        let frames = rate as usize / 2;
        let tone: Vec<f32> = (0..frames)
            .map(|n| {
                let t = n as f64 / f64::from(rate);
                let fade = (std::f64::consts::PI * n as f64 / frames as f64)
                    .sin()
                    .powi(2);
                let value = fade * (2.0 * std::f64::consts::PI * 8_000.0 * t).sin();
                #[expect(clippy::cast_possible_truncation)]
                let value = value as f32;
                value
            })
            .collect();
        let mix = [tone.clone(), tone];
        let shape = doubles::shape(44_100, 1_024, 4_096);
        let separator = Box::new(Delayed::new(shape, &[0.5, 0.25, 0.0, 0.0]));
        let stems = run(&mut Stream::new(separator, rate).unwrap(), &mix, 512);
        for (stem, gain) in stems.iter().zip([0.5, 0.25, 0.0, 0.25]) {
            let worst = (stem[0].iter().zip(&mix[0]))
                .map(|(stem, mix)| (stem - gain * mix).abs())
                .fold(0.0, f32::max);
            assert!(worst < 2e-5, "at {rate} Hz, share {gain}: off by {worst:e}");
        }
    }
}

#[test]
fn stems_do_not_depend_on_the_push_size() {
    let mix = noise(9_000);
    for (rate, batch) in [(44_100, 1), (48_000, 1), (48_000, 5)] {
        let stream = || {
            let shape = doubles::shape(44_100, 256, 1_024);
            let separator = Box::new(Delayed::new(shape, &[0.5, 0.3, 0.1, 0.0]));
            Stream::with_batch(separator, rate, batch).unwrap()
        };
        let whole = run(&mut stream(), &mix, 9_000);
        for push_frames in [1, 64, 1_000] {
            assert_eq!(
                run(&mut stream(), &mix, push_frames),
                whole,
                "{rate} Hz by {push_frames}"
            );
        }
    }
}

/// Size of the last binary place of `x`.
fn ulp(x: f32) -> f32 {
    let x = x.abs().max(f32::MIN_POSITIVE);
    f32::from_bits(x.to_bits() + 1) - x
}

#[test]
fn stems_added_in_order_are_the_mix_within_rounding_of_the_largest_number_added() {
    for (residual_idx, ulps) in [(3, 1.0), (0, 2.0), (1, 2.0), (2, 2.0)] {
        for gains in [
            [0.4, 0.3, 0.2, 0.1],
            [3.0, -2.5, 1.7, -0.9],
            [1e-7, 1.0, -1e-3, 100.0],
        ] {
            for rate in [44_100, 48_000] {
                let mut shape = doubles::shape(44_100, 256, 1_024);
                shape.residual_idx = residual_idx;
                let mut stream = Stream::new(Box::new(Delayed::new(shape, &gains)), rate).unwrap();
                let mix = noise(8_000);
                let stems = run(&mut stream, &mix, 1_000);
                for (frame, &expected) in mix[1].iter().enumerate() {
                    let (mut sum, mut largest) = (0.0f32, expected.abs());
                    for stem in &stems {
                        sum += stem[1][frame];
                        largest = largest.max(sum.abs()).max(stem[1][frame].abs());
                    }
                    assert!(
                        (sum - expected).abs() <= ulps * ulp(largest),
                        "residual {residual_idx}, gains {gains:?}, {rate} Hz, frame {frame}: \
                         {sum:e} for {expected:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn values_that_are_not_numbers_count_as_silence_and_leave_no_trace() {
    let clean = noise(4_000);
    let mut dirty = clean.clone();
    let mut silenced = clean.clone();
    for (frame, value) in [
        (0, f32::NAN),
        (100, f32::INFINITY),
        (3_999, f32::NEG_INFINITY),
    ] {
        dirty[1][frame] = value;
        silenced[1][frame] = 0.0;
    }
    for rate in [44_100, 48_000] {
        let shape = doubles::shape(44_100, 256, 1_024);
        let mut stream = Stream::new(Box::new(Passthrough::new(shape)), rate).unwrap();
        let stems = run(&mut stream, &dirty, 100);
        assert_eq!(stream.non_finite_samples(), 3);
        stream.reset();
        assert_eq!(stream.non_finite_samples(), 0);
        assert_eq!(run(&mut stream, &silenced, 100), stems);
    }
}

#[test]
fn a_mix_louder_than_any_format_still_sums() {
    let mix = [vec![3e38, -3e38, 1.0], vec![1e30, 0.0, -1.0]];
    let shape = doubles::shape(44_100, 1, 4);
    let mut stream = Stream::new(Box::new(Passthrough::new(shape)), 44_100).unwrap();
    let stems = run(&mut stream, &mix, 3);
    for frame in 0..3 {
        assert_eq!(stems[0][0][frame] + stems[3][0][frame], mix[0][frame]);
    }
}

#[test]
fn a_failure_empties_the_output_and_sticks_until_reset() {
    let shape = doubles::shape(44_100, 256, 512);
    let broken: [Box<dyn Separator>; 2] = [
        Box::new(Failing::new(shape.clone(), 2)),
        Box::new(NotANumber::new(shape, 2)),
    ];
    for separator in broken {
        let mut stream = Stream::new(separator, 44_100).unwrap();
        let mut out = StemBlock::default();
        let block = [0.5; 700];
        stream.push([&block, &block], &mut out).unwrap();
        assert_eq!(out.num_frames(), 256);
        let error = stream.push([&block, &block], &mut out).unwrap_err();
        match error {
            Error::NotANumber { stem } => assert_eq!(stem, "drums"),
            other => assert!(matches!(other, Error::Inference { .. }), "{other}"),
        }
        assert_eq!(out.num_frames(), 0);
        assert!(matches!(
            stream.push([&block, &block], &mut out),
            Err(Error::NeedsReset)
        ));
        assert!(matches!(stream.flush(&mut out), Err(Error::NeedsReset)));
        stream.reset();
        stream
            .push([&block[..100], &block[..100]], &mut out)
            .unwrap();
    }
}

#[test]
fn channels_of_different_length_and_a_separator_without_residual_are_refused() {
    let shape = doubles::shape(44_100, 256, 512);
    let mut stream = Stream::new(Box::new(Passthrough::new(shape.clone())), 44_100).unwrap();
    let error = stream.push([&[0.0; 3], &[0.0; 2]], &mut StemBlock::default());
    assert!(matches!(error, Err(Error::BlockLength { .. })));

    let one_stem = unweave_separation::Shape {
        stems: vec!["vocals".to_owned()],
        residual_idx: 0,
        ..shape
    };
    let error = Stream::new(Box::new(Passthrough::new(one_stem)), 44_100);
    assert!(matches!(error, Err(Error::NoResidual { .. })));
}
