//! Loading, activating, seeking and unloading, in the orders and at the moments that hosts choose.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use unweave_plugin::ids;
use unweave_tests::doubles::{self, GOOD_HOPS, HANG, Halves, Hanging, Stoppable, small_shape};
use unweave_tests::session::{self, Session};
use unweave_tests::signal::{delayed, noise, peak};

/// Ten times what is promised of an idle machine, which the benchmarks measure: enough to load no model in.
const MOST: Duration = Duration::from_millis(200);

#[test]
fn scanning_and_instantiating_load_no_model() {
    // The machine may be busy: the best of a few is what it takes.
    let fastest = |work: &dyn Fn()| {
        let took = || {
            let started = Instant::now();
            work();
            started.elapsed()
        };
        (0..5).map(|_| took()).min().unwrap()
    };
    let entry = session::entry();
    let scan = fastest(&|| {
        let factory = entry.get_plugin_factory().unwrap();
        let found: Vec<String> = factory
            .plugin_descriptors()
            .map(|plugin| plugin.id().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, [ids::CLAP_ID, ids::CLAP_ID_MULTI_OUT]);
    });
    assert!(scan < MOST, "{scan:?}");
    let instantiate = fastest(&|| drop(Session::new(&entry, ids::CLAP_ID_MULTI_OUT)));
    assert!(instantiate < MOST, "{instantiate:?}");
}

#[test]
fn activating_100_times_keeps_latency_and_alignment() {
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.set_offline(true);
    let mix = noise(9_000, 1);
    for round in 0..100u32 {
        let sample_rate = [44_100, 48_000, 96_000][(round / 10 % 3) as usize];
        session.activate(sample_rate, 512);
        let latency = session.latency();
        if round % 10 == 0 {
            let outputs = session.render([&mix, &mix], &[512], &[]);
            assert!(outputs[0][0] == delayed(&mix, latency), "round {round}");
        } else {
            session.render([&mix[..512], &mix[..512]], &[100], &[]);
        }
        session.deactivate();
    }
}

#[test]
fn a_reset_leaves_nothing_of_what_was_before() {
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.set_offline(true);
    session.activate(44_100, 512);
    let latency = session.latency();
    let expected = {
        let mix = noise(latency + 3_000, 7);
        session.render([&mix, &mix], &[512], &[])
    };
    // Seek at odd moments, also in the middle of what is on its way.
    for played in [1, 700, latency - 1, latency + 5_000] {
        let before = noise(played, 8);
        session.render([&before, &before], &[333], &[]);
        session.reset();
        let mix = noise(latency + 3_000, 7);
        let outputs = session.render([&mix, &mix], &[512], &[]);
        assert!(outputs == expected, "after {played} frames");
    }
}

#[test]
fn a_loop_in_the_timeline_is_just_more_audio() {
    // Hosts that loop without a reset: what comes out is what went in, across the jump as well.
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.set_offline(true);
    session.activate(44_100, 512);
    let latency = session.latency();
    let round = noise(6_000, 9);
    let mix = [&round[..], &round[..], &round[..]].concat();
    let outputs = session.render([&mix, &mix], &[512], &[]);
    assert!(outputs[0][0] == delayed(&mix, latency));
}

#[test]
fn unloading_does_not_wait_for_an_inference() {
    for id in [Hanging::ID, Stoppable::ID] {
        let mut session = Session::new(&doubles::entry(), id);
        session.activate(44_100, 512);
        while session.status().starts_with("Loading") {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mix = noise((GOOD_HOPS + 10) * small_shape().hop_frames, 10);
        for block in mix.chunks(512) {
            session.render([block, block], &[512], &[]);
            std::thread::sleep(Duration::from_millis(2));
        }
        let started = Instant::now();
        drop(session);
        let elapsed = started.elapsed();
        assert!(elapsed < HANG / 2, "{id}: {elapsed:?}");
    }
}

#[test]
fn instances_do_not_wait_for_each_other() {
    for num_instances in [2, 8] {
        let mut hanging = Session::new(&doubles::entry(), Hanging::ID);
        hanging.activate(44_100, 512);
        while hanging.status().starts_with("Loading") {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mix = noise((GOOD_HOPS + 10) * small_shape().hop_frames, 11);
        hanging.render([&mix, &mix], &[512], &[]);
        // The others are done before it is.
        let started = Instant::now();
        let (sender, receiver) = mpsc::channel();
        for seed in 0..num_instances {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut session = Session::new(&doubles::entry(), Halves::ID);
                session.set_offline(true);
                session.activate(44_100, 512);
                let latency = session.latency();
                let mix = noise(latency + 5_000, seed);
                let outputs = session.render([&mix, &mix], &[512], &[]);
                let is_right =
                    outputs[0][0] == delayed(&mix, latency) && peak(&outputs[1][0]) > 0.0;
                sender.send(is_right).unwrap();
            });
        }
        for _ in 0..num_instances {
            assert_eq!(receiver.recv_timeout(HANG), Ok(true));
        }
        assert!(started.elapsed() < HANG);
    }
}

#[test]
fn remote_controls_are_four_gains_and_four_mutes() {
    let mut session = Session::new(&session::entry(), ids::CLAP_ID);
    let pages = session.remote_controls();
    assert_eq!(pages.len(), 1);
    let expected: Vec<String> = ids::PARAMS
        .iter()
        .filter(|id| id.ends_with("_gain") || id.ends_with("_mute"))
        .map(|id| (*id).to_owned())
        .collect();
    assert_eq!(pages[0], expected);
}
