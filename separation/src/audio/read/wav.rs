//! WAV in its three sizes: RIFF, RF64/BW64 and Sony Wave64, holding integers or floats.
//!
//! Sizes are advice: recorders that crashed or wrote to a pipe leave 0 or the highest number, and joined files go on
//! behind the end. What the samples reach is what is read.
//!
//! | dialect | chunk header | sizes | padding |
//! |---|---|---|---|
//! | RIFF | 4 bytes of name, 4 of size | without the header | 2 bytes |
//! | RF64, BW64 | the same | `0xffffffff` stands for the one in `ds64` | 2 bytes |
//! | Wave64 | 16 bytes of GUID, 8 of size | with the header of 24 | 8 bytes |
//!
//! What is looked at of the chunks, all little-endian:
//!
//! | chunk | offset | bytes | field |
//! |---|---|---|---|
//! | `fmt ` | 0 | 2 | format: 1 integers, 3 floats, 6 A-law, 7 μ-law, `0x50` and `0x55` MPEG audio |
//! | | 2 | 2 | channels |
//! | | 4 | 4 | sample rate |
//! | | 12 | 2 | bytes per frame |
//! | | 14 | 2 | bits per sample |
//! | | 18 | 2 | bits that count, if the format is `0xfffe` |
//! | | 20 | 4 | channel mask, likewise |
//! | | 24 | 16 | GUID, likewise, whose first two bytes are the format |
//! | `ds64` | 8 | 8 | size of `data` |
//! | `bext` | | | see [`crate::audio::time_stamp`] |
//! | `LIST` `INFO` | | | `INAM` title, `IART` artist |
//!
//! Other formats, such as ADPCM, are left to whatever else may read the file.
//!
//! # Source
//! Microsoft/IBM, "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 (RF64) and
//! ITU-R BS.2088 (BW64); Sony, "Wave64 File Format".

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;

use super::mpeg::MpegReader;
use super::pcm::{Coding, PcmFormat, PcmReader, take};
use super::{Opened, ReadError, SourceFacts, behind, notes};
use crate::audio::channels::Layout;
use crate::audio::tags::Tags;
use crate::audio::time_stamp::{BEXT_BYTES, TimeStamp};

/// Integers; of one byte unsigned, of more signed.
const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_A_LAW: u16 = 6;
const FORMAT_MU_LAW: u16 = 7;
/// MPEG audio of any layer, and of layer III.
const FORMATS_MPEG: [u16; 2] = [0x50, 0x55];
/// The format is in a GUID, with a channel mask beside it.
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// Wave64 marks chunks with GUIDs: a four-letter code and one of these tails.
const W64_RIFF_TAIL: [u8; 12] = hex12(0x2e91_cf11_a5d6_28db_04c1_0000);
const W64_CHUNK_TAIL: [u8; 12] = hex12(0xf3ac_d311_8cd1_00c0_4f8e_db8a);

/// The chunk sizes of RIFF that stand for "see elsewhere" or "until the end".
const SIZE_UNKNOWN: u64 = 0xffff_ffff;

/// Longest text tag that is read, in bytes.
const MAX_TEXT_BYTES: u64 = 4_096;

/// What follows the stated end and is no chunk is taken for audio from this length on: the size is wrong then. What
/// is shorter is rather a tag of a kind that isn't known.
const MIN_OVERHANG_SECONDS: u64 = 1;

/// What a WAV holds.
enum Codec {
    Pcm(PcmFormat),
    Mpeg,
}

struct Format {
    codec: Codec,
    /// Positions of the channels as WAVE counts them; 0 if there are none.
    mask: u32,
}

/// How a file marks and measures its chunks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dialect {
    /// 32-bit sizes, padded to 2 bytes.
    Riff,
    /// RIFF with the large sizes in a `ds64` chunk.
    Rf64,
    /// 64-bit sizes that include the header, padded to 8 bytes.
    W64,
}

struct Chunk {
    /// Four letters; of a GUID, its first four bytes.
    id: [u8; 4],
    /// Where its content begins in the file.
    start: u64,
    /// As stated; may exceed the file.
    size: u64,
}

