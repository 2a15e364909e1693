//! The networks: how much of the mix is accompaniment, bin by bin.
//!
//! Two networks give magnitudes v and a of what they hear, the mix at a fixed level g |X| (see
//! [`super::normalizer`]). With `clip` to 0 and 1:
//!
//! - live, only the second is run: `share = clip(a / g|X|)^1.5`,
//! - on files both are: `share = ½ (clip(a / g|X|)^1.5 + 1 − clip(v / g|X|))`.
//!
//! # Units
//! Shares are of magnitudes, without a phase: what is multiplied by one keeps the mix's.

use std::ops::Range;

use realfft::num_complex::Complex;

use super::normalizer::Normalizer;
use crate::error::Error;
use crate::model::layout::{Sizes, Strides};
use crate::model::manifest::{Interface, Manifest};
use crate::network::spectra::{Input, Spectral, magnitude};
use crate::runtime::session::{Session, Tensor};

/// Above this the networks say nothing: the mean of their mask between the two is carried on. Else sibilants would
/// stay in the accompaniment.
///
/// The built-in model's networks see 1024 bins of 4096 samples at 44.1 kHz, so up to 11 kHz.
const CARRIED_FROM_HZ: Range<f32> = 9_700.0..11_000.0;

/// Below this, a magnitude at the networks' level is silence.
const SILENCE: f32 = 1e-9;

/// The graphs, and the level that they hear.
///
/// Made once per model that is loaded, and asked once per window.
pub(super) struct Networks {
    /// None live: a second network costs as much again, and gains little there.
    vocals: Option<Session>,
    /// The graph for everything but the voices.
    accompaniment: Session,
    /// Whether both run at the same time, each on a thread of its own.
    is_parallel: bool,
    /// Of every graph: one input, one output, both magnitudes.
    interface: Interface,
    /// The window's magnitudes at the networks' level, both channels.
    input: Input,
    /// How many of the newest frames the graphs give; a graph for live use leaves out what nobody looks at.
    num_given: usize,
    /// The level of the newest frames, and so the gain to the networks' level.
    normalizer: Normalizer,
    /// [`CARRIED_FROM_HZ`] in bins of the transform; neither empty nor above what the networks see.
    carried_from: Range<usize>,
    /// Share of the accompaniment, `[channel][frame · bin]`, for the frames last asked for.
    shares: [Vec<f32>; 2],
}

