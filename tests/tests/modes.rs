//! Another mode or model while the host plays: what is heard, and behind which latency.

use std::time::Duration;

use unweave_live::{LatencyPlan, Timing};
use unweave_separation::Mode;
use unweave_tests::doubles::{self, Modal};
use unweave_tests::session::{Event, Session};
use unweave_tests::signal::{delayed, distance, noise, peak_idx};

/// The model's own, so that stems are the mix times a gain to the last bits.
const RATE: u32 = 44_100;

fn latency_of(mode: Mode) -> usize {
    let plan = Timing::of(&Modal::shape(mode), RATE)
        .map_err(Into::into)
        .and_then(|timing| LatencyPlan::new(timing, RATE, 512));
    plan.expect("every mode has a plan").latency_frames()
}

fn choose(mode: Mode) -> Event {
    Event {
        frame: 0,
        param: "mode",
        value: match mode {
            Mode::Standard => 0.0,
            Mode::Quick => 1.0,
            Mode::Light => 2.0,
        },
    }
}

/// A host that renders, so that every hop is there, in a mode that was chosen before it was activated.
fn session(mode: Mode) -> Session {
    let mut session = Session::new(&doubles::entry(), Modal::ID);
    session.set_offline(true);
    session.activate(RATE, 512);
    session.render([&[0.0; 64], &[0.0; 64]], &[64], &[choose(mode)]);
    activate_anew(&mut session);
    session
}

fn activate_anew(session: &mut Session) {
    session.deactivate();
    session.activate(RATE, 512);
    // Some hosts restart once more after the first: the latency was set then.
    session.idle();
    session.takes_restart_request();
}

/// Plays silence until `is_done`, which other threads bring about.
fn play_until(session: &mut Session, what: &str, mut is_done: impl FnMut(&mut Session) -> bool) {
    for _ in 0..1_000 {
        if is_done(session) {
            return;
        }
        session.render([&[0.0; 512], &[0.0; 512]], &[512], &[]);
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: {}", session.status());
}

/// Checks that an impulse comes out after the latency that the host is told, on every output, and that the
/// stems are those of a mode.
fn check(session: &mut Session, mode: Mode, row: &str) {
    let latency = session.latency();
    let at = 777;
    let mut mix = noise(latency + 6_000, 1);
    mix[at] = 8.0;
    session.reset();
    let outputs = session.render([&mix, &mix], &[512, 100], &[]);
    let expected = delayed(&mix, latency);
    assert!(outputs[0][0] == expected, "{row}: the main output");
    for (stem_idx, gain) in Modal::gains(mode).iter().enumerate() {
        let stem = &outputs[1 + stem_idx][0];
        assert_eq!(peak_idx(stem), at + latency, "{row}, stem {stem_idx}");
        // Until the separated signal has faded in, stems are silent: 3 ms.
        let from = latency + 150;
        let expected: Vec<f32> = expected[from..].iter().map(|x| gain * x).collect();
        let error = distance(&stem[from..], &expected);
        assert!(error < 1e-6, "{row}, stem {stem_idx}: {error}");
    }
}

#[test]
fn every_mode_has_the_latency_that_is_reported() {
    for mode in Mode::ALL {
        let mut session = session(mode);
        assert_eq!(session.latency(), latency_of(mode), "{mode}");
        check(&mut session, mode, mode.name());
    }
    assert!(latency_of(Mode::Quick) < latency_of(Mode::Standard));
    assert!(latency_of(Mode::Standard) < latency_of(Mode::Light));
}

#[test]
fn another_mode_is_heard_behind_the_latency_that_the_host_was_told() {
    for from in Mode::ALL {
        for to in Mode::ALL.into_iter().filter(|to| *to != from) {
            let row = format!("{from} to {to}");
            let mut session = session(from);
            let latency = session.latency();
            session.render([&[0.0; 64], &[0.0; 64]], &[64], &[choose(to)]);
            play_until(&mut session, &row, Session::takes_restart_request);
            assert_eq!(session.latency(), latency, "{row}");
            let status = session.status();
            if latency_of(to) <= latency {
                check(&mut session, to, &row);
                assert!(status.contains("The latency could be "), "{row}: {status}");
            } else {
                check(&mut session, from, &row);
                assert!(status.contains("needs a latency of "), "{row}: {status}");
            }
            assert!(status.ends_with("Switch the plug-in off and on in the host."));

            activate_anew(&mut session);
            assert_eq!(session.latency(), latency_of(to), "{row}");
            check(&mut session, to, &row);
            assert_eq!(session.status(), "Separating", "{row}");
            assert!(!session.takes_restart_request(), "{row}");
        }
    }
}

/// Ardour never restarts a plug-in on request.
#[test]
fn without_a_restart_the_last_of_many_choices_is_heard() {
    let mut session = session(Mode::Light);
    let latency = session.latency();
    for mode in [Mode::Quick, Mode::Standard, Mode::Quick, Mode::Standard] {
        session.render([&[0.0; 64], &[0.0; 64]], &[64], &[choose(mode)]);
        std::thread::sleep(Duration::from_millis(60));
    }
    play_until(&mut session, "the last choice", |session| {
        let mix = [0.5; 512];
        let outputs = session.render([&mix, &mix], &[512], &[]);
        let gain = outputs[1][0][511] / outputs[0][0][511];
        (gain - Modal::gains(Mode::Standard)[0]).abs() < 1e-3
    });
    // And no earlier choice comes after it.
    for _ in 0..30 {
        session.render([&[0.0; 512], &[0.0; 512]], &[512], &[]);
        std::thread::sleep(Duration::from_millis(10));
    }
    check(&mut session, Mode::Standard, "the last choice");
    assert_eq!(session.latency(), latency);
}

#[test]
fn a_configuration_that_is_refused_has_the_latency_of_before_and_is_dry() {
    let mut session = session(Mode::Light);
    let latency = session.latency();
    for _ in 0..2 {
        session.deactivate();
        // No model is run at this rate.
        session.activate(4_000, 512);
        assert_eq!(session.latency(), latency);
        let mix = noise(latency + 3_000, 3);
        let outputs = session.render([&mix, &mix], &[512], &[]);
        assert!(outputs[0][0] == delayed(&mix, latency));
        let status = session.status();
        assert!(status.starts_with("Dry: "), "{status}");
    }
    session.deactivate();
    session.activate(RATE, 512);
    assert_eq!(session.latency(), latency);
    check(&mut session, Mode::Light, "and back");
}
