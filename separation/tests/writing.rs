//! Files that were written, read back by others: `hound`, `ffmpeg` and our own reader.
//!
//! Needs `ffmpeg`.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "helpers of tests are tests: numbers fit, and an unwrap says what failed"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use unweave_separation::audio::channels::Layout;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::audio::tags::Tags;
use unweave_separation::audio::time_stamp::TimeStamp;
use unweave_separation::audio::write::{
    AudioSpec, AudioWriter, BitDepth, FileFormat, GrowingWav, Mp3Rate, Samples, WriteError,
};

fn spec(format: FileFormat, depth: BitDepth, num_channels: usize, num_frames: usize) -> AudioSpec {
    AudioSpec {
        format,
        depth,
        sample_rate: 44_100,
        layout: Layout::from_count(num_channels),
        num_frames: num_frames as u64,
        tags: Tags::titled("Blåbär 🎵 (Bass Stem)"),
        time_stamp: None,
    }
}

/// Writes integers in blocks of uneven sizes.
fn write(path: &Path, spec: &AudioSpec, channels: &[Vec<i32>]) -> Result<(), WriteError> {
    let mut writer = AudioWriter::create(path, spec)?;
    let num_frames = channels[0].len();
    let mut at = 0;
    for size in [1, 7, 4_096, 5_000, 10_000].into_iter().cycle() {
        if at == num_frames {
            break;
        }
        let end = (at + size).min(num_frames);
        let block: Vec<Vec<i32>> = channels.iter().map(|c| c[at..end].to_vec()).collect();
        writer.write(Samples::Integer(&block))?;
        at = end;
    }
    writer.finish()
}

/// Full-scale noise with both extremes in it.
fn noise(depth: BitDepth, num_channels: usize, num_frames: usize) -> Vec<Vec<i32>> {
    let full_scale = depth.full_scale() as i32;
    let mut state = 7_u32;
    let mut channels: Vec<Vec<i32>> = (0..num_channels)
        .map(|_| {
            (0..num_frames)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state as i32 >> 8) / (8_388_608 / full_scale)
                })
                .collect()
        })
        .collect();
    channels[0][0] = -full_scale;
    channels[num_channels - 1][num_frames - 1] = full_scale - 1;
    channels
}

/// What ffmpeg makes of a file, as integers at a depth.
fn ffmpeg_decode(path: &Path, num_channels: usize, shift: u32) -> Vec<Vec<i32>> {
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-nostdin",
            "-i",
            path.to_str().unwrap(),
            "-f",
            "s32le",
            "-",
        ])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let samples: Vec<i32> = output
        .stdout
        .chunks_exact(4)
        .map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()) >> shift)
        .collect();
    (0..num_channels)
        .map(|channel| {
            samples
                .iter()
                .skip(channel)
                .step_by(num_channels)
                .copied()
                .collect()
        })
        .collect()
}

fn read_back(path: &Path, depth: BitDepth) -> Vec<Vec<i32>> {
    let mut reader = AudioReader::open(path).unwrap();
    let mut all = vec![Vec::new(); reader.facts().layout.num_channels()];
    let mut block = Vec::new();
    while reader.read(&mut block).unwrap() > 0 {
        for (all, block) in all.iter_mut().zip(&block) {
            all.extend(
                block
                    .iter()
                    .map(|&s| (f64::from(s) * depth.full_scale()) as i32),
            );
        }
    }
    all
}

