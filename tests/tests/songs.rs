//! From the host's transport to stems on disk, through the plug-in, with the built-in model.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use unweave_live::capture::{Position, Take};
use unweave_plugin::render::Stage;
use unweave_plugin::songs::{Listening, Pick, Songs};
use unweave_separation::audio::channels::Layout;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::audio::tags::Tags;
use unweave_separation::audio::write::{AudioSpec, AudioWriter, BitDepth, FileFormat, Samples};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::delivery::report::Report;
use unweave_separation::delivery::verdict::Outcome;
use unweave_separation::delivery::verify::verify_dir;
use unweave_separation::offline::pool::SeparatorPool;
use unweave_separation::offline::{Done, Job, separate_file};
use unweave_separation::{Model, Options, Terminator};
use unweave_tests::capturing;
use unweave_tests::doubles::{self, Capturing, HALVES, last_songs};
use unweave_tests::session::{Event, Session, TRACK, TRACK_COLOR, Timeline};
use unweave_tests::signal::{delayed, noise};

const RATE: u32 = 44_100;

/// Other threads have no clock that a test could move: what they are about to do is waited for.
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A host with an instance whose takes render into `folder`.
fn host(folder: &Path) -> (Session, Arc<Songs>) {
    let mut session = Session::new(&doubles::entry(), Capturing::ID);
    let songs = last_songs();
    let mut settings = songs.settings();
    settings.folder = folder.to_owned();
    // Whatever else is installed on this machine.
    settings.model = Some(unweave_plugin::ids::BUILTIN_ID.to_owned());
    songs.set_settings(settings);
    session.activate(RATE, 512);
    (session, songs)
}

/// Plays from a place on the timeline, captured.
fn capture(session: &mut Session, songs: &Songs, from: i64, mix: [&[f32]; 2]) -> Arc<Take> {
    let num_takes = songs.takes().len();
    songs.arm(true);
    session.set_timeline(Timeline::Playing(from));
    session.render(mix, &[512, 64, 100], &[]);
    session.set_timeline(Timeline::Stopped(from));
    session.render([&[0.0; 64], &[0.0; 64]], &[64], &[]);
    songs.arm(false);
    wait_for("the take", || {
        let takes = songs.takes();
        (takes.len() > num_takes).then(|| Arc::clone(&takes[num_takes]))
    })
}

/// What a rendering comes to.
fn outcome(songs: &Songs) -> Stage {
    wait_for("the rendering", || songs.stage().filter(Stage::is_over))
}

