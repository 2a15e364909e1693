//! Late, slow, broken, lying and missing models: what is heard is aligned, finite, and said.

use std::path::Path;

use unweave_plugin::ids;
use unweave_tests::doubles::{
    self, Broken, GOOD_HOPS, Late, Missing, NaN, Slow, SlowToLoad, small_shape,
};
use unweave_tests::session::{Event, Session};
use unweave_tests::signal::{delayed, noise, peak};

const RATE: u32 = 44_100;

const MUTE_ALL: [Event; 4] = [
    mute("drums_mute"),
    mute("bass_mute"),
    mute("vocals_mute"),
    mute("other_mute"),
];

const fn mute(param: &'static str) -> Event {
    Event {
        frame: 0,
        param,
        value: 1.0,
    }
}

fn session(id: &str, is_offline: bool) -> Session {
    let mut session = Session::new(&doubles::entry(), id);
    session.set_offline(is_offline);
    session.activate(RATE, 512);
    session
}

/// Waits for the inference thread to say something else than that it loads.
fn wait_for_the_model(session: &mut Session) -> String {
    for _ in 0..1_000 {
        let status = session.status();
        if !status.starts_with("Loading") {
            return status;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the model loads for ever");
}

#[test]
fn a_missing_model_gives_the_aligned_dry_signal_silent_stems_and_the_reason() {
    for is_offline in [false, true] {
        let mut session = session(Missing::ID, is_offline);
        assert_eq!(
            wait_for_the_model(&mut session),
            "Dry: model.onnx is missing"
        );
        let latency = session.latency();
        let mix = noise(latency + 5_000, 1);
        let outputs = session.render([&mix, &mix], &[512], &MUTE_ALL);
        assert!(
            outputs[0][0] == delayed(&mix, latency),
            "offline: {is_offline}"
        );
        for stem in &outputs[1..] {
            assert_eq!(peak(&stem[0]), 0.0);
        }
    }
}

#[test]
fn a_model_that_is_too_slow_is_refused_in_real_time() {
    let mut session = session(Slow::ID, false);
    let status = wait_for_the_model(&mut session);
    assert!(status.starts_with("Dry: "), "{status}");
    let latency = session.latency();
    let mix = noise(latency + 3_000, 2);
    let outputs = session.render([&mix, &mix], &[512], &MUTE_ALL);
    assert!(outputs[0][0] == delayed(&mix, latency));
    assert_eq!(peak(&outputs[1][0]), 0.0);
}

#[test]
fn late_hops_are_counted_and_dry() {
    let mut session = session(Late::ID, false);
    assert_eq!(wait_for_the_model(&mut session), "Separating");
    // Far faster than real time: the model's ten hops' time for each hop is late for certain.
    let latency = session.latency();
    let mix = noise(latency + 200_000, 3);
    let outputs = session.render([&mix, &mix], &[512], &MUTE_ALL);
    let status = session.status();
    assert!(
        status.starts_with("Separating, ") && status.contains(" late"),
        "{status}"
    );
    let end = mix.len() - 4_096;
    assert!(
        outputs[0][0][end..] == delayed(&mix, latency)[end..],
        "dry in the end"
    );
    assert_eq!(peak(&outputs[1][0][end..]), 0.0, "and the stem silent");
}

#[test]
fn offline_no_hop_is_late_however_slow_the_model_and_its_loading() {
    for id in [Late::ID, SlowToLoad::ID] {
        let mut session = session(id, true);
        let latency = session.latency();
        let mix = noise(latency + 4_000, 4);
        let outputs = session.render([&mix, &mix], &[512], &MUTE_ALL);
        // All stems muted: silence from the first frame on, and never the dry signal.
        let peak = peak(&outputs[0][0]);
        assert!(peak < 1e-6, "{id}: {peak}");
        assert_eq!(session.status(), "Separating", "{id}");
    }
}

#[test]
fn a_failing_or_lying_model_is_finite_aligned_and_counted() {
    for id in [Broken::ID, NaN::ID] {
        let mut session = session(id, true);
        let latency = session.latency();
        let mix = noise(latency + (GOOD_HOPS + 60) * small_shape().hop_frames, 5);
        let outputs = session.render([&mix, &mix], &[512], &MUTE_ALL);
        for output in &outputs {
            assert!(output.iter().flatten().all(|x| x.is_finite()), "{id}");
        }
        let end = mix.len() - 4_096;
        assert!(
            outputs[0][0][end..] == delayed(&mix, latency)[end..],
            "{id}: dry"
        );
        assert_eq!(peak(&outputs[1][0][end..]), 0.0, "{id}: silent stems");
        let status = session.status();
        assert!(
            status.contains("failed") || status.starts_with("Dry: "),
            "{id}: {status}"
        );
    }
}

/// As on a machine without ONNX Runtime, where the person then chooses its file.
#[test]
#[cfg(target_os = "linux")]
fn an_instance_without_the_runtime_separates_as_soon_as_its_file_is_chosen() {
    let data = tempfile::tempdir().unwrap();
    let runtime = unweave_separation::runtime::load(&[]).unwrap();
    let library = data.path().join("the one I have.so");
    std::fs::copy(&runtime.library().path, &library).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "choosing", "--ignored", "--nocapture"])
        .env_remove("UNWEAVE_ONNXRUNTIME")
        .env_remove("ORT_DYLIB_PATH")
        .env("HOME", data.path())
        .env("XDG_DATA_HOME", data.path())
        .env("UNWEAVE_TEST_LIBRARY", &library)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{errors}"
    );
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn choosing() {
    let mut session = Session::new(&unweave_tests::session::entry(), ids::CLAP_ID_MULTI_OUT);
    session.activate(RATE, 512);
    let status = wait_for_the_model(&mut session);
    assert!(status.contains("ONNX Runtime was not found"), "{status}");
    let library = std::env::var_os("UNWEAVE_TEST_LIBRARY").unwrap();
    unweave_plugin::runtime_choice::choose(Path::new(&library)).unwrap();
    for _ in 0..1_000 {
        let mix = noise(512, 6);
        session.render([&mix, &mix], &[512], &[]);
        if session.status().starts_with("Separating") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{}", session.status());
}
