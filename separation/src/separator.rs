//! What every kind of model becomes: a hop of the mix in, a hop of every stem out.
//!
//! Files in `network` and [`crate::Stream`]'s compositions implement [`Separator`], [`crate::load()`] makes one
//! of a model, and only [`crate::Stream`] calls it: who has other rates or other lengths goes by that.

pub(crate) mod check;
#[cfg(any(test, feature = "testing"))]
pub mod doubles;
pub(crate) mod track;

use crate::error::Error;
use crate::separator::track::Track;

/// What a separator is; fixed for its life.
///
/// `hop_frames` is at least 1, `window_frames` at least `hop_frames`, `budget_frames` less than it, and
/// `residual_idx` one of the stems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Frames per second of everything that goes in and comes out.
    pub sample_rate: u32,
    /// Stem names in order, lower case: `drums`, `bass`, `vocals`, `other`.
    pub stems: Vec<String>,
    /// Index of the stem that receives what the model leaves over.
    pub residual_idx: usize,
    /// h: frames that become final per inference.
    pub hop_frames: usize,
    /// S: frames `[kh, kh + h)` of the stems are final once `kh + S` frames of the mix are in.
    pub window_frames: usize,
    /// T: the longest that one inference may take live, as the time of so many frames; less than h.
    ///
    /// Live, a model that takes longer is refused; files take as long as they take.
    pub budget_frames: usize,
}

/// The share of a hop that an inference may usually take: 7/8.
///
/// The rest is for what the formula of the latency does not know: a resampled stream whose hops differ by a
/// frame, and the time that a queue needs to run empty again after an interruption.
const USUAL_BUDGET_EIGHTHS: usize = 7;

impl Shape {
    /// T where nothing speaks for another: nearly a hop, which any machine that keeps up can hold. A smaller
    /// one is less latency, for machines that have time to spare. Rounded down.
    pub fn usual_budget_frames(hop_frames: usize) -> usize {
        hop_frames * USUAL_BUDGET_EIGHTHS / 8
    }

    /// How far stems lag the mix in [`Separator::process`]: `S − h` frames.
    pub fn lag_frames(&self) -> usize {
        self.window_frames - self.hop_frames
    }

    /// The frames of a block that [`Separator::process`] may be given.
    ///
    /// # Shape
    /// `[channel][frame]`.
    ///
    /// # Errors
    /// The channels differ in length, or the length is no multiple of the hop.
    pub fn check_block(&self, mix: [&[f32]; 2]) -> Result<usize, Error> {
        let frames = mix[0].len();
        if mix[1].len() != frames || !frames.is_multiple_of(self.hop_frames) {
            return Err(Error::BlockLength {
                expected: self.hop_frames,
                actual: mix[1].len(),
            });
        }
        Ok(frames)
    }
}

/// Audio of all stems, planar.
///
/// # Shape
/// `[stem][channel][frame]`, two channels, the same number of frames everywhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StemBlock {
    /// `[stem][channel][frame]`.
    stems: Vec<[Vec<f32>; 2]>,
}

impl StemBlock {
    /// Silence.
    pub fn new(num_stems: usize, num_frames: usize) -> Self {
        Self {
            stems: vec![[vec![0.0; num_frames], vec![0.0; num_frames]]; num_stems],
        }
    }

    /// How many stems there are.
    pub fn num_stems(&self) -> usize {
        self.stems.len()
    }

    /// Frames in every channel of every stem.
    pub fn num_frames(&self) -> usize {
        self.stems.first().map_or(0, |stem| stem[0].len())
    }

    /// Makes every channel `num_frames` long; new frames are silent. Keeps capacity.
    pub fn resize(&mut self, num_frames: usize) {
        for channel in self.stems.iter_mut().flatten() {
            channel.resize(num_frames, 0.0);
        }
    }

    /// Makes it `num_stems` of `num_frames`; what is new is silent. Keeps capacity, so the same
    /// sizes again allocate nothing.
    pub fn reshape(&mut self, num_stems: usize, num_frames: usize) {
        self.stems.resize_with(num_stems, Default::default);
        self.resize(num_frames);
    }

    /// One stem, `[channel][frame]`.
    ///
    /// # Panics
    /// If there are fewer stems.
    pub fn stem(&self, stem_idx: usize) -> &[Vec<f32>; 2] {
        &self.stems[stem_idx]
    }

    /// One stem to write to, `[channel][frame]`. Whoever changes a length changes all.
    ///
    /// # Panics
    /// If there are fewer stems.
    pub fn stem_mut(&mut self, stem_idx: usize) -> &mut [Vec<f32>; 2] {
        &mut self.stems[stem_idx]
    }

    /// All stems in order, each `[channel][frame]`.
    pub fn iter(&self) -> impl Iterator<Item = &[Vec<f32>; 2]> {
        self.stems.iter()
    }
}

/// Separates a stereo mix at the model's own sample rate, hop by hop, carrying state.
///
/// It is moved to the thread that runs it, which is never the audio thread: a call lasts as long as an
/// inference, and may allocate. After an error only [`Separator::reset`] or [`Separator::begin`] makes what
/// follows right again.
pub trait Separator: Send {
    /// Stems, rate, hop and window; never changes.
    fn shape(&self) -> &Shape;

    /// Forgets all audio: the next frame is the first of a new mix, of which nothing is known.
    fn reset(&mut self);

    /// Whether stems get better from knowing the whole mix: then [`Separator::begin`] is worth listening
    /// to a song twice.
    fn wants_track(&self) -> bool {
        false
    }

    /// As [`Separator::reset`], but this is known of the mix, at the model's rate.
    fn begin(&mut self, track: &Track) {
        let _ = track;
        self.reset();
    }

    /// Hops per call beyond which calls get no faster, but only longer.
    ///
    /// 1 for all that see a window or a segment per inference; what has no limit of its own is limited by
    /// whoever calls.
    fn max_batch_hops(&self) -> usize {
        usize::MAX
    }

    /// Takes `n · hop_frames` frames of mix and fills `stems` with as many frames of every stem,
    /// lagging by [`Shape::lag_frames`]; the first of them precede the mix and mean nothing.
    /// `stems` is resized; the residual stem may be left silent, since [`crate::Stream`] derives it from
    /// the mix at the caller's rate. Several hops at once may be faster and give the same stems to f32 rounding.
    ///
    /// # Shape
    /// `mix` is `[channel][frame]`.
    ///
    /// # Errors
    /// The block length is no multiple of the hop, inference fails, or its output is not a number.
    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error>;
}
