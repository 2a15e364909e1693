//! The panel of takes and rendering, by mouse and keyboard, without a display. What its controls are called is
//! what assistive technology reads.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

#[path = "editor/painter.rs"]
mod painter;
#[path = "editor/process.rs"]
mod process;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use painter::Painter;
use unweave_live::capture::{Moment, Position};
use unweave_plugin::editor::takes::{TakesView, draw};
use unweave_plugin::editor::theme;
use unweave_plugin::render::Stage;
use unweave_plugin::takes::Takes;
use unweave_separation::audio::channels::Layout;
use unweave_separation::audio::tags::Tags;
use unweave_separation::audio::write::{AudioSpec, AudioWriter, BitDepth, FileFormat, Samples};
use unweave_separation::delivery::verdict::Outcome;
use unweave_separation::delivery::verify::verify_dir;
use unweave_separation::{Model, Terminator};

const RATE: u32 = 44_100;

/// The panel on takes of its own.
struct Panel {
    harness: Harness<'static>,
    takes: Arc<Takes>,
    dir: tempfile::TempDir,
}

impl Panel {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (takes, _preview) = Takes::new(dir.path().join("takes"));
        let mut settings = takes.settings();
        settings.folder = dir.path().join("stems");
        takes.set_settings(settings);
        let shown = Arc::clone(&takes);
        let mut view = TakesView::default();
        let harness = Harness::builder()
            .with_size(vec2(272.0, 900.0))
            .with_context_setup(theme::apply)
            .renderer(Painter::default())
            .build_ui(move |ui| draw(ui, &shown, &mut view));
        let mut panel = Self {
            harness,
            takes,
            dir,
        };
        panel.step();
        panel
    }

    /// Events that are waiting, and a few frames for what they set off.
    fn step(&mut self) {
        self.harness.step();
        self.harness.run_steps(2);
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.step();
    }

    fn type_into(&mut self, label: &str, text: &str) {
        self.harness
            .get_by_role_and_label(Role::TextInput, label)
            .click();
        self.step();
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.event(Event::Text(text.to_owned()));
        self.step();
        self.harness.key_press(Key::Enter);
        self.step();
    }

    /// Frames go by until something is so.
    fn wait(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(5));
            self.step();
        }
    }

    fn shows(&self, text: &str) -> bool {
        self.harness.query_by_label_contains(text).is_some()
    }

    /// Half a second of a song.
    fn song(&self) -> PathBuf {
        let path = self.dir.path().join("Song.wav");
        write_song(&path);
        path
    }
}

fn write_song(path: &Path) {
    let num_frames: u16 = 22_050;
    let spec = AudioSpec {
        format: FileFormat::Wav,
        depth: BitDepth::Float32,
        sample_rate: RATE,
        layout: Layout::from_count(2),
        num_frames: num_frames.into(),
        tags: Tags::default(),
        time_stamp: None,
    };
    let mut wav = AudioWriter::create(path, &spec).unwrap();
    let tone: Vec<f32> = (0..num_frames)
        .map(|n| 0.5 * (f32::from(n) * 0.05).sin())
        .collect();
    wav.write(Samples::Float(&[tone.clone(), tone])).unwrap();
    wav.finish().unwrap();
}

#[test]
fn a_song_is_typed_a_range_is_drawn_and_its_stems_are_rendered() {
    let mut panel = Panel::new();
    let song = panel.song();
    panel.type_into("Path of a song", &song.display().to_string());
    panel.wait("the song is read", |panel| {
        let look = panel.takes.chosen();
        look.is_some_and(|look| look.num_read == 22_050)
    });
    assert!(panel.shows("All of it, 0:00.5, at 44100 Hz"));

    let rect = panel.harness.get_by_label("Range").rect();
    let at = |share: f32| Pos2::new(rect.left() + share * rect.width(), rect.center().y);
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    // From right to left is a range as well.
    panel.harness.event(Event::PointerMoved(at(0.75)));
    panel.harness.event(button(at(0.75), true));
    for share in [0.7, 0.5, 0.25] {
        panel.harness.event(Event::PointerMoved(at(share)));
        panel.harness.step();
    }
    panel.harness.event(button(at(0.25), false));
    panel.step();
    let range = panel.takes.chosen().unwrap().range.unwrap();
    let quarter = 22_050 / 4;
    let frames_per_point = 22_050 / 200;
    assert!(
        range.start.abs_diff(quarter) <= frames_per_point,
        "{range:?}"
    );
    assert!(
        range.end.abs_diff(3 * quarter) <= frames_per_point,
        "{range:?}"
    );

    panel.type_into("Name of the set", "My Song");
    panel.click("Render stems");
    panel.wait("the stems are there", |panel| {
        matches!(panel.takes.stage(), Some(Stage::Done { .. }))
    });
    panel.step();
    assert!(panel.shows("Show in folder") && panel.shows("Rendered into"));
    let set = panel.dir.path().join("stems").join("My Song");
    let (report, verdict) = verify_dir(&set, &Terminator::new()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Exact);
    assert_eq!(report.source.range, Some(range));
    panel.click("OK");
    assert_eq!(panel.takes.stage(), None);
}

