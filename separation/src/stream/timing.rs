//! When the frames of a stream come out, in closed form: nothing is built to know it.
//!
//! Let `P / Q` be caller's rate over model's rate in lowest terms, h and S the hop and window of the
//! model, d and u the delays of the resamplers there and back. After N frames in, the model has
//! `A = ⌈(N − d)⁺ Q / P⌉` frames, done `K = ⌊A / h⌋` hops, and `E = (K h − (S − h))⁺` frames of stems are
//! final; `O(N) = ⌈(E − u)⁺ P / Q⌉` are out. A batch of b hops is a hop of `b h` and a window of
//! `S + (b − 1) h`. [`Timing::window_frames`] is the least W with `O(p + W) > p` for all p:
//!
//! `W = d + 1 + ⌊(S + u − 1) P / Q⌋ − r`
//!
//! Frame p needs `E > u + ⌊p Q / P⌋`, so hop q, and `N = d + 1 + ⌊(q h − 1) P / Q⌋`; the worst p for a q
//! is `⌈(q h − S − u) P / Q⌉`. Their difference over all q is the formula with r = 0 or 1: the two
//! remainders add up to `c = (S + u − 1) P mod Q` or to c + Q. The first is `≡ −P mod gcd(h, Q)` and
//! otherwise free, so r = 0 if and only if the least such number is at most c.
//! A budget of T < h frames of the model is `⌊T P / Q⌋` of the caller, which is less than
//! [`Timing::hop_frames`]: `⌊(h − 1) P / Q⌋ ≤ ⌈h P / Q⌉ − 1`.
//! With equal rates W = S. The tests count O(N) frame by frame at many rates.

use crate::audio::resample::{check_rate, delay_frames, gcd, reduced};
use crate::error::Error;
use crate::separator::Shape;

/// How many frames the stems need, how many become final at once, and how long that may take, at the
/// caller's rate.
///
/// With the host's block size it is all that the plug-in's latency follows from (`LatencyPlan` of the crate
/// `unweave-live`), before a model is loaded.
///
/// # Units
/// Frames at the caller's rate. For a push of any size: N are the frames pushed since the last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// S: frame p of the stems is final once p + S frames of the mix are in, for every p, and for some
    /// p not before.
    pub window_frames: usize,
    /// h: most frames that become final per inference. With other rates some inferences make one fewer.
    pub hop_frames: usize,
    /// T: the longest that one inference may take; see [`Shape::budget_frames`].
    pub budget_frames: usize,
}

impl Timing {
    /// Of a [`crate::Stream`] at `sample_rate` over a separator of this shape, which need not exist.
    ///
    /// # Example
    /// ```
    /// use unweave_separation::{Timing, doubles::shape};
    ///
    /// let shape = shape(44_100, 1024, 4096);
    /// let same = Timing::of(&shape, 44_100)?;
    /// assert_eq!((same.window_frames, same.hop_frames, same.budget_frames), (4096, 1024, 896));
    /// // At twice the rate everything takes twice as many frames, and the resamplers add theirs.
    /// let twice = Timing::of(&shape, 88_200)?;
    /// assert_eq!((twice.hop_frames, twice.budget_frames), (2048, 1792));
    /// assert!(twice.window_frames > 8192);
    /// # Ok::<(), unweave_separation::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SampleRate`] if the rate is not converted.
    pub fn of(shape: &Shape, sample_rate: u32) -> Result<Self, Error> {
        check_rate(sample_rate)?;
        check_rate(shape.sample_rate)?;
        Ok(Self::of_batch(shape, sample_rate, 1))
    }

    /// As [`Timing::of`], for `batch_hops` hops at a time, at rates that have been checked.
    pub(super) fn of_batch(shape: &Shape, sample_rate: u32, batch_hops: usize) -> Self {
        let hop = shape.hop_frames * batch_hops;
        let window = shape.window_frames + (batch_hops - 1) * shape.hop_frames;
        let (p, q) = reduced(sample_rate, shape.sample_rate);
        let (there, back) = if p == q {
            (0, 0)
        } else {
            (delay_frames(q, p), delay_frames(p, q))
        };
        let span = (window + back - 1) * p;
        let step = gcd(hop, q);
        let least_remainder = (step - p % step) % step;
        // At a rate below the model's one frame is several model frames and may complete several hops.
        let hops = q.div_ceil(p).div_ceil(hop);
        Self {
            window_frames: there + 1 + span / q - usize::from(least_remainder > span % q),
            hop_frames: (hops * hop * p).div_ceil(q),
            budget_frames: hops * batch_hops * shape.budget_frames * p / q,
        }
    }
}
