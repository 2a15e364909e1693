//! Songs as they come: any common format in, planar `f32` blocks out, nothing shifted, nothing lost
//! without being said.
//!
//! WAV (RIFF, RF64, Sony W64) is read here, because exact integers, sizes above 4 GB and honest
//! ends matter; the other formats are decoded by Symphonia.
//!
//! - **Start and end.** What an encoder put before and after the music is removed where the file says how
//!   much it is: the LAME tag of MP3, iTunSMPB and edit lists of M4A, granule positions of Ogg. A
//!   compressed file that doesn't say it gets a warning.
//! - **Cut-off files.** A file that ends before the length it states is an error, unless all of its
//!   audio is there. Formats that state no length can't be checked; that is a warning.
//! - **Damage.** A damaged packet of a lossless format is an error. In a lossy format it becomes silence
//!   of the same length, counted in a warning.
//! - **Not numbers.** NaN and infinity become 0, counted in a warning.

mod coded;
mod container;
mod mp4;
mod wav;

use std::io;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::audio::channels::Layout;
use crate::audio::time_stamp::TimeStamp;

/// Sample rates that are accepted, in Hz.
pub const SAMPLE_RATE_RANGE: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// Most channels that are accepted: each pair needs a model of its own in memory.
pub const MAX_CHANNELS: usize = 16;

/// Frames in most blocks that [`AudioReader::read`] gives.
const BLOCK_FRAMES: usize = 8_192;

/// How samples are stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleKind {
    /// Integers with that many meaningful bits.
    Integer(u32),
    /// Floating point with that many bits.
    Float(u32),
    /// Compressed with loss: samples have no depth of their own.
    Lossy,
}

/// What is known of a song before it is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFacts {
    /// Container and codec for people, such as `WAV`, `mp3`, `isomp4 (aac)`.
    pub format: String,
    /// Frames per second.
    pub sample_rate: u32,
    /// One position per channel.
    pub layout: Layout,
    /// How samples are stored.
    pub kind: SampleKind,
    /// Frames of music, where the file says it.
    pub num_frames: Option<u64>,
    /// Title from the tags.
    pub title: Option<String>,
    /// Artist from the tags.
    pub artist: Option<String>,
    /// Where on a timeline it begins, from the `bext` chunk of a WAV.
    pub time_stamp: Option<TimeStamp>,
}

/// Why a song can't be read. Positions are in frames.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refused to open or read the file.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
    /// No format recognises the file.
    #[error("not an audio file in a format that is known here")]
    NotAudio,
    /// The format is known, but not this variant of it.
    #[error("unsupported audio: {0}")]
    Unsupported(String),
    /// There is no audio in it.
    #[error("the file holds no audio")]
    Empty,
    /// The file ends too early.
    #[error("the file is cut off: {expected} frames are announced, {actual} are there")]
    Truncated {
        /// Frames that the file announces.
        expected: u64,
        /// Frames that could be decoded.
        actual: u64,
    },
    /// The file doesn't have the frames that are asked for.
    #[error("frames {} to {} are asked for, the file has {available}", range.start, range.end)]
    OutOfRange {
        /// The frames that are asked for.
        range: Range<u64>,
        /// How many there are.
        available: u64,
    },
    /// The file ends too early, without saying how much is missing.
    #[error("the file is cut off: its end is missing")]
    EndMissing,
    /// Something in the middle can't be decoded.
    #[error("the file is damaged at frame {frame}: {what}")]
    Damaged {
        /// Where the damage begins.
        frame: u64,
        /// What the decoder said.
        what: String,
    },
}

/// A song being decoded from start to end.
pub struct AudioReader {
    facts: SourceFacts,
    decoder: Decoder,
    /// The frames of the file that are given.
    range: Range<u64>,
    /// Frames decoded so far.
    decoded: u64,
    /// Frames given so far.
    position: u64,
    num_not_finite: u64,
}

enum Decoder {
    Wav(wav::WavReader),
    Coded(Box<coded::CodedReader>),
}

