//! Audio files out: WAV, FLAC, MP3, M4A and stem files, written block by block in constant memory.
//!
//! The length of a delivery is known before the first block, so its header is right from the start: a WAV
//! that will exceed 4 GB is RF64 from its first byte. What is recorded ([`GrowingWav`]) gets its header at
//! the end.
//!
//! | format | encoder |
//! |---|---|
//! | WAV | here |
//! | FLAC | the crate flac-codec |
//! | M4A, stem files | the crate alac-encoder; the container is written here |
//! | MP3 | LAME |
//!
//! Samples come as integers at the file's own depth: rounding and dither are over, and the files of a set sum
//! because of it ([`crate::delivery`]). Nothing here changes a value, but MP3's encoder.

mod alac;
mod flac;
mod format;
mod mp3;
mod mp4;
pub(crate) mod stem_file;
mod wav;

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::audio::channels::Layout;
use crate::audio::tags::Tags;
use crate::audio::time_stamp::TimeStamp;
pub use format::{FileFormat, Mp3Rate, UnknownFormat, UnknownMp3Rate};
pub use wav::GrowingWav;

/// Sample rates of MPEG-1, at which MP3 has all its bit rates.
///
/// # Source
/// ISO/IEC 11172-3, 2.4.2.3.
pub const MP3_SAMPLE_RATES: [u32; 3] = [32_000, 44_100, 48_000];

/// Most channels of a FLAC (RFC 9639, section 9.1.3) and of an MP3.
const FLAC_CHANNELS: usize = 8;
const MP3_CHANNELS: usize = 2;

/// Most channels of an M4A: more would need a layout that programs agree on.
const MP4_CHANNELS: usize = 2;

/// Highest sample rate of an M4A, in Hz: the field has 16 bits before its point (ISO/IEC 14496-12, 12.2.3.2).
const MP4_SAMPLE_RATE: u32 = u16::MAX as u32;

/// Of stem files, in Hz: Traktor plays no other.
const STEM_SAMPLE_RATE: u32 = 44_100;

/// Highest sample rate of a FLAC, in Hz (RFC 9639, section 8.2, has 20 bits for it).
const FLAC_SAMPLE_RATE: u32 = (1 << 20) - 1;

/// How a sample is stored.
///
/// In reports: `16`, `24`, `32f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BitDepth {
    /// 16-bit integers.
    #[serde(rename = "16")]
    Int16,
    /// 24-bit integers.
    #[serde(rename = "24")]
    Int24,
    /// 32-bit floating point.
    #[serde(rename = "32f")]
    Float32,
}

impl BitDepth {
    /// Bytes of a stored sample.
    pub fn num_bytes(self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Float32 => 4,
        }
    }

    /// What ±1 becomes: 2^(bits − 1); 1 for floating point.
    pub fn full_scale(self) -> f64 {
        match self {
            Self::Int16 => 32_768.0,
            Self::Int24 => 8_388_608.0,
            Self::Float32 => 1.0,
        }
    }
}

/// What a file will be; everything is known before the first block.
#[derive(Debug, Clone)]
pub struct AudioSpec {
    /// Kind of file.
    pub format: FileFormat,
    /// How samples come in; see [`FileFormat::depth`].
    pub depth: BitDepth,
    /// Frames per second.
    pub sample_rate: u32,
    /// One position per channel.
    pub layout: Layout,
    /// Frames that will be written.
    pub num_frames: u64,
    /// What the file says of itself.
    pub tags: Tags,
    /// Where the file belongs on a timeline; for WAV, the others can't say it.
    pub time_stamp: Option<TimeStamp>,
}

impl AudioSpec {
    /// Refuses what the format can't hold, before any work is done.
    ///
    /// # Errors
    /// [`WriteError::Impossible`] in words that name the way out.
    pub fn check(&self) -> Result<(), WriteError> {
        let num_channels = self.layout.num_channels();
        let problem = match self.format {
            FileFormat::Wav => None,
            FileFormat::Flac if self.depth == BitDepth::Float32 => {
                Some("FLAC holds integers: choose a bit depth of 16 or 24, or WAV".into())
            }
            FileFormat::Flac if num_channels > FLAC_CHANNELS => Some(format!(
                "FLAC holds up to {FLAC_CHANNELS} channels, the song has {num_channels}: choose WAV"
            )),
            FileFormat::Flac if self.sample_rate > FLAC_SAMPLE_RATE => {
                Some(format!("FLAC has no {} Hz: choose WAV", self.sample_rate))
            }
            FileFormat::Mp3(_) if !MP3_SAMPLE_RATES.contains(&self.sample_rate) => Some(format!(
                "MP3 exists for 32000, 44100 and 48000 Hz, the song has {} Hz: choose \
                 FLAC or WAV, or convert the song first",
                self.sample_rate
            )),
            FileFormat::Mp3(_) if num_channels > MP3_CHANNELS => Some(format!(
                "MP3 holds up to {MP3_CHANNELS} channels, the song has {num_channels}: choose FLAC or WAV"
            )),
            FileFormat::M4a | FileFormat::Stem if self.sample_rate > MP4_SAMPLE_RATE => Some(
                format!("M4A has no {} Hz: choose FLAC or WAV", self.sample_rate),
            ),
            FileFormat::M4a if num_channels > MP4_CHANNELS => Some(format!(
                "M4A holds up to {MP4_CHANNELS} channels here, the song has {num_channels}: choose FLAC or WAV"
            )),
            FileFormat::Stem if num_channels != 2 => Some(format!(
                "a stem file is in stereo, the song has {num_channels} channels: choose another format"
            )),
            FileFormat::Stem if self.sample_rate != STEM_SAMPLE_RATE => Some(format!(
                "a stem file has {STEM_SAMPLE_RATE} Hz, the song has {}: choose another format, or convert the song \
                 first, for example with: ffmpeg -i SONG -ar {STEM_SAMPLE_RATE} song.wav",
                self.sample_rate
            )),
            _ => None,
        };
        problem.map_or(Ok(()), |problem| Err(WriteError::Impossible(problem)))
    }
}

