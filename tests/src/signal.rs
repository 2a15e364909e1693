//! Test signals and what is asked of outputs.

use std::path::Path;

use unweave_separation::audio::channels::Layout;
use unweave_separation::audio::tags::Tags;
use unweave_separation::audio::write::{AudioSpec, AudioWriter, BitDepth, FileFormat, Samples};

/// White noise in ±0.5, the same for the same seed.
///
/// # Source
/// D. E. Knuth, "The Art of Computer Programming" vol. 2, 3.3.4: line 26 of the table of multipliers.
pub fn noise(num_frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..num_frames)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let [high, low, ..] = state.to_be_bytes();
            f32::from(i16::from_be_bytes([high, low])) / 65_536.0
        })
        .collect()
}

/// The signal `num_frames` later, with silence before and the same length.
pub fn delayed(signal: &[f32], num_frames: usize) -> Vec<f32> {
    let kept = signal.len().saturating_sub(num_frames);
    let mut out = vec![0.0; signal.len() - kept];
    out.extend_from_slice(&signal[..kept]);
    out
}

/// Where the largest absolute value is.
pub fn peak_idx(signal: &[f32]) -> usize {
    let mut peak = 0;
    for (idx, sample) in signal.iter().enumerate() {
        if sample.abs() > signal[peak].abs() {
            peak = idx;
        }
    }
    peak
}

/// Largest absolute value.
pub fn peak(signal: &[f32]) -> f32 {
    signal
        .iter()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Largest absolute difference of two signals of the same length.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// Largest step from one frame to the next.
pub fn steepest(signal: &[f32]) -> f32 {
    signal
        .windows(2)
        .fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

/// A WAV file of these samples as they are, `[channel][frame]`.
///
/// # Panics
/// It can't be written.
pub fn write_song(path: &Path, sample_rate: u32, channels: &[Vec<f32>; 2]) {
    let spec = AudioSpec {
        format: FileFormat::Wav,
        depth: BitDepth::Float32,
        sample_rate,
        layout: Layout::from_count(2),
        num_frames: channels[0].len() as u64,
        tags: Tags::default(),
        time_stamp: None,
    };
    let mut wav = AudioWriter::create(path, &spec).expect("a file can be made");
    wav.write(Samples::Float(channels))
        .expect("it can be written");
    wav.finish().expect("it can be finished");
}
