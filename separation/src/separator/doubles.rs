//! Separators without a model, whose output is known in closed form.
//!
//! They are part of the library, behind its feature `testing`, so that every test of live use and of files, in any
//! crate, runs the same stand-ins instead of a copy of the logic under test.
//!
//! | double | stems |
//! |---|---|
//! | [`Passthrough`] | the first is the mix |
//! | [`Delayed`] | each the mix times a gain |
//! | [`Failing`] | as [`Passthrough`], then errors |
//! | [`NotANumber`] | as [`Passthrough`], with NaN |

use std::ops::Range;

use crate::error::Error;
use crate::separator::{Separator, Shape, StemBlock};

/// A shape with the stems drums, bass, vocals and other, the last being the residual.
///
/// # Units
/// `sample_rate` in Hz; the budget is the usual one, 7/8 of the hop.
///
/// # Panics
/// If the hop is zero or the window shorter than the hop.
pub fn shape(sample_rate: u32, hop_frames: usize, window_frames: usize) -> Shape {
    assert!(
        hop_frames > 0 && window_frames >= hop_frames,
        "a window holds at least one hop"
    );
    Shape {
        sample_rate,
        stems: ["drums", "bass", "vocals", "other"]
            .map(str::to_owned)
            .to_vec(),
        residual_idx: 3,
        hop_frames,
        window_frames,
        budget_frames: Shape::usual_budget_frames(hop_frames),
    }
}

/// Every stem is the mix times a fixed gain, with the lag that the shape promises.
///
/// # Example
/// ```
/// use unweave_separation::doubles::{Delayed, shape};
/// use unweave_separation::{Separator, StemBlock};
///
/// let mut separator = Delayed::new(shape(44_100, 2, 3), &[0.5, 0.0, 0.0, 1.0]);
/// let mut stems = StemBlock::default();
/// separator.process([&[1.0, 2.0], &[3.0, 4.0]], &mut stems)?;
/// // The window is one frame longer than the hop, so everything comes a frame late.
/// assert_eq!(stems.stem(0), &[vec![0.0, 0.5], vec![0.0, 1.5]]);
/// assert_eq!(stems.stem(3), &[vec![0.0, 1.0], vec![0.0, 3.0]]);
/// # Ok::<(), unweave_separation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Delayed {
    shape: Shape,
    /// One per stem, as a factor.
    gains: Vec<f32>,
    /// The mix that is still to come out, `[channel][frame]`; `lag_frames` long between calls.
    held: [Vec<f32>; 2],
}

impl Delayed {
    /// Stem `i` becomes `gains[i] · mix`.
    ///
    /// # Panics
    /// If there is not one gain per stem.
    pub fn new(shape: Shape, gains: &[f32]) -> Self {
        assert_eq!(gains.len(), shape.stems.len(), "one gain per stem");
        let held = [vec![0.0; shape.lag_frames()], vec![0.0; shape.lag_frames()]];
        Self {
            shape,
            gains: gains.to_vec(),
            held,
        }
    }
}

impl Separator for Delayed {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for held in &mut self.held {
            held.fill(0.0);
        }
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        stems.reshape(self.gains.len(), num_frames);
        for (channel_idx, held) in self.held.iter_mut().enumerate() {
            held.extend_from_slice(mix[channel_idx]);
            for (stem_idx, gain) in self.gains.iter().enumerate() {
                let out = &mut stems.stem_mut(stem_idx)[channel_idx];
                for (out, sample) in out.iter_mut().zip(held.iter()) {
                    *out = gain * sample;
                }
            }
            held.drain(..num_frames);
        }
        Ok(())
    }
}

/// The first stem is the mix, the others are silent.
#[derive(Debug, Clone)]
pub struct Passthrough(Delayed);

impl Passthrough {
    /// Lags as `shape` says.
    pub fn new(shape: Shape) -> Self {
        let mut gains = vec![0.0; shape.stems.len()];
        if let Some(first) = gains.first_mut() {
            *first = 1.0;
        }
        Self(Delayed::new(shape, &gains))
    }
}

impl Separator for Passthrough {
    fn shape(&self) -> &Shape {
        self.0.shape()
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.0.process(mix, stems)
    }
}

/// A [`Passthrough`] whose inference fails for good after a number of hops.
#[derive(Debug, Clone)]
pub struct Failing {
    inner: Passthrough,
    /// Hops that are separated before it fails.
    good_hops: usize,
    /// Hops that it was given since it was made.
    done_hops: usize,
}

