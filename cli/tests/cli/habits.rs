//! What people bring with them: folders, playlists, pipes, parts of songs, and the arguments of other programs.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::common::{command, ffmpeg, names, separate, song, unweave};

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
fn a_range_beyond_the_end_is_shortened_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 44_100);
    // Of such a file no one knows how long it is before its end.
    let aac = dir.path().join("Song.aac");
    ffmpeg(&["-i", path.to_str().unwrap(), aac.to_str().unwrap()]);
    for (path, range, expected) in [
        (&path, "0.5-2:00", 22_050..22_051),
        (&aac, "0.5-2:00", 22_050..25_000),
        (&aac, "0.5-", 22_050..25_000),
    ] {
        let out = tempfile::tempdir().unwrap();
        let out = out.path().to_str().unwrap();
        let args = [
            "separate",
            path.to_str().unwrap(),
            "-o",
            out,
            "--only",
            "bass",
            "--range",
            range,
        ];
        let said = unweave(&args);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let cut = said.stderr.contains("it was taken up to there");
        assert_eq!(cut, range == "0.5-2:00", "{}", said.stderr);
        let set = Path::new(said.stdout.trim_end());
        let reader = hound::WavReader::open(set.join("Song (Bass Stem).wav")).unwrap();
        assert!(
            expected.contains(&reader.duration()),
            "{}",
            reader.duration()
        );
        let strict = unweave(&[&args[..], &["--strict"]].concat());
        assert_eq!(strict.code, Some(3), "{}", strict.stderr);
    }
}

#[test]
fn all_songs_go_to_one_folder_under_names_that_never_collide() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    fs::create_dir_all(album.join("disc 2")).unwrap();
    song(&album.join("One.wav"), 1_000);
    song(&album.join("disc 2/ONE.wav"), 1_500);
    let out = dir.path().join("out");
    let (album, out_arg) = (album.to_str().unwrap(), out.to_str().unwrap());
    let run = |more: &[&str]| {
        let args = [
            "separate",
            album,
            "-o",
            out_arg,
            "--two-stems",
            "bass",
            "--flat",
        ];
        let said = unweave(&[&args[..], more].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said
    };
    let said = run(&["--json"]);
    let expected = [
        "ONE (2) (Bass Stem).wav",
        "ONE (2) (No Bass).wav",
        "ONE (2) (Report).json",
        "One (Bass Stem).wav",
        "One (No Bass).wav",
        "One (Report).json",
    ];
    assert_eq!(names(&out), expected);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let lengths = [
        ("One (Bass Stem).wav", 1_000),
        ("ONE (2) (Bass Stem).wav", 1_500),
    ];
    for (song, (name, length)) in json["songs"].as_array().unwrap().iter().zip(lengths) {
        assert_eq!(song["report"]["files"][0]["name"], name);
        assert_eq!(
            hound::WavReader::open(out.join(name)).unwrap().duration(),
            length
        );
    }

    let verified = unweave(&["verify", out_arg]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(
        verified.stdout.contains("ONE (2) (Report).json: "),
        "{}",
        verified.stdout
    );

    for more in ["--skip-existing", "--overwrite"] {
        let said = run(&[more]);
        assert_eq!(
            said.stdout.lines().count(),
            4,
            "every file is named: {}",
            said.stdout
        );
        assert!(
            said.stdout.contains("ONE (2) (No Bass).wav"),
            "{}",
            said.stdout
        );
        assert_eq!(names(&out), expected, "{more}");
    }
    fs::remove_file(out.join("One (No Bass).wav")).unwrap();
    assert_eq!(
        unweave(&["verify", out_arg]).code,
        Some(1),
        "a file is gone"
    );
}

#[test]
fn files_are_called_as_the_template_says() {
    let dir = tempfile::tempdir().unwrap();
    let wav = song(&dir.path().join("plain.wav"), 1_000);
    let path = dir.path().join("tagged.flac");
    let tags = [
        "title=What?",
        "artist=AC/DC",
        "album=con",
        "track=7",
        "date=1999-02-03",
    ];
    let mut args = vec!["-i", wav.to_str().unwrap()];
    args.extend(tags.iter().flat_map(|tag| ["-metadata", tag]));
    args.push(path.to_str().unwrap());
    ffmpeg(&args);
    for (template, more, expected) in [
        ("{stem}", "--flac", vec!["bass.flac", "no bass.flac"]),
        (
            "{number} {title} ({year}) {label}",
            "--mp3",
            vec!["7 What- (1999) Bass Stem.mp3", "7 What- (1999) No Bass.mp3"],
        ),
        (
            "{album}.{artist} {file} {stem}",
            "--flat",
            vec![
                "_con.AC-DC tagged bass.wav",
                "_con.AC-DC tagged no bass.wav",
            ],
        ),
    ] {
        let out = tempfile::tempdir().unwrap();
        let out = out.path().to_str().unwrap();
        let args = [
            "separate",
            path.to_str().unwrap(),
            "-o",
            out,
            "--two-stems",
            "bass",
            "--name",
            template,
            more,
        ];
        let said = unweave(&args);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let set = match more {
            "--flat" => Path::new(out),
            _ => Path::new(said.stdout.trim_end()),
        };
        assert_eq!(audio(set), expected);
        assert_eq!(unweave(&["verify", set.to_str().unwrap()]).code, Some(0));
    }
}

#[test]
fn an_mp3_is_as_large_as_it_is_asked_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 200_000);
    let mut sizes = Vec::new();
    for rate in ["64", "192k", "320"] {
        let out = dir.path().join(rate);
        let set = separate(&path, &out, &["--only", "bass", "--mp3", "--bitrate", rate]);
        sizes.push(
            fs::metadata(set.join("Song (Bass Stem).mp3"))
                .unwrap()
                .len(),
        );
    }
    assert!(sizes[0] * 2 < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    let args = [
        "--only",
        "bass",
        "--mp3",
        "--bitrate",
        "V2",
        "--skip-existing",
    ];
    for _ in 0..2 {
        separate(&path, &dir.path().join("320"), &args);
    }
    assert_eq!(
        names(&dir.path().join("320")),
        ["Song", "Song (2)"],
        "another rate is another set"
    );
}