#[test]
fn integer_files_hold_the_very_integers() {
    let dir = tempfile::tempdir().unwrap();
    for (format, depth, shift) in [
        (FileFormat::Wav, BitDepth::Int16, 16),
        (FileFormat::Wav, BitDepth::Int24, 8),
        (FileFormat::Flac, BitDepth::Int16, 16),
        (FileFormat::Flac, BitDepth::Int24, 8),
        (FileFormat::M4a, BitDepth::Int16, 16),
    ] {
        for num_channels in [1, 2, 6] {
            if format == FileFormat::M4a && num_channels > 2 {
                continue;
            }
            for num_frames in [1, 2, 15, 100, 4_096, 4_097, 20_001] {
                let name = format!(
                    "{depth:?}-{num_channels}-{num_frames}.{}",
                    format.extension()
                );
                let path = dir.path().join(&name);
                let expected = noise(depth, num_channels, num_frames);
                write(
                    &path,
                    &spec(format, depth, num_channels, num_frames),
                    &expected,
                )
                .unwrap();
                // Of MP4, ffmpeg takes a track of one frame for one of stored samples.
                if format != FileFormat::M4a || num_frames > 1 {
                    assert!(
                        ffmpeg_decode(&path, num_channels, shift) == expected,
                        "{name} by ffmpeg"
                    );
                }
                assert!(read_back(&path, depth) == expected, "{name} by our reader");
                if format == FileFormat::Wav {
                    let reader = hound::WavReader::open(&path).unwrap();
                    let samples: Vec<i32> = reader.into_samples().map(Result::unwrap).collect();
                    let expected: Vec<i32> = (0..num_frames)
                        .flat_map(|frame| expected.iter().map(move |channel| channel[frame]))
                        .collect();
                    assert!(samples == expected, "{name} by hound");
                }
            }
        }
    }
}

