//! Any sample rate, any push size in; stems that sum to the mix out, aligned with it.
//!
//! Live use and files both run a [`Stream`], so both give the same stems.
//!
//! ```text
//! mix ─► resample to the model's rate ─► whole hops ─► Separator ─► drop the lag ─► resample back ─┐
//!  └──────────────────────── held until its stems are out ─────────────────► mix − Σ others ─► out ┘
//! ```
//!
//! If the rates are equal nothing is resampled. The residual stem is always made here, from the mix at
//! the caller's rate: what a model leaves over, the band above its Nyquist frequency and every rounding
//! go there, so nothing of the mix is lost.
//!
//! When a frame comes out is known in closed form: [`Timing`].
//!
//! # Units
//! Frames of a [`Stream`] are at the caller's rate, those inside `model_` buffers at the separator's. Both are
//! counted from the first frame of the mix, and every count is a whole number: nothing drifts in a song of
//! hours.

pub(crate) mod composition;
pub(crate) mod residual;
mod timing;

pub use timing::Timing;

use crate::audio::resample::{Resampler, check_rate, reduced};
use crate::device::DeviceUse;
use crate::error::Error;
use crate::separator::track::Track;
use crate::separator::{Separator, Shape, StemBlock};

/// Loudest value a model is shown; louder ones are clamped, towards the model only. A 32-bit integer
/// file read without scaling stays below, and its squared spectrum is far from overflow in f32.
const LOUDEST: f32 = 2_147_483_648.0;

/// Hops of a file that are separated per call of the model: beyond this, models get no faster, and a call must
/// stay short for cancelling and progress. Every job uses it, so that the same song gives the same files.
pub(crate) const BATCH_HOPS: usize = 32;

/// Separates a stereo stream of any sample rate in pushes of any size.
///
/// The first frame out belongs to the first frame in: no shift, no pre-roll. Stems do not depend on
/// how the mix was cut into pushes, bit for bit. Once buffers have grown to the size of the pushes,
/// nothing is allocated here.
///
/// Samples that are NaN or infinite are taken as 0, for the model and in the stems, and counted.
///
/// Live, one belongs to the inference thread; on files, to the job. Whoever calls it waits for the inferences.
pub struct Stream {
    /// What separates, at its own rate.
    separator: Box<dyn Separator>,
    /// The caller's, in Hz.
    sample_rate: u32,
    /// Hops per call of the separator, but for what is left at a flush; at least 1.
    batch_hops: usize,
    /// None if both rates are the same.
    rates: Option<Resamplers>,
    /// Mix at the caller's rate whose stems are not out yet, `[channel][frame]`.
    mix: [Vec<f32>; 2],
    /// The newest push, as the model may see it, at the caller's rate. In the range that [`LOUDEST`] allows.
    shown: [Vec<f32>; 2],
    /// Mix at the model's rate that waits for a whole batch.
    model_mix: [Vec<f32>; 2],
    /// What the last call of the separator gave, at its rate.
    model_stems: StemBlock,
    /// Model frames still to be dropped because they precede the mix. At first [`Shape::lag_frames`].
    lag_frames: usize,
    /// Frames pushed since the last reset, without a flush's silence.
    taken_frames: u64,
    /// Frames given since; never more than were taken.
    given_frames: u64,
    /// See [`Stream::non_finite_samples`].
    non_finite_samples: u64,
    /// Whether nothing is given until a reset.
    has_failed: bool,
    /// What computes; none if nobody said.
    device_use: Option<DeviceUse>,
}

/// Converters of the mix to the model's rate, and of each stem back.
struct Resamplers {
    /// From the caller's rate to the model's, whichever is higher.
    down: Resampler,
    /// One per stem, all clones of one with one table; the residual's is never used.
    up: Vec<Resampler>,
}

