//! What plays while capture is armed lies on disk, whole, frame by frame where it says it is.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use unweave_live::capture::kept;
use unweave_live::capture::{
    Capture, CaptureSide, Ending, LANE_SECONDS, Moment, Position, Problem, Take,
};
use unweave_separation::audio::read::AudioReader;
use unweave_separation::audio::time_stamp::TimeStamp;
use unweave_separation::audio::write::GrowingWav;

const RATE: u32 = 8_000;

/// The host's transport: plays, and counts.
struct Transport {
    position: i64,
    played: i64,
}

impl Transport {
    fn at(position: i64) -> Self {
        Self {
            position,
            played: 0,
        }
    }

    /// Plays frames, each the number of frames played before it.
    fn play(&mut self, side: &mut CaptureSide, num_frames: usize) {
        self.play_telling(side, num_frames, Position::Frames);
    }

    fn play_telling(
        &mut self,
        side: &mut CaptureSide,
        num_frames: usize,
        tell: impl Fn(i64) -> Position,
    ) {
        let moment = Moment {
            is_playing: true,
            position: tell(self.position),
            tempo: Some(120.0),
        };
        let mut left = samples(self.played, num_frames);
        let mut right: Vec<f32> = left.iter().map(|sample| -sample).collect();
        side.record(&[&mut left, &mut right], &moment);
        self.position += num_frames as i64;
        self.played += num_frames as i64;
    }
}

/// Exact in f32 for what the tests play.
fn samples(first: i64, num_frames: usize) -> Vec<f32> {
    (first..).take(num_frames).map(|n| n as f32).collect()
}

/// A disk thread has no clock that a test could move: what it is about to do is waited for.
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn takes(capture: &Capture, num_takes: usize) -> Vec<Arc<Take>> {
    wait_for("the takes", || {
        let takes = capture.takes();
        (takes.len() >= num_takes && capture.recording().is_none()).then(|| takes.to_vec())
    })
}

/// Left channel of a take; the right one must be its negative.
fn read(path: &Path) -> Vec<f32> {
    let mut reader = AudioReader::open(path).unwrap();
    let (mut left, mut block) = (Vec::new(), Vec::new());
    while reader.read(&mut block).unwrap() > 0 {
        assert!(block[0].iter().zip(&block[1]).all(|(l, r)| *l == -r));
        left.extend_from_slice(&block[0]);
    }
    left
}

fn armed(dir: &Path) -> (Capture, CaptureSide) {
    let capture = Capture::new(dir.join("takes"));
    let side = capture.side(RATE, 2);
    capture.arm(true).unwrap();
    (capture, side)
}

#[test]
fn blocks_of_all_sizes_become_one_take_to_the_last_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let mut host = Transport::at(1_000_000_007);
    let mut sizes = [1, 64, 511, 2_048, 7].into_iter().cycle();
    for _ in 0..500 {
        let size = sizes.next().unwrap();
        wait_for("room", || {
            let behind =
                host.played.cast_unsigned() - capture.recording().map_or(0, |r| r.num_frames);
            (behind < u64::from(RATE) * 2).then_some(())
        });
        host.play(&mut side, size);
    }
    capture.arm(false).unwrap();
    host.play(&mut side, 1);
    let takes = takes(&capture, 1);
    assert_eq!(takes.len(), 1);
    let take = &takes[0];
    let num_frames = 500 / 5 * (1 + 64 + 511 + 2_048 + 7);
    assert_eq!(take.num_frames, num_frames as u64);
    assert_eq!(take.position, Position::Frames(1_000_000_007));
    assert_eq!((take.tempo, take.ending), (Some(120.0), Ending::Stopped));
    assert!(read(take.path()) == samples(0, num_frames));
    let reader = AudioReader::open(take.path()).unwrap();
    assert_eq!(reader.facts().time_stamp.unwrap().frame, 1_000_000_007);
    assert_eq!(capture.lost_frames(), 0);
}

