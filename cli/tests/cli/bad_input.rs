//! What can't be separated: a clear error that says what to do, exit code 1, and no file left.

use std::fs;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::Command;

#[cfg(target_os = "linux")]
use crate::common::command;
use crate::common::{assert_sums, ffmpeg, names, refused, separate, song, unweave, write_wav};

fn converted(dir: &Path, name: &str, args: &[&str]) -> Vec<u8> {
    let from = song(&dir.join("whole.wav"), 60_000);
    let to = dir.join(name);
    let mut all = vec!["-i", from.to_str().unwrap()];
    all.extend(args);
    all.push(to.to_str().unwrap());
    ffmpeg(&all);
    fs::read(to).unwrap()
}

#[test]
fn a_file_that_is_no_audio() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("diary.txt");
    fs::write(&path, "Dear diary, no music today.\n".repeat(500)).unwrap();
    let message = refused(&path, &[]);
    assert!(
        message.contains("diary.txt") && message.contains("not an audio file"),
        "{message}"
    );
    assert!(message.contains("it reads WAV"), "{message}");
}

#[test]
fn an_empty_file_and_one_without_samples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.wav");
    fs::write(&path, "").unwrap();
    assert!(refused(&path, &[]).contains("there is no audio in it"));
    write_wav(&path, 44_100, 2, &[]);
    assert!(refused(&path, &[]).contains("there is no audio in it"));
}

#[test]
#[cfg_attr(
    not(debug_assertions),
    ignore = "numbers that are too large end it only where that is checked"
)]
fn damage_that_ends_a_library_prints_none_of_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.caf");
    let mut caf = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
    caf.extend(44_100_f64.to_be_bytes());
    caf.extend(b"lpcm");
    // More bytes in a packet than their bits can be counted in 32 bits; symphonia 0.6.1 panics.
    for field in [2_u32, 0x4000_0000, 1, 2, 16] {
        caf.extend(field.to_be_bytes());
    }
    caf.extend(b"data\0\0\0\0\0\0\0\x0c\0\0\0\0ABCDEFGH");
    fs::write(&path, caf).unwrap();
    let message = refused(&path, &[]);
    assert!(message.contains("damaged.caf"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
}

#[test]
fn a_file_that_is_not_there_and_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    assert!(refused(&dir.path().join("gone.wav"), &[]).contains("check the path"));
    assert!(refused(dir.path(), &[]).contains("there are no songs in the folder"));
}

#[test]
fn a_file_that_is_not_whole_is_separated_says_so_and_fails_only_if_strict() {
    let dir = tempfile::tempdir().unwrap();
    for (name, args) in [("cut.flac", vec![]), ("cut.mp3", vec!["-b:a", "192k"])] {
        let bytes = converted(dir.path(), name, &args);
        let path = dir.path().join(name);
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let out = dir.path().join(format!("{name}-stems"));
        let args = [
            "separate",
            path.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ];
        let said = unweave(&args);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(
            said.stderr.contains("cut off") && said.stderr.contains("missing"),
            "{}",
            said.stderr
        );
        assert_sums(Path::new(said.stdout.trim_end()));
        let strict = unweave(&[&args[..], &["--strict", "--skip-existing", "--json"]].concat());
        assert_eq!(strict.code, Some(3), "{}", strict.stderr);
        assert!(
            strict.stdout.contains("cut off"),
            "the report says it: {}",
            strict.stdout
        );
    }
    let whole = song(&dir.path().join("good.wav"), 3_000);
    let out = dir.path().join("good");
    separate(&whole, &out, &["--strict"]);
}

#[test]
fn an_mp3_at_a_rate_that_mp3_does_not_have() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fast.wav");
    write_wav(&path, 96_000, 2, &[0; 2_000]);
    let message = refused(&path, &["--format", "mp3"]);
    assert!(
        message.contains("96000 Hz") && message.contains("choose FLAC or WAV"),
        "{message}"
    );
}