impl AudioReader {
    /// Opens a song and reads its header.
    ///
    /// # Errors
    /// Whatever can be seen from the header; see [`ReadError`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        if metadata.len() == 0 {
            return Err(ReadError::Empty);
        }
        let (facts, decoder) = match wav::WavReader::open(path)? {
            Some((facts, wav)) => (facts, Decoder::Wav(wav)),
            None => {
                let (facts, coded) = coded::CodedReader::open(path)?;
                (facts, Decoder::Coded(Box::new(coded)))
            }
        };
        let num_channels = facts.layout.num_channels();
        if !SAMPLE_RATE_RANGE.contains(&facts.sample_rate) {
            return Err(ReadError::Unsupported(format!(
                "a sample rate of {} Hz (from {} to {} Hz is possible)",
                facts.sample_rate,
                SAMPLE_RATE_RANGE.start(),
                SAMPLE_RATE_RANGE.end()
            )));
        }
        if !(1..=MAX_CHANNELS).contains(&num_channels) {
            return Err(ReadError::Unsupported(format!(
                "{num_channels} channels (up to {MAX_CHANNELS} are possible)"
            )));
        }
        if facts.num_frames == Some(0) {
            return Err(ReadError::Empty);
        }
        Ok(Self {
            facts,
            decoder,
            range: 0..u64::MAX,
            decoded: 0,
            position: 0,
            num_not_finite: 0,
        })
    }

    /// Gives these frames only, as if they were the whole file; to be called before reading.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if the file is known not to have them.
    pub fn keep(&mut self, range: Range<u64>) -> Result<(), ReadError> {
        let available = self.facts.num_frames.unwrap_or(u64::MAX);
        if range.is_empty() || range.end > available {
            return Err(ReadError::OutOfRange { range, available });
        }
        self.facts.num_frames = Some(range.end - range.start);
        self.facts.time_stamp = self.facts.time_stamp.map(|stamp| stamp.after(range.start));
        self.range = range;
        Ok(())
    }

    /// What the header says.
    pub fn facts(&self) -> &SourceFacts {
        &self.facts
    }

    /// Frames read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How far into the file reading is, 0 to 1, where the number of frames is unknown too.
    pub fn fraction(&self) -> f64 {
        match (&self.decoder, self.facts.num_frames) {
            (_, Some(total)) => fraction(self.position, total),
            (Decoder::Coded(coded), None) => coded.fraction(),
            (Decoder::Wav(_), None) => 0.0,
        }
    }

    /// Replaces `block` with the next frames and gives how many they are; 0 is the end.
    ///
    /// Samples are in ±1 nominal full scale; integers of up to 24 bits are exact.
    ///
    /// # Shape
    /// `[channel][frame]`.
    ///
    /// # Errors
    /// The file is cut off, damaged, unreadable, or holds no audio at all.
    pub fn read(&mut self, block: &mut Vec<Vec<f32>>) -> Result<usize, ReadError> {
        block.resize_with(self.facts.layout.num_channels(), Vec::new);
        let mut num_frames = 0;
        // What comes before the range is decoded too: only so formats without an index are exact.
        while num_frames == 0 && self.decoded < self.range.end {
            block.iter_mut().for_each(Vec::clear);
            match &mut self.decoder {
                Decoder::Wav(wav) => wav.read(block)?,
                Decoder::Coded(coded) => coded.read(block)?,
            }
            let start = self.decoded;
            self.decoded += block[0].len() as u64;
            if self.decoded == start {
                break;
            }
            num_frames = cut(block, start, &self.range);
        }
        if num_frames == 0 {
            block.iter_mut().for_each(Vec::clear);
            if self.range.end != u64::MAX && self.decoded < self.range.end {
                return Err(ReadError::OutOfRange {
                    range: self.range.clone(),
                    available: self.decoded,
                });
            }
        }
        self.position += num_frames as u64;
        if num_frames == 0 && self.position == 0 {
            return Err(ReadError::Empty);
        }
        for sample in block
            .iter_mut()
            .flatten()
            .filter(|sample| !sample.is_finite())
        {
            *sample = 0.0;
            self.num_not_finite += 1;
        }
        Ok(num_frames)
    }

    /// What the listener should know; complete once the end is reached.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = match &self.decoder {
            Decoder::Wav(wav) => wav.warnings().to_vec(),
            Decoder::Coded(coded) => coded.warnings(),
        };
        if self.num_not_finite > 0 {
            warnings.push(format!(
                "{} samples were not numbers (NaN or infinity) and were set to 0",
                self.num_not_finite
            ));
        }
        warnings
    }
}

/// Leaves those frames of a block beginning at `start` that are in the range, and gives how many.
fn cut(block: &mut [Vec<f32>], start: u64, range: &Range<u64>) -> usize {
    let len = block[0].len();
    // Within a block, whose length is a usize.
    let within = |frame: u64| {
        usize::try_from(frame.saturating_sub(start)).map_or(len, |frame| frame.min(len))
    };
    let (from, to) = (within(range.start), within(range.end));
    for channel in block {
        channel.truncate(to);
        channel.drain(..from);
    }
    to - from
}

/// `part / whole` for progress, 0 to 1.
pub(crate) fn fraction(part: u64, whole: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "progress needs no more than 53 bits"
    )]
    let fraction = part as f64 / whole.max(1) as f64;
    fraction.clamp(0.0, 1.0)
}
