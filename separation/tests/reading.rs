//! Songs in every format that is read: same length, same start, and nothing lost without a word.
//!
//! Compressed files are made with `ffmpeg`, which the tests need to be installed.
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
use unweave_separation::audio::read::{AudioReader, ReadError, SampleKind};
use whole::read_all;

const RATE: u32 = 44_100;
/// Neither a multiple of an MP3 frame (1152) nor of an AAC frame (1024).
const FRAMES: usize = 50_001;
const CLICK_AT: usize = 20_011;

/// 16-bit noise with a click: a raised cosine, 1 ms long, loud and smooth enough that its peak stands
/// where it is after any lossy codec.
fn click_samples() -> Vec<i16> {
    let mut state = 1_u32;
    let mut samples: Vec<i16> = (0..FRAMES * 2)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i16::try_from((state >> 16) % 200).unwrap() - 100
        })
        .collect();
    for distance in -20_i32..=20 {
        let shape = 0.5 + 0.5 * (f64::from(distance) * std::f64::consts::PI / 20.0).cos();
        let at = CLICK_AT.checked_add_signed(distance as isize).unwrap() * 2;
        samples[at..at + 2].fill((shape * 30_000.0) as i16);
    }
    samples
}

fn click_wav(dir: &Path) -> PathBuf {
    let path = dir.join("click.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for sample in click_samples() {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    path
}

fn convert(dir: &Path, name: &str, args: &[&str]) -> PathBuf {
    let (from, to) = (click_wav(dir), dir.join(name));
    if from != to {
        let mut all = vec!["-i", from.to_str().unwrap()];
        all.extend(args);
        all.push(to.to_str().unwrap());
        ffmpeg(&all);
    }
    to
}

fn argmax(samples: &[f32]) -> usize {
    let max = samples
        .iter()
        .fold(0_f32, |max, sample| max.max(sample.abs()));
    samples
        .iter()
        .position(|sample| sample.abs() == max)
        .unwrap()
}

#[test]
fn lossless_formats_give_the_very_samples_of_the_source() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 8] = [
        ("click.wav", &[]),
        ("a.flac", &["-c:a", "flac"]),
        ("a.aiff", &[]),
        ("alac.m4a", &["-c:a", "alac"]),
        ("flac.ogg", &["-c:a", "flac"]),
        ("a24.wav", &["-c:a", "pcm_s24le"]),
        ("rf64.wav", &["-rf64", "always"]),
        ("a.w64", &[]),
    ];
    let expected = click_samples();
    for (name, args) in cases {
        let path = convert(dir.path(), name, args);
        if name == "a.w64" {
            // ffmpeg counts the padding to 8 bytes as audio: put the size right, at the place where it
            // stands behind a header of 40 bytes, a format chunk of 40 and the GUID of the data chunk.
            let mut bytes = fs::read(&path).unwrap();
            bytes[96..104].copy_from_slice(&(24 + FRAMES as u64 * 4).to_le_bytes());
            fs::write(&path, bytes).unwrap();
        }
        let (reader, samples) = read_all(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(reader.notes(), [""; 0], "{name}");
        assert_eq!(reader.facts().sample_rate, RATE, "{name}");
        assert_eq!(reader.facts().num_frames, Some(FRAMES as u64), "{name}");
        assert_eq!(samples[0].len(), FRAMES, "{name}");
        for (frame, expected) in expected.chunks(2).enumerate() {
            for (channel, &expected) in expected.iter().enumerate() {
                assert_eq!(
                    samples[channel][frame] * 32_768.0,
                    f32::from(expected),
                    "{name}"
                );
            }
        }
    }
}

