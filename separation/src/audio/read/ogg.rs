//! The songs of an Ogg file: internet radio and joined files put one after the other.
//!
//! | offset | bytes | field of a page |
//! |---|---|---|
//! | 0 | 4 | `OggS` |
//! | 4 | 1 | version, 0 |
//! | 5 | 1 | flags: 1 goes on from the page before, 2 first of its stream, 4 last |
//! | 6 | 8 | position |
//! | 14 | 12 | stream, number of the page, checksum |
//! | 26 | 1 | n, how many lengths follow |
//! | 27 | n | lengths of the segments, which add up to the page's content |
//!
//! Symphonia decodes one song; here it is found out where songs begin, and whether the last one is whole.
//!
//! # Source
//! RFC 3533, section 6, for pages; section 4 for streams that are chained.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::{ReadError, Source};

/// A page's header without the lengths.
const HEADER_BYTES: usize = 27;
/// The flag of a stream's first page.
const FIRST_PAGE: u8 = 2;
/// The flag of its last.
const LAST_PAGE: u8 = 4;

/// Bytes that are searched for the next page where one is damaged.
const SEARCH_BYTES: u64 = 1 << 16;

pub(super) struct Links {
    /// Where each song begins. In bytes from the file's beginning; at least one.
    pub starts: Vec<u64>,
    /// Whether the last page that was found ends its stream.
    pub is_whole: bool,
}

/// A file whose last page isn't marked as such. It gives what there is, and a note.
pub(super) struct Unended(Box<dyn Source>);

impl Unended {
    /// What `source` gives, with that note.
    pub(super) fn of(source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Self(source))
    }
}

impl Source for Unended {
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        self.0.read(block)
    }

    fn fraction(&self) -> f64 {
        self.0.fraction()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.0.notes();
        notes.push(
            "the file is cut off: its end is missing, and it can't be known how much of it".into(),
        );
        notes
    }
}

/// Walks from page to page, by their lengths.
///
/// Where a page is damaged, the next is looked for within [`SEARCH_BYTES`]; if there is none, the walk ends.
pub(super) fn links(file: &File, end: u64) -> Result<Links, ReadError> {
    let mut file = BufReader::new(file.try_clone()?);
    let mut links = Links {
        starts: vec![0],
        is_whole: false,
    };
    let mut at = 0;
    // All streams of one song begin before any of them goes on.
    let mut is_beginning = true;
    while let Some((flags, num_bytes)) = page(&mut file, at, end)? {
        let is_first = flags & FIRST_PAGE != 0;
        if is_first && !is_beginning {
            links.starts.push(at);
        }
        is_beginning = is_first;
        links.is_whole = flags & LAST_PAGE != 0 && at + num_bytes <= end;
        at += num_bytes;
        if at < end && page(&mut file, at, end)?.is_none() {
            match search(&mut file, at, end)? {
                Some(found) => at = found,
                None => break,
            }
        }
    }
    Ok(links)
}

/// Flags and length of the page at a place. None if there is none. The checksum is not looked at.
fn page(file: &mut BufReader<File>, at: u64, end: u64) -> Result<Option<(u8, u64)>, ReadError> {
    if at + HEADER_BYTES as u64 > end {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    let mut head = Vec::new();
    file.by_ref()
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut head)?;
    if !head.starts_with(b"OggS") || head.len() < HEADER_BYTES || head[4] != 0 {
        return Ok(None);
    }
    let mut lengths = Vec::new();
    file.by_ref()
        .take(head[26].into())
        .read_to_end(&mut lengths)?;
    let body: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
    let num_bytes = HEADER_BYTES as u64 + u64::from(head[26]) + body;
    Ok(Some((head[5], num_bytes)))
}

/// The next place that looks like a page, not too far away.
fn search(file: &mut BufReader<File>, at: u64, end: u64) -> Result<Option<u64>, ReadError> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.by_ref().take(SEARCH_BYTES).read_to_end(&mut bytes)?;
    let places = bytes.windows(4).enumerate();
    for (offset, _) in places.filter(|(_, name)| *name == b"OggS") {
        let at = at + offset as u64;
        if page(file, at, end)?.is_some() {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
