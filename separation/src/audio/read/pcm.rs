//! Samples that are stored as they are, whatever the container: integers, floats, and the two curves of telephony.
//!
//! | stored as | becomes |
//! |---|---|
//! | n-bit integers | x / 2^(n − 1), exact up to 24 bits, rounded to `f32` above |
//! | unsigned bytes | (x − 128) / 128 |
//! | floats | themselves, 64 bits rounded to `f32` |
//! | A-law, μ-law | the curve's value on a scale of 16 bits, / 32768 |
//!
//! Integers of 12 or 20 bits are left-aligned in whole bytes, so that n is the length of these.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::{BLOCK_FRAMES, ReadError, SampleKind, Source, fraction, notes};

/// 2³¹: what a 32-bit integer is divided by.
const FULL_SCALE_32: f64 = 2_147_483_648.0;

/// How one sample is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Two's complement, left-aligned in its bytes.
    Signed,
    /// The same with 128 added, one byte.
    Unsigned,
    /// IEEE 754, 4 or 8 bytes.
    Float,
    /// ITU-T G.711. Europe's curve, one byte.
    ALaw,
    /// The same standard's curve of North America and Japan.
    MuLaw,
}

/// How frames are stored: samples of all channels in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PcmFormat {
    /// What a sample's bytes mean.
    pub coding: Coding,
    /// Of samples of more than one byte.
    pub is_big_endian: bool,
    /// At least 1, once checked.
    pub num_channels: usize,
    /// In Hz.
    pub sample_rate: u32,
    /// Bytes that one sample takes in the file.
    pub sample_bytes: usize,
    /// Bits of it that carry audio.
    pub valid_bits: u32,
}

impl PcmFormat {
    /// What the facts of a song say of it.
    pub(super) fn kind(&self) -> SampleKind {
        match self.coding {
            Coding::Float => SampleKind::Float(self.valid_bits),
            // Both curves span 14 bits.
            Coding::ALaw | Coding::MuLaw => SampleKind::Integer(16),
            _ => SampleKind::Integer(self.valid_bits),
        }
    }

    /// Bytes of one frame; at least 1, once checked.
    pub(super) fn frame_bytes(&self) -> u64 {
        (self.num_channels * self.sample_bytes) as u64
    }

    /// Refuses a form that no one can mean.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`], with the container's name.
    pub(super) fn check(&self, container: &str) -> Result<(), ReadError> {
        let max_bits = 8 * self.sample_bytes;
        let fits = match self.coding {
            Coding::Float => matches!((self.sample_bytes, self.valid_bits), (4, 32) | (8, 64)),
            Coding::Signed => {
                (1..=4).contains(&self.sample_bytes)
                    && (1..=max_bits).contains(&(self.valid_bits as usize))
            }
            Coding::Unsigned | Coding::ALaw | Coding::MuLaw => self.sample_bytes == 1,
        };
        match fits && self.num_channels > 0 {
            true => Ok(()),
            false => Err(ReadError::Unsupported(format!(
                "{container} with {} bits in {} bytes per sample and {} channels",
                self.valid_bits, self.sample_bytes, self.num_channels
            ))),
        }
    }
}

/// Reads samples from one place of a file to another.
pub(super) struct PcmReader {
    /// At the next frame.
    file: BufReader<File>,
    format: PcmFormat,
    num_frames: u64,
    frames_read: u64,
    /// The last block as it is in the file.
    bytes: Vec<u8>,
    /// Of the header, and of an end that went missing since.
    notes: Vec<String>,
}

impl PcmReader {
    /// `notes` are what the header gave reason to say.
    ///
    /// `start` is where the first frame lies, in bytes.
    pub(super) fn new(
        file: &File,
        format: PcmFormat,
        start: u64,
        num_frames: u64,
        notes: Vec<String>,
    ) -> Result<Self, ReadError> {
        let mut file = BufReader::with_capacity(1 << 16, file.try_clone()?);
        file.seek(SeekFrom::Start(start))?;
        Ok(Self {
            file,
            format,
            num_frames,
            frames_read: 0,
            bytes: Vec::new(),
            notes,
        })
    }
}

