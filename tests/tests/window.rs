//! The window in a host, with a real pointer: what is clicked and dragged is what is heard.
#![cfg(any(target_os = "linux", windows))]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::time::{Duration, Instant};

use unweave_plugin::editor::palette::DARK;
use unweave_plugin::render::Stage;
use unweave_separation::delivery::verdict::Outcome;
use unweave_separation::delivery::verify::verify_dir;
use unweave_separation::{Mode, Terminator};
use unweave_tests::doubles::{self, Capturing, HALVES, Halves, Modal, last_songs};
use unweave_tests::process::resident_bytes;
use unweave_tests::session::{Session, Timeline};
#[cfg(windows)]
use unweave_tests::window::threads_and_files;
use unweave_tests::window::{Display, click_until, column, xdotool};

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const RATE: u32 = 44_100;
const BLOCK: usize = 512;

/// Where things are in a window of 960 × 600 pixels.
const DRUMS_MUTE: (i32, i32) = (45, 240);
const BASS_CAP: (i32, i32) = (225, 343);
const MODE_MENU: (i32, i32) = (300, 25);
/// In the menu once it is open.
const QUICK: (i32, i32) = (300, 75);
const ARM: (i32, i32) = (706, 74);
/// The name of the first song or take, and what renders the one that is chosen.
const TAKE: (i32, i32) = (760, 135);
const RENDER: (i32, i32) = (740, 466);

#[test]
fn what_is_clicked_and_dragged_in_a_hosts_window_is_heard() {
    if let Some(display) = Display::start() {
        display.run("pointer");
    }
}

#[test]
fn another_mode_is_chosen_in_a_hosts_window_and_heard_without_a_restart() {
    if let Some(display) = Display::start() {
        display.run("mode_by_hand");
    }
}

#[test]
fn a_take_is_captured_and_rendered_by_hand() {
    if let Some(display) = Display::start() {
        display.run("by_hand");
    }
}

#[test]
fn opening_and_closing_a_hundred_times_leaks_nothing() {
    if let Some(display) = Display::start() {
        display.run("hundred_times");
    }
}

/// On Windows all tests are run without it as well: `cargo xtask windows --test`.
#[cfg(target_os = "linux")]
#[test]
fn without_opengl_the_window_is_drawn_all_the_same() {
    if let Some(display) = Display::start_without_opengl() {
        display.run("drawn");
    }
}

#[test]
fn a_window_that_the_host_shows_late_is_drawn() {
    if let Some(display) = Display::start() {
        display.run("shown_late");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn shown_late() {
    let mut host = Host::new(Halves::ID);
    let window = host.session.open_window_slowly(Duration::from_millis(300));
    host.until("it is drawn", |_| {
        let [red, green, blue, _] = DARK.raised.to_array();
        column((30, 234), 6).contains(&[red, green, blue])
    });
    host.session.close_window(window);
}

/// As on a graphics card, but that the processor computes it.
#[cfg(target_os = "linux")]
#[test]
fn with_opengl_the_window_is_drawn_and_gone_in_time() {
    if let Some(mut display) = Display::start() {
        display.variables.push(("UNWEAVE_OPENGL", "1".to_owned()));
        display.run("drawn");
        display.run("hundred_times");
    }
}

#[test]
#[ignore = "run by tests above, on a display of its own"]
fn drawn() {
    let mut host = Host::new(Halves::ID);
    let window = host.session.open_window();
    host.click_until("a click on M mutes the drums", DRUMS_MUTE, |host| {
        host.session.value("drums_mute") == 1.0
    });
    host.until("it is shown, and heard", |host| {
        let [red, green, blue, _] = DARK.mute.to_array();
        // Beside the letter, and away from the pointer.
        let pixels = column((30, 234), 6);
        pixels.contains(&[red, green, blue]) && host.heard < 0.5
    });
    host.session.close_window(window);
    let window = host.session.open_window();
    host.until("it opens again, and shows the same", |_| {
        let [red, green, blue, _] = DARK.mute.to_array();
        column((30, 234), 6).contains(&[red, green, blue])
    });
    host.session.close_window(window);
}

/// A steady tone of one value, so that the gain of the mix can be read off the output.
struct Host {
    session: Session,
    heard: f32,
}

impl Host {
    fn new(id: &str) -> Self {
        let mut session = Session::new(&doubles::entry(), id);
        session.activate(RATE, BLOCK);
        let mut host = Self {
            session,
            heard: 0.0,
        };
        host.until("the model is loaded", |host| {
            host.session.status() == "Separating"
        });
        host
    }

    /// One block, at the pace of a sound card.
    fn play(&mut self) {
        let mix = [0.5; BLOCK];
        let outputs = self.session.render([&mix, &mix], &[BLOCK], &[]);
        self.heard = outputs[0][0][BLOCK - 1];
        self.session.idle();
        std::thread::sleep(Duration::from_millis(11));
    }

    /// Clicks, and plays until this holds. Clicks again if the window wasn't there yet.
    fn click_until(&mut self, what: &str, place: (i32, i32), is_so: impl Fn(&mut Self) -> bool) {
        let mut next_click = Instant::now();
        self.until(what, |host| {
            if !is_so(host) && Instant::now() >= next_click {
                xdotool(&format!("mousemove {} {} click 1", place.0, place.1));
                next_click = Instant::now() + Duration::from_secs(5);
            }
            is_so(host)
        });
    }

    /// Plays until this holds.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(
                start.elapsed() < PATIENCE,
                "{what}: never; heard {}",
                self.heard
            );
            self.play();
        }
    }
}

