//! Models of kind `waveform`: a segment of N frames in, segments of all stems out, such as Demucs.
//!
//! Segment k covers frames `[kh − o, kh + h)` of the mix, h = N − o, o the overlap; there is silence
//! before the start. Over the o frames that two segments share, the older fades out with
//! `(o − i) / (o + 1)` while the newer fades in with `(i + 1) / (o + 1)`, i = 0 … o − 1. The weights add up
//! to one at every frame, and no frame of either segment gets weight zero. A hop thus completes frames
//! `[kh − o, kh − o + h)`: a lag of o = N − h.
//!
//! # Source
//! The cross-fade is what `demucs.apply.apply_model` computes with its triangular weights and
//! `transition_power` 1, once it has divided by their sum, for o ≤ N / 2. Demucs normalises by the mean
//! and deviation of the whole track, which a stream does not know: here they are the segment's own.
//! And it adds the mean to every stem, which then sum to the mix plus three means; here it is added to
//! none, and so ends in the residual.

use crate::manifest::Segment;
use crate::runtime::session::{Session, Tensor};
use crate::store::Model;
use crate::{Error, Separator, Shape, StemBlock};

/// Deviation below which a segment is silence that must not be blown up: −140 dB.
const SILENCE: f64 = 1e-7;

/// A model with a fixed window at work.
pub(crate) struct Segments {
    shape: Shape,
    segment: Segment,
    session: Session,
    /// The last N frames of the mix, `[channel][frame]`.
    history: [Vec<f32>; 2],
    /// What the last segment says of the next o frames, `[stem][channel][frame]`.
    tails: Vec<[Vec<f32>; 2]>,
    /// `[1, 2, N]`
    input: Tensor,
}

impl Segments {
    /// Ready for the first hop of a mix.
    ///
    /// # Errors
    /// The runtime can't make the tensors.
    pub(crate) fn new(model: &Model, segment: Segment, session: Session) -> Result<Self, Error> {
        let manifest = &model.manifest;
        let channels = |frames: usize| [vec![0.0; frames], vec![0.0; frames]];
        Ok(Self {
            shape: Shape {
                sample_rate: manifest.sample_rate,
                stems: manifest.stems.clone(),
                residual_idx: manifest.residual_idx,
                hop_frames: segment.frames - segment.overlap_frames,
                window_frames: segment.frames,
            },
            history: channels(segment.frames),
            tails: manifest
                .stems
                .iter()
                .map(|_| channels(segment.overlap_frames))
                .collect(),
            input: Tensor::zeros(&[1, 2, segment.frames])?,
            segment,
            session,
        })
    }

    /// Runs the graph on one more hop and writes the hop it completes to `stems` at `start`.
    fn hop(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock, start: usize) -> Result<(), Error> {
        let frames = self.segment.frames;
        let hop = self.shape.hop_frames;
        for (history, mix) in self.history.iter_mut().zip(mix) {
            history.copy_within(hop.., 0);
            history[frames - hop..].copy_from_slice(mix);
        }
        let (mean, deviation) = if self.segment.is_normalised {
            statistics(&self.history)
        } else {
            (0.0, 1.0)
        };
        for (input, history) in self
            .input
            .values_mut()
            .chunks_exact_mut(frames)
            .zip(&self.history)
        {
            for (input, sample) in input.iter_mut().zip(history) {
                *input = (sample - mean) / deviation;
            }
        }

        let output = self.session.run(&self.input, &mut [])?;

        let values = output.values();
        if values.len() != self.tails.len() * 2 * frames {
            return Err(Error::Inference {
                reason: format!("a segment gave an output of {} values", values.len()),
            });
        }
        // [stem][channel][frame]
        for (idx, values) in values.chunks_exact(frames).enumerate() {
            let tail = &mut self.tails[idx / 2][idx % 2];
            let out = &mut stems.stem_mut(idx / 2)[idx % 2][start..start + hop];
            let overlap = tail.len();
            let step = 1.0 / (overlap + 1) as f32;
            for (i, out) in out.iter_mut().enumerate() {
                *out = values[i] * deviation;
                if i < overlap {
                    let fade = (i + 1) as f32 * step;
                    *out = *out * fade + tail[i] * (1.0 - fade);
                }
            }
            for (tail, value) in tail.iter_mut().zip(&values[hop..]) {
                *tail = value * deviation;
            }
        }
        Ok(())
    }
}

impl Separator for Segments {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for channel in self
            .history
            .iter_mut()
            .chain(self.tails.iter_mut().flatten())
        {
            channel.fill(0.0);
        }
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        stems.reshape(self.shape.stems.len(), num_frames);
        let hop = self.shape.hop_frames;
        for start in (0..num_frames).step_by(hop) {
            self.hop(mix.map(|mix| &mix[start..start + hop]), stems, start)?;
        }
        Ok(())
    }
}

/// Mean and standard deviation of the mono mix; of silence 0 and 1.
fn statistics(channels: &[Vec<f32>; 2]) -> (f32, f32) {
    let frames = channels[0].len() as f64;
    let mono = || {
        channels[0]
            .iter()
            .zip(&channels[1])
            .map(|(l, r)| (f64::from(*l) + f64::from(*r)) / 2.0)
    };
    let mean = mono().sum::<f64>() / frames;
    let variance = mono().map(|x| (x - mean).powi(2)).sum::<f64>() / (frames - 1.0).max(1.0);
    let deviation = variance.sqrt();
    if deviation < SILENCE {
        (0.0, 1.0)
    } else {
        (narrow(mean), narrow(deviation))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "back to the audio's own type"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}
