//! The standalone's sound: a song goes in exactly as it is, and sound cards come and go.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use unweave_live::State;
use unweave_plugin::params::UnweaveParams;
use unweave_plugin::render::SongFile;
use unweave_plugin::render::bounds::Bounds;
use unweave_plugin::report::Source;
use unweave_plugin::{Bell, Unweave};
use unweave_separation::Resampler;
use unweave_standalone::arguments::Arguments;
use unweave_standalone::machine::Machine;
use unweave_standalone::song::{Playing, Transport, Wish, song};
use unweave_standalone::sound::{Choice, Devices, InUse, Link, Look, Lost, Open, Sound, System};
use unweave_standalone::{Host, Program, Setting};
use unweave_tests::doubles::{Capturing, HALVES, last_songs};
use unweave_tests::signal::{noise, write_song};

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const RATE: u32 = 44_100;
const BLOCK: usize = 512;
/// All of it fits between the reader and the audio thread, so no busy machine can make gaps.
const SONG_FRAMES: usize = 40_000;

/// The plug-in with a song for its input.
struct Desk {
    machine: Machine,
    transport: Arc<Transport>,
    params: Arc<UnweaveParams>,
}

impl Desk {
    fn new() -> Self {
        let plugin = Unweave::<Capturing>::default();
        let params = Arc::clone(plugin.own_params());
        let (transport, side) = song();
        let transport = Arc::new(transport);
        let input = (Arc::clone(&transport), side);
        let machine = Machine::new(Box::new(plugin), input, Arc::default());
        Self {
            machine,
            transport,
            params,
        }
    }

    fn prepared() -> Self {
        let mut desk = Self::new();
        desk.machine.prepare(RATE, BLOCK);
        desk
    }

    fn latency(&self) -> usize {
        match self.params.report.source() {
            Source::Engine(facts) => facts.latency_frames,
            _ => panic!("there is an engine"),
        }
    }

    fn await_model(&self) {
        until("the model is loaded", || {
            matches!(self.params.report.source(),
                Source::Engine(facts) if facts.status.state() == State::Running)
            .then_some(())
        });
    }

    /// Plays from a frame on, once so many were read.
    fn play(&self, path: &Path, frame: u64, num_waiting: u64) {
        self.transport.play(wish(path, frame));
        until("it was read", || {
            let playing = self.transport.playing()?;
            (playing.num_waiting >= num_waiting).then_some(())
        });
    }

    /// What comes out of both channels, in blocks of all kinds.
    fn hear(&mut self, num_frames: usize) -> [Vec<f32>; 2] {
        let mut heard = [vec![0.7; num_frames], vec![0.7; num_frames]];
        let [left, right] = &mut heard;
        let mut blocks = [1, 511, BLOCK, 64, 3 * BLOCK, 37].into_iter().cycle();
        let mut at = 0;
        while at < num_frames {
            let to = num_frames.min(at + blocks.next().unwrap());
            self.machine
                .process([&mut left[at..to], &mut right[at..to]]);
            at = to;
        }
        heard
    }
}

fn wish(path: &Path, frame: u64) -> Wish {
    Wish {
        key: 1,
        song: SongFile::File(path.to_owned()),
        frame,
    }
}

/// Waits for it.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Each sample says which frame it is.
fn numbers(num_frames: usize) -> [Vec<f32>; 2] {
    let samples: Vec<f32> = (0..num_frames).map(number).collect();
    [samples.clone(), samples]
}

fn number(frame: usize) -> f32 {
    (frame + 1) as f32 / 65_536.0
}

/// A file of these samples, and the folder that it lies in.
fn file(sample_rate: u32, channels: &[Vec<f32>; 2]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("song.wav");
    write_song(&path, sample_rate, channels);
    (folder, path)
}

fn assert_same(heard: &[f32], expected: &[f32]) {
    assert_eq!(heard.len(), expected.len());
    let differs = heard
        .iter()
        .zip(expected)
        .position(|(heard, expected)| heard.to_bits() != expected.to_bits());
    assert_eq!(differs, None, "the first frame that differs");
}

