//! 10,000 callbacks in real time with the built-in model, for each of the usual small buffers.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin soak
//! ```
//!
//! With the path of an `Unweave.clap`, that bundle is played instead of the plug-in inside this program.
//!
//! Plays noise through "Unweave Multi-Out" with all outputs, the vocals muted, and prints a Markdown table.
//! Callbacks are paced by the clock, in real-time scheduling as a sound card's where this user may have
//! it (`ulimit -r`), else at normal priority; it says which. "Dropouts" are callbacks that this program
//! itself began more than a block late: a sound card would have run dry, and hops that are late then are
//! not the engine's. What the inference took is told on Linux only.

use std::path::Path;
use std::time::{Duration, Instant};

use clack_host::prelude::PluginEntry;
use unweave_plugin::ids;
use unweave_tests::process::{inference_time, make_real_time, resident_bytes};
use unweave_tests::session::{self, Event, Session};
use unweave_tests::signal::noise;

const SAMPLE_RATE: u32 = 44_100;
const NUM_CALLBACKS: u32 = 10_000;

fn main() {
    let is_real_time = make_real_time();
    let entry = match std::env::args_os().nth(1) {
        Some(path) => session::load_file(Path::new(&path)),
        None => session::entry(),
    };
    println!(
        "Callbacks in real-time scheduling: {}\n",
        if is_real_time { "yes" } else { "no" }
    );
    println!(
        "| block | late | dropouts | process p50 | p99 | max | of the block | inference | memory | grown by |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for block_frames in [64, 128, 512] {
        soak(&entry, block_frames);
    }
}

fn soak(entry: &PluginEntry, block_frames: usize) {
    let processor = || cfg!(target_os = "linux").then(inference_time);
    let before = resident_bytes();
    let mut session = Session::new(entry, ids::CLAP_ID_MULTI_OUT);
    session.activate(SAMPLE_RATE, block_frames);
    while session.status().starts_with("Loading") {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(session.status(), "Separating", "the soak needs the model");
    let mix = noise(block_frames * 1000, 1);
    let mute = [Event {
        frame: 0,
        param: "vocals_mute",
        value: 1.0,
    }];
    session.render(
        [&mix[..block_frames], &mix[..block_frames]],
        &[block_frames],
        &mute,
    );
    let loaded = resident_bytes();
    let (cpu_before, started) = (processor(), Instant::now());
    let period = Duration::from_secs(1) * u32::try_from(block_frames).unwrap_or(0) / SAMPLE_RATE;
    let mut dropouts = 0;
    let mut times: Vec<Duration> = (0..NUM_CALLBACKS)
        .map(|idx| {
            let due = started + period * idx;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if due.elapsed() > period {
                dropouts += 1;
            }
            let start = idx as usize % 1000 * block_frames;
            let block = &mix[start..start + block_frames];
            session.render([block, block], &[block_frames], &[]);
            session.process_time()
        })
        .collect();
    let elapsed = started.elapsed();
    let inference = processor().zip(cpu_before);
    let inference = inference.map(|(after, before)| after.saturating_sub(before));
    let played = resident_bytes();
    let status = session.status();
    let late = status
        .split(", ")
        .find_map(|part| part.strip_suffix(" late"))
        .unwrap_or("0");
    let audio: Duration = times.iter().sum();
    times.sort_unstable();
    let micros = |share: usize| times[(times.len() - 1) * share / 100].as_micros();
    let percent = |part: Duration| 100.0 * part.as_secs_f64() / elapsed.as_secs_f64();
    println!(
        "| {block_frames} | {late} | {dropouts} | {} µs | {} µs | {} µs | {:.2} % | {} | {} MB | {} kB |",
        micros(50),
        micros(99),
        micros(100),
        percent(audio),
        inference.map_or("?".to_owned(), |time| format!(
            "{:.1} % of a core",
            percent(time)
        )),
        loaded.saturating_sub(before) / 1_000_000,
        played.saturating_sub(loaded) / 1_000,
    );
}
