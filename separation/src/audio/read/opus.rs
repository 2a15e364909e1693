//! The header of an Opus stream.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | `OpusHead` |
//! | 8 | 1 | version |
//! | 9 | 1 | channels |
//! | 10 | 2 | pre-skip |
//! | 12 | 4 | sample rate of the input, for information |
//! | 16 | 2 | gain in dB, signed, 8 bits behind the point |
//! | 18 | 1 | mapping of channels |
//!
//! All little-endian. Matroska has the same as its codec's private data.
//!
//! # Source
//! RFC 7845, section 5.1.

/// What has to be known to decode. Samples of this codec are always at 48 kHz, whatever the input was.
pub(super) struct Head {
    /// Decoded frames before the music.
    pub pre_skip: u64,
    /// What samples are multiplied by.
    pub gain: f32,
}

impl Head {
    /// None if the bytes are no such header.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"OpusHead") {
            return None;
        }
        let [low, high] = *bytes.get(10..12)?.first_chunk()?;
        let gain = *bytes.get(16..18)?.first_chunk()?;
        // In dB, with 8 bits behind the point.
        let gain_db = f32::from(i16::from_le_bytes(gain)) / 256.0;
        Some(Self {
            pre_skip: u16::from_le_bytes([low, high]).into(),
            gain: 10_f32.powf(gain_db / 20.0),
        })
    }
}