fn rendered(songs: &Songs) -> PathBuf {
    songs.render(Pick::Set);
    match outcome(songs) {
        Stage::Done { dir, .. } => dir,
        other => panic!("{other:?}, {:?}", songs.complaint()),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Two seconds of something with a rhythm.
fn song() -> [Vec<f32>; 2] {
    let noises = [noise(2 * RATE as usize, 1), noise(2 * RATE as usize, 2)];
    noises.map(|noise| {
        let beat = RATE as usize / 4;
        let decay = |idx: usize| (-8.0 * (idx % beat) as f32 / beat as f32).exp();
        let decayed = noise.iter().enumerate();
        decayed.map(|(idx, sample)| sample * decay(idx)).collect()
    })
}

/// As `unweave separate` does it.
fn separate(song: &Path, folder: &Path, depth: BitDepth) -> (PathBuf, Report) {
    let pool = SeparatorPool::open(Model::built_in().unwrap(), Options::default()).unwrap();
    let model = pool.model_report();
    let job = Job {
        source: song,
        range: None,
        name: None,
        output_dir: folder,
        template: None,
        is_flat: false,
        has_report: true,
        selection: &Selection::default(),
        format: FileFormat::Wav,
        depth,
        existing: Existing::Number,
        skip_existing: false,
        model: &model,
        runtime: pool.runtime().to_owned(),
        threads: 2,
    };
    let cancel = Terminator::new();
    let done = separate_file(&job, &mut |rate| pool.stream(rate), &mut |_| {}, &cancel);
    match done.unwrap() {
        Done::Written { dir, report } => (dir, *report),
        Done::Skipped { dir, .. } => panic!("{dir:?}"),
    }
}

#[test]
fn a_rendered_take_is_what_the_command_line_makes_of_the_same_audio() {
    let dir = tempfile::tempdir().unwrap();
    let (mut session, songs) = host(&dir.path().join("plug-in"));
    let song = song();
    let take = capture(&mut session, &songs, 123_456, [&song[0], &song[1]]);
    assert_eq!(take.position, Position::Frames(123_456));
    // The same audio as a file like any other, without a place on a timeline.
    let path = dir.path().join("Take 1.wav");
    let spec = AudioSpec {
        format: FileFormat::Wav,
        depth: BitDepth::Float32,
        sample_rate: RATE,
        layout: Layout::from_count(2),
        num_frames: song[0].len() as u64,
        tags: Tags::default(),
        time_stamp: None,
    };
    let mut wav = AudioWriter::create(&path, &spec).unwrap();
    wav.write(Samples::Float(&song)).unwrap();
    wav.finish().unwrap();
    songs.choose_take(&take);
    songs.set_name("Take 1");
    for depth in [BitDepth::Int24, BitDepth::Float32] {
        let mut settings = songs.settings();
        settings.depth = depth;
        songs.set_settings(settings);
        let rendered = rendered(&songs);
        let (_, verdict) = verify_dir(&rendered, &Terminator::new()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Exact);
        let (_, expected) = separate(&path, &dir.path().join("command line"), depth);
        let actual = Report::in_dir(&rendered).unwrap();
        assert_eq!(
            actual.files, expected.files,
            "names, sums, levels and samples"
        );
        assert_eq!(actual.model, expected.model);
        for file in &actual.files {
            let reader = AudioReader::open(&rendered.join(&file.name)).unwrap();
            assert_eq!(reader.facts().time_stamp.unwrap().frame, 123_456);
        }
    }
    assert_eq!(names(&dir.path().join("plug-in")), ["Take 1", "Take 1 (2)"]);
}

#[test]
fn a_range_of_a_take_stands_where_it_was_and_is_named_after_the_track() {
    let dir = tempfile::tempdir().unwrap();
    let (mut session, songs) = host(dir.path());
    let song = song();
    let track = songs.track();
    assert_eq!(track.name(), TRACK);
    let [red, green, blue] = TRACK_COLOR;
    let color = track.color().map(|color| color.rgba());
    assert_eq!(color, Some((red, green, blue, 255)));
    let take = capture(&mut session, &songs, 1_000, [&song[0], &song[1]]);
    songs.choose_take(&take);
    songs.set_range(Some(20_000..50_000));
    let rendered = rendered(&songs);
    assert_eq!(rendered, dir.path().join("Bus-Mix - Take 1"));
    let mix = rendered.join("Bus-Mix - Take 1 (Full Mix).wav");
    let mut reader = AudioReader::open(&mix).unwrap();
    assert_eq!(reader.facts().time_stamp.unwrap().frame, 21_000);
    assert_eq!(reader.facts().num_frames, Some(30_000));
    let mut block = Vec::new();
    reader.read(&mut block).unwrap();
    // 24 bits: half a step off at most.
    let step = 1.0 / 8_388_608.0;
    let off = |(a, b): (&f32, &f32)| (a - b).abs() <= step;
    assert!(block[0].iter().zip(&song[0][20_000..]).all(off));
}

#[test]
fn the_transport_decides_what_is_captured_and_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let (mut session, songs) = host(dir.path());
    let mix = noise(3_000, 5);
    songs.arm(true);
    session.set_timeline(Timeline::Stopped(0));
    session.render([&mix, &mix], &[512], &[]);
    session.set_timeline(Timeline::Playing(44_100));
    session.render([&mix, &mix], &[512], &[]);
    // A loop back, then another rate, and last a host that tells nothing.
    session.set_timeline(Timeline::Playing(44_100));
    session.render([&mix[..1_000], &mix[..1_000]], &[512], &[]);
    session.deactivate();
    session.activate(48_000, 512);
    session.render([&mix[..1_000], &mix[..1_000]], &[512], &[]);
    session.set_timeline(Timeline::Untold);
    session.render([&mix[..500], &mix[..500]], &[512], &[]);
    songs.arm(false);
    session.render([&mix, &mix], &[512], &[]);
    let list = wait_for("the takes", || {
        let list = songs.takes();
        (list.len() == 4 && songs.recording().is_none()).then_some(list)
    });
    let found: Vec<_> = list
        .iter()
        .map(|take| (take.sample_rate, take.num_frames, take.position))
        .collect();
    // 45,100 frames at 44.1 kHz are this many at 48 kHz: the host's timeline is in seconds.
    let expected = [
        (44_100, 3_000, Position::Frames(44_100)),
        (44_100, 1_000, Position::Frames(44_100)),
        (48_000, 1_000, Position::Frames(45_100)),
        (48_000, 500, Position::Unknown),
    ];
    assert_eq!(found, expected);
    let mut block = Vec::new();
    let mut reader = AudioReader::open(list[0].path()).unwrap();
    reader.read(&mut block).unwrap();
    assert!(block[0] == mix && block[1] == mix, "as it came in");
}

#[test]
fn folders_that_can_not_be_used_are_told_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (_session, songs) = host(dir.path());
    let path = dir.path().join("song.wav");
    write_noise(&path, 20_000);
    songs.choose_file(&path);
    // Permissions don't bind tests that run as root: here nobody can make a folder.
    let nowhere = match cfg!(windows) {
        true => r"Q:\no\such",
        false => "/proc/no/such",
    };
    for folder in [path.join("stems"), nowhere.into()] {
        let mut settings = songs.settings();
        settings.folder = folder.clone();
        songs.set_settings(settings);
        songs.render(Pick::Set);
        let Stage::Failed(reason) = outcome(&songs) else {
            panic!("{folder:?}")
        };
        assert!(reason.contains(&folder.display().to_string()), "{reason}");
        assert!(reason.contains("Choose another folder"), "{reason}");
    }
    assert_eq!(names(dir.path()), ["song.wav"]);
    // Neither is what is no song, nor what is not there.
    fs::write(dir.path().join("text.wav"), "no song").unwrap();
    for name in ["text.wav", "none.wav"] {
        songs.choose_file(&dir.path().join(name));
        assert!(songs.complaint().unwrap().contains(name));
    }
}

