//! Sensitivity against its closed form, for stems that are fixed parts of the mix.

use unweave_live::Controls;

use crate::rig::{Audio, Outputs, Rig, bits, delayed, noise, small_model};

const RATE: u32 = 44_100;
/// The last stem gets what is left: 0.2.
const GAINS: [f32; 4] = [0.6, 0.15, 0.05, 0.0];
const PARTS: [f32; 4] = [0.6, 0.15, 0.05, 0.2];

/// All stems are the same noise, so their share of the energy is the same in every band and at every
/// time: w = p² / Σ p².
fn share(stem_idx: usize) -> f32 {
    PARTS[stem_idx].powi(2) / PARTS.iter().map(|part| part * part).sum::<f32>()
}

fn with_sensitivity(amounts: [f32; 3]) -> Controls {
    let mut controls = Controls::default();
    for (stem, amount) in controls.stems.iter_mut().zip(amounts) {
        stem.sensitivity = amount;
    }
    controls
}

fn play(controls: &Controls, blocks: &[usize]) -> (Outputs, Audio) {
    let mut rig = Rig::new(small_model(GAINS), RATE, 512);
    let mix = noise(9000, 30);
    let out = rig.play(&mix, blocks, controls);
    (out, delayed(&mix, rig.plan.latency_frames()))
}

/// The gain of an output, once the factors have settled.
fn gain_of(out: &Audio, mix: &Audio) -> f32 {
    let (mut product, mut energy) = (0.0, 0.0);
    for frame_idx in 5000..out[0].len() {
        product += out[0][frame_idx] * mix[0][frame_idx];
        energy += mix[0][frame_idx] * mix[0][frame_idx];
    }
    product / energy
}

fn assert_near(actual: f32, expected: f32, what: &str) {
    assert!(
        (actual - expected).abs() < 1e-3,
        "{what}: {actual}, not {expected}"
    );
}

#[test]
fn less_of_the_others_expands_by_the_share_of_the_energy() {
    for amount in [-0.25, -0.5, -1.0] {
        let (out, mix) = play(&with_sensitivity([amount; 3]), &[512]);
        let mut sum = 0.0;
        for stem_idx in 0..3 {
            let factor = (2.0 * share(stem_idx)).min(1.0).powf(-3.0 * amount);
            let expected = PARTS[stem_idx] * factor;
            assert_near(
                gain_of(&out.stems[stem_idx], &mix),
                expected,
                &format!("stem {stem_idx}"),
            );
            sum += expected;
        }
        assert_near(gain_of(&out.stems[3], &mix), 1.0 - sum, "residual");
        assert!(bits(&out.main) == bits(&mix), "nothing is lost");
    }
}

#[test]
fn more_of_the_stem_takes_in_the_others_where_it_dominates() {
    let (out, mix) = play(&with_sensitivity([1.0, 0.0, 0.5]), &[512]);
    let taken = |stem_idx: usize, amount: f32| {
        let part = amount * share(stem_idx).powi(2);
        PARTS[stem_idx] + part * (1.0 - PARTS[stem_idx])
    };
    assert_near(gain_of(&out.stems[0], &mix), taken(0, 1.0), "first");
    assert_near(gain_of(&out.stems[1], &mix), PARTS[1], "not asked for");
    assert_near(gain_of(&out.stems[2], &mix), taken(2, 0.5), "third");
}

#[test]
fn the_residual_can_be_left_out() {
    let mut controls = with_sensitivity([0.0, -1.0, -1.0]);
    controls.residual_gain = 0.25;
    let (out, mix) = play(&controls, &[512]);
    let removed: f32 = [1, 2]
        .map(|idx| PARTS[idx] * (1.0 - (2.0 * share(idx)).powi(3)))
        .iter()
        .sum();
    assert_near(
        gain_of(&out.stems[3], &mix),
        PARTS[3] + 0.25 * removed,
        "stem",
    );
    assert_near(gain_of(&out.main, &mix), 1.0 - 0.75 * removed, "main");
}

#[test]
fn sensitivity_does_not_depend_on_the_block_size() {
    let controls = with_sensitivity([0.4, -0.8, -0.1]);
    let (expected, _) = play(&controls, &[512]);
    for blocks in [vec![1], vec![16], vec![100, 3], vec![77]] {
        let (out, _) = play(&controls, &blocks);
        for (stem, expected) in out.stems.iter().zip(&expected.stems) {
            assert!(bits(stem) == bits(expected), "{blocks:?}");
        }
    }
}

#[test]
fn back_at_neutral_the_stems_are_the_model_s_own_bit_for_bit() {
    let mix = noise(12_000, 31);
    let mut rig = Rig::new(small_model(GAINS), RATE, 512);
    let controls_at = |start: usize| match start {
        3072..6144 => with_sensitivity([0.4, -0.8, -0.1]),
        _ => Controls::default(),
    };
    let out = rig.play_with(&mix, &[512], controls_at, Rig::work);
    rig.audio.reset();
    let plain = rig.play(&mix, &[512], &Controls::default());
    // 10 ms for the setting, two ticks for the factors.
    let neutral = 6144 + 441 + 32;
    for (stem, plain) in out.stems.iter().flatten().zip(plain.stems.iter().flatten()) {
        assert!(stem[..3072] == plain[..3072]);
        assert!(stem[neutral..] == plain[neutral..]);
        assert!(stem[5000..6000] != plain[5000..6000]);
    }
}
