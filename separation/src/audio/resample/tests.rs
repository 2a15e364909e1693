//! The converter against tones sampled by formula, and against the direct sum of its definition.

use super::*;

/// Pairs a user meets, extremes, and co-prime ones that need the interpolated table.
const PAIRS: [(u32, u32); 14] = [
    (48_000, 44_100),
    (44_100, 48_000),
    (96_000, 44_100),
    (44_100, 96_000),
    (88_200, 44_100),
    (44_100, 192_000),
    (192_000, 44_100),
    (8_000, 44_100),
    (44_100, 8_000),
    (384_000, 44_100),
    (44_100, 384_000),
    (44_101, 44_100),
    (44_100, 44_101),
    (383_987, 44_100),
];

fn tone(frequency_hz: f64, rate: u32, frames: usize) -> Vec<f64> {
    let step = 2.0 * PI * frequency_hz / f64::from(rate);
    (0..frames)
        .map(|frame| (step * frame as f64 + 0.3).sin())
        .collect()
}

fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..frames)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            f32::from(u16::try_from(state >> 48).unwrap()) / 32_768.0 - 1.0
        })
        .collect()
}

fn resample(in_rate: u32, out_rate: u32, input: &[f32]) -> Vec<f32> {
    let mut resampler = Resampler::new(in_rate, out_rate).unwrap();
    let mut out = Default::default();
    resampler.push([input, input], &mut out);
    resampler.flush(&mut out);
    assert_eq!(out[0], out[1]);
    out.into_iter().next().unwrap()
}

/// The tone itself is the oracle: sampled at the other rate, at the same instants, by formula.
#[test]
fn a_tone_in_the_pass_band_comes_out_as_itself_at_every_rate_without_shift() {
    for (in_rate, out_rate) in PAIRS {
        let lower = f64::from(in_rate.min(out_rate));
        for frequency_hz in [0.01 * lower, 0.25 * lower, 0.44 * lower] {
            let frames = in_rate as usize / 8;
            let input: Vec<f32> = tone(frequency_hz, in_rate, frames)
                .into_iter()
                .map(narrow)
                .collect();
            let out = resample(in_rate, out_rate, &input);
            let expected = tone(frequency_hz, out_rate, out.len());
            // The tone starts and stops abruptly: leave a kernel's length aside at both ends.
            let edge = whole(f64::from(HALF_WIDTH) * f64::from(out_rate) / lower) + 1;
            let worst = (edge..out.len() - edge)
                .map(|n| (f64::from(out[n]) - expected[n]).abs())
                .fold(0.0, f64::max);
            // −100 dB: ripple, images and f32 rounding together.
            assert!(
                worst < 1e-5,
                "{in_rate}→{out_rate} at {frequency_hz} Hz: {worst:e}"
            );
        }
    }
}

#[test]
fn a_tone_above_the_lower_nyquist_is_at_least_100_db_down() {
    for (in_rate, out_rate) in PAIRS.into_iter().filter(|(from, to)| from > to) {
        let (lower, upper) = (f64::from(out_rate) / 2.0, f64::from(in_rate) / 2.0);
        for frequency_hz in [
            lower,
            lower * 1.01,
            (lower + upper) / 2.0,
            lower.max(upper * 0.999),
        ] {
            let frames = in_rate as usize / 4;
            let input: Vec<f32> = tone(frequency_hz.min(upper), in_rate, frames)
                .into_iter()
                .map(narrow)
                .collect();
            let out = resample(in_rate, out_rate, &input);
            // The tone's own start and stop are heard, rightly: look between them.
            let edge = usize::from(HALF_WIDTH) + 1;
            let steady = &out[edge..out.len() - edge];
            let peak = steady.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
            assert!(
                peak < 1e-5,
                "{in_rate}→{out_rate} at {frequency_hz} Hz: {peak:e}"
            );
        }
    }
}

