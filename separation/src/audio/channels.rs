//! Which loudspeaker a channel feeds, and how channels are grouped for a stereo model.
//!
//! A model hears stereo; a file may have up to [`crate::audio::read::MAX_CHANNELS`] channels. Each [`Group`]
//! goes through a separator of its own, mono on both sides, and the stems get the layout of the song again.

use serde::{Deserialize, Serialize};

/// Names of the speaker positions by their bit in the channel mask.
///
/// # Source
/// Microsoft, "WAVEFORMATEXTENSIBLE structure", `dwChannelMask`.
const SPEAKERS: [&str; 18] = [
    "front left",
    "front right",
    "front centre",
    "low frequency",
    "rear left",
    "rear right",
    "front left of centre",
    "front right of centre",
    "rear centre",
    "side left",
    "side right",
    "top centre",
    "top front left",
    "top front centre",
    "top front right",
    "top rear left",
    "top rear centre",
    "top rear right",
];

/// Left and right positions that belong together, as bits of the mask. Rear centre, front centre and the like
/// belong to none.
const PAIRS: [(u8, u8); 6] = [(0, 1), (4, 5), (6, 7), (9, 10), (12, 14), (15, 17)];

/// The mask that a channel count stands for when the file names no positions: the layouts of the WAVE format
/// for 1 to 8 channels. As bits of [`SPEAKERS`]: centre; left and right; 3.0; quadro; 5.0; 5.1; 6.1; 7.1 with
/// the sides.
const DEFAULT_MASKS: [u32; 8] = [0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

/// The positions of a file's channels, in file order.
///
/// A channel without a known position is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Bit of the channel mask, 0 to 17, per channel of the file.
    positions: Vec<Option<u8>>,
}

impl Layout {
    /// Positions from a channel mask; channels beyond the mask's bits have none.
    ///
    /// Bits from 18 on mean nothing, and bits that there is no channel for are dropped from the highest on.
    pub fn from_mask(mask: u32, num_channels: usize) -> Self {
        let mut positions: Vec<Option<u8>> = (0..18)
            .filter(|bit| mask >> bit & 1 == 1)
            .map(Some)
            .take(num_channels)
            .collect();
        positions.resize(num_channels, None);
        Self { positions }
    }

    /// The usual layout for a channel count; more than eight channels have no known positions.
    ///
    /// # Example
    /// ```
    /// use unweave_separation::audio::channels::Layout;
    ///
    /// let groups = Layout::from_count(6).groups();
    /// let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    /// assert_eq!(names, ["front pair", "front centre", "low frequency", "rear pair"]);
    /// assert_eq!(groups[3].channels, [4, 5]);
    /// ```
    pub fn from_count(num_channels: usize) -> Self {
        let mask = num_channels
            .checked_sub(1)
            .and_then(|i| DEFAULT_MASKS.get(i))
            .copied();
        Self::from_mask(mask.unwrap_or(0), num_channels)
    }

    /// How many channels there are.
    pub fn num_channels(&self) -> usize {
        self.positions.len()
    }

    /// The bit of each channel's position in the channel mask, in file order.
    pub fn positions(&self) -> &[Option<u8>] {
        &self.positions
    }

    /// The channel mask of the known positions.
    pub fn mask(&self) -> u32 {
        self.positions
            .iter()
            .flatten()
            .fold(0, |mask, &bit| mask | 1 << bit)
    }

    /// What the stereo model hears together: left/right pairs, and every other channel on its own.
    ///
    /// Two channels are always one pair. Channels without a position are paired in file order. Groups come in
    /// the order of their first channels.
    pub fn groups(&self) -> Vec<Group> {
        let n = self.num_channels();
        if n == 2 {
            return vec![Group {
                name: "stereo".into(),
                channels: vec![0, 1],
            }];
        }
        if n == 1 {
            return vec![Group {
                name: "mono".into(),
                channels: vec![0],
            }];
        }
        let find = |bit: u8| self.positions.iter().position(|&p| p == Some(bit));
        let mut groups = Vec::new();
        let mut taken = vec![false; n];
        for (left, right) in PAIRS {
            if let (Some(l), Some(r)) = (find(left), find(right)) {
                let name = SPEAKERS[usize::from(left)].replacen("left", "pair", 1);
                groups.push(Group {
                    name,
                    channels: vec![l, r],
                });
                (taken[l], taken[r]) = (true, true);
            }
        }
        let mut unplaced = Vec::new();
        for (channel, position) in self.positions.iter().enumerate() {
            match position {
                _ if taken[channel] => {}
                Some(bit) => groups.push(Group {
                    name: SPEAKERS[usize::from(*bit)].into(),
                    channels: vec![channel],
                }),
                None => unplaced.push(channel),
            }
        }
        for channels in unplaced.chunks(2) {
            let numbers: Vec<String> = channels.iter().map(|c| (c + 1).to_string()).collect();
            let name = format!("channel {}", numbers.join("+"));
            groups.push(Group {
                name,
                channels: channels.to_vec(),
            });
        }
        groups.sort_by_key(|group| group.channels[0]);
        groups
    }
}

/// Channels that go through the model together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// For people: `stereo`, `front pair`, `low frequency`.
    pub name: String,
    /// One or two channel indices in file order.
    pub channels: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(layout: &Layout) -> Vec<(String, Vec<usize>)> {
        layout
            .groups()
            .into_iter()
            .map(|g| (g.name, g.channels))
            .collect()
    }

    #[test]
    fn five_point_one_is_two_pairs_a_centre_and_a_low_frequency_channel() {
        // L R C LFE Ls Rs, once with rear and once with side surrounds.
        for (mask, surround) in [(0x3f, "rear pair"), (0x60f, "side pair")] {
            assert_eq!(
                names(&Layout::from_mask(mask, 6)),
                [
                    ("front pair".to_owned(), vec![0, 1]),
                    ("front centre".to_owned(), vec![2]),
                    ("low frequency".to_owned(), vec![3]),
                    (surround.to_owned(), vec![4, 5]),
                ]
            );
        }
        assert_eq!(Layout::from_count(6), Layout::from_mask(0x3f, 6));
    }

    #[test]
    fn every_channel_is_in_exactly_one_group_for_any_mask_and_count() {
        for num_channels in 1..=20 {
            for mask in [0, 1, 0x3, 0x5, 0x33, 0x3f, 0x3ffff] {
                let mut seen: Vec<usize> = Layout::from_mask(mask, num_channels)
                    .groups()
                    .into_iter()
                    .flat_map(|group| group.channels)
                    .collect();
                seen.sort_unstable();
                let all: Vec<usize> = (0..num_channels).collect();
                assert_eq!(seen, all, "mask {mask:#x}, {num_channels} channels");
            }
        }
    }
}
