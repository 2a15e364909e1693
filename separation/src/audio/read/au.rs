//! AU, the format of Sun and NeXT.
//!
//! Six big-endian numbers of 32 bits, then text that nobody needs, then the samples:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | magic | `.snd` |
//! | 4 | offset of the samples | |
//! | 8 | their size in bytes | `0xffffffff` or 0: until the end |
//! | 12 | encoding | 1 μ-law, 2 to 5 integers of 8 to 32 bits, 6 and 7 floats of 32 and 64, 27 A-law |
//! | 16 | sample rate in Hz | |
//! | 20 | channels | |
//!
//! Files with another encoding are left to whatever else may read them.
//!
//! # Source
//! Sun Microsystems, "audio file format", manual page `au(4)`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::pcm::{Coding, PcmFormat, PcmReader};
use super::{Opened, ReadError, SourceFacts, notes};
use crate::audio::channels::Layout;
use crate::audio::tags::Tags;

/// The size that stands for "until the end".
const SIZE_UNKNOWN: u32 = 0xffff_ffff;

/// Opens an AU; `None` if there is none, or its codec isn't known here.
///
/// `end` is the file's length, up to which all is read, whatever size is stated.
///
/// # Errors
/// The file can't be read, or [`ReadError::Unsupported`] for a form that no one can mean.
pub(super) fn open(file: &File, end: u64) -> Result<Option<Opened>, ReadError> {
    let mut head = Vec::new();
    let mut file_at = file.try_clone()?;
    file_at.seek(SeekFrom::Start(0))?;
    file_at.take(24).read_to_end(&mut head)?;
    if !head.starts_with(b".snd") || head.len() < 24 {
        return Ok(None);
    }
    let numbers: Vec<u32> = head
        .chunks_exact(4)
        .map(|bytes| bytes.iter().fold(0, |n, &byte| n << 8 | u32::from(byte)))
        .collect();
    let [_, start, size, encoding, sample_rate, num_channels] = numbers[..] else {
        return Ok(None);
    };
    let (coding, sample_bytes) = match encoding {
        1 => (Coding::MuLaw, 1),
        2..=5 => (Coding::Signed, encoding - 1),
        6 => (Coding::Float, 4),
        7 => (Coding::Float, 8),
        27 => (Coding::ALaw, 1),
        _ => return Ok(None),
    };
    let format = PcmFormat {
        coding,
        is_big_endian: true,
        num_channels: num_channels as usize,
        sample_rate,
        sample_bytes: sample_bytes as usize,
        valid_bits: sample_bytes * 8,
    };
    if num_channels > 1_024 {
        return Err(ReadError::Unsupported(format!(
            "AU with {num_channels} channels"
        )));
    }
    format.check("AU")?;
    let start = u64::from(start);
    let available = end.saturating_sub(start) / format.frame_bytes();
    let stated =
        (size != SIZE_UNKNOWN && size != 0).then(|| u64::from(size) / format.frame_bytes());
    let mut words = Vec::new();
    match stated {
        Some(stated) if stated > available => {
            words.push(notes::cut_off(stated, available, sample_rate))
        }
        Some(stated) if stated < available => {
            words.push(notes::longer(stated, available, sample_rate))
        }
        Some(_) => {}
        None => words.push("the file states no length: a cut-off end can't be noticed".into()),
    }
    let facts = SourceFacts {
        format: "AU".into(),
        sample_rate,
        layout: Layout::from_count(format.num_channels),
        kind: format.kind(),
        num_frames: Some(available),
        title: None,
        artist: None,
        tags: Tags::default(),
        time_stamp: None,
    };
    let reader = PcmReader::new(file, format, start, available, words)?;
    Ok(Some((facts, Box::new(reader))))
}
