//! From a song file to a delivery set and back, with separators whose output is known in closed form.
//!
//! Needs `ffmpeg`.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "helpers of tests are tests: numbers fit, and an unwrap says what failed"
)]

#[path = "fixtures/double.rs"]
mod double;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use unweave_separation::audio::read::{AudioReader, ReadError};
use unweave_separation::audio::write::{BitDepth, FileFormat, WriteError};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::delivery::report::Report;
use unweave_separation::delivery::verdict::Outcome;
use unweave_separation::delivery::verify::{VerifyError, verify_dir};
use unweave_separation::doubles::{self, Failing};
use unweave_separation::offline::{Done, Job, JobError, Progress, separate_file};
use unweave_separation::{Error, Stream, Terminator};

/// Stems of the double: drums, bass and vocals are the mix times these, other is what is left.
const GAINS: [f32; 4] = [0.5, -0.25, 0.125, 0.0];
const FILES: [&str; 6] = [
    "Drums Stem",
    "Bass Stem",
    "Vocals Stem",
    "Other Stem",
    "Full Mix",
    "Instrumental",
];

struct Set {
    range: Option<Range<u64>>,
    name: Option<String>,
    selection: Selection,
    format: FileFormat,
    depth: BitDepth,
    existing: Existing,
    skip_existing: bool,
    threads: usize,
    gains: [f32; 4],
}

impl Default for Set {
    fn default() -> Self {
        Self {
            range: None,
            name: None,
            selection: Selection::default(),
            format: FileFormat::Wav,
            depth: BitDepth::Int24,
            existing: Existing::Number,
            skip_existing: false,
            threads: 2,
            gains: GAINS,
        }
    }
}

impl Set {
    fn run(&self, source: &Path, output_dir: &Path) -> Result<Done, JobError> {
        let mut open = |rate| double::stream(rate, &self.gains);
        self.run_with(
            source,
            output_dir,
            &mut open,
            &mut |_| {},
            &Terminator::new(),
        )
    }

    fn run_with(
        &self,
        source: &Path,
        output_dir: &Path,
        open_stream: &mut dyn FnMut(u32) -> Result<Stream, Error>,
        on_progress: &mut dyn FnMut(Progress),
        cancel: &Terminator,
    ) -> Result<Done, JobError> {
        let job = Job {
            source,
            range: self.range.clone(),
            name: self.name.as_deref(),
            output_dir,
            template: None,
            is_flat: false,
            has_report: true,
            selection: &self.selection,
            format: self.format,
            depth: self.depth,
            existing: self.existing,
            skip_existing: self.skip_existing,
            model: &double::model_report(),
            runtime: "none".into(),
            threads: self.threads,
        };
        separate_file(&job, open_stream, on_progress, cancel)
    }

    fn written(&self, source: &Path, output_dir: &Path) -> (PathBuf, Report) {
        match self.run(source, output_dir).unwrap() {
            Done::Written { dir, report } => (dir, *report),
            Done::Skipped { dir, .. } => panic!("{dir:?} was skipped"),
        }
    }
}

/// 16-bit noise with both extremes in it.
fn noise(len: usize) -> Vec<i32> {
    let mut state = 3_u32;
    let mut samples: Vec<i32> = (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i32 - 32_768
        })
        .collect();
    samples[0] = -32_768;
    samples[len - 1] = 32_767;
    samples
}