#[test]
fn loops_of_100_ms_give_a_take_each() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let mut host = Transport::at(0);
    // The loop does not fall on the borders of blocks: the host cuts its blocks there.
    for _ in 0..20 {
        host.position = 4_000;
        for size in [256, 256, 256, 32] {
            host.play(&mut side, size);
        }
    }
    drop(side);
    let takes = takes(&capture, 20);
    assert_eq!(takes.len(), 20);
    for (take, first) in takes.iter().zip((0..).step_by(800)) {
        assert_eq!(take.position, Position::Frames(4_000));
        assert!(read(take.path()) == samples(first, 800));
    }
}

#[test]
fn what_interrupts_the_timeline_ends_the_take() {
    let frames = Position::Frames;
    let beats = |frame| Position::Beats(frame as f64 / f64::from(RATE) * 2.0);
    let unknown = |_| Position::Unknown;
    type Interruption = fn(&mut CaptureSide, &mut Transport);
    let none: Interruption = |_, _| {};
    let back: Interruption = |_, host| host.position -= 100;
    let on: Interruption = |_, host| host.position += 100;
    let rounding: Interruption = |_, host| host.position += 3;
    let reset: Interruption = |side, _| side.interrupt();
    let stop: Interruption = |side, _| {
        let moment = Moment {
            is_playing: false,
            position: Position::Unknown,
            tempo: None,
        };
        side.record(&[&mut [9.0; 10], &mut [9.0; 10]], &moment);
    };
    type Case<'a> = (&'a str, &'a dyn Fn(i64) -> Position, Interruption, usize);
    let cases: [Case<'_>; 12] = [
        ("frames", &frames, none, 1),
        ("frames, a reset without a jump", &frames, reset, 1),
        ("frames, rounded by the host", &frames, rounding, 1),
        ("frames, a jump back", &frames, back, 2),
        ("frames, a jump on", &frames, on, 2),
        ("frames, a stop", &frames, stop, 2),
        ("beats", &beats, none, 1),
        ("beats, a jump back", &beats, back, 2),
        ("beats, a jump on", &beats, on, 2),
        ("no position", &unknown, none, 1),
        ("no position, a reset", &unknown, reset, 2),
        ("no position, a stop", &unknown, stop, 2),
    ];
    for (name, tell, interrupt, num_takes) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (capture, mut side) = armed(dir.path());
        let mut host = Transport::at(500);
        for round in 0..2 {
            if round == 1 {
                interrupt(&mut side, &mut host);
            }
            for _ in 0..4 {
                host.play_telling(&mut side, 200, tell);
            }
        }
        drop(side);
        let takes = takes(&capture, num_takes);
        let lengths: Vec<usize> = takes.iter().map(|take| read(take.path()).len()).collect();
        assert_eq!(lengths, vec![1_600 / num_takes; num_takes], "{name}");
        let has_stamp = AudioReader::open(takes[0].path())
            .unwrap()
            .facts()
            .time_stamp;
        assert_eq!(
            has_stamp.map(|stamp| stamp.frame),
            name.starts_with("frames").then_some(500),
            "{name}"
        );
    }
}

#[test]
fn a_take_that_begins_before_zero_has_its_place_but_no_stamp() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let mut host = Transport::at(-300);
    host.play(&mut side, 600);
    drop(side);
    let take = &takes(&capture, 1)[0];
    assert_eq!(take.position, Position::Frames(-300));
    let reader = AudioReader::open(take.path()).unwrap();
    assert_eq!(reader.facts().time_stamp, None);
    assert_eq!(reader.facts().num_frames, Some(600));
}

#[test]
fn another_rate_or_other_channels_are_another_take() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let mut host = Transport::at(0);
    host.play(&mut side, 700);
    side = capture.side(96_000, 2);
    host.play(&mut side, 900);
    side = capture.side(96_000, 1);
    let moment = Moment {
        is_playing: true,
        position: Position::Frames(host.position),
        tempo: None,
    };
    side.record(&[&mut samples(0, 50)], &moment);
    // Not what it was made for: refused, not mixed up.
    side.record(&[&mut samples(0, 50), &mut samples(0, 50)], &moment);
    drop(side);
    let takes = takes(&capture, 3);
    let formats: Vec<_> = takes
        .iter()
        .map(|take| (take.sample_rate, take.num_channels, take.num_frames))
        .collect();
    assert_eq!(formats, [(RATE, 2, 700), (96_000, 2, 900), (96_000, 1, 50)]);
    assert!(read(takes[1].path()) == samples(700, 900));
}

