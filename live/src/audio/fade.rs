//! How much of the stems is heard: all, none, or a fade between them.
//!
//! A fade runs over the stems and not over the output: where they are missing the output is the delayed mix,
//! which is never interrupted.

use crate::plan::LatencyPlan;

/// Follows where stems are there and where not, and counts the hops that are missing.
///
/// 1. Stems are *safe* where they and at least `fade_frames − 1` after them are there. In a plan that
///    holds they always are.
/// 2. A line goes up by one per frame where stems are safe and down where they aren't, between 0 and
///    half a fade.
/// 3. The weight is the mean of the line over the last half fade: no jump and no kink, wherever the
///    line turns. When stems end, however they end, it has been zero since the frame before.
pub(super) struct Fade {
    /// F of the plan, 3 ms.
    fade_frames: usize,
    /// By which missing frames are counted as hops.
    hop_frames: u64,
    /// In `0 ..= half`, half a fade.
    line: u32,
    /// Half a fade, in frames; at least 1.
    half: u32,
    /// The line at the last `half` frames; a ring.
    past: Vec<u32>,
    /// Where in `past` the next value goes.
    oldest: usize,
    /// Sum of `past`, in `0 ..= half²`.
    sum: u32,
    /// Before the next frame is silence, so there is nothing to fade from.
    is_first: bool,
    /// Stems are to be expected, so that their absence counts.
    is_expected: bool,
    /// The gap that stems are in, if they are in one.
    gap: Option<Gap>,
}

/// From where stems are first unsafe to where they are heard in full again.
struct Gap {
    /// Frames without stems.
    missed_frames: u64,
}

impl Fade {
    /// For this plan; nothing is heard yet.
    pub(super) fn new(plan: &LatencyPlan) -> Self {
        let half = (plan.fade_frames() / 2).max(1);
        Self {
            fade_frames: plan.fade_frames(),
            hop_frames: plan.timing().hop_frames as u64,
            line: 0,
            half: u32::try_from(half).unwrap_or(u32::MAX),
            past: vec![0; half],
            oldest: 0,
            sum: 0,
            is_first: false,
            is_expected: false,
            gap: None,
        }
    }

    /// No stems have been heard.
    pub(super) fn reset(&mut self) {
        self.jump(0);
        self.is_expected = false;
        self.gap = None;
    }

    /// Whether a gap from here on counts. Stems that are heard in full set it.
    pub(super) fn expect(&mut self, is_expected: bool) {
        self.is_expected = is_expected;
    }

    /// Another engine's stems follow: the fade to them is no gap of theirs.
    pub(super) fn follow(&mut self, hop_frames: usize, is_expected: bool) {
        self.hop_frames = hop_frames as u64;
        self.is_expected = is_expected;
        self.gap = None;
    }

    /// The next frame is the first of the mix.
    pub(super) fn begin(&mut self) {
        self.is_first = true;
    }

    /// Stems are there for all of `weights`, and for `left_frames` from the first of them.
    /// Returns the hops that have just turned out to be late.
    pub(super) fn hear(&mut self, weights: &mut [f32], left_frames: usize) -> u64 {
        if std::mem::take(&mut self.is_first) && left_frames >= self.fade_frames {
            self.jump(self.half);
        }
        if self.is_full() && left_frames + 1 >= weights.len() + self.fade_frames {
            weights.fill(1.0);
            self.is_expected = true;
            self.gap = None;
            return 0;
        }
        let mut late_hops = 0;
        for (frame_idx, weight) in weights.iter_mut().enumerate() {
            if left_frames.saturating_sub(frame_idx) >= self.fade_frames {
                self.advance((self.line + 1).min(self.half));
            } else {
                late_hops += self.widen_gap(0);
                self.advance(self.line.saturating_sub(1));
            }
            if self.is_full() {
                self.is_expected = true;
                self.gap = None;
            }
            *weight = self.weight();
        }
        late_hops
    }

    /// There are no stems for the next frames. Returns the hops that have just turned out to be late.
    pub(super) fn miss(&mut self, num_frames: usize) -> u64 {
        self.is_first = false;
        self.jump(0);
        self.widen_gap(num_frames as u64)
    }

    /// So many more frames are missing. Gives the hops that this adds to the gap, the first of which counts at
    /// once; 0 if none were expected.
    fn widen_gap(&mut self, num_frames: u64) -> u64 {
        let hops = |missed_frames: u64| missed_frames.div_ceil(self.hop_frames).max(1);
        let (before, after) = match &self.gap {
            None => (0, num_frames),
            Some(gap) => (hops(gap.missed_frames), gap.missed_frames + num_frames),
        };
        let late_hops = hops(after) - before;
        self.gap = Some(Gap {
            missed_frames: after,
        });
        if self.is_expected { late_hops } else { 0 }
    }

    /// Puts the line, past and present, where it is not by going there.
    fn jump(&mut self, line: u32) {
        if self.line != line || self.sum != line * self.half {
            self.line = line;
            self.past.fill(line);
            self.sum = line * self.half;
        }
    }

    /// One frame further, where the line is at `line`.
    fn advance(&mut self, line: u32) {
        let oldest = std::mem::replace(&mut self.past[self.oldest], line);
        self.sum = self.sum + line - oldest;
        self.line = line;
        self.oldest = (self.oldest + 1) % self.past.len();
    }

    /// Whether stems are heard in full.
    fn is_full(&self) -> bool {
        self.sum == self.half * self.half
    }

    /// How much of them is heard at the present frame, 0 to 1.
    fn weight(&self) -> f32 {
        if self.is_full() {
            return 1.0;
        }
        // At 384 kHz the square of half a fade is 331,776: both are exact in f32.
        self.sum as f32 / (self.half * self.half) as f32
    }
}
