//! An instance that is activated and deactivated again and again, at two sample rates in turn, so that each time
//! another engine loads the model: what memory that leaves behind.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin activations [COUNT]
//! ```
//!
//! 1,000 times if not said otherwise. Fails if the second half of them grows memory by more than [`MOST_BYTES`].

use std::time::Duration;

use unweave_plugin::ids;
use unweave_tests::process::resident_bytes;
use unweave_tests::session::{self, Session};
use unweave_tests::signal::noise;

/// Of the allocator's own coming and going; a model that stayed each time would be gigabytes.
const MOST_BYTES: u64 = 30_000_000;

fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .map_or(1_000, |text| text.parse().expect("a number of activations"));
    let mut session = Session::new(&session::entry(), ids::CLAP_ID_MULTI_OUT);
    let mix = noise(8_192, 1);
    let mut at_half = 0;
    println!("| activations | memory |");
    println!("|---|---|");
    for number in 1..=count {
        session.activate(if number % 2 == 0 { 44_100 } else { 48_000 }, 512);
        while session.status().starts_with("Loading") {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(session.status(), "Separating", "activation {number}");
        session.render([&mix, &mix], &[512], &[]);
        session.deactivate();
        if number == count / 2 {
            at_half = resident_bytes();
        }
        if number == 1 || number % (count / 10).max(1) == 0 {
            println!("| {number} | {} kB |", resident_bytes() / 1_000);
        }
    }
    let grown = resident_bytes().saturating_sub(at_half);
    assert!(grown <= MOST_BYTES, "grew by {grown} bytes since the half");
    println!("\nGrown since the half: {} kB", grown / 1_000);
}
