//! A CLAP host that breaks the rules: nothing it does may end the process. Its blocks and its window have files of
//! their own.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::ffi::c_char;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, clap_plugin_render};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::stream::{clap_istream, clap_ostream};
use unweave_tests::doubles::{self, Halves, Missing};
use unweave_tests::rude::{Buffers, RATE, RudeHost, WHOLE, change};
use unweave_tests::rude_clap::{
    BLOCK, active, assert_works, latency, load, new, save, want_restart,
};
use unweave_tests::signal::noise;

#[test]
fn processing_while_not_active_hands_the_input_on() {
    let host = new();
    let frames = BLOCK as usize;
    let hear = |when: &str| {
        let mut output: Buffers = vec![vec![vec![9.0; frames]; 2]; 5];
        let mut input: Buffers = vec![vec![vec![0.5; frames]; 2]];
        host.process(frames, &mut input, &mut output, &[]);
        assert_eq!(output[0][1], vec![0.5; frames], "{when}");
        assert_eq!(output[3][1], vec![0.0; frames], "{when}");
    };
    hear("before it is active");
    host.start();
    hear("started, but not active");
    assert!(host.activate(RATE, BLOCK));
    host.deactivate();
    hear("not active any more");
    host.deactivate();
    host.stop();
    host.reset();
    assert!(host.activate(RATE, BLOCK) && host.activate(RATE, BLOCK));
    assert_works(&host);
    host.destroy();
}

#[test]
fn nonsense_is_refused_when_activating() {
    let host = new();
    for (rate, frames) in [
        (0.0, BLOCK),
        (-44_100.0, BLOCK),
        (f64::NAN, BLOCK),
        (f64::INFINITY, BLOCK),
        (RATE, 0),
        (RATE, u32::MAX),
    ] {
        assert!(!host.activate(rate, frames), "{rate} {frames}");
    }
    assert!(host.activate(RATE, BLOCK));
    assert_works(&host);
    host.destroy();
}

/// The framework asks for a restart within the first activation, in which some hosts hang.
#[test]
fn the_first_activation_tells_the_latency_and_asks_for_nothing() {
    let host = new();
    let conduct = &host.conduct;
    for round in 0..3 {
        assert!(host.activate(RATE, BLOCK));
        assert!(host.start());
        assert!(latency(&host) > 0);
        host.render(&noise(2_000, 1), BLOCK as usize, &WHOLE);
        host.stop();
        host.deactivate();
        host.idle();
        assert_eq!(conduct.latency_changes.load(Ordering::SeqCst), 1, "{round}");
        assert_eq!(conduct.restarts.load(Ordering::SeqCst), 0, "{round}");
    }
    // What really changes is told, at the moment when CLAP allows it.
    assert!(host.activate(2.0 * RATE, BLOCK));
    assert_eq!(conduct.latency_changes.load(Ordering::SeqCst), 2);
    assert_eq!(conduct.restarts.load(Ordering::SeqCst), 0);
    host.destroy();
}

#[test]
fn a_restart_is_asked_for_on_the_main_thread_alone() {
    let host = active();
    std::thread::scope(|scope| {
        scope.spawn(|| want_restart(&host));
    });
    let restarts = || host.conduct.restarts.load(Ordering::SeqCst);
    for expected in 1..3 {
        want_restart(&host);
        assert_eq!(restarts(), expected - 1);
        assert!(host.conduct.callbacks.swap(0, Ordering::SeqCst) > 0);
        host.idle();
        assert_eq!(restarts(), expected);
        host.idle();
        assert_eq!(restarts(), expected);
    }
    assert_eq!(host.conduct.untimely_restarts.load(Ordering::SeqCst), 0);
    host.destroy();
}

#[test]
fn a_state_is_saved_and_loaded_at_any_time_and_rubbish_refused() {
    let host = RudeHost::new(&doubles::ENTRY, Halves::ID);
    let before = save(&host);
    host.destroy();
    let host = new();
    assert_eq!(save(&host), before);
    assert!(host.activate(RATE, BLOCK));
    assert_eq!(save(&host), before);
    assert!(load(&host, &before));
    host.start();
    host.stop();
    assert!(load(&host, &before) && host.start());
    for rubbish in [&b""[..], b"short", &[255; 100], &before[..before.len() / 2]] {
        assert!(!load(&host, rubbish));
    }
    unsafe {
        let state: &clap_plugin_state = host.extension(CLAP_EXT_STATE);
        let (save, load) = (state.save.unwrap(), state.load.unwrap());
        assert!(!save(host.plugin(), null()) && !load(host.plugin(), null()));
        let (deaf, mute) = (
            clap_ostream {
                ctx: null_mut(),
                write: None,
            },
            clap_istream {
                ctx: null_mut(),
                read: None,
            },
        );
        assert!(!save(host.plugin(), &raw const deaf) && !load(host.plugin(), &raw const mute));
    }
    assert_works(&host);
    host.destroy();
}

