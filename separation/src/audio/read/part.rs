//! A part of a file that Symphonia takes for a file.
//!
//! Its own place in the file is kept beside the system's, so positions that Symphonia sees begin with the part.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::io::MediaSource;

/// A part of a file as if it were a whole one, which counts what is read, for progress where no length is known.
pub(super) struct Part {
    /// Moved by nobody else while this is in use.
    pub file: File,
    /// In bytes of the file.
    pub part: Range<u64>,
    /// In the file.
    pub at: u64,
    /// Place in the part after the last read, for whoever shows progress.
    pub bytes_read: Arc<AtomicU64>,
}

impl Read for Part {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.part.end.saturating_sub(self.at))
            .map_or(bytes.len(), |left| left.min(bytes.len()));
        let num_bytes = self.file.read(&mut bytes[..left])?;
        self.at += num_bytes as u64;
        self.bytes_read
            .store(self.at - self.part.start, Ordering::Relaxed);
        Ok(num_bytes)
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, distance) = match to {
            SeekFrom::Start(at) => (self.part.start, i64::try_from(at).unwrap_or(i64::MAX)),
            SeekFrom::Current(distance) => (self.at, distance),
            SeekFrom::End(distance) => (self.part.end, distance),
        };
        let at = from
            .checked_add_signed(distance)
            .filter(|&at| at >= self.part.start);
        let at = at.ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        self.at = self.file.seek(SeekFrom::Start(at))?;
        Ok(self.at - self.part.start)
    }
}

impl MediaSource for Part {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.part.end - self.part.start)
    }
}