#[test]
fn with_all_faders_at_0_db_the_song_comes_out_as_it_is_behind_the_latency() {
    let mut desk = Desk::prepared();
    let samples = [1, 2].map(|seed| noise(SONG_FRAMES, seed));
    let (_folder, path) = file(RATE, &samples);
    desk.play(&path, 0, SONG_FRAMES as u64);
    let latency = desk.latency();
    assert!(latency > 0);
    let heard = desk.hear(latency + SONG_FRAMES + 2_000);
    for (heard, sample) in heard.iter().zip(&samples) {
        assert_same(&heard[..latency], &vec![0.0; latency]);
        assert_same(&heard[latency..latency + SONG_FRAMES], sample);
        assert_same(&heard[latency + SONG_FRAMES..], &[0.0; 2_000]);
    }
    assert_eq!(desk.transport.playing(), None, "it has come to its end");
    assert_eq!(desk.transport.refusal(), None);
}

#[test]
fn at_another_rate_it_is_resampled_as_it_is_for_files() {
    let mut desk = Desk::prepared();
    let samples = [1, 2].map(|seed| noise(30_000, seed));
    let (_folder, path) = file(48_000, &samples);
    let mut expected = [Vec::new(), Vec::new()];
    let mut resampler = Resampler::new(48_000, RATE).unwrap();
    resampler.push([&samples[0], &samples[1]], &mut expected);
    resampler.flush(&mut expected);
    desk.play(&path, 0, expected[0].len() as u64);
    let latency = desk.latency();
    let heard = desk.hear(latency + expected[0].len());
    for (heard, expected) in heard.iter().zip(&expected) {
        assert_same(&heard[latency..], expected);
    }
}

#[test]
fn what_is_muted_is_taken_out_of_the_song_while_it_plays() {
    let mut desk = Desk::prepared();
    let (_folder, path) = file(RATE, &[vec![0.5; SONG_FRAMES], vec![0.5; SONG_FRAMES]]);
    desk.await_model();
    let stored = r#"{"version": "", "params": {"drums_mute": {"bool": true}}, "fields": {}}"#;
    let host = Host::new(Arc::clone(&desk.params), Bell::default());
    host.restore(serde_json::from_str(stored).unwrap());
    desk.transport.set_bounds(Bounds {
        range: None,
        is_loop: true,
    });
    desk.play(&path, 0, BLOCK as u64);
    let expected = 0.5 * (1.0 - HALVES[0]);
    until("the drums are gone", || {
        std::thread::sleep(Duration::from_millis(9));
        let [left, _] = desk.hear(BLOCK);
        left.iter()
            .all(|sample| (sample - expected).abs() < 1e-4)
            .then_some(())
    });
}

#[test]
fn a_part_is_looped_and_another_place_sought_without_a_gap() {
    let mut desk = Desk::prepared();
    let (_folder, path) = file(RATE, &numbers(SONG_FRAMES));
    desk.transport.set_bounds(Bounds {
        range: Some(1_000..3_000),
        is_loop: true,
    });
    desk.play(&path, 1_000, 20_000);
    let latency = desk.latency();
    let [heard, _] = desk.hear(latency + 9_000);
    for (frame, sample) in heard[latency..].iter().enumerate() {
        assert_eq!(*sample, number(1_000 + frame % 2_000), "{frame}");
    }
    let into = latency + 9_000;
    desk.transport.set_bounds(Bounds::default());
    desk.play(&path, 20_000, 20_000);
    let [heard, _] = desk.hear(latency + 5_000);
    for (frame, sample) in heard.iter().enumerate() {
        let expected = match frame.checked_sub(latency) {
            // What was on its way is heard first.
            None => number(1_000 + (into - latency + frame) % 2_000),
            Some(frame) => number(20_000 + frame),
        };
        assert_eq!(*sample, expected, "{frame}");
    }
    let playing = desk.transport.playing().unwrap();
    let expected = Playing {
        key: 1,
        frame: 20_000 + (latency + 5_000) as u64,
        own_rate: RATE,
        num_waiting: playing.num_waiting,
        num_gaps: 0,
    };
    assert_eq!(playing, expected);
}

