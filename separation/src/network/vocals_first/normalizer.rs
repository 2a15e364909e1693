//! Loudness normalization: networks that were trained at one level hear every mix at it.
//!
//! On files the level is that of the window, live that of the last seconds. The shares that follow are of the
//! mix as it is, since the gain divides out of them: it decides only at what level the networks listen.

use std::collections::VecDeque;

use realfft::num_complex::Complex;

/// Root mean square of what the networks hear: that of the loudest of finished songs. What is softer loses more of its
/// voices, a quarter of them at a twentieth of this and nearly all at a two-hundredth.
const TARGET: f64 = 0.3;

/// Frames that are so much quieter than the loudest, as power, don't count: a song that begins after silence would
/// be taken for a soft one.
const GATE: f64 = 1e-3;

/// Below this root mean square nothing is made louder any more: 16-bit silence with dither.
const FLOOR: f64 = 1e-5;

/// The gain that the newest frames need, from their powers.
///
/// The gain is `TARGET / max(rms, FLOOR)`, the rms over the frames that count; before the first frame it is
/// that of silence.
#[derive(Debug, Clone)]
pub(super) struct Normalizer {
    /// Of the newest frames, the oldest first: mean square of both channels, full scale being 1.
    powers: VecDeque<f64>,
    /// How many frames are kept at most.
    num_frames: usize,
    /// Σ|X|² of a frame of noise of mean square one.
    unit: f64,
}

impl Normalizer {
    /// Over this many frames, with a periodic Hann window of N samples.
    pub(super) fn new(num_frames: usize, n_fft: usize) -> Self {
        // The window's mean square is 3/8; half of the bins are kept.
        let n = n_fft as f64;
        Self {
            powers: VecDeque::with_capacity(num_frames + 1),
            num_frames,
            unit: 0.375 * n * n / 2.0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.powers.clear();
    }

    /// Adds one more frame of both channels.
    ///
    /// # Shape
    /// `[channel][bin]`, all bins of the transform, unnormalised.
    pub(super) fn push(&mut self, frame: [&[Complex<f32>]; 2]) {
        let bins = frame.iter().flat_map(|channel| channel.iter());
        let energy: f64 = bins.map(|x| f64::from(x.norm_sqr())).sum();
        self.push_power(energy / 2.0 / self.unit);
    }

    /// Adds one more frame of silence.
    pub(super) fn push_silence(&mut self) {
        self.push_power(0.0);
    }

    /// Adds one frame, and drops the oldest if there are enough.
    fn push_power(&mut self, power: f64) {
        if self.powers.len() == self.num_frames {
            self.powers.pop_front();
        }
        self.powers.push_back(power);
    }

    /// What to multiply the mix by.
    ///
    /// Between 0 and `TARGET / FLOOR`.
    #[expect(clippy::cast_possible_truncation, reason = "a gain is an f32")]
    pub(super) fn gain(&self) -> f32 {
        let loudest = self.powers.iter().copied().fold(0.0, f64::max);
        let counted = self.powers.iter().filter(|power| **power >= GATE * loudest);
        let (sum, count) =
            counted.fold((0.0, 0u32), |(sum, count), power| (sum + power, count + 1));
        let rms = (sum / f64::from(count.max(1))).sqrt();
        (TARGET / rms.max(FLOOR)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::stft::Stft;

    /// The gain after noise of this amplitude that follows silence.
    fn gain(amplitude: f32, silent_frames: usize) -> f32 {
        let (n_fft, hop) = (512, 128);
        let mut stft = Stft::hann(n_fft, hop);
        let mut normalizer = Normalizer::new(100, n_fft);
        let mut history = vec![0.0; n_fft];
        let mut noise = vec![0.0; silent_frames * hop];
        noise.extend(
            crate::audio::noise::noise(60 * hop)
                .iter()
                .map(|x| x * amplitude),
        );
        for samples in noise.chunks_exact(hop) {
            let frame = stft.forward(&mut history, samples);
            normalizer.push([frame, frame]);
        }
        normalizer.gain()
    }

    #[test]
    fn every_mix_comes_to_the_same_level_whatever_came_before() {
        // Uniform noise between −0.1 and 0.1 has the root mean square 0.1 / √3.
        let expected = 0.3 / (0.1 / 3f32.sqrt());
        for (amplitude, silent_frames) in [(1.0, 0), (0.01, 0), (2.0, 0), (1.0, 80)] {
            let actual = gain(amplitude, silent_frames) * amplitude;
            assert!(
                (actual / expected - 1.0).abs() < 0.03,
                "{amplitude}, {silent_frames}: {actual}"
            );
        }
    }

    #[test]
    fn silence_is_not_made_louder_without_end() {
        assert_eq!(f64::from(gain(0.0, 0)), (TARGET / FLOOR).round());
    }
}
