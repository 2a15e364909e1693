//! FLAC files, with the checksum of their audio and tags.
//!
//! The encoder is the crate flac-codec's; RFC 9639 is the format. The number of frames and the MD5 of the audio
//! are in the first block, so [`crate::audio::read`] and every player can tell that all of it is there.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use flac_codec::encode::{FlacChannelWriter, Options};

use super::{AudioSpec, BitDepth, WriteError};

/// One file, 16 or 24 bits, up to 8 channels.
pub(super) struct FlacWriter(FlacChannelWriter<BufWriter<File>>);

impl FlacWriter {
    /// Creates the file with tags, pictures and the number of frames that will come.
    ///
    /// # Errors
    /// The system refuses, or the encoder does.
    pub(super) fn create(path: &Path, spec: &AudioSpec) -> Result<Self, WriteError> {
        let bits = if spec.depth == BitDepth::Int16 {
            16
        } else {
            24
        };
        let num_channels = u8::try_from(spec.layout.num_channels()).unwrap_or(u8::MAX);
        // Trying all four ways to combine two channels takes 1.7 times as long (337 against 199 ms for 30 s)
        // and makes a stem 0.2 % smaller.
        let options = Options::default()
            .fast_channel_correlation(true)
            .comment(spec.tags.vorbis_comment());
        let pictures = spec.tags.flac_pictures().into_iter();
        let options = pictures.fold(options, Options::picture);
        FlacChannelWriter::new(
            BufWriter::with_capacity(1 << 18, File::create(path)?),
            options,
            spec.sample_rate,
            bits,
            num_channels,
            Some(spec.num_frames),
        )
        .map(Self)
        .map_err(failed)
    }

    /// # Shape
    /// `[channel][frame]`, integers of the spec's depth.
    pub(super) fn write(&mut self, samples: &[Vec<i32>]) -> Result<(), WriteError> {
        self.0.write(samples).map_err(failed)
    }

    /// Writes what is left, and the checksum into the first block.
    ///
    /// # Errors
    /// The system refuses, or another number of frames came than was announced.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.0.finalize().map_err(failed)
    }
}

fn failed(error: flac_codec::Error) -> WriteError {
    match error {
        flac_codec::Error::Io(error) => error.into(),
        other => WriteError::Encoder(other.to_string()),
    }
}
