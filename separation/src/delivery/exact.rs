//! From floats to files that sum: one gain, integers, and what is left over.
//!
//! The formulas are in [`crate::delivery`]. Conversion happens twice: once to find out how far the set would
//! reach at gain 1 ([`Exact::measure`]), once at the gain that follows ([`Exact::convert`]); integers are
//! rounded to the nearest, ties to even, and no dither is added.

use crate::audio::write::{BitDepth, Samples};
use crate::delivery::plan::Role;

/// Adding and taking away 1.5 · 2^52 rounds a f64 of magnitude below 2^51 to an integer, ties to even,
/// in two instructions that vectorise; `f64::round` is a call on the baseline of x86-64.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// How floats become the samples of each file.
///
/// # Example
/// ```
/// use unweave_separation::audio::write::{BitDepth, Samples};
/// use unweave_separation::delivery::exact::{Exact, Extent, FileBlock, Lanes};
/// use unweave_separation::delivery::plan::Role;
///
/// // Two stems, the second of which is the residual, and the mix.
/// let roles = vec![Role::Stem(0), Role::Stem(1), Role::Mix];
/// let exact = Exact::new(BitDepth::Int16, 2, 1, roles);
/// let lanes = Lanes {
///     mix: &[vec![0.9, -0.30001]],
///     stems: &[vec![vec![0.4, -0.10004]]],
/// };
/// let mut extent = Extent::default();
/// exact.measure(lanes, &mut extent);
/// let gain = exact.gain(&extent);
/// assert_eq!(gain, 1.0, "nothing clips");
///
/// let mut files = FileBlock::default();
/// exact.convert(lanes, gain, &mut files);
/// let of = |file_idx| match files.samples(file_idx) {
///     Samples::Integer(channels) => channels[0].clone(),
///     Samples::Float(_) => unreachable!("16 bits are integers"),
/// };
/// let (stem, rest, mix) = (of(0), of(1), of(2));
/// assert!((0..2).all(|frame| stem[frame] + rest[frame] == mix[frame]));
/// ```
#[derive(Debug, Clone)]
pub struct Exact {
    /// Of all files.
    depth: BitDepth,
    /// The residual included.
    num_stems: usize,
    /// Which of them is what the others leave.
    residual_idx: usize,
    /// What each file holds, in the order of the plan.
    roles: Vec<Role>,
}

/// One block as it comes from separation.
///
/// # Shape
/// `mix` is `[channel][frame]`; `stems` is `[stem][channel][frame]` without the residual.
#[derive(Debug, Clone, Copy)]
pub struct Lanes<'a> {
    /// The mix.
    pub mix: &'a [Vec<f32>],
    /// The stems but the residual, in the model's order.
    pub stems: &'a [Vec<Vec<f32>>],
}

/// Samples of all files for one block.
///
/// # Shape
/// `[file][channel][frame]`; one of the two is used.
#[derive(Debug, Clone, Default)]
pub struct FileBlock {
    /// For 16 and 24 bits.
    integers: Vec<Vec<Vec<i32>>>,
    /// For 32-bit floats.
    floats: Vec<Vec<Vec<f32>>>,
}

impl FileBlock {
    /// What goes into one file.
    ///
    /// # Panics
    /// If there are fewer files.
    pub fn samples(&self, file_idx: usize) -> Samples<'_> {
        match self.integers.get(file_idx) {
            Some(integers) => Samples::Integer(integers),
            None => Samples::Float(&self.floats[file_idx]),
        }
    }
}

/// The least and the greatest integer that any file would have at gain 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Extent {
    /// At most 0.
    lowest: f64,
    /// At least 0.
    highest: f64,
}

impl Extent {
    /// By integers of any file, kept in f64.
    fn widen(&mut self, samples: &[f64]) {
        for &sample in samples {
            // Comparisons, not `min` and `max`: there is no NaN here, and these vectorise.
            self.lowest = if sample < self.lowest {
                sample
            } else {
                self.lowest
            };
            self.highest = if sample > self.highest {
                sample
            } else {
                self.highest
            };
        }
    }
}

impl Exact {
    /// Stems of the model, the residual included.
    pub fn num_stems(&self) -> usize {
        self.num_stems
    }