fn song(dir: &Path, name: &str, rate: u32, num_channels: u16, num_frames: usize) -> PathBuf {
    let path = dir.join(name);
    let spec = hound::WavSpec {
        channels: num_channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for sample in noise(num_frames * usize::from(num_channels)) {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    path
}

/// Interleaved integers of one file of a set.
fn integers(dir: &Path, label: &str) -> Vec<i32> {
    let path = dir.join(format!("Song ({label}).wav"));
    hound::WavReader::open(path)
        .unwrap()
        .into_samples()
        .map(Result::unwrap)
        .collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The oracle is arithmetic on the source's integers, not our own code.
#[test]
fn every_file_is_what_it_says_at_every_length_depth_and_channel_count() {
    let temp = tempfile::tempdir().unwrap();
    for (depth, factor) in [(BitDepth::Int16, 1), (BitDepth::Int24, 256)] {
        for num_channels in [1, 2, 6] {
            for num_frames in [1, 100, 255, 256, 1_024, 20_001, 70_000] {
                let case = format!("{depth:?}-{num_channels}-{num_frames}");
                let source = song(temp.path(), "Song.wav", 44_100, num_channels, num_frames);
                let out = temp.path().join(&case);
                let (dir, report) = Set {
                    depth,
                    ..Set::default()
                }
                .written(&source, &out);
                assert_eq!(report.gain, 1.0, "{case}");
                assert_eq!(report.proof.outcome, Outcome::Exact, "{case}");
                assert_eq!(report.proof.num_frames, num_frames as u64, "{case}");
                assert_eq!(
                    report.proof.sums.len(),
                    2,
                    "{case}: {:?}",
                    report.proof.sums
                );
                let source = noise(num_frames * usize::from(num_channels));
                let [drums, bass, vocals, other, mix, instrumental] =
                    FILES.map(|label| integers(&dir, label));
                let mix_expected: Vec<i32> = source.iter().map(|s| s * factor).collect();
                assert_eq!(mix, mix_expected, "{case}");
                for (stem, gain) in [(&drums, 0.5), (&bass, -0.25), (&vocals, 0.125)] {
                    for (stem, source) in stem.iter().zip(&source) {
                        let exact = f64::from(*source * factor) * gain;
                        assert!((f64::from(*stem) - exact).abs() <= 0.5, "{case}");
                    }
                }
                for at in 0..mix.len() {
                    assert_eq!(
                        drums[at] + bass[at] + vocals[at] + other[at],
                        mix[at],
                        "{case}"
                    );
                    assert_eq!(drums[at] + bass[at] + other[at], instrumental[at], "{case}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn any_set_sums_whatever_the_model_says(
        rate in prop::sample::select(vec![8_000_u32, 22_050, 44_100, 48_000, 96_000, 384_000]),
        num_channels in 1..4_u16,
        num_frames in 1..9_000_usize,
        gains in [-3.0..3.0_f32, -3.0..3.0_f32, -3.0..3.0_f32],
        depth in prop::sample::select(vec![BitDepth::Int16, BitDepth::Int24, BitDepth::Float32]),
        flac in any::<bool>(),
    ) {
        let temp = tempfile::tempdir().unwrap();
        let source = song(temp.path(), "Song.wav", rate, num_channels, num_frames);
        let format =
            if flac && depth != BitDepth::Float32 { FileFormat::Flac } else { FileFormat::Wav };
        let gains = [gains[0], gains[1], gains[2], 0.0];
        let set = Set { format, depth, gains, ..Set::default() };
        let (dir, report) = set.written(&source, temp.path());
        prop_assert_eq!(report.proof.outcome, Outcome::Exact);
        let is_float = depth == BitDepth::Float32;
        let fits = |peak: Option<f64>| is_float || peak.is_none_or(|peak| peak <= 0.0);
        let all_fit = report.files.iter().all(|file| fits(file.peak_dbfs));
        prop_assert!(all_fit);
        let (again, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
        prop_assert_eq!(&again, &report);
        prop_assert_eq!(verdict, report.proof);
        let mix = dir.join(format!("Song (Full Mix).{}", format.extension()));
        prop_assert_eq!(AudioReader::open(&mix).unwrap().facts().num_frames, Some(num_frames as u64));
    }
}

#[test]
fn one_gain_for_the_whole_set_when_a_stem_would_clip() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 5_000);
    let set = Set {
        gains: [2.0, 0.0, 0.0, 0.0],
        ..Set::default()
    };
    let (dir, report) = set.written(&source, temp.path());
    // Drums are twice the mix, which reaches full scale.
    assert!((report.gain - 0.5).abs() < 1e-6, "{}", report.gain);
    assert!((report.gain_db + 6.0206).abs() < 1e-4);
    assert!(
        report
            .warnings
            .iter()
            .any(|w| w.contains("6.02 dB quieter")),
        "{:?}",
        report.warnings
    );
    assert_eq!(report.proof.outcome, Outcome::Exact);
    let mix = integers(&dir, "Full Mix");
    for (mix, source) in mix.iter().zip(noise(10_000)) {
        assert!((f64::from(*mix) - f64::from(source) * 256.0 * report.gain).abs() <= 0.5);
    }
}

#[test]
fn the_report_gives_peaks_and_loudness_that_others_measure_too() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("Song.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for frame in 0..48_000 * 5 {
        let phase = f64::from(frame) * 997.0 / 48_000.0 * std::f64::consts::TAU;
        let sample = (phase.sin() * 32_768.0 * 10_f64.powf(-23.0 / 20.0)) as i16;
        writer.write_sample(sample).unwrap();
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    let (_, report) = Set {
        depth: BitDepth::Int16,
        ..Set::default()
    }
    .written(&path, temp.path());
    let file = |label: &str| {
        report
            .files
            .iter()
            .find(|f| f.name.contains(label))
            .unwrap()
    };
    // EBU Tech 3341, case 1: a stereo sine of 1 kHz at −23 dBFS peak reads −23 LUFS.
    let mix = file("Full Mix");
    assert!((mix.loudness_lufs.unwrap() + 23.0).abs() < 0.1, "{mix:?}");
    assert!((mix.peak_dbfs.unwrap() + 23.0).abs() < 0.01, "{mix:?}");
    assert!((file("Drums").loudness_lufs.unwrap() + 29.02).abs() < 0.1);
}

#[test]
fn silence_has_neither_peak_nor_loudness_and_still_sums() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("Song.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..88_200).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    for format in [FileFormat::Wav, FileFormat::Flac] {
        let (_, report) = Set {
            format,
            ..Set::default()
        }
        .written(&path, temp.path());
        assert_eq!(report.proof.outcome, Outcome::Exact);
        assert!(
            report
                .files
                .iter()
                .all(|f| f.peak_dbfs.is_none() && f.loudness_lufs.is_none())
        );
    }
}

#[test]
fn what_is_written_does_not_depend_on_the_number_of_threads() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 48_000, 2, 50_000);
    let reports = [1, 2, 9].map(|threads| {
        let out = temp.path().join(threads.to_string());
        Set {
            threads,
            ..Set::default()
        }
        .written(&source, &out)
        .1
    });
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0], reports[2]);
}

#[test]
fn a_changed_file_is_found_and_so_is_the_frame() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 5_000);
    let (dir, _) = Set::default().written(&source, temp.path());
    let path = dir.join("Song (Bass Stem).wav");
    let mut bytes = fs::read(&path).unwrap();
    // Frame 1234, right channel, lowest byte: one step of 2^-23.
    let data = bytes.windows(4).position(|name| name == b"data").unwrap() + 8;
    let at = data + 1_234 * 6 + 3;
    bytes[at] = bytes[at].wrapping_add(1);
    fs::write(&path, bytes).unwrap();
    let (_, verdict) = verify_dir(&dir, &Terminator::new()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed);
    assert_eq!(verdict.changed_files, ["Song (Bass Stem).wav"]);
    for sum in &verdict.sums {
        assert_eq!(sum.first_bad_frame, Some(1_234), "{sum:?}");
        assert!(
            sum.max_difference == 1.0 || sum.max_difference == 255.0,
            "{sum:?}"
        );
    }

    fs::remove_file(&path).unwrap();
    let error = verify_dir(&dir, &Terminator::new()).unwrap_err();
    assert!(matches!(error, VerifyError::File { name, .. } if name == "Song (Bass Stem).wav"));
}