#[test]
fn takes_are_captured_chosen_and_discarded() {
    let mut panel = Panel::new();
    assert!(panel.shows("No takes yet"));
    panel.click("Arm capture");
    assert!(panel.takes.is_armed() && panel.shows("Waiting for the transport"));
    let mut side = panel.takes.side(RATE, 2);
    let moment = Moment {
        is_playing: true,
        position: Position::Frames(i64::from(RATE) * 62),
        tempo: None,
    };
    side.take(&[&mut [0.5; 44_100], &mut [0.5; 44_100]], &moment);
    panel.wait("the capture shows", |panel| {
        panel.shows("Capturing: 0:01.0")
    });
    drop(side);
    panel.wait("the take shows", |panel| {
        panel.shows("Take 1   0:01.0   at 1:02.0")
    });
    panel.click("Arm capture");
    assert!(!panel.takes.is_armed());
    panel.click("Take 1   0:01.0   at 1:02.0");
    assert_eq!(panel.takes.chosen().unwrap().take_id, Some(1));
    panel.click("Discard take 1");
    assert!(panel.takes.chosen().is_none() && panel.shows("No takes yet"));
}

#[test]
fn what_can_not_be_is_said() {
    let mut panel = Panel::new();
    panel.type_into("Path of a song", "/no/such/song.wav");
    assert!(panel.shows("/no/such/song.wav: The song can't be read"));
    let song = panel.song();
    panel.type_into("Path of a song", &song.display().to_string());
    assert!(!panel.shows("/no/such/song.wav"));
    for folder in [" ", "stems"] {
        panel.type_into("Folder for the stems", folder);
        panel.click("Render stems");
        assert!(panel.shows("type the whole path"), "{folder:?}");
        assert_eq!(panel.takes.stage(), None);
    }
    // A file stands where the folder should be.
    panel.type_into(
        "Folder for the stems",
        &song.join("x").display().to_string(),
    );
    panel.click("Render stems");
    panel.wait("the refusal shows", |panel| {
        panel.shows("Choose another folder")
    });
    panel.click("OK");
    // Without a host that processes audio nothing can be heard.
    panel.click("Listen");
    assert!(panel.shows("processes no audio yet"));
}

#[test]
fn a_model_that_a_session_names_and_nobody_installed_is_shown_and_another_can_be_chosen() {
    let mut panel = Panel::new();
    let song = panel.song();
    let mut settings = panel.takes.settings();
    settings.model = Some("no-such-model".to_owned());
    panel.takes.set_settings(settings);
    panel.takes.choose_file(&song);
    panel.step();
    panel.click("Render stems");
    let refusal = panel.takes.complaint().unwrap();
    assert!(refusal.contains("no-such-model"), "{refusal}");
    panel.click("Model");
    assert!(panel.shows("no-such-model (not installed)"));
    let built_in = Model::built_in().unwrap().manifest;
    panel.click(&built_in.name);
    assert_eq!(panel.takes.settings().model, Some(built_in.id));
}

/// With no models but the built-in one: with more, there is a menu.
#[test]
fn the_panel_looks_as_it_did() {
    process::run_with_models("picture", Path::new("/nonexistent"));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn picture() {
    let mut panel = Panel::new();
    let song = panel.song();
    panel.takes.choose_file(&song);
    panel.takes.set_range(Some(5_000..15_000));
    let mut settings = panel.takes.settings();
    settings.folder = "/stems".into();
    settings.without = vec!["bass".to_owned()];
    panel.takes.set_settings(settings);
    panel.wait("the song is read", |panel| {
        let look = panel.takes.chosen();
        look.is_some_and(|look| look.num_read == 22_050)
    });
    // It may have been read before the panel was drawn with it.
    panel.step();
    panel.click("Files");
    // The section opens with a movement.
    panel.harness.run_steps(60);
    panel.harness.snapshot("panel");
}

#[test]
fn what_is_ticked_changes_the_settings() {
    let mut panel = Panel::new();
    let song = panel.song();
    panel.takes.choose_file(&song);
    panel.step();
    panel.click("Files");
    // The section opens with a movement.
    panel.harness.run_steps(60);
    panel.click("Bass Stem");
    panel.click("Instrumental");
    let settings = panel.takes.settings();
    assert_eq!(settings.without, ["bass"]);
    assert!(!settings.has_instrumental && settings.has_mix);
    panel.type_into("Sums", "No Drums=bass+vocals+other");
    assert_eq!(panel.takes.settings().sums, "No Drums=bass+vocals+other");
    panel.click("Bass Stem");
    assert!(panel.takes.settings().without.is_empty());
}
