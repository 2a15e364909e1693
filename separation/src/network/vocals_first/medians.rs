//! Running medians, many at a time.
//!
//! A network of comparators sorts what is compared without branches, so many neighbouring bins are sorted at
//! once in vector registers. Comparators that the middle doesn't depend on are left out.
//!
//! A comparator is one minimum and one maximum of whole registers, and how many there are depends on the number
//! of values alone, not on what they are.
//!
//! # Source
//! Odd-even merge sort: Batcher, "Sorting networks and their applications" (AFIPS 1968).

use pulp::Arch;

/// Bins that are sorted together. Values of f32: two to eight registers, by the processor.
const LANES: usize = 32;

/// The largest number of values whose median is taken.
///
/// [`super::drums::Drums::new`] asserts in debug builds that its spans see no more.
pub(super) const MAX_VALUES: usize = 64;

/// The median of a fixed number of values; of an even number, the upper of the two in the middle.
///
/// After all comparators only the value at `middle` is in its place; the others are sorted as far as that
/// needs.
#[derive(Debug, Clone)]
struct Network {
    /// Pairs whose lesser value goes first. In the order in which they are run; indices below the number of
    /// values.
    comparators: Vec<(usize, usize)>,
    /// Where the median is in the end: half the number of values, rounded down.
    middle: usize,
}

/// Medians of any number of values up to [`MAX_VALUES`].
///
/// Has no state but its tables: medians of the same values are the same.
#[derive(Debug, Clone)]
pub(super) struct Medians {
    /// By number of values. Index 0 is for one value.
    networks: Vec<Network>,
    /// The widest vectors that this processor has.
    arch: Arch,
    /// Work space: a frame with its mirror images.
    padded: Vec<f32>,
}

impl Network {
    /// The comparators of a merge sort of so many values, those that the middle needs.
    fn new(num_values: usize) -> Self {
        let mut all = Vec::new();
        let size = num_values.next_power_of_two();
        let mut width = 1;
        while width < size {
            let mut step = width;
            while step >= 1 {
                for start in (step % width..size - step).step_by(2 * step) {
                    for low in start..(start + step).min(size - step) {
                        let high = low + step;
                        // What is beyond the values is larger than all of them, and stays where it is.
                        if low / (2 * width) == high / (2 * width) && high < num_values {
                            all.push((low, high));
                        }
                    }
                }
                step /= 2;
            }
            width *= 2;
        }
        let middle = num_values / 2;
        let mut is_needed = vec![false; num_values];
        is_needed[middle] = true;
        let mut comparators = Vec::new();
        for (low, high) in all.into_iter().rev() {
            if is_needed[low] || is_needed[high] {
                (is_needed[low], is_needed[high]) = (true, true);
                comparators.push((low, high));
            }
        }
        comparators.reverse();
        Self {
            comparators,
            middle,
        }
    }

    /// As [`Medians::of_columns`]; inlined, so that it is compiled anew for every kind of vector.
    #[inline(always)]
    fn medians<'a>(&self, rows: impl Iterator<Item = &'a [f32]> + Clone, out: &mut [f32]) {
        let mut values = [[0.0f32; LANES]; MAX_VALUES];
        let mut start = 0;
        for out in out.chunks_mut(LANES) {
            for (values, row) in values.iter_mut().zip(rows.clone()) {
                values[..out.len()].copy_from_slice(&row[start..start + out.len()]);
            }
            for &(low, high) in &self.comparators {
                let (a, b) = (values[low], values[high]);
                for lane in 0..LANES {
                    // Not `min` and `max`: they mind NaN, at a price.
                    values[low][lane] = if a[lane] < b[lane] { a[lane] } else { b[lane] };
                    values[high][lane] = if a[lane] < b[lane] { b[lane] } else { a[lane] };
                }
            }
            out.copy_from_slice(&values[self.middle][..out.len()]);
            start += out.len();
        }
    }
}

impl Medians {
    /// The comparators of every number of values, and what the processor can do.
    pub(super) fn new() -> Self {
        Self {
            networks: (1..=MAX_VALUES).map(Network::new).collect(),
            arch: Arch::new(),
            padded: Vec::new(),
        }
    }

    /// `out[i]` becomes the median of `rows[..][i]`.
    ///
    /// # Shape
    /// At least one row and at most [`MAX_VALUES`], all at least as long as `out`.
    fn of_columns<'a>(
        &self,
        rows: impl ExactSizeIterator<Item = &'a [f32]> + Clone,
        out: &mut [f32],
    ) {
        let network = &self.networks[rows.len() - 1];
        self.arch.dispatch(|| network.medians(rows, out));
    }

    /// Medians over frames, bin by bin.
    ///
    /// From 1 to [`MAX_VALUES`] frames.
    ///
    /// # Shape
    /// `frames` is `[frame · bin]`, `num_bins` to a frame, of which the lowest `out.len()` are looked at.
    pub(super) fn over_frames(&self, frames: &[f32], num_bins: usize, out: &mut [f32]) {
        self.of_columns(frames.chunks_exact(num_bins), out);
    }

    /// Medians over the bins of one frame within `half` of each; the frame is mirrored at its ends.
    ///
    /// # Shape
    /// `out` is as long as `frame`, which is longer than `half`.
    pub(super) fn over_bins(&mut self, frame: &[f32], half: usize, out: &mut [f32]) {
        let mut padded = std::mem::take(&mut self.padded);
        padded.clear();
        padded.extend(frame[1..=half].iter().rev());
        padded.extend(frame);
        padded.extend(frame[frame.len() - 1 - half..frame.len() - 1].iter().rev());
        self.of_columns((0..2 * half + 1).map(|shift| &padded[shift..]), out);
        self.padded = padded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted_middle(mut values: Vec<f32>) -> f32 {
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    }

    #[test]
    fn medians_over_frames_are_those_of_sorting() {
        let medians = Medians::new();
        for num_frames in 1..=MAX_VALUES {
            let (num_bins, used) = (37, 33);
            let frames = crate::audio::noise::noise(num_frames * num_bins);
            let mut out = vec![0.0; used];
            medians.over_frames(&frames, num_bins, &mut out);
            for (bin, actual) in out.iter().enumerate() {
                let column = frames[bin..].iter().step_by(num_bins).copied().collect();
                assert_eq!(
                    *actual,
                    sorted_middle(column),
                    "{num_frames} frames, bin {bin}"
                );
            }
        }
    }

    #[test]
    fn medians_over_bins_are_those_of_sorting_mirrored_at_the_ends() {
        let mut medians = Medians::new();
        let frame = crate::audio::noise::noise(70);
        for half in [0usize, 1, 15, 31] {
            let mut out = vec![0.0; frame.len()];
            medians.over_bins(&frame, half, &mut out);
            for (bin, actual) in out.iter().enumerate() {
                let near = (0..=2 * half).map(|shift| {
                    let position = (bin + shift).abs_diff(half);
                    let last = frame.len() - 1;
                    frame[if position > last {
                        2 * last - position
                    } else {
                        position
                    }]
                });
                assert_eq!(
                    *actual,
                    sorted_middle(near.collect()),
                    "half {half}, bin {bin}"
                );
            }
        }
    }
}
