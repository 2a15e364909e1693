//! Whether an Ogg, AIFF or MP4 file is whole: what Symphonia doesn't tell.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{ReadError, mp4};

/// Bytes of the longest Ogg page.
///
/// # Source
/// RFC 3533, section 6: a header of 27 bytes, 255 segment lengths, 255 segments of 255 bytes.
const MAX_PAGE_BYTES: u64 = 27 + 255 + 255 * 255;

/// The flag in an Ogg page header that marks the last page of a stream.
const END_OF_STREAM: u8 = 4;

/// Whether the file says in its own words that its end is missing; other formats never do.
pub(super) fn is_cut_off(path: &Path) -> Result<bool, ReadError> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut head = Vec::new();
    file.by_ref().take(12).read_to_end(&mut head)?;
    if head.starts_with(b"OggS") {
        file.seek(SeekFrom::Start(len.saturating_sub(MAX_PAGE_BYTES)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        return Ok(!(0..tail.len())
            .rev()
            .any(|at| is_whole_last_page(&tail[at..])));
    }
    // An AIFF is one chunk that states its size, which is even but for the padding of the last chunk.
    if let [
        b'F',
        b'O',
        b'R',
        b'M',
        a,
        b,
        c,
        d,
        b'A',
        b'I',
        b'F',
        b'F' | b'C',
    ] = head[..]
    {
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        return Ok(len + 1 < 8 + size);
    }
    if head.get(4..8) == Some(b"ftyp") {
        return mp4::is_cut_off(file);
    }
    Ok(false)
}

fn is_whole_last_page(page: &[u8]) -> bool {
    let Some((head, rest)) = page.split_at_checked(27) else {
        return false;
    };
    let num_segments = usize::from(head[26]);
    let Some((lengths, body)) = rest.split_at_checked(num_segments) else {
        return false;
    };
    let body_bytes: usize = lengths.iter().map(|&length| usize::from(length)).sum();
    head.starts_with(b"OggS") && head[5] & END_OF_STREAM != 0 && body.len() >= body_bytes
}
