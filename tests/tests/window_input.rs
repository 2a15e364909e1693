//! What reaches the window from other programs, and what goes back: dropped files, and keys.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use unweave_plugin::editor::palette::DARK;
use unweave_plugin::render::Stage;
use unweave_plugin::songs::{Pick, Songs};
use unweave_tests::doubles::{self, Capturing, last_songs};
use unweave_tests::dragging::{Drag, Target};
use unweave_tests::session::Session;
use unweave_tests::window::{Display, HostWindow, column, xdotool};
use unweave_window::DragSource;

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const RATE: u32 = 44_100;
const BLOCK: usize = 512;

/// On the edge that lights up while files hover, at the left.
const EDGE: (i16, i16) = (5, 300);
/// The menu of scales, and its fourth entry.
const SCALE_MENU: (u32, u32) = (925, 17);
const SCALE_150: (u32, u32) = (925, 106);
/// Columns in which there are letters of what tells of a rendering, and the row from which on it is looked for.
const HANDLE_COLUMNS: std::ops::Range<i16> = 700..740;
const HANDLE_TOP: i16 = 280;
/// Where nothing can be pressed.
const NOWHERE: (u32, u32) = (250, 180);

/// A host's window with the plug-in's in it, drawn.
struct Desk {
    session: Session,
    window: Option<HostWindow>,
    songs: Arc<Songs>,
}

impl Desk {
    fn new() -> Self {
        let mut session = Session::new(&doubles::entry(), Capturing::ID);
        let songs = last_songs();
        session.activate(RATE, BLOCK);
        let window = session.open_window();
        let mut desk = Self {
            session,
            window: Some(window),
            songs,
        };
        desk.until("the window is drawn", |_| {
            is_lit(EDGE, DARK.background.to_array())
        });
        desk
    }

    fn host(&self) -> &HostWindow {
        self.window.as_ref().unwrap()
    }

    /// Plays silence until this holds.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < PATIENCE, "{what}: never");
            let mix = [0.0; BLOCK];
            self.session.render([&mix, &mix], &[BLOCK], &[]);
            self.session.idle();
            std::thread::sleep(Duration::from_millis(11));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(window) = self.window.take() {
            self.session.close_window(window);
        }
    }
}

fn is_lit(place: (i16, i16), color: [u8; 4]) -> bool {
    let [red, green, blue, _] = color;
    column(place, 1) == [[red, green, blue]]
}

fn demo_song() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/paper-lanterns.flac");
    path.canonicalize().unwrap()
}

