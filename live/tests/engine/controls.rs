//! Gains, mutes, solos, comparison and bypass: what is heard, from which frame on, and how smoothly.

use unweave_live::{Controls, StemControl};

use crate::rig::{Audio, Rig, bits, delayed, max_second_difference, noise, small_model};

const RATE: u32 = 44_100;
/// 10 ms.
const RAMP_FRAMES: usize = 441;
/// Powers of two, so that every product and sum in these tests is exact. The rest is 1/8.
const GAINS: [f32; 4] = [0.5, 0.25, 0.125, 0.0];
const SHARES: [f32; 4] = [0.5, 0.25, 0.125, 0.125];

fn rig() -> Rig {
    Rig::new(small_model(GAINS), RATE, 512)
}

fn scaled(mix: &Audio, gain: f32) -> Audio {
    mix.each_ref()
        .map(|mix| mix.iter().map(|sample| gain * sample).collect())
}

#[test]
fn gain_mute_and_solo_make_the_mix_of_what_is_left() {
    let mix = noise(3000, 10);
    let stem = |gain, is_muted, is_soloed| StemControl {
        gain,
        is_muted,
        is_soloed,
        sensitivity: 0.0,
    };
    let plain = stem(1.0, false, false);
    let (muted, soloed, both) = (
        stem(1.0, true, false),
        stem(1.0, false, true),
        stem(1.0, true, true),
    );
    let cases = [
        ([stem(0.0, false, false), plain, plain, plain], 0.5),
        ([stem(2.0, false, false), plain, plain, plain], 1.5),
        ([plain, muted, plain, plain], 0.75),
        ([plain, muted, muted, muted], 0.5),
        ([muted, muted, muted, muted], 0.0),
        ([soloed, plain, plain, plain], 0.5),
        ([plain, soloed, soloed, plain], 0.375),
        ([both, soloed, plain, plain], 0.25),
        ([both, plain, plain, plain], 0.0),
        ([plain, stem(4.0, false, true), plain, plain], 1.0),
        ([plain, plain, plain, stem(0.5, false, false)], 0.9375),
    ];
    for (case_idx, (stems, gain)) in cases.into_iter().enumerate() {
        let mut controls = Controls::default();
        controls.stems[..4].copy_from_slice(&stems);
        let mut rig = rig();
        let out = rig.play(&mix, &[512, 1, 77], &controls);
        let expected = delayed(&mix, rig.plan.latency_frames());
        assert!(out.main == scaled(&expected, gain), "case {case_idx}");
        for (stem_idx, share) in SHARES.into_iter().enumerate() {
            let is_as_it_was = out.stems[stem_idx] == scaled(&expected, share);
            assert!(
                is_as_it_was,
                "case {case_idx}: the outputs are the stems themselves"
            );
        }
    }
}

/// A constant mix, so that the output shows the gain.
fn constant(num_frames: usize) -> Audio {
    [vec![1.0; num_frames], vec![1.0; num_frames]]
}

#[test]
fn a_gain_change_is_a_straight_line_of_10_ms_from_its_frame_on_for_every_block_size() {
    let change_frame = 2048;
    let controls_at = |start: usize| {
        let mut controls = Controls::default();
        if start >= change_frame {
            controls.stems[0].gain = 3.0;
        }
        controls
    };
    // Hosts that automate to the frame cut their blocks there: these sizes do.
    for blocks in [
        vec![1],
        vec![512],
        vec![64],
        vec![511, 1, 3, 509],
        vec![16, 48],
    ] {
        let mut rig = rig();
        let out = rig.play_with(&constant(6000), &blocks, controls_at, Rig::work);
        for (frame_idx, sample) in out.main[0].iter().enumerate() {
            if frame_idx < rig.plan.latency_frames() {
                assert_eq!(*sample, 0.0);
                continue;
            }
            let steps = frame_idx.saturating_sub(change_frame).min(RAMP_FRAMES);
            let part = f32::from(u16::try_from(steps).unwrap()) / 441.0;
            // Gain 1 + 2 part on half of the mix.
            let expected = 1.0 + 0.5 * 2.0 * part;
            assert!(
                (sample - expected).abs() < 1e-6,
                "frame {frame_idx}: {sample}, {blocks:?}"
            );
        }
    }
}