#[test]
fn mp3_files_are_measured_and_not_called_exact() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 30_000);
    let (dir, report) = Set {
        format: FileFormat::MP3,
        ..Set::default()
    }
    .written(&source, temp.path());
    assert_eq!(report.proof.outcome, Outcome::Lossy);
    assert_eq!(
        names(&dir)
            .iter()
            .filter(|name| name.ends_with(".mp3"))
            .count(),
        6
    );
    for sum in &report.proof.sums {
        assert!(
            sum.rms_difference > 0.0 && sum.rms_difference < 0.1,
            "{sum:?}"
        );
    }
}

#[test]
fn a_sum_is_checked_against_the_mix_when_its_own_stems_are_not_there() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 3_000);
    let stems = Some(vec!["vocals".to_owned(), "instrumental".to_owned()]);
    let set = Set {
        selection: Selection {
            stems,
            ..Selection::default()
        },
        ..Set::default()
    };
    let (_, report) = set.written(&source, temp.path());
    let claims: Vec<&str> = report
        .proof
        .sums
        .iter()
        .map(|sum| sum.claim.as_str())
        .collect();
    assert_eq!(claims, ["vocals + Song (Instrumental).wav = Full Mix"]);
    assert_eq!(report.proof.outcome, Outcome::Exact);
}

