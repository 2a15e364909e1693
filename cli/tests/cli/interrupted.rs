//! Ctrl-C leaves nothing; a kill leaves only what the next run removes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[cfg(unix)]
use crate::common::ffmpeg;
use crate::common::{command, interrupt, names, separate, song};

/// How long to wait for what must happen: these machines can be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts separating a song of some minutes and returns in the middle of it.
fn start(dir: &Path, out: &Path) -> Child {
    let path = song(&dir.join("long.wav"), 44_100 * 240);
    let child = command()
        .args([
            "separate",
            path.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let is_under_way = || {
        names(out).iter().any(|name| {
            let spool = out.join(name).join("spool");
            name.contains(".partial-") && fs::metadata(spool).is_ok_and(|spool| spool.len() > 0)
        })
    };
    while !is_under_way() {
        assert!(begin.elapsed() < PATIENCE, "separation didn't begin");
        sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn ctrl_c_ends_soon_with_130_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut child = start(dir.path(), &out);
    let begin = Instant::now();
    interrupt(&child);
    let status = child.wait().unwrap();
    let took = begin.elapsed();
    assert_eq!(status.code(), Some(130));
    assert_eq!(names(&out), [""; 0]);
    eprintln!("Ctrl-C was answered within {took:?}");
    // 200 ms on a machine with nothing else to do; the rest is for one that has.
    assert!(took < PATIENCE, "{took:?}");
}

#[test]
fn a_killed_run_leaves_a_hidden_folder_that_the_next_run_removes() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut child = start(dir.path(), &out);
    child.kill().unwrap();
    child.wait().unwrap();
    let left = names(&out);
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with(".long.partial-"), "{left:?}");

    let short = song(&dir.path().join("short.wav"), 2_000);
    separate(&short, &out, &["--stems", "drums"]);
    assert_eq!(names(&out), ["short"]);
}

#[test]
fn a_batch_goes_on_where_it_was_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let songs = ["one", "two"].map(|name| song(&dir.path().join(format!("{name}.wav")), 3_000));
    let first = separate(&songs[0], &out, &["--stems", "drums"]);
    let report = first.join("one (Report).json");
    let written = fs::metadata(&report).unwrap().modified().unwrap();

    let paths = songs.each_ref().map(|path| path.to_str().unwrap());
    let args = [
        &[
            "separate",
            "--skip-existing",
            "--stems",
            "drums",
            "-o",
            out.to_str().unwrap(),
        ][..],
        &paths[..],
    ]
    .concat();
    let said = crate::common::unweave(&args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("one.wav: already there, skipped"),
        "{}",
        said.stderr
    );
    assert_eq!(names(&out), ["one", "two"]);
    assert_eq!(fs::metadata(&report).unwrap().modified().unwrap(), written);
}

/// Every file below a folder, by its path, with its bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(inner) = dirs.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn batches_that_were_killed_and_resumed_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let songs = dir.path().join("songs");
    fs::create_dir(&songs).unwrap();
    for number in 1..=5 {
        song(&songs.join(format!("{number}.wav")), 30_000 * number);
    }
    let batch = |out: &Path| {
        let mut command = command();
        command
            .args([
                "separate",
                songs.to_str().unwrap(),
                "-o",
                out.to_str().unwrap(),
            ])
            .args(["--skip-existing", "--format", "flac"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let whole = dir.path().join("whole");
    assert!(batch(&whole).status().unwrap().success());
    let expected = contents(&whole);
    assert_eq!(expected.len(), 5 * 7);
    for stops in [[0, 3], [1, 2]] {
        let out = dir.path().join(format!("{stops:?}"));
        for num_done in stops {
            let mut child = batch(&out).spawn().unwrap();
            let begin = Instant::now();
            let is_there = |name: &String| !name.starts_with('.');
            while names(&out).iter().filter(|name| is_there(name)).count() < num_done
                || !names(&out).iter().any(|name| !is_there(name))
            {
                assert!(begin.elapsed() < PATIENCE, "{:?}", names(&out));
                sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(batch(&out).status().unwrap().success());
        let found = contents(&out);
        let names = |files: &BTreeMap<PathBuf, _>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "killed at {stops:?}");
        assert!(found == expected, "killed at {stops:?}");
    }
}

/// A program in place of ffmpeg, which leaves a line each time that it is run.
#[cfg(unix)]
fn in_place_of_ffmpeg(dir: &Path, then: &str) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt;

    let (program, log) = (dir.join("program"), dir.join("log"));
    let script = format!("#!/bin/sh\necho run >> '{}'\n{then}\n", log.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, log)
}

#[cfg(unix)]
#[test]
fn ffmpeg_decodes_a_song_once_and_ends_with_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let wav = song(&dir.path().join("Song.wav"), 30_000);
    let path = dir.path().join("Song.wv");
    ffmpeg(&["-i", wav.to_str().unwrap(), path.to_str().unwrap()]);
    let start = |program: &Path| {
        command()
            .args(["separate", path.to_str().unwrap(), "--overwrite", "-o"])
            .arg(dir.path().join("out"))
            .env("UNWEAVE_FFMPEG", program)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let (program, log) = in_place_of_ffmpeg(dir.path(), "exec ffmpeg \"$@\"");
    assert!(start(&program).wait().unwrap().success());
    assert_eq!(fs::read_to_string(&log).unwrap(), "run\n");

    fs::remove_file(&log).unwrap();
    let (program, log) = in_place_of_ffmpeg(dir.path(), "exec sleep 300");
    let mut child = start(&program);
    let begin = Instant::now();
    while !log.exists() {
        assert!(begin.elapsed() < PATIENCE, "it was not run");
        sleep(Duration::from_millis(5));
    }
    let begin = Instant::now();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
}
