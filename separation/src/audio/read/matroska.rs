//! What Symphonia doesn't tell of a Matroska or WebM file: whether it is whole, and the padding at its end.
//!
//! A file is elements in elements, each a number, a size, and a body; number and size are of 1 to 8 bytes,
//! their length in the leading zeros of the first. A size of all ones is unknown. What is looked at:
//!
//! | element | number | |
//! |---|---|---|
//! | `Segment` | `18538067` | all of the audio; its size against the file's |
//! | `Cluster` | `1F43B675` | some seconds of it |
//! | `SimpleBlock`, `BlockGroup` | `A3`, `A0` | a packet, the latter with more about it |
//! | `DiscardPadding` | `75A2` | in a `BlockGroup`: nanoseconds at its end that are no music |
//!
//! # Source
//! RFC 8794 (EBML) for elements; RFC 9559 (Matroska), section 5.1, for their numbers.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use super::ReadError;

/// Holds all others but the head.
const SEGMENT: u64 = 0x1853_8067;
/// Holds blocks.
const CLUSTER: u64 = 0x1f43_b675;
/// Holds one packet and what is said of it.
const BLOCK_GROUP: u64 = 0xa0;
/// Is one packet.
const SIMPLE_BLOCK: u64 = 0xa3;
/// A signed number of nanoseconds, big-endian.
const DISCARD_PADDING: u64 = 0x75a2;

/// What is known of the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Whether the file is shorter than its segment says.
    pub is_cut_off: bool,
    /// Whether the file says how long it is, so that a missing end can be noticed.
    pub is_known: bool,
    /// Decoded nanoseconds at the end that are no music.
    pub padding_ns: u64,
}

/// Walks through the elements by their sizes.
///
/// Packets are passed over, so this reads a few bytes of each. Padding counts if it is the last packet's.
pub(super) fn end(file: &File, len: u64) -> Result<End, ReadError> {
    let mut file = BufReader::new(file.try_clone()?);
    let mut end = End {
        is_cut_off: false,
        is_known: false,
        padding_ns: 0,
    };
    let mut at = 0;
    while let Some((id, body)) = element(&mut file, at, len)? {
        if id == SEGMENT {
            end.is_known = body.end != u64::MAX;
            end.is_cut_off = end.is_known && body.end > len;
            at = body.start;
            break;
        }
        at = body.end;
    }
    while let Some((id, body)) = element(&mut file, at, len)? {
        match id {
            // Their children follow, as if they stood beside them.
            CLUSTER => at = body.start,
            BLOCK_GROUP => {
                end.padding_ns = padding(&mut file, body.clone())?;
                at = body.end;
            }
            SIMPLE_BLOCK => {
                end.padding_ns = 0;
                at = body.end;
            }
            _ => at = body.end,
        }
    }
    Ok(end)
}

/// Nanoseconds to discard at the end of a group's packet; a negative number is of its beginning, and counts as
/// 0 here.
fn padding(file: &mut BufReader<File>, group: Range<u64>) -> Result<u64, ReadError> {
    let mut at = group.start;
    while let Some((id, body)) = element(file, at, group.end)? {
        at = body.end;
        let num_bytes = body.end.saturating_sub(body.start);
        if id == DISCARD_PADDING && (1..=8).contains(&num_bytes) {
            let mut bytes = Vec::new();
            file.by_ref().take(num_bytes).read_to_end(&mut bytes)?;
            let is_negative = bytes.first().is_some_and(|&byte| byte >= 0x80);
            let number = bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
            return Ok(if is_negative { 0 } else { number });
        }
    }
    Ok(0)
}

/// Number and body of the element at a place before `end`; a body of unknown size ends at the highest number.
fn element(
    file: &mut BufReader<File>,
    at: u64,
    end: u64,
) -> Result<Option<(u64, Range<u64>)>, ReadError> {
    if at >= end {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    let mut head = Vec::new();
    file.by_ref().take(12).read_to_end(&mut head)?;
    let Some((id, id_bytes)) = number(&head, false) else {
        return Ok(None);
    };
    let Some((size, size_bytes)) = number(&head[id_bytes..], true) else {
        return Ok(None);
    };
    let start = at + (id_bytes + size_bytes) as u64;
    let is_unknown = size == (1 << (7 * size_bytes)) - 1;
    let body_end = if is_unknown {
        u64::MAX
    } else {
        start.saturating_add(size)
    };
    file.seek(SeekFrom::Start(start))?;
    Ok(Some((id, start..body_end)))
}

/// A number whose leading zeros tell its length, which sizes leave out and names keep. With its length in
/// bytes; none if it is longer than 8 or cut off.
fn number(bytes: &[u8], is_size: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let num_bytes = first.leading_zeros() as usize + 1;
    let bytes = bytes.get(..num_bytes).filter(|_| num_bytes <= 8)?;
    let number = bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let marker = 1 << (7 * num_bytes);
    Some((
        if is_size {
            number & (marker - 1)
        } else {
            number
        },
        num_bytes,
    ))
}
