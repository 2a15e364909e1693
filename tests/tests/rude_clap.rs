//! A CLAP host that breaks the rules: nothing it does may end the process.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::ffi::c_char;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::ext::gui::{CLAP_EXT_GUI, CLAP_WINDOW_API_X11, clap_plugin_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render,
};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use clap_sys::stream::{clap_istream, clap_ostream};
use unweave_tests::doubles::{self, HALVES, Halves, Missing};
use unweave_tests::rude::{Buffers, RudeHost, change};
use unweave_tests::signal::{delayed, distance, noise};

const RATE: f64 = 44_100.0;
const BLOCK: u32 = 512;
/// Main output and four stems.
const WHOLE: [usize; 5] = [2; 5];

/// An instance of five outputs, not yet active, whose hops are waited for.
fn new() -> RudeHost {
    let host = RudeHost::new(&doubles::ENTRY, Halves::ID);
    assert!(host.init());
    unsafe {
        let render: &clap_plugin_render = host.extension(CLAP_EXT_RENDER);
        assert!(render.set.unwrap()(host.plugin(), CLAP_RENDER_OFFLINE));
    }
    host
}

fn active() -> RudeHost {
    let host = new();
    assert!(host.activate(RATE, BLOCK));
    assert!(host.start());
    host
}

fn latency(host: &RudeHost) -> usize {
    unsafe {
        let latency: &clap_plugin_latency = host.extension(CLAP_EXT_LATENCY);
        latency.get.unwrap()(host.plugin()) as usize
    }
}

/// It still does what it is for.
fn assert_works(host: &RudeHost) {
    host.reset();
    let mix = noise(latency(host) + 3_000, 5);
    let out = host.render(&mix, BLOCK as usize, &WHOLE);
    let expected = delayed(&mix, latency(host));
    assert_eq!(out[0][0], expected);
    let drums: Vec<f32> = expected.iter().map(|sample| sample * HALVES[0]).collect();
    assert!(distance(&out[1][1], &drums) < 1e-6);
}

#[test]
fn outputs_that_are_left_out_change_nothing_in_the_others() {
    let host = active();
    let mix = noise(latency(&host) + 3_000, 3);
    let expected = delayed(&mix, latency(&host));
    let drums: Vec<f32> = expected.iter().map(|sample| sample * HALVES[0]).collect();
    // What qtractor gives (one port, also one of all ten channels), a few ports, and more than there are.
    for channels in [
        &[2][..],
        &[10],
        &[1],
        &[2, 2],
        &[2, 1, 0, 2],
        &[2, 2, 2, 2, 2, 2, 2],
        &[3, 3, 3, 3, 3],
    ] {
        host.reset();
        let out = host.render(&mix, BLOCK as usize, channels);
        assert_eq!(out[0][0], expected, "{channels:?}");
        if let Some(port) = out.get(1) {
            assert!(distance(&port[0], &drums) < 1e-6, "{channels:?}");
        }
    }
    host.reset();
    host.render(&mix, BLOCK as usize, &[]);
    host.render(&mix, BLOCK as usize, &[0]);
    assert_works(&host);
    host.destroy();
}

#[test]
fn null_pointers_are_silence_coming_in_and_nothing_going_out() {
    let host = active();
    let frames = BLOCK as usize;
    let full = || vec![0.5; frames];
    let silent = |port: &[Vec<f32>]| port.iter().flatten().all(|sample| *sample == 0.0);
    let inputs: [Buffers; 5] = [
        vec![],
        vec![vec![]],
        vec![vec![vec![], vec![]]],
        vec![vec![vec![], full()]],
        vec![vec![full(), vec![]]],
    ];
    for (idx, mut input) in inputs.into_iter().enumerate() {
        host.reset();
        // Through the whole latency, so that what came in is heard.
        for _ in 0..=latency(&host) / frames + 1 {
            let mut output: Buffers = vec![vec![full(); 2]; 5];
            output[2][0].clear();
            output[3].clear();
            host.process(frames, &mut input, &mut output, &[]);
            if idx < 3 {
                assert!(silent(&output[0]) && silent(&output[4]), "{idx}");
            }
        }
    }
    // One channel alone is heard on both sides.
    let mut output: Buffers = vec![vec![full(); 2]; 5];
    let mut input: Buffers = vec![vec![full()]];
    host.process(frames, &mut input, &mut output, &[]);
    assert_eq!(output[0][1], full());

    let empty = clap_audio_buffer {
        data32: null_mut(),
        data64: null_mut(),
        channel_count: 2,
        latency: 0,
        constant_mask: 0,
    };
    let mut broken = [empty; 5];
    let mut block = clap_process {
        steady_time: -1,
        frames_count: BLOCK,
        transport: null(),
        audio_inputs: broken.as_ptr(),
        audio_outputs: broken.as_mut_ptr(),
        audio_inputs_count: 1,
        audio_outputs_count: 5,
        in_events: null(),
        out_events: null(),
    };
    assert_ne!(host.process_raw(&block), CLAP_PROCESS_ERROR);
    block.audio_inputs = null();
    block.audio_outputs = null_mut();
    assert_ne!(host.process_raw(&block), CLAP_PROCESS_ERROR);
    assert_works(&host);
    host.destroy();
}

