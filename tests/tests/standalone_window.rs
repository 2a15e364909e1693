//! The standalone in a real window, with a real pointer and keyboard, as a person uses it who has no host.
#![cfg(any(target_os = "linux", windows))]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use unweave_live::capture::kept::kept;
use unweave_plugin::UnweaveStereo;
use unweave_plugin::editor::palette::DARK;
use unweave_separation::delivery::verdict::Outcome;
use unweave_separation::delivery::verify::verify_dir;
use unweave_separation::files::folders;
use unweave_separation::{Terminator, runtime};
use unweave_standalone::arguments::Arguments;
use unweave_standalone::{Program, Setting};
use unweave_tests::signal::write_song;
use unweave_tests::window::{Display, align_window, click_until, close_windows, column, xdotool};

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const RATE: u32 = 44_100;

/// Where things are in a window of its first size: M of the drums, and the bass' fader.
const DRUMS_M: (i16, i16) = (30, 247);
const CAPS_X: i16 = 222;
const ARM: (i16, i16) = (706, 74);
const PATH: (i16, i16) = (800, 103);
const TAKE: (i16, i16) = (760, 135);
/// The line beside the first row while it is chosen, and what takes that row away.
const CHOSEN: (i16, i16) = (694, 135);
const REMOVE: (i16, i16) = (939, 135);
const RENDER: (i16, i16) = (740, 466);
/// In the bar: what plays and stops, on its ground; the beginning of the line that is the song; undo.
const PLAY: (i16, i16) = (16, 608);
const PLAYED: (i16, i16) = (258, 615);
/// Farther in the song than it is played here.
const FAR: (i16, i16) = (500, 615);
const BEFORE_FAR: (i16, i16) = (480, 615);
const UNDO: (i16, i16) = (568, 607);

/// A display, and a home of its own.
struct Home {
    display: Display,
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Option<Self> {
        let mut display = Display::start()?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        // The one that is there, wherever home is.
        let runtime = runtime::load(&[]).unwrap().library();
        let runtime = runtime.path.display().to_string();
        display.variables = vec![
            ("UNWEAVE_ONNXRUNTIME", runtime),
            ("UNWEAVE_MODELS", path("none")),
        ];
        display.variables.extend(match cfg!(windows) {
            true => [("USERPROFILE", path("")), ("LOCALAPPDATA", path("cache"))],
            false => [("HOME", path("")), ("XDG_CACHE_HOME", path("cache"))],
        });
        Some(Self { display, folder })
    }
}

#[test]
fn the_standalone_mutes_captures_and_renders_by_hand_and_ends_when_it_is_closed() {
    if let Some(home) = Home::new() {
        home.display.run("by_hand");
        let cache = home.folder.path().join("cache/unweave");
        // Windows has no other place for it.
        let cache = if cfg!(windows) {
            cache.join("cache")
        } else {
            cache
        };
        let takes = cache.join("takes");
        let waiting = kept(&takes);
        let left = std::fs::read_dir(takes).into_iter().flatten();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [""; 0], "takes go with it; kept: {waiting:?}");
    }
}

#[test]
fn a_song_of_the_command_line_plays_and_what_was_set_is_there_again() {
    if let Some(home) = Home::new() {
        home.display.run("song_by_hand");
        home.display.run("remembered");
    }
}

/// Runs the program with these songs while a person uses it, who closes it in the end.
fn run(songs: Vec<PathBuf>, person: impl FnOnce() + Send) {
    let arguments = Arguments {
        songs,
        ..Arguments::default()
    };
    let setting = Setting {
        systems: Vec::new(),
        settings: Some(folders::home().unwrap().join("settings/standalone.json")),
    };
    let program = Program::start(UnweaveStereo::default(), &arguments, setting).unwrap();
    std::thread::scope(|scope| {
        let person = scope.spawn(|| {
            align_window();
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(person));
            close_windows();
            if let Err(panic) = done {
                std::panic::resume_unwind(panic);
            }
        });
        program.run().unwrap();
        person.join().unwrap();
    });
}

fn is_lit(place: (i16, i16), [red, green, blue, _]: [u8; 4]) -> bool {
    column(place, 1) == [[red, green, blue]]
}

