//! AIFF and AIFF-C, holding integers, floats or telephone samples.
//!
//! All numbers are big-endian, chunks padded to 2 bytes. What is looked at of the chunks:
//!
//! | chunk | offset | bytes | field |
//! |---|---|---|---|
//! | `COMM` | 0 | 2 | channels |
//! | | 2 | 4 | frames |
//! | | 6 | 2 | bits per sample |
//! | | 8 | 10 | sample rate, extended precision |
//! | | 18 | 4 | compression, AIFF-C only |
//! | `SSND` | 0 | 4 | offset of the first sample behind these 8 bytes |
//! | | 4 | 4 | block size, of no use here |
//! | `NAME`, `AUTH` | 0 | | title, artist |
//!
//! Compressions that are read: `NONE`, `twos`, `sowt`, `raw `, `in24`, `in32`, `fl32`, `fl64`, `alaw`, `ulaw`,
//! the last four also in capitals. Others, such as `ima4`, are left to whatever else may read the file.
//!
//! # Source
//! Apple, "Audio Interchange File Format: AIFF", version 1.3; Apple, "Audio Interchange File Format AIFF-C", draft
//! of 1991.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::pcm::{Coding, PcmFormat, PcmReader, take};
use super::{Opened, ReadError, SourceFacts, notes};
use crate::audio::channels::Layout;
use crate::audio::tags::Tags;

/// Bytes of the common chunk that are read: up to the kind of compression.
const COMMON_BYTES: usize = 22;

/// A size that recorders leave when they couldn't go back.
const SIZE_UNKNOWN: u64 = 0xffff_ffff;

/// Opens an AIFF; `None` if there is none, or its codec isn't known here.
///
/// `end` is the file's length.
///
/// # Errors
/// The file can't be read, [`ReadError::Damaged`] if a chunk that is needed is missing or too short, or
/// [`ReadError::Unsupported`] for a form that no one can mean.
pub(super) fn open(file: &File, end: u64) -> Result<Option<Opened>, ReadError> {
    let mut file_at = BufReader::with_capacity(1 << 16, file.try_clone()?);
    file_at.seek(SeekFrom::Start(0))?;
    let head = read_up_to(&mut file_at, 12)?;
    let is_aiff = head.starts_with(b"FORM") && matches!(head.get(8..), Some(b"AIFF" | b"AIFC"));
    if !is_aiff {
        return Ok(None);
    }
    let mut common = None;
    let mut samples = None;
    let (mut title, mut artist) = (None, None);
    loop {
        let head = read_up_to(&mut file_at, 8)?;
        let Some((id, size)) = head.split_first_chunk::<4>() else {
            break;
        };
        let Some(size) = size
            .first_chunk()
            .map(|size| u64::from(u32::from_be_bytes(*size)))
        else {
            break;
        };
        let start = file_at.stream_position()?;
        match id {
            b"COMM" => common = Some(read_up_to(&mut file_at, COMMON_BYTES.min(index(size)))?),
            b"SSND" if samples.is_none() => {
                let offsets = read_up_to(&mut file_at, 8)?;
                let offset = offsets
                    .first_chunk()
                    .map_or(0, |n| u64::from(u32::from_be_bytes(*n)));
                let is_known = size > 8 && size != SIZE_UNKNOWN;
                samples = Some((start + 8 + offset, is_known.then_some(start + size)));
                if !is_known {
                    break;
                }
            }
            b"NAME" => title = text(&mut file_at, size)?,
            b"AUTH" => artist = text(&mut file_at, size)?,
            _ => {}
        }
        file_at.seek(SeekFrom::Start((start + size).next_multiple_of(2)))?;
    }
    let (Some(common), Some((start, stated_end))) = (common, samples) else {
        return Err(broken(
            "no samples, or no description of them, before the end",
        ));
    };
    let Some((format, stated_frames)) = read_common(&common)? else {
        return Ok(None);
    };
    let mut words = Vec::new();
    let available = end.saturating_sub(start) / format.frame_bytes();
    let in_chunk = stated_end.map(|end| end.saturating_sub(start) / format.frame_bytes());
    let rate = format.sample_rate;
    // The samples of a chunk are what there is; the count beside them is only another word for it.
    let num_frames = match in_chunk {
        Some(in_chunk) if in_chunk > available => {
            words.push(notes::cut_off(in_chunk, available, rate));
            available
        }
        Some(in_chunk) if in_chunk < stated_frames => {
            words.push(notes::cut_off(stated_frames, in_chunk, rate));
            in_chunk
        }
        Some(in_chunk) if in_chunk > stated_frames => {
            words.push(notes::longer(stated_frames, in_chunk, rate));
            in_chunk
        }
        Some(in_chunk) => in_chunk,
        None if stated_frames > available => {
            words.push(notes::cut_off(stated_frames, available, rate));
            available
        }
        None => {
            let length = notes::seconds(available, rate);
            words.push(format!(
                "the header states no length that fits: all {length} up to the end of the file are read, and a \
                 cut-off end can't be noticed"
            ));
            available
        }
    };
    let facts = SourceFacts {
        format: "AIFF".into(),
        sample_rate: rate,
        layout: Layout::from_count(format.num_channels),
        kind: format.kind(),
        num_frames: Some(num_frames),
        title,
        artist,
        tags: Tags::default(),
        time_stamp: None,
    };
    let reader = PcmReader::new(file, format, start, num_frames, words)?;
    Ok(Some((facts, Box::new(reader))))
}

