//! Kinds of files that can be written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::BitDepth;

/// Kind of file, as reports name it: `wav`, `flac`, `m4a`, `stem`, `mp3`, `mp3 192`, `mp3 V2`.
///
/// | format | depths | channels | sample rates |
/// |---|---|---|---|
/// | `wav` | 16, 24, 32f | as many as are read | all that are read |
/// | `flac` | 16, 24 | at most 8 | below 1,048,576 Hz |
/// | `m4a` | 16 | at most 2 | below 65,536 Hz |
/// | `stem` | 16 | 2 exactly | 44,100 Hz |
/// | `mp3` | made of 24 | at most 2 | 32,000, 44,100 and 48,000 Hz |
///
/// [`crate::audio::write::AudioSpec::check`] refuses what doesn't fit.
///
/// # Example
/// ```
/// use unweave_separation::audio::write::{FileFormat, Mp3Rate};
///
/// let format = FileFormat::try_from("mp3 V2".to_owned())?;
/// assert_eq!(format, FileFormat::Mp3(Mp3Rate::Variable(2)));
/// assert_eq!((String::from(format), format.extension()), ("mp3 V2".to_owned(), "mp3"));
/// assert!(FileFormat::try_from("mp3 100".to_owned()).is_err());
/// # Ok::<(), unweave_separation::audio::write::UnknownFormat>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FileFormat {
    /// RIFF WAVE, or RF64 above 4 GB.
    Wav,
    /// Free Lossless Audio Codec; integers only.
    Flac,
    /// Apple Lossless in MPEG-4; 16 bits.
    M4a,
    /// One file for DJ programs with the mix and four stems in it, each as in an M4A.
    Stem,
    /// MPEG-1 layer III.
    Mp3(Mp3Rate),
}

/// How much an MP3 takes: `192` or `V2`.
///
/// As text also `192k` and `v2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mp3Rate {
    /// The same for all of it, in kbit/s; one of [`Mp3Rate::CONSTANT`].
    Constant(u16),
    /// As much as it needs, at a quality of LAME's: 0 is best, 9 is worst.
    Variable(u8),
}

/// Not one of [`Mp3Rate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no rate of MP3: there is 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256 and 320 kbit/s, and \
     V0 (best) to V9 for a rate that varies"
)]
pub struct UnknownMp3Rate(String);

/// Not one of [`FileFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {0:?}: there is wav, flac, m4a, stem and mp3")]
pub struct UnknownFormat(String);

impl FileFormat {
    /// MP3 as good as it gets.
    pub const MP3: Self = Self::Mp3(Mp3Rate::Constant(320));

    /// File name extension without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
            Self::M4a => "m4a",
            Self::Stem => "stem.mp4",
            Self::Mp3(_) => "mp3",
        }
    }

    /// What such a file is made from if this depth is wanted.
    ///
    /// MP3 is encoded from 24 bits whatever is wanted, as the exact sums are made of integers; Apple Lossless
    /// knows 16 here.
    pub fn depth(self, wanted: BitDepth) -> BitDepth {
        match self {
            Self::Wav | Self::Flac => wanted,
            Self::M4a | Self::Stem => BitDepth::Int16,
            Self::Mp3(_) => BitDepth::Int24,
        }
    }

    /// Whether what is read back is only like what was written.
    pub fn is_lossy(self) -> bool {
        matches!(self, Self::Mp3(_))
    }
}

impl Mp3Rate {
    /// Constant rates, in kbit/s: those of layer III but for 56, which LAME's binding has no name for.
    ///
    /// # Source
    /// ISO/IEC 11172-3, table 2.4.2.3, layer III.
    pub const CONSTANT: [u16; 13] = [32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
}

impl FromStr for Mp3Rate {
    type Err = UnknownMp3Rate;

    fn from_str(text: &str) -> Result<Self, UnknownMp3Rate> {
        let lower = text.trim().to_ascii_lowercase();
        let rate = match lower.strip_prefix('v') {
            Some(quality) => quality
                .parse()
                .ok()
                .filter(|quality| (0..=9).contains(quality))
                .map(Self::Variable),
            None => lower
                .strip_suffix('k')
                .unwrap_or(&lower)
                .parse()
                .ok()
                .filter(|rate| Self::CONSTANT.contains(rate))
                .map(Self::Constant),
        };
        rate.ok_or_else(|| UnknownMp3Rate(text.to_owned()))
    }
}

impl fmt::Display for Mp3Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(rate) => write!(f, "{rate}"),
            Self::Variable(quality) => write!(f, "V{quality}"),
        }
    }
}

impl From<FileFormat> for String {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::MP3 => "mp3".into(),
            FileFormat::Mp3(rate) => format!("mp3 {rate}"),
            FileFormat::Stem => "stem".into(),
            other => other.extension().into(),
        }
    }
}

impl TryFrom<String> for FileFormat {
    type Error = UnknownFormat;

    fn try_from(text: String) -> Result<Self, UnknownFormat> {
        match (text.as_str(), text.strip_prefix("mp3 ")) {
            ("wav", _) => Ok(Self::Wav),
            ("flac", _) => Ok(Self::Flac),
            ("m4a", _) => Ok(Self::M4a),
            ("stem", _) => Ok(Self::Stem),
            ("mp3", _) => Ok(Self::MP3),
            (_, Some(rate)) => rate.parse().map(Self::Mp3).map_err(|_| UnknownFormat(text)),
            _ => Err(UnknownFormat(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_read_as_it_is_written() {
        let rates = Mp3Rate::CONSTANT.map(Mp3Rate::Constant);
        let rates = rates.into_iter().chain((0..=9).map(Mp3Rate::Variable));
        let formats = [
            FileFormat::Wav,
            FileFormat::Flac,
            FileFormat::M4a,
            FileFormat::Stem,
        ];
        for format in formats.into_iter().chain(rates.map(FileFormat::Mp3)) {
            assert_eq!(FileFormat::try_from(String::from(format)), Ok(format));
        }
        for text in ["", "V10", "v", "-1", "100", "320kb", "V-0", "ogg", "mp3 7"] {
            assert!(
                text.parse::<Mp3Rate>().is_err() && FileFormat::try_from(text.to_owned()).is_err()
            );
        }
    }
}
