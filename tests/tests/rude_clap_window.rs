//! The window in a CLAP host that breaks the rules.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::collections::BTreeMap;
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap_sys::ext::gui::{CLAP_EXT_GUI, CLAP_WINDOW_API_X11, clap_plugin_gui};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use unweave_tests::rude::{Buffers, RudeHost, change};
use unweave_tests::rude_clap::{active, assert_works, want_restart};
use unweave_tests::signal::noise;
use unweave_tests::window::{Display, xdotool};

const PATIENCE: Duration = Duration::from_secs(30);
/// The menu of the window's scale, in a window of 960 × 600 pixels.
const SCALE: (i32, i32) = (906, 25);

#[test]
fn a_window_may_be_closed_within_any_request_and_touched_by_any_thread() {
    if let Some(mut display) = Display::start() {
        display.run("closing");
        // As on a graphics card, but that the processor computes it.
        display.variables.push(("UNWEAVE_OPENGL", "1".to_owned()));
        display.run("closing");
    }
}

fn with_gui<T>(host: &RudeHost, call: impl FnOnce(&clap_plugin_gui) -> T) -> T {
    call(unsafe { host.extension(CLAP_EXT_GUI) })
}

fn is_open(host: &RudeHost) -> bool {
    with_gui(host, |gui| unsafe { gui.show.unwrap()(host.plugin()) })
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn closing() {
    let host = active();
    let conduct = &host.conduct;
    conduct.closes_on_restart.store(true, Ordering::SeqCst);
    conduct.closes_on_resize.store(true, Ordering::SeqCst);

    // As qtractor does it.
    let parent = host.open_window();
    assert!(is_open(&host));
    want_restart(&host);
    assert!(is_open(&host));
    host.idle();
    assert_eq!(conduct.restarts.load(Ordering::SeqCst), 1);
    assert!(!is_open(&host));
    drop(parent);

    // A second one isn't opened, and no other thread gets at the one that there is.
    let parent = host.open_window();
    let api = CLAP_WINDOW_API_X11.as_ptr();
    assert!(!with_gui(&host, |gui| unsafe {
        gui.create.unwrap()(host.plugin(), api, false)
    }));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(!is_open(&host));
            with_gui(&host, |gui| unsafe {
                assert!(!gui.hide.unwrap()(host.plugin()));
                gui.destroy.unwrap()(host.plugin());
            });
            host.idle();
            // The window hears of each change of a parameter.
            assert_works(&host);
            let bypass = first_param(&host);
            let mut output: Buffers = vec![vec![vec![9.0; 64]; 2]; 5];
            host.process(
                64,
                &mut vec![],
                &mut output,
                &[change(3, bypass, 1.0), change(5, bypass, 0.0)],
            );
        });
    });
    host.idle();
    assert!(is_open(&host));

    // Another scale asks for another size.
    let start = Instant::now();
    let mut row = 0;
    while is_open(&host) {
        assert!(start.elapsed() < PATIENCE, "the scale is never chosen");
        let (x, y) = SCALE;
        xdotool(&format!("mousemove {x} {y} click 1 sleep 0.3"));
        row = row % 8 + 1;
        xdotool(&format!("mousemove {x} {} click 1 sleep 0.3", y + 12 * row));
        host.idle();
    }
    drop(parent);

    // The host's own window is gone before the plug-in's is closed, and perhaps before its first picture.
    for milliseconds in [0, 0, 1, 2, 5, 10, 20, 50, 300] {
        let parent = host.open_window();
        std::thread::sleep(Duration::from_millis(milliseconds));
        drop(parent);
        std::thread::sleep(Duration::from_millis(100));
        host.idle();
        with_gui(&host, |gui| unsafe { gui.destroy.unwrap()(host.plugin()) });
    }

    let parent = host.open_window();
    assert_works(&host);
    host.destroy();
    drop(parent);
}

fn first_param(host: &RudeHost) -> u32 {
    unsafe {
        let params: &clap_plugin_params = host.extension(CLAP_EXT_PARAMS);
        let mut info: clap_param_info = std::mem::zeroed();
        assert!(params.get_info.unwrap()(host.plugin(), 0, &raw mut info));
        info.id
    }
}

#[test]
fn a_window_that_nobody_sees_costs_next_to_nothing() {
    if let Some(display) = Display::start() {
        display.run("hidden");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn hidden() {
    let host = active();
    let before = threads();
    let parent = host.open_window();
    // What plays moves meters and picture. Of the window's threads alone: the others work as they like.
    let cost = || {
        let used = || -> u64 {
            let of_window = threads().into_iter();
            let of_window = of_window.filter(|(id, _)| !before.contains_key(id));
            of_window.map(|(_, nanoseconds)| nanoseconds).sum()
        };
        let already = used();
        for _ in 0..20 {
            host.render(&noise(4_410, 1), 441, &[2]);
            host.idle();
            std::thread::sleep(Duration::from_millis(100));
        }
        used().saturating_sub(already)
    };
    // Whatever else this machine does delays the change and what it saves, but can't keep it away for long.
    let becomes = |what: &str, is_so: &dyn Fn(u64) -> bool| {
        let start = Instant::now();
        loop {
            let cost = cost();
            if is_so(cost) {
                return cost;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {cost} ns");
        }
    };
    // Opening it takes much more than going on does.
    cost();
    let seen = cost();
    xdotool(&format!("windowunmap {}", parent.id()));
    let hidden = becomes("it goes on unseen", &|cost| cost < seen / 2);
    xdotool(&format!("windowmap {}", parent.id()));
    becomes("it stays as if unseen", &|cost| cost > hidden * 3 / 2);
    host.destroy();
    drop(parent);
}

/// The threads of this process and the nanoseconds of a processor that each has used.
fn threads() -> BTreeMap<u32, u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let used = |task: std::fs::DirEntry| {
        let id = task.file_name().to_str()?.parse().ok()?;
        // Gone if the thread has just ended.
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        Some((id, text.split_whitespace().next()?.parse().ok()?))
    };
    tasks.filter_map(|task| used(task.unwrap())).collect()
}

/// Also where no window can be opened, on a machine without a display.
#[test]
fn the_windows_functions_say_no_when_there_is_no_window() {
    let host = active();
    let ask = || unsafe {
        let gui: &clap_plugin_gui = host.extension(CLAP_EXT_GUI);
        let plugin = host.plugin();
        let (mut width, mut height) = (0, 0);
        assert!(!gui.set_scale.unwrap()(plugin, 2.0));
        assert!(!gui.set_size.unwrap()(plugin, 100, 100));
        assert!(!gui.adjust_size.unwrap()(
            plugin,
            &raw mut width,
            &raw mut height
        ));
        assert!(!gui.get_size.unwrap()(plugin, null_mut(), null_mut()));
        assert!(!gui.set_parent.unwrap()(plugin, null()));
        assert!(!gui.create.unwrap()(plugin, null(), false));
        assert!(!gui.create.unwrap()(
            plugin,
            CLAP_WINDOW_API_X11.as_ptr(),
            true
        ));
        assert!(!gui.show.unwrap()(plugin));
        assert!(!gui.hide.unwrap()(plugin));
        gui.destroy.unwrap()(plugin);
    };
    ask();
    std::thread::scope(|scope| {
        scope.spawn(ask);
    });
    assert_works(&host);
    host.destroy();
}
