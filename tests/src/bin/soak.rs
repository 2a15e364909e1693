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
//! not the engine's. Linux only: it reads `/proc`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use clack_host::prelude::PluginEntry;
use unweave_plugin::ids;
use unweave_tests::session::{self, Event, Session};
use unweave_tests::signal::noise;

const SAMPLE_RATE: u32 = 44_100;
const NUM_CALLBACKS: u32 = 10_000;

/// The lowest real-time priority: above all that is not real time.
fn make_real_time() -> bool {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, fifo).is_ok()
}

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
    let (cpu_before, started) = (inference_time(), Instant::now());
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
    let inference = inference_time().saturating_sub(cpu_before);
    let grown = resident_bytes().saturating_sub(loaded);
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
        "| {block_frames} | {late} | {dropouts} | {} µs | {} µs | {} µs | {:.2} % | {:.1} % of a core | {} MB | {} kB |",
        micros(50),
        micros(99),
        micros(100),
        percent(audio),
        percent(inference),
        (loaded.saturating_sub(before)) / 1_000_000,
        grown / 1000,
    );
}

/// Memory of this process that is in use.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("proc(5) describes this line") * 1024
}

/// CPU time of the inference threads so far, to the tick of 10 ms.
fn inference_time() -> Duration {
    let mut ticks = 0;
    for task in fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if let Some((name, fields)) = stat.rsplit_once(") ")
            && name.ends_with("(unweave-model")
        {
            // proc(5): utime and stime are fields 14 and 15, counted from the process id.
            let spent = fields.split(' ').skip(11).take(2);
            ticks += spent
                .filter_map(|field| field.parse::<u64>().ok())
                .sum::<u64>();
        }
    }
    Duration::from_millis(ticks * 10)
}