/// Form and count of the samples; `None` if the codec isn't known.
///
/// `common` is the content of `COMM`, at most [`COMMON_BYTES`] of it.
fn read_common(common: &[u8]) -> Result<Option<(PcmFormat, u64)>, ReadError> {
    if common.len() < 18 {
        return Err(broken("the description of the samples is too short"));
    }
    let num_channels = usize::from(u16::from_be_bytes(take(common)));
    let num_frames = u64::from(u32::from_be_bytes(take(&common[2..])));
    let bits = u32::from(u16::from_be_bytes(take(&common[6..])));
    let sample_rate =
        extended(take(&common[8..])).ok_or_else(|| broken("the sample rate is no number"))?;
    let integer_bytes = bits.div_ceil(8) as usize;
    let (coding, is_big_endian, sample_bytes, valid_bits) = match common.get(18..22) {
        None | Some(b"NONE" | b"twos") => (Coding::Signed, true, integer_bytes, bits),
        Some(b"sowt") => (Coding::Signed, false, integer_bytes, bits),
        Some(b"raw ") => (Coding::Unsigned, true, 1, 8),
        Some(b"in24") => (Coding::Signed, true, 3, 24),
        Some(b"in32") => (Coding::Signed, true, 4, 32),
        Some(b"fl32" | b"FL32") => (Coding::Float, true, 4, 32),
        Some(b"fl64" | b"FL64") => (Coding::Float, true, 8, 64),
        Some(b"alaw" | b"ALAW") => (Coding::ALaw, true, 1, 8),
        Some(b"ulaw" | b"ULAW") => (Coding::MuLaw, true, 1, 8),
        Some(_) => return Ok(None),
    };
    let format = PcmFormat {
        coding,
        is_big_endian,
        num_channels,
        sample_rate,
        sample_bytes,
        valid_bits,
    };
    format.check("AIFF")?;
    Ok(Some((format, num_frames)))
}

/// A sample rate as an 80-bit floating-point number: sign and exponent, then 64 bits with the leading one.
///
/// In Hz, rounded down; none if it is negative, below 1, or too large.
fn extended(bytes: [u8; 10]) -> Option<u32> {
    let exponent = u16::from_be_bytes(take(&bytes)).checked_sub(16_383)?;
    let mantissa = u64::from_be_bytes(take(&bytes[2..]));
    let shift = 63_u32.checked_sub(exponent.into())?;
    u32::try_from(mantissa.checked_shr(shift)?).ok()
}

/// The text of a chunk of `size` bytes, of which at most 4096 are read; none if it is empty.
fn text(file: &mut BufReader<File>, size: u64) -> Result<Option<String>, ReadError> {
    let bytes = read_up_to(file, index(size.min(4_096)))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(['\0', ' ']);
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The next bytes, fewer if the file ends.
fn read_up_to(file: &mut BufReader<File>, num_bytes: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.by_ref()
        .take(num_bytes as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A size from a header as one in memory.
fn index(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// The error of a header that can't be used.
fn broken(what: &str) -> ReadError {
    ReadError::Damaged {
        frame: 0,
        what: format!("AIFF header: {what}"),
    }
}