/// The delay of MP3 and AAC encoders, 1105 and 1024 frames or more, would move the click.
#[test]
fn a_click_stays_where_it_is_in_every_lossy_format() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 6] = [
        ("cbr.mp3", &["-c:a", "libmp3lame", "-b:a", "320k"]),
        ("vbr.mp3", &["-c:a", "libmp3lame", "-q:a", "2"]),
        ("movie-scale-1000.m4a", &["-c:a", "aac", "-b:a", "256k"]),
        (
            "movie-scale-44100.m4a",
            &["-c:a", "aac", "-b:a", "256k", "-movie_timescale", "44100"],
        ),
        ("a.ogg", &["-c:a", "libvorbis", "-q:a", "8"]),
        (
            "mono.mp3",
            &["-c:a", "libmp3lame", "-b:a", "192k", "-ac", "1"],
        ),
    ];
    for (name, args) in cases {
        let path = convert(dir.path(), name, args);
        let (reader, samples) = read_all(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(reader.facts().kind, SampleKind::Lossy, "{name}");
        assert_eq!(reader.notes(), [""; 0], "{name}");
        assert_eq!(samples[0].len(), FRAMES, "{name}");
        assert_eq!(argmax(&samples[0]), CLICK_AT, "{name}");
    }
}

fn mp4_box(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, body].concat()
}

/// iTunes writes no edit list but this comment: 2112 frames before, the length after.
#[test]
fn itunsmpb_wins_over_the_edit_list() {
    let dir = tempfile::tempdir().unwrap();
    let comment = " 00000000 00000840 00000000 000000000000BABE 00000000 00000000";
    let path = convert(dir.path(), "smpb.m4a", &["-c:a", "aac"]);
    // ffmpeg can't write the comment where iTunes puts it: a `udta` box is appended to `moov`.
    let mut bytes = fs::read(&path).unwrap();
    let moov = bytes.windows(4).position(|w| w == b"moov").unwrap() - 4;
    let moov_size = u32::from_be_bytes(bytes[moov..moov + 4].try_into().unwrap());
    assert_eq!(
        moov + moov_size as usize,
        bytes.len(),
        "moov is the last box"
    );
    let item = [
        mp4_box(b"mean", b"\0\0\0\0com.apple.iTunes"),
        mp4_box(b"name", b"\0\0\0\0iTunSMPB"),
        mp4_box(
            b"data",
            &[&[0, 0, 0, 1, 0, 0, 0, 0], comment.as_bytes()].concat(),
        ),
    ]
    .concat();
    let ilst = mp4_box(b"ilst", &mp4_box(b"----", &item));
    let udta = mp4_box(b"udta", &mp4_box(b"meta", &[vec![0; 4], ilst].concat()));
    // ffmpeg's own `udta` is renamed, so that there is only one.
    if let Some(at) = bytes.windows(4).position(|w| w == b"udta") {
        bytes[at..at + 4].copy_from_slice(b"free");
    }
    let size = moov_size + u32::try_from(udta.len()).unwrap();
    bytes[moov..moov + 4].copy_from_slice(&size.to_be_bytes());
    bytes.extend(udta);
    fs::write(&path, bytes).unwrap();

    let (_, samples) = read_all(&path).unwrap();
    assert_eq!(samples[0].len(), 0xbabe);
    // The edit list says 1024; the comment says 2112.
    assert_eq!(argmax(&samples[0]), CLICK_AT + 1024 - 2112);
}

#[test]
fn a_compressed_file_that_does_not_say_its_start_gets_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    for (name, args) in [
        ("no-tag.mp3", vec!["-c:a", "libmp3lame", "-write_xing", "0"]),
        ("raw.aac", vec!["-c:a", "aac"]),
    ] {
        let path = convert(dir.path(), name, &args);
        let (reader, samples) = read_all(&path).unwrap();
        assert!(
            samples[0].len() > FRAMES,
            "{name}: padding stays, music isn't cut"
        );
        assert!(
            reader.notes()[0].contains("start"),
            "{name}: {:?}",
            reader.notes()
        );
    }
}

