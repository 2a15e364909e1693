//! Stems that are late, fail or never come: the aligned mix is heard instead, without a click.

use unweave_live::{Controls, Fault, LatencyPlan, Refusal, State, StemControl, Timing};
use unweave_separation::doubles::{Failing, NotANumber, Passthrough, shape};

use crate::rig::{Audio, Outputs, Rig, bits, delayed, max_second_difference, noise, tone};

const TONE_FRAMES: u16 = 441;
const RATE: u32 = 44_100;

/// The first stem, which is all of the mix in these tests, is muted: silence while stems are there.
fn muted() -> Controls {
    let mut controls = Controls::default();
    controls.stems[0].is_muted = true;
    controls
}

/// Largest second difference of `a sin` under a fade w of F frames: |x″| + 2 |w′| |x′| + |w″| |x|. The
/// fade is the mean over F / 2 of a line of slope 2 / F or less, so |w′| ≤ 2 / F, and |w″| ≤ 8 / F² where
/// the line turns round.
fn smooth_bound(fade_frames: usize) -> f32 {
    let fade = f32::from(u16::try_from(fade_frames).unwrap());
    let (x, dx) = (0.5, 0.5 * std::f32::consts::TAU / f32::from(TONE_FRAMES));
    let ddx = dx * std::f32::consts::TAU / f32::from(TONE_FRAMES);
    // A little more for rounding and for differences that are not derivatives.
    1.02 * (ddx + 2.0 * 2.0 / fade * dx + 8.0 / (fade * fade) * x)
}

/// Where the mix is heard although its only stem is muted.
fn heard(out: &Outputs) -> Vec<usize> {
    (0..out.main[0].len())
        .filter(|frame_idx| out.main[0][*frame_idx] != 0.0)
        .collect()
}

/// Main output and stem must fade between nothing and `mix`, in step. The start of the tone, which is
/// a kink of its own, is left out of the measurement.
fn assert_faded(out: &Outputs, mix: &Audio, fade_frames: usize) {
    let bound = smooth_bound(fade_frames);
    let start = mix[0].iter().position(|sample| *sample != 0.0).unwrap();
    for channel_idx in 0..2 {
        let (main, stem) = (&out.main[channel_idx], &out.stems[0][channel_idx]);
        assert!(max_second_difference(&main[start..]) <= bound, "{bound}");
        assert!(max_second_difference(&stem[start..]) <= bound, "{bound}");
        for ((main, stem), mix) in main.iter().zip(stem).zip(&mix[channel_idx]) {
            assert!(
                (main + stem - mix).abs() < 1e-6,
                "{main} + {stem} is not {mix}"
            );
        }
    }
}

#[test]
fn the_bound_for_smoothness_finds_a_click() {
    let mut cut = tone(2000, TONE_FRAMES);
    cut[0][1000..].fill(0.0);
    assert!(max_second_difference(&cut[0]) > 20.0 * smooth_bound(132));
}

#[test]
fn a_late_hop_is_dry_and_faded_and_counted() {
    let mut rig = Rig::new(Passthrough::new(shape(RATE, 64, 256)), RATE, 512);
    let mix = tone(40_000, TONE_FRAMES);
    let mut block_idx = 0;
    let out = rig.play_with(
        &mix,
        &[128],
        |_| muted(),
        |rig| {
            block_idx += 1;
            // The worker is held up three times, for 23, 9 and 70 ms.
            if !matches!(block_idx, 60..68 | 120..123 | 200..224) {
                rig.work();
            }
        },
    );
    let expected = delayed(&mix, rig.plan.latency_frames());
    assert_faded(&out, &expected, rig.plan.fade_frames());
    let heard = heard(&out);
    assert!(!heard.is_empty());
    // Late by less than the lanes hold: all of it was only late, and the stems came back.
    assert!(heard.len() < 24 * 128 + 8 * 128 + 4 * rig.plan.fade_frames());
    assert!(
        (1..=60).contains(&rig.status.late_hops()),
        "{}",
        rig.status.late_hops()
    );
    assert_eq!(rig.status.state(), State::Running);
}

#[test]
fn a_worker_that_was_away_for_long_starts_afresh_and_in_step() {
    let mut rig = Rig::new(Passthrough::new(shape(RATE, 64, 256)), RATE, 512);
    let mix = tone(60_000, TONE_FRAMES);
    let mut block_idx = 0;
    let out = rig.play_with(
        &mix,
        &[512],
        |_| muted(),
        |rig| {
            block_idx += 1;
            if !matches!(block_idx, 30..70) {
                rig.work();
            }
        },
    );
    let expected = delayed(&mix, rig.plan.latency_frames());
    assert_faded(&out, &expected, rig.plan.fade_frames());
    let heard = heard(&out);
    assert!(heard.len() > 30 * 512);
    // From a latency after its return on, all is as before.
    assert!(*heard.last().unwrap() < 70 * 512 + 2 * rig.plan.latency_frames());
}

#[test]
fn one_failed_hop_is_a_faded_gap_after_which_stems_return() {
    let model = NotANumber::once(shape(RATE, 64, 256), 199);
    let mut rig = Rig::new(model, RATE, 512);
    let mix = tone(40_000, TONE_FRAMES);
    let out = rig.play(&mix, &[128], &muted());
    let expected = delayed(&mix, rig.plan.latency_frames());
    assert_faded(&out, &expected, rig.plan.fade_frames());
    assert_eq!(rig.status.failed_hops(), 1);
    assert_eq!(rig.status.state(), State::Running);
    // The window has to fill again: a window, what was on the way, and the fades.
    let num_heard = heard(&out).len();
    assert!(
        (256..256 + 2 * 64 + 2 * 132).contains(&num_heard),
        "{num_heard}"
    );
}