    /// For a model with `num_stems` stems, of which one is the residual.
    pub fn new(depth: BitDepth, num_stems: usize, residual_idx: usize, roles: Vec<Role>) -> Self {
        Self {
            depth,
            num_stems,
            residual_idx,
            roles,
        }
    }

    /// Widens `extent` by what this block would be at gain 1. The mix counts whether it is written or not,
    /// because all files share one gain and belong to it.
    pub fn measure(&self, lanes: Lanes<'_>, extent: &mut Extent) {
        if self.depth == BitDepth::Float32 {
            return;
        }
        for channel in 0..lanes.mix.len() {
            let stems = self.integer_stems(lanes, channel, 1.0);
            extent.widen(&sum_of(&stems, &(0..self.num_stems).collect::<Vec<_>>()));
            for role in &self.roles {
                match role {
                    Role::Mix => {}
                    Role::Stem(stem) => extent.widen(&stems[*stem]),
                    Role::Sum(of) => extent.widen(&sum_of(&stems, of)),
                }
            }
        }
    }

    /// 1 if nothing clips; else the gain at which the loudest sample of the set lands just below full scale.
    ///
    /// Let n be the number of stems, P the largest integer at gain 1, and m = (n + 1) / 2. An integer of
    /// any file is the rounding of at most n + 1 values (the residual: mix and n − 1 stems), so it is
    /// within m of the unrounded value R: R ≤ P + m, and at gain g it is at most g R + m. With
    /// `g = (full scale − 1 − m) / (P + m)` that is at most full scale − 1.
    pub fn gain(&self, extent: &Extent) -> f64 {
        let full_scale = self.depth.full_scale();
        let fits = extent.lowest >= -full_scale && extent.highest < full_scale;
        if self.depth == BitDepth::Float32 || fits {
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of stems")]
        let margin = (self.num_stems + 1) as f64 / 2.0;
        let peak = extent.highest.max(-extent.lowest);
        (full_scale - 1.0 - margin) / (peak + margin)
    }

    /// The samples of every file at a gain that [`Exact::gain`] gave.
    pub fn convert(&self, lanes: Lanes<'_>, gain: f64, block: &mut FileBlock) {
        let num_channels = lanes.mix.len();
        if self.depth == BitDepth::Float32 {
            block.floats.resize_with(self.roles.len(), Vec::new);
            for (role, file) in self.roles.iter().zip(&mut block.floats) {
                file.resize_with(num_channels, Vec::new);
                for (channel, out) in file.iter_mut().enumerate() {
                    self.float_file(lanes, role, channel, out);
                }
            }
            return;
        }
        block.integers.resize_with(self.roles.len(), Vec::new);
        for file in &mut block.integers {
            file.resize_with(num_channels, Vec::new);
        }
        for channel in 0..num_channels {
            let stems = self.integer_stems(lanes, channel, gain);
            for (role, file) in self.roles.iter().zip(&mut block.integers) {
                let out = &mut file[channel];
                out.clear();
                match role {
                    Role::Stem(stem) => out.extend(stems[*stem].iter().map(|&s| to_i32(s))),
                    Role::Sum(of) => out.extend(sum_of(&stems, of).iter().map(|&s| to_i32(s))),
                    Role::Mix => {
                        let scale = gain * self.depth.full_scale();
                        let mix = lanes.mix[channel].iter();
                        out.extend(mix.map(|&x| to_i32(round(f64::from(x) * scale))));
                    }
                }
            }
        }
    }

    /// Integers of every stem of one channel, kept in f64, where they and their sums are exact.
    fn integer_stems(&self, lanes: Lanes<'_>, channel: usize, gain: f64) -> Vec<Vec<f64>> {
        let scale = gain * self.depth.full_scale();
        let integers = |samples: &[f32]| -> Vec<f64> {
            samples
                .iter()
                .map(|&sample| round(f64::from(sample) * scale))
                .collect()
        };
        let mut residual = integers(&lanes.mix[channel]);
        let mut stems: Vec<Vec<f64>> = lanes
            .stems
            .iter()
            .map(|stem| integers(&stem[channel]))
            .collect();
        for stem in &stems {
            for (residual, sample) in residual.iter_mut().zip(stem) {
                *residual -= sample;
            }
        }
        stems.insert(self.residual_idx, residual);
        stems
    }

    /// One channel of one file as floats.
    fn float_file(&self, lanes: Lanes<'_>, role: &Role, channel: usize, out: &mut Vec<f32>) {
        out.clear();
        match role {
            Role::Mix => out.extend_from_slice(&lanes.mix[channel]),
            Role::Stem(stem) if *stem == self.residual_idx => {
                out.extend(self.float_residual(lanes, channel));
            }
            Role::Stem(stem) => out.extend_from_slice(&self.lane(lanes, *stem)[channel]),
            Role::Sum(of) => {
                let mut sum = vec![0.0_f64; lanes.mix[channel].len()];
                for &stem in of {
                    if stem == self.residual_idx {
                        let residual = self.float_residual(lanes, channel);
                        sum.iter_mut()
                            .zip(residual)
                            .for_each(|(sum, s)| *sum += f64::from(s));
                    } else {
                        let lane = &self.lane(lanes, stem)[channel];
                        sum.iter_mut()
                            .zip(lane)
                            .for_each(|(sum, &s)| *sum += f64::from(s));
                    }
                }
                out.extend(sum.into_iter().map(to_f32));
            }
        }
    }

    /// What the other stems leave of one channel of the mix: a sum in f64, rounded once.
    fn float_residual<'a>(
        &self,
        lanes: Lanes<'a>,
        channel: usize,
    ) -> impl Iterator<Item = f32> + use<'a> {
        lanes.mix[channel]
            .iter()
            .enumerate()
            .map(move |(frame, &mix)| {
                let others = lanes
                    .stems
                    .iter()
                    .map(|stem| f64::from(stem[channel][frame]));
                to_f32(f64::from(mix) - others.sum::<f64>())
            })
    }

    /// A stem that is not the residual.
    fn lane<'a>(&self, lanes: Lanes<'a>, stem: usize) -> &'a [Vec<f32>] {
        &lanes.stems[if stem > self.residual_idx {
            stem - 1
        } else {
            stem
        }]
    }
}