#[test]
fn a_change_in_the_middle_of_a_change_goes_on_from_where_it_is() {
    let controls_at = |start: usize| {
        let mut controls = Controls::default();
        controls.stems[0].gain = match start {
            0..2048 => 1.0,
            2048..2304 => 4.0,
            _ => 0.0,
        };
        controls
    };
    let mut rig = rig();
    let out = rig.play_with(&constant(6000), &[256], controls_at, Rig::work);
    let sounding = &out.main[0][rig.plan.latency_frames()..];
    let largest_step = sounding
        .windows(2)
        .map(|w| (w[1] - w[0]).abs())
        .fold(0.0, f32::max);
    // The steepest line is 3 in 441 frames, on half of the mix.
    assert!(largest_step < 0.5 * 3.0 / 441.0 * 1.001, "{largest_step}");
    assert_eq!(sounding[4000], 0.5);
}

#[test]
fn comparison_and_bypass_cross_fade_to_the_aligned_mix_and_back() {
    let mix = noise(12_000, 11);
    for is_bypass in [false, true] {
        let controls_at = |start: usize| {
            let mut controls = Controls::default();
            controls.stems[0].is_muted = true;
            let is_on = (4096..8192).contains(&start);
            controls.is_dry = is_on && !is_bypass;
            controls.is_bypassed = is_on && is_bypass;
            controls
        };
        let mut rig = rig();
        let out = rig.play_with(&mix, &[128], controls_at, Rig::work);
        let expected = delayed(&mix, rig.plan.latency_frames());
        let on = 4096 + RAMP_FRAMES..8192;
        let off = 8192 + RAMP_FRAMES..out.main[0].len();
        for channel_idx in 0..2 {
            let (main, dry) = (&out.main[channel_idx], &expected[channel_idx]);
            assert!(main[on.clone()] == dry[on.clone()], "dry, bit for bit");
            let half: Vec<f32> = dry[off.clone()].iter().map(|sample| 0.5 * sample).collect();
            assert!(main[off.clone()] == half, "separated again");
            let stem = &out.stems[0][channel_idx];
            let is_silent = stem[on.clone()].iter().all(|sample| *sample == 0.0);
            assert_eq!(
                is_silent, is_bypass,
                "bypass silences the stems, comparison does not"
            );
            assert!(stem[off.clone()] == half);
        }
    }
}

#[test]
fn switching_does_not_click() {
    // A constant shows nothing but the switch: a straight line bends by its slope at both ends.
    let controls_at = |start: usize| {
        let mut controls = Controls::default();
        controls.stems[0].is_muted = start >= 2048;
        controls.stems[2].is_soloed = start >= 3072;
        controls.is_dry = start >= 4096;
        controls.is_bypassed = start >= 5120;
        controls
    };
    let mut rig = rig();
    let out = rig.play_with(&constant(8000), &[64], controls_at, Rig::work);
    for channel in out.main.iter().chain(out.stems.iter().flatten()) {
        let bend = max_second_difference(&channel[rig.plan.latency_frames()..]);
        assert!(bend <= 1.0 / 441.0 * 1.001, "{bend}");
    }
}

#[test]
fn values_that_are_not_finite_are_ignored() {
    let mix = noise(4000, 12);
    let mut controls = Controls {
        residual_gain: f32::NAN,
        ..Controls::default()
    };
    for (stem, value) in controls.stems.iter_mut().zip([f32::NAN, f32::INFINITY]) {
        stem.gain = value;
        stem.sensitivity = value;
    }
    controls.stems[1].sensitivity = f32::NAN;
    let mut rig = rig();
    let out = rig.play(&mix, &[512], &controls);
    assert!(bits(&out.main) == bits(&delayed(&mix, rig.plan.latency_frames())));
}

#[test]
fn outputs_may_be_missing_short_or_more_than_the_model_has() {
    let mut rig = Rig::new(small_model(GAINS), RATE, 8192);
    let controls = Controls::default();
    let (mut left, mut right) = (vec![1.0; 8192], vec![1.0; 8192]);
    let (mut stem_left, mut stem_right) = (vec![9.0; 8192], vec![9.0; 100]);
    let (mut extra_left, mut extra_right) = (vec![9.0; 8192], vec![9.0; 8192]);
    for _ in 0..2 {
        rig.audio
            .process([&mut left, &mut right], &mut [], &controls);
        rig.work();
        left.fill(1.0);
        right.fill(1.0);
    }
    rig.audio.process(
        [&mut left, &mut right],
        &mut [
            None,
            Some([&mut stem_left, &mut stem_right]),
            None,
            None,
            Some([&mut extra_left, &mut extra_right]),
        ],
        &controls,
    );
    assert_eq!(left, vec![1.0; 8192]);
    assert_eq!(stem_left[0], 0.25);
    assert_eq!(extra_left, vec![0.0; 8192], "the model has no fifth stem");
    rig.audio.process([&mut [], &mut []], &mut [], &controls);
}
