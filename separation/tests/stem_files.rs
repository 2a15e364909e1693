//! Stem files for DJ programs: what is written, what others find in them, and that they come apart again.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "helpers of tests are tests: numbers fit, and an unwrap says what failed"
)]

#[path = "fixtures/double.rs"]
mod double;
#[path = "fixtures/ffmpeg.rs"]
mod ffmpeg;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ffmpeg::ffmpeg;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::delivery::report::Report;
use unweave_separation::delivery::verdict::Outcome;
use unweave_separation::delivery::verify::verify_dir;
use unweave_separation::offline::{Done, Job, JobError, separate_file};
use unweave_separation::{Error, Stream, Terminator};

const NUM_FRAMES: usize = 30_001;
/// The order that the specification wants, behind the mix.
const STEMS: [&str; 4] = ["drums", "bass", "other", "vocals"];

fn run(
    source: &Path,
    output_dir: &Path,
    format: FileFormat,
    open_stream: &mut dyn FnMut(u32) -> Result<Stream, Error>,
) -> Result<(PathBuf, Report), JobError> {
    let model = double::model_report();
    let job = Job {
        source,
        range: None,
        name: None,
        output_dir,
        template: None,
        is_flat: false,
        has_report: true,
        selection: &Selection::default(),
        format,
        depth: BitDepth::Int24,
        existing: Existing::Number,
        skip_existing: false,
        model: &model,
        runtime: "none".into(),
        threads: 2,
    };
    match separate_file(&job, open_stream, &mut |_| {}, &Terminator::new())? {
        Done::Written { dir, report } => Ok((dir, *report)),
        Done::Skipped { dir, .. } => panic!("{dir:?} was skipped"),
    }
}

fn with_model(rate: u32) -> Result<Stream, Error> {
    double::stream(rate, &[0.5, -0.25, 0.125, 0.0])
}

fn no_model(_: u32) -> Result<Stream, Error> {
    panic!("a stem file needs no model")
}

fn song(dir: &Path, rate: u32, num_channels: u16) -> PathBuf {
    let path = dir.join("Song.wav");
    let spec = hound::WavSpec {
        channels: num_channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    let mut state = 3_u32;
    for _ in 0..NUM_FRAMES * usize::from(num_channels) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writer.write_sample((state >> 16) as i16 / 2).unwrap();
    }
    writer.finalize().unwrap();
    path
}

/// Interleaved 16-bit integers of one track.
fn by_ffmpeg(path: &Path, track_idx: usize) -> Vec<i16> {
    let map = format!("0:a:{track_idx}");
    let path = path.to_str().unwrap();
    let bytes = ffmpeg(&["-i", path, "-map", &map, "-f", "s16le", "-"]);
    let samples = bytes.chunks_exact(2);
    samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

fn by_us(mut reader: AudioReader) -> Vec<i16> {
    let mut samples = Vec::new();
    let mut block = Vec::new();
    while let num_frames @ 1.. = reader.read(&mut block).unwrap() {
        for frame in 0..num_frames {
            samples.extend(
                block
                    .iter()
                    .map(|channel| (channel[frame] * 32_768.0) as i16),
            );
        }
    }
    samples
}

/// The oracle for samples is a set of WAV files of 16 bits; for the container it is ffprobe.
#[test]
fn a_stem_file_has_the_mix_and_four_stems_that_sum_to_it() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), 44_100, 2);
    let out = temp.path().join("out");
    let (dir, report) = run(&source, &out, FileFormat::Stem, &mut with_model).unwrap();
    let path = dir.join("Song.stem.mp4");
    assert_eq!(
        fs::read_dir(&dir).unwrap().count(),
        2,
        "the file and its report"
    );
    assert_eq!(report.proof.outcome, Outcome::Exact);
    assert_eq!(report.bit_depth, BitDepth::Int16);
    let (_, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
    assert_eq!(verdict, report.proof);

    let all: Vec<Vec<i16>> = (0..5).map(|track| by_ffmpeg(&path, track)).collect();
    for (track_idx, expected) in all.iter().enumerate() {
        let reader = AudioReader::open_track(&path, track_idx).unwrap();
        assert_eq!(reader.facts().num_frames, Some(NUM_FRAMES as u64));
        assert!(by_us(reader) == *expected, "track {track_idx}");
    }
    let played = AudioReader::open(&path).unwrap();
    assert!(by_us(played) == all[0], "the mix is what plays");
    assert!(by_us(AudioReader::open(&source).unwrap()) == all[0]);
    for (drums, mix) in all[1].iter().zip(&all[0]) {
        assert!((f64::from(*drums) - 0.5 * f64::from(*mix)).abs() <= 0.5);
    }
    for at in 0..2 * NUM_FRAMES {
        let sum: i32 = all[1..].iter().map(|stem| i32::from(stem[at])).sum();
        assert_eq!(sum, i32::from(all[0][at]), "sample {at}");
    }

    let probe = ["-v", "error", "-show_streams", "-of", "json"];
    let shown = Command::new("ffprobe").args(probe).arg(&path).output();
    let shown: serde_json::Value = serde_json::from_slice(&shown.unwrap().stdout).unwrap();
    let streams = shown["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 5);
    for (track_idx, stream) in streams.iter().enumerate() {
        assert_eq!(stream["codec_name"], "alac");
        assert_eq!(stream["sample_rate"], "44100");
        assert_eq!(stream["duration_ts"], NUM_FRAMES);
        let is_played = i32::from(track_idx == 0);
        assert_eq!(stream["disposition"]["default"], is_played, "{stream}");
    }
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(6).rposition(|six| six == b"stem{\"").unwrap();
    let size = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    let json: serde_json::Value = serde_json::from_slice(&bytes[at + 4..at - 4 + size]).unwrap();
    assert_eq!(json["version"], 1);
    let names = json["stems"].as_array().unwrap().iter();
    let names: Vec<String> = names
        .map(|stem| stem["name"].as_str().unwrap().to_lowercase())
        .collect();
    assert_eq!(names, STEMS);
    assert_eq!(json["stems"][0]["color"], "#D55E00");
}

#[test]
fn what_a_stem_file_can_not_hold_is_refused_before_any_work() {
    let temp = tempfile::tempdir().unwrap();
    for (rate, num_channels, words) in [(48_000, 2, "44100 Hz"), (44_100, 1, "in stereo")] {
        let source = song(temp.path(), rate, num_channels);
        let error = run(&source, temp.path(), FileFormat::Stem, &mut no_model).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_stem_file_comes_apart_as_the_stems_that_it_holds() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), 44_100, 2);
    let (dir, _) = run(&source, temp.path(), FileFormat::Stem, &mut with_model).unwrap();
    let path = dir.join("Song.stem.mp4");
    let out = temp.path().join("apart");
    let (apart, report) = run(&path, &out, FileFormat::Wav, &mut no_model).unwrap();
    assert_eq!(report.model.stems, STEMS);
    assert_eq!(report.proof.outcome, Outcome::Exact);
    assert_eq!(report.source.notes, [""; 0], "nothing of it was missing");
    assert!(
        report.warnings[0].contains("its own stems were taken"),
        "{:?}",
        report.warnings
    );
    for (track_idx, file) in [
        "Full Mix",
        "Drums Stem",
        "Bass Stem",
        "Other Stem",
        "Vocals Stem",
    ]
    .iter()
    .enumerate()
    {
        let reader = AudioReader::open(&apart.join(format!("Song ({file}).wav"))).unwrap();
        assert!(by_us(reader) == by_ffmpeg(&path, track_idx), "{file}");
    }
}

