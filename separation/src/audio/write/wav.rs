//! WAV files whose header is right from the first byte, and recordings whose length shows at the end.
//!
//! ```text
//! RIFF or RF64, WAVE
//! ds64   sizes of 64 bits, if 32 don't do; or JUNK in its place, for recordings
//! bext   where it belongs on a timeline, if anywhere
//! fmt    16 bytes, or 40 where there are more than two channels
//! fact   number of frames, for floats
//! LIST   INFO, if there are tags
//! id3    the same tags for those who know only these
//! data   samples, frame by frame, little-endian; a byte of padding if they are odd
//! ```
//!
//! # Source
//! Microsoft, "Multiple channel audio data and WAVE files", for which files need the extended format
//! chunk; EBU Tech 3306 for RF64.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::{AudioSpec, BitDepth, FileFormat, Samples, WriteError};
use crate::audio::channels::Layout;
use crate::audio::tags::Tags;
use crate::audio::time_stamp::{BEXT_BYTES, TimeStamp};

const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
/// The format is in a GUID, with a channel mask beside it.
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// What follows the plain format tag in the GUID of an extended format.
const SUBFORMAT_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// A file whose length was known before its first byte.
pub(super) struct WavWriter {
    /// Behind the last frame.
    file: BufWriter<File>,
    depth: BitDepth,
    /// Frames that the header announces and that have not come.
    frames_left: u64,
    /// Bytes of all samples, without padding.
    data_bytes: u64,
    /// The last block, interleaved.
    bytes: Vec<u8>,
}

impl WavWriter {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// The system refuses, or the size of the samples doesn't fit 64 bits.
    pub(super) fn create(path: &Path, spec: &AudioSpec) -> Result<Self, WriteError> {
        let frame_bytes = (spec.layout.num_channels() * spec.depth.num_bytes()) as u64;
        let data_bytes = spec
            .num_frames
            .checked_mul(frame_bytes)
            .ok_or_else(|| WriteError::Impossible("the song is too long for any file".into()))?;
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        file.write_all(&header(spec, data_bytes, Large::IfNeeded))?;
        let (depth, frames_left) = (spec.depth, spec.num_frames);
        Ok(Self {
            file,
            depth,
            frames_left,
            data_bytes,
            bytes: Vec::new(),
        })
    }

    /// Appends a block, `[channel][frame]`.
    ///
    /// # Errors
    /// The system refuses, samples are of another kind than the depth, or more frames come than the header
    /// announces.
    pub(super) fn write(&mut self, samples: Samples<'_>) -> Result<(), WriteError> {
        let num_bytes = self.depth.num_bytes();
        let num_frames = match (samples, self.depth) {
            (Samples::Integer(channels), BitDepth::Int16 | BitDepth::Int24) => {
                interleave(channels, num_bytes, &mut self.bytes, |sample, bytes| {
                    bytes.copy_from_slice(&sample.to_le_bytes()[..num_bytes]);
                })
            }
            (Samples::Float(channels), BitDepth::Float32) => {
                interleave(channels, num_bytes, &mut self.bytes, |sample, bytes| {
                    bytes.copy_from_slice(&sample.to_le_bytes());
                })
            }
            _ => {
                return Err(WriteError::Encoder(
                    "samples of the wrong kind for this WAV".into(),
                ));
            }
        };
        self.frames_left = self
            .frames_left
            .checked_sub(num_frames as u64)
            .ok_or_else(|| WriteError::Encoder("more frames than the header says".into()))?;
        self.file.write_all(&self.bytes)?;
        Ok(())
    }

    /// Writes the byte of padding, if one is needed.
    ///
    /// # Errors
    /// The system refuses, or fewer frames came than the header announces.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        if self.frames_left > 0 {
            return Err(WriteError::Encoder(
                "fewer frames than the header says".into(),
            ));
        }
        if self.data_bytes % 2 == 1 {
            self.file.write_all(&[0])?;
        }
        self.file.flush()?;
        Ok(())
    }
}

/// Fills `bytes` with the samples frame by frame and gives the number of frames.
///
/// # Shape
/// `channels` is `[channel][frame]`; `bytes` becomes `[frame][channel]`, `num_bytes` each, as `store` writes
/// them.
fn interleave<S: Copy>(
    channels: &[Vec<S>],
    num_bytes: usize,
    bytes: &mut Vec<u8>,
    store: impl Fn(S, &mut [u8]),
) -> usize {
    let num_frames = channels.first().map_or(0, Vec::len);
    let frame_bytes = num_bytes * channels.len();
    bytes.resize(num_frames * frame_bytes, 0);
    for (channel_idx, channel) in channels.iter().enumerate() {
        let at = channel_idx * num_bytes;
        for (frame, &sample) in bytes.chunks_exact_mut(frame_bytes).zip(channel) {
            store(sample, &mut frame[at..at + num_bytes]);
        }
    }
    num_frames
}