#[test]
fn a_cut_off_file_gives_what_it_has_and_says_that_it_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("click.wav", &[]),
        ("cut.flac", &[]),
        ("cut.mp3", &["-b:a", "192k"]),
        // Pages of Ogg last for seconds, and only whole ones are read.
        ("cut.ogg", &["-af", "aloop=20:50001", "-c:a", "libvorbis"]),
        ("cut.opus", &["-af", "aloop=20:50001", "-c:a", "libopus"]),
        ("cut.aiff", &[]),
        ("cut.au", &[]),
        ("cut.mkv", &["-af", "aloop=20:50001", "-c:a", "libvorbis"]),
        ("cut.m4a", &["-c:a", "aac", "-movflags", "+faststart"]),
    ];
    for (name, args) in cases {
        let path = convert(dir.path(), name, args);
        let bytes = fs::read(&path).unwrap();
        let whole = read_all(&path).unwrap().1[0].clone();
        for keep in [bytes.len() * 6 / 10, bytes.len() - bytes.len() / 20] {
            fs::write(&path, &bytes[..keep]).unwrap();
            let (reader, samples) = read_all(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
            let notes = reader.notes();
            assert!(
                notes.iter().any(|note| note.contains("cut off")),
                "{name}: {notes:?}"
            );
            let (len, share) = (samples[0].len(), keep * whole.len() / bytes.len());
            // Packets of Ogg come in pages, of which the last one is lost.
            assert!(
                len < whole.len() && len > share * 3 / 4,
                "{name}: {len} of {}",
                whole.len()
            );
            // The last packets of lossy codecs lean on what isn't there any more.
            // Whoever decodes it: ffmpeg rounds otherwise.
            let mut pairs = samples[0][..len / 2].iter().zip(&whole);
            assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-4), "{name}");
        }
    }
}

#[test]
fn a_flipped_bit_in_a_flac_is_noticed_wherever_it_is_and_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = convert(dir.path(), "hit.flac", &[]);
    let bytes = fs::read(&path).unwrap();
    let whole = read_all(&path).unwrap().1[0].clone();
    // ffmpeg pads the metadata to 8 KiB: the audio begins after that.
    for at in (10_000..bytes.len()).step_by(bytes.len() / 23) {
        let mut hit = bytes.clone();
        hit[at] ^= 0x10;
        fs::write(&path, hit).unwrap();
        let (reader, samples) = read_all(&path).unwrap();
        let notes = reader.notes();
        assert!(!notes.is_empty(), "byte {at}");
        let same = samples[0]
            .iter()
            .zip(&whole)
            .filter(|(a, b)| a == b)
            .count();
        // One packet of 4608 frames is lost, or two where the hit is between them.
        assert!(
            same + 2 * 4_608 >= samples[0].len(),
            "byte {at}: {same}, {notes:?}"
        );
        assert!(
            samples[0].len() + 2 * 4_608 >= whole.len(),
            "byte {at}: {notes:?}"
        );
    }
}

#[test]
fn a_damaged_mp3_frame_becomes_silence_and_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = convert(dir.path(), "hit.mp3", &["-b:a", "320k"]);
    let mut bytes = fs::read(&path).unwrap();
    // Some frames in, the side information of one frame, after its header, is overwritten.
    let at = (bytes.len() / 5..)
        .find(|&at| bytes[at] == 0xff && bytes[at + 1] == 0xfb)
        .unwrap();
    bytes[at + 4..at + 36].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let (reader, samples) = read_all(&path).unwrap();
    assert_eq!(samples[0].len(), FRAMES);
    assert_eq!(argmax(&samples[0]), CLICK_AT);
    assert!(
        reader.notes()[0].contains("damaged packets"),
        "{:?}",
        reader.notes()
    );
}

/// Found by fuzzing: a packet that can't be decoded and claims to last for ten hours was replaced by
/// ten hours of silence, in memory.
#[test]
fn a_damaged_packet_of_absurd_length_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = convert(dir.path(), "absurd.m4a", &["-c:a", "aac"]);
    let mut bytes = fs::read(&path).unwrap();
    let at = |name: &[u8; 4], bytes: &[u8]| bytes.windows(4).position(|w| w == name).unwrap();
    // The first entry of the time table: so many packets, of so many frames each.
    let table = at(b"stts", &bytes) + 12;
    bytes[table + 4..table + 8].copy_from_slice(&1_600_000_000_u32.to_be_bytes());
    let audio = at(b"mdat", &bytes) + 4;
    bytes[audio + 2_000..audio + 6_000].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let (reader, samples) = read_all(&path).unwrap();
    assert!(samples[0].len() <= FRAMES, "no frames that aren't there");
    let notes = reader.notes();
    assert!(
        notes.iter().any(|note| note.contains("left out")),
        "{notes:?}"
    );
}

