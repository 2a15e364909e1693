//! Ten minutes of capture at 96 kHz in blocks of 64 frames, paced by the clock; what is on disk is compared
//! with what was played.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin soak_capture
//! ```
//!
//! Another number of seconds can be given. Takes 460 MB of the disk that the temporary files are on.

use std::time::Duration;

use unweave_tests::capturing::capture;

fn main() {
    let seconds = std::env::args().nth(1).map_or(600, |text| {
        text.parse().expect("the argument is a number of seconds")
    });
    let captured = capture(96_000, 64, Duration::from_secs(seconds));
    println!(
        "{} frames played, {} captured as they were played, {} otherwise, {} counted as lost, takes: {}",
        captured.played, captured.right, captured.wrong, captured.lost, captured.takes
    );
    assert_eq!(
        (captured.right, captured.takes),
        (captured.played, 1),
        "something was lost"
    );
}