/// What is known of a file once its chunks were walked through.
struct Chunks {
    /// Of all chunks.
    dialect: Dialect,
    /// None if no format chunk came.
    format: Option<Format>,
    /// Where the samples are, as stated; the end is `None` if it isn't.
    data: (u64, Option<u64>),
    /// From the INFO list.
    title: Option<String>,
    /// From the INFO list.
    artist: Option<String>,
    /// From the `bext` chunk.
    time_stamp: Option<TimeStamp>,
}

/// Opens the WAV that begins at a place of a file; `None` if there is none, or its codec isn't known here.
///
/// `part` is in bytes; its end is where reading stops at the latest.
///
/// # Errors
/// The file can't be read, [`ReadError::Damaged`] if its chunks lead nowhere, or [`ReadError::Unsupported`] for
/// a form that no one can mean.
pub(super) fn open(file: &File, part: Range<u64>) -> Result<Option<Opened>, ReadError> {
    let mut buffered = BufReader::with_capacity(1 << 16, file.try_clone()?);
    buffered.seek(SeekFrom::Start(part.start))?;
    let Some(dialect) = read_dialect(&mut buffered)? else {
        return Ok(None);
    };
    let Some(chunks) = read_chunks(&mut buffered, dialect, part.end)? else {
        return Ok(None);
    };
    let format = chunks
        .format
        .as_ref()
        .ok_or_else(|| broken("no format chunk before the samples"))?;
    let (start, stated_end) = chunks.data;
    let pcm = match &format.codec {
        Codec::Pcm(pcm) => *pcm,
        Codec::Mpeg => {
            let end = stated_end.unwrap_or(part.end).min(part.end);
            let Some((mut facts, reader)) = MpegReader::open(file, start, end)? else {
                return Ok(None);
            };
            facts.format = format!("WAV ({})", facts.format);
            facts.title = chunks.title;
            facts.artist = chunks.artist;
            facts.time_stamp = chunks.time_stamp;
            return Ok(Some((facts, Box::new(reader))));
        }
    };
    let mut words = Vec::new();
    let num_frames = num_frames(&mut buffered, &chunks, &pcm, part.end, &mut words)?;
    let facts = SourceFacts {
        format: match dialect {
            Dialect::Riff => "WAV",
            Dialect::Rf64 => "WAV (RF64)",
            Dialect::W64 => "WAV (Wave64)",
        }
        .into(),
        sample_rate: pcm.sample_rate,
        layout: match format.mask {
            0 => Layout::from_count(pcm.num_channels),
            mask => Layout::from_mask(mask, pcm.num_channels),
        },
        kind: pcm.kind(),
        num_frames: Some(num_frames),
        title: chunks.title,
        artist: chunks.artist,
        tags: Tags::default(),
        time_stamp: chunks.time_stamp,
    };
    let reader = PcmReader::new(file, pcm, start, num_frames, words)?;
    Ok(Some((facts, Box::new(reader))))
}

/// Where the WAV that begins at a place ends, if another follows it: people join files with tools that know nothing
/// of them.
pub(super) fn next_part(file: &File, start: u64, end: u64) -> Result<Option<u64>, ReadError> {
    let mut buffered = BufReader::with_capacity(1 << 16, file.try_clone()?);
    buffered.seek(SeekFrom::Start(start))?;
    let Some(dialect) = read_dialect(&mut buffered)? else {
        return Ok(None);
    };
    let mut data64 = None;
    while let Some(mut chunk) = next_chunk(&mut buffered, dialect, end)? {
        if matches!(&chunk.id, b"RIFF" | b"RF64" | b"BW64" | b"riff") {
            let header_bytes = if dialect == Dialect::W64 { 24 } else { 8 };
            let at = chunk.start - header_bytes;
            buffered.seek(SeekFrom::Start(at))?;
            return Ok(read_dialect(&mut buffered)?.map(|_| at));
        }
        if &chunk.id == b"ds64" {
            let mut sizes = [0; 16];
            read_exact(&mut buffered, &mut sizes)?;
            data64 = Some(u64::from_le_bytes(take(&sizes[8..])));
        }
        if dialect != Dialect::W64 && chunk.size == SIZE_UNKNOWN {
            // Samples of unknown length reach to the end.
            let Some(size) = data64 else { break };
            chunk.size = size;
        }
        if !is_chunk_id(&chunk.id)
            || seek_past(&mut buffered, dialect, chunk.start, chunk.size).is_err()
        {
            break;
        }
    }
    Ok(None)
}