#[test]
fn a_wrong_argument_is_told_before_any_work_with_exit_code_1_or_2() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 100);
    let path = path.to_str().unwrap();
    for (args, code, words) in [
        (
            vec!["--stems", "drums,guitar"],
            1,
            "no stem \"guitar\"; it has drums",
        ),
        (vec!["--sum", "A=bass+banjo"], 1, "no stem \"banjo\""),
        (vec!["--sum", "No Drums"], 2, "No Drums=bass+vocals+other"),
        (vec!["--only-sums"], 2, "--sum"),
        (vec!["--bit-depth", "12"], 2, "there is 16, 24, 32f"),
        (vec!["--bit-depth"], 2, "--bit-depth needs a value"),
        (
            vec!["--format", "ogg"],
            2,
            "can't be \"ogg\": there is wav, flac, mp3, m4a, stem",
        ),
        (
            vec!["--fromat", "wav"],
            2,
            "there is no --fromat; is --format meant?",
        ),
        (vec!["--mp3", "--flac"], 2, "can't go together"),
        (vec!["--quiet", "--quiet"], 2, "--quiet is there twice"),
        (vec!["--device", "abacus"], 2, "--device abacus: "),
        (vec!["--live", "slow"], 2, "--live slow: "),
        (vec!["--mp3", "--bitrate", "100"], 2, "is no rate of MP3"),
        (vec!["--bitrate", "192"], 1, "--bitrate is for MP3"),
        (
            vec!["--name", "{tune}"],
            2,
            "{tune} stands for nothing: there is {track}",
        ),
        (vec!["--name", "x"], 1, "two files would be called"),
        (vec!["--flat", "--name", "{stem}"], 1, "tell songs apart"),
        (
            vec!["-f", "stem", "--only", "bass"],
            1,
            "four stems, no more and no less",
        ),
        (vec!["--overlap", "1"], 2, "from 0 to 0.9"),
        (vec!["--overlap", "0.5"], 1, "leave out --overlap"),
        (vec!["--segment", "7"], 2, "part of each model"),
        (vec!["--shifts", "2"], 2, "leave it out"),
        (vec!["--threads", "0"], 2, "from 1 up"),
        (vec!["--range", "2-1"], 2, "ends before it starts"),
        (vec!["--range", "5:00-"], 1, "over before the range begins"),
        (vec!["--without", "guitar"], 1, "no stem \"guitar\""),
        (vec!["-o", "-"], 1, "--only or --without"),
    ] {
        let mut all = vec!["separate", path];
        all.extend(args);
        let said = unweave(&all);
        assert_eq!(said.code, Some(code), "{all:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{all:?}: {}", said.stderr);
    }
}

/// Root may write anywhere, so permissions are no use here: a file stands in place of the folder, and
/// `/proc` takes no folders from anyone.
#[test]
fn a_folder_that_can_not_be_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 1_000);
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let mut folders = vec![file.join("out").to_str().unwrap().to_owned()];
    if cfg!(target_os = "linux") {
        folders.push("/proc/unweave".to_owned());
    }
    if cfg!(windows) {
        folders.extend(["NUL", "o5\\con", "what?"].map(str::to_owned));
    }
    for folder in &folders {
        let said = unweave(&["separate", path.to_str().unwrap(), "-o", folder]);
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert!(said.stderr.contains(folder.as_str()), "{}", said.stderr);
        assert!(
            said.stderr.contains("choose another one with -o"),
            "{}",
            said.stderr
        );
    }
}

