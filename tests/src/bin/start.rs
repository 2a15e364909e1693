//! What a host waits for before it can play: finding, instantiating and activating the plug-in.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin start
//! ```
//!
//! With the path of an `Unweave.clap`, that bundle is loaded instead of the plug-in inside this program.
//! Prints a Markdown table: the median of some runs, and the longest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clack_host::prelude::PluginEntry;
use unweave_plugin::ids;
use unweave_tests::session::{self, Session};

/// An odd number has a middle.
const RUNS: usize = 21;

/// The built-in model's own, the usual ones, and the ends of the range.
const SAMPLE_RATES: [u32; 6] = [44_100, 48_000, 96_000, 192_000, 8_000, 384_000];

fn main() {
    let bundle = std::env::args_os().nth(1).map(PathBuf::from);
    println!("| step | median | longest |");
    println!("|---|---|---|");
    row("scan", || {
        let started = Instant::now();
        let entry = entry(bundle.as_deref());
        let factory = entry.get_plugin_factory().expect("it has plug-ins");
        assert_eq!(factory.plugin_descriptors().count(), 2);
        started.elapsed()
    });
    let entry = entry(bundle.as_deref());
    let new = || Session::new(&entry, ids::CLAP_ID_MULTI_OUT);
    row("instantiate", || {
        let started = Instant::now();
        let session = new();
        let elapsed = started.elapsed();
        drop(session);
        elapsed
    });
    for sample_rate in SAMPLE_RATES {
        row(&format!("activate at {sample_rate} Hz"), || {
            let mut session = new();
            activate(&mut session, sample_rate)
        });
    }
    row("activate again", || {
        let mut session = new();
        activate(&mut session, 48_000);
        session.deactivate();
        activate(&mut session, 48_000)
    });
    row(
        "from activation to the first stems that are computed",
        || {
            let mut session = new();
            let started = Instant::now();
            activate(&mut session, 44_100);
            while session.status().starts_with("Loading") {
                std::thread::sleep(Duration::from_millis(1));
            }
            started.elapsed()
        },
    );
}

fn entry(bundle: Option<&Path>) -> PluginEntry {
    bundle.map_or_else(session::entry, session::load_file)
}

fn activate(session: &mut Session, sample_rate: u32) -> Duration {
    let started = Instant::now();
    session.activate(sample_rate, 512);
    started.elapsed()
}

fn row(what: &str, mut run: impl FnMut() -> Duration) {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "| {what} | {:.2} ms | {:.2} ms |",
        ms(times[RUNS / 2]),
        ms(times[RUNS - 1])
    );
}