/// `None` if the format chunk names a codec that isn't known here.
///
/// The chunks from the format to what follows the samples.
///
/// # Errors
/// There are no samples, or a size before them is beyond all limits.
fn read_chunks(
    file: &mut BufReader<File>,
    dialect: Dialect,
    end: u64,
) -> Result<Option<Chunks>, ReadError> {
    let mut format = None;
    let mut data = None;
    let mut data64 = None;
    let (mut title, mut artist) = (None, None);
    let mut time_stamp = None;
    while let Some(chunk) = next_chunk(file, dialect, end)? {
        match &chunk.id {
            b"fmt " => match read_format(file, chunk.size)? {
                Some(parsed) => format = Some(parsed),
                None => return Ok(None),
            },
            b"ds64" if dialect == Dialect::Rf64 => {
                let mut sizes = [0; 16];
                read_exact(file, &mut sizes)?;
                data64 = Some(u64::from_le_bytes(take(&sizes[8..])));
            }
            b"data" if data.is_none() => {
                let size = match (dialect, data64) {
                    (Dialect::Rf64, Some(size)) if chunk.size == SIZE_UNKNOWN => Some(size),
                    (Dialect::W64, _) => Some(chunk.size),
                    // A recorder that wrote to a pipe couldn't go back to fill in the size.
                    _ => Some(chunk.size).filter(|&size| size != SIZE_UNKNOWN),
                };
                let size = size.filter(|&size| size > 0 || chunk.start == end);
                data = Some((
                    chunk.start,
                    size.map(|size| chunk.start.saturating_add(size)),
                ));
                // What follows the data is skipped when it can't be reached.
                let Some(size) = size.filter(|size| chunk.start.saturating_add(*size) < end) else {
                    break;
                };
                seek_past(file, dialect, chunk.start, size)?;
                continue;
            }
            b"bext" if chunk.size >= BEXT_BYTES as u64 => {
                let mut bext = [0; BEXT_BYTES];
                read_exact(file, &mut bext)?;
                time_stamp = Some(TimeStamp::parse(&bext));
            }
            b"LIST" => {
                let found = read_info(file, chunk.size)?;
                title = title.or(found.0);
                artist = artist.or(found.1);
            }
            id if data.is_some() && !is_chunk_id(id) => break,
            _ => {}
        }
        if seek_past(file, dialect, chunk.start, chunk.size).is_err() {
            if data.is_some() {
                break;
            }
            return Err(broken("a chunk size is beyond all limits"));
        }
    }
    let data = data.ok_or_else(|| broken("no samples before the end"))?;
    Ok(Some(Chunks {
        dialect,
        format,
        data,
        title,
        artist,
        time_stamp,
    }))
}

/// The frames that are there, whatever the header says; what it says wrongly goes to `words`.
///
/// Whole frames; `end` is where the part ends, in bytes.
fn num_frames(
    file: &mut BufReader<File>,
    chunks: &Chunks,
    format: &PcmFormat,
    end: u64,
    words: &mut Vec<String>,
) -> Result<u64, ReadError> {
    let (start, stated_end) = chunks.data;
    let frame_bytes = format.frame_bytes();
    let rate = format.sample_rate;
    let Some(stated_end) = stated_end else {
        // Behind samples of unknown length, tags can only be told by how they look.
        let end = behind::before_tags(file.get_ref(), start, end)?;
        let num_frames = (end - start) / frame_bytes;
        let dialect_needs_none = chunks.dialect == Dialect::Riff;
        words.push(format!(
            "the header states no length{}: all {} up to the end of the file are read, and a cut-off end can't be \
             noticed",
            if dialect_needs_none { "" } else { " that fits" },
            notes::seconds(num_frames, rate)
        ));
        return Ok(num_frames);
    };
    let (stated, available) = (
        (stated_end - start) / frame_bytes,
        (end - start) / frame_bytes,
    );
    if stated > available {
        words.push(notes::cut_off(stated, available, rate));
        return Ok(available);
    }
    if (stated_end - start) % frame_bytes != 0 {
        words.push("the last frame of the WAV file is incomplete and was left out".into());
    }
    if let Some(num_bytes) = overhang(file, stated_end, end)? {
        if num_bytes / frame_bytes >= MIN_OVERHANG_SECONDS * u64::from(rate) {
            words.push(notes::longer(stated, available, rate));
            return Ok(available);
        }
        words.push(format!(
            "{num_bytes} bytes behind the audio are no part of a WAV file and were left out"
        ));
    }
    Ok(stated)
}

