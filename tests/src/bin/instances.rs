//! Many instances in one process: what each takes, whether all give the same, and what is left when they are gone.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin instances [COUNT [BUNDLE]]
//! ```
//!
//! 40 if not said otherwise, of the plug-in inside this program or of an `Unweave.clap`. All have the built-in model
//! and render two seconds, block by block in turn, as a host renders its tracks; each must give the bits that the
//! first gives.

use std::path::Path;
use std::time::{Duration, Instant};

use unweave_plugin::ids;
use unweave_tests::process::resident_bytes;
use unweave_tests::session::{self, Session};
use unweave_tests::signal::noise;

const SAMPLE_RATE: u32 = 44_100;
const BLOCK_FRAMES: usize = 512;
const SECONDS: usize = 2;

fn main() {
    let mut args = std::env::args().skip(1);
    let count: usize = args
        .next()
        .map_or(40, |text| text.parse().expect("a number of instances"));
    let entry = match args.next() {
        Some(path) => session::load_file(Path::new(&path)),
        None => session::entry(),
    };
    let megabytes = || resident_bytes() / 1_000_000;
    println!("| instances | memory |");
    println!("|---|---|");
    println!("| 0 | {} MB |", megabytes());
    let mut sessions: Vec<Session> = (1..=count)
        .map(|number| {
            let mut session = Session::new(&entry, ids::CLAP_ID_MULTI_OUT);
            session.set_offline(true);
            session.activate(SAMPLE_RATE, BLOCK_FRAMES);
            while session.status().starts_with("Loading") {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(session.status(), "Separating", "instance {number}");
            if number == 1 || number % 10 == 0 {
                println!("| {number} | {} MB |", megabytes());
            }
            session
        })
        .collect();
    let mix = [1, 2].map(|seed| noise(SECONDS * SAMPLE_RATE as usize, seed));
    let started = Instant::now();
    let (left, right) = (mix[0].chunks(BLOCK_FRAMES), mix[1].chunks(BLOCK_FRAMES));
    let mut loudest = 0.0f32;
    for (left, right) in left.zip(right) {
        let render = |session: &mut Session| session.render([left, right], &[512], &[]);
        let (first, others) = sessions.split_first_mut().expect("one at least");
        let expected = render(first);
        for (idx, other) in others.iter_mut().enumerate() {
            assert!(render(other) == expected, "instance {} differs", idx + 2);
        }
        let vocals = expected[3][0].iter();
        loudest = vocals.fold(loudest, |most, sample| most.max(sample.abs()));
    }
    assert!(loudest > 0.0, "the stems were silent");
    println!("| {count}, playing | {} MB |", megabytes());
    let rendered = started.elapsed();
    drop(sessions);
    println!("| 0 again | {} MB |", megabytes());
    println!(
        "\n{count} times {SECONDS} s in {:.1} s, all the same bits",
        rendered.as_secs_f64()
    );
}
