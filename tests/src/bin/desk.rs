//! The plug-in's window in a host that plays the demo song, and what it costs.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin desk [SECONDS [STATE]]
//! ```
//!
//! Opens the window on `DISPLAY`, plays the song in real time through "Unweave" for so many seconds (20
//! if not said), and prints what each kind of thread of this process took of one core meanwhile. STATE is
//! a saved state as JSON: the window has its size and scale. Linux only: it reads `/proc`.

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
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use unweave_plugin::ids;
    use unweave_separation::read::AudioReader;
    use unweave_tests::session::{self, Session};

    const BLOCK_FRAMES: usize = 512;
    /// Of the kernel's clock that counts processor time: `getconf CLK_TCK`, the same on every Linux.
    const TICKS_PER_SECOND: f64 = 100.0;

    pub fn main() {
        let mut args = std::env::args().skip(1);
        let seconds: u32 = args
            .next()
            .map_or(20, |text| text.parse().expect("seconds"));
        let (song, sample_rate) = demo_song();
        let mut session = Session::new(&session::entry(), ids::CLAP_ID);
        if let Some(path) = args.next() {
            let json = fs::read(path).expect("the state can be read");
            let blob = [&(json.len() as u64).to_le_bytes(), &json[..]].concat();
            assert!(session.load(&blob), "it is a state");
        }
        session.activate(sample_rate, BLOCK_FRAMES);
        let window = session.open_window();
        let mut started = Instant::now();
        let mut before = thread_ticks();
        let num_blocks = u64::from(seconds * sample_rate) / BLOCK_FRAMES as u64;
        let period = Duration::from_secs_f64(BLOCK_FRAMES as f64 / f64::from(sample_rate));
        // The first seconds load the model and fill the latency.
        let num_settling = num_blocks / 5;
        let mut due = Instant::now();
        for block_idx in 0..num_blocks {
            let start = usize::try_from(block_idx).expect("small") * BLOCK_FRAMES
                % (song[0].len() - BLOCK_FRAMES);
            let mix = song
                .each_ref()
                .map(|channel| &channel[start..start + BLOCK_FRAMES]);
            session.render(mix, &[BLOCK_FRAMES], &[]);
            session.idle();
            if block_idx == num_settling {
                (started, before) = (Instant::now(), thread_ticks());
            }
            due += period;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let elapsed = started.elapsed().as_secs_f64();
        println!("{}", session.status());
        for (name, ticks) in thread_ticks() {
            let ticks = ticks - before.get(&name).copied().unwrap_or(0.0);
            println!(
                "{name}: {:.1} % of a core",
                100.0 * ticks / TICKS_PER_SECOND / elapsed
            );
        }
        session.close_window(window);
    }

    fn demo_song() -> ([Vec<f32>; 2], u32) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/paper-lanterns.flac");
        let mut reader = AudioReader::open(&path).expect("the demo song");
        let sample_rate = reader.facts().sample_rate;
        let (mut song, mut block) = ([Vec::new(), Vec::new()], Vec::new());
        while reader.read(&mut block).expect("it is whole") > 0 {
            for (channel, block) in song.iter_mut().zip(&block) {
                channel.extend(block);
            }
        }
        (song, sample_rate)
    }

    /// Processor time of the threads so far, by their name; threads that differ by a number are one kind.
    fn thread_ticks() -> BTreeMap<String, f64> {
        let mut ticks = BTreeMap::new();
        for task in fs::read_dir("/proc/self/task").expect("/proc").flatten() {
            // A thread may have ended.
            let Ok(stat) = fs::read_to_string(task.path().join("stat")) else {
                continue;
            };
            let (name, rest) = stat.rsplit_once(')').expect("pid (name) state …");
            let name = name.split_once('(').map_or(name, |(_, name)| name);
            let fields: Vec<f64> = rest
                .split_whitespace()
                .map(|field| field.parse().unwrap_or(0.0))
                .collect();
            // Fields 14 and 15 of proc(5), user and system time, counted from field 3.
            let name = name
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .to_owned();
            *ticks.entry(name).or_insert(0.0) += fields[11] + fields[12];
        }
        ticks
    }
}