/// A box is its size, its name and what is in it.
fn mp4_box(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u32 + 8).to_be_bytes();
    [&size[..], name, body].concat()
}

/// As commercial stem files are: coded with loss, a mix that was mastered, and names of the label's own.
#[test]
fn stems_that_do_not_add_up_are_given_as_they_are_with_what_they_lack() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("Hit.stem.mp4");
    let tone = |hz: u32| format!("sine=frequency={hz}:duration=1.3");
    let tones = [440, 110, 220, 330, 550].map(tone);
    let mut args = Vec::new();
    for tone in &tones {
        args.extend(["-f", "lavfi", "-i", tone]);
    }
    args.extend([
        "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4",
    ]);
    args.extend([
        "-ac",
        "2",
        "-c:a",
        "aac",
        "-fflags",
        "+bitexact",
        "-map_metadata",
        "-1",
    ]);
    ffmpeg(&[&args[..], &[path.to_str().unwrap()]].concat());
    let names = ["Kick", "Bass", "Bass", "../Vox"];
    let stems = names.map(|name| format!("{{\"name\": \"{name}\", \"color\": \"#112233\"}}"));
    let json = format!("{{\"version\": 1, \"stems\": [{}]}}\0", stems.join(", "));
    let mut bytes = fs::read(&path).unwrap();
    let moov = bytes.windows(4).rposition(|four| four == b"moov").unwrap();
    let size = u32::from_be_bytes(bytes[moov - 4..moov].try_into().unwrap()) as usize;
    assert_eq!(moov - 4 + size, bytes.len(), "it is the last box");
    let more = mp4_box(b"udta", &mp4_box(b"stem", json.as_bytes()));
    bytes[moov - 4..moov].copy_from_slice(&((size + more.len()) as u32).to_be_bytes());
    bytes.extend(more);
    fs::write(&path, bytes).unwrap();

    let (dir, report) = run(&path, temp.path(), FileFormat::Wav, &mut no_model).unwrap();
    assert_eq!(
        report.model.stems,
        ["kick", "bass", "stem 3", "stem 4", "rest"]
    );
    assert_eq!(report.proof.outcome, Outcome::Exact, "{:?}", report.proof);
    let warnings = report.warnings.join("\n");
    assert!(
        warnings.contains("what they lack") && warnings.contains("Rest Stem"),
        "{warnings}"
    );
    for (track_idx, label) in [(0, "Full Mix"), (1, "Kick Stem"), (4, "Stem 4 Stem")] {
        let reader = AudioReader::open(&dir.join(format!("Hit.stem ({label}).wav"))).unwrap();
        assert_eq!(reader.facts().num_frames, Some(57_330));
        let (ours, theirs) = (by_us(reader), by_ffmpeg(&path, track_idx));
        let close = ours.iter().zip(&theirs).all(|(a, b)| a.abs_diff(*b) <= 2);
        assert!(close, "{label}");
    }
}