#[test]
fn when_it_is_stopped_there_is_silence_at_once_without_a_click() {
    let mut desk = Desk::prepared();
    let (_folder, path) = file(RATE, &[vec![0.5; SONG_FRAMES], vec![0.5; SONG_FRAMES]]);
    desk.play(&path, 0, SONG_FRAMES as u64);
    let latency = desk.latency();
    let [heard, _] = desk.hear(latency + BLOCK);
    assert_eq!(heard[latency + BLOCK - 1], 0.5);
    desk.transport.stop();
    let (mut left, mut right) = ([0.7; BLOCK], [0.7; BLOCK]);
    desk.machine.process([&mut left, &mut right]);
    let mut before = 0.5;
    for sample in left {
        assert!((sample - before).abs() < 0.01, "no click");
        before = sample;
    }
    assert_eq!(before, 0.0);
    let [heard, _] = desk.hear(latency + 5_000);
    assert_same(&heard, &vec![0.0; latency + 5_000]);
}

#[test]
fn what_can_not_be_played_is_said_and_silent() {
    let mut desk = Desk::prepared();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("song.wav");
    desk.transport.play(wish(&path, 0));
    assert_eq!(desk.transport.playing(), None);
    let refusal = desk.transport.refusal().unwrap();
    assert!(refusal.contains("not there"), "{refusal}");
    let [heard, _] = desk.hear(20_000);
    assert_same(&heard, &[0.0; 20_000]);
    desk.transport.stop();
    assert_eq!(desk.transport.refusal(), None);
}

#[test]
fn another_rate_of_the_sound_card_goes_on_where_the_song_was() {
    let mut desk = Desk::prepared();
    let (_folder, path) = file(RATE, &numbers(SONG_FRAMES));
    desk.play(&path, 0, SONG_FRAMES as u64);
    desk.hear(10_000);
    desk.machine.prepare(88_200, BLOCK);
    let playing = desk.transport.playing().unwrap();
    assert_eq!((playing.frame, playing.own_rate), (10_000, RATE));
}

#[test]
fn songs_of_the_command_line_are_listed_and_what_is_none_is_said() {
    let (folder, path) = file(RATE, &numbers(1_000));
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no song at all").unwrap();
    let missing = folder.path().join("missing.wav");
    let arguments = Arguments {
        songs: vec![path, text, missing],
        ..Arguments::default()
    };
    let setting = || Setting {
        systems: Vec::new(),
        settings: None,
    };
    let plugin = Unweave::<Capturing>::default();
    let program = Program::start(plugin, &arguments, setting());
    let songs = last_songs();
    let titles: Vec<String> = songs.rows().into_iter().map(|row| row.title).collect();
    assert_eq!(titles, ["song.wav"]);
    let complaint = songs.complaint().unwrap();
    assert!(complaint.contains("notes.txt: "), "{complaint}");
    assert!(complaint.contains("missing.wav: "), "{complaint}");
    drop(program);

    let arguments = Arguments {
        system: Some("Gone".to_owned()),
        ..Arguments::default()
    };
    let plugin = Unweave::<Capturing>::default();
    let refusal = Program::start(plugin, &arguments, setting()).err();
    assert_eq!(
        refusal.as_deref(),
        Some("There is no sound system “Gone” here. There is: none.")
    );
}

/// A sound card that can be pulled out.
struct Fake {
    is_plugged: Arc<AtomicBool>,
    lost: Arc<Mutex<Option<Lost>>>,
}

impl System for Fake {
    fn name(&self) -> &str {
        "Fake"
    }

    fn devices(&self) -> Devices {
        let is_plugged = self.is_plugged.load(Ordering::Acquire);
        Devices {
            system: self.name().to_owned(),
            outputs: is_plugged.then(|| "Card".to_owned()).into_iter().collect(),
            inputs: Vec::new(),
        }
    }