#[test]
fn a_set_that_is_there_is_skipped_only_if_it_is_the_same_and_whole() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 3_000);
    let out = temp.path().join("out");
    let set = Set {
        skip_existing: true,
        ..Set::default()
    };
    let (dir, report) = set.written(&source, &out);
    let skipped = Done::Skipped {
        dir: dir.clone(),
        report: Box::new(report),
    };
    assert_eq!(set.run(&source, &out).unwrap(), skipped);
    // Other files are wanted.
    let flac = Set {
        format: FileFormat::Flac,
        skip_existing: true,
        ..Set::default()
    };
    assert_eq!(flac.written(&source, &out).0, out.join("Song (2)"));
    // A part of the song is wanted.
    let part = Set {
        range: Some(0..2_999),
        skip_existing: true,
        ..Set::default()
    };
    assert_eq!(part.written(&source, &out).0, out.join("Song (3)"));
    // A file is gone.
    fs::remove_file(dir.join("Song (Full Mix).wav")).unwrap();
    assert_eq!(set.written(&source, &out).0, out.join("Song (4)"));
    // Another song of that name.
    song(temp.path(), "Song.wav", 44_100, 2, 3_001);
    assert_eq!(set.written(&source, &out).0, out.join("Song (5)"));
}

#[test]
fn overwriting_replaces_the_set_in_place() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 3_000);
    let out = temp.path().join("out");
    let (dir, _) = Set::default().written(&source, &out);
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    let stems = Some(vec!["bass".to_owned()]);
    let less = Set {
        selection: Selection {
            stems,
            ..Selection::default()
        },
        existing: Existing::Overwrite,
        ..Set::default()
    };
    assert_eq!(less.written(&source, &out).0, dir);
    assert_eq!(
        names(&dir),
        [
            "Song (Bass Stem).wav",
            "Song (Full Mix).wav",
            "Song (Report).json",
            "notes.txt"
        ]
    );
    assert_eq!(names(&out), ["Song"]);
}

#[test]
fn cancelling_at_any_moment_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 200_000);
    for at in [0.0, 0.3, 0.6, 0.86, 0.9] {
        let out = temp.path().join("out");
        let cancel = Terminator::new();
        let mut on_progress = |progress: Progress| {
            if progress.fraction >= at {
                cancel.terminate();
            }
        };
        let mut open = |rate| double::stream(rate, &GAINS);
        let result = Set::default().run_with(&source, &out, &mut open, &mut on_progress, &cancel);
        assert!(
            matches!(result, Err(JobError::Cancelled)),
            "{at}: {result:?}"
        );
        assert!(!out.exists(), "{at}");
    }
}

#[test]
fn progress_never_falls_and_ends_at_one() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 200_000);
    let mut fractions = Vec::new();
    let mut open = |rate| double::stream(rate, &GAINS);
    let mut on_progress = |progress: Progress| fractions.push(progress.fraction);
    let cancel = Terminator::new();
    Set::default()
        .run_with(&source, temp.path(), &mut open, &mut on_progress, &cancel)
        .unwrap();
    assert!(
        fractions.len() > 20 && fractions.is_sorted(),
        "{fractions:?}"
    );
    assert_eq!(fractions.last(), Some(&1.0));
}

#[test]
fn a_model_that_fails_in_the_middle_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 200_000);
    let out = temp.path().join("out");
    let mut open = |rate| {
        let separator = Failing::new(doubles::shape(44_100, 256, 1_024), 200);
        Stream::with_batch(Box::new(separator), rate, 4)
    };
    let result = Set::default().run_with(&source, &out, &mut open, &mut |_| {}, &Terminator::new());
    assert!(matches!(result, Err(JobError::Model(_))), "{result:?}");
    assert!(!out.exists());
}

#[test]
fn a_song_cut_off_in_the_middle_gives_a_set_that_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 50_000);
    let bytes = fs::read(&source).unwrap();
    fs::write(&source, &bytes[..bytes.len() - 1_000]).unwrap();
    let out = temp.path().join("out");
    let (_, report) = Set::default().written(&source, &out);
    assert_eq!(report.source.num_frames, 50_000 - 250);
    assert!(
        report.source.notes[0].contains("250 frames"),
        "{:?}",
        report.source.notes
    );
    assert!(report.warnings.contains(&report.source.notes[0]));
}

#[test]
fn an_output_folder_that_can_not_be_used_is_told_by_name() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 44_100, 2, 100);
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Set::default().run(&source, &file.join("out")).unwrap_err();
    assert!(matches!(error, JobError::Output { dir, .. } if dir == file.join("out")));
}