/// A disk of 1 MB, where mounting one is permitted; a limit on the size of files in any case.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 88_200);
    let small = dir.path().join("small");
    fs::create_dir(&small).unwrap();
    let program = command().get_program().to_str().unwrap().to_owned();
    let separate = format!(
        "{program} separate {} -o {}",
        path.display(),
        small.display()
    );
    // In a name space of its own, so that the mount is gone with the process whatever happens.
    let mount = format!("mount -t tmpfs -o size=1m none {}", small.display());
    let can_mount = Command::new("unshare")
        .args(["-rm", "sh", "-c", &mount])
        .output();
    let mut runs = vec![
        // 300 blocks of 512 bytes; the signal that comes with it is ignored as on most systems' services.
        vec![
            "sh".to_owned(),
            "-c".into(),
            format!(
                "trap '' XFSZ; ulimit -f 300; {separate}; echo code $?; ls -A {}",
                small.display()
            ),
        ],
    ];
    if can_mount.is_ok_and(|output| output.status.success()) {
        let script = format!(
            "{mount} && {separate}; echo code $?; ls -A {}",
            small.display()
        );
        runs.push(
            ["unshare", "-rm", "sh", "-c", &script]
                .map(str::to_owned)
                .to_vec(),
        );
    } else {
        eprintln!("no small disk can be mounted here: the limit on file sizes stands in for it");
    }
    for run in runs {
        let output = Command::new(&run[0]).args(&run[1..]).output().unwrap();
        let (said, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert_eq!(
            said, "code 1\n",
            "nothing is left on the disk: {run:?}: {errors}"
        );
        assert!(
            errors.contains("make room, or choose another disk with -o"),
            "{run:?}: {errors}"
        );
    }
}

#[test]
fn one_bad_song_does_not_keep_the_others_from_being_separated() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let first = song(&dir.path().join("first.wav"), 5_000);
    let bad = dir.path().join("bad.mp3");
    fs::write(&bad, "nothing").unwrap();
    let last = song(&dir.path().join("last.wav"), 5_000);
    let paths = [&first, &bad, &last].map(|path| path.to_str().unwrap());
    let said = unweave(
        &[
            &["separate", "-o", out.to_str().unwrap(), "--quiet"],
            &paths[..],
        ]
        .concat(),
    );
    assert_eq!(said.code, Some(1));
    assert_eq!(names(&out), ["first", "last"]);
    assert!(
        said.stderr.contains("bad.mp3: not an audio file"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("1 of 3 songs failed"),
        "{}",
        said.stderr
    );
    assert_eq!(said.stdout.lines().count(), 2, "{}", said.stdout);

    let said = unweave(
        &[
            &["separate", "-o", out.to_str().unwrap(), "--json"],
            &paths[..],
        ]
        .concat(),
    );
    assert_eq!(said.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&said.stdout).expect("only JSON");
    let states: Vec<&str> = json["songs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["status"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["written", "failed", "written"]);
    assert_eq!(names(&out), ["first", "first (2)", "last", "last (2)"]);
}

#[test]
fn verify_finds_a_changed_set_and_a_folder_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 5_000);
    let set = separate(&path, dir.path(), &["--quiet"]);
    let stem = set.join("s (Vocals Stem).wav");
    let mut bytes = fs::read(&stem).unwrap();
    let at = bytes.len() - 6;
    bytes[at] ^= 1;
    fs::write(&stem, bytes).unwrap();
    let said = unweave(&["verify", set.to_str().unwrap()]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("DOES NOT SUM"), "{}", said.stdout);
    assert!(
        said.stdout.contains("from frame 4999 on"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout
            .contains("s (Vocals Stem).wav: its samples are not"),
        "{}",
        said.stdout
    );

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let said = unweave(&["verify", empty.to_str().unwrap()]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("no report in this folder"),
        "{}",
        said.stderr
    );
}

#[test]
fn verify_looks_at_folders_on_all_levels_and_tells_of_what_a_killed_run_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("s.wav"), 5_000);
    let out = dir.path().join("out");
    let sets = [
        out.clone(),
        out.join("album"),
        out.join("album").join("disc 2").join("more"),
    ];
    for folder in &sets {
        separate(&path, folder, &["--quiet", "--only", "bass"]);
    }
    let said = unweave(&["verify", out.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for folder in &sets {
        let set = folder.join("s").display().to_string();
        assert!(said.stdout.contains(&format!("{set}: ")), "{}", said.stdout);
    }
    fs::write(sets[2].join("s/s (Report).json"), "").unwrap();
    let said = unweave(&["verify", out.to_str().unwrap()]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("was killed"), "{}", said.stderr);
}
