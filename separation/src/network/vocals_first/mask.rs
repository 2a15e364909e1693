//! Masks that follow from the spectra around a frame, and a stage that applies them to a signal without an end.
//!
//! A mask is a gain between 0 and 1 per frame and bin, the same for both channels, so that it moves nothing
//! from one side to the other. [`drums`](super::drums) and [`bass`](super::bass) make them. Live their spectra
//! are those of a window; on files a [`Stage`] has a transform of its own.

use std::ops::Range;

use realfft::num_complex::Complex;

use crate::transform::stft::Stft;

/// What is added to a divisor, so that silence divides by something; far below any audio.
pub(super) const TINY: f32 = 1e-24;

/// How many frames before and after a frame are looked at.
///
/// # Units
/// Frames of the transform.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// How many earlier ones.
    pub(super) past: usize,
    /// How many later ones.
    pub(super) future: usize,
}

impl Span {
    /// The frames around `frame` that there are, itself in any case.
    ///
    /// At the beginning and at the end of what there is, the span is cut off, not mirrored or filled up.
    pub(super) fn around(self, frame: usize, there: &Range<usize>) -> Range<usize> {
        let start = frame.saturating_sub(self.past).max(there.start);
        start.min(frame)..(frame + self.future + 1).min(there.end)
    }
}

/// Makes masks, the same for both channels.
pub(super) trait Mask: Send {
    /// Frames before a frame that its mask takes into account.
    fn past(&self) -> usize;

    /// Frames after a frame that its mask takes into account.
    fn future(&self) -> usize;

    /// The masks of the frames in `wanted`. Only frames that are `there` are looked at: a signal may have begun
    /// late, and the future be unknown.
    ///
    /// `there` and `wanted` count frames of `spectra`. Values are between 0 and 1.
    ///
    /// # Shape
    /// `spectra` is `[channel][frame · bin]` and `masks` `[wanted frame · bin]`, both of `num_bins` bins.
    fn masks(
        &mut self,
        spectra: [&[Complex<f32>]; 2],
        num_bins: usize,
        there: &Range<usize>,
        wanted: Range<usize>,
        masks: &mut [f32],
    );
}

/// A mask at work: a stereo signal in, what the mask lets through out.
///
/// Hann windows, forward then backward the identity where the mask is 1 ([`crate::transform::stft`]).
pub(super) struct Stage<M> {
    mask: M,
    /// The transform, shared by both channels.
    stft: Stft,
    /// The last N samples, `[channel][sample]`.
    history: [Vec<f32>; 2],
    /// Spectra from the first on that masks still need, `[channel][frame · bin]`.
    spectra: [Vec<Complex<f32>>; 2],
    /// Frames at the beginning of `spectra` that precede the signal. Masks don't look at them, or silence
    /// before a song would count in its medians.
    num_before: usize,
    /// The signal under way, `[channel][sample]`, N samples.
    overlap: [Vec<f32>; 2],
    /// Of the newest frames that have one, `[frame · bin]`.
    masks: Vec<f32>,
    masked: Vec<Complex<f32>>,
}

impl<M: Mask> Stage<M> {
    /// Ready for the first sample.
    ///
    /// # Units
    /// Samples.
    pub(super) fn new(n_fft: usize, hop: usize, mask: M) -> Self {
        let samples = || [vec![0.0; n_fft], vec![0.0; n_fft]];
        let mut new = Self {
            stft: Stft::hann(n_fft, hop),
            history: samples(),
            spectra: Default::default(),
            num_before: 0,
            overlap: samples(),
            masks: Vec::new(),
            masked: Vec::new(),
            mask,
        };
        new.reset();
        new
    }

    /// Samples by which what comes out lags what goes in.
    ///
    /// The transform's `N − h`, and a hop for each frame of the future that the mask looks at.
    pub(super) fn lag(&self) -> usize {
        self.stft.n_fft() - self.stft.hop() + self.mask.future() * self.stft.hop()
    }

    /// The next sample is the first of another signal.
    pub(super) fn reset(&mut self) {
        for samples in self.history.iter_mut().chain(&mut self.overlap) {
            samples.fill(0.0);
        }
        self.num_before = self.mask.past() + self.mask.future();
        for spectra in &mut self.spectra {
            spectra.clear();
            spectra.resize(self.num_before * self.stft.num_bins(), Complex::default());
        }
    }

    /// Appends to `out` as many samples as there are in `samples`, a multiple of the hop.
    ///
    /// # Shape
    /// Both are `[channel][sample]`. What comes out is late by [`Stage::lag`], silence before the first sample.
    pub(super) fn push(&mut self, samples: [&[f32]; 2], out: &mut [Vec<f32>; 2]) {
        let (num_bins, hop) = (self.stft.num_bins(), self.stft.hop());
        let num_new = samples[0].len() / hop;
        for ((samples, history), spectra) in
            samples.iter().zip(&mut self.history).zip(&mut self.spectra)
        {
            for samples in samples.chunks_exact(hop) {
                spectra.extend_from_slice(self.stft.forward(history, samples));
            }
        }
        let (past, num_frames) = (self.mask.past(), self.spectra[0].len() / num_bins);
        let wanted = past..past + num_new;
        self.masks.resize(num_new * num_bins, 0.0);
        self.mask.masks(
            [&self.spectra[0], &self.spectra[1]],
            num_bins,
            &(self.num_before..num_frames),
            wanted.clone(),
            &mut self.masks,
        );
        for ((spectra, overlap), out) in self.spectra.iter_mut().zip(&mut self.overlap).zip(out) {
            for (frame, mask) in wanted.clone().zip(self.masks.chunks_exact(num_bins)) {
                let spectrum = &spectra[frame * num_bins..][..num_bins];
                self.masked.clear();
                self.masked
                    .extend(spectrum.iter().zip(mask).map(|(x, mask)| x * mask));
                let start = out.len();
                out.resize(start + hop, 0.0);
                self.stft
                    .synthesise_complex(&self.masked, overlap, &mut out[start..]);
            }
            spectra.drain(..num_new * num_bins);
        }
        self.num_before = self.num_before.saturating_sub(num_new);
    }
}