/// Bytes behind the samples that are neither chunks nor tags nor zeros. Looked for at `at`, where the samples
/// should end; fewer than five are nothing.
fn overhang(file: &mut BufReader<File>, at: u64, end: u64) -> Result<Option<u64>, ReadError> {
    file.seek(SeekFrom::Start(at))?;
    let mut head = Vec::new();
    file.by_ref()
        .take(9.min(end.saturating_sub(at)))
        .read_to_end(&mut head)?;
    // A chunk may begin after a byte of padding.
    let ids = [head.get(..4), head.get(1..5)];
    let is_known = ids
        .into_iter()
        .flatten()
        .any(|id| is_chunk_id(id) || id.starts_with(b"TAG") || id.starts_with(b"ID3"));
    let is_zero = head.iter().all(|&byte| byte == 0);
    Ok((!is_known && !is_zero && head.len() > 4).then(|| end - at))
}

/// Four characters of printable ASCII.
fn is_chunk_id(id: &[u8]) -> bool {
    id.len() == 4 && id.iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// What the outermost header is, of which 12 bytes are read, or 40 of Wave64; none if it is no WAV.
fn read_dialect(file: &mut BufReader<File>) -> Result<Option<Dialect>, ReadError> {
    let mut head = [0; 12];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    if &head[8..] == b"WAVE" {
        match &head[..4] {
            b"RIFF" => return Ok(Some(Dialect::Riff)),
            b"RF64" | b"BW64" => return Ok(Some(Dialect::Rf64)),
            _ => {}
        }
    }
    if &head[..4] == b"riff" && head[4..] == W64_RIFF_TAIL[..8] {
        let mut rest = [0; 28];
        read_exact(file, &mut rest)?;
        if rest[..4] == W64_RIFF_TAIL[8..]
            && &rest[12..16] == b"wave"
            && rest[16..] == W64_CHUNK_TAIL
        {
            return Ok(Some(Dialect::W64));
        }
    }
    Ok(None)
}

/// The next chunk header; `None` at the end of the file, whatever the outermost size says.
fn next_chunk(
    file: &mut BufReader<File>,
    dialect: Dialect,
    end: u64,
) -> Result<Option<Chunk>, ReadError> {
    if file.stream_position()? >= end {
        return Ok(None);
    }
    let mut head = [0; 24];
    let head = match dialect {
        Dialect::W64 => &mut head[..],
        _ => &mut head[..8],
    };
    match file.read_exact(head) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let id = take(&head[..4]);
    let size = match dialect {
        Dialect::W64 => u64::from_le_bytes(take(&head[16..]))
            .checked_sub(24)
            .ok_or_else(|| broken("a chunk is smaller than its header"))?,
        _ => u32::from_le_bytes(take(&head[4..])).into(),
    };
    Ok(Some(Chunk {
        id,
        start: file.stream_position()?,
        size,
    }))
}

/// Goes to where the chunk behind this one begins.
///
/// # Errors
/// No file can be so long.
fn seek_past(
    file: &mut BufReader<File>,
    dialect: Dialect,
    start: u64,
    size: u64,
) -> Result<(), ReadError> {
    let align = if dialect == Dialect::W64 { 8 } else { 2 };
    let end = start
        .checked_add(size)
        .and_then(|end| end.checked_next_multiple_of(align))
        .filter(|&end| i64::try_from(end).is_ok())
        .ok_or_else(|| broken("a chunk size is beyond all limits"))?;
    file.seek(SeekFrom::Start(end))?;
    Ok(())
}

/// The format from the content of its chunk, of which up to 40 bytes are read; none if the codec isn't known
/// here.
///
/// # Errors
/// The chunk is too short, or contradicts itself.
fn read_format(file: &mut BufReader<File>, size: u64) -> Result<Option<Format>, ReadError> {
    if size < 16 {
        return Err(broken("the format chunk is too short"));
    }
    let mut bytes = [0; 40];
    let len = usize::try_from(size).unwrap_or(40).min(40);
    read_exact(file, &mut bytes[..len])?;
    let u16_at = |at: usize| u16::from_le_bytes(take(&bytes[at..at + 2]));
    let u32_at = |at: usize| u32::from_le_bytes(take(&bytes[at..at + 4]));
    let (num_channels, frame_bytes) = (usize::from(u16_at(2)), usize::from(u16_at(12)));
    let mut valid_bits = u32::from(u16_at(14));
    let (mut tag, mut mask) = (u16_at(0), 0);
    if tag == FORMAT_EXTENSIBLE {
        if len < 40 {
            return Err(broken("the extended format chunk is too short"));
        }
        // The first two bytes of the sub-format's GUID are the plain format tag.
        (tag, mask) = (u16_at(24), u32_at(20));
        valid_bits = match u32::from(u16_at(18)) {
            0 => valid_bits,
            stated => stated.min(valid_bits),
        };
    }
    let coding = match tag {
        FORMAT_PCM if frame_bytes == num_channels => Coding::Unsigned,
        FORMAT_PCM => Coding::Signed,
        FORMAT_FLOAT => Coding::Float,
        FORMAT_A_LAW => Coding::ALaw,
        FORMAT_MU_LAW => Coding::MuLaw,
        tag if FORMATS_MPEG.contains(&tag) => {
            let codec = Codec::Mpeg;
            return Ok(Some(Format { codec, mask }));
        }
        _ => return Ok(None),
    };
    if num_channels == 0 || frame_bytes % num_channels.max(1) != 0 {
        return Err(broken("the channel count doesn't fit the frame size"));
    }
    let pcm = PcmFormat {
        coding,
        is_big_endian: false,
        num_channels,
        sample_rate: u32_at(4),
        sample_bytes: frame_bytes / num_channels,
        valid_bits,
    };
    pcm.check("WAV")?;
    let codec = Codec::Pcm(pcm);
    Ok(Some(Format { codec, mask }))
}

/// Title and artist from an INFO list; other lists give nothing.
fn read_info(
    file: &mut BufReader<File>,
    size: u64,
) -> Result<(Option<String>, Option<String>), ReadError> {
    let mut form = [0; 4];
    if size < 4 {
        return Ok((None, None));
    }
    read_exact(file, &mut form)?;
    if &form != b"INFO" {
        return Ok((None, None));
    }
    let (mut title, mut artist) = (None, None);
    let end = file.stream_position()?.saturating_add(size - 4);
    while let Some(chunk) = next_chunk(file, Dialect::Riff, end)? {
        if chunk.start.saturating_add(chunk.size) > end {
            break;
        }
        if matches!(&chunk.id, b"INAM" | b"IART") && chunk.size <= MAX_TEXT_BYTES {
            let mut text = Vec::new();
            file.by_ref().take(chunk.size).read_to_end(&mut text)?;
            let text = String::from_utf8_lossy(&text)
                .trim_end_matches('\0')
                .trim()
                .to_owned();
            let text = Some(text).filter(|text| !text.is_empty());
            if &chunk.id == b"INAM" {
                title = text
            } else {
                artist = text
            }
        }
        seek_past(file, Dialect::Riff, chunk.start, chunk.size)?;
    }
    Ok((title, artist))
}

/// Fills `bytes`.
///
/// # Errors
/// [`ReadError::Damaged`] if the file ends before.
fn read_exact(file: &mut BufReader<File>, bytes: &mut [u8]) -> Result<(), ReadError> {
    file.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => broken("the file ends within a chunk header"),
        _ => error.into(),
    })
}

/// The error of a header that can't be used.
fn broken(what: &str) -> ReadError {
    ReadError::Damaged {
        frame: 0,
        what: format!("WAV header: {what}"),
    }
}

/// The lowest 96 bits of a number as bytes, most significant first: GUIDs read as they are printed.
const fn hex12(number: u128) -> [u8; 12] {
    let bytes = number.to_be_bytes();
    let mut out = [0; 12];
    let mut i = 0;
    while i < 12 {
        out[i] = bytes[4 + i];
        i += 1;
    }
    out
}