/// A recording: 32-bit floats until [`GrowingWav::finish`], of any length.
///
/// Every block goes to the system at once, so after an error all that the disk took is in the file, and
/// [`GrowingWav::finish`] makes it whole.
pub struct GrowingWav {
    /// Unbuffered, so that what was written is in it.
    file: File,
    /// Of the header, but for the number of frames, which is known at the end.
    spec: AudioSpec,
    /// The header, whose place is kept until the length is known.
    header_bytes: u64,
    /// The last block, interleaved.
    bytes: Vec<u8>,
}

impl GrowingWav {
    /// Creates the file, replacing one of that name. `sample_rate` is in Hz; channels get the usual positions.
    ///
    /// # Errors
    /// The system refuses.
    pub fn create(
        path: &Path,
        sample_rate: u32,
        num_channels: usize,
        time_stamp: Option<TimeStamp>,
    ) -> io::Result<Self> {
        let spec = AudioSpec {
            format: FileFormat::Wav,
            depth: BitDepth::Float32,
            sample_rate,
            layout: Layout::from_count(num_channels),
            num_frames: 0,
            tags: Tags::default(),
            time_stamp,
        };
        let mut file = File::create(path)?;
        let header = header(&spec, 0, Large::KeepRoom);
        file.write_all(&header)?;
        Ok(Self {
            file,
            spec,
            header_bytes: header.len() as u64,
            bytes: Vec::new(),
        })
    }

    /// Appends a block, `[channel][frame]`.
    ///
    /// # Errors
    /// The system refuses; usually the disk is full.
    pub fn write(&mut self, channels: &[Vec<f32>]) -> io::Result<()> {
        interleave(channels, 4, &mut self.bytes, |sample, bytes| {
            bytes.copy_from_slice(&sample.to_le_bytes());
        });
        self.file.write_all(&self.bytes)
    }

    /// Writes the header for the whole frames that are there, and gives how many.
    ///
    /// # Errors
    /// The system refuses.
    pub fn finish(mut self) -> io::Result<u64> {
        let frame_bytes = 4 * self.spec.layout.num_channels() as u64;
        let written = self
            .file
            .metadata()?
            .len()
            .saturating_sub(self.header_bytes);
        self.spec.num_frames = written / frame_bytes;
        let data_bytes = self.spec.num_frames * frame_bytes;
        self.file.set_len(self.header_bytes + data_bytes)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file
            .write_all(&header(&self.spec, data_bytes, Large::KeepRoom))?;
        Ok(self.spec.num_frames)
    }
}

/// Where the sizes of a file above 4 GB stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Large {
    /// In a chunk that only such a file has.
    IfNeeded,
    /// In a chunk whose place is kept, so that every header has the same length (EBU Tech 3306, 4.3).
    KeepRoom,
}

/// Everything before the samples.
fn header(spec: &AudioSpec, data_bytes: u64, large: Large) -> Vec<u8> {
    let format = format_chunk(spec);
    // After the outermost size: "WAVE", the chunks with their headers of 8 bytes, the padding.
    let fact = if spec.depth == BitDepth::Float32 {
        12
    } else {
        0
    };
    let bext = match spec.time_stamp {
        Some(_) => 8 + BEXT_BYTES as u64,
        None => 0,
    };
    let tags = tag_chunks(&spec.tags);
    let mut riff_bytes = 4
        + bext
        + tags.len() as u64
        + 8
        + format.len() as u64
        + fact
        + 8
        + data_bytes
        + data_bytes % 2;
    if large == Large::KeepRoom {
        riff_bytes += 8 + 28;
    }
    let is_large = u32::try_from(riff_bytes).is_err();
    if is_large && large == Large::IfNeeded {
        riff_bytes += 8 + 28;
    }
    let or_large = |size: u64| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();

    let mut header = Vec::new();
    header.extend(if is_large { b"RF64" } else { b"RIFF" });
    header.extend(if is_large {
        [0xff; 4]
    } else {
        or_large(riff_bytes)
    });
    header.extend(b"WAVE");
    if is_large {
        header.extend(b"ds64");
        header.extend(28_u32.to_le_bytes());
        header.extend(riff_bytes.to_le_bytes());
        header.extend(data_bytes.to_le_bytes());
        header.extend(spec.num_frames.to_le_bytes());
        header.extend(0_u32.to_le_bytes());
    } else if large == Large::KeepRoom {
        header.extend(b"JUNK");
        header.extend(28_u32.to_le_bytes());
        header.extend([0; 28]);
    }
    if let Some(stamp) = &spec.time_stamp {
        header.extend(b"bext");
        header.extend(or_large(BEXT_BYTES as u64));
        header.extend(stamp.bext());
    }
    header.extend(b"fmt ");
    header.extend(or_large(format.len() as u64));
    header.extend(format);
    if fact > 0 {
        header.extend(b"fact");
        header.extend(4_u32.to_le_bytes());
        header.extend(or_large(spec.num_frames));
    }
    header.extend(tags);
    header.extend(b"data");
    header.extend(if is_large {
        [0xff; 4]
    } else {
        or_large(data_bytes)
    });
    header
}

