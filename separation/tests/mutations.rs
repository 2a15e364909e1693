//! No bytes make a reader panic, hang, take all memory, or claim frames that it doesn't have without a word.
//!
//! Each kind's small files from `fuzz/seeds/song` are damaged again and again, always in the same order. To go on for
//! longer than the tests do, name the seconds, and the kind if it is to be one alone:
//!
//! ```sh
//! UNWEAVE_MUTATION_SECONDS=600 cargo test --release -p unweave-separation --test mutations -- flac
//! ```
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "helpers of tests are tests: numbers fit, and an unwrap says what failed"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use unweave_separation::audio::read::{AudioReader, ReadError};

const SECONDS: &str = "UNWEAVE_MUTATION_SECONDS";
/// Set in the process that reads, which may crash.
const READS: &str = "UNWEAVE_MUTATION_READS";

/// Damaged files per kind where no time is named.
const NUM_FILES: u64 = 400;
/// Blocks that are read of one file at most: a few bytes of a compressed format can stand for hours.
const MAX_BLOCKS: usize = 400;
/// A file that takes longer counts as hanging; a busy machine needs a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Address space that a reader may take, in KiB.
const MEMORY: &str = "3000000";

/// Numbers that come out the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// A seed with a few things done to it that transfers, disks and tools do, or an attacker would.
fn mutated(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..8 {
        dice.below(1);
    }
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..1 + dice.below(6) {
        let at = dice.below(bytes.len());
        // Headers decide most.
        let at = if dice.below(2) == 0 { at % 128 } else { at };
        let len = 1 + dice.below(64);
        let end = (at + len).min(bytes.len());
        match dice.below(9) {
            _ if at >= bytes.len() => bytes.extend(vec![0; len]),
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)],
            2 => {
                let edges = [
                    0,
                    1,
                    2,
                    0x7fff,
                    0xffff,
                    0x7fff_ffff,
                    0x8000_0000,
                    0xffff_fff0,
                    u32::MAX,
                ];
                let number = edges[dice.below(edges.len())];
                let number = if dice.below(2) == 0 {
                    number.to_le_bytes()
                } else {
                    number.to_be_bytes()
                };
                for (byte, new) in bytes[at..].iter_mut().zip(number) {
                    *byte = new;
                }
            }
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let piece = bytes[at..end].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            6 => {
                let noise: Vec<u8> = (0..len).map(|_| dice.below(256) as u8).collect();
                bytes.splice(at..at, noise);
            }
            7 => bytes[at..end].fill([0, 0xff][dice.below(2)]),
            _ => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
        }
    }
    if dice.below(4) > 0 {
        mend_ogg(&mut bytes);
    }
    bytes
}

/// Makes the checksums of Ogg pages right again, or every damage ends there.
///
/// # Source
/// RFC 3533, section 6.
fn mend_ogg(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(&num_segments) = bytes.get(at + 26) {
        let lengths = bytes.get(at + 27..at + 27 + usize::from(num_segments));
        if !bytes[at..].starts_with(b"OggS") || lengths.is_none() {
            return;
        }
        let body: usize = lengths
            .unwrap()
            .iter()
            .map(|&length| usize::from(length))
            .sum();
        let end = (at + 27 + usize::from(num_segments) + body).min(bytes.len());
        bytes[at + 22..at + 26].fill(0);
        let sum = bytes[at..end].iter().fold(0_u32, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| {
                (sum << 1) ^ ((sum >> 31) * 0x04c1_1db7)
            })
        });
        bytes[at + 22..at + 26].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
}

/// What must hold for any file.
fn read(path: &Path) -> Result<(), ReadError> {
    let mut reader = AudioReader::open(path)?;
    let num_channels = reader.facts().layout.num_channels();
    let mut block = Vec::new();
    for _ in 0..MAX_BLOCKS {
        let num_frames = reader.read(&mut block)?;
        assert!((0.0..=1.0).contains(&reader.fraction()));
        assert_eq!(block.len(), num_channels);
        assert!(block.iter().all(|channel| channel.len() == num_frames));
        assert!(block.iter().flatten().all(|sample| sample.is_finite()));
        if num_frames == 0 {
            let stated = reader.facts().num_frames;
            assert!(
                stated.is_none_or(|stated| stated == reader.position())
                    || !reader.notes().is_empty(),
                "{stated:?} frames are stated, {} are there, and nothing is said of it",
                reader.position()
            );
            break;
        }
    }
    reader.notes();
    Ok(())
}

/// The file that is being read.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Ends the process if one file takes too long.
fn watch() {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        thread::sleep(Duration::from_millis(50));
        let now = NUMBER.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            eprintln!("file {last} hangs");
            std::process::abort();
        }
    }
}

/// Reads damaged files in this process, each from a file that is still there when the process dies.
fn read_many(seeds: &[Vec<u8>], file: &Path) {
    let seconds = std::env::var(SECONDS).ok();
    let time = seconds.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let start = Instant::now();
    thread::spawn(watch);
    let mut num_read = 0;
    for number in 1.. {
        let is_over = match time {
            Some(time) => start.elapsed() > time,
            None => number > NUM_FILES,
        };
        if is_over {
            println!("{} files, {num_read} of them with audio", number - 1);
            break;
        }
        NUMBER.store(number, Ordering::Relaxed);
        fs::write(file, mutated(seeds, number)).unwrap();
        if read(file).is_ok() {
            num_read += 1;
        }
    }
    assert!(num_read > 0, "files that can't even be opened show nothing");
}

/// `test` names the caller, `seeds` its files.
fn withstands(test: &str, seeds: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/song");
    let ending = Path::new(seeds[0]).extension().unwrap();
    let read_seed = |name: &&str| fs::read(folder.join(name)).unwrap();
    let seeds: Vec<Vec<u8>> = seeds.iter().map(read_seed).collect();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("mutated-{test}"))
        .with_extension(ending);
    if std::env::var_os(READS).is_some() {
        return read_many(&seeds, &file);
    }
    // A stack that overflows or memory that is gone ends the process, not the test.
    let this = std::env::current_exe().unwrap();
    let args = [
        this.as_os_str(),
        OsStr::new(test),
        OsStr::new("--exact"),
        OsStr::new("--nocapture"),
    ];
    let mut command = if cfg!(unix) {
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")])
            .args(args);
        limited
    } else {
        let mut free = Command::new(args[0]);
        free.args(&args[1..]);
        free
    };
    // What ffmpeg makes of such files is not the question.
    let status = command
        .env(READS, "")
        .env("UNWEAVE_FFMPEG", "/nonexistent")
        .status()
        .unwrap();
    assert!(status.success(), "{status}: {} shows it", file.display());
    fs::remove_file(&file).unwrap();
}

macro_rules! kinds {
    ($($kind:ident: $seeds:expr,)*) => {$(
        #[test]
        fn $kind() {
            withstands(stringify!($kind), &$seeds);
        }
    )*};
}

kinds! {
    wav: ["s16.wav", "f32-rf64.wav", "s-adpcm.wav", "s.w64"],
    aiff: ["s.aiff"],
    au: ["s.au"],
    flac: ["s.flac"],
    mp3: ["s.mp3"],
    adts: ["s.aac"],
    ogg: ["s.ogg"],
    opus: ["s.opus"],
    matroska: ["s.webm", "s.mka"],
    mp4: ["edits.m4a", "s-alac.m4a"],
    caf: ["s.caf"],
}