#[test]
fn float_files_hold_the_very_floats_above_full_scale_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.wav");
    let channels = vec![vec![0.1_f32, -3.5, f32::MIN_POSITIVE], vec![1.0, -1.0, 1e9]];
    let spec = spec(FileFormat::Wav, BitDepth::Float32, 2, 3);
    let mut writer = AudioWriter::create(&path, &spec).unwrap();
    writer.write(Samples::Float(&channels)).unwrap();
    writer.finish().unwrap();
    let samples: Vec<f32> = hound::WavReader::open(&path)
        .unwrap()
        .into_samples()
        .map(Result::unwrap)
        .collect();
    assert_eq!(samples, [0.1, 1.0, -3.5, -1.0, f32::MIN_POSITIVE, 1e9]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Signals that an encoder models in different ways: constant, silent, steps, tones, noise.
    #[test]
    fn what_is_lossless_is_so_for_any_signal(
        kind in 0..5, amplitude in 1..8_388_608_i32, num_frames in 1..9_000_usize,
        (format, depth) in prop::sample::select(vec![
            (FileFormat::Flac, BitDepth::Int16),
            (FileFormat::Flac, BitDepth::Int24),
            (FileFormat::M4a, BitDepth::Int16),
        ]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p").with_extension(format.extension());
        let amplitude = amplitude.min(depth.full_scale() as i32 - 1);
        let left: Vec<i32> = (0..num_frames).map(|frame| match kind {
            0 => amplitude,
            1 => 0,
            2 => if frame / 50 % 2 == 0 { amplitude } else { -amplitude },
            3 => (f64::from(amplitude) * (frame as f64 * 0.05).sin()) as i32,
            _ => (frame as i32).wrapping_mul(1_103_515_245) % amplitude,
        }).collect();
        let right = left.iter().map(|sample| -sample).collect();
        let channels = [left, right];
        write(&path, &spec(format, depth, 2, num_frames), &channels).unwrap();
        prop_assert!(read_back(&path, depth) == channels);
    }
}

/// Without the LAME tag, or with a wrong one, the click would come 1105 frames late or so.
#[test]
fn mp3_lines_up_with_what_went_in() {
    let dir = tempfile::tempdir().unwrap();
    for num_channels in [1, 2] {
        let path = dir.path().join(format!("{num_channels}.mp3"));
        let (num_frames, click_at) = (50_001, 20_011_usize);
        let mut channel = vec![0_i32; num_frames];
        for distance in -20_i32..=20 {
            let shape = 0.5 + 0.5 * (f64::from(distance) * std::f64::consts::PI / 20.0).cos();
            channel[click_at.checked_add_signed(distance as isize).unwrap()] =
                (shape * 8_000_000.0) as i32;
        }
        let spec = spec(FileFormat::MP3, BitDepth::Int24, num_channels, num_frames);
        write(&path, &spec, &vec![channel; num_channels]).unwrap();
        let ours = read_back(&path, BitDepth::Int24);
        for (who, decoded) in [
            ("ours", ours),
            ("ffmpeg", ffmpeg_decode(&path, num_channels, 8)),
        ] {
            assert_eq!(decoded[0].len(), num_frames, "{who}");
            let max = decoded[0].iter().map(|sample| sample.abs()).max().unwrap();
            assert_eq!(
                decoded[0].iter().position(|s| s.abs() == max),
                Some(click_at),
                "{who}"
            );
            assert!(
                (f64::from(max) / 8_000_000.0 - 1.0).abs() < 0.02,
                "{who}: {max}"
            );
        }
        let bytes = std::fs::read(&path).unwrap();
        // 320 kbit/s, and the title before the first frame.
        let audio_seconds = num_frames as f64 / 44_100.0;
        let bits_per_second = bytes.len() as f64 * 8.0 / audio_seconds;
        assert!(
            (310e3..345e3).contains(&bits_per_second),
            "{bits_per_second}"
        );
        let reader = AudioReader::open(&path).unwrap();
        assert_eq!(
            reader.facts().title.as_deref(),
            Some("Blåbär 🎵 (Bass Stem)")
        );
    }
}

/// The rate is LAME's affair; that ours reaches it, and that what it says of start and end stays right, is ours.
#[test]
fn an_mp3_has_the_rate_that_is_asked_for_and_lines_up_at_each() {
    let dir = tempfile::tempdir().unwrap();
    let num_frames = 100_001;
    let channels = noise(BitDepth::Int24, 2, num_frames);
    let mut sizes = Vec::new();
    for (rate, expected) in [
        (Mp3Rate::Variable(9), None),
        (Mp3Rate::Variable(4), None),
        (Mp3Rate::Variable(0), None),
        (Mp3Rate::Constant(64), Some(64e3)),
        (Mp3Rate::Constant(192), Some(192e3)),
        (Mp3Rate::Constant(320), Some(320e3)),
    ] {
        let path = dir.path().join("rate.mp3");
        let spec = spec(FileFormat::Mp3(rate), BitDepth::Int24, 2, num_frames);
        write(&path, &spec, &channels).unwrap();
        for decoded in [
            read_back(&path, BitDepth::Int24),
            ffmpeg_decode(&path, 2, 8),
        ] {
            assert_eq!(decoded[0].len(), num_frames, "{rate}");
        }
        let num_bytes = std::fs::metadata(&path).unwrap().len();
        let bits_per_second = num_bytes as f64 * 8.0 / (num_frames as f64 / 44_100.0);
        if let Some(expected) = expected {
            let ratio = bits_per_second / expected;
            assert!((0.97..1.1).contains(&ratio), "{rate}: {bits_per_second}");
        } else {
            sizes.push(num_bytes);
        }
    }
    assert!(
        sizes[0] < sizes[1] && sizes[1] < sizes[2],
        "better takes more: {sizes:?}"
    );
}

#[test]
fn tags_and_cover_of_a_song_travel_into_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let said = [
        ("title", "Gåta"),
        ("artist", "Ana & the Trees"),
        ("album", "Roots 🎵"),
        ("album_artist", "Various"),
        ("track", "3"),
        ("date", "1999"),
        ("genre", "Folk"),
        ("composer", "A. Tree"),
    ];
    for source_format in ["flac", "mp3", "m4a", "ogg"] {
        let source = dir.path().join(format!("song.{source_format}"));
        let cover = dir.path().join("cover.png");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args([
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "color=red:s=16x16",
        ]);
        ffmpeg.args(["-frames:v", "1"]).arg(&cover);
        assert!(ffmpeg.status().unwrap().success());
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=0.2"]);
        let has_cover = source_format != "ogg";
        if has_cover {
            ffmpeg.arg("-i").arg(&cover);
            ffmpeg.args(["-map", "0", "-map", "1", "-c:v", "copy"]);
            ffmpeg.args(["-disposition:v", "attached_pic"]);
        }
        for (key, value) in said {
            ffmpeg.arg("-metadata").arg(format!("{key}={value}"));
        }
        assert!(ffmpeg.arg(&source).status().unwrap().success());
        let song = AudioReader::open(&source).unwrap().facts().tags.clone();
        assert_eq!(
            song.num_pictures(),
            usize::from(has_cover),
            "{source_format}"
        );
        let formats = [
            (FileFormat::Wav, BitDepth::Int24),
            (FileFormat::Flac, BitDepth::Int24),
            (FileFormat::MP3, BitDepth::Int24),
            (FileFormat::M4a, BitDepth::Int16),
        ];
        for (format, depth) in formats {
            let path = dir.path().join(format!("stem.{}", format.extension()));
            let mut spec = spec(format, depth, 1, 3_000);
            spec.tags = song.with_title("Gåta (Drums Stem)");
            write(&path, &spec, &noise(depth, 1, 3_000)).unwrap();
            let what = format!("{source_format} to {format:?}");
            let shown = Command::new("ffprobe")
                .args(["-v", "error", "-show_entries", "format_tags", "-of", "json"])
                .arg(&path)
                .output()
                .unwrap();
            let shown = String::from_utf8(shown.stdout).unwrap();
            for (key, value) in &said[1..] {
                // An INFO list has no place for these two; ffmpeg shows it rather than the ID3 tag.
                let is_in_info = !matches!(*key, "album_artist" | "composer");
                assert!(
                    shown.contains(value) || format == FileFormat::Wav && !is_in_info,
                    "{what}: {key} isn't in {shown}"
                );
            }
            assert!(shown.contains("Gåta (Drums Stem)"), "{what}: {shown}");
            let again = Tags::read(&path);
            assert_eq!(
                again.title().as_deref(),
                Some("Gåta (Drums Stem)"),
                "{what}"
            );
            assert_eq!(again.artist().as_deref(), Some("Ana & the Trees"), "{what}");
            assert_eq!(
                again.text("ALBUMARTIST").as_deref(),
                Some("Various"),
                "{what}"
            );
            assert_eq!(again.num_pictures(), song.num_pictures(), "{what}");
            if format == FileFormat::Wav {
                // A reader that knows nothing of the byte behind a chunk of odd length.
                assert_eq!(
                    hound::WavReader::open(&path).unwrap().duration(),
                    3_000,
                    "{what}"
                );
            }
            // The tags are in the way of nothing.
            let reader = AudioReader::open(&path).unwrap();
            assert_eq!(reader.facts().num_frames, Some(3_000), "{what}");
        }
    }
}