/// One block, as integers at the file's depth or as floats.
///
/// # Shape
/// `[channel][frame]`.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// For 16 and 24 bits.
    Integer(&'a [Vec<i32>]),
    /// For 32-bit floating point.
    Float(&'a [Vec<f32>]),
}

/// Why a file could not be written.
///
/// After any of them the file is not whole; whoever asked for it removes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The system refused: no space, no permission, no such folder.
    #[error("the file could not be written")]
    Io(#[from] io::Error),
    /// The format can't hold such audio.
    #[error("{0}")]
    Impossible(String),
    /// The encoder failed.
    #[error("the encoder failed: {0}")]
    Encoder(String),
}

/// A file being written from start to end.
///
/// A file that is dropped before [`AudioWriter::finish`] stays, and is not whole.
///
/// # Example
/// ```
/// use unweave_separation::audio::channels::Layout;
/// use unweave_separation::audio::read::AudioReader;
/// use unweave_separation::audio::tags::Tags;
/// use unweave_separation::audio::write::{AudioSpec, AudioWriter, BitDepth, FileFormat, Samples};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("two frames.wav");
/// let spec = AudioSpec {
///     format: FileFormat::Wav,
///     depth: BitDepth::Int16,
///     sample_rate: 44_100,
///     layout: Layout::from_count(2),
///     num_frames: 2,
///     tags: Tags::titled("Two frames"),
///     time_stamp: None,
/// };
/// let mut writer = AudioWriter::create(&path, &spec)?;
/// writer.write(Samples::Integer(&[vec![16_384, -32_768], vec![0, 8_192]]))?;
/// writer.finish()?;
///
/// let mut reader = AudioReader::open(&path)?;
/// assert_eq!(reader.facts().title.as_deref(), Some("Two frames"));
/// let mut block = Vec::new();
/// assert_eq!(reader.read(&mut block)?, 2);
/// assert_eq!(block, [[0.5, -1.0], [0.0, 0.25]]);
/// assert_eq!(reader.read(&mut block)?, 0, "the end");
/// assert!(reader.notes().is_empty(), "nothing is missing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AudioWriter(Inner);

enum Inner {
    Wav(wav::WavWriter),
    Flac(Box<flac::FlacWriter>),
    Mp3(mp3::Mp3Writer),
    M4a(Box<mp4::M4aWriter>),
    /// One track of a stem file, until all are joined.
    Track(Box<stem_file::TrackWriter>),
}

impl AudioWriter {
    /// Creates the file, replacing one of that name. Of a stem file it is one track, which programs can't read.
    ///
    /// # Errors
    /// The format can't hold it, or the system refuses.
    pub fn create(path: &Path, spec: &AudioSpec) -> Result<Self, WriteError> {
        spec.check()?;
        Ok(Self(match spec.format {
            FileFormat::Wav => Inner::Wav(wav::WavWriter::create(path, spec)?),
            FileFormat::Flac => Inner::Flac(Box::new(flac::FlacWriter::create(path, spec)?)),
            FileFormat::Mp3(rate) => Inner::Mp3(mp3::Mp3Writer::create(path, spec, rate)?),
            FileFormat::M4a => Inner::M4a(Box::new(mp4::M4aWriter::create(path, spec)?)),
            FileFormat::Stem => Inner::Track(Box::new(stem_file::TrackWriter::create(path, spec)?)),
        }))
    }

    /// Appends a block.
    ///
    /// Blocks are of any length, and all have as many channels as the spec's layout.
    ///
    /// # Errors
    /// The system refuses, or the samples are of another kind than the spec says.
    pub fn write(&mut self, samples: Samples<'_>) -> Result<(), WriteError> {
        match (&mut self.0, samples) {
            (Inner::Wav(wav), samples) => wav.write(samples),
            (Inner::Flac(flac), Samples::Integer(samples)) => flac.write(samples),
            (Inner::Mp3(mp3), Samples::Integer(samples)) => mp3.write(samples),
            (Inner::M4a(m4a), Samples::Integer(samples)) => m4a.write(samples),
            (Inner::Track(track), Samples::Integer(samples)) => track.write(samples),
            (_, Samples::Float(_)) => Err(WriteError::Encoder(
                "floating point given to an integer encoder".into(),
            )),
        }
    }

    /// Writes what is left, so that the file is whole.
    ///
    /// # Errors
    /// The system refuses, or fewer frames came than the spec says.
    pub fn finish(self) -> Result<(), WriteError> {
        match self.0 {
            Inner::Wav(wav) => wav.finish(),
            Inner::Flac(flac) => flac.finish(),
            Inner::Mp3(mp3) => mp3.finish(),
            Inner::M4a(m4a) => m4a.finish(),
            Inner::Track(track) => track.finish(),
        }
    }
}