#[test]
fn parameters_that_do_not_exist_and_texts_without_room_are_refused() {
    let host = active();
    unsafe {
        let params: &clap_plugin_params = host.extension(CLAP_EXT_PARAMS);
        let count = params.count.unwrap()(host.plugin());
        let mut info: clap_param_info = std::mem::zeroed();
        let get_info = params.get_info.unwrap();
        assert!(get_info(host.plugin(), count - 1, &raw mut info));
        assert!(!get_info(host.plugin(), count, &raw mut info));
        assert!(!get_info(host.plugin(), u32::MAX, &raw mut info));
        assert!(!get_info(host.plugin(), 0, null_mut()));
        let to_text = params.value_to_text.unwrap();
        let mut text = [0 as c_char; 4];
        assert!(!to_text(host.plugin(), info.id, 0.5, text.as_mut_ptr(), 0));
        assert!(!to_text(host.plugin(), info.id, 0.5, null_mut(), 4));
        assert!(to_text(host.plugin(), info.id, 0.5, text.as_mut_ptr(), 4));
        params.flush.unwrap()(host.plugin(), null(), null());
    }
    host.destroy();
}

#[test]
fn a_host_without_any_extension_gets_a_plug_in_that_works() {
    let host = RudeHost::new(&doubles::ENTRY, Halves::ID);
    host.conduct.has_extensions.store(false, Ordering::SeqCst);
    assert!(host.init());
    unsafe {
        let render: &clap_plugin_render = host.extension(CLAP_EXT_RENDER);
        render.set.unwrap()(host.plugin(), CLAP_RENDER_OFFLINE);
    }
    assert!(host.activate(RATE, BLOCK));
    assert!(host.start());
    host.idle();
    assert_works(&host);
    host.destroy();
}

/// All threads call everything, except that what ends the plug-in comes last.
#[test]
fn threads_that_are_swapped_do_no_harm() {
    let host = active();
    let is_over = AtomicBool::new(false);
    let until_over = |action: &(dyn Fn() + Sync)| {
        while !is_over.load(Ordering::SeqCst) {
            action();
        }
    };
    let frames = BLOCK as usize;
    let process = || {
        let mut output: Buffers = vec![vec![vec![9.0; frames]; 2]; 5];
        let mut input: Buffers = vec![vec![vec![0.5; frames]; 2]];
        host.process(frames, &mut input, &mut output, &[change(9, 1, 0.5)]);
        assert!(output[0][0].iter().all(|sample| *sample != 9.0));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| until_over(&process));
        scope.spawn(|| until_over(&process));
        scope.spawn(|| {
            until_over(&|| {
                host.idle();
                let blob = save(&host);
                assert!(load(&host, &blob));
                std::thread::yield_now();
            });
        });
        scope.spawn(|| {
            until_over(&|| unsafe {
                let params: &clap_plugin_params = host.extension(CLAP_EXT_PARAMS);
                params.flush.unwrap()(host.plugin(), null(), null());
                std::thread::sleep(Duration::from_millis(1));
            });
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            host.reset();
            host.deactivate();
            host.activate(RATE, BLOCK);
            host.start();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert!(host.activate(RATE, BLOCK));
    assert_works(&host);
    host.destroy();
}

#[test]
fn an_instance_is_destroyed_whatever_it_is_doing() {
    for step in 0..4 {
        let host = RudeHost::new(&doubles::ENTRY, Halves::ID);
        if step > 0 {
            host.init();
        }
        if step > 1 {
            host.activate(RATE, BLOCK);
        }
        if step > 2 {
            host.start();
            host.render(&noise(2_000, 1), BLOCK as usize, &[2]);
        }
        host.destroy();
    }
    // And one that has never got a model.
    let host = RudeHost::new(&doubles::ENTRY, Missing::ID);
    assert!(host.init() && host.activate(RATE, BLOCK));
    host.render(&noise(2_000, 1), BLOCK as usize, &[2]);
    host.destroy();
}