#[test]
fn what_a_format_can_not_hold_is_refused_before_a_file_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("never");
    let mut odd_rate = spec(FileFormat::MP3, BitDepth::Int24, 2, 1);
    odd_rate.sample_rate = 96_000;
    let cases = [
        (odd_rate, "FLAC or WAV"),
        (spec(FileFormat::MP3, BitDepth::Int24, 6, 1), "FLAC or WAV"),
        (spec(FileFormat::Flac, BitDepth::Int24, 10, 1), "WAV"),
        (spec(FileFormat::Flac, BitDepth::Float32, 2, 1), "16 or 24"),
        (spec(FileFormat::M4a, BitDepth::Int16, 6, 1), "FLAC or WAV"),
        (spec(FileFormat::Stem, BitDepth::Int16, 1, 1), "in stereo"),
        (
            AudioSpec {
                sample_rate: 48_000,
                ..spec(FileFormat::Stem, BitDepth::Int16, 2, 1)
            },
            "44100 Hz",
        ),
    ];
    for (spec, way_out) in cases {
        let error = AudioWriter::create(&path, &spec)
            .err()
            .expect("refused")
            .to_string();
        assert!(error.contains(way_out), "{error}");
        assert!(!path.exists());
    }
}

/// Seven hours of stereo, 4.8 GB, as a file with a hole in place of its samples.
#[test]
fn a_file_above_4_gb_is_read_by_ffmpeg_and_by_us() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.wav");
    let num_frames = 1_200_000_000_usize;
    drop(
        AudioWriter::create(
            &path,
            &spec(FileFormat::Wav, BitDepth::Int16, 2, num_frames),
        )
        .unwrap(),
    );
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let header_bytes = file.metadata().unwrap().len();
    assert!(
        header_bytes > 0,
        "the header is written before the first block"
    );
    file.set_len(header_bytes + num_frames as u64 * 4).unwrap();

    let reader = AudioReader::open(&path).unwrap();
    assert_eq!(reader.facts().format, "WAV (RF64)");
    assert_eq!(reader.facts().num_frames, Some(num_frames as u64));
    let probe = [
        "-v",
        "error",
        "-show_entries",
        "stream=duration_ts",
        "-of",
        "csv=p=0",
    ];
    let output = Command::new("ffprobe")
        .args(probe)
        .arg(&path)
        .output()
        .expect("ffprobe is there");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        num_frames.to_string()
    );
}