/// Direct sum in f64 with a kernel written again from the definition; I0 by its integral.
#[test]
fn every_output_frame_is_the_direct_sum_first_and_last_included() {
    let i0 = |x: f64| {
        let points = 200;
        (0..points)
            .map(|n| (x * (PI * (f64::from(n) + 0.5) / 200.0).cos()).exp())
            .sum::<f64>()
            / f64::from(points)
    };
    for (in_rate, out_rate) in [(48_000, 44_100), (44_100, 48_000), (44_101, 44_100)] {
        let input = noise(900, 7);
        let out = resample(in_rate, out_rate, &input);
        let ratio = f64::from(out_rate) / f64::from(in_rate);
        let scale = ratio.min(1.0);
        let bandwidth = (1.0 - 96.05 / (2.285 * 2.0 * PI * 128.0)) * scale;
        let beta = 0.1102 * 95.3;
        for (n, out) in out.iter().enumerate() {
            let time = n as f64 / ratio;
            let expected: f64 = input
                .iter()
                .enumerate()
                .map(|(k, &x)| {
                    let tau = time - k as f64;
                    let u = tau * scale / 64.0;
                    if u.abs() > 1.0 {
                        return 0.0;
                    }
                    let sinc = if tau.abs() < 1e-12 {
                        1.0
                    } else {
                        (PI * bandwidth * tau).sin() / (PI * bandwidth * tau)
                    };
                    f64::from(x) * bandwidth * sinc * i0(beta * (1.0 - u * u).sqrt()) / i0(beta)
                })
                .sum();
            let error = (f64::from(*out) - expected).abs();
            assert!(error < 2e-6, "{in_rate}→{out_rate}, frame {n}: {error:e}");
        }
    }
}

#[test]
fn the_bits_do_not_depend_on_the_push_size() {
    for (in_rate, out_rate) in [(48_000, 44_100), (44_100, 192_000), (44_101, 44_100)] {
        let input = noise(3_000, 3);
        let whole = resample(in_rate, out_rate, &input);
        for size in [1, 7, 64, 1_000] {
            let mut resampler = Resampler::new(in_rate, out_rate).unwrap();
            let mut out = Default::default();
            for block in input.chunks(size) {
                resampler.push([block, block], &mut out);
            }
            resampler.flush(&mut out);
            assert_eq!(out[0], whole, "{in_rate}→{out_rate} by {size}");
        }
    }
}

#[test]
fn the_number_of_frames_out_follows_the_closed_form_after_every_frame_in() {
    for (in_rate, out_rate) in PAIRS {
        let mut resampler = Resampler::new(in_rate, out_rate).unwrap();
        let delay = resampler.delay_frames() as u64;
        let (up, down) = (u64::from(out_rate), u64::from(in_rate));
        let mut out: [Vec<f32>; 2] = Default::default();
        for taken in 1..=3 * delay + 50 {
            resampler.push([&[0.5], &[0.5]], &mut out);
            let expected = (taken.saturating_sub(delay) * up).div_ceil(down);
            assert_eq!(
                out[0].len() as u64,
                expected,
                "{in_rate}→{out_rate} after {taken}"
            );
        }
    }
}

/// The closed form against the tables: some row uses the newest frame, and none would use one more.
#[test]
fn the_delay_is_how_far_the_table_reaches_ahead() {
    for (in_rate, out_rate) in PAIRS
        .into_iter()
        .chain([(48_000, 32_000), (96_000, 64_000)])
    {
        let (up, down) = reduced(out_rate, in_rate);
        let delay = delay_frames(up, down);
        let kernel = Kernel::new(in_rate, out_rate);
        let mut rows = kernel.rows.chunks(kernel.row_len);
        assert!(
            rows.any(|row| row[kernel.row_len - 1] != 0.0),
            "{in_rate}→{out_rate}: too long"
        );
        let half_width =
            f64::from(HALF_WIDTH) * f64::from(in_rate) / f64::from(in_rate.min(out_rate));
        let last_fraction = (up - 1) as f64 / up as f64;
        let next = delay as f64 + 1.0 - last_fraction;
        assert!(next > half_width, "{in_rate}→{out_rate}: too short");
    }
}

#[test]
fn reset_leaves_no_trace() {
    let input = noise(500, 5);
    let mut resampler = Resampler::new(48_000, 44_100).unwrap();
    resampler.push([&input, &input], &mut Default::default());
    resampler.reset();
    let mut out = Default::default();
    resampler.push([&input, &input], &mut out);
    resampler.flush(&mut out);
    assert_eq!(out[0], resample(48_000, 44_100, &input));
}

#[test]
fn tables_stay_small_at_any_pair_of_rates() {
    for (in_rate, out_rate) in
        PAIRS
            .into_iter()
            .chain([(383_999, 8_000), (8_001, 384_000), (383_996, 8_000)])
    {
        let entries = Kernel::new(in_rate, out_rate).rows.len();
        assert!(
            entries <= MAX_EXACT_ENTRIES,
            "{in_rate}→{out_rate}: {entries} entries"
        );
    }
}

#[test]
fn rates_outside_the_range_are_refused() {
    for (in_rate, out_rate) in [(0, 44_100), (44_100, 0), (7_999, 44_100), (44_100, 384_001)] {
        assert!(matches!(
            Resampler::new(in_rate, out_rate),
            Err(Error::SampleRate { .. })
        ));
    }
}
