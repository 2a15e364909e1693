//! Capturing in real time, as a sound card would have it.

use std::time::{Duration, Instant};

use unweave_plugin::songs::Songs;
use unweave_separation::audio::read::AudioReader;

use crate::doubles::{self, Capturing, last_songs};
use crate::session::{Session, Timeline};
use crate::signal::noise;

/// What came of it, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// Played while armed.
    pub played: u64,
    /// In the takes, each the frame that was played there.
    pub right: u64,
    /// In the takes, but others.
    pub wrong: u64,
    /// Counted as lost.
    pub lost: u64,
    /// How many takes.
    pub takes: usize,
}

/// Plays noise through the plug-in for so long, in blocks paced by the clock, and captures it.
///
/// # Panics
/// What was captured can't be read.
pub fn capture(sample_rate: u32, block_frames: usize, length: Duration) -> Captured {
    let mut session = Session::new(&doubles::entry(), Capturing::ID);
    let songs = last_songs();
    session.activate(sample_rate, block_frames);
    let period = Duration::from_secs(1) * u32::try_from(block_frames).unwrap_or(0) / sample_rate;
    let loop_frames = block_frames * 1_500;
    let mix = [noise(loop_frames, 1), noise(loop_frames, 2)];
    songs.arm(true);
    session.set_timeline(Timeline::Playing(0));
    let started = Instant::now();
    let mut num_blocks = 0;
    while period * num_blocks < length {
        let due = started + period * num_blocks;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let at = num_blocks as usize * block_frames % loop_frames;
        let block = [
            &mix[0][at..at + block_frames],
            &mix[1][at..at + block_frames],
        ];
        session.render(block, &[block_frames], &[]);
        num_blocks += 1;
    }
    session.deactivate();
    let played = u64::from(num_blocks) * block_frames as u64;
    end(&songs, &mix, played)
}

/// Ends a capture, and compares what is on disk with so many frames of this mix, which was played again and again.
///
/// # Panics
/// What was captured can't be read.
pub fn end(songs: &Songs, mix: &[Vec<f32>; 2], played: u64) -> Captured {
    songs.arm(false);
    while songs.recording().is_some() || songs.takes().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut captured = Captured {
        played,
        right: 0,
        wrong: 0,
        lost: songs.lost_frames(),
        takes: songs.takes().len(),
    };
    let mut at = 0;
    let mut block = Vec::new();
    for take in songs.takes().iter() {
        let mut reader = AudioReader::open(take.path()).expect("a take is a song");
        while reader.read(&mut block).expect("a whole one") > 0 {
            for (left, right) in block[0].iter().zip(&block[1]) {
                let is_right = [*left, *right] == [mix[0][at], mix[1][at]];
                captured.right += u64::from(is_right);
                captured.wrong += u64::from(!is_right);
                at = (at + 1) % mix[0].len();
            }
        }
    }
    captured
}