/// A RIFF file from its parts, so that odd ones can be made.
fn riff(fmt: &[u8], chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    let mut chunk = |id: &[u8; 4], data: &[u8]| {
        body.extend(id);
        body.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        body.extend(data);
        body.resize(body.len().next_multiple_of(2), 0);
    };
    chunk(b"fmt ", fmt);
    for (id, data) in chunks {
        chunk(id, data);
    }
    let size = u32::try_from(body.len()).unwrap();
    [b"RIFF", &size.to_le_bytes()[..], &body].concat()
}

fn fmt(tag: u16, channels: u16, rate: u32, sample_bytes: u16, bits: u16) -> Vec<u8> {
    let mut fmt = tag.to_le_bytes().to_vec();
    fmt.extend(channels.to_le_bytes());
    fmt.extend(rate.to_le_bytes());
    fmt.extend((rate * u32::from(channels * sample_bytes)).to_le_bytes());
    fmt.extend((channels * sample_bytes).to_le_bytes());
    fmt.extend(bits.to_le_bytes());
    fmt
}

fn extensible(channels: u16, sample_bytes: u16, valid_bits: u16, mask: u32) -> Vec<u8> {
    let mut fmt = fmt(0xfffe, channels, 48_000, sample_bytes, sample_bytes * 8);
    fmt.extend(22_u16.to_le_bytes());
    fmt.extend(valid_bits.to_le_bytes());
    fmt.extend(mask.to_le_bytes());
    fmt.extend([
        1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    fmt
}

#[test]
fn odd_but_valid_wav_files_are_read_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("odd.wav");
    let le = |samples: &[i32], bytes: usize| -> Vec<u8> {
        samples
            .iter()
            .flat_map(|s| s.to_le_bytes()[..bytes].to_vec())
            .collect()
    };
    let s24 = [0x7f_ffff, -0x80_0000, 1, -1];
    let in_24 = le(&s24, 3);
    let in_32 = le(&s24.map(|s| s << 8), 4);
    let as_f32 = s24.map(|s| s as f32 / 8_388_608.0);
    let half = [0.5_f64, -0.5, 1.0, -1.0];
    let cases: [(&str, Vec<u8>, [f32; 4], SampleKind); 6] = [
        (
            "24 bits in 32, extensible",
            riff(&extensible(1, 4, 24, 4), &[(b"data", in_32.clone())]),
            as_f32,
            SampleKind::Integer(24),
        ),
        (
            "24 bits in 32, plain",
            riff(&fmt(1, 1, 48_000, 4, 24), &[(b"data", in_32)]),
            as_f32,
            SampleKind::Integer(24),
        ),
        (
            "chunks of odd size before and after",
            riff(
                &extensible(1, 3, 24, 4),
                &[
                    (b"junk", vec![1, 2, 3]),
                    (b"data", in_24.clone()),
                    (b"end ", vec![9]),
                ],
            ),
            as_f32,
            SampleKind::Integer(24),
        ),
        (
            "24 bits, an incomplete last frame",
            riff(
                &fmt(1, 1, 48_000, 3, 24),
                &[(b"data", [in_24, vec![7, 7]].concat())],
            ),
            as_f32,
            SampleKind::Integer(24),
        ),
        (
            "8 bits",
            riff(
                &fmt(1, 1, 48_000, 1, 8),
                &[(b"data", vec![192, 64, 255, 0])],
            ),
            [0.5, -0.5, 127.0 / 128.0, -1.0],
            SampleKind::Integer(8),
        ),
        (
            "64-bit float",
            riff(
                &fmt(3, 1, 48_000, 8, 64),
                &[(b"data", half.iter().flat_map(|s| s.to_le_bytes()).collect())],
            ),
            half.map(|s| s as f32),
            SampleKind::Float(64),
        ),
    ];
    for (name, bytes, expected, kind) in cases {
        fs::write(&path, bytes).unwrap();
        let (reader, samples) = read_all(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(samples, [expected.to_vec()], "{name}");
        assert_eq!(reader.facts().kind, kind, "{name}");
        assert_eq!(
            reader.notes().len(),
            usize::from(name.contains("incomplete")),
            "{name}"
        );
    }
}

#[test]
fn a_wav_from_a_pipe_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = click_wav(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..8].fill(0xff);
    bytes[40..44].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert_eq!(read_all(&path).unwrap().1[0].len(), FRAMES);
}

#[test]
fn nan_and_infinity_become_silence_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nan.wav");
    let samples = [0.25, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.25_f32];
    let data = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    fs::write(&path, riff(&fmt(3, 1, 44_100, 4, 32), &[(b"data", data)])).unwrap();
    let (reader, samples) = read_all(&path).unwrap();
    assert_eq!(samples, [vec![0.25, 0.0, 0.0, 0.0, -0.25]]);
    assert!(
        reader.notes()[0].starts_with("3 samples"),
        "{:?}",
        reader.notes()
    );
}

