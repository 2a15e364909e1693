//! Nothing asked for, nothing changed; and stems that sum to what went in.

use unweave_live::{Controls, State};
use unweave_separation::doubles::{Delayed, shape};

use crate::rig::{Audio, Outputs, Rig, bits, delayed, noise, small_model};

const RATES: [u32; 11] = [
    8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000,
];

/// Noise with everything in it that arithmetic might not return unchanged.
fn awkward_mix(num_frames: usize) -> Audio {
    let special = [
        -0.0,
        f32::MIN_POSITIVE / 4.0,
        f32::MIN_POSITIVE,
        1e30,
        f32::INFINITY,
        f32::NAN,
        -f32::MAX,
    ];
    let mut mix = noise(num_frames, 1);
    for (value_idx, value) in special.into_iter().enumerate() {
        mix[value_idx % 2][37 + 131 * value_idx] = value;
    }
    mix
}

/// The mix as it is handed on: denormals are zeros of their sign.
fn handed_on(mix: &Audio) -> Audio {
    mix.each_ref().map(|side| {
        let samples = side.iter().map(|sample| match sample.is_subnormal() {
            true => 0.0_f32.copysign(*sample),
            false => *sample,
        });
        samples.collect()
    })
}

#[test]
fn unity_gain_is_the_delayed_mix_bit_for_bit_for_every_block_size() {
    let fixed = [
        1, 2, 3, 7, 16, 31, 64, 65, 100, 128, 256, 511, 512, 513, 1000, 1024, 2048, 4096, 8191,
        8192,
    ];
    let varying = vec![1, 8192, 3, 512, 64, 1023, 17, 4096];
    let cases = fixed.map(|size| vec![size]).into_iter().chain([varying]);
    let mix = awkward_mix(3000);
    for blocks in cases {
        let max_block = *blocks.iter().max().unwrap();
        let mut rig = Rig::new(small_model([0.4, 0.3, -0.2, 0.0]), 44_100, max_block);
        let out = rig.play(&mix, &blocks, &Controls::default());
        let expected = delayed(&handed_on(&mix), rig.plan.latency_frames());
        assert!(bits(&out.main) == bits(&expected), "blocks of {blocks:?}");
    }
}

#[test]
fn unity_gain_is_the_delayed_mix_bit_for_bit_at_every_sample_rate() {
    let mix = awkward_mix(2000);
    for rate in RATES {
        let mut rig = Rig::new(small_model([0.4, 0.3, -0.2, 0.0]), rate, 512);
        let out = rig.play(&mix, &[100, 512, 1], &Controls::default());
        let expected = delayed(&handed_on(&mix), rig.plan.latency_frames());
        assert!(bits(&out.main) == bits(&expected), "at {rate} Hz");
    }
}

/// Largest error of the sum in f32, as a host adds its tracks up, in units of the last place of the
/// largest number on the way.
fn sum_error_ulps(out: &Outputs, expected: &Audio) -> f64 {
    let mut worst = 0.0_f64;
    for channel_idx in 0..2 {
        for frame_idx in 0..expected[channel_idx].len() {
            let mix = expected[channel_idx][frame_idx];
            let (mut sum, mut largest) = (0.0, mix.abs());
            for stem in &out.stems {
                let term = stem[channel_idx][frame_idx];
                sum += term;
                largest = largest.max(f32::abs(term)).max(f32::abs(sum));
            }
            let ulp = f64::from(largest.next_up()) - f64::from(largest);
            worst = worst.max((f64::from(sum) - f64::from(mix)).abs() / ulp);
        }
    }
    worst
}

#[test]
fn stem_outputs_sum_to_the_delayed_mix_within_one_ulp() {
    let mix = noise(6000, 2);
    for rate in RATES {
        let mut rig = Rig::new(small_model([0.47, 0.31, -0.213, 0.0]), rate, 512);
        let out = rig.play(&mix, &[64, 511, 7], &Controls::default());
        let expected = delayed(&mix, rig.plan.latency_frames());
        let error = sum_error_ulps(&out, &expected);
        assert!(error <= 1.0, "{error} ulp at {rate} Hz");
        assert_eq!(rig.status.late_hops(), 0, "at {rate} Hz");
    }
}

#[test]
fn stem_outputs_sum_to_the_delayed_mix_with_sensitivity_too() {
    let mix = noise(6000, 3);
    let mut controls = Controls::default();
    for (stem, sensitivity) in controls.stems.iter_mut().zip([-1.0, 0.7, -0.3]) {
        stem.sensitivity = sensitivity;
    }
    let mut rig = Rig::new(small_model([0.47, 0.31, 0.013, 0.0]), 44_100, 512);
    let plain = rig.play(&mix, &[256], &Controls::default());
    rig.audio.reset();
    let shaped = rig.play(&mix, &[256], &controls);
    let expected = delayed(&mix, rig.plan.latency_frames());
    assert!(sum_error_ulps(&shaped, &expected) <= 1.0);
    assert!(bits(&shaped.main) == bits(&expected));
    // The first stem has most of the energy everywhere, so there is nothing to take off.
    let is_changed = [0, 1, 2, 3].map(|idx| bits(&plain.stems[idx]) != bits(&shaped.stems[idx]));
    assert_eq!(is_changed, [false, true, true, true]);
}

/// The built-in model's timing.
#[test]
fn a_model_of_real_size_is_heard_in_time() {
    let mix = noise(20_000, 4);
    let mut rig = Rig::new(
        Delayed::new(shape(44_100, 1024, 4096), &[0.5, 0.25, 0.125, 0.0]),
        44_100,
        512,
    );
    let out = rig.play(&mix, &[512], &Controls::default());
    let expected = delayed(&mix, rig.plan.latency_frames());
    for (stem, gain) in out.stems.iter().zip([0.5, 0.25, 0.125, 0.125]) {
        for (stem, mix) in stem.iter().flatten().zip(expected.iter().flatten()) {
            // Powers of two are exact, and so is what they leave over.
            assert_eq!(*stem, gain * mix);
        }
    }
    assert_eq!(rig.status.state(), State::Running);
}

/// Hosts and frameworks flush what is computed; that what comes in is not computed with takes our own doing.
#[test]
fn numbers_too_small_for_the_processor_are_not_computed_with() {
    let mix = [vec![f32::MIN_POSITIVE / 4.0; 3000], vec![-1e-40; 3000]];
    let mut rig = Rig::new(small_model([0.4, 0.3, -0.2, 0.0]), 44_100, 512);
    let mut controls = Controls::default();
    controls.stems[0].gain = 0.5;
    let out = rig.play(&mix, &[512], &controls);
    let settled = rig.plan.latency_frames() + 2000;
    assert!(
        out.main
            .iter()
            .flat_map(|side| &side[settled..])
            .all(|sample| *sample == 0.0)
    );
    // Nor handed on, where nothing is computed.
    let mut rig = Rig::new(small_model([0.4, 0.3, -0.2, 0.0]), 44_100, 512);
    let out = rig.play(&mix, &[512], &Controls::default());
    let zeros = [vec![0.0; 3000], vec![-0.0; 3000]];
    let expected = delayed(&zeros, rig.plan.latency_frames());
    assert!(bits(&out.main) == bits(&expected));
}