fn has(place: (i16, i16), color: [u8; 4]) -> Option<()> {
    is_lit(place, color).then_some(())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Presses a key once, and waits for what comes of it.
fn press(key: &str, what: &str, is_so: impl Fn() -> bool) {
    xdotool(&format!("key {key}"));
    until(what, is_so);
}

fn tone(path: &Path, num_frames: u32) {
    let tone: Vec<f32> = (0..num_frames)
        .map(|n| (n as f32 * 0.05).sin() / 2.0)
        .collect();
    write_song(path, RATE, &[tone.clone(), tone]);
}

/// Where the pixels of the bass' cap begin that have its colour.
fn cap() -> Option<usize> {
    // A line of the stem's colour is in the middle of the cap, which is wider than the track.
    let [red, green, blue, _] = DARK.stems[1].to_array();
    let column = column((CAPS_X - 8, 250), 230);
    column.iter().position(|pixel| *pixel == [red, green, blue])
}

fn drag_cap() -> usize {
    until("the fader is drawn", || cap().is_some());
    let before = cap().unwrap();
    xdotool(&format!("mousemove {CAPS_X} {} mousedown 1", 250 + before));
    for step in 1..=10 {
        xdotool(&format!("mousemove {CAPS_X} {}", 250 + before + 4 * step));
        std::thread::sleep(Duration::from_millis(50));
    }
    xdotool("mouseup 1");
    until("the fader moves", || {
        cap().is_some_and(|after| after >= before + 20)
    });
    before
}

#[test]
#[ignore = "run by a test above, on a display of its own"]
fn by_hand() {
    let home = folders::home().unwrap();
    run(Vec::new(), move || {
        let red = DARK.mute.to_array();
        click_until("a click mutes the drums", DRUMS_M, || has(DRUMS_M, red));
        drag_cap();
        let song = home.join("song.wav");
        tone(&song, RATE / 2);
        click_until("the line for paths is entered", PATH, || {
            let [red, green, blue, _] = DARK.focus.to_array();
            let (x, y) = PATH;
            column((x, y - 13), 26)
                .contains(&[red, green, blue])
                .then_some(())
        });
        xdotool(&format!("type --delay 20 {}", song.display()));
        xdotool("key Return");
        let stems = home.join("Unweave");
        let set = |name: &str| {
            let dir = stems.join(name);
            dir.exists().then_some(dir)
        };
        let chosen = DARK.solo.to_array();
        until("the song is listed", || is_lit(CHOSEN, chosen));
        let dir = click_until("the song is rendered", RENDER, || set("song"));
        let (report, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Exact);
        assert_eq!(report.source.num_frames, u64::from(RATE / 2));

        // What plays is captured: the song.
        click_until("it is armed", ARM, || has(ARM, red));
        let well = DARK.well.to_array();
        press("space", "it plays", || is_lit(PLAY, well));
        until("it has come to its end", || !is_lit(PLAY, well));
        click_until("it is not armed", ARM, || {
            has(ARM, red).is_none().then_some(())
        });
        click_until("the song is taken off the list", REMOVE, || {
            has(CHOSEN, chosen).is_none().then_some(())
        });
        click_until("the take is chosen", TAKE, || has(CHOSEN, chosen));
        let dir = click_until("the take is rendered", RENDER, || set("Take 1"));
        let (_, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Exact);
    });
}

#[test]
#[ignore = "run by a test above, on a display of its own"]
fn song_by_hand() {
    let song = folders::home().unwrap().join("song.wav");
    tone(&song, 20 * RATE);
    run(vec![song], || {
        let (well, played) = (DARK.well.to_array(), DARK.solo.to_array());
        until("the song is listed", || {
            is_lit(CHOSEN, DARK.solo.to_array())
        });
        press("space", "it plays", || is_lit(PLAY, well));
        until("it moves on", || is_lit(PLAYED, played));
        press("space", "it stops", || !is_lit(PLAY, well));
        assert!(!is_lit(BEFORE_FAR, played));
        click_until("a click on its line goes there", FAR, || {
            has(BEFORE_FAR, played)
        });
        click_until("the button plays it, too", PLAY, || has(PLAY, well));
        click_until("and stops it", PLAY, || {
            has(PLAY, well).is_none().then_some(())
        });

        let red = DARK.mute.to_array();
        let before = drag_cap();
        // On a slow machine the next click would be in the same frame, and one step with it.
        let raised = DARK.raised.to_array();
        until("it can be undone", || is_lit(UNDO, raised));
        click_until("a click mutes the drums", DRUMS_M, || has(DRUMS_M, red));
        press("ctrl+z", "the mute is undone", || !is_lit(DRUMS_M, red));
        assert_ne!(cap(), Some(before), "that alone");
        press("ctrl+z", "the fader is, too", || cap() == Some(before));
        press("ctrl+shift+z", "it is done again", || cap() != Some(before));
        let (x, y) = UNDO;
        xdotool(&format!("mousemove {x} {y} click 1"));
        until("a click undoes it, too", || cap() == Some(before));
        press("ctrl+y", "the fader is done again", || {
            cap() != Some(before)
        });
        press("ctrl+y", "and the mute", || is_lit(DRUMS_M, red));
    });
}

#[test]
#[ignore = "run by a test above, on a display of its own, after the one before it"]
fn remembered() {
    let settings = folders::home().unwrap().join("settings/standalone.json");
    assert!(
        std::fs::read_to_string(settings)
            .unwrap()
            .contains("drums_mute")
    );
    run(Vec::new(), || {
        until("the drums are muted still", || {
            is_lit(DRUMS_M, DARK.mute.to_array())
        });
    });
}
