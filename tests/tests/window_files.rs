//! Files dragged on Windows: out of one window, into the plug-in's. The source is the plug-in's own, so both are tried.
#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clack_extensions::gui::GuiSize;
use unweave_plugin::editor::palette::DARK;
use unweave_plugin::songs::Songs;
use unweave_tests::doubles::{self, Capturing, last_songs};
use unweave_tests::session::Session;
use unweave_tests::window::{Display, HostWindow, column, xdotool};
use unweave_window::DragSource;

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const BLOCK: usize = 512;
/// On the edge that lights up while files hover, at the left.
const EDGE: (i16, i16) = (5, 300);
/// Where nothing can be pressed, and where the window that files come from is.
const NOWHERE: (i32, i32) = (250, 180);
const ELSEWHERE: (i32, i32) = (1000, 100);

/// The plug-in's window, and another.
struct Desk {
    session: Session,
    songs: Arc<Songs>,
    window: Option<HostWindow>,
    _other: HostWindow,
}

impl Desk {
    fn new() -> Self {
        let mut session = Session::new(&doubles::entry(), Capturing::ID);
        let songs = last_songs();
        session.activate(44_100, BLOCK);
        let window = session.open_window();
        let (width, height) = (100, 100);
        let mut desk = Self {
            session,
            songs,
            window: Some(window),
            _other: HostWindow::at(ELSEWHERE, GuiSize { width, height }),
        };
        desk.until("the window is drawn", |_| {
            is_lit(DARK.background.to_array())
        });
        desk
    }

    /// Plays silence until this holds.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < PATIENCE, "{what}: never");
            self.play();
        }
    }

    fn play(&mut self) {
        let mix = [0.0; BLOCK];
        self.session.render([&mix, &mix], &[BLOCK], &[]);
        self.session.idle();
        std::thread::sleep(Duration::from_millis(11));
    }

    /// Takes a file from the other window and moves it over the plug-in's.
    fn drag(&mut self, file: &Path) -> DragSource {
        let (x, y) = (ELSEWHERE.0 + 50, ELSEWHERE.1 + 50);
        xdotool(&format!("mousemove {x} {y}"));
        self.play();
        xdotool("mousedown 1");
        self.play();
        let source = DragSource::start(vec![file.to_owned()]).unwrap();
        for step in 1..=20 {
            let between = |from: i32, to: i32| from + (to - from) * step / 20;
            let (x, y) = (between(x, NOWHERE.0), between(y, NOWHERE.1));
            xdotool(&format!("mousemove {x} {y}"));
            self.play();
        }
        source
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(window) = self.window.take() {
            self.session.close_window(window);
        }
    }
}

fn is_lit(color: [u8; 4]) -> bool {
    let [red, green, blue, _] = color;
    column(EDGE, 1) == [[red, green, blue]]
}

fn demo_song() -> PathBuf {
    std::path::absolute(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/paper-lanterns.flac"),
    )
    .unwrap()
}

#[test]
fn a_song_that_is_dragged_from_another_window_is_taken_and_what_is_none_is_refused_with_a_word() {
    if let Some(display) = Display::start() {
        display.run("dragged");
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn dragged() {
    let mut desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no song at all").unwrap();

    let source = desk.drag(&text);
    desk.until("it is shown that a text is refused", |_| {
        is_lit(DARK.warning.to_array())
    });
    // As Escape does it.
    drop(source);
    xdotool(&format!("mousemove {} {}", NOWHERE.0 + 5, NOWHERE.1));
    desk.until("the edge goes out", |_| is_lit(DARK.background.to_array()));
    xdotool("mouseup 1");
    desk.play();
    assert!(desk.songs.chosen().is_none());

    let source = desk.drag(&demo_song());
    desk.until("it is shown that a song is taken", |_| {
        is_lit(DARK.solo.to_array())
    });
    xdotool("mouseup 1");
    source.release();
    desk.until("the song is there", |desk| {
        let look = desk.songs.chosen();
        look.is_some_and(|look| look.title.contains("paper-lanterns"))
    });
    desk.until("the edge goes out", |_| is_lit(DARK.background.to_array()));

    let source = desk.drag(&text);
    xdotool("mouseup 1");
    source.release();
    desk.until("it is said why the text is none", |desk| {
        let complaint = desk.songs.complaint();
        complaint.is_some_and(|complaint| complaint.contains("notes.txt"))
    });
}
