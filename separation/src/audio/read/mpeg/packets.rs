//! The packets of an MPEG audio file, told from tags and from what is neither.
//!
//! Two bytes look like the start of a packet now and then, in pictures above all. So where one packet doesn't
//! follow another, [`RUN`] packets in a row must fit together, or reach exactly to the end.
//!
//! What is passed over, and how it is told:
//!
//! | tag | begins with | length |
//! |---|---|---|
//! | ID3v2 | `ID3` | at 6, four bytes of 7 bits each, and 10, or 20 with a footer |
//! | APEv2 | `APETAGEX` | 32, and at 12, little-endian, if it is a header |
//! | ID3v1 | `TAG` | 128 |
//! | Lyrics3 | `LYRICSBEGIN` | up to `LYRICS200` or `LYRICSEND` |

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::header::{HEADER_BYTES, Header};

/// Packets that must follow each other where synchronisation was lost.
const RUN: usize = 3;

/// Bytes that are looked at from any place: the longest packet is one of layer II at 384 kbit/s and 32 kHz, 1729 bytes.
const WINDOW_BYTES: usize = 1 << 16;

/// Bytes within which the end of a Lyrics3 tag must come, as its specification says.
const MAX_LYRICS_BYTES: usize = 5_200;

/// Bytes of an ID3v1 tag.
const ID3V1_BYTES: usize = 128;

/// What may come next in a file.
#[derive(Debug)]
pub(super) enum Item {
    Packet {
        /// What its first four bytes say.
        header: Header,
        /// All of it, with these four.
        bytes: Vec<u8>,
    },
    /// A tag, or zeros that fill a gap.
    Tag,
    /// So many bytes that are neither.
    Junk(u64),
    /// The last packet, whose end is missing.
    CutPacket,
}

/// Walks through a part of a file.
pub(super) struct Packets {
    /// Its place is set before every read.
    file: File,
    /// Where `bytes` begin in the file.
    base: u64,
    /// What is loaded; half a window of it at least lies ahead, or all there is.
    bytes: Vec<u8>,
    /// Where in `bytes` the walk is.
    at: usize,
    /// Where the part ends in the file.
    end: u64,
    /// The header of the packet that ended here.
    last: Option<Header>,
}

impl Packets {
    /// Ready at `start`; nothing is read yet.
    pub(super) fn new(file: File, start: u64, end: u64) -> Self {
        Self {
            file,
            base: start,
            bytes: Vec::new(),
            at: 0,
            end,
            last: None,
        }
    }

