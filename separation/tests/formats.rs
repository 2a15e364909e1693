//! Every kind of file that people have, decoded as ffmpeg decodes it: same length, same start, same samples.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "helpers of tests are tests: numbers fit, and an unwrap says what failed"
)]

#[path = "fixtures/ffmpeg.rs"]
mod ffmpeg;
#[path = "fixtures/whole.rs"]
mod whole;

use std::fs;
use std::path::{Path, PathBuf};

use ffmpeg::ffmpeg;
use whole::read_all;

/// Neither a multiple of an MP3 packet (1152 frames) nor of one of AAC (1024).
const FRAMES: usize = 50_001;

/// What ffmpeg makes of the first audio track, `[channel][frame]`.
fn by_ffmpeg(path: &Path, num_channels: usize) -> Vec<Vec<f32>> {
    let path = path.to_str().unwrap();
    let bytes = ffmpeg(&[
        "-i",
        path,
        "-map",
        "0:a:0",
        "-f",
        "f32le",
        "-c:a",
        "pcm_f32le",
        "-",
    ]);
    let samples: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let channel = |channel| {
        samples
            .iter()
            .skip(channel)
            .step_by(num_channels)
            .copied()
            .collect()
    };
    (0..num_channels).map(channel).collect()
}

/// Two different tones with noise, as 16-bit WAV.
fn song(dir: &Path, name: &str, num_frames: usize) -> PathBuf {
    let path = dir.join(name);
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    let mut state = 1_u32;
    for frame in 0..num_frames {
        for hertz in [440.0, 554.4] {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 16) / 65_536.0 - 0.5;
            let tone = (frame as f64 / 44_100.0 * hertz * std::f64::consts::TAU).sin();
            writer
                .write_sample(((0.4 * tone + 0.1 * noise) * 32_767.0) as i16)
                .unwrap();
        }
    }
    writer.finalize().unwrap();
    path
}

fn rms_of_difference(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / a.len().min(b.len()).max(1) as f64).sqrt()
}

/// How a kind of file is made, and how near to ffmpeg's decoder ours must come.
struct Kind {
    name: &'static str,
    args: &'static [&'static str],
    /// Root mean square of the difference: 0 where samples are stored losslessly.
    tolerance: f64,
    /// Frames of music; ffmpeg's own count where the file doesn't say where padding begins.
    num_frames: Option<usize>,
}