impl Networks {
    /// `spectral` has the transform, `num_frames` is W, and `num_given` how many of the newest frames the
    /// graphs give.
    ///
    /// # Errors
    /// The runtime can't make the tensors.
    pub(super) fn new(
        manifest: &Manifest,
        (vocals, accompaniment): (Option<Session>, Session),
        is_parallel: bool,
        (spectral, num_frames, num_given): (&Spectral, usize, usize),
        normalizer: Normalizer,
    ) -> Result<Self, Error> {
        let interface = manifest.interface.clone();
        let transform = spectral.transform();
        let bin_hz = manifest.sample_rate as f32 / transform.n_fft as f32;
        let last = transform.bins - 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive frequency over a positive width"
        )]
        let bin = |hz: f32| ((hz / bin_hz) as usize).min(last);
        Ok(Self {
            vocals,
            accompaniment,
            is_parallel,
            input: Input::new(&interface.inputs[0], num_frames)?,
            interface,
            num_given,
            normalizer,
            carried_from: bin(CARRIED_FROM_HZ.start).min(last - 1)..bin(CARRIED_FROM_HZ.end).max(1),
            shares: Default::default(),
        })
    }

    /// Forgets the level: the next frame is the first of another mix.
    pub(super) fn reset(&mut self) {
        self.normalizer.reset();
    }

    /// As [`Networks::shares`] of silence, of which nobody wants any.
    pub(super) fn rest(&mut self, num_new: usize) {
        for _ in 0..num_new {
            self.normalizer.push_silence();
        }
    }

    /// The accompaniment's shares, between 0 and 1, of the frames in `wanted`.
    ///
    /// The newest `num_new` frames are those that weren't there the last time.
    ///
    /// `wanted` begins no earlier than what the graphs give.
    ///
    /// # Shape
    /// `[channel][wanted frame · bin]`, all bins of the transform.
    ///
    /// # Errors
    /// Inference fails.
    pub(super) fn shares(
        &mut self,
        spectral: &Spectral,
        num_new: usize,
        wanted: Range<usize>,
    ) -> Result<&[Vec<f32>; 2], Error> {
        let num_bins = spectral.num_bins();
        for frame in spectral.frames - num_new..spectral.frames {
            let of = |channel: usize| -> &[Complex<f32>] {
                &spectral.mix[channel][frame * num_bins..][..num_bins]
            };
            self.normalizer.push([of(0), of(1)]);
        }
        let gain = self.normalizer.gain();
        let input = self.input.of(&self.interface.inputs[0], spectral.frames)?;
        spectral.write(&self.interface.inputs[0], 0, input);
        for value in input.values_mut() {
            *value *= gain;
        }
        let input = &*input;
        let run = |session: &mut Session| -> Result<Tensor, Error> {
            let mut tensors = session.run(&[input], &mut [])?;
            Ok(tensors.swap_remove(0))
        };
        let (accompaniment, vocals) = match (&mut self.vocals, self.is_parallel) {
            (Some(vocals), true) => {
                let accompaniment = &mut self.accompaniment;
                let (accompaniment, vocals) = std::thread::scope(|scope| {
                    let other = scope.spawn(|| run(vocals));
                    let accompaniment = run(accompaniment);
                    let vocals = other
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                    (accompaniment, vocals)
                });
                (accompaniment?, Some(vocals?))
            }
            (Some(vocals), false) => (run(&mut self.accompaniment)?, Some(run(vocals)?)),
            (None, _) => (run(&mut self.accompaniment)?, None),
        };

        let output = &self.interface.outputs[0];
        let (sizes, _) = spectral.layout(output, 1);
        let sizes = Sizes {
            frames: self.num_given.min(spectral.frames),
            ..sizes
        };
        let strides = Strides::new(&output.axes, &sizes);
        let first_given = spectral.frames - sizes.frames;
        let len = Spectral::len(&sizes);
        let accompaniment = accompaniment.expect(len)?;
        let vocals = vocals
            .as_ref()
            .map(|vocals| vocals.expect(len))
            .transpose()?;
        for (channel, shares) in self.shares.iter_mut().enumerate() {
            shares.resize(wanted.len() * num_bins, 0.0);
            for (frame, shares) in wanted.clone().zip(shares.chunks_exact_mut(num_bins)) {
                let mix = &spectral.mix[channel][frame * num_bins..][..sizes.bins];
                for (bin, (share, mix)) in shares.iter_mut().zip(mix).enumerate() {
                    let at = channel * strides.channel
                        + (frame - first_given) * strides.frame
                        + bin * strides.bin;
                    let heard = (magnitude(*mix) * gain).max(SILENCE);
                    let of_heard = |magnitude: f32| (magnitude / heard).clamp(0.0, 1.0);
                    // To the power of 1.5: the networks give voices that they don't know too little. As 1 shares are
                    // exact where sources add up as magnitudes, as 2 where they add up as powers; they do neither.
                    let accompaniment = of_heard(accompaniment[at]);
                    let accompaniment = accompaniment * accompaniment.sqrt();
                    *share = match vocals {
                        // Where the two disagree, either may be right.
                        Some(vocals) => 0.5 * (accompaniment + 1.0 - of_heard(vocals[at])),
                        None => accompaniment,
                    };
                }
                let known = &shares[self.carried_from.clone()];
                let mean = known.iter().sum::<f32>() / known.len() as f32;
                shares[self.carried_from.end..].fill(mean);
            }
        }
        Ok(&self.shares)
    }
}
