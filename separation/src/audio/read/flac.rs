//! Where the FLAC streams of a file begin: one, unless files were joined.
//!
//! Decoding is Symphonia's. It stops where a stream is complete, so the streams are found here, and read one
//! after the other by [`super::joined`].

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::ReadError;

/// A stream begins with its name and the head of a block that describes it, of 34 bytes (RFC 9639, section 8).
const STREAM_START: &[u8] = b"fLaC\0\0\0\x22";
/// The same where no other block follows the description.
const LAST_STREAM_START: &[u8] = b"fLaC\x80\0\0\x22";

/// Every place where a stream begins; the first counts as 0, so that tags before it belong to it.
///
/// In bytes from the file's beginning. The whole file is looked through; eight bytes in a row are by chance
/// what begins a stream once in 2⁶³ places.
pub(super) fn starts(file: &File) -> Result<Vec<u64>, ReadError> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let mut starts = vec![0];
    let mut is_first = true;
    let mut bytes = Vec::new();
    let mut base = 0;
    loop {
        let num_bytes = file.by_ref().take(1 << 18).read_to_end(&mut bytes)?;
        let found = bytes.windows(STREAM_START.len()).enumerate();
        for (at, start) in found.filter(|(_, start)| start[0] == b'f') {
            let is_start = start == STREAM_START || start == LAST_STREAM_START;
            if is_start && !std::mem::take(&mut is_first) {
                starts.push(base + at as u64);
            }
        }
        if num_bytes == 0 {
            return Ok(starts);
        }
        // A start may lie across the edge.
        let kept = bytes.len().min(STREAM_START.len() - 1);
        base += (bytes.len() - kept) as u64;
        bytes.drain(..bytes.len() - kept);
    }
}
