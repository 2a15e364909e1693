//! The four bytes that every frame of MPEG audio begins with.
//!
//! | byte | bits from the top | field |
//! |---|---|---|
//! | 0, 1 | 11 | all ones |
//! | 1 | 2 | version: 0 is 2.5, 2 is 2, 3 is 1 |
//! | | 2 | layer: 1 is III, 2 is II, 3 is I |
//! | | 1 | whether there is no checksum |
//! | 2 | 4 | bit rate, by a table of version and layer |
//! | | 2 | sample rate: 44.1, 48, 32 kHz, or halves or quarters of these |
//! | | 1 | padding: one slot more |
//! | | 1 | for private use |
//! | 3 | 2 | channels: 3 is mono |
//! | | 6 | stereo coding, copyright, original, emphasis |
//!
//! A packet of layer I has 384 frames, of layer III at a lower sample rate 576, of all others 1152.
//!
//! # Source
//! ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3; ISO/IEC 13818-3, 2.4.2.3, for the lower sample rates. MPEG 2.5 is an
//! extension by Fraunhofer that halves them once more.

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 4;

/// Rates in kbit/s by their index; 0 is a free rate, which no encoder in use writes. MPEG-1's three layers,
/// then those of the lower sample rates.
const LAYER_1: [u32; 15] = [
    0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
];
const LAYER_2: [u32; 15] = [
    0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
];
const LAYER_3: [u32; 15] = [
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
const LOW_LAYER_1: [u32; 15] = [
    0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
];
const LOW_LAYERS_2_3: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// How audio is coded: III is MP3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audio::read) enum Layer {
    One,
    Two,
    Three,
}

/// What stays the same from packet to packet of one recording.
///
/// Where it changes, another file was joined on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audio::read) struct Spec {
    /// I, II or III.
    pub layer: Layer,
    /// In Hz: 44100, 48000, 32000, or one of these halved once or twice.
    pub sample_rate: u32,
    /// 1 or 2.
    pub num_channels: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub spec: Spec,
    /// Bytes of the packet, with the header.
    pub num_bytes: usize,
    /// Frames that the packet holds.
    pub num_frames: usize,
    /// Bytes between the header and the main data of layer III, where encoders put their tags.
    pub side_info_bytes: usize,
}

impl Header {
    /// `None` if the bytes are no header, or one of a free rate.
    ///
    /// That bytes are a header says little: 11 bits of ones and some values that are not forbidden. See
    /// [`super::packets`].
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[sync, version_layer, rates, channels, ..] = bytes else {
            return None;
        };
        if sync != 0xff || version_layer & 0xe0 != 0xe0 {
            return None;
        }
        // 0 is MPEG 2.5, 2 is MPEG 2, 3 is MPEG 1.
        let version = version_layer >> 3 & 3;
        let is_low = version != 3;
        let layer = match version_layer >> 1 & 3 {
            1 => Layer::Three,
            2 => Layer::Two,
            3 => Layer::One,
            _ => return None,
        };
        let rate_idx = usize::from(rates >> 2 & 3);
        let halvings = [2, u32::MAX, 1, 0][usize::from(version)];
        let sample_rate = [44_100_u32, 48_000, 32_000]
            .get(rate_idx)?
            .checked_shr(halvings)?;
        let table = match (is_low, layer) {
            (false, Layer::One) => LAYER_1,
            (false, Layer::Two) => LAYER_2,
            (false, Layer::Three) => LAYER_3,
            (true, Layer::One) => LOW_LAYER_1,
            (true, _) => LOW_LAYERS_2_3,
        };
        let bits_per_second = match table.get(usize::from(rates >> 4))? {
            0 => return None,
            kilobits => kilobits * 1_000,
        };
        let padding = u32::from(rates >> 1 & 1);
        let num_bytes = match (layer, is_low) {
            (Layer::One, _) => (12 * bits_per_second / sample_rate + padding) * 4,
            (Layer::Three, true) => 72 * bits_per_second / sample_rate + padding,
            _ => 144 * bits_per_second / sample_rate + padding,
        };
        let num_channels = if channels >> 6 == 3 { 1 } else { 2 };
        Some(Self {
            spec: Spec {
                layer,
                sample_rate,
                num_channels,
            },
            num_bytes: num_bytes as usize,
            num_frames: match (layer, is_low) {
                (Layer::One, _) => 384,
                (Layer::Three, true) => 576,
                _ => 1_152,
            },
            side_info_bytes: match (is_low, num_channels) {
                (false, 2) => 32,
                (true, 1) => 9,
                _ => 17,
            },
        })
    }
}