    /// Where in the file the walk is.
    pub(super) fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// What comes next; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        self.fill()?;
        if self.rest().is_empty() {
            return Ok(None);
        }
        if let Some(header) = self.packet_here() {
            let rest = self.rest();
            if rest.len() < header.num_bytes {
                self.at = self.bytes.len();
                return Ok(Some(Item::CutPacket));
            }
            let bytes = rest[..header.num_bytes].to_vec();
            self.at += header.num_bytes;
            self.last = Some(header);
            return Ok(Some(Item::Packet { header, bytes }));
        }
        if let Some(num_bytes) = self.tag_here() {
            self.skip(num_bytes)?;
            return Ok(Some(Item::Tag));
        }
        Ok(Some(match self.skip_junk()? {
            0 => Item::Tag,
            num_bytes => Item::Junk(num_bytes),
        }))
    }

    /// What is loaded from here on.
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Whether nothing is behind what is loaded.
    fn is_at_file_end(&self) -> bool {
        self.base + self.bytes.len() as u64 >= self.end
    }

    /// The packet that begins here, after the one before or as the first of a run.
    fn packet_here(&self) -> Option<Header> {
        let rest = self.rest();
        let header = Header::parse(rest)?;
        let follows = self.last.is_some_and(|last| last.spec == header.spec);
        if !follows {
            return self.is_run(rest, RUN).then_some(header);
        }
        if rest.len() < header.num_bytes || self.is_boundary(&rest[header.num_bytes..]) {
            return Some(header);
        }
        // If others begin before this one ends, this one was cut off, and something was joined to it.
        let body = HEADER_BYTES..header.num_bytes;
        let is_cut = body.into_iter().any(|at| self.is_run(&rest[at..], RUN));
        (!is_cut).then_some(header)
    }

    /// Whether so many packets of one kind follow each other, or fewer up to the end.
    fn is_run(&self, mut rest: &[u8], num_packets: usize) -> bool {
        let mut spec = None;
        for packet_idx in 0..num_packets {
            if packet_idx > 0 && self.is_end_or_tag(rest) {
                return true;
            }
            let Some(header) = Header::parse(rest) else {
                return false;
            };
            if *spec.get_or_insert(header.spec) != header.spec {
                return false;
            }
            match rest.get(header.num_bytes..) {
                Some(after) => rest = after,
                // The last packet may be cut off, but alone it is no run.
                None => return packet_idx > 0,
            }
        }
        true
    }

    /// Whether a packet may end here.
    fn is_boundary(&self, rest: &[u8]) -> bool {
        Header::parse(rest).is_some() || self.is_end_or_tag(rest)
    }

    /// Whether the part ends here, or a tag begins.
    fn is_end_or_tag(&self, rest: &[u8]) -> bool {
        rest.is_empty() && self.is_at_file_end() || self.tag_bytes(rest).is_some()
    }

    /// Bytes of the tag that begins where the walk is.
    fn tag_here(&self) -> Option<u64> {
        self.tag_bytes(self.rest())
    }

    /// Length of the tag that begins here.
    ///
    /// # Source
    /// ID3v2: id3.org, "ID3 tag version 2.4.0", section 3.1. APE: Hydrogenaudio, "APEv2 specification". ID3v1 and
    /// Lyrics3 are told by their names alone.
    fn tag_bytes(&self, rest: &[u8]) -> Option<u64> {
        if rest.starts_with(b"ID3") && rest.len() >= 10 && rest[6..10].iter().all(|&b| b < 0x80) {
            let size = rest[6..10].iter().fold(0, |n, &b| n << 7 | u64::from(b));
            let footer = if rest[5] & 0x10 == 0 { 0 } else { 10 };
            return Some(10 + size + footer);
        }
        if rest.starts_with(b"APETAGEX") && rest.len() >= 32 {
            let number = |at: usize| {
                let bytes = rest[at..at + 4].iter().rev();
                bytes.fold(0, |n, &b| n << 8 | u64::from(b))
            };
            // A header is not counted, a footer is; met from its front, a footer alone is all there is.
            let is_header = number(20) >> 29 & 1 == 1;
            return Some(if is_header { 32 + number(12) } else { 32 });
        }
        if rest.starts_with(b"TAG") && rest.len() >= ID3V1_BYTES {
            let after = &rest[ID3V1_BYTES..];
            let is_followed = Header::parse(after).is_some() || after.starts_with(b"ID3");
            let is_last = after.is_empty() && self.is_at_file_end();
            return (is_last || is_followed).then_some(ID3V1_BYTES as u64);
        }
        if rest.starts_with(b"LYRICSBEGIN") {
            let ends = rest.windows(9).take(MAX_LYRICS_BYTES);
            let is_end = |end: &[u8]| end == b"LYRICS200" || end == b"LYRICSEND";
            return ends
                .map(is_end)
                .position(|found| found)
                .map(|at| at as u64 + 9);
        }
        None
    }

    /// Passes over a tag. A size that leads beyond the end, or to where nothing begins, is not believed: what
    /// follows the tag's head is then searched for packets.
    fn skip(&mut self, num_bytes: u64) -> io::Result<()> {
        let start = self.position();
        if start + num_bytes <= self.end {
            self.seek(start + num_bytes)?;
            let is_padding = self.rest().first().is_none_or(|&byte| byte == 0);
            if is_padding || self.packet_here().is_some() || self.tag_here().is_some() {
                return Ok(());
            }
        }
        self.seek((start + 10).min(self.end))?;
        self.skip_junk().map(|_| ())
    }

    /// Goes to the next packet or tag; gives the bytes on the way, 0 if they are zeros.
    fn skip_junk(&mut self) -> io::Result<u64> {
        let start = self.position();
        let mut is_zero = true;
        self.last = None;
        loop {
            is_zero &= self.rest().first().is_none_or(|&byte| byte == 0);
            self.at += 1;
            self.fill()?;
            let rest = self.rest();
            let is_start = match rest.first() {
                None => true,
                Some(0xff) => self.packet_here().is_some(),
                // A name of three letters alone may stand in any junk.
                Some(b'A' | b'L') => self.tag_here().is_some(),
                Some(b'T') => self.tag_here().is_some() && rest.len() == ID3V1_BYTES,
                Some(b'I') => self.is_run_behind_tag(),
                Some(_) => false,
            };
            if is_start {
                return Ok(if is_zero { 0 } else { self.position() - start });
            }
        }
    }

    /// Whether a tag begins here, and packets behind it.
    fn is_run_behind_tag(&self) -> bool {
        let after = self.tag_here().and_then(|n| usize::try_from(n).ok());
        let after = after.and_then(|num_bytes| self.rest().get(num_bytes..));
        after.is_some_and(|after| self.is_run(after, RUN))
    }

    /// Sees to it that a window of bytes follows `at`, or all there are.
    fn fill(&mut self) -> io::Result<()> {
        if self.bytes.len() >= self.at + WINDOW_BYTES / 2 || self.is_at_file_end() {
            self.at = self.at.min(self.bytes.len());
            return Ok(());
        }
        let position = self.position();
        self.seek(position.min(self.end))
    }

    /// Goes to a place of the file, and loads a window from there on; what is loaded already is not read again.
    fn seek(&mut self, to: u64) -> io::Result<()> {
        let loaded = self.base..=self.base + self.bytes.len() as u64;
        let kept = match loaded.contains(&to) {
            // Within what is loaded, which a usize counts.
            true => usize::try_from(to - self.base).unwrap_or(self.bytes.len()),
            false => self.bytes.len(),
        };
        self.bytes.drain(..kept);
        self.base = to;
        self.at = 0;
        let have = self.bytes.len() as u64;
        self.file.seek(SeekFrom::Start(to + have))?;
        let wanted = (WINDOW_BYTES as u64)
            .min(self.end - to)
            .saturating_sub(have);
        self.file
            .by_ref()
            .take(wanted)
            .read_to_end(&mut self.bytes)?;
        // A file that shrinks meanwhile ends here.
        if self.bytes.len() as u64 - have < wanted {
            self.end = to + self.bytes.len() as u64;
        }
        Ok(())
    }
}