    fn open(&self, choice: &Choice, link: &Link) -> Result<Open, String> {
        if !self.is_plugged.load(Ordering::Acquire) {
            return Err("“Card” isn't there".to_owned());
        }
        let sample_rate = choice.sample_rate.unwrap_or(RATE);
        link.prepare(sample_rate, 256);
        *self.lost.lock() = Some(link.when_lost());
        let is_ending = Arc::<AtomicBool>::default();
        let (link, ending) = (link.clone(), Arc::clone(&is_ending));
        let thread = std::thread::spawn(move || {
            while !ending.load(Ordering::Acquire) {
                link.process([&mut [0.0; 256], &mut [0.0; 256]]);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Ok(Open {
            stream: Box::new(Ticking {
                is_ending,
                thread: Some(thread),
            }),
            in_use: InUse {
                system: self.name().to_owned(),
                output: "Card".to_owned(),
                sample_rate,
                block_frames: 256,
                ..InUse::default()
            },
        })
    }
}

struct Ticking {
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_sound_card_that_is_pulled_out_is_said_and_used_again_when_it_is_back() {
    let Desk {
        machine, transport, ..
    } = Desk::new();
    let is_plugged = Arc::new(AtomicBool::new(true));
    let lost = Arc::<Mutex<Option<Lost>>>::default();
    let fake = Fake {
        is_plugged: Arc::clone(&is_plugged),
        lost: Arc::clone(&lost),
    };
    let systems: Vec<Box<dyn System>> = vec![Box::new(fake)];
    let sound = Sound::start(machine, systems, Choice::default(), Bell::default()).unwrap();
    let look_until = |what: &str, is_so: &dyn Fn(&Look) -> bool| {
        until(what, || Some(sound.look()).filter(is_so))
    };
    let look = look_until("it is used", &|look| look.in_use.is_some());
    assert_eq!(
        (look.in_use.unwrap().sample_rate, look.trouble),
        (RATE, None)
    );

    let (_folder, path) = file(RATE, &numbers(20 * RATE as usize));
    transport.play(wish(&path, 0));
    let at = || transport.playing().unwrap().frame;
    let goes_on = || {
        let before = at();
        until("it goes on", || (at() > before + 2_000).then_some(()));
    };
    goes_on();
    is_plugged.store(false, Ordering::Release);
    lost.lock().as_ref().unwrap().report("it was unplugged");
    let look = look_until("it is said", &|look| look.trouble.is_some());
    assert_eq!(look.in_use, None);
    let trouble = look.trouble.unwrap();
    assert!(
        trouble.starts_with("“Card” has gone: it was unplugged."),
        "{trouble}"
    );
    goes_on();

    is_plugged.store(true, Ordering::Release);
    let look = look_until("it is used again", &|look| look.in_use.is_some());
    assert_eq!(look.trouble, None);
    goes_on();

    sound.choose(Choice {
        sample_rate: Some(48_000),
        ..Choice::default()
    });
    look_until("it runs at another rate", &|look| {
        look.in_use
            .as_ref()
            .is_some_and(|in_use| in_use.sample_rate == 48_000)
    });
    goes_on();
}

#[test]
fn without_a_sound_card_it_is_said_and_everything_works() {
    for (choice, said) in [
        (Choice::default(), Some("There is no sound card.")),
        (
            Choice {
                system: Some("Gone".to_owned()),
                ..Choice::default()
            },
            Some("There is no sound system “Gone” here."),
        ),
        (
            Choice {
                system: Some("none".to_owned()),
                ..Choice::default()
            },
            None,
        ),
    ] {
        let Desk {
            machine, transport, ..
        } = Desk::new();
        let sound = Sound::start(machine, Vec::new(), choice, Bell::default()).unwrap();
        let (_folder, path) = file(RATE, &numbers(SONG_FRAMES));
        until("it plays", || {
            if transport.playing().is_none() {
                transport.play(wish(&path, 0));
            }
            (transport.playing()?.frame > 2_000).then_some(())
        });
        let trouble = sound.look().trouble;
        assert_eq!(trouble.is_some(), said.is_some());
        if let (Some(trouble), Some(said)) = (trouble, said) {
            assert!(trouble.starts_with(said), "{trouble}");
        }
    }
}