fn write_noise(path: &Path, num_frames: usize) {
    let spec = AudioSpec {
        format: FileFormat::Wav,
        depth: BitDepth::Float32,
        sample_rate: RATE,
        layout: Layout::from_count(2),
        num_frames: num_frames as u64,
        tags: Tags::default(),
        time_stamp: None,
    };
    let mut wav = AudioWriter::create(path, &spec).unwrap();
    let channels = [noise(num_frames, 3), noise(num_frames, 4)];
    wav.write(Samples::Float(&channels)).unwrap();
    wav.finish().unwrap();
}

#[test]
fn two_instances_render_into_one_folder_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let path = dir.path().join("Song.wav");
    write_noise(&path, 30_000);
    let hosts = [host(&out), host(&out)];
    for (_, songs) in &hosts {
        songs.choose_file(&path);
        songs.render(Pick::Set);
    }
    for (_, songs) in &hosts {
        let Stage::Done { dir, .. } = outcome(songs) else {
            panic!("{:?}", songs.stage())
        };
        let (_, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Exact);
    }
    assert_eq!(names(&out), ["Song", "Song (2)"]);
}

#[test]
fn a_rendering_that_is_cancelled_or_unloaded_at_any_point_is_soon_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Song.wav");
    write_noise(&path, 20 * RATE as usize);
    let mut num_done = 0;
    for is_unloaded in [false, true] {
        for fraction in [None, Some(0.0), Some(0.05), Some(0.3), Some(0.86)] {
            let out = dir.path().join("out");
            let (session, songs) = host(&out);
            songs.choose_file(&path);
            songs.render(Pick::Set);
            wait_for("the moment", || match (songs.stage(), fraction) {
                (Some(Stage::Running(now)), Some(fraction)) => {
                    (now.fraction >= fraction).then_some(())
                }
                (stage, None) => stage.map(|_| ()),
                _ => None,
            });
            let started = Instant::now();
            let is_done = if is_unloaded {
                drop(session);
                assert_eq!(songs.stage(), None);
                out.exists()
            } else {
                songs.cancel();
                matches!(outcome(&songs), Stage::Done { .. })
            };
            let elapsed = started.elapsed();
            assert!(
                elapsed < Duration::from_secs(30),
                "{is_unloaded}, {fraction:?}: {elapsed:?}"
            );
            // On a busy machine it was done before it was to end.
            if is_done {
                let (_, verdict) = verify_dir(&out.join("Song"), &Terminator::new()).unwrap();
                assert_eq!(verdict.outcome, Outcome::Exact);
                fs::remove_dir_all(&out).unwrap();
            }
            num_done += usize::from(is_done);
            assert!(!out.exists(), "{fraction:?}: an empty folder is left");
        }
    }
    assert!(num_done < 10, "none was ended");
}

