//! How much of the stems is heard: all, none, or a fade between them.

use crate::plan::LatencyPlan;

/// Follows where stems are there and where not, and counts the hops that are missing.
///
/// The level rises by one per frame where there are stems, and never exceeds the number of frames that
/// are left before they end. So it is down when they end, however they end, and up otherwise: a plan
/// that holds has always [`LatencyPlan::fade_frames`] from the last one that is due on, with itself.
pub(super) struct Level {
    fade_frames: usize,
    hop_frames: u64,
    /// In `0 ..= fade_frames`.
    now: usize,
    /// Stems are to be expected, so that their absence counts.
    is_expected: bool,
    gap: Option<Gap>,
}

/// From where the level first falls to where it is up again.
struct Gap {
    /// Frames without stems.
    missed_frames: u64,
}

impl Level {
    pub(super) fn new(plan: &LatencyPlan) -> Self {
        Self {
            fade_frames: plan.fade_frames(),
            hop_frames: plan.timing().hop_frames as u64,
            now: 0,
            is_expected: false,
            gap: None,
        }
    }

    /// No stems have been heard.
    pub(super) fn reset(&mut self) {
        self.now = 0;
        self.is_expected = false;
        self.gap = None;
    }

    /// Whether a gap from here on counts. Stems that are heard in full set it.
    pub(super) fn expect(&mut self, is_expected: bool) {
        self.is_expected = is_expected;
    }

    /// The next frame is the first of the mix: silence comes before it, so there is nothing to fade.
    pub(super) fn begin(&mut self) {
        self.now = self.fade_frames;
    }

    /// Stems are there for all of `weights`, and for `left_frames` from the first of them.
    /// Returns the hops that have just turned out to be late.
    pub(super) fn hear(&mut self, weights: &mut [f32], left_frames: usize) -> u64 {
        if self.now == self.fade_frames && left_frames + 1 >= weights.len() + self.fade_frames {
            weights.fill(1.0);
            self.is_expected = true;
            self.gap = None;
            return 0;
        }
        let mut late_hops = 0;
        for (frame_idx, weight) in weights.iter_mut().enumerate() {
            let level = self
                .fade_frames
                .min(self.now + 1)
                .min(left_frames.saturating_sub(frame_idx));
            if level < self.now {
                late_hops += self.widen_gap(0);
            } else if level == self.fade_frames {
                self.is_expected = true;
                self.gap = None;
            }
            self.now = level;
            *weight = self.weight();
        }
        late_hops
    }

    /// There are no stems for the next frames. Returns the hops that have just turned out to be late.
    pub(super) fn miss(&mut self, num_frames: usize) -> u64 {
        self.now = 0;
        self.widen_gap(num_frames as u64)
    }

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

    /// `3 l² − 2 l³`: no jump and no kink at either end of a fade.
    fn weight(&self) -> f32 {
        if self.now == self.fade_frames {
            return 1.0;
        }
        let part = |frames: usize| f32::from(u16::try_from(frames).unwrap_or(u16::MAX));
        let level = part(self.now) / part(self.fade_frames);
        level * level * (3.0 - 2.0 * level)
    }
}