#[test]
fn what_is_clicked_while_nothing_plays_is_in_a_state_saved_then() {
    if let Some(display) = Display::start() {
        display.run("clicked_and_saved");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn clicked_and_saved() {
    let mut host = Host::new(Halves::ID);
    let window = host.session.open_window();
    let before = host.session.save();
    // The host neither processes nor flushes.
    let saved = click_until("a click on M is saved", DRUMS_MUTE, || {
        Some(host.session.save()).filter(|saved| *saved != before)
    });
    assert_eq!(host.session.value("drums_mute"), 1.0);
    // It hears of the click with the next block.
    assert_eq!(host.session.num_changes("drums_mute"), 0);
    host.play();
    assert_eq!(host.session.num_changes("drums_mute"), 1);
    host.play();
    assert_eq!(host.session.num_changes("drums_mute"), 1);
    host.session.close_window(window);

    let mut other = Session::new(&doubles::entry(), Halves::ID);
    assert!(other.load(&saved));
    assert_eq!(other.value("drums_mute"), 1.0);
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn pointer() {
    let mut host = Host::new(Halves::ID);
    host.until("the mix is heard", |host| host.heard == 0.5);
    let window = host.session.open_window();
    assert_eq!(host.session.window_size(), (960, 600));

    host.click_until("a click on M mutes the drums", DRUMS_MUTE, |host| {
        host.session.value("drums_mute") == 1.0
    });
    let muted = 0.5 * (1.0 - HALVES[0]);
    host.until("the drums are gone", |host| {
        (host.heard - muted).abs() < 1e-4
    });

    let before = host.session.value("bass_gain");
    let (x, y) = BASS_CAP;
    xdotool(&format!("mousemove {x} {y} mousedown 1"));
    for step in 1..=8 {
        host.play();
        xdotool(&format!("mousemove {x} {}", y + 5 * step));
        host.play();
    }
    xdotool("mouseup 1");
    host.until("the fader has moved", |host| {
        host.session.value("bass_gain") < before - 0.05
    });
    for _ in 0..20 {
        host.play();
    }
    let value = host.session.value("bass_gain");
    let text = host.session.text("bass_gain", value);
    let gain_db: f32 = text.trim_end_matches(" dB").parse().unwrap();
    let expected = muted + 0.5 * HALVES[1] * (10f32.powf(gain_db / 20.0) - 1.0);
    host.until("and is heard", |host| (host.heard - expected).abs() < 1e-3);

    host.session.resize_window(1100, 700);
    host.until("the window is as large as the host's", |host| {
        host.session.window_size() == (1100, 700)
    });
    host.session.close_window(window);
    let saved = String::from_utf8_lossy(&host.session.save()).into_owned();
    assert!(saved.contains(r#""window":"[1100,700,100]""#), "{saved}");
    let window = host.session.open_window();
    assert_eq!(
        host.session.window_size(),
        (1100, 700),
        "the size is remembered"
    );
    for _ in 0..20 {
        host.play(); // The new window is drawn.
    }
    let mut step = 0;
    xdotool(&format!("mousemove {x} {y} mousedown 1"));
    host.until("another drag begins", |host| {
        step += 1;
        xdotool(&format!("mousemove {x} {}", y + step % 60));
        host.session.num_gestures() == 1
    });
    host.session.close_window(window);
    xdotool("mouseup 1");
    host.until("it ends with the window", |host| {
        host.session.num_gestures() == 0
    });
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn mode_by_hand() {
    let mut host = Host::new(Modal::ID);
    let latency = host.session.latency();
    let window = host.session.open_window();
    let has_shares_of = |host: &Host, mode: Mode| {
        let heard = 0.5 * (1.0 - Modal::gains(mode)[0]);
        (host.heard - heard).abs() < 1e-4
    };
    host.click_until("a click on M mutes the drums", DRUMS_MUTE, |host| {
        host.session.value("drums_mute") == 1.0
    });
    host.until("the drums are gone", |host| {
        has_shares_of(host, Mode::Standard)
    });
    let mut step = 0;
    host.until("a mode is chosen", |host| {
        let (x, y) = [MODE_MENU, QUICK][step / 30 % 2];
        if step % 30 == 0 {
            xdotool(&format!("mousemove {x} {y} click 1"));
        }
        step += 1;
        host.session.value("mode") == 1.0
    });
    host.until("it is heard", |host| has_shares_of(host, Mode::Quick));
    assert_eq!(host.session.latency(), latency);
    host.session.close_window(window);
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::new(&doubles::entry(), Capturing::ID);
    let songs = last_songs();
    let mut settings = songs.settings();
    settings.folder = folder.path().to_owned();
    songs.set_settings(settings);
    session.activate(RATE, BLOCK);
    session.set_timeline(Timeline::Playing(0));
    let mut host = Host {
        session,
        heard: 0.0,
    };
    let window = host.session.open_window();
    host.click_until("capture is armed", ARM, |_| songs.is_armed());
    host.until("a second is captured", |_| {
        songs
            .recording()
            .is_some_and(|recording| recording.num_frames > u64::from(RATE))
    });
    host.click_until("capture ends", ARM, |_| !songs.is_armed());
    host.until("the take is listed", |_| songs.takes().len() == 1);
    host.click_until("the take is chosen", TAKE, |_| songs.chosen().is_some());
    host.click_until("the rendering begins", RENDER, |_| songs.stage().is_some());
    host.until("the rendering ends", |_| {
        songs.stage().is_some_and(|stage| stage.is_over())
    });
    let Some(Stage::Done { dir, .. }) = songs.stage() else {
        panic!("{:?}", songs.stage());
    };
    let (_, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Exact);
    host.session.close_window(window);
}

/// Threads and open files of this process.
#[cfg(target_os = "linux")]
fn threads_and_files() -> [usize; 2] {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    [count("/proc/self/task"), count("/proc/self/fd")]
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn hundred_times() {
    let mut host = Host::new(Halves::ID);
    let mut open_and_close = |times: usize| {
        for _ in 0..times {
            let window = host.session.open_window();
            for _ in 0..3 {
                host.play();
            }
            host.session.close_window(window);
        }
        // What ends, ends soon.
        for _ in 0..20 {
            host.play();
        }
        (threads_and_files(), resident_bytes() / 1_000)
    };
    // The first windows leave what is there once per process: fonts, the driver's caches.
    let (before, memory) = open_and_close(20);
    let (after, memory_after) = open_and_close(100);
    eprintln!("memory: {memory} kB, 100 windows later {memory_after} kB");
    assert_eq!(after, before, "threads and files");
    // A window's own memory, its buffers alone, is above 4 MB: a leak of it would be 400 MB.
    assert!(
        memory_after < memory + 40_000,
        "{memory} kB, then {memory_after} kB"
    );
}