impl Stream {
    /// For live use: every hop is separated as soon as it is complete.
    ///
    /// # Example
    /// ```
    /// use unweave_separation::doubles::{Delayed, shape};
    /// use unweave_separation::{Stream, StemBlock};
    ///
    /// // Half of the mix is drums; the last stem, "other", gets what is left.
    /// let separator = Delayed::new(shape(44_100, 1024, 4096), &[0.5, 0.0, 0.0, 0.0]);
    /// let mut stream = Stream::new(Box::new(separator), 44_100)?;
    /// let mix = [vec![0.5; 5_000], vec![-0.25; 5_000]];
    /// let (mut stems, mut tail) = (StemBlock::default(), StemBlock::default());
    /// stream.push([&mix[0], &mix[1]], &mut stems)?;
    /// stream.flush(&mut tail)?;
    /// // Frame 0 of the stems is frame 0 of the mix, and as many come out as went in.
    /// assert_eq!(stems.num_frames() + tail.num_frames(), 5_000);
    /// assert_eq!(stems.stem(0)[0][0], 0.25);
    /// assert_eq!(stems.stem(3)[1][0], -0.125);
    /// # Ok::<(), unweave_separation::Error>(())
    /// ```
    ///
    /// # Units
    /// `sample_rate` in frames per second; the separator keeps its own.
    ///
    /// # Errors
    /// The rate is outside [`crate::SAMPLE_RATES`], or the separator has fewer than two stems.
    pub fn new(separator: Box<dyn Separator>, sample_rate: u32) -> Result<Self, Error> {
        Self::with_batch(separator, sample_rate, 1)
    }

    /// For files: `batch_hops` hops at a time, which models do faster. Only the flush takes what is left,
    /// so the result does not depend on the push size; with models it differs from other batch sizes by
    /// f32 rounding. A model that gains nothing from so many gets fewer.
    ///
    /// # Errors
    /// As [`Stream::new`].
    pub fn with_batch(
        separator: Box<dyn Separator>,
        sample_rate: u32,
        batch_hops: usize,
    ) -> Result<Self, Error> {
        check_rate(sample_rate)?;
        let shape = separator.shape();
        let num_stems = shape.stems.len();
        if num_stems < 2 || shape.residual_idx >= num_stems {
            return Err(Error::NoResidual {
                num_stems,
                residual_idx: shape.residual_idx,
            });
        }
        let rates = if shape.sample_rate == sample_rate {
            None
        } else {
            let up = Resampler::new(shape.sample_rate, sample_rate)?;
            Some(Resamplers {
                down: Resampler::new(sample_rate, shape.sample_rate)?,
                up: vec![up; num_stems],
            })
        };
        let mut new = Self {
            batch_hops: batch_hops.min(separator.max_batch_hops()).max(1),
            separator,
            sample_rate,
            rates,
            mix: Default::default(),
            shown: Default::default(),
            model_mix: Default::default(),
            model_stems: StemBlock::default(),
            lag_frames: 0,
            taken_frames: 0,
            given_frames: 0,
            non_finite_samples: 0,
            has_failed: false,
            device_use: None,
        };
        new.reset();
        Ok(new)
    }

    /// The same, and what its separator computes on, so that a job's report can say it.
    #[must_use]
    pub fn on(self, device_use: DeviceUse) -> Self {
        Self {
            device_use: Some(device_use),
            ..self
        }
    }

    /// What [`Stream::on`] was told.
    pub fn device_use(&self) -> Option<&DeviceUse> {
        self.device_use.as_ref()
    }

    /// The separator's own shape, at the model's rate: stem names, residual.
    pub fn shape(&self) -> &Shape {
        self.separator.shape()
    }

    /// Frames per second in and out.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Window and hop at this rate.
    ///
    /// Of whole batches: with several hops at a time, frames come later and more of them at once.
    pub fn timing(&self) -> Timing {
        self.timing_of(self.batch_hops)
    }

    /// Samples since the last reset that were NaN or infinite and taken as 0; a frame counts twice if
    /// both channels were.
    pub fn non_finite_samples(&self) -> u64 {
        self.non_finite_samples
    }