#[test]
fn a_model_that_fails_or_gives_nan_for_good_is_given_up_with_its_reason() {
    let shape = shape(RATE, 64, 256);
    let failing = |rig: &mut Rig, words: &str| {
        let mix = noise(60_000, 6);
        let out = rig.play(&mix, &[256], &muted());
        assert_eq!(rig.status.state(), State::Refused(Fault::Inference));
        assert!(rig.status.failed_hops() > 1);
        let reason = rig.status.reason().unwrap();
        assert!(reason.contains(words), "{reason}");
        // From some frame on, the mix bit for bit and no stems.
        let expected = delayed(&mix, rig.plan.latency_frames());
        for channel_idx in 0..2 {
            assert!(out.main[channel_idx][30_000..] == expected[channel_idx][30_000..]);
            assert!(
                out.main[channel_idx]
                    .iter()
                    .all(|sample| sample.is_finite())
            );
        }
        for stem in out.stems.iter().flatten() {
            assert!(stem[30_000..].iter().all(|sample| *sample == 0.0));
            assert!(stem.iter().all(|sample| sample.is_finite()));
        }
        assert!(
            out.stems[0][0].iter().any(|sample| *sample != 0.0),
            "it worked at first"
        );
    };
    failing(
        &mut Rig::new(Failing::new(shape.clone(), 100), RATE, 512),
        "told to fail",
    );
    failing(
        &mut Rig::new(NotANumber::new(shape, 100), RATE, 512),
        "not a number",
    );
}

#[test]
fn without_a_model_the_mix_is_untouched_and_the_stem_outputs_are_silent() {
    let shape = shape(RATE, 64, 256);
    let plan = LatencyPlan::new(Timing::of(&shape, RATE).unwrap(), RATE, 512).unwrap();
    let faults = [
        Fault::NoModel,
        Fault::BadModel,
        Fault::NoRuntime,
        Fault::Mismatch,
    ];
    for fault in faults {
        let refusal = Refusal {
            fault,
            reason: "run `unweave models`".to_owned(),
        };
        let mut rig = Rig::refused(&shape, plan, refusal);
        let mix = noise(5000, 7);
        let mut controls = muted();
        controls.stems[1] = StemControl {
            gain: 4.0,
            sensitivity: -1.0,
            ..StemControl::default()
        };
        let out = rig.play(&mix, &[512, 3], &controls);
        assert!(bits(&out.main) == bits(&delayed(&mix, plan.latency_frames())));
        assert!(
            out.stems
                .iter()
                .flatten()
                .flatten()
                .all(|sample| *sample == 0.0)
        );
        assert_eq!(rig.status.state(), State::Refused(fault));
        assert_eq!(rig.status.reason().as_deref(), Some("run `unweave models`"));
        assert_eq!(rig.status.late_hops(), 0, "a fault is not lateness");
    }
}

#[test]
fn while_the_model_loads_the_mix_is_dry_and_then_the_stems_fade_in() {
    let shape = shape(RATE, 64, 256);
    let plan = LatencyPlan::new(Timing::of(&shape, RATE).unwrap(), RATE, 512).unwrap();
    let mut rig = Rig::unloaded(Passthrough::new(shape), plan, std::time::Duration::ZERO);
    assert_eq!(rig.status.state(), State::Loading);
    let mix = tone(40_000, TONE_FRAMES);
    let mut block_idx = 0;
    let out = rig.play_with(
        &mix,
        &[256],
        |_| muted(),
        |rig| {
            block_idx += 1;
            if block_idx >= 60 {
                rig.work();
            }
        },
    );
    assert_faded(
        &out,
        &delayed(&mix, plan.latency_frames()),
        plan.fade_frames(),
    );
    assert_eq!(rig.status.state(), State::Running);
    assert_eq!(
        rig.status.late_hops(),
        0,
        "nothing was promised while loading"
    );
    let last = *heard(&out).last().unwrap();
    let (loaded, first_window) = (60 * 256, plan.latency_frames() + plan.fade_frames());
    assert!(
        (loaded..loaded + first_window + 256).contains(&last),
        "{last}"
    );
}

#[test]
fn a_mix_that_is_not_a_number_does_no_lasting_harm() {
    let mut rig = Rig::new(Passthrough::new(shape(RATE, 64, 256)), RATE, 512);
    let mut mix = noise(30_000, 8);
    mix[0][5000] = f32::NAN;
    mix[1][5001] = f32::INFINITY;
    let out = rig.play(&mix, &[512], &muted());
    assert_eq!((rig.status.failed_hops(), rig.status.late_hops()), (0, 0));
    let latency = rig.plan.latency_frames();
    let not_silent: Vec<usize> = (0..out.main[0].len())
        .filter(|idx| out.main[0][*idx] != 0.0 || out.main[1][*idx] != 0.0)
        .collect();
    assert_eq!(
        not_silent,
        [latency + 5000, latency + 5001],
        "what came in is passed on"
    );
    assert!(
        out.stems
            .iter()
            .flatten()
            .flatten()
            .all(|sample| sample.is_finite())
    );
}