/// A stem file goes out through a pipe, too.
#[test]
fn one_file_for_dj_programs_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 30_000);
    let out = dir.path().join("out");
    let set = separate(&path, &out, &["-f", "stem"]);
    assert_eq!(audio(&set), ["Song.stem.mp4"]);
    let back = dir.path().join("back");
    let args = [
        "separate",
        set.join("Song.stem.mp4").to_str().unwrap(),
        "-o",
        back.to_str().unwrap(),
    ]
    .map(str::to_owned);
    let said = unweave(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("its own stems were taken"),
        "{}",
        said.stderr
    );
    assert_eq!(audio(Path::new(said.stdout.trim_end())).len(), 6);
}

#[test]
fn an_overlap_is_for_models_that_have_one_and_changes_what_they_give() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 200_000);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../separation/tests/kinds/waveform");
    let out = dir.path().join("out");
    let mut stems = Vec::new();
    for more in [&[][..], &["--overlap", "0.5"], &["--overlap", "0.25"]] {
        let args = [
            &[
                "--only",
                "bass",
                "--skip-existing",
                "-n",
                model.to_str().unwrap(),
            ],
            more,
        ]
        .concat();
        let set = separate(&path, &out, &args);
        stems.push(fs::read(set.join("Song (Bass Stem).wav")).unwrap());
    }
    assert!(stems[0] != stems[1], "more overlap is something else");
    assert!(
        stems[0] == stems[2],
        "a quarter is what the model has anyway"
    );
    assert_eq!(
        names(&out),
        ["Song", "Song (2)", "Song (3)"],
        "none is taken for another"
    );
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