/// `/dev/full` takes a file's creation and refuses every write, as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_noticed_by_every_format_at_the_latest_at_the_end() {
    for (format, depth) in [
        (FileFormat::Wav, BitDepth::Int24),
        (FileFormat::Flac, BitDepth::Int24),
        (FileFormat::MP3, BitDepth::Int24),
        (FileFormat::M4a, BitDepth::Int16),
        (FileFormat::Stem, BitDepth::Int16),
    ] {
        for num_frames in [10, 500_000] {
            let channels = noise(depth, 2, num_frames);
            let result = write(
                Path::new("/dev/full"),
                &spec(format, depth, 2, num_frames),
                &channels,
            );
            let Err(WriteError::Io(error)) = result else {
                panic!("{format:?}: {result:?}")
            };
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{format:?}");
        }
    }
}

/// What a disk took before it was full must be there, whole frames of it.
#[test]
fn a_recording_is_whole_whenever_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("take.wav");
    for num_blocks in [0, 1, 7] {
        let stamp = TimeStamp::at(1 << 40);
        let mut wav = GrowingWav::create(&path, 96_000, 2, Some(stamp)).unwrap();
        let block = vec![
            vec![0.5, f32::MIN_POSITIVE, -3.0],
            vec![f32::NAN, 1e30, -0.0],
        ];
        for _ in 0..num_blocks {
            wav.write(&block).unwrap();
        }
        // The disk took a part of one more frame.
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.write_all(&[1, 2, 3, 4, 5]).unwrap();
        assert_eq!(wav.finish().unwrap(), 3 * num_blocks);

        let mut wav = hound::WavReader::open(&path).unwrap();
        assert_eq!(wav.spec().sample_rate, 96_000);
        let samples: Vec<u32> = wav.samples::<f32>().map(|s| s.unwrap().to_bits()).collect();
        let frames =
            (0..3).flat_map(|frame| [block[0][frame].to_bits(), block[1][frame].to_bits()]);
        let expected: Vec<u32> = (0..num_blocks).flat_map(|_| frames.clone()).collect();
        assert_eq!(samples, expected);
        if num_blocks > 0 {
            let reader = AudioReader::open(&path).unwrap();
            assert_eq!(reader.facts().time_stamp, Some(stamp));
            assert_eq!(reader.facts().num_frames, Some(3 * num_blocks));
        }
    }
}