#[test]
fn a_song_that_is_dropped_on_the_window_is_taken_and_what_is_none_is_refused_with_a_word() {
    if let Some(display) = Display::start() {
        display.run("dropped");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn dropped() {
    let mut desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no song at all").unwrap();

    let (drag, _) = Drag::over(desk.host().id(), NOWHERE, &[&text]);
    desk.until("it is shown that a text is refused", |_| {
        is_lit(EDGE, DARK.warning.to_array())
    });
    drag.leave();
    desk.until("the edge goes out", |_| {
        is_lit(EDGE, DARK.background.to_array())
    });
    assert!(desk.songs.chosen().is_none());

    let song = demo_song();
    let (drag, is_accepted) = Drag::over(desk.host().id(), NOWHERE, &[&song]);
    assert!(is_accepted);
    desk.until("it is shown that a song is taken", |_| {
        is_lit(EDGE, DARK.solo.to_array())
    });
    drag.drop();
    desk.until("the song is there", |desk| {
        let look = desk.songs.chosen();
        look.is_some_and(|look| look.title.contains("paper-lanterns"))
    });
    desk.until("the edge goes out", |_| {
        is_lit(EDGE, DARK.background.to_array())
    });

    let (drag, _) = Drag::over(desk.host().id(), NOWHERE, &[&text]);
    drag.drop();
    desk.until("it is said why the text is none", |desk| {
        let complaint = desk.songs.complaint();
        complaint.is_some_and(|complaint| complaint.contains("notes.txt"))
    });
}

#[test]
fn a_file_is_dragged_out_and_its_path_arrives_where_it_is_dropped() {
    if let Some(display) = Display::start() {
        display.run("dragged_out");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn dragged_out() {
    let target = Target::new((100, 100), (200, 200));
    xdotool("mousemove 600 600");
    let mut source = Some(DragSource::start(vec!["/music/a stem.wav".into()]).unwrap());
    xdotool("mousemove 650 650 mousemove 150 150");
    let dropped = target.receive(|| {
        if let Some(source) = source.take() {
            source.release();
        }
    });
    assert_eq!(dropped, b"file:///music/a%20stem.wav\r\n");
}

#[test]
fn what_was_rendered_is_pulled_out_of_the_panel_by_hand() {
    if let Some(display) = Display::start() {
        display.run("pulled_out");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn pulled_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new();
    let mut settings = desk.songs.settings();
    settings.folder = folder.path().to_owned();
    desk.songs.set_settings(settings);
    desk.songs.choose_file(&demo_song());
    // A second is enough.
    desk.songs.set_range(Some(0..u64::from(RATE)));
    desk.songs.render(Pick::Set);
    desk.until("the stems are there", |desk| {
        desk.songs.stage().is_some_and(|stage| stage.is_over())
    });
    let Some(Stage::Done { files, .. }) = desk.songs.stage() else {
        panic!("{:?}", desk.songs.stage());
    };
    // What stands there in green is the handle of the files.
    let mut handle = None;
    desk.until("it is said that they are there", |_| {
        let [red, green, blue, _] = DARK.well.to_array();
        handle = HANDLE_COLUMNS.into_iter().find_map(|x| {
            let pixels = column((x, HANDLE_TOP), 150);
            let y = pixels
                .iter()
                .position(|pixel| *pixel == [red, green, blue])?;
            Some((x, i32::from(HANDLE_TOP) + i32::try_from(y).unwrap()))
        });
        handle.is_some()
    });
    let (x, y) = handle.unwrap();
    // Beside the host's window.
    let target = Target::new((1000, 100), (200, 200));
    xdotool(&format!("mousemove {x} {y} mousedown 1"));
    for step in 1..=4 {
        let x = i32::from(x) + 10 * step;
        xdotool(&format!("mousemove {x} {y} sleep 0.1"));
    }
    xdotool("mousemove 1090 190 sleep 0.2 mousemove 1100 200");
    let mut is_held = true;
    let dropped = target.receive(|| {
        if std::mem::take(&mut is_held) {
            xdotool("mouseup 1");
        }
    });
    let expected = files
        .iter()
        .map(|path| format!("file://{}\r\n", path.display()).replace(' ', "%20"));
    let expected: String = expected.collect();
    let dropped = String::from_utf8(dropped).unwrap();
    assert_eq!(dropped.replace("%28", "(").replace("%29", ")"), expected);
}

#[test]
fn a_host_whose_window_stays_small_gets_the_scale_back_that_fits() {
    if let Some(display) = Display::start() {
        display.run("refused_scale");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn refused_scale() {
    let mut desk = Desk::new();
    // The menu at the upper right, and its entry of 150 %.
    for (what, place) in [
        ("the menu opens", SCALE_MENU),
        ("150 % is chosen", SCALE_150),
    ] {
        let (x, y) = place;
        let before = desk.session.window_size();
        xdotool(&format!("mousemove {x} {y} click 1"));
        let mut num_blocks = 0;
        desk.until(what, |desk| {
            num_blocks += 1;
            num_blocks > 40 || desk.session.window_size() != before
        });
    }
    assert_ne!(desk.session.window_size(), (960, 600), "it asked for more");
    desk.until("all can be seen again", |desk| {
        desk.session.window_size() == (960, 600)
    });
    let saved = String::from_utf8_lossy(&desk.session.save()).into_owned();
    assert!(saved.contains(",100]\""), "{saved}");
}

#[test]
fn keys_do_what_the_window_says_and_the_others_are_the_hosts() {
    if let Some(display) = Display::start() {
        display.run("keys");
    }
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn keys() {
    let mut desk = Desk::new();
    let (x, y) = NOWHERE;
    // The keyboard is the window's from here on.
    xdotool(&format!("mousemove {x} {y} click 1"));
    let mut next = Instant::now();
    desk.until("B switches to the dry mix", |desk| {
        if desk.session.value("compare") == 0.0 && Instant::now() >= next {
            xdotool("key b");
            next = Instant::now() + Duration::from_secs(5);
        }
        desk.session.value("compare") == 1.0
    });
    for (keys, param) in [
        ("shift+b", "bypass"),
        ("m 2", "bass_mute"),
        ("s 4", "other_solo"),
    ] {
        xdotool(&format!("key --delay 60 {keys}"));
        desk.until(keys, |desk| desk.session.value(param) == 1.0);
    }
    xdotool("key n");
    desk.until("N chooses a preset", |desk| {
        desk.session.value("bass_mute") == 0.0
    });
    assert_eq!(desk.host().keys(), [] as [u8; 0], "all of them are used");

    // 65 is the space bar, 71 F5, 52 Z.
    for (key, code) in [("space", 65), ("F5", 71), ("ctrl+z", 52)] {
        xdotool(&format!("key {key}"));
        let mut found = Vec::new();
        let started = Instant::now();
        while !found.contains(&code) {
            assert!(started.elapsed() < PATIENCE, "{key} never comes: {found:?}");
            found.extend(desk.host().keys());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // After M any other key ends the wait for a number.
    xdotool("key --delay 60 m space 1");
    let mut num_blocks = 0;
    desk.until("a while later", |_| {
        num_blocks += 1;
        num_blocks > 40
    });
    assert_eq!(desk.session.value("drums_mute"), 0.0);
}