impl Source for PcmReader {
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        let num_frames = (self.num_frames - self.frames_read).min(BLOCK_FRAMES as u64);
        let num_bytes = num_frames * self.format.frame_bytes();
        self.bytes.clear();
        self.file
            .by_ref()
            .take(num_bytes)
            .read_to_end(&mut self.bytes)?;
        let frames_here = self.bytes.len() as u64 / self.format.frame_bytes();
        self.frames_read += frames_here;
        if frames_here < num_frames {
            // The file shrank after it was opened.
            let (expected, actual) = (self.num_frames, self.frames_read);
            self.notes
                .push(notes::cut_off(expected, actual, self.format.sample_rate));
            self.num_frames = actual;
        }
        let frame_bytes = self.format.num_channels * self.format.sample_bytes;
        for (channel, out) in block.iter_mut().enumerate() {
            let at = channel * self.format.sample_bytes;
            let samples = self
                .bytes
                .chunks_exact(frame_bytes)
                .map(|frame| &frame[at..][..self.format.sample_bytes]);
            decode(samples, self.format, out);
        }
        Ok(())
    }

    fn fraction(&self) -> f64 {
        fraction(self.frames_read, self.num_frames)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// # Shape
/// `samples` are those of one channel, each as long as the format says.
fn decode<'a>(samples: impl Iterator<Item = &'a [u8]>, format: PcmFormat, out: &mut Vec<f32>) {
    match (format.coding, format.is_big_endian, format.sample_bytes) {
        (Coding::Float, false, 4) => out.extend(samples.map(|b| f32::from_le_bytes(take(b)))),
        (Coding::Float, true, 4) => out.extend(samples.map(|b| f32::from_be_bytes(take(b)))),
        (Coding::Float, false, _) => {
            out.extend(samples.map(|b| to_f32(f64::from_le_bytes(take(b)))))
        }
        (Coding::Float, true, _) => {
            out.extend(samples.map(|b| to_f32(f64::from_be_bytes(take(b)))))
        }
        (Coding::Unsigned, ..) => out.extend(samples.map(|b| (f32::from(b[0]) - 128.0) / 128.0)),
        (Coding::ALaw, ..) => out.extend(samples.map(|b| f32::from(a_law(b[0])) / 32_768.0)),
        (Coding::MuLaw, ..) => out.extend(samples.map(|b| f32::from(mu_law(b[0])) / 32_768.0)),
        (Coding::Signed, _, 1) => {
            out.extend(samples.map(|b| f32::from(i8::from_be_bytes([b[0]])) / 128.0));
        }
        (Coding::Signed, false, 2) => {
            out.extend(samples.map(|b| f32::from(i16::from_le_bytes(take(b))) / 32_768.0));
        }
        (Coding::Signed, true, 2) => {
            out.extend(samples.map(|b| f32::from(i16::from_be_bytes(take(b))) / 32_768.0));
        }
        (Coding::Signed, false, 3) => out.extend(samples.map(|b| signed([b[2], b[1], b[0], 0]))),
        (Coding::Signed, true, 3) => out.extend(samples.map(|b| signed([b[0], b[1], b[2], 0]))),
        (Coding::Signed, false, _) => {
            out.extend(samples.map(|b| signed([b[3], b[2], b[1], b[0]])));
        }
        (Coding::Signed, true, _) => out.extend(samples.map(|b| signed(take(b)))),
    }
}

/// A 32-bit integer, the most significant byte first.
fn signed(bytes: [u8; 4]) -> f32 {
    to_f32(f64::from(i32::from_be_bytes(bytes)) / FULL_SCALE_32)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is what it is for"
)]
fn to_f32(sample: f64) -> f32 {
    sample as f32
}

/// The first `N` bytes of a slice that is known to have them.
///
/// # Panics
/// If it has fewer.
pub(super) fn take<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

/// A sample of A-law; even bits are stored inverted.
///
/// # Source
/// ITU-T G.711, tables 1a and 1b, scaled to 16 bits.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 15));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// A sample of μ-law; all bits are stored inverted.
///
/// # Source
/// ITU-T G.711, tables 2a and 2b, scaled to 16 bits.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 15));
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if byte & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}
