//! The tag in the first packet of an MP3, where encoders say how long it is and where the music starts.
//!
//! Xing's stands behind the side information, where music of layer III would begin; fields that its flags leave
//! out take no room. LAME's follows it, as offsets from its own beginning:
//!
//! | tag | offset | bytes | field |
//! |---|---|---|---|
//! | Xing | 0 | 4 | `Xing`, or `Info` at a constant rate |
//! | | 4 | 4 | flags: which of the following there are |
//! | | | 4, 4, 100, 4 | packets, bytes, table of places, quality |
//! | LAME | 0 | 9 | name of the encoder |
//! | | 21 | 3 | 12 bits each: frames before the music, and behind it |
//! | | 34 | 2 | checksum of all before it in the packet |
//! | VBRI | 14 | 4 | packets |
//!
//! What LAME calls the delay is the encoder's alone: the decoder's [`DECODER_DELAY_FRAMES`] come on top at the
//! start, and off at the end.
//!
//! # Source
//! Xing, "VBR header SDK"; LAME, "Mp3 info tag revision 1 specification"; Fraunhofer's VBRI as its players read it.

use super::header::{HEADER_BYTES, Header};

/// Frames by which every decoder of layer III is late: the filter bank's delay and one.
const DECODER_DELAY_FRAMES: u64 = 529;

/// More than any encoder puts before the music: two packets of it, and the filter bank.
const MAX_DELAY_FRAMES: u64 = 4_000;

/// Bytes of a LAME tag before delay and padding.
const DELAY_AT: usize = 21;
/// Bytes of a LAME tag with its checksum, which is the last two.
const LAME_BYTES: usize = 36;

/// What a tag says; nothing of it is believed before the packets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    /// Packets of music that it counts; `None` if it counts none or 0.
    pub num_packets: Option<u64>,
    /// None if no encoder says so whose word is good.
    pub gaps: Option<Gaps>,
    /// Whether a checksum is there and is wrong.
    pub is_damaged: bool,
}

/// Decoded frames around the music.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gaps {
    /// Before it, the decoder's delay included.
    pub start_frames: u64,
    /// Behind it, without the decoder's delay.
    pub end_frames: u64,
}

/// The tag in a packet, which then holds no music; `None` if there is none.
pub(super) fn parse(packet: &[u8], header: &Header) -> Option<Tag> {
    let xing = packet.get(HEADER_BYTES + header.side_info_bytes..)?;
    if xing.starts_with(b"Xing") || xing.starts_with(b"Info") {
        return Some(parse_xing(packet, xing));
    }
    // Fraunhofer's stands at the same place in every packet.
    let vbri = packet.get(HEADER_BYTES + 32..)?;
    vbri.starts_with(b"VBRI").then(|| Tag {
        num_packets: number(vbri, 14, 4).filter(|&count| count > 0),
        gaps: None,
        is_damaged: false,
    })
}

/// `xing` is the end of `packet` from the tag's name on.
fn parse_xing(packet: &[u8], xing: &[u8]) -> Tag {
    let flags = number(xing, 4, 4).unwrap_or(0);
    let mut at = 8;
    let mut num_packets = None;
    for (flag, num_bytes) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
        if flags & flag != 0 {
            if flag == 1 {
                num_packets = number(xing, at, 4).filter(|&count| count > 0);
            }
            at += num_bytes;
        }
    }
    let lame = xing.get(at..).unwrap_or_default();
    let gaps = number(lame, DELAY_AT, 3).and_then(|packed| {
        let is_encoder = [&b"LAME"[..], b"Lavf", b"Lavc", b"L3.9"]
            .iter()
            .any(|name| lame.starts_with(name));
        let start_frames = (packed >> 12) + DECODER_DELAY_FRAMES;
        (is_encoder && start_frames <= MAX_DELAY_FRAMES).then(|| Gaps {
            start_frames,
            end_frames: (packed & 0xfff).saturating_sub(DECODER_DELAY_FRAMES),
        })
    });
    let checked = packet.len() - lame.len() + LAME_BYTES - 2;
    let checksum = number(packet, checked, 2).filter(|&sum| sum != 0 && lame.starts_with(b"LAME"));
    let is_damaged = checksum.is_some_and(|sum| sum != u64::from(crc16(&packet[..checked])));
    Tag {
        num_packets,
        gaps,
        is_damaged,
    }
}

/// The most significant byte first. None beyond the end.
fn number(bytes: &[u8], at: usize, num_bytes: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + num_bytes)?;
    Some(
        bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | u64::from(byte)),
    )
}

/// CRC-16 with the polynomial x¹⁶ + x¹⁵ + x² + 1, the lowest bit first.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xa001 } else { 0 }
        })
    })
}