/// An INFO list, which editors read, and ID3, which players and programs for DJs read.
fn tag_chunks(tags: &Tags) -> Vec<u8> {
    if *tags == Tags::default() {
        return Vec::new();
    }
    let mut chunks = tags.riff_info();
    let id3 = tags.id3v2();
    chunks.extend(b"id3 ");
    chunks.extend(u32::try_from(id3.len()).unwrap_or(0).to_le_bytes());
    chunks.extend(id3);
    chunks.resize(chunks.len().next_multiple_of(2), 0);
    chunks
}

/// The content of `fmt `.
fn format_chunk(spec: &AudioSpec) -> Vec<u8> {
    let num_channels = spec.layout.num_channels();
    let sample_bytes = spec.depth.num_bytes();
    let frame_bytes = num_channels * sample_bytes;
    let tag = if spec.depth == BitDepth::Float32 {
        FORMAT_FLOAT
    } else {
        FORMAT_PCM
    };
    let is_extended = num_channels > 2;
    // Both counts are small: channels are limited where songs are read.
    let small = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
    let byte_rate = u64::from(spec.sample_rate) * frame_bytes as u64;

    let mut chunk = Vec::new();
    chunk.extend(if is_extended { FORMAT_EXTENSIBLE } else { tag }.to_le_bytes());
    chunk.extend(small(num_channels));
    chunk.extend(spec.sample_rate.to_le_bytes());
    chunk.extend(u32::try_from(byte_rate).unwrap_or(u32::MAX).to_le_bytes());
    chunk.extend(small(frame_bytes));
    chunk.extend(small(sample_bytes * 8));
    if is_extended {
        chunk.extend(22_u16.to_le_bytes());
        chunk.extend(small(sample_bytes * 8));
        chunk.extend(spec.layout.mask().to_le_bytes());
        chunk.extend(tag.to_le_bytes());
        chunk.extend(SUBFORMAT_TAIL);
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(num_frames: u64) -> AudioSpec {
        AudioSpec {
            format: FileFormat::Wav,
            depth: BitDepth::Int24,
            sample_rate: 96_000,
            layout: Layout::from_count(6),
            num_frames,
            tags: Tags::default(),
            time_stamp: None,
        }
    }

    /// Two and a half hours of 5.1 at 96 kHz and 24 bits: 15.5 GB. Offsets are those of EBU Tech 3306,
    /// table 1.
    #[test]
    fn a_file_above_4_gb_is_rf64_with_64_bit_sizes() {
        let num_frames = 96_000 * 9_000;
        let data_bytes = num_frames * 18;
        let header = header(&spec(num_frames), data_bytes, Large::IfNeeded);
        assert_eq!(&header[..4], b"RF64");
        assert_eq!(header[4..8], [0xff; 4]);
        assert_eq!(&header[8..16], b"WAVEds64");
        let at = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
        assert_eq!(at(20), header.len() as u64 - 8 + data_bytes);
        assert_eq!(at(28), data_bytes);
        assert_eq!(at(36), num_frames);
        assert_eq!(header[header.len() - 8..], *b"data\xff\xff\xff\xff");
    }

    #[test]
    fn the_change_to_rf64_comes_with_the_first_byte_that_riff_can_not_count() {
        // "WAVE", 48 bytes of format chunk, 8 of data header: 60 bytes beside the data.
        let most = u64::from(u32::MAX) - 60;
        assert_eq!(&header(&spec(0), most - 1, Large::IfNeeded)[..4], b"RIFF");
        assert_eq!(&header(&spec(0), most + 1, Large::IfNeeded)[..4], b"RF64");
    }

    #[test]
    fn a_recording_has_a_header_of_one_length_and_becomes_rf64_when_it_is_large() {
        let mut spec = spec(0);
        spec.time_stamp = Some(TimeStamp::at(5));
        let small = header(&spec, 1000, Large::KeepRoom);
        let large = header(&spec, 1 << 33, Large::KeepRoom);
        assert_eq!(small.len(), large.len());
        assert_eq!(&small[..4], b"RIFF");
        assert_eq!(&small[12..16], b"JUNK");
        let riff = u32::from_le_bytes(small[4..8].try_into().unwrap());
        assert_eq!(u64::from(riff), small.len() as u64 - 8 + 1000);
        assert_eq!(&large[..4], b"RF64");
        assert_eq!(&large[12..16], b"ds64");
        let riff = u64::from_le_bytes(large[20..28].try_into().unwrap());
        assert_eq!(riff, large.len() as u64 - 8 + (1 << 33));
    }
}