/// The sum of these stems of one channel; exact, as integers far below 2^53 are in f64.
fn sum_of(stems: &[Vec<f64>], of: &[usize]) -> Vec<f64> {
    let mut sum = vec![0.0; stems[0].len()];
    for &stem in of {
        for (sum, sample) in sum.iter_mut().zip(&stems[stem]) {
            *sum += sample;
        }
    }
    sum
}

/// To the nearest integer, ties to even; see [`ROUNDER`].
fn round(sample: f64) -> f64 {
    (sample + ROUNDER) - ROUNDER
}

/// An integer in its own type.
#[expect(
    clippy::cast_possible_truncation,
    reason = "integers within the depth, as the gain ensures"
)]
fn to_i32(sample: f64) -> i32 {
    sample as i32
}

/// A float in the file's type.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the one rounding to the file's f32"
)]
fn to_f32(sample: f64) -> f32 {
    sample as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Stems 0 and 2, with 1 as residual, and two sums.
    fn roles() -> Vec<Role> {
        vec![
            Role::Stem(0),
            Role::Stem(1),
            Role::Stem(2),
            Role::Mix,
            Role::Sum(vec![0, 1]),
            Role::Sum(vec![0, 2]),
        ]
    }

    fn block(depth: BitDepth, mix: Vec<f32>, a: Vec<f32>, b: Vec<f32>) -> (f64, FileBlock) {
        let exact = Exact::new(depth, 3, 1, roles());
        let (mix, stems) = (vec![mix], vec![vec![a], vec![b]]);
        let lanes = Lanes {
            mix: &mix,
            stems: &stems,
        };
        let mut extent = Extent::default();
        exact.measure(lanes, &mut extent);
        let gain = exact.gain(&extent);
        let mut block = FileBlock::default();
        exact.convert(lanes, gain, &mut block);
        (gain, block)
    }

    fn integers(block: &FileBlock, file: usize) -> Vec<i64> {
        match block.samples(file) {
            Samples::Integer(samples) => samples[0].iter().map(|&s| s.into()).collect(),
            Samples::Float(_) => panic!("integers expected"),
        }
    }

    fn floats(block: &FileBlock, file: usize) -> Vec<f64> {
        match block.samples(file) {
            Samples::Float(samples) => samples[0].iter().map(|&s| s.into()).collect(),
            Samples::Integer(_) => panic!("floats expected"),
        }
    }

    #[test]
    fn a_16_bit_source_comes_through_bit_for_bit_at_both_depths() {
        let source: Vec<i32> = (-32_768..32_768).collect();
        let mix: Vec<f32> = source.iter().map(|&s| s as f32 / 32_768.0).collect();
        let stem: Vec<f32> = mix.iter().map(|s| s * 0.4).collect();
        for (depth, factor) in [(BitDepth::Int16, 1), (BitDepth::Int24, 256)] {
            let (gain, block) = block(depth, mix.clone(), stem.clone(), stem.clone());
            assert_eq!(gain, 1.0);
            let expected: Vec<i64> = source.iter().map(|&s| i64::from(s * factor)).collect();
            assert_eq!(integers(&block, 3), expected);
        }
    }

    #[test]
    fn full_scale_fits_and_one_step_more_does_not() {
        let (gain, _) = block(
            BitDepth::Int16,
            vec![-1.0, 32_767.0 / 32_768.0],
            vec![0.0; 2],
            vec![0.0; 2],
        );
        assert_eq!(gain, 1.0);
        let (gain, block) = block(BitDepth::Int16, vec![1.0], vec![0.0], vec![0.0]);
        assert!(gain < 1.0 && gain > 0.9998, "{gain}");
        assert!(integers(&block, 3)[0] >= 32_760, "as loud as is safe");
    }

    proptest! {
        /// Sources up to 12 dB above full scale, stems that cancel each other far above it.
        #[test]
        fn stems_sum_to_the_mix_and_nothing_clips(
            samples in prop::collection::vec((-4.0..4.0_f32, -8.0..8.0_f32, -8.0..8.0_f32), 1..40),
            level in prop::sample::select(vec![1e-7_f32, 1e-3, 0.05, 0.5, 1.0, 1e20]),
            wide in any::<bool>(),
        ) {
            let depth = if wide { BitDepth::Int24 } else { BitDepth::Int16 };
            let lane = |pick: fn(&(f32, f32, f32)) -> f32| samples.iter().map(|s| pick(s) * level).collect::<Vec<f32>>();
            let (gain, block) = block(depth, lane(|s| s.0), lane(|s| s.1), lane(|s| s.2));
            let files: Vec<Vec<i64>> = (0..6).map(|file| integers(&block, file)).collect();
            let full_scale: i64 = if wide { 1 << 23 } else { 1 << 15 };
            for frame in 0..samples.len() {
                let at = |file: usize| files[file][frame];
                prop_assert_eq!(at(0) + at(1) + at(2), at(3));
                prop_assert_eq!(at(0) + at(1), at(4));
                prop_assert_eq!(at(0) + at(2), at(5));
                for file in 0..6 {
                    prop_assert!((-full_scale..full_scale).contains(&at(file)));
                }
                // Full Mix is the source times the gain, to half a step.
                let source = f64::from(samples[frame].0 * level) * gain * depth.full_scale();
                prop_assert!((at(3) as f64 - source).abs() <= 0.5);
            }
            let loudest = files.iter().flatten().map(|s| s.abs()).max().unwrap();
            prop_assert!(gain == 1.0 || loudest > full_scale - 8 - full_scale / 1_000);
        }

        #[test]
        fn floats_sum_to_the_rounding_of_the_residual(
            samples in prop::collection::vec((-4.0..4.0_f32, -8.0..8.0_f32, -8.0..8.0_f32), 1..40),
        ) {
            let lane = |pick: fn(&(f32, f32, f32)) -> f32| samples.iter().map(pick).collect::<Vec<f32>>();
            let (gain, block) = block(BitDepth::Float32, lane(|s| s.0), lane(|s| s.1), lane(|s| s.2));
            prop_assert_eq!(gain, 1.0);
            let files: Vec<Vec<f64>> = (0..6).map(|file| floats(&block, file)).collect();
            for frame in 0..samples.len() {
                let at = |file: usize| files[file][frame];
                let rounding = |of: f64| of.abs() * f64::from(f32::EPSILON) / 2.0;
                prop_assert!((at(0) + at(1) + at(2) - at(3)).abs() <= rounding(at(1)));
                prop_assert!((at(0) + at(1) - at(4)).abs() <= rounding(at(4)));
                prop_assert_eq!(at(3), f64::from(samples[frame].0));
            }
        }
    }
}
