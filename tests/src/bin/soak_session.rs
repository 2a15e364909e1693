//! A long session: the built-in model at 44.1 kHz in blocks of 64 frames, the window open, a capture running.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin soak_session [SECONDS]
//! ```
//!
//! An hour if not said otherwise, of which the capture takes 1.3 GB of the disk that the temporary files are on.
//! Opens the window on `DISPLAY`. Callbacks are paced by the clock, in real-time scheduling where this user may have
//! it. Prints a line for each tenth of the time and then compares what was captured with what was played: "late" are
//! hops that were not there in time, "dropouts" callbacks that this program itself began more than a block late, "max"
//! is the longest callback. Linux only: it reads `/proc`.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("only for Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::{Duration, Instant};

    use unweave_tests::capturing;
    use unweave_tests::doubles::{self, Whole, last_songs};
    use unweave_tests::process::{make_real_time, resident_bytes};
    use unweave_tests::session::{Session, Timeline};
    use unweave_tests::signal::noise;

    const SAMPLE_RATE: u32 = 44_100;
    const BLOCK_FRAMES: usize = 64;
    /// Lines that are printed.
    const PARTS: u32 = 10;

    pub fn main() {
        let seconds: u32 = std::env::args()
            .nth(1)
            .map_or(3_600, |text| text.parse().expect("a number of seconds"));
        let mut session = Session::new(&doubles::entry(), Whole::ID);
        let songs = last_songs();
        session.activate(SAMPLE_RATE, BLOCK_FRAMES);
        while session.status().starts_with("Loading") {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(session.status(), "Separating", "the soak needs the model");
        let window = session.open_window();
        // After the window's thread was started, which would have inherited it.
        let scheduling = if make_real_time() { "yes" } else { "no" };
        println!("Callbacks in real-time scheduling: {scheduling}\n");
        println!("| after | late | dropouts | max | memory |");
        println!("|---|---|---|---|---|");
        let loop_frames = 1_500 * BLOCK_FRAMES;
        let mix = [noise(loop_frames, 1), noise(loop_frames, 2)];
        songs.arm(true);
        session.set_timeline(Timeline::Playing(0));
        let period = Duration::from_secs(1) * 64 / SAMPLE_RATE;
        let num_blocks = seconds * SAMPLE_RATE / 64;
        let (mut dropouts, mut longest) = (0, Duration::ZERO);
        let started = Instant::now();
        for block_idx in 0..num_blocks {
            let due = started + period * block_idx;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            dropouts += u32::from(due.elapsed() > period);
            let at = block_idx as usize * BLOCK_FRAMES % loop_frames;
            let block = mix
                .each_ref()
                .map(|channel| &channel[at..at + BLOCK_FRAMES]);
            session.render(block, &[BLOCK_FRAMES], &[]);
            longest = longest.max(session.process_time());
            session.idle();
            if (block_idx + 1).is_multiple_of((num_blocks / PARTS).max(1)) {
                let status = session.status();
                let late = status
                    .split(", ")
                    .find_map(|part| part.strip_suffix(" late"));
                println!(
                    "| {:.0} s | {} | {dropouts} | {} µs | {} MB |",
                    (period * (block_idx + 1)).as_secs_f64(),
                    late.unwrap_or("0"),
                    longest.as_micros(),
                    resident_bytes() / 1_000_000,
                );
            }
        }
        session.deactivate();
        let played = u64::from(num_blocks) * BLOCK_FRAMES as u64;
        let captured = capturing::end(&songs, &mix, played);
        session.close_window(window);
        println!("\n{captured:?}");
        assert_eq!(
            (captured.right, captured.takes),
            (played, 1),
            "something was lost"
        );
    }
}