impl Failing {
    /// Separates `good_hops` hops; from the call that would exceed them on, every call fails.
    pub fn new(shape: Shape, good_hops: usize) -> Self {
        Self {
            inner: Passthrough::new(shape),
            good_hops,
            done_hops: 0,
        }
    }
}

impl Separator for Failing {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    /// Forgets audio, not the failure: the count of hops goes on.
    fn reset(&mut self) {
        self.inner.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.done_hops += mix[0].len() / self.shape().hop_frames;
        if self.done_hops > self.good_hops {
            return Err(Error::Inference {
                reason: "told to fail".to_owned(),
            });
        }
        self.inner.process(mix, stems)
    }
}

/// A [`Passthrough`] that, after a number of hops, returns NaN in the first stem and reports success,
/// as a broken model does. [`crate::Stream`] must not let it through.
#[derive(Debug, Clone)]
pub struct NotANumber {
    inner: Passthrough,
    /// Numbers of the hops, from 0 on, whose last frame is NaN.
    bad_hops: Range<usize>,
    /// Hops that it was given since it was made.
    done_hops: usize,
}

impl NotANumber {
    /// Separates `good_hops` hops; the last frame of every later hop is NaN.
    ///
    /// The NaN is in the left channel of the first stem.
    pub fn new(shape: Shape, good_hops: usize) -> Self {
        Self {
            inner: Passthrough::new(shape),
            bad_hops: good_hops..usize::MAX,
            done_hops: 0,
        }
    }

    /// Separates `good_hops` hops; the last frame of the next is NaN, and all others are good.
    pub fn once(shape: Shape, good_hops: usize) -> Self {
        Self {
            bad_hops: good_hops..good_hops + 1,
            ..Self::new(shape, good_hops)
        }
    }
}

impl Separator for NotANumber {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    /// Forgets audio; the count of hops goes on.
    fn reset(&mut self) {
        self.inner.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.inner.process(mix, stems)?;
        let hop_frames = self.shape().hop_frames;
        for hop in stems.stem_mut(0)[0].chunks_mut(hop_frames) {
            if self.bad_hops.contains(&self.done_hops) {
                hop[hop_frames - 1] = f32::NAN;
            }
            self.done_hops += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delayed_lags_by_window_minus_hop_and_scales_each_stem() {
        let mut separator = Delayed::new(shape(44_100, 4, 10), &[0.5, 0.25, 0.0, -1.0]);
        let mix: Vec<f32> = (1u8..=24).map(f32::from).collect();
        let mut out = Vec::new();
        let mut stems = StemBlock::default();
        for block in [&mix[..4], &mix[4..12], &mix[12..]] {
            separator.process([block, block], &mut stems).unwrap();
            out.extend_from_slice(&stems.stem(3)[1]);
        }
        let expected: Vec<f32> = std::iter::repeat_n(-0.0, 6)
            .chain(mix.iter().map(|sample| -sample))
            .take(24)
            .collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_block_that_is_no_multiple_of_the_hop_is_refused() {
        let mut separator = Passthrough::new(shape(44_100, 4, 4));
        let error = separator.process([&[0.0; 6], &[0.0; 6]], &mut StemBlock::default());
        assert!(matches!(
            error,
            Err(Error::BlockLength {
                expected: 4,
                actual: 6
            })
        ));
    }

    #[test]
    fn failing_fails_on_the_promised_hop_and_stays_failed() {
        let mut separator = Failing::new(shape(44_100, 4, 4), 2);
        let mut stems = StemBlock::default();
        separator
            .process([&[0.0; 8], &[0.0; 8]], &mut stems)
            .unwrap();
        separator.reset();
        for _ in 0..2 {
            assert!(
                separator
                    .process([&[0.0; 4], &[0.0; 4]], &mut stems)
                    .is_err()
            );
        }
    }

    #[test]
    fn not_a_number_appears_on_the_promised_hop() {
        let mut separator = NotANumber::new(shape(44_100, 4, 4), 1);
        let mut stems = StemBlock::default();
        separator
            .process([&[0.0; 8], &[0.0; 8]], &mut stems)
            .unwrap();
        let found: Vec<bool> = stems.stem(0)[0]
            .iter()
            .map(|sample| sample.is_nan())
            .collect();
        assert_eq!(
            found,
            [false, false, false, false, false, false, false, true]
        );
    }
}