#[test]
fn what_can_not_be_read_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.wav");
    let open = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read_all(&path)
            .err()
            .unwrap_or_else(|| panic!("{bytes:?} was read"))
    };
    assert!(matches!(open(b""), ReadError::Empty));
    assert!(matches!(open(&[0x5a; 5_000]), ReadError::NotAudio));
    assert!(matches!(
        open(b"Dear diary, today I wrote no music at all.\n"),
        ReadError::NotAudio
    ));
    let no_frames = riff(&fmt(1, 2, 44_100, 2, 16), &[(b"data", vec![])]);
    assert!(matches!(open(&no_frames), ReadError::Empty));
    let slow = riff(&fmt(1, 1, 4_000, 2, 16), &[(b"data", vec![0; 8])]);
    assert!(matches!(open(&slow), ReadError::Unsupported(_)));
    let wide = riff(&fmt(1, 17, 44_100, 2, 16), &[(b"data", vec![0; 34])]);
    assert!(matches!(open(&wide), ReadError::Unsupported(_)));
    assert!(matches!(
        AudioReader::open(dir.path()).err(),
        Some(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::IsADirectory
    ));
}

#[test]
fn title_and_artist_come_from_the_tags_of_every_format() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["t.mp3", "t.flac", "t.m4a", "t.ogg", "t.wav"] {
        let args = [
            "-metadata",
            "title=Blåbär 🎵",
            "-metadata",
            "artist=Ana & the Trees",
        ];
        let path = convert(dir.path(), name, &args);
        let reader = AudioReader::open(&path).unwrap();
        assert_eq!(reader.facts().title.as_deref(), Some("Blåbär 🎵"), "{name}");
        assert_eq!(
            reader.facts().artist.as_deref(),
            Some("Ana & the Trees"),
            "{name}"
        );
    }
}

#[test]
fn six_channels_keep_their_places() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["six.wav", "six.flac"] {
        let to = dir.path().join(name);
        let source = "sine=frequency=100:duration=0.1,aformat=channel_layouts=5.1";
        ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            source,
            "-ac",
            "6",
            to.to_str().unwrap(),
        ]);
        let reader = AudioReader::open(&to).unwrap();
        let names: Vec<String> = reader
            .facts()
            .layout
            .groups()
            .into_iter()
            .map(|group| group.name)
            .collect();
        assert_eq!(
            names[..3],
            ["front pair", "front centre", "low frequency"],
            "{name}"
        );
        assert!(
            names[3] == "rear pair" || names[3] == "side pair",
            "{name}: {names:?}"
        );
    }
}
