//! For files: both networks, and transforms of their own for what follows, since nobody waits.
//!
//! ```text
//! mix ─► Windows: vocals ─► mix − vocals ─┬─► drums, 2048 ─┐
//!                                         ├─► drums, 4096 ─┴─► mean ─► rest ─► bass, 8192
//! ```
//! The short transform keeps kicks short, the long one keeps low notes apart; their mean is better than either.
//!
//! Each part is late by its transform and by what its medians and means see of the future. Whatever bypasses a
//! part waits as long as the part takes, in a queue of [`Files`], so that all that is subtracted or given at
//! once is of the same frames:
//!
//! | queue | holds | frames |
//! |---|---|---|
//! | `mix` | the mix | the vocals' lag |
//! | `drums_out` | drums of one transform | by how much the slowest is later |
//! | `rest` | accompaniment | the drums' lag |
//! | `both` | drums | the bass' lag |
//! | `vocals_out` | vocals | the drums' lag and the bass' |

use super::bass::Bass;
use super::drums::Drums;
use super::mask::{Span, Stage};
use super::{FRAME_SECONDS_BASS, Stems, Vocals, seconds};
use crate::error::Error;
use crate::model::manifest::Manifest;
use crate::network::lookback::Windows;
use crate::runtime::Terminator;
use crate::separator::{Separator, Shape, StemBlock};

/// Window, and seconds that the medians over time see in the low band and above.
///
/// In samples, seconds, seconds; the seconds are the whole width, half before a frame and half after.
const DRUMS: [(usize, f32, f32); 2] = [(2048, 0.3, 0.36), (4096, 0.4, 0.4)];
/// Samples of the bass' transform: bins 5.4 Hz apart at 44.1 kHz.
const BASS_N_FFT: usize = 8192;
/// Hops per window of all transforms.
const OVERLAP: usize = 4;
/// Frames that are split at a time, a multiple of every hop. At 44.1 kHz that is 0.37 s of music between two
/// looks at the terminator.
const CHUNK_FRAMES: usize = 16_384;

/// The model on files.
///
/// A hop is what one window of vocals gives; the stems lag the mix by all three lags together.
pub(crate) struct Files {
    /// Stems of the manifest; hop of the vocals.
    shape: Shape,
    /// Where drums, bass and vocals go.
    stems: Stems,
    /// The networks, window by window.
    vocals: Windows<Vocals>,
    /// Their stems of this call; the first is the vocals.
    found: StemBlock,
    /// One per transform, in the order of [`DRUMS`].
    drums: Vec<Stage<Drums>>,
    /// On what is left without vocals and drums.
    bass: Stage<Bass>,
    /// The mix until its vocals are known.
    mix: Delay,
    /// Vocals until drums and bass of the same frames are known.
    vocals_out: Delay,
    /// One per transform, so that the quicker one waits for the other.
    drums_out: Vec<Delay>,
    /// The accompaniment until its drums are known.
    rest: Delay,
    /// The drums until the bass of the same frames is known.
    both: Delay,
    /// Accompaniment, drums, bass of a chunk, `[channel][frame]`.
    work: [[Vec<f32>; 2]; 3],
    /// Looked at between chunks, since only networks hear of it by themselves.
    terminator: Terminator,
    /// Whether the transforms run at the same time, each on a thread of its own.
    is_parallel: bool,
}

/// Samples that wait.
///
/// Between calls as many are in it as it was made for, silence at first.
#[derive(Default)]
struct Delay {
    frames: usize,
    /// The oldest first, `[channel][frame]`.
    queue: [Vec<f32>; 2],
}

impl Delay {
    fn new(frames: usize) -> Self {
        let mut new = Self {
            frames,
            queue: Default::default(),
        };
        new.reset();
        new
    }

    fn reset(&mut self) {
        for queue in &mut self.queue {
            queue.clear();
            queue.resize(self.frames, 0.0);
        }
    }

    fn push(&mut self, samples: [&[f32]; 2]) {
        for (queue, samples) in self.queue.iter_mut().zip(samples) {
            queue.extend_from_slice(samples);
        }
    }

    /// Hands the oldest frames out.
    ///
    /// `each` gets a channel's index and its samples.
    ///
    /// # Panics
    /// If there are fewer.
    fn pull(&mut self, num_frames: usize, mut each: impl FnMut(usize, &[f32])) {
        for (channel, queue) in self.queue.iter_mut().enumerate() {
            each(channel, &queue[..num_frames]);
            queue.drain(..num_frames);
        }
    }
}

/// Stems, hop and window, before anything is loaded.
///
/// Window and lag grow by what drums and bass take; the hop is that of `vocals`.
pub(super) fn shape(manifest: &Manifest, vocals: &Shape) -> Shape {
    let (drums, bass) = stages(manifest);
    let drums_lag = drums.iter().map(Stage::lag).max().unwrap_or(0);
    Shape {
        stems: manifest.stems.clone(),
        residual_idx: manifest.residual_idx,
        window_frames: vocals.window_frames + drums_lag + bass.lag(),
        ..vocals.clone()
    }
}

/// The transforms and masks of drums, in the order of [`DRUMS`], and of the bass, at the manifest's rate.
fn stages(manifest: &Manifest) -> (Vec<Stage<Drums>>, Stage<Bass>) {
    let rate = manifest.sample_rate as f32;
    let centred = |length: f32, hop: usize| {
        let half = seconds(length / 2.0, rate, hop);
        Span {
            past: half,
            future: half,
        }
    };
    let drums = DRUMS
        .iter()
        .map(|&(n_fft, low, high)| {
            let hop = n_fft / OVERLAP;
            let mask = Drums::new(
                (rate / n_fft as f32, n_fft / 2 + 1),
                centred(low, hop),
                centred(high, hop),
            );
            Stage::new(n_fft, hop, mask)
        })
        .collect();
    let hop = BASS_N_FFT / OVERLAP;
    let (likeness, gate) = FRAME_SECONDS_BASS;
    let spans = (centred(2.0 * likeness, hop), centred(2.0 * gate, hop));
    let mask = Bass::new(rate / BASS_N_FFT as f32, spans.0, spans.1);
    (drums, Stage::new(BASS_N_FFT, hop, mask))
}

