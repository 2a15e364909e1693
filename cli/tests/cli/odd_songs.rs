//! Songs that are odd but whole: every one becomes a set that sums and is as long as the song.

use std::fs;
use std::path::Path;

use crate::common::{assert_sums, ffmpeg, integers, music, separate, song, unweave, write_wav};

fn mix(dir: &Path) -> Vec<i32> {
    let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
    integers(&dir.join(format!("{name} (Full Mix).wav")))
}

#[test]
fn one_sample_and_a_hundred() {
    let dir = tempfile::tempdir().unwrap();
    for num_frames in [1, 100] {
        let path = song(&dir.path().join(format!("{num_frames}.wav")), num_frames);
        let set = separate(&path, dir.path(), &["--bit-depth", "16"]);
        assert_eq!(mix(&set), music(num_frames, 2, 44_100));
        assert_sums(&set);
    }
}

#[test]
fn silence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("silence.wav");
    write_wav(&path, 44_100, 2, &[0; 60_000]);
    let set = separate(&path, dir.path(), &[]);
    assert_eq!(mix(&set), [0; 60_000]);
    assert_sums(&set);
}

#[test]
fn not_a_number_and_infinity_are_counted_and_become_silence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nan.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for at in 0..20_000 {
        let sample = match at {
            7_000 => f32::NAN,
            7_001 => f32::INFINITY,
            7_002 => f32::NEG_INFINITY,
            _ => 0.25,
        };
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    let out = dir.path().to_str().unwrap();
    let said = unweave(&["separate", path.to_str().unwrap(), "-o", out]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("3 samples were not numbers"),
        "{}",
        said.stderr
    );
    let set = dir.path().join("nan");
    let mix = mix(&set);
    assert_eq!(mix[7_000..7_003], [0, 0, 0]);
    assert_eq!(mix[6_999], 1 << 21);
    assert_sums(&set);
}

#[test]
fn eight_and_384_kilohertz_keep_their_rate_and_length() {
    let dir = tempfile::tempdir().unwrap();
    for rate in [8_000, 384_000] {
        let path = dir.path().join(format!("{rate}.wav"));
        let samples = music(30_001, 2, rate);
        write_wav(&path, rate, 2, &samples);
        let set = separate(&path, dir.path(), &["--bit-depth", "16"]);
        assert_eq!(mix(&set), samples, "nothing above the model's band is lost");
        let file = set.join(format!("{rate} (Full Mix).wav"));
        assert_eq!(
            hound::WavReader::open(file).unwrap().spec().sample_rate,
            rate
        );
        assert_sums(&set);
    }
}

#[test]
fn mono_stays_mono() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mono.wav");
    let samples = music(30_000, 1, 44_100);
    write_wav(&path, 44_100, 1, &samples);
    let set = separate(&path, dir.path(), &["--bit-depth", "16"]);
    assert_eq!(mix(&set), samples);
    assert_sums(&set);
}

#[test]
fn six_channels_are_separated_in_groups_and_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("six.wav");
    let source = "sine=frequency=200:duration=0.4,aformat=channel_layouts=mono:sample_fmts=s16";
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        source,
        "-ac",
        "6",
        path.to_str().unwrap(),
    ]);
    let out = dir.path().to_str().unwrap();
    let said = unweave(&[
        "separate",
        path.to_str().unwrap(),
        "-o",
        out,
        "--bit-depth",
        "16",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr
            .contains("front pair, front centre, low frequency, rear pair"),
        "{}",
        said.stderr
    );
    let set = dir.path().join("six");
    assert_eq!(mix(&set), integers(&path));
    assert_sums(&set);
}

#[test]
fn twenty_four_bits_in_thirty_two_come_through_at_24() {
    let dir = tempfile::tempdir().unwrap();
    let samples: Vec<i32> = music(20_000, 2, 44_100)
        .iter()
        .map(|s| s * 256 + 77)
        .collect();
    // A header of 16 + 24 bytes: extended format, container of 32 bits, 24 of them valid.
    let mut fmt: Vec<u8> = Vec::new();
    fmt.extend(0xfffe_u16.to_le_bytes());
    fmt.extend(2_u16.to_le_bytes());
    fmt.extend(44_100_u32.to_le_bytes());
    fmt.extend((44_100_u32 * 8).to_le_bytes());
    fmt.extend(8_u16.to_le_bytes());
    fmt.extend(32_u16.to_le_bytes());
    fmt.extend(22_u16.to_le_bytes());
    fmt.extend(24_u16.to_le_bytes());
    fmt.extend(3_u32.to_le_bytes());
    fmt.extend([
        1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|s| (s << 8).to_le_bytes())
        .collect();
    let size = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
    let riff_size = size(4 + 8 + fmt.len() + 8 + data.len());
    let file = [
        b"RIFF",
        &riff_size[..],
        b"WAVEfmt ",
        &size(fmt.len()),
        &fmt,
        b"data",
        &size(data.len()),
        &data,
    ]
    .concat();
    let path = dir.path().join("wide.wav");
    fs::write(&path, file).unwrap();
    let set = separate(&path, dir.path(), &[]);
    assert_eq!(mix(&set), samples);
    assert_sums(&set);
}

/// Full Mix of a compressed song must be what another decoder makes of it, from the same first sample to
/// the same last.
#[test]
fn compressed_songs_are_not_shifted() {
    let dir = tempfile::tempdir().unwrap();
    let wav = song(&dir.path().join("song.wav"), 50_001);
    for (name, args) in [
        ("a.mp3", ["-b:a", "192k"]),
        ("b.m4a", ["-b:a", "192k"]),
        ("c.ogg", ["-c:a", "libvorbis"]),
    ] {
        let path = dir.path().join(name);
        let mut all = vec!["-i", wav.to_str().unwrap()];
        all.extend(args);
        all.push(path.to_str().unwrap());
        ffmpeg(&all);
        let set = separate(
            &path,
            dir.path(),
            &["--bit-depth", "16", "--stems", "vocals,instrumental"],
        );
        let mix = mix(&set);
        let source = music(50_001, 2, 44_100);
        assert_eq!(mix.len(), source.len(), "{name}");
        // The shift with the highest correlation is none.
        let correlation = |shift: usize| -> f64 {
            let pairs = source[20_000..40_000]
                .iter()
                .zip(&mix[20_000 - 200 + shift..]);
            pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let best = (0..400)
            .step_by(2)
            .max_by(|&a, &b| correlation(a).total_cmp(&correlation(b)));
        assert_eq!(best, Some(200), "{name}");
        assert_sums(&set);
    }
}