/// Windows removes no folder with files in it that are open.
#[cfg(not(windows))]
#[test]
fn a_folder_that_goes_away_in_the_middle_fails_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let path = dir.path().join("Song.wav");
    write_noise(&path, 10 * RATE as usize);
    let (_session, songs) = host(&out);
    songs.choose_file(&path);
    songs.render(Pick::Set);
    wait_for("the middle", || match songs.stage() {
        Some(Stage::Running(now)) => (now.fraction > 0.2).then_some(()),
        _ => None,
    });
    fs::remove_dir_all(&out).unwrap();
    let Stage::Failed(reason) = outcome(&songs) else {
        panic!("{:?}", songs.stage())
    };
    assert!(!reason.is_empty());
    // And it can be done again.
    let dir = rendered(&songs);
    verify_dir(&dir, &Terminator::new()).unwrap();
}

/// A disk of 1 MB, where mounting one is permitted; a limit on the size of files in any case.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_ends_a_rendering_with_advice_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    fs::create_dir(&small).unwrap();
    let song = dir.path().join("song.wav");
    write_noise(&song, 2 * RATE as usize);
    let run = |program: &[&str], script: &str| {
        let output = Command::new(program[0])
            .args(&program[1..])
            .arg(script)
            .env(SMALL_DISK, &small)
            .env(SONG, &song)
            .output();
        output.unwrap()
    };
    let exe = std::env::current_exe().unwrap();
    let child = format!(
        "{} --exact on_a_full_disk --ignored --nocapture",
        exe.display()
    );
    // Of 300 blocks of 512 bytes; the signal that comes with it is ignored as hosts do.
    let limited = format!("trap '' XFSZ; ulimit -f 300; {child}");
    let mut runs = vec![run(&["sh", "-c"], &limited)];
    // In a name space of its own, so that the mount is gone with the process whatever happens.
    let unshare = ["unshare", "-rm", "sh", "-c"];
    let mount = format!("mount -t tmpfs -o size=1m none {}", small.display());
    if Command::new("unshare").arg("--version").output().is_ok()
        && run(&unshare, &mount).status.success()
    {
        runs.push(run(&unshare, &format!("{mount} && {child}")));
    } else {
        eprintln!("no small disk can be mounted here: the limit on file sizes stands in for it");
    }
    for output in runs {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

const SMALL_DISK: &str = "UNWEAVE_TEST_SMALL_DISK";
const SONG: &str = "UNWEAVE_TEST_SONG";

#[test]
#[ignore = "run by the test above in a process of its own"]
fn on_a_full_disk() {
    let [folder, song] = [SMALL_DISK, SONG].map(|name| PathBuf::from(std::env::var(name).unwrap()));
    let (mut session, songs) = host(&folder);
    session.deactivate();
    session.set_offline(true);
    session.activate(RATE, 512);
    let latency = session.latency();
    let mix = noise(latency + 4_000, 6);
    let mut plays_on = || {
        session.reset();
        let mute = Event {
            frame: 0,
            param: "drums_mute",
            value: 1.0,
        };
        let heard = session.render([&mix, &mix], &[512], &[mute]);
        // Behind the ramp of the first mute.
        let within = latency + 2_000..mix.len();
        let expected = &delayed(&mix, latency)[within.clone()];
        for (heard, expected) in heard[0][0][within].iter().zip(expected) {
            let expected = expected * (1.0 - HALVES[0]);
            assert!((heard - expected).abs() < 1e-6, "{heard}, not {expected}");
        }
    };
    songs.choose_file(&song);
    songs.render(Pick::Set);
    let stage = wait_for("the rendering", || {
        plays_on();
        songs.stage().filter(Stage::is_over)
    });
    let Stage::Failed(reason) = stage else {
        panic!("{stage:?}")
    };
    assert!(reason.contains("Make room"), "{reason}");
    assert_eq!(names(&folder), [] as [&str; 0]);
    plays_on();
}

#[test]
fn the_stems_of_a_take_are_heard_in_place_of_the_output_and_leave_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (mut session, songs) = host(dir.path());
    let latency = session.latency();
    let song = song();
    let take = capture(&mut session, &songs, 0, [&song[0], &song[1]]);
    songs.choose_take(&take);
    // What was played while it was captured comes out first.
    let rest = vec![0.0; latency + 4_096];
    session.render([&rest, &rest], &[512], &[]);
    songs.play();
    let silence = [0.0; 512];
    let mut heard = [Vec::new(), Vec::new()];
    // Silence comes in; the stems of the take, which sum to it, come out.
    wait_for("the end of the take", || {
        let block = session.render([&silence, &silence], &[512], &[]);
        for (heard, block) in heard.iter_mut().zip(&block[0]) {
            heard.extend_from_slice(block);
        }
        // Twice as fast as it would be heard: the lane must not run dry.
        std::thread::sleep(Duration::from_millis(6));
        match songs.listening() {
            Listening::Preparing | Listening::Playing => None,
            Listening::Off => Some(()),
            failed => panic!("{failed:?}"),
        }
    });
    let start = heard[0].iter().position(|sample| *sample != 0.0).unwrap();
    // The first frames are faded to nothing.
    let is_first = |first: &usize| (heard[0][start + 5_000] - song[0][5_000 + first]).abs() < 1e-6;
    let first = (0..4).find(is_first).expect("it begins with the take");
    let fade = RATE as usize / 100;
    for (heard, song) in heard.iter().zip(&song) {
        let within = 2 * fade..song.len() - 2 * fade;
        let most = within.fold(0.0_f32, |most, at| {
            most.max((heard[start + at - first] - song[at]).abs())
        });
        assert!(most < 1e-6, "{most}");
    }
    session.render([&silence, &silence], &[512], &[]);
    let mix = noise(latency + 2_000, 9);
    let live = session.render([&mix, &mix], &[512], &[]);
    let last = latency..latency + 2_000;
    assert!(live[0][0][last.clone()] == delayed(&mix, latency)[last]);
}

