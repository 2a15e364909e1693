//! Names from tags and files, however odd.

use std::path::Path;

use crate::common::{ffmpeg, names, separate, song};

fn tagged(dir: &Path, title: &str, artist: &str) -> std::path::PathBuf {
    let (wav, flac) = (song(&dir.join("plain.wav"), 2_000), dir.join("tagged.flac"));
    let (title, artist) = (format!("title={title}"), format!("artist={artist}"));
    let tags = ["-metadata", &title, "-metadata", &artist];
    let paths = [wav.to_str().unwrap(), flac.to_str().unwrap()];
    ffmpeg(&["-i", paths[0], tags[0], tags[1], tags[2], tags[3], paths[1]]);
    flac
}

#[test]
fn slashes_and_emoji_in_tags() {
    let dir = tempfile::tempdir().unwrap();
    let path = tagged(dir.path(), "Heaven/Hell: part 2? 👩‍🎤", "AC/DC");
    let out = dir.path().join("out");
    let set = separate(&path, &out, &["--stems", "drums"]);
    assert_eq!(names(&out), ["AC-DC - Heaven-Hell- part 2- 👩‍🎤"]);
    assert_eq!(
        names(&set),
        ["Drums Stem", "Full Mix"]
            .map(|label| format!("AC-DC - Heaven-Hell- part 2- 👩‍🎤 ({label}).wav"))
            .into_iter()
            .chain(["AC-DC - Heaven-Hell- part 2- 👩‍🎤 (Report).json".to_owned()])
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_title_of_300_characters_is_shortened_and_the_label_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = tagged(dir.path(), &"ö".repeat(300), "A");
    let out = dir.path().join("out");
    let set = separate(&path, &out, &["--stems", "drums"]);
    for name in names(&set) {
        assert!(name.len() <= 255, "{name}");
        assert!(name.starts_with("A - ööö"), "{name}");
        assert!(
            ["(Drums Stem).wav", "(Full Mix).wav", "(Report).json"]
                .iter()
                .any(|end| name.ends_with(end))
        );
    }
}

#[test]
fn a_file_name_as_long_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join(format!("{}.wav", "x".repeat(251))), 2_000);
    let set = separate(&path, &dir.path().join("out"), &["--stems", "drums"]);
    assert_eq!(names(&set).len(), 3);
}

#[test]
fn a_taken_name_gets_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let path = song(&dir.path().join("Song.wav"), 2_000);
    let out = dir.path().join("out");
    for expected in ["Song", "Song (2)", "Song (3)"] {
        assert_eq!(
            separate(&path, &out, &["--stems", "drums"]),
            out.join(expected)
        );
    }
}