impl Files {
    /// Of vocals that were tried out. The queues are as long as the parts are late.
    pub(super) fn new(
        manifest: &Manifest,
        stems: Stems,
        vocals: Windows<Vocals>,
        (terminator, is_parallel): (Terminator, bool),
    ) -> Self {
        let (drums, bass) = stages(manifest);
        let drums_lag = drums.iter().map(Stage::lag).max().unwrap_or(0);
        Self {
            shape: shape(manifest, vocals.shape()),
            stems,
            mix: Delay::new(vocals.shape().lag_frames()),
            vocals,
            found: StemBlock::default(),
            vocals_out: Delay::new(drums_lag + bass.lag()),
            drums_out: drums
                .iter()
                .map(|stage| Delay::new(drums_lag - stage.lag()))
                .collect(),
            rest: Delay::new(drums_lag),
            both: Delay::new(bass.lag()),
            drums,
            bass,
            work: Default::default(),
            terminator,
            is_parallel,
        }
    }
}

impl Separator for Files {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        self.vocals.reset();
        self.drums.iter_mut().for_each(Stage::reset);
        self.bass.reset();
        let delays = [
            &mut self.mix,
            &mut self.vocals_out,
            &mut self.rest,
            &mut self.both,
        ];
        for delay in delays.into_iter().chain(&mut self.drums_out) {
            delay.reset();
        }
    }

    fn max_batch_hops(&self) -> usize {
        1
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        stems.reshape(self.shape.stems.len(), num_frames);
        for channel in stems.stem_mut(self.shape.residual_idx) {
            channel.fill(0.0);
        }
        self.vocals.process(mix, &mut self.found)?;
        let vocals = std::mem::take(&mut self.found);
        let [left, right] = vocals.stem(0);
        // Whole hops of all transforms; small enough that who cancels need not wait.
        for start in (0..num_frames).step_by(CHUNK_FRAMES) {
            if self.terminator.is_terminated() {
                return Err(Error::Terminated);
            }
            let chunk = start..(start + CHUNK_FRAMES).min(num_frames);
            self.split(
                mix.map(|mix| &mix[chunk.clone()]),
                [&left[chunk.clone()], &right[chunk.clone()]],
                stems,
                start,
            );
        }
        self.found = vocals;
        Ok(())
    }
}

impl Files {
    /// Splits what is left without the vocals, and writes the frames that are due from frame `start` of `stems` on.
    ///
    /// # Shape
    /// `mix` and `vocals` are `[channel][frame]`, equally long, a multiple of every hop. `mix` is the newest,
    /// `vocals` those of the same call, which lag it.
    fn split(
        &mut self,
        mix: [&[f32]; 2],
        vocals: [&[f32]; 2],
        stems: &mut StemBlock,
        start: usize,
    ) {
        let num_frames = mix[0].len();
        let due = start..start + num_frames;
        self.vocals_out.push(vocals);
        self.vocals_out.pull(num_frames, |channel, samples| {
            stems.stem_mut(self.stems.vocals)[channel][due.clone()].copy_from_slice(samples);
        });
        let [accompaniment, drums, out] = &mut self.work;
        self.mix.push(mix);
        self.mix.pull(num_frames, |channel, mix| {
            accompaniment[channel].clear();
            let rest = mix
                .iter()
                .zip(vocals[channel])
                .map(|(mix, vocals)| mix - vocals);
            accompaniment[channel].extend(rest);
        });
        let accompaniment = [&accompaniment[0][..], &accompaniment[1][..]];
        for drums in &mut *drums {
            drums.clear();
            drums.resize(num_frames, 0.0);
        }
        let weight = 1.0 / self.drums.len() as f32;
        let push = |(stage, delay): (&mut Stage<Drums>, &mut Delay)| {
            let mut out = [Vec::new(), Vec::new()];
            stage.push(accompaniment, &mut out);
            delay.push([&out[0], &out[1]]);
        };
        let stages = self.drums.iter_mut().zip(&mut self.drums_out);
        if self.is_parallel {
            std::thread::scope(|scope| {
                for stage in stages {
                    scope.spawn(move || push(stage));
                }
            });
        } else {
            stages.for_each(push);
        }
        for delay in &mut self.drums_out {
            delay.pull(num_frames, |channel, samples| {
                for (sum, sample) in drums[channel].iter_mut().zip(samples) {
                    *sum += weight * sample;
                }
            });
        }
        self.both.push([&drums[0], &drums[1]]);
        self.both.pull(num_frames, |channel, samples| {
            stems.stem_mut(self.stems.drums)[channel][due.clone()].copy_from_slice(samples);
        });
        // In place of the drums what is left without them.
        self.rest.push(accompaniment);
        self.rest.pull(num_frames, |channel, accompaniment| {
            for (drums, accompaniment) in drums[channel].iter_mut().zip(accompaniment) {
                *drums = accompaniment - *drums;
            }
        });
        out.iter_mut().for_each(Vec::clear);
        self.bass.push([&drums[0], &drums[1]], out);
        for (bass, out) in stems.stem_mut(self.stems.bass).iter_mut().zip(out) {
            bass[due.clone()].copy_from_slice(out);
        }
    }
}