/// The short version of `soak_capture`, which plays for ten minutes.
#[test]
fn small_blocks_at_96_khz_are_captured_without_a_gap() {
    let captured = capturing::capture(96_000, 64, Duration::from_secs(3));
    assert_eq!(captured.right, captured.played, "{captured:?}");
    assert_eq!((captured.wrong, captured.lost, captured.takes), (0, 0, 1));
}

#[test]
fn when_an_instance_goes_takes_that_were_rendered_go_and_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut session, songs) = host(dir.path());
    let mix = noise(20_000, 1);
    let made = capture(&mut session, &songs, 0, [&mix, &mix]);
    let spare = capture(&mut session, &songs, 7_000, [&mix, &mix]);
    songs.choose_take(&made);
    rendered(&songs);
    songs.choose_take(&spare);
    songs.set_name("A spare take");
    // One more, which still goes on when the instance ends.
    songs.arm(true);
    session.set_timeline(Timeline::Playing(9_000));
    session.render([&mix, &mix], &[512], &[]);
    wait_for("the capture", || songs.recording());
    let paths = [made.path().to_owned(), spare.path().to_owned()];
    drop((made, spare, session));
    assert!(paths.iter().all(|path| !path.exists()));
    assert!(!paths[0].parent().unwrap().exists());
    assert!(songs.rows().is_empty());
    let kept = songs.kept();
    let names: Vec<&str> = kept.iter().map(|kept| kept.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&"A spare take") && names.contains(&"Bus-Mix - Take 3"));
    for kept in kept {
        let mut reader = AudioReader::open(&kept.path).unwrap();
        let frame = if kept.name.contains("spare") {
            7_000
        } else {
            9_000
        };
        assert_eq!(reader.facts().time_stamp.unwrap().frame, frame);
        let mut block = Vec::new();
        reader.read(&mut block).unwrap();
        assert!(block[0][..] == mix[..block[0].len()]);
    }
}