const fn kind(name: &'static str, args: &'static [&'static str], tolerance: f64) -> Kind {
    Kind {
        name,
        args,
        tolerance,
        num_frames: Some(FRAMES),
    }
}

const fn padded(name: &'static str, args: &'static [&'static str], tolerance: f64) -> Kind {
    Kind {
        name,
        args,
        tolerance,
        num_frames: None,
    }
}

/// Two decoders of a lossy codec differ by rounding only: far below 16 bits.
const ROUNDING: f64 = 2e-5;

#[test]
fn every_kind_of_file_is_decoded_as_ffmpeg_decodes_it() {
    let dir = tempfile::tempdir().unwrap();
    let source = song(dir.path(), "song.wav", FRAMES);
    let kinds = [
        kind("s8.aiff", &["-c:a", "pcm_s8"], 0.0),
        kind("s24.aiff", &["-c:a", "pcm_s24be"], 0.0),
        kind("sowt.aifc", &["-f", "aiff", "-c:a", "pcm_s16le"], 0.0),
        kind("f32.aifc", &["-f", "aiff", "-c:a", "pcm_f32be"], 0.0),
        kind("ulaw.aifc", &["-f", "aiff", "-c:a", "pcm_mulaw"], 0.0),
        kind("u8.wav", &["-c:a", "pcm_u8"], 0.0),
        kind("s32.wav", &["-c:a", "pcm_s32le"], 0.0),
        kind("f32.wav", &["-c:a", "pcm_f32le"], 0.0),
        kind("f64.wav", &["-c:a", "pcm_f64le"], 0.0),
        kind("alaw.wav", &["-c:a", "pcm_alaw"], 0.0),
        kind("ulaw.wav", &["-c:a", "pcm_mulaw"], 0.0),
        padded("ima.wav", &["-c:a", "adpcm_ima_wav"], ROUNDING),
        padded("ms.wav", &["-c:a", "adpcm_ms"], ROUNDING),
        padded("mp3.wav", &["-c:a", "libmp3lame"], ROUNDING),
        kind("a.au", &[], 0.0),
        kind("s24.au", &["-c:a", "pcm_s24be"], 0.0),
        kind("f32.au", &["-c:a", "pcm_f32be"], 0.0),
        kind("ulaw.au", &["-c:a", "pcm_mulaw"], 0.0),
        kind("s16.caf", &["-c:a", "pcm_s16be"], 0.0),
        kind("f32.caf", &["-c:a", "pcm_f32le"], 0.0),
        kind("a.flac", &[], 0.0),
        kind("flac.mkv", &["-c:a", "flac"], 0.0),
        kind("pcm.mov", &["-c:a", "pcm_s16be"], 0.0),
        kind("alac.m4a", &["-c:a", "alac"], 0.0),
        kind("alac.caf", &["-c:a", "alac"], 0.0),
        kind("a.mp3", &["-c:a", "libmp3lame"], ROUNDING),
        padded(
            "mpeg2.mp3",
            &["-c:a", "libmp3lame", "-ar", "22050"],
            ROUNDING,
        ),
        padded("a.mp2", &["-c:a", "mp2"], ROUNDING),
        kind("a.ogg", &["-c:a", "libvorbis"], ROUNDING),
        padded("vorbis.webm", &["-c:a", "libvorbis"], ROUNDING),
        kind("a.opus", &["-c:a", "libopus"], ROUNDING),
        kind("opus.webm", &["-c:a", "libopus"], ROUNDING),
        kind("opus.mkv", &["-c:a", "libopus"], ROUNDING),
        padded("opus.mp4", &["-c:a", "libopus"], ROUNDING),
        padded("aac.mkv", &["-c:a", "aac"], ROUNDING),
        padded("a.aac", &["-c:a", "aac"], ROUNDING),
        padded("mp3.mkv", &["-c:a", "libmp3lame"], ROUNDING),
        kind("a.wv", &["-c:a", "wavpack"], 0.0),
        padded("a.wma", &["-c:a", "wmav2"], ROUNDING),
        padded("a.ac3", &["-c:a", "ac3"], ROUNDING),
        padded("ac3.mp4", &["-c:a", "ac3"], ROUNDING),
        padded(
            "surround.opus",
            &["-c:a", "libopus", "-ac", "6", "-mapping_family", "1"],
            ROUNDING,
        ),
        kind("a.tta", &[], 0.0),
    ];
    let mut wrong = Vec::new();
    for Kind {
        name,
        args,
        tolerance,
        num_frames,
    } in kinds
    {
        let path = dir.path().join(name);
        ffmpeg(
            &[
                &["-i", source.to_str().unwrap()],
                args,
                &[path.to_str().unwrap()],
            ]
            .concat(),
        );
        let (reader, ours) = match read_all(&path) {
            Ok(read) => read,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let theirs = by_ffmpeg(&path, ours.len());
        let expected = num_frames.map(|n| n * reader.facts().sample_rate as usize / 44_100);
        let len = ours[0].len();
        let rms = (0..ours.len())
            .map(|c| rms_of_difference(&ours[c], &theirs[c]))
            .fold(0.0, f64::max);
        let line = format!(
            "{name}: {} has {len} frames, ffmpeg {}, expected {expected:?}; differs by {rms:e}; {:?}",
            reader.facts().format,
            theirs[0].len(),
            reader.notes()
        );
        println!("{line}");
        let is_long_enough = expected.map_or(len == theirs[0].len(), |n| len.abs_diff(n) <= 1);
        if !is_long_enough || rms > tolerance {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that went wrong elsewhere, see `inputs/README.md` in the shared data, with what is right for each.
#[test]
fn files_that_were_lost_or_refused_are_read_and_say_what_is_odd() {
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/inputs");
    if !inputs.is_dir() {
        println!("left out: the shared data isn't beside this checkout");
        return;
    }
    let cases: [(&str, usize, &str); 16] = [
        ("01-concat-mp3/01-concat.mp3", 223_535, "joined"),
        ("03-opus-webm-mkv/30.opus", 144_000, ""),
        ("03-opus-webm-mkv/31.webm", 144_000, ""),
        ("03-opus-webm-mkv/42.mkv", 134_144, "start"),
        ("05-xing-count-odd/08-xing-zero.mp3", 132_527, "no length"),
        (
            "05-xing-count-odd/08b-zero-goodcrc.mp3",
            132_527,
            "no length",
        ),
        ("05-xing-count-odd/09-xing-plus1.mp3", 132_527, "26 ms"),
        ("05-xing-count-odd/09b-plus1-goodcrc.mp3", 132_527, "26 ms"),
        ("06-cut-keeps-xing/07-cut-keeps-xing.mp3", 66_863, "missing"),
        // ffmpeg keeps the padding of the first song: 128 frames more than the two songs have.
        ("08-chained-ogg/35-chained.ogg", 220_500, "joined"),
        ("10-other-containers/36.caf", 132_300, ""),
        ("10-other-containers/37.wv", 132_300, ""),
        ("10-other-containers/38.wma", 131_072, ""),
        ("10-other-containers/39.ac3", 133_632, ""),
        ("10-other-containers/44.au", 132_300, ""),
        ("01-concat-mp3/01-concat.mp3", 223_535, "only"),
    ];
    for (name, num_frames, note) in cases {
        let (reader, ours) = read_all(&inputs.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(ours[0].len(), num_frames, "{name}");
        let notes = reader.notes();
        match note {
            "" => assert_eq!(notes, [""; 0], "{name}"),
            note => assert!(notes.iter().any(|n| n.contains(note)), "{name}: {notes:?}"),
        }
        let theirs = by_ffmpeg(&inputs.join(name), ours.len());
        // Up to the place where ffmpeg keeps what separates two songs. Decoders of Opus differ more than others.
        let len = if name.ends_with("ogg") {
            132_000
        } else {
            num_frames
        };
        let rms = rms_of_difference(&ours[0][..len], &theirs[0][..len]);
        assert!(rms < 2e-4, "{name}: differs by {rms:e}");
    }
}

/// Bytes of a file that was encoded from the song.
fn encoded(dir: &Path, name: &str, args: &[&str], num_frames: usize) -> Vec<u8> {
    let source = song(dir, "source.wav", num_frames);
    let path = dir.join(name);
    ffmpeg(
        &[
            &["-i", source.to_str().unwrap()],
            args,
            &[path.to_str().unwrap()],
        ]
        .concat(),
    );
    fs::read(path).unwrap()
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An ID3v2 tag that holds what looks like packets of an MP3, as pictures do.
fn id3v2(num_bytes: usize) -> Vec<u8> {
    let mut tag = b"ID3\x03\0\0".to_vec();
    tag.extend([21, 14, 7, 0].map(|shift| (num_bytes >> shift & 0x7f) as u8));
    tag.extend([0xff, 0xfb, 0x90, 0x64].iter().cycle().take(num_bytes));
    tag
}

fn id3v1() -> Vec<u8> {
    let mut tag = b"TAGA title".to_vec();
    tag.resize(128, 0);
    tag
}

fn ape() -> Vec<u8> {
    let item = b"\x05\0\0\0\0\0\0\0Title\0Hello";
    let head = |flags: u32| {
        let mut head = b"APETAGEX".to_vec();
        for number in [2_000, item.len() as u32 + 32, 1, flags, 0, 0] {
            head.extend(number.to_le_bytes());
        }
        head
    };
    join(&[&head(0xa000_0000), item, &head(0x8000_0000)])
}

/// With a Xing count that is changed by so much.
fn recounted(mp3: &[u8], difference: i64) -> Vec<u8> {
    let mut mp3 = mp3.to_vec();
    let at = mp3
        .windows(4)
        .position(|w| w == b"Info" || w == b"Xing")
        .unwrap()
        + 8;
    let count = u32::from_be_bytes(mp3[at..at + 4].try_into().unwrap());
    let count = u32::try_from(i64::from(count) + difference).unwrap();
    mp3[at..at + 4].copy_from_slice(&count.to_be_bytes());
    mp3
}

/// What is odd about a file, its bytes, the frames that are in it, and a word of the note; none for no note.
type Odd = (
    &'static str,
    &'static str,
    Vec<u8>,
    usize,
    Option<&'static str>,
);

#[test]
fn headers_are_advice_and_the_audio_is_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let mp3_args = [
        "-c:a",
        "libmp3lame",
        "-write_id3v2",
        "0",
        "-id3v2_version",
        "0",
    ];
    let mp3 = encoded(dir.path(), "a.mp3", &mp3_args, FRAMES);
    let mono = encoded(
        dir.path(),
        "mono.mp3",
        &[&mp3_args[..], &["-ac", "1"]].concat(),
        FRAMES,
    );
    let slow = encoded(
        dir.path(),
        "slow.mp3",
        &[&mp3_args[..], &["-ar", "48000"]].concat(),
        FRAMES,
    );
    let flac = encoded(dir.path(), "a.flac", &[], FRAMES);
    let wav = fs::read(song(dir.path(), "a.wav", FRAMES)).unwrap();
    let ogg = encoded(dir.path(), "a.ogg", &["-c:a", "libvorbis"], FRAMES);
    let aiff = encoded(dir.path(), "a.aiff", &[], FRAMES);
    // 45 packets of 1152 frames, of which 1105 precede the music; the tag of what is joined is a packet of silence.
    let (packets, all) = (45 * 1_152, 45 * 1_152 - 1_105);
    let patched = |bytes: &[u8], name: &[u8], offset: usize, new: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = bytes.windows(name.len()).position(|w| w == name).unwrap() + offset;
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    let lame_delay_at = mp3
        .windows(4)
        .position(|w| w == b"Lavc" || w == b"LAME")
        .unwrap();
    let bad_crc = {
        let mut bytes = mp3.clone();
        bytes[lame_delay_at + 34] ^= 0xff;
        bytes
    };
    let middle = mp3.len() / 2;
    let next_packet = (middle..)
        .find(|&at| mp3[at] == 0xff && mp3[at + 1] == 0xfb && mp3[at + 2] & 0xf0 == 0x90)
        .unwrap();
    let cases: Vec<Odd> = vec![
        ("as it should be", "mp3", mp3.clone(), FRAMES, None),
        (
            "count too small",
            "mp3",
            recounted(&mp3, -9),
            all,
            Some("only"),
        ),
        (
            "count one too small",
            "mp3",
            recounted(&mp3, -1),
            all,
            Some("only"),
        ),
        (
            "count one too large",
            "mp3",
            recounted(&mp3, 1),
            all,
            Some("missing"),
        ),
        (
            "count far too large",
            "mp3",
            recounted(&mp3, 1_000_000),
            all,
            Some("missing"),
        ),
        ("wrong checksum of the tag", "mp3", bad_crc, FRAMES, None),
        (
            "all tags",
            "mp3",
            join(&[&id3v2(5_000), &mp3, &ape(), &id3v1()]),
            FRAMES,
            None,
        ),
        (
            "two tags before",
            "mp3",
            join(&[&id3v2(300), &id3v2(3_000), &mp3]),
            FRAMES,
            None,
        ),
        ("APE before", "mp3", join(&[&ape(), &mp3]), FRAMES, None),
        (
            "zeros before and after",
            "mp3",
            join(&[&[0; 3_000], &mp3, &[0; 500]]),
            FRAMES,
            None,
        ),
        (
            "junk before",
            "mp3",
            join(&[b"no audio at all", &mp3]),
            FRAMES,
            Some("passed over"),
        ),
        (
            "junk after",
            "mp3",
            join(&[&mp3, &[7; 999]]),
            FRAMES,
            Some("passed over"),
        ),
        (
            "junk within",
            "mp3",
            join(&[&mp3[..next_packet], &[0xff; 700], &mp3[next_packet..]]),
            FRAMES,
            Some("passed over"),
        ),
        (
            "a tag within",
            "mp3",
            join(&[&mp3[..next_packet], &id3v2(700), &mp3[next_packet..]]),
            FRAMES,
            None,
        ),
        (
            "three joined",
            "mp3",
            join(&[&mp3, &id3v2(100), &mp3, &id3v1(), &mp3]),
            all + 2 * (packets + 1_152),
            Some("3 MP3"),
        ),
        (
            "mono joined to stereo",
            "mp3",
            join(&[&mono, &mp3]),
            all + packets + 1_152,
            Some("mono"),
        ),
        (
            "48 kHz joined to 44.1",
            "mp3",
            join(&[&mp3, &slow]),
            0,
            Some("sample rate"),
        ),
        (
            "FLAC, no total",
            "flac",
            patched(&flac, b"fLaC", 8 + 14, &[0; 4]),
            FRAMES,
            Some("no length"),
        ),
        (
            "FLAC, total too small, MD5 right",
            "flac",
            patched(&flac, b"fLaC", 8 + 14, &[0, 0, 0x10, 0]),
            FRAMES,
            Some("checksum"),
        ),
        (
            "FLAC with all tags",
            "flac",
            join(&[&id3v2(500), &flac, &id3v1()]),
            FRAMES,
            None,
        ),
        (
            "FLAC joined",
            "flac",
            join(&[&flac, &flac]),
            2 * FRAMES,
            Some("joined"),
        ),
        (
            "WAV, size 0",
            "wav",
            patched(&wav, b"data", 4, &[0; 4]),
            FRAMES,
            Some("no length"),
        ),
        (
            "WAV, size unknown",
            "wav",
            patched(&wav, b"data", 4, &[0xff; 4]),
            FRAMES,
            Some("no length"),
        ),
        (
            "WAV, all sizes 0",
            "wav",
            patched(&patched(&wav, b"data", 4, &[0; 4]), b"RIFF", 4, &[0; 4]),
            FRAMES,
            Some("no length"),
        ),
        (
            "WAV, size too small",
            "wav",
            patched(&wav, b"data", 4, &[0, 16, 0, 0]),
            FRAMES,
            Some("only"),
        ),
        (
            "WAV, size too large",
            "wav",
            patched(&wav, b"data", 4, &[0, 0, 0, 9]),
            FRAMES,
            Some("missing"),
        ),
        (
            "WAV with tags behind",
            "wav",
            join(&[&wav, &id3v2(64), &id3v1()]),
            FRAMES,
            None,
        ),
        (
            "WAV with junk behind",
            "wav",
            join(&[&wav, &[1, 2, 3, 4, 5, 6, 7]]),
            FRAMES,
            Some("left out"),
        ),
        (
            "WAV joined",
            "wav",
            join(&[&wav, &wav, &wav]),
            3 * FRAMES,
            Some("3 recordings"),
        ),
        (
            "Ogg chained",
            "ogg",
            join(&[&ogg, &ogg]),
            2 * FRAMES,
            Some("joined"),
        ),
        (
            "AIFF, count 0",
            "aiff",
            patched(&aiff, b"COMM", 10, &[0; 4]),
            FRAMES,
            Some("only"),
        ),
        (
            "AIFF, size unknown",
            "aiff",
            patched(&aiff, b"SSND", 4, &[0xff; 4]),
            FRAMES,
            Some("no length"),
        ),
        (
            "AIFF, size 0",
            "aiff",
            patched(&aiff, b"SSND", 4, &[0; 4]),
            FRAMES,
            Some("no length"),
        ),
    ];
    let mut wrong = Vec::new();
    for (odd, extension, bytes, num_frames, note) in cases {
        let path = dir.path().join(format!("odd.{extension}"));
        fs::write(&path, bytes).unwrap();
        let (reader, samples) = match read_all(&path) {
            Ok(read) => read,
            Err(error) => {
                wrong.push(format!("{odd}: {error}"));
                continue;
            }
        };
        let (len, notes) = (samples[0].len(), reader.notes());
        let is_noted = match note {
            Some(note) => notes.iter().any(|n| n.contains(note)),
            None => notes.is_empty(),
        };
        if (num_frames > 0 && len != num_frames) || !is_noted {
            wrong.push(format!(
                "{odd}: {len} frames, {num_frames} are right; {notes:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
