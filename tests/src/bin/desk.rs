//! The plug-in's window in a host that plays the demo song, and what it costs.
//!
//! ```sh
//! cargo run --release --package unweave-tests --bin desk [SECONDS [STATE]]
//! ```
//!
//! Opens the window on `DISPLAY` and runs "Unweave" in real time for so many seconds (20 if not said) while
//! the song plays, and half as long after it has stopped. Prints what each kind of thread of this process took
//! of one core meanwhile. STATE is a saved state as JSON: the window has its size and scale. Linux only: it
//! reads `/proc`.

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
    use unweave_separation::audio::read::AudioReader;
    use unweave_tests::session::{self, Session, Timeline};

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
        // The first seconds load the model and fill the latency.
        session.set_timeline(Timeline::Playing(0));
        run(&mut session, (sample_rate, seconds / 4), Some(&song));
        let playing = run(&mut session, (sample_rate, seconds), Some(&song));
        println!("{}", session.status());
        session.set_timeline(Timeline::Stopped(0));
        // Meters and their held peaks fall.
        run(&mut session, (sample_rate, 10), None);
        let stopped = run(&mut session, (sample_rate, seconds / 2), None);
        println!();
        println!("| % of a core | playing | stopped |");
        println!("|---|---|---|");
        for (name, share) in playing {
            let stopped = stopped.get(&name).copied().unwrap_or(0.0);
            println!("| {name} | {share:.1} | {stopped:.1} |");
        }
        session.close_window(window);
    }

    /// Plays the song, or silence, for so many seconds; gives what each kind of thread took, in % of a core.
    fn run(
        session: &mut Session,
        (sample_rate, seconds): (u32, u32),
        song: Option<&[Vec<f32>; 2]>,
    ) -> BTreeMap<String, f64> {
        let num_blocks = u64::from(seconds * sample_rate) / BLOCK_FRAMES as u64;
        let period = Duration::from_secs_f64(BLOCK_FRAMES as f64 / f64::from(sample_rate));
        let (started, before) = (Instant::now(), thread_ticks());
        let mut due = started;
        for block_idx in 0..num_blocks {
            let block_idx = usize::try_from(block_idx).expect("small");
            let mix = match song {
                Some(song) => {
                    let start = block_idx * BLOCK_FRAMES % (song[0].len() - BLOCK_FRAMES);
                    song.each_ref()
                        .map(|channel| &channel[start..start + BLOCK_FRAMES])
                }
                None => [&[0.0; BLOCK_FRAMES][..]; 2],
            };
            session.render(mix, &[BLOCK_FRAMES], &[]);
            session.idle();
            due += period;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let elapsed = started.elapsed().as_secs_f64();
        let share = |(name, ticks): (String, f64)| {
            let ticks = ticks - before.get(&name).copied().unwrap_or(0.0);
            (name, 100.0 * ticks / TICKS_PER_SECOND / elapsed)
        };
        thread_ticks().into_iter().map(share).collect()
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
            // The window's thread has the process' name, as its main thread has.
            let name = match task.file_name().to_str() {
                Some(id) if id == std::process::id().to_string() => "(this host)",
                _ => name,
            };
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
