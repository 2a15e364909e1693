//! A piece of a block on its way from the lanes to the outputs.
//!
//! All that happens to a chunk happens in this order: the delayed mix is read, stems are fetched or silent,
//! weights say how much of them is heard, sensitivity reshapes them ([`super::bleed`]), weights are applied,
//! outputs are filled ([`super::mixer`]).

use std::ops::Range;

/// Most frames that are mixed at once: eight stems then fit into the first-level cache.
pub(super) const MAX_FRAMES: usize = 64;

/// Samples of one channel.
pub(super) type Samples = [f32; MAX_FRAMES];

/// The delayed mix, its stems, and where they are heard.
pub(super) struct Chunk {
    /// At most [`MAX_FRAMES`].
    pub(super) num_frames: usize,
    /// The position of its first frame in the mix; negative before the mix began.
    pub(super) frame: i64,
    /// The delayed mix, `[channel][frame]`.
    pub(super) mix: [Samples; 2],
    /// `[stem][channel][frame]`, silent where there are none.
    pub(super) stems: Vec<[Samples; 2]>,
    /// What is left out of all outputs, `[channel][frame]`.
    pub(super) lost: [Samples; 2],
    /// What the weights come to.
    pub(super) cover: Cover,
    /// How much of the stems is heard, in `0.0 ..= 1.0`.
    pub(super) weights: Samples,
}

/// Where in a chunk stems are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// All weights are 0: nothing of the stems is looked at.
    Nowhere,
    /// In a fade.
    AsWeighted,
    /// All weights are 1: the stems are heard as they are.
    Everywhere,
}

impl Chunk {
    /// Of a model with so many stems; silent.
    pub(super) fn new(num_stems: usize) -> Self {
        let silence = [[0.0; MAX_FRAMES]; 2];
        Self {
            num_frames: 0,
            frame: 0,
            mix: silence,
            stems: vec![silence; num_stems],
            lost: silence,
            cover: Cover::Nowhere,
            weights: [0.0; MAX_FRAMES],
        }
    }

    /// Frames that lie before the first of the mix.
    pub(super) fn num_frames_before_the_mix(&self) -> usize {
        usize::try_from(-self.frame)
            .unwrap_or(0)
            .min(self.num_frames)
    }

    /// Position in the mix of frame `frame_idx`, which is not before its first.
    pub(super) fn position(&self, frame_idx: usize) -> u64 {
        u64::try_from(self.frame + frame_idx as i64).unwrap_or(0)
    }

    /// The frames of the mix or a stem of this chunk.
    pub(super) fn frames<'a>(&self, channels: &'a [Samples; 2]) -> [&'a [f32]; 2] {
        channels
            .each_ref()
            .map(|samples| &samples[..self.num_frames])
    }

    /// One slice per channel of the stem lane.
    pub(super) fn stems_mut(&mut self, range: Range<usize>) -> impl Iterator<Item = &mut [f32]> {
        self.stems
            .iter_mut()
            .flatten()
            .map(move |samples| &mut samples[range.clone()])
    }

    /// There are no stems.
    pub(super) fn clear(&mut self, range: Range<usize>) {
        for samples in self.stems_mut(range.clone()) {
            samples.fill(0.0);
        }
        self.weights[range].fill(0.0);
    }

    /// What the residual stem must be for the stems to sum to the mix, added up in f32 in their order.
    ///
    /// This is the arithmetic of [`unweave_separation::Stream`], so stems that nobody has changed give
    /// the residual that is there already, and samples that are not finite count as 0.
    pub(super) fn rest(&self, residual_idx: usize, channel_idx: usize, frame_idx: usize) -> f32 {
        let sample = self.mix[channel_idx][frame_idx];
        let mix = if sample.is_finite() { sample } else { 0.0 };
        // What is added after the residual rounds again: find it, then take that back, twice.
        let is_last = residual_idx + 1 == self.stems.len();
        let mut residual = 0.0;
        for _ in 0..if is_last { 1 } else { 3 } {
            let mut sum = 0.0;
            for (stem_idx, stem) in self.stems.iter().enumerate() {
                sum += if stem_idx == residual_idx {
                    residual
                } else {
                    stem[channel_idx][frame_idx]
                };
            }
            residual += mix - sum;
        }
        residual
    }

    /// Applies the weights.
    pub(super) fn fade(&mut self) {
        for samples in self.stems.iter_mut().chain([&mut self.lost]).flatten() {
            for (sample, weight) in samples.iter_mut().zip(&self.weights) {
                *sample *= weight;
            }
        }
    }

    /// Says where stems are heard, from the weights.
    pub(super) fn find_cover(&mut self) {
        let weights = &self.weights[..self.num_frames];
        self.cover = if weights.iter().all(|weight| *weight == 1.0) {
            Cover::Everywhere
        } else if weights.iter().all(|weight| *weight == 0.0) {
            Cover::Nowhere
        } else {
            Cover::AsWeighted
        };
    }
}
