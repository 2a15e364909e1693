//! Tags of MP3 that people's tools put behind any audio.
//!
//! | tag | where | told by |
//! |---|---|---|
//! | ID3v1 | the last 128 bytes | `TAG` |
//! | APEv2 | items, then a footer of 32 bytes; maybe a header before them | `APETAGEX`; size at 12, flags at 20 |
//!
//! The size of an APE tag is that of items and footer; its numbers are little-endian.
//!
//! They are harmless where the length of the audio is known. Where it isn't, as in a WAV from a pipe, they
//! would be taken for it; behind a FLAC they would cost it its last packet.
//!
//! # Source
//! ID3v1 as everyone reads it; Hydrogenaudio, "APEv2 specification".

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::ReadError;

const ID3V1_BYTES: u64 = 128;
/// A footer or header of an APE tag.
const APE_FOOTER_BYTES: u64 = 32;

/// Where the audio between two places can end at most: before the tags at the end.
///
/// There may be several, one before the other.
pub(super) fn before_tags(file: &File, start: u64, mut end: u64) -> Result<u64, ReadError> {
    loop {
        let Some(at) = tag_at(file, start, end)? else {
            return Ok(end);
        };
        end = at;
    }
}

/// Where the tag that ends at `end` begins; none if there is none, or it would reach to `start`.
fn tag_at(file: &File, start: u64, end: u64) -> Result<Option<u64>, ReadError> {
    let mut file = file.try_clone()?;
    let mut read = |num_bytes: u64| -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(end.saturating_sub(num_bytes).max(start)))?;
        file.by_ref().take(num_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    if end - start >= ID3V1_BYTES && read(ID3V1_BYTES)?.starts_with(b"TAG") {
        return Ok(Some(end - ID3V1_BYTES));
    }
    let footer = read(APE_FOOTER_BYTES)?;
    if footer.starts_with(b"APETAGEX") && footer.len() as u64 == APE_FOOTER_BYTES {
        let number = |at: usize| {
            let bytes = footer[at..at + 4].iter().rev();
            bytes.fold(0, |n, &byte| n << 8 | u64::from(byte))
        };
        // The size counts the footer, and no header.
        let header = if number(20) >> 31 == 1 {
            APE_FOOTER_BYTES
        } else {
            0
        };
        let size = number(12).max(APE_FOOTER_BYTES) + header;
        return Ok(end.checked_sub(size).filter(|&at| at > start));
    }
    Ok(None)
}
