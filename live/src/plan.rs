//! The one number that the reported latency, the dry delay and the read position of the stems share.

use unweave_separation::Timing;

use crate::error::Error;

/// Smallest block allowance. A host that announces less gets the latency of this, so that the usual
/// buffer sizes of a session, 16 to 512 frames, all have the same latency.
pub const MIN_ALLOWANCE_FRAMES: usize = 512;

/// Largest block allowance: the largest block that hosts use in real time. A longer one is still
/// aligned to the frame; in real time its end is then the dry signal, offline it is complete.
pub const MAX_ALLOWANCE_FRAMES: usize = 8192;

/// Length of the fade at a gap in the stems, as frames per second divided by this: 3 ms.
///
/// Long enough that the fade's own spectrum lies under 1 kHz, short enough to cost little latency.
const FADES_PER_SECOND: u32 = 333;

/// When each frame of the stems is due; integers at the host's sample rate.
///
/// ```text
/// latency = (S − 1) + T + (B − 1) + (F − 1) + P        valid while T < h
///   S  window    T  budget of one inference    B  block allowance    F  fade    h  hop    P  padding
/// ```
///
/// Why: the inference for frames from kh on starts at R_k ≤ kh + S + B − 1, when the block that
/// completes its window has been handed over. One worker in order finishes it at
/// max(R_k, finish_{k−1}) + T, which by induction is ≤ kh + S + B − 1 + T as long as T is no longer
/// than the distance of two inferences. At time t the audio thread mixes frames up to
/// t − 1 − latency and must have F − 1 more to be able to fade out: kh is needed at t ≥ kh + latency + 2 − F.
///
/// The distance of two inferences is h, or h − 1 now and then in a resampled stream: hence T < h.
///
/// Padding is 0 but for an engine that follows another while the host plays: hosts are told the latency
/// on activation, so stems that could come sooner come when they are due.
///
/// # One number for every block size
/// B is an allowance that depends on the largest block which the host announces on activation, not on
/// the blocks it then sends: 512 up to 512, then the next power of two, at most 8192. So the latency is
/// constant while activated, for all block sizes and for hosts that vary them, and the same for all
/// hosts with buffers of up to 512 frames. A constant for all announcements would have to be that of
/// 8192 frames, 186 ms more for everybody: what a block hands over at once cannot have been computed
/// before, and real time never waits.
///
/// # Example
/// ```
/// use unweave_live::{LatencyPlan, Timing};
///
/// // The built-in model in its standard mode, at 44.1 kHz.
/// let timing = Timing { window_frames: 9_216, hop_frames: 4_096, budget_frames: 1_536 };
/// let plan = LatencyPlan::new(timing, 44_100, 256)?;
/// let fade_frames = 44_100 / 333;
/// assert_eq!(plan.latency_frames(), 9_215 + 1_536 + 511 + fade_frames - 1);
/// assert!(plan.fits_pro_tools());
/// # Ok::<(), unweave_live::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyPlan {
    /// The host's, in Hz.
    sample_rate: u32,
    /// S, h and the model's T, at the host's rate.
    timing: Timing,
    /// T: at least 1, less than h.
    budget_frames: usize,
    /// B: a power of two from 512 to 8192.
    allowance_frames: usize,
    /// F: at least 1.
    fade_frames: usize,
    padding_frames: usize,
}

impl LatencyPlan {
    /// The plan for a host at `sample_rate` that announces blocks of at most `max_block_frames`.
    ///
    /// # Errors
    /// [`Error::TooSlow`] if the timing's budget is not less than a hop, or nothing: no inference is
    /// done within a single frame.
    pub fn new(timing: Timing, sample_rate: u32, max_block_frames: usize) -> Result<Self, Error> {
        let allowance_frames = max_block_frames
            .clamp(MIN_ALLOWANCE_FRAMES, MAX_ALLOWANCE_FRAMES)
            .next_power_of_two();
        let fade_frames = usize::try_from(sample_rate / FADES_PER_SECOND)
            .unwrap_or(1)
            .max(1);
        Self {
            sample_rate,
            timing,
            budget_frames: 0,
            allowance_frames,
            fade_frames,
            padding_frames: 0,
        }
        .with_budget(timing.budget_frames)
    }

    /// The same plan with another time for one inference.
    ///
    /// # Errors
    /// [`Error::TooSlow`] if that is not less than a hop, or nothing.
    pub fn with_budget(self, budget_frames: usize) -> Result<Self, Error> {
        if budget_frames == 0 || budget_frames >= self.timing.hop_frames {
            return Err(Error::TooSlow {
                budget_frames,
                hop_frames: self.timing.hop_frames,
            });
        }
        Ok(Self {
            budget_frames,
            ..self
        })
    }

    /// The same plan with a latency of `latency_frames`; none if it needs more.
    pub fn padded_to(self, latency_frames: usize) -> Option<Self> {
        Some(Self {
            padding_frames: latency_frames.checked_sub(self.least_latency_frames())?,
            ..self
        })
    }

    /// What the latency would be without padding.
    pub fn least_latency_frames(&self) -> usize {
        self.latency_frames() - self.padding_frames
    }

    /// Frames from input to output, on every output; what the host is told.
    pub fn latency_frames(&self) -> usize {
        (self.timing.window_frames - 1)
            + self.budget_frames
            + (self.allowance_frames - 1)
            + (self.fade_frames - 1)
            + self.padding_frames
    }

    /// Frames per second of the host.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// S, h and T as the model asks for them, at the host's rate.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// T: the time in which one inference must end.
    pub fn budget_frames(&self) -> usize {
        self.budget_frames
    }

    /// B: the longest block that is in time.
    pub fn allowance_frames(&self) -> usize {
        self.allowance_frames
    }

    /// F: length of a fade between the dry signal and the separated one.
    pub fn fade_frames(&self) -> usize {
        self.fade_frames
    }

    /// Whether Pro Tools can compensate this latency.
    pub fn fits_pro_tools(&self) -> bool {
        self.latency_frames() <= pro_tools_limit_frames(self.sample_rate)
    }
}

/// Longest latency that Pro Tools compensates, in frames at that rate.
///
/// # Source
/// Avid, "Delay Compensation" (Pro Tools Reference Guide): 16,383 samples at 44.1 and 48 kHz, 32,767 at
/// 88.2 and 96 kHz, 65,534 at 176.4 and 192 kHz. It runs at no other rate: they get the next lower limit.
pub fn pro_tools_limit_frames(sample_rate: u32) -> usize {
    match sample_rate {
        0..88_200 => 16_383,
        88_200..176_400 => 32_767,
        _ => 65_534,
    }
}
