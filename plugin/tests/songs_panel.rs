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
use unweave_live::Controls;
use unweave_live::capture::{Moment, Position};
use unweave_live::preview::{PreviewSide, Use};
use unweave_plugin::editor::palette::DARK;
use unweave_plugin::editor::songs::{SongsView, draw};
use unweave_plugin::editor::theme;
use unweave_plugin::render::Stage;
use unweave_plugin::songs::{Listening, Songs};
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
    songs: Arc<Songs>,
    preview: PreviewSide,
    dir: tempfile::TempDir,
}

impl Panel {
    fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap())
    }

    fn in_dir(dir: tempfile::TempDir) -> Self {
        let (songs, preview) = Songs::new(dir.path().join("takes"));
        let mut settings = songs.settings();
        settings.folder = dir.path().join("stems");
        // Whatever else is installed on this machine.
        settings.model = Some(unweave_plugin::ids::BUILTIN_ID.to_owned());
        songs.set_settings(settings);
        let shown = Arc::clone(&songs);
        let mut view = SongsView::default();
        let harness = Harness::builder()
            .with_size(vec2(272.0, 900.0))
            .with_context_setup(|ctx| theme::apply(ctx, &DARK))
            .renderer(Painter::default())
            .build_ui(move |ui| draw(ui, &shown, &mut view));
        let mut panel = Self {
            harness,
            songs,
            preview,
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

    /// The last rendering of what is chosen is over.
    fn rendered(&mut self) -> (PathBuf, Vec<String>) {
        self.wait("the rendering ends", |panel| {
            panel.songs.stage().is_some_and(|stage| stage.is_over())
        });
        let Some(Stage::Done { dir, files, .. }) = self.songs.stage() else {
            panic!("{:?}", self.songs.stage());
        };
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let names = files.iter().map(name).collect();
        (dir, names)
    }

    /// What the host hears of a preview over silence.
    fn hear(&mut self, num_frames: usize) -> Vec<f32> {
        let mut heard = Vec::new();
        while heard.len() < num_frames {
            let (mut left, mut right) = ([0.0; 441], [0.0; 441]);
            self.preview.process(
                &mut [&mut left, &mut right],
                &Controls::default(),
                Use::default(),
            );
            heard.extend(left);
        }
        heard
    }

    /// Frames of the song, from the first that is heard, as fast as a host would take them.
    fn play_from_the_start(&mut self, num_frames: usize) -> Vec<f32> {
        self.songs.seek(0);
        self.click("Play Song.wav");
        let mut heard = Vec::new();
        let started = Instant::now();
        while heard.len() < num_frames {
            let piece = self.hear(441);
            std::thread::sleep(Duration::from_millis(10));
            // Before it begins there is silence.
            if heard.is_empty() && piece.iter().all(|sample| *sample == 0.0) {
                assert!(started.elapsed() < Duration::from_secs(60));
            } else {
                heard.extend(piece);
            }
        }
        heard
    }

    /// A second is captured at 1:02 of the timeline.
    fn capture(&mut self) {
        self.click("Capture");
        assert!(self.songs.is_armed());
        let mut side = self.songs.side(RATE, 2);
        let moment = Moment {
            is_playing: true,
            position: Position::Frames(i64::from(RATE) * 62),
            tempo: None,
        };
        side.record(&[&mut [0.5; 44_100], &mut [0.5; 44_100]], &moment);
        drop(side);
        let num_rows = self.songs.rows().len();
        self.wait("the take is listed", |panel| {
            panel.songs.rows().len() > num_rows
        });
        self.click("Capture");
        assert!(!self.songs.is_armed());
    }

    fn button(&self, pos: Pos2, pressed: bool) {
        self.harness.event(Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
}

/// Of a file with 32-bit floats.
fn left_channel(path: &Path) -> Vec<f32> {
    let mut reader = unweave_separation::audio::read::AudioReader::open(path).unwrap();
    let (mut left, mut block) = (Vec::new(), Vec::new());
    while reader.read(&mut block).unwrap() > 0 {
        left.extend_from_slice(&block[0]);
    }
    left
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
fn a_song_is_typed_a_part_is_drawn_and_its_stems_are_rendered() {
    let mut panel = Panel::new();
    let song = panel.song();
    panel.type_into("Path of a song", &song.display().to_string());
    panel.wait("the song is read", |panel| {
        let look = panel.songs.chosen();
        look.is_some_and(|look| look.num_read == 22_050)
    });
    assert!(panel.shows("0:00.0 of 0:00.5"));

    let rect = panel.harness.get_by_label("Waveform").rect();
    let at = |share: f32| Pos2::new(rect.left() + share * rect.width(), rect.center().y);
    // From right to left is a part as well.
    panel.harness.event(Event::PointerMoved(at(0.75)));
    panel.button(at(0.75), true);
    for share in [0.7, 0.5, 0.25] {
        panel.harness.event(Event::PointerMoved(at(share)));
        panel.harness.step();
    }
    panel.button(at(0.25), false);
    panel.step();
    let range = panel.songs.chosen().unwrap().range.unwrap();
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

    panel.type_into("Name of the song", "My Song");
    panel.click("Render stems");
    let (dir, files) = panel.rendered();
    panel.step();
    assert!(panel.shows("Show in folder") && panel.shows("Rendered: 6 files"));
    assert_eq!(dir, panel.dir.path().join("stems").join("My Song"));
    let (report, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Exact);
    assert_eq!(report.source.range, Some(range));

    panel.harness.get_by_label("Copy path").click();
    let mut copied = String::new();
    for _ in 0..3 {
        panel.harness.step();
        for command in &panel.harness.output().platform_output.commands {
            if let egui::OutputCommand::CopyText(text) = command {
                copied.clone_from(text);
            }
        }
    }
    let expected: Vec<String> = files
        .iter()
        .map(|file| dir.join(file).display().to_string())
        .collect();
    assert_eq!(copied, expected.join("\n"));
    panel.click("All of it");
    assert_eq!(panel.songs.chosen().unwrap().range, None);
}

#[test]
fn one_press_makes_one_file() {
    let mut panel = Panel::new();
    let song = panel.song();
    panel.songs.choose_file(&song);
    panel.step();
    for (press, expected) in [
        ("Without vocals", "Song (Instrumental).wav"),
        ("Only vocals", "Song (Vocals Stem).wav"),
        ("Without drums", "Song (No Drums).wav"),
    ] {
        panel.click(press);
        let (dir, files) = panel.rendered();
        assert_eq!(files, [expected]);
        assert!(dir.join(expected).is_file());
        let Some(Stage::Done { facts, .. }) = panel.songs.stage() else {
            unreachable!("it was rendered");
        };
        assert!(
            facts[0].starts_with(&format!("{expected}: peak ")),
            "{facts:?}"
        );
        assert!(facts[1].starts_with("Separated by "), "{facts:?}");
        panel.step();
    }
    // Alone, and not over one that is there.
    panel.click("Only vocals");
    panel.rendered();
    let mut found: Vec<String> = std::fs::read_dir(panel.dir.path().join("stems"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "Song (2) (Vocals Stem).wav",
            "Song (Instrumental).wav",
            "Song (No Drums).wav",
            "Song (Vocals Stem).wav",
        ]
    );
}

#[test]
fn all_songs_are_rendered_one_after_the_other_and_those_that_have_stems_are_not_again() {
    let mut panel = Panel::new();
    for name in ["A.wav", "B.wav"] {
        let path = panel.dir.path().join(name);
        write_song(&path);
        panel.songs.choose_file(&path);
    }
    panel.step();
    for round in 0..2 {
        panel.click("Render all");
        panel.wait("all are rendered", |panel| {
            let rows = panel.songs.rows();
            rows.iter()
                .all(|row| matches!(row.stage, Some(Stage::Done { .. })))
        });
        let sets = std::fs::read_dir(panel.dir.path().join("stems")).unwrap();
        assert_eq!(sets.count(), 2, "{round}");
    }
}

#[test]
fn takes_are_captured_chosen_and_removed_which_can_be_undone() {
    let mut panel = Panel::new();
    assert!(panel.shows("Drop a song on this window"));
    panel.capture();
    panel.step();
    assert!(panel.shows("Click on a song"));
    panel.click("Take 1");
    let look = panel.songs.chosen().unwrap();
    let take = look.take.unwrap();
    assert_eq!((take.id, look.num_frames), (1, Some(44_100)));
    // Two channels of 32-bit floats.
    assert!(panel.shows("352 kB") || panel.shows("353 kB"));
    let path = take.path().to_owned();
    drop(take);

    let render = panel.harness.get_by_label("Render stems").rect();
    panel.click("Remove Take 1");
    assert!(panel.songs.rows().is_empty() && panel.shows("Removed: Take 1"));
    let moved = panel.harness.get_by_label("Render stems").rect();
    assert_eq!(moved, render, "messages move nothing");
    assert!(path.exists());
    panel.click("Undo");
    assert_eq!(panel.songs.rows().len(), 1);
    panel.click("Remove Take 1");
    panel.click("OK");
    assert!(panel.songs.rows().is_empty() && !path.exists());
}

#[test]
fn a_take_of_which_nothing_was_made_waits_for_the_next_instance_and_goes_when_it_is_rendered() {
    let mut panel = Panel::new();
    panel.capture();
    panel.click("Take 1");
    panel.type_into("Name of the song", "Bridge");
    let Panel { songs, dir, .. } = panel;
    songs.end();
    assert!(songs.rows().is_empty());

    // Removed, which can be undone; then rendered.
    let mut panel = Panel::in_dir(dir);
    panel.step();
    assert!(panel.shows("“Bridge” from before"));
    panel.click("Remove");
    assert!(panel.shows("Removed: Bridge") && panel.songs.kept().is_empty());
    panel.click("Undo");
    let look = panel.songs.chosen().unwrap();
    assert_eq!(look.label(), "Bridge");
    let at = i64::from(RATE) * 62;
    assert_eq!(look.take_facts().0, Position::Frames(at));
    drop(look);
    panel.click("Render stems");
    panel.rendered();
    panel.step();
    let Panel { songs, dir, .. } = panel;
    songs.end();

    let panel = Panel::in_dir(dir);
    assert!(panel.songs.kept().is_empty());
    drop(songs);
    let folder = panel.dir.path().join("takes");
    let left = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name() != "kept";
    assert!(!std::fs::read_dir(folder).unwrap().any(left));
}

#[test]
fn stems_are_heard_from_where_one_clicks_with_tracks_left_out_and_again() {
    let mut panel = Panel::new();
    let song = panel.song();
    panel.songs.choose_file(&song);
    panel.step();
    // Without a host that processes audio nothing can be heard.
    panel.click("Play Song.wav");
    assert!(panel.shows("processes no audio yet"));
    drop(panel.songs.side(RATE, 2));
    panel.preview.set_up(RATE);
    // As the model makes them, and as they were rendered.
    let original = left_channel(&song);
    for is_rendered in [false, true] {
        if is_rendered {
            panel.click("Render stems");
            panel.rendered();
            panel.step();
        }
        // A busy machine may come too late with them, which is silence in between: then once more.
        let started = Instant::now();
        loop {
            let heard = panel.play_from_the_start(15_000);
            // Between the fades, the stems are the song.
            let wrong = (1_000..14_000).find(|at| (heard[*at] - original[*at]).abs() >= 1e-5);
            let Some(at) = wrong else { break };
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{is_rendered}, {at}: {}, {}",
                heard[at],
                original[at]
            );
            panel.click("Stop Song.wav");
            panel.hear(2_000);
        }
        panel.step();
        assert!(panel.songs.playing().is_some());
        panel.click("Stop Song.wav");
        assert_eq!(panel.songs.listening(), Listening::Off);
        let playhead = panel.songs.chosen().unwrap().playhead;
        assert!(playhead.abs_diff(15_000) < 2_000, "{playhead}");
        panel.hear(2_000);
    }
    for name in ["Drums", "Bass", "Vocals", "Other"] {
        panel.click(&format!("{name} track mute"));
    }
    panel.click("Loop");
    panel.songs.set_range(Some(5_000..10_000));
    panel.click("Play Song.wav");
    let started = Instant::now();
    let (mut laps, mut last) = (0, 0);
    while laps < 3 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it begins again"
        );
        let heard = panel.hear(441);
        assert!(heard.iter().all(|sample| *sample == 0.0), "all are muted");
        let playhead = panel.songs.chosen().unwrap().playhead;
        laps += usize::from(playhead < last);
        last = playhead;
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!((5_000..=10_000).contains(&last), "{last}");
    // Without the loop it ends, and the playhead goes back.
    panel.step();
    panel.click("Loop");
    let started = Instant::now();
    while panel.songs.playing().is_some() {
        assert!(started.elapsed() < Duration::from_secs(60), "it ends");
        panel.hear(441);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(panel.songs.chosen().unwrap().playhead, 5_000);
    // Where the host interrupts it, the playhead stays.
    panel.step();
    panel.click("Play Song.wav");
    let started = Instant::now();
    while panel.songs.chosen().unwrap().playhead < 7_000 {
        assert!(started.elapsed() < Duration::from_secs(60), "it is heard");
        panel.hear(441);
        std::thread::sleep(Duration::from_millis(1));
    }
    panel.preview.interrupt();
    panel.wait("it is over", |panel| panel.songs.playing().is_none());
    let playhead = panel.songs.chosen().unwrap().playhead;
    assert!((7_000..10_000).contains(&playhead), "{playhead}");
}

#[test]
fn what_can_not_be_is_said() {
    let mut panel = Panel::new();
    panel.type_into("Path of a song", "/no/such/song.wav");
    assert!(panel.shows("/no/such/song.wav: The song can't be read: it is not there"));
    let song = panel.song();
    panel.type_into("Path of a song", &song.display().to_string());
    assert!(!panel.shows("/no/such/song.wav"));
    for folder in [" ", "stems"] {
        panel.type_into("Folder for the stems", folder);
        panel.click("Render stems");
        assert!(panel.shows("type the whole path"), "{folder:?}");
        assert_eq!(panel.songs.stage(), None);
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
    assert!(!panel.shows("Choose another folder"));
}

#[test]
fn a_model_that_a_session_names_and_nobody_installed_is_shown_and_another_can_be_chosen() {
    let mut panel = Panel::new();
    let song = panel.song();
    let mut settings = panel.songs.settings();
    settings.model = Some("no-such-model".to_owned());
    panel.songs.set_settings(settings);
    panel.songs.choose_file(&song);
    panel.step();
    panel.click("Render stems");
    let refusal = panel.songs.complaint().unwrap();
    assert!(refusal.contains("no-such-model"), "{refusal}");
    panel.click("Model for files");
    assert!(panel.shows("no-such-model (not installed)"));
    let built_in = Model::built_in().unwrap().manifest;
    panel.click(&built_in.name);
    assert_eq!(panel.songs.settings().model, Some(built_in.id));
}

/// With no models but the built-in one, whatever is installed on this machine.
#[test]
fn the_panel_looks_as_it_did() {
    process::run_with_models("picture", Path::new("/nonexistent"));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn picture() {
    let mut panel = Panel::new();
    let other = panel
        .dir
        .path()
        .join("A song with quite a long name, take 12.wav");
    write_song(&other);
    panel.songs.choose_file(&other);
    let song = panel.song();
    panel.songs.choose_file(&song);
    panel.songs.set_range(Some(5_000..15_000));
    panel.songs.mute(1, true);
    let mut settings = panel.songs.settings();
    settings.folder = "/home/kim/Music/A folder with a long name/Stems".into();
    settings.without = vec!["bass".to_owned()];
    panel.songs.set_settings(settings);
    panel.wait("the songs are read", |panel| {
        let rows = panel.songs.rows();
        rows.iter().all(|row| row.num_read == 22_050)
    });
    // It may have been read before the panel was drawn with it.
    panel.step();
    panel.harness.snapshot("panel");
}

#[test]
fn what_is_ticked_changes_the_settings() {
    let mut panel = Panel::new();
    panel.click("Files");
    panel.click("Bass Stem");
    panel.click("Instrumental");
    panel.click("Everything but drums");
    let settings = panel.songs.settings();
    assert_eq!(settings.without, ["bass"]);
    assert!(!settings.has_instrumental && settings.has_mix);
    assert_eq!(settings.sums, "No Drums=bass+vocals+other");
    panel.click("Bass Stem");
    assert!(panel.songs.settings().without.is_empty());
}

/// Two models: one that is there, and one whose server doesn't have it.
fn catalogue(address: &str, content: &[u8]) -> String {
    let sha256 = unweave_separation::files::checksum::sha256(content);
    let entry = |id: &str, name: &str| {
        format!(
            "[[model]]\nid = \"{id}\"\nname = \"{name}\"\nversion = \"1\"\nabout = \"A test.\"\n\
             licence = \"MIT\"\ncommercial = \"allowed\"\nsource = \"here\"\n\
             [[model.file]]\npath = \"square.onnx\"\nsize = {}\nsha256 = \"{sha256}\"\n\
             urls = [\"{address}/{id}\"]\n\
             [model.manifest]\nkind = \"waveform\"\nsample_rate = 44100\nchannels = 2\n\
             stems = [\"loud\", \"rest\"]\nresidual = \"rest\"\n\
             segment = {{ frames = 64, overlap_frames = 16, normalise = false }}\n\
             tensors = {{ input = {{ name = \"wave\", shape = [1, 2, 64] }}, \
             output = {{ name = \"parts\", shape = [1, 2, 2, 64] }} }}\n",
            content.len()
        )
    };
    entry("tiny", "Tiny") + &entry("gone", "Gone")
}

/// Sends the content for one path, and says of all others that they are not there.
fn serve(content: Vec<u8>) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let (status, body) = match request.split(' ').nth(1) {
                Some("/tiny") => ("200 OK", &content[..]),
                _ => ("404 Not Found", &b"no"[..]),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A client that went away is no failure of the server.
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
        }
    });
    address
}

#[test]
fn a_model_is_fetched_in_the_window_to_where_the_command_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let content = std::fs::read(path.join("../separation/tests/fixtures/square.onnx")).unwrap();
    let list = dir.path().join("catalogue.toml");
    std::fs::write(&list, catalogue(&serve(content.clone()), &content)).unwrap();
    let models = dir.path().join("models");
    process::run_with(
        "fetching",
        &[("UNWEAVE_MODELS", &models), ("UNWEAVE_CATALOGUE", &list)],
    );
    let installed = std::fs::read(models.join("tiny/square.onnx")).unwrap();
    assert_eq!(installed, content);
    assert!(!models.join("gone").exists());
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn fetching() {
    let mut panel = Panel::new();
    panel.click("Get more models…");
    let licences = panel
        .harness
        .query_all_by_label("Licence: MIT; may be used for money");
    assert_eq!(licences.count(), 2);
    panel.click("Get Gone");
    panel.wait("the refusal shows", |panel| panel.shows("404"));
    // The list goes to its new place.
    panel.step();
    panel.click("OK");
    panel.click("Get Tiny");
    panel.wait("it is installed", |panel| {
        panel.harness.query_by_label("installed").is_some()
    });
    panel.click("Close");
    panel.step();
    panel.click("Model for files");
    panel.click("Tiny");
    assert_eq!(panel.songs.settings().model.as_deref(), Some("tiny"));
}