#[test]
fn a_full_lane_is_counted_and_ends_the_take_saying_so() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let mut host = Transport::at(0);
    host.play(&mut side, 1_000);
    // More than the lane holds, at once: no disk could be fast enough.
    let too_much = LANE_SECONDS * RATE as usize + 1;
    host.play(&mut side, too_much);
    wait_for("room", || (!capture.takes().is_empty()).then_some(()));
    host.play(&mut side, 1_000);
    drop(side);
    let takes = takes(&capture, 2);
    assert_eq!(capture.lost_frames(), too_much as u64);
    assert_eq!(takes[0].ending, Ending::Lost);
    assert_eq!(takes[1].ending, Ending::Stopped);
    assert!(read(takes[0].path()) == samples(0, 1_000));
    let second = 1_000 + too_much as i64;
    assert_eq!(takes[1].position, Position::Frames(second));
    assert!(read(takes[1].path()) == samples(second, 1_000));
}

#[test]
fn a_host_that_stops_calling_ends_the_take_and_may_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let mut host = Transport::at(100);
    host.play(&mut side, 500);
    let _ = takes(&capture, 1);
    host.play(&mut side, 500);
    let takes = takes(&capture, 2);
    assert_eq!(takes[1].position, Position::Frames(600));
    assert!(read(takes[1].path()) == samples(500, 500));
}

#[test]
fn nothing_is_captured_or_made_unless_it_is_armed() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::new(dir.path().join("takes"));
    let mut side = capture.side(RATE, 2);
    let mut host = Transport::at(0);
    host.play(&mut side, 500);
    assert!(!dir.path().join("takes").exists());
    capture.arm(true).unwrap();
    host.play(&mut side, 500);
    drop(side);
    let takes = takes(&capture, 1);
    assert!(read(takes[0].path()) == samples(500, 500));
}

fn num_entries(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn takes_go_with_their_owners_and_with_the_capture() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let folder = dir.path().join("takes");
    let mut host = Transport::at(0);
    host.play(&mut side, 500);
    host.position = 0;
    host.play(&mut side, 500);
    drop(side);
    let mut takes = takes(&capture, 2);
    let [first, second] = [0, 1].map(|idx| takes[idx].path().to_owned());
    // Somebody renders the first.
    let rendered = takes.remove(0);
    takes.clear();
    capture.discard(1);
    capture.discard(2);
    assert!(capture.takes().is_empty());
    assert!(first.exists() && !second.exists());
    drop(rendered);
    assert!(!first.exists());
    drop(capture);
    assert_eq!(num_entries(&folder), 0);
}

#[test]
fn takes_that_a_killed_program_left_are_kept_and_the_living_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("takes");
    let stale = folder.join(".unweave-takes-killed");
    fs::create_dir_all(&stale).unwrap();
    fs::write(stale.join("lock"), "").unwrap();
    // One that was never finished, and one without a frame.
    let stamp = Some(TimeStamp::at(777));
    let mut wav = GrowingWav::create(&stale.join("1.wav"), RATE, 1, stamp).unwrap();
    wav.write(&[samples(0, 500)]).unwrap();
    drop(wav);
    drop(GrowingWav::create(&stale.join("2.wav"), RATE, 1, None).unwrap());
    let (living, mut side) = armed(dir.path());
    Transport::at(0).play(&mut side, 500);
    drop(side);
    let take = takes(&living, 1).remove(0);
    wait_for("the clean-up", || (!stale.exists()).then_some(()));
    let other = Capture::new(folder.clone());
    other.arm(true).unwrap();
    assert!(take.path().exists());
    drop(take);
    drop((living, other));
    let waiting = kept::kept(&folder);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0].name, "Take 1");
    let back = Take::bring_back(&waiting[0], &folder, 9).unwrap();
    assert_eq!((back.id, back.num_frames), (9, 500));
    assert_eq!(back.position, Position::Frames(777));
    let mut block = Vec::new();
    let mut reader = AudioReader::open(back.path()).unwrap();
    reader.read(&mut block).unwrap();
    assert_eq!(block[0], samples(0, 500));
    assert!(kept::kept(&folder).is_empty());
    // Kept again, beside one of the same name.
    fs::write(folder.join("kept/Bridge.wav"), "somebody's").unwrap();
    back.keep(&folder, "Bridge").unwrap();
    drop(back);
    let mut names: Vec<String> = kept::kept(&folder)
        .into_iter()
        .map(|kept| kept.name)
        .collect();
    names.sort();
    assert_eq!(names, ["Bridge", "Bridge (2)"]);
    // Only what is kept is left.
    assert_eq!(num_entries(&folder), 1);
}

