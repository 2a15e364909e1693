//! WAV in its three sizes: RIFF, RF64/BW64 and Sony Wave64, holding integers or floats.
//!
//! # Source
//! Microsoft/IBM, "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 (RF64) and
//! ITU-R BS.2088 (BW64); Sony, "Wave64 File Format".

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::{BLOCK_FRAMES, ReadError, SampleKind, SourceFacts};
use crate::audio::channels::Layout;
use crate::audio::time_stamp::{BEXT_BYTES, TimeStamp};

const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// Wave64 marks chunks with GUIDs: a four-letter code and one of these tails.
const W64_RIFF_TAIL: [u8; 12] = hex12(0x2e91_cf11_a5d6_28db_04c1_0000);
const W64_CHUNK_TAIL: [u8; 12] = hex12(0xf3ac_d311_8cd1_00c0_4f8e_db8a);

/// The chunk sizes of RIFF that stand for "see elsewhere" or "until the end".
const SIZE_UNKNOWN: u64 = 0xffff_ffff;

/// Longest text tag that is read, in bytes.
const MAX_TEXT_BYTES: u64 = 4_096;

pub(super) struct WavReader {
    file: BufReader<File>,
    format: Format,
    frames_left: u64,
    frames_read: u64,
    bytes: Vec<u8>,
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Format {
    is_float: bool,
    num_channels: usize,
    sample_rate: u32,
    /// Bytes that one sample takes in the file.
    sample_bytes: usize,
    /// Bits of it that carry audio.
    valid_bits: u32,
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
    id: [u8; 4],
    start: u64,
    /// As stated; may exceed the file.
    size: u64,
}

impl WavReader {
    /// `None` if the file is no WAV or holds a codec other than integers and floats.
    pub(super) fn open(path: &Path) -> Result<Option<(SourceFacts, Self)>, ReadError> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let Some(dialect) = read_dialect(&mut file)? else {
            return Ok(None);
        };
        let file_size = file.get_ref().metadata()?.len();
        let mut warnings = Vec::new();
        let mut format = None;
        let mut data = None;
        let mut data64 = None;
        let (mut title, mut artist) = (None, None);
        let mut time_stamp = None;
        while let Some(chunk) = next_chunk(&mut file, dialect)? {
            match &chunk.id {
                b"fmt " => match read_format(&mut file, chunk.size)? {
                    Some(parsed) => format = Some(parsed),
                    None => return Ok(None),
                },
                b"ds64" if dialect == Dialect::Rf64 => {
                    let mut sizes = [0; 16];
                    read_exact(&mut file, &mut sizes)?;
                    data64 = Some(u64::from_le_bytes(take(&sizes[8..])));
                }
                b"data" if data.is_none() => {
                    let stated = match (dialect, data64) {
                        (Dialect::Rf64, Some(size)) if chunk.size == SIZE_UNKNOWN => Some(size),
                        // A recorder that wrote to a pipe couldn't go back to fill in the size.
                        (Dialect::Riff, _) if chunk.size == SIZE_UNKNOWN => None,
                        _ => Some(chunk.size),
                    };
                    let size = stated.unwrap_or(file_size - chunk.start);
                    data = Some((chunk.start, size));
                    // What follows the data is skipped when it can't be reached.
                    if chunk.start.saturating_add(size) >= file_size {
                        break;
                    }
                    seek_past(&mut file, dialect, chunk.start, size)?;
                    continue;
                }
                b"bext" if chunk.size >= BEXT_BYTES as u64 => {
                    let mut bext = [0; BEXT_BYTES];
                    read_exact(&mut file, &mut bext)?;
                    time_stamp = Some(TimeStamp::parse(&bext));
                }
                b"LIST" => {
                    let found = read_info(&mut file, chunk.size)?;
                    title = title.or(found.0);
                    artist = artist.or(found.1);
                }
                _ => {}
            }
            seek_past(&mut file, dialect, chunk.start, chunk.size)?;
        }
        let format = format.ok_or_else(|| broken("no format chunk before the end"))?;
        let (start, size) = data.ok_or_else(|| broken("no data chunk before the end"))?;

