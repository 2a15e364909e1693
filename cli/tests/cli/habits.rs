//! What people bring with them: folders, playlists, pipes, parts of songs, and the arguments of other programs.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::common::{command, names, separate, song, unweave};

fn audio(set: &Path) -> Vec<String> {
    let mut names = names(set);
    names.retain(|name| !name.ends_with(".json"));
    names
}

#[test]
fn one_file_or_two_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 3_000);
    for (args, files) in [
        (vec!["--only", "vocals"], vec!["Song (Vocals Stem).wav"]),
        (
            vec!["--only", "instrumental", "--mp3"],
            vec!["Song (Instrumental).mp3"],
        ),
        (vec!["--without", "vocals"], vec!["Song (Instrumental).wav"]),
        (
            vec!["--without", "drums", "-f", "flac"],
            vec!["Song (No Drums).flac"],
        ),
        (
            vec![
                "--two-stems",
                "vocals",
                "-d",
                "cpu",
                "-n",
                "unweave",
                "--float32",
            ],
            vec!["Song (Instrumental).wav", "Song (Vocals Stem).wav"],
        ),
    ] {
        let out = dir.path().join(args.join(" "));
        assert_eq!(audio(&separate(&path, &out, &args)), files, "{args:?}");
    }
}

#[test]
fn folders_and_playlists_give_all_their_songs_and_names_never_collide() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    fs::create_dir_all(album.join("disc 2")).unwrap();
    song(&album.join("One.wav"), 1_000);
    song(&album.join("disc 2/One.wav"), 1_500);
    song(&album.join("disc 2/Two.wav"), 2_000);
    fs::write(album.join("cover.jpg"), "no song").unwrap();
    let out = dir.path().join("out");
    let out_arg = out.to_str().unwrap();
    let album_arg = album.to_str().unwrap();
    for _ in 0..2 {
        let said = unweave(&[
            "separate",
            album_arg,
            "-o",
            out_arg,
            "--only",
            "bass",
            "--overwrite",
        ]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert_eq!(said.stdout.lines().count(), 3);
    }
    assert!(names(&out).len() >= 3, "{:?}", names(&out));

    let said = unweave(&["verify", out_arg]);
    assert_eq!(
        said.code,
        Some(0),
        "the folder above the sets: {}",
        said.stderr
    );
    assert!(said.stdout.lines().count() >= 3, "{}", said.stdout);

    let playlist = dir.path().join("list.m3u8");
    fs::write(
        &playlist,
        "#EXTM3U\r\nalbum/disc 2/Two.wav\r\n\r\nalbum/One.wav\r\n",
    )
    .unwrap();
    let other = dir.path().join("listed");
    let args = [
        "separate",
        playlist.to_str().unwrap(),
        "-o",
        other.to_str().unwrap(),
        "--only",
        "bass",
    ];
    assert_eq!(unweave(&args).code, Some(0));
    assert_eq!(names(&other), ["One", "Two"]);

    let filtered = dir.path().join("filtered");
    let args = [
        "separate",
        album_arg,
        "-o",
        filtered.to_str().unwrap(),
        "--only",
        "bass",
        "--filter",
        "t*.WAV",
    ];
    assert_eq!(unweave(&args).code, Some(0));
    assert_eq!(names(&filtered), ["Two"]);
}

#[test]
fn a_part_of_a_song_is_as_long_as_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 44_100);
    let set = separate(
        &path,
        &dir.path().join("out"),
        &["--only", "drums", "--range", "0.25-0:00.75"],
    );
    let reader = hound::WavReader::open(set.join("Song (Drums Stem).wav")).unwrap();
    assert_eq!(reader.duration(), 22_050);
}

#[test]
fn a_song_comes_through_a_pipe_and_one_stem_goes_out_through_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 3_000);
    let mut child = command()
        .args(["separate", "-", "-o", "-", "--only", "vocals"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&fs::read(&path).unwrap()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let piped = hound::WavReader::new(&output.stdout[..]).unwrap();
    assert_eq!(piped.duration(), 3_000);
}

/// The shells of Windows hand patterns over as they are.
#[cfg(windows)]
#[test]
fn patterns_name_songs_and_sets() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["One.wav", "Two.WAV", "[Three].wav"] {
        song(&dir.path().join(name), 1_000);
    }
    let out = dir.path().join("out");
    let (songs, sets) = (dir.path().join("*.wav"), out.join("T*"));
    let said = unweave(&[
        "separate",
        songs.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(names(&out), ["One", "Two", "[Three]"]);
    let said = unweave(&["verify", sets.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.stdout.matches("sums exactly").count(), 1);
    let said = unweave(&["separate", dir.path().join("*.mp3").to_str().unwrap()]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("nothing fits"), "{}", said.stderr);
}

/// As old programs write them: in the code page of Windows, with its line ends.
#[test]
fn a_playlist_that_is_not_in_utf_8_names_songs_too() {
    let dir = tempfile::tempdir().unwrap();
    song(&dir.path().join("Blå.wav"), 1_000);
    let playlist = dir.path().join("list.m3u");
    fs::write(&playlist, b"#EXTM3U\r\nBl\xe5.wav\r\n").unwrap();
    let out = dir.path().join("out");
    separate(&playlist, &out, &["--only", "bass"]);
    assert_eq!(names(&out), ["Blå"]);
}