    /// Forgets all audio and any failure: the next frame is the first of a new mix.
    pub fn reset(&mut self) {
        self.separator.reset();
        if let Some(rates) = &mut self.rates {
            rates.down.reset();
            rates.up.iter_mut().for_each(Resampler::reset);
        }
        for buffer in self.mix.iter_mut().chain(&mut self.model_mix) {
            buffer.clear();
        }
        self.lag_frames = self.separator.shape().lag_frames();
        self.taken_frames = 0;
        self.given_frames = 0;
        self.non_finite_samples = 0;
        self.has_failed = false;
    }

    /// Whether the model would like [`Stream::begin`].
    pub fn wants_track(&self) -> bool {
        self.separator.wants_track()
    }

    /// As [`Stream::reset`], but this is known of the mix, at this rate. Its mean and deviation are taken to
    /// be those at the model's rate, too: they differ by what lies above the model's band.
    pub fn begin(&mut self, track: &Track) {
        self.reset();
        let (p, q) = reduced(self.sample_rate, self.shape().sample_rate);
        self.separator.begin(&Track {
            num_frames: (track.num_frames * q as u64).div_ceil(p as u64),
            ..*track
        });
    }

    /// Takes any number of frames, even none, and replaces `out` with all stem frames that became final.
    ///
    /// How many come out is known beforehand: [`Timing`]. Often they are none.
    ///
    /// # Shape
    /// `mix` is `[channel][frame]`; `out` gets its size here: `[stem][channel][frame]`, the stems in the order of
    /// [`Shape::stems`].
    ///
    /// # Errors
    /// The channels differ in length, inference fails, or a stem holds NaN or infinity. `out` is then
    /// empty, and every further call fails until [`Stream::reset`]: a gap would shift all that follows.
    pub fn push(&mut self, mix: [&[f32]; 2], out: &mut StemBlock) -> Result<(), Error> {
        self.guarded(out, |stream, out| {
            if mix[0].len() != mix[1].len() {
                return Err(Error::BlockLength {
                    expected: mix[0].len(),
                    actual: mix[1].len(),
                });
            }
            stream.taken_frames += mix[0].len() as u64;
            stream.take(mix);
            stream.separate(stream.batch_hops, out)?;
            stream.add_residual(out);
            Ok(())
        })
    }

    /// Replaces `out` with the tail: as many frames came out in all as went in. Call
    /// [`Stream::reset`] before pushing again.
    ///
    /// # Shape
    /// `out` gets its size here: `[stem][channel][frame]`, the stems in the order of [`Shape::stems`].
    ///
    /// # Errors
    /// As [`Stream::push`].
    pub fn flush(&mut self, out: &mut StemBlock) -> Result<(), Error> {
        self.guarded(out, |stream, out| {
            // By the definition of W, this much silence brings the last frame out.
            let silence = vec![0.0; stream.timing_of(1).window_frames - 1];
            stream.take([&silence, &silence]);
            stream.separate(stream.batch_hops, out)?;
            let rest_hops = stream.model_mix[0].len() / stream.shape().hop_frames;
            if rest_hops > 0 {
                stream.separate(rest_hops, out)?;
            }
            stream.add_residual(out);
            Ok(())
        })
    }

    /// Runs `step` on an empty `out`; a failure leaves it empty and sticks.
    fn guarded(
        &mut self,
        out: &mut StemBlock,
        step: impl FnOnce(&mut Self, &mut StemBlock) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let num_stems = self.shape().stems.len();
        out.reshape(num_stems, 0);
        if self.has_failed {
            return Err(Error::NeedsReset);
        }
        step(self, out).inspect_err(|_| {
            self.has_failed = true;
            out.reshape(num_stems, 0);
        })
    }