        let frame_bytes = (format.num_channels * format.sample_bytes) as u64;
        let frames = size / frame_bytes;
        let available = (file_size - start) / frame_bytes;
        if available < frames {
            return Err(ReadError::Truncated {
                expected: frames,
                actual: available,
            });
        }
        if size % frame_bytes != 0 {
            warnings.push("the last frame of the WAV file is incomplete and was left out".into());
        }
        file.seek(SeekFrom::Start(start))?;
        let facts = SourceFacts {
            format: match dialect {
                Dialect::Riff => "WAV",
                Dialect::Rf64 => "WAV (RF64)",
                Dialect::W64 => "WAV (Wave64)",
            }
            .into(),
            sample_rate: format.sample_rate,
            layout: match format.mask {
                0 => Layout::from_count(format.num_channels),
                mask => Layout::from_mask(mask, format.num_channels),
            },
            kind: match format.is_float {
                true => SampleKind::Float(format.valid_bits),
                false => SampleKind::Integer(format.valid_bits),
            },
            num_frames: Some(frames),
            title,
            artist,
            time_stamp,
        };
        let bytes = Vec::new();
        let reader = Self {
            file,
            format,
            frames_left: frames,
            frames_read: 0,
            bytes,
            warnings,
        };
        Ok(Some((facts, reader)))
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        let num_frames = self.frames_left.min(BLOCK_FRAMES as u64);
        let frame_bytes = self.format.num_channels * self.format.sample_bytes;
        self.bytes.resize(
            usize::try_from(num_frames).unwrap_or(BLOCK_FRAMES) * frame_bytes,
            0,
        );
        match self.file.read_exact(&mut self.bytes) {
            // The file shrank after it was opened.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(ReadError::Truncated {
                    expected: self.frames_read + self.frames_left,
                    actual: self.frames_read,
                });
            }
            other => other?,
        }
        self.frames_left -= num_frames;
        self.frames_read += num_frames;
        let Format {
            is_float,
            sample_bytes,
            ..
        } = self.format;
        for (channel, out) in block.iter_mut().enumerate() {
            let samples = self
                .bytes
                .chunks_exact(frame_bytes)
                .map(|frame| &frame[channel * sample_bytes..][..sample_bytes]);
            match (is_float, sample_bytes) {
                (true, 4) => out.extend(samples.map(|b| f32::from_le_bytes(take(b)))),
                (true, _) => out.extend(samples.map(|b| to_f32(f64::from_le_bytes(take(b))))),
                (false, 1) => out.extend(samples.map(|b| (f32::from(b[0]) - 128.0) / 128.0)),
                (false, 2) => {
                    out.extend(samples.map(|b| f32::from(i16::from_le_bytes(take(b))) / 32_768.0))
                }
                (false, 3) => out.extend(samples.map(|b| {
                    to_f32(f64::from(i32::from_le_bytes([0, b[0], b[1], b[2]])) / FULL_SCALE_32)
                })),
                (false, _) => out.extend(
                    samples.map(|b| to_f32(f64::from(i32::from_le_bytes(take(b))) / FULL_SCALE_32)),
                ),
            }
        }
        Ok(())
    }
}

const FULL_SCALE_32: f64 = 2_147_483_648.0;

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what it is for"
)]
fn to_f32(sample: f64) -> f32 {
    sample as f32
}

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
fn next_chunk(file: &mut BufReader<File>, dialect: Dialect) -> Result<Option<Chunk>, ReadError> {
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
    if tag != FORMAT_PCM && tag != FORMAT_FLOAT {
        return Ok(None);
    }
    if num_channels == 0 || frame_bytes % num_channels.max(1) != 0 {
        return Err(broken("the channel count doesn't fit the frame size"));
    }
    let sample_bytes = frame_bytes / num_channels;
    let is_float = tag == FORMAT_FLOAT;
    let fits = if is_float {
        matches!((sample_bytes, valid_bits), (4, 32) | (8, 64))
    } else {
        (1..=4).contains(&sample_bytes) && (1..=8 * sample_bytes).contains(&(valid_bits as usize))
    };
    if !fits {
        return Err(ReadError::Unsupported(format!(
            "WAV with {valid_bits} bits in {sample_bytes} bytes per sample"
        )));
    }
    let sample_rate = u32_at(4);
    Ok(Some(Format {
        is_float,
        num_channels,
        sample_rate,
        sample_bytes,
        valid_bits,
        mask,
    }))
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
    while let Some(chunk) = next_chunk(file, Dialect::Riff)? {
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

fn read_exact(file: &mut BufReader<File>, bytes: &mut [u8]) -> Result<(), ReadError> {
    file.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => broken("the file ends within a chunk header"),
        _ => error.into(),
    })
}

fn broken(what: &str) -> ReadError {
    ReadError::Damaged {
        frame: 0,
        what: format!("WAV header: {what}"),
    }
}

/// The first `N` bytes of a slice that is known to have them.
fn take<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
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