#[test]
fn a_folder_that_can_not_be_made_is_told_before_anything_plays() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for parent in [file.join("takes"), "/proc/no/such".into()] {
        let capture = Capture::new(parent);
        let mut side = capture.side(RATE, 2);
        capture.arm(true).unwrap();
        let problem = wait_for("the problem", || capture.problem());
        assert!(matches!(problem, Problem::Disk { .. }), "{problem:?}");
        assert!(!capture.is_armed());
        Transport::at(0).play(&mut side, 500);
    }
}

/// Windows removes no folder with files in it that are open: the capture has its lock there.
#[cfg(not(windows))]
#[test]
fn a_folder_that_goes_away_is_made_anew_or_stops_the_capture_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, mut side) = armed(dir.path());
    let folder = dir.path().join("takes");
    let mut host = Transport::at(0);
    host.play(&mut side, 500);
    drop(side);
    let _ = takes(&capture, 1);
    capture.arm(false).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    capture.arm(true).unwrap();
    let mut side = capture.side(RATE, 2);
    host.play(&mut side, 700);
    drop(side);
    let takes = takes(&capture, 2);
    assert!(read(takes[1].path()) == samples(500, 700));
    // Now there can't be one: a file is in its place.
    capture.arm(false).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    capture.arm(true).unwrap();
    let problem = wait_for("the problem", || capture.problem());
    assert!(matches!(problem, Problem::Disk { .. }), "{problem:?}");
    assert!(!capture.is_armed());
}

/// A disk of 1 MB, mounted in a name space of a child process, so that it goes with it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_capture_and_keeps_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display().to_string();
    let mount = format!("mount -t tmpfs -o size=1m none {path}");
    let unshare = |script: &str| {
        std::process::Command::new("unshare")
            .args(["-rm", "sh", "-c", script])
            .env(SMALL_DISK, &path)
            .output()
    };
    if !unshare(&mount).is_ok_and(|output| output.status.success()) {
        eprintln!("no small disk can be mounted here: not tested");
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let child = "--exact capture::on_a_small_disk --ignored --nocapture";
    let output = unshare(&format!("{mount} && {} {child}", exe.display())).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const SMALL_DISK: &str = "UNWEAVE_TEST_SMALL_DISK";

#[test]
#[ignore = "run by the test above in a process of its own"]
fn on_a_small_disk() {
    let dir = std::env::var(SMALL_DISK).unwrap();
    let (capture, mut side) = armed(Path::new(&dir));
    let mut host = Transport::at(0);
    let problem = wait_for("the problem", || {
        if host.played.cast_unsigned() <= capture.recording().map_or(0, |r| r.num_frames) {
            host.play(&mut side, 8_000);
        }
        capture.problem()
    });
    let Problem::Disk { kind, .. } = problem else {
        panic!("{problem:?}")
    };
    assert_eq!(kind, std::io::ErrorKind::StorageFull);
    assert!(!capture.is_armed());
    let takes = takes(&capture, 1);
    assert_eq!(takes.len(), 1);
    assert_eq!(takes[0].ending, Ending::Disk);
    // A frame has 8 bytes; a page or two go to the folders and the header.
    let num_frames = usize::try_from(takes[0].num_frames).unwrap();
    assert!(num_frames > 120_000 && num_frames < 131_072, "{num_frames}");
    assert!(read(takes[0].path()) == samples(0, num_frames));
    // Room is made, and it goes on.
    capture.discard(1);
    drop(takes);
    capture.arm(true).unwrap();
    host.play(&mut side, 500);
    drop(side);
    let takes = self::takes(&capture, 1);
    assert_eq!(takes[0].num_frames, 500);
}