    /// Queues mix for the residual as it is, and for the model in its range and at its rate.
    ///
    /// # Shape
    /// `[channel][frame]` at the caller's rate, both channels equally long.
    fn take(&mut self, mix: [&[f32]; 2]) {
        for (channel_idx, samples) in mix.into_iter().enumerate() {
            let held = &mut self.mix[channel_idx];
            let shown = &mut self.shown[channel_idx];
            let start = held.len();
            held.extend(samples.iter().map(|x| if x.is_finite() { *x } else { 0.0 }));
            shown.clear();
            shown.extend(held[start..].iter().map(|x| x.clamp(-LOUDEST, LOUDEST)));
            self.non_finite_samples += samples.iter().filter(|x| !x.is_finite()).count() as u64;
        }
        let shown = [self.shown[0].as_slice(), self.shown[1].as_slice()];
        match &mut self.rates {
            Some(rates) => rates.down.push(shown, &mut self.model_mix),
            None => {
                for (waiting, shown) in self.model_mix.iter_mut().zip(shown) {
                    waiting.extend_from_slice(shown);
                }
            }
        }
    }

    /// Separates all whole batches that wait and appends their stems, but for the residual, to `out`.
    ///
    /// # Errors
    /// As [`Stream::push`].
    fn separate(&mut self, batch_hops: usize, out: &mut StemBlock) -> Result<(), Error> {
        let batch_frames = self.shape().hop_frames * batch_hops;
        let mut done = 0;
        while done + batch_frames <= self.model_mix[0].len() {
            let batch = self
                .model_mix
                .each_ref()
                .map(|mix| &mix[done..done + batch_frames]);
            self.separator.process(batch, &mut self.model_stems)?;
            self.append_stems(out)?;
            done += batch_frames;
        }
        for mix in &mut self.model_mix {
            mix.drain(..done);
        }
        Ok(())
    }

    /// Appends what the separator just gave, at the caller's rate and without the lag.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if a stem other than the residual holds NaN or infinity.
    fn append_stems(&mut self, out: &mut StemBlock) -> Result<(), Error> {
        let shape = self.separator.shape();
        let dropped = self.lag_frames.min(self.model_stems.num_frames());
        self.lag_frames -= dropped;
        for (stem_idx, stem) in self.model_stems.iter().enumerate() {
            if stem_idx == shape.residual_idx {
                continue;
            }
            let stem = stem.each_ref().map(|channel| &channel[dropped..]);
            // Not `all`: it stops early, which keeps the loop from becoming vector code.
            if !stem
                .iter()
                .all(|channel| channel.iter().fold(true, |ok, x| ok & x.is_finite()))
            {
                return Err(Error::NotANumber {
                    stem: shape.stems[stem_idx].clone(),
                });
            }
            let out = out.stem_mut(stem_idx);
            match &mut self.rates {
                Some(rates) => rates.up[stem_idx].push(stem, out),
                None => {
                    for (out, stem) in out.iter_mut().zip(stem) {
                        out.extend_from_slice(stem);
                    }
                }
            }
        }
        Ok(())
    }

    /// Completes `out` with the residual stem and lets go of the mix it covers. After the flush's
    /// silence, cuts off what lies beyond the last frame.
    fn add_residual(&mut self, out: &mut StemBlock) {
        let residual_idx = self.shape().residual_idx;
        let left = self.taken_frames - self.given_frames;
        let made = out.stem(if residual_idx == 0 { 1 } else { 0 })[0].len();
        let frames = usize::try_from(left).map_or(made, |left| made.min(left));
        out.resize(frames);
        for (channel_idx, mix) in self.mix.iter_mut().enumerate() {
            residual::fill(out, residual_idx, channel_idx, &mix[..frames]);
            mix.drain(..frames);
        }
        self.given_frames += frames as u64;
    }

    /// [`Stream::timing`] as if it were for so many hops at a time.
    fn timing_of(&self, batch_hops: usize) -> Timing {
        Timing::of_batch(self.shape(), self.sample_rate, batch_hops)
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("shape", self.shape())
            .field("sample_rate", &self.sample_rate)
            .field("batch_hops", &self.batch_hops)
            .finish_non_exhaustive()
    }
}