#[test]
fn blocks_of_no_frames_and_of_too_many_do_no_harm() {
    let host = active();
    host.process(
        0,
        &mut vec![],
        &mut vec![vec![vec![]]],
        &[change(0, 7, 0.5)],
    );
    let long = 4 * BLOCK as usize;
    let mut output: Buffers = vec![vec![vec![9.0; long]; 2]; 2];
    host.process(long, &mut vec![vec![vec![0.25; long]; 2]], &mut output, &[]);
    // More than was said: as it is, and no stems.
    assert_eq!(output[0][0], vec![0.25; long]);
    assert_eq!(output[1][0], vec![0.0; long]);
    assert_works(&host);
    host.destroy();
}

#[test]
fn two_outputs_in_one_memory_and_in_place_are_right() {
    let host = active();
    let mix = noise(latency(&host) + 2_000, 4);
    let expected = delayed(&mix, latency(&host));
    let mut heard = Vec::new();
    for block in mix.chunks(BLOCK as usize) {
        let (mut left, mut right) = (block.to_vec(), block.to_vec());
        let mut pointers = [left.as_mut_ptr(), right.as_mut_ptr()];
        let main = clap_audio_buffer {
            data32: pointers.as_mut_ptr(),
            data64: null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        };
        // All five ports in the input's memory.
        let mut outputs = [main; 5];
        host.process_raw(&clap_process {
            steady_time: -1,
            frames_count: u32::try_from(block.len()).unwrap(),
            transport: null(),
            audio_inputs: &raw const main,
            audio_outputs: outputs.as_mut_ptr(),
            audio_inputs_count: 1,
            audio_outputs_count: 5,
            in_events: null(),
            out_events: null(),
        });
        heard.extend(left);
    }
    assert_eq!(heard, expected);
    host.destroy();
}

#[test]
fn events_of_any_time_and_kind_do_no_harm() {
    let host = active();
    let frames = BLOCK as usize;
    let mut input: Buffers = vec![vec![vec![0.5; frames]; 2]];
    let mut output: Buffers = vec![vec![vec![0.0; frames]; 2]; 5];
    let events = [
        change(300, 1, 0.5),
        change(7, 1, f64::NAN),
        change(BLOCK, 1, 2.0),
        change(BLOCK + 100_000, u32::MAX, -1.0),
        change(u32::MAX, 1, f64::INFINITY),
    ];
    host.process(frames, &mut input, &mut output, &events);
    assert_works(&host);
    host.destroy();
}

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

unsafe extern "C" fn write(
    stream: *const clap_ostream,
    bytes: *const std::ffi::c_void,
    size: u64,
) -> i64 {
    unsafe {
        let saved = &mut *(*stream).ctx.cast::<Vec<u8>>();
        // A few at a time.
        let size = size.min(100);
        let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), size as usize);
        saved.extend_from_slice(bytes);
        size as i64
    }
}

unsafe extern "C" fn read(
    stream: *const clap_istream,
    bytes: *mut std::ffi::c_void,
    size: u64,
) -> i64 {
    unsafe {
        let left = &mut *(*stream).ctx.cast::<&[u8]>();
        let (now, later) = left.split_at(left.len().min(usize::try_from(size).unwrap()).min(7));
        bytes.cast::<u8>().copy_from(now.as_ptr(), now.len());
        *left = later;
        now.len() as i64
    }
}

fn save(host: &RudeHost) -> Vec<u8> {
    let mut saved = Vec::new();
    let stream = clap_ostream {
        ctx: (&raw mut saved).cast(),
        write: Some(write),
    };
    unsafe {
        let state: &clap_plugin_state = host.extension(CLAP_EXT_STATE);
        assert!(state.save.unwrap()(host.plugin(), &raw const stream));
    }
    saved
}

fn load(host: &RudeHost, mut saved: &[u8]) -> bool {
    let stream = clap_istream {
        ctx: (&raw mut saved).cast(),
        read: Some(read),
    };
    unsafe {
        let state: &clap_plugin_state = host.extension(CLAP_EXT_STATE);
        state.load.unwrap()(host.plugin(), &raw const stream)
    }
}

/// The framework asks at once, on whatever thread it is, when the host goes from rendering to real time.
fn want_restart(host: &RudeHost) {
    unsafe {
        let render: &clap_plugin_render = host.extension(CLAP_EXT_RENDER);
        let set = render.set.unwrap();
        assert!(set(host.plugin(), CLAP_RENDER_REALTIME));
        assert!(set(host.plugin(), CLAP_RENDER_OFFLINE));
    }
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

/// On a display of its own.
#[cfg(target_os = "linux")]
mod window {
    use unweave_tests::window::{Display, xdotool};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    /// The menu of the window's scale, in a window of 960 × 600 pixels.
    const SCALE: (i32, i32) = (906, 25);

    #[test]
    fn a_window_may_be_closed_within_any_request_and_touched_by_any_thread() {
        if let Some(display) = Display::start() {
            display.run("window::closing");
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

        // The host's own window is gone before the plug-in's is closed.
        drop(host.open_window());
        std::thread::sleep(Duration::from_millis(300));
        host.idle();
        with_gui(&host, |gui| unsafe { gui.destroy.unwrap()(host.plugin()) });

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
}