#[test]
fn what_a_format_can_not_hold_is_refused_before_anything_is_made() {
    let temp = tempfile::tempdir().unwrap();
    let source = song(temp.path(), "Song.wav", 96_000, 2, 100);
    let out = temp.path().join("out");
    let result = Set {
        format: FileFormat::MP3,
        ..Set::default()
    }
    .run(&source, &out);
    assert!(
        matches!(result, Err(JobError::Write(WriteError::Impossible(_)))),
        "{result:?}"
    );
    assert!(!out.exists());
}

#[test]
fn a_part_of_a_song_gives_the_files_of_a_song_that_is_just_that_part() {
    let temp = tempfile::tempdir().unwrap();
    let whole = song(temp.path(), "Whole.wav", 44_100, 2, 20_000);
    // The ends lie within blocks of the reader, at their borders, and at those of the song.
    for (start, end) in [
        (0, 1),
        (1, 8_192),
        (5_000, 17_123),
        (8_192, 16_384),
        (19_999, 20_000),
    ] {
        let path = temp.path().join("Song.wav");
        let samples = noise(2 * 20_000);
        let mut wav =
            hound::WavWriter::create(&path, hound::WavReader::open(&whole).unwrap().spec());
        let wav = wav.as_mut().unwrap();
        for &sample in &samples[2 * start..2 * end] {
            wav.write_sample(sample).unwrap();
        }
        wav.flush().unwrap();
        let (expected, _) = Set::default().written(&path, &temp.path().join("expected"));
        let set = Set {
            range: Some(start as u64..end as u64),
            name: Some("Song".to_owned()),
            ..Set::default()
        };
        let (dir, report) = set.written(&whole, &temp.path().join("actual"));
        assert_eq!(report.source.num_frames, (end - start) as u64);
        assert_eq!(report.source.range, set.range);
        for label in FILES {
            let file = format!("Song ({label}).wav");
            let read = |dir: &Path| fs::read(dir.join(&file)).unwrap();
            assert!(read(&dir) == read(&expected), "{start}..{end}: {file}");
        }
        verify_dir(&dir, &Terminator::new()).unwrap();
    }
    for range in [20_000..20_001, 7..7] {
        let set = Set {
            range: Some(range),
            ..Set::default()
        };
        let error = set.run(&whole, temp.path()).unwrap_err();
        assert!(
            matches!(
                error,
                JobError::Read(ReadError::OutOfRange {
                    available: 20_000,
                    ..
                })
            ),
            "{error:?}"
        );
    }
}

/// The reference is ffmpeg, which reads and writes the chunk as EBU Tech 3285 has it.
#[test]
fn files_carry_the_place_on_the_timeline_that_the_song_has() {
    let temp = tempfile::tempdir().unwrap();
    let plain = song(temp.path(), "Plain.wav", 48_000, 2, 5_000);
    let stamped = temp.path().join("Song.wav");
    // More than 32 bits: 30 hours at 48 kHz.
    let reference = 48_000_u64 * 3_600 * 30 + 7;
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&plain)
        .args(["-write_bext", "1", "-metadata"])
        .arg(format!("time_reference={reference}"))
        .args(["-metadata", "origination_date=2026-11-22", "-metadata"])
        .arg("origination_time=12:34:56")
        .arg(&stamped)
        .status();
    assert!(status.unwrap().success());
    let tags = |path: &Path| {
        let output = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "format_tags=time_reference,date,creation_time",
            ])
            .args(["-of", "default=noprint_wrappers=1"])
            .arg(path)
            .output();
        let mut tags: Vec<String> = String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        tags.sort();
        tags
    };
    for (depth, range, expected) in [
        (BitDepth::Int24, None, reference),
        (BitDepth::Float32, Some(1_000..4_000), reference + 1_000),
    ] {
        let set = Set {
            depth,
            range,
            ..Set::default()
        };
        let (dir, _) = set.written(&stamped, &temp.path().join("out"));
        for label in FILES {
            let tags = tags(&dir.join(format!("Song ({label}).wav")));
            assert_eq!(
                tags,
                [
                    "TAG:creation_time=12:34:56".to_owned(),
                    "TAG:date=2026-11-22".to_owned(),
                    format!("TAG:time_reference={expected}"),
                ]
            );
        }
        verify_dir(&dir, &Terminator::new()).unwrap();
    }
    let (dir, _) = Set::default().written(&plain, &temp.path().join("out"));
    let of_plain = tags(&dir.join("Plain (Full Mix).wav"));
    assert!(of_plain.is_empty(), "{of_plain:?}");
}
