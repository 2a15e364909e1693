//! Gains, mutes, solos, comparison and bypass: what is heard, from which frame on, and without clicks.

use unweave_tests::doubles::{self, HALVES, Halves};
use unweave_tests::session::{Event, Session};
use unweave_tests::signal::{delayed, distance, noise, peak, steepest};

const RATE: u32 = 44_100;
/// Ramps are 10 ms.
const RAMP: usize = 441;
/// The position of 0 dB on the cubic fader that ends at +12 dB: 10^(−12 / 60).
const UNITY: f64 = 0.630_957_344_480_193_2;

fn render(mix: &[f32], events: &[Event]) -> (usize, Vec<[Vec<f32>; 2]>) {
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.set_offline(true);
    session.activate(RATE, 512);
    (
        session.latency(),
        session.render([mix, mix], &[512], events),
    )
}

fn event(frame: usize, param: &'static str, value: f64) -> Event {
    Event {
        frame,
        param,
        value,
    }
}

/// What a low tone at full scale does from frame to frame.
fn tone(num_frames: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * 50.0 / f64::from(RATE);
    #[expect(clippy::cast_possible_truncation, reason = "test signals are f32")]
    (0..num_frames)
        .map(|frame| (step * frame as f64).sin() as f32)
        .collect()
}

/// Expected share of the mix in the main output, for settings from the first frame on.
#[test]
fn settled_gains_are_those_that_the_parameters_say() {
    let mix = noise(12_000, 1);
    let half = UNITY / 2f64.cbrt();
    let cases: [(&str, Vec<Event>, f32); 8] = [
        ("nothing", vec![], 1.0),
        ("0 dB by hand", vec![event(0, "vocals_gain", UNITY)], 1.0),
        (
            "vocals muted",
            vec![event(0, "vocals_mute", 1.0)],
            1.0 - HALVES[2],
        ),
        (
            "drums off",
            vec![event(0, "drums_gain", 0.0)],
            1.0 - HALVES[0],
        ),
        (
            "drums halved",
            vec![event(0, "drums_gain", half)],
            1.0 - HALVES[0] / 2.0,
        ),
        ("bass solo", vec![event(0, "bass_solo", 1.0)], HALVES[1]),
        (
            "bass solo but muted, other solo",
            vec![
                event(0, "bass_solo", 1.0),
                event(0, "bass_mute", 1.0),
                event(0, "other_solo", 1.0),
            ],
            HALVES[3],
        ),
        (
            "drums +12 dB",
            vec![event(0, "drums_gain", 1.0)],
            1.0 + HALVES[0] * (10f32.powf(12.0 / 20.0) - 1.0),
        ),
    ];
    for (name, events, share) in cases {
        let (latency, outputs) = render(&mix, &events);
        let expected: Vec<f32> = delayed(&mix, latency).iter().map(|x| share * x).collect();
        let error = distance(&outputs[0][0][latency..], &expected[latency..]);
        assert!(error < 2e-6, "{name}: {error}");
    }
}

#[test]
fn a_change_starts_at_its_frame_and_ends_a_ramp_later() {
    let mix = vec![0.5; 16_000];
    let at = 12_345;
    let (latency, outputs) = render(&mix, &[event(at, "drums_mute", 1.0)]);
    let main = &outputs[0][0];
    assert!(main[latency..=at].iter().all(|x| *x == 0.5), "not before");
    assert!(main[at + 2] < 0.5, "from that frame on");
    let muted = 0.5 * (1.0 - HALVES[0]);
    assert!(main[at + RAMP - 2] > muted, "a ramp and no step");
    assert!((main[at + RAMP + 1] - muted).abs() < 1e-6, "and no longer");
    let halfway = main[at + RAMP / 2];
    assert!(
        (halfway - 0.5 * (1.0 - HALVES[0] / 2.0)).abs() < 1e-3,
        "{halfway}: linear"
    );
}

#[test]
fn no_change_of_any_switch_or_gain_clicks() {
    let mix = tone(40_000);
    let plain = steepest(&mix);
    for (param, one, other) in [
        ("vocals_mute", 1.0, 0.0),
        ("drums_solo", 1.0, 0.0),
        ("drums_gain", 0.0, 1.0),
        ("bass_sensitivity", 0.0, 1.0),
        ("compare", 1.0, 0.0),
        ("bypass", 1.0, 0.0),
    ] {
        // On and off at odd places, also before a ramp has ended. Vocals are off, so that comparison and
        // bypass are heard.
        let mut events = vec![event(0, "vocals_gain", 0.0)];
        for (idx, frame) in [9_000, 9_100, 15_001, 15_250, 22_222, 30_000]
            .into_iter()
            .enumerate()
        {
            events.push(event(frame, param, if idx % 2 == 0 { one } else { other }));
        }
        let (latency, outputs) = render(&mix, &events);
        for (idx, output) in outputs.iter().enumerate() {
            // d(g·x) = g·dx + x·dg: gains are at most 10^(12/20) for one stem, and the share of the mix
            // that a ramp changes is at most that too.
            let gain = 1.0 + HALVES[0] * (3.982 - 1.0);
            let limit = gain * plain + 1.05 * gain / 441.0;
            let found = steepest(&output[0][latency + 200..]);
            assert!(found <= limit, "{param}, output {idx}: {found} > {limit}");
        }
    }
}

#[test]
fn comparison_and_bypass_give_the_aligned_dry_signal() {
    let mix = noise(14_000, 2);
    for (param, are_stems_silent) in [("compare", false), ("bypass", true)] {
        let events = [event(0, "vocals_mute", 1.0), event(0, param, 1.0)];
        let (latency, outputs) = render(&mix, &events);
        let from = latency + RAMP;
        assert!(
            outputs[0][0][from..] == delayed(&mix, latency)[from..],
            "{param}"
        );
        let loudest = peak(&outputs[1][0][from..]);
        assert_eq!(loudest == 0.0, are_stems_silent, "{param}: {loudest}");
    }
}

#[test]
fn block_size_does_not_move_automation() {
    let mix = noise(14_000, 3);
    let events = [
        event(8_001, "vocals_mute", 1.0),
        event(9_777, "drums_gain", 0.3),
        event(9_778, "bass_solo", 1.0),
        event(11_111, "compare", 1.0),
    ];
    let mut outputs = [&[512][..], &[1], &[100, 37, 512]]
        .into_iter()
        .map(|blocks| {
            let mut session = Session::new(&doubles::entry(), Halves::ID);
            session.set_offline(true);
            session.activate(RATE, 512);
            session.render([&mix, &mix], blocks, &events)
        });
    let expected = outputs.next();
    assert!(outputs.all(|output| Some(output) == expected));
}
