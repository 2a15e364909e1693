//! FLAC files, with the checksum of their audio and tags.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use flac_codec::encode::{FlacChannelWriter, Options};

use super::{AudioSpec, BitDepth, WriteError};

pub(super) struct FlacWriter(FlacChannelWriter<BufWriter<File>>);

impl FlacWriter {
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

    pub(super) fn write(&mut self, samples: &[Vec<i32>]) -> Result<(), WriteError> {
        self.0.write(samples).map_err(failed)
    }

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
