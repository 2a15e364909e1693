//! The waveform of a recording at a glance, in constant memory.
//!
//! Made while frames come, block by block. A minute at 44.1 kHz is 646 columns of 4096 frames; an hour 606 of
//! 262,144.

/// Most columns; beyond, each column stands for twice as many frames.
pub const MAX_COLUMNS: usize = 1024;

/// Frames of a column at first.
const FIRST_COLUMN_FRAMES: u64 = 64;

/// Lowest and highest sample of each stretch of audio, over all channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// `[lowest, highest]`, each in its turn `column_frames` long but for the last.
    columns: Vec<[f32; 2]>,
    /// [`FIRST_COLUMN_FRAMES`] times a power of two.
    column_frames: u64,
    /// Frames in the last column.
    last_frames: u64,
}

impl Default for Overview {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            column_frames: FIRST_COLUMN_FRAMES,
            last_frames: FIRST_COLUMN_FRAMES,
        }
    }
}

impl Overview {
    /// `[lowest, highest]` per column, at most 1024.
    pub fn columns(&self) -> &[[f32; 2]] {
        &self.columns
    }

    /// Frames that a column stands for; the last may have fewer.
    pub fn column_frames(&self) -> u64 {
        self.column_frames
    }

    /// Adds audio, `[channel][frame]`. Samples that are not numbers are left out.
    pub fn push(&mut self, channels: &[Vec<f32>]) {
        let num_frames = channels.first().map_or(0, Vec::len);
        let mut done = 0;
        while done < num_frames {
            if self.last_frames == self.column_frames {
                self.open_column();
            }
            let room = usize::try_from(self.column_frames - self.last_frames).unwrap_or(usize::MAX);
            let end = num_frames.min(done.saturating_add(room));
            if let Some([low, high]) = self.columns.last_mut() {
                for &sample in channels.iter().flat_map(|channel| &channel[done..end]) {
                    // Of a number and NaN, both give the number.
                    *low = low.min(sample);
                    *high = high.max(sample);
                }
            }
            self.last_frames += (end - done) as u64;
            done = end;
        }
    }

    /// Begins a column, and makes one of two where there are too many.
    fn open_column(&mut self) {
        if self.columns.len() == MAX_COLUMNS {
            for idx in 0..MAX_COLUMNS / 2 {
                let [a, b] = [self.columns[2 * idx], self.columns[2 * idx + 1]];
                self.columns[idx] = [a[0].min(b[0]), a[1].max(b[1])];
            }
            self.columns.truncate(MAX_COLUMNS / 2);
            self.column_frames *= 2;
        }
        self.columns.push([0.0, 0.0]);
        self.last_frames = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gives_the_extremes_of_each_stretch_however_it_was_cut() {
        for num_frames in [0_u16, 1, 64, 65, 40_000, 65_535] {
            let left: Vec<f32> = (0..num_frames)
                .map(|n| f32::from(n % 977) - 400.0)
                .collect();
            let right: Vec<f32> = left.iter().map(|sample| -2.0 * sample).collect();
            let mut overview = Overview::default();
            let mut at = 0;
            for len in [1, 63, 64, 1000, 7].into_iter().cycle() {
                let end = left.len().min(at + len);
                overview.push(&[left[at..end].to_vec(), right[at..end].to_vec()]);
                at = end;
                if at == left.len() {
                    break;
                }
            }
            let step = usize::try_from(overview.column_frames()).unwrap();
            let expected: Vec<[f32; 2]> = left
                .chunks(step)
                .zip(right.chunks(step))
                .map(|(left, right)| {
                    let both = || left.iter().chain(right).copied();
                    [both().fold(0.0, f32::min), both().fold(0.0, f32::max)]
                })
                .collect();
            assert_eq!(overview.columns(), expected, "{num_frames}");
            assert!(overview.columns().len() <= MAX_COLUMNS);
        }
    }
}
