//! Many short songs, one after the other: memory stays what it was, alone in its process so that it can be measured.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: an unwrap says what failed"
)]

#[path = "fixtures/double.rs"]
mod double;

use std::fs;

use unweave_separation::Terminator;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::offline::{Job, separate_file};

const NUM_SONGS: usize = 1_000;
/// After which everything that is kept for good is there.
const SETTLED: usize = 200;
/// What the other 800 may add: a leak of one block per song would add 100 MB.
const MAX_GROWTH: u64 = 8 << 20;

/// Memory that is in use, in bytes.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[test]
fn a_thousand_songs_take_no_more_memory_than_two_hundred() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("Song.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&source, spec).unwrap();
    for sample in 0..20_000_i32 {
        writer.write_sample(sample % 2_000 - 1_000).unwrap();
    }
    writer.finalize().unwrap();
    let model = double::model_report();
    let formats = [
        FileFormat::Wav,
        FileFormat::Flac,
        FileFormat::MP3,
        FileFormat::Stem,
    ];
    let mut settled = 0;
    for song_idx in 0..NUM_SONGS {
        let out = temp.path().join("out");
        let job = Job {
            source: &source,
            range: None,
            name: None,
            output_dir: &out,
            template: None,
            is_flat: song_idx % 2 == 0,
            has_report: true,
            selection: &Selection::default(),
            format: formats[song_idx / 2 % formats.len()],
            depth: BitDepth::Int24,
            existing: Existing::Number,
            skip_existing: false,
            model: &model,
            runtime: "none".into(),
            threads: 2,
        };
        let mut open = |rate| double::stream(rate, &[0.5, -0.25, 0.125, 0.0]);
        separate_file(&job, &mut open, &mut |_| {}, &Terminator::new()).unwrap();
        if song_idx == SETTLED {
            settled = resident();
        }
        if song_idx % 50 == 49 {
            fs::remove_dir_all(out).unwrap();
        }
    }
    let growth = resident().saturating_sub(settled);
    eprintln!("{settled} bytes after {SETTLED} songs, {growth} more after {NUM_SONGS}");
    assert!(growth < MAX_GROWTH, "{growth} bytes");
}
