//! MP3 files by LAME that line up with the mix: the LAME tag says what players and this
//! library remove from start and end.
//!
//! ```text
//! ID3v2    tags of the song, if it has any
//! packet   LAME's tag: packets, bytes, delay and padding, checksums (written last)
//! packets  music, from the encoder's delay on
//! ```
//! A decoder that knows the tag gives as many frames as went in, each at its place; one that doesn't gives
//! silence before and behind them. The rate is the song's: LAME would choose a lower one for low bit rates.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use mp3lame_encoder::{
    Bitrate, Builder, DualPcm, Encoder, FlushGap, Mode, MonoPcm, Quality, VbrMode,
    max_required_buffer_size,
};

use super::{AudioSpec, BitDepth, Mp3Rate, WriteError};

/// Room for the last frames (`lame.h` asks for 7200 bytes) and for the tag, which is one frame.
const FLUSH_BYTES: usize = 7_200;

/// Of a rate that varies, from V0 to V9: what the binding calls LAME's 0 to 9.
const QUALITIES: [Quality; 10] = [
    Quality::Best,
    Quality::SecondBest,
    Quality::NearBest,
    Quality::VeryNice,
    Quality::Nice,
    Quality::Good,
    Quality::Decent,
    Quality::Ok,
    Quality::SecondWorst,
    Quality::Worst,
];

/// One file, mono or joint stereo.
pub(super) struct Mp3Writer {
    /// Behind the tags at first.
    file: BufWriter<File>,
    /// LAME, with the settings of one rate.
    encoder: Encoder,
    /// What 24-bit integers are multiplied by: LAME takes floats of ±1.
    scale: f32,
    /// Where the LAME tag goes once the length is known.
    tag_at: u64,
    /// The last block as floats, `[channel][frame]`.
    planes: Vec<Vec<f32>>,
    bytes: Vec<u8>,
}

impl Mp3Writer {
    /// Creates the file and writes its tags.
    ///
    /// # Errors
    /// The system refuses, or LAME refuses the settings.
    pub(super) fn create(path: &Path, spec: &AudioSpec, rate: Mp3Rate) -> Result<Self, WriteError> {
        let num_channels = spec.layout.num_channels();
        let encoder = build(spec, num_channels, rate).map_err(|error| {
            WriteError::Encoder(format!("LAME refuses these settings: {error}"))
        })?;
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let tag = spec.tags.id3v2();
        file.write_all(&tag)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a power of two is exact in f32"
        )]
        let scale = 1.0 / BitDepth::Int24.full_scale() as f32;
        let planes = vec![Vec::new(); num_channels];
        Ok(Self {
            file,
            encoder,
            scale,
            tag_at: tag.len() as u64,
            planes,
            bytes: Vec::new(),
        })
    }

    /// # Shape
    /// `[channel][frame]`, one channel or two, integers of 24 bits.
    pub(super) fn write(&mut self, samples: &[Vec<i32>]) -> Result<(), WriteError> {
        for (plane, samples) in self.planes.iter_mut().zip(samples) {
            plane.clear();
            #[expect(
                clippy::cast_precision_loss,
                reason = "24-bit integers are exact in f32"
            )]
            plane.extend(samples.iter().map(|&sample| sample as f32 * self.scale));
        }
        self.bytes.clear();
        self.bytes
            .reserve(max_required_buffer_size(self.planes[0].len()));
        match &self.planes[..] {
            [mono] => self.encoder.encode_to_vec(MonoPcm(mono), &mut self.bytes),
            [left, right, ..] => self
                .encoder
                .encode_to_vec(DualPcm { left, right }, &mut self.bytes),
            [] => Ok(0),
        }
        .map_err(failed)?;
        self.file.write_all(&self.bytes)?;
        Ok(())
    }

    /// Encodes what LAME holds back, and puts its tag in the place of the empty first packet.
    ///
    /// # Errors
    /// The system refuses, or LAME fails.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        self.bytes.clear();
        self.bytes.reserve(FLUSH_BYTES);
        self.encoder
            .flush_to_vec::<FlushGap>(&mut self.bytes)
            .map_err(failed)?;
        self.file.write_all(&self.bytes)?;
        // LAME began with an empty frame, to be replaced by the tag that tells delay and length.
        self.bytes.clear();
        self.bytes
            .reserve(self.encoder.lame_tag_size().max(FLUSH_BYTES));
        if self
            .encoder
            .lame_tag_encode_to_vec(&mut self.bytes)
            .is_none()
        {
            return Err(WriteError::Encoder("LAME gave no tag".into()));
        }
        self.file.seek(SeekFrom::Start(self.tag_at))?;
        self.file.write_all(&self.bytes)?;
        self.file.flush()?;
        Ok(())
    }
}

/// LAME for a song's rate and channels, at 2 of its qualities of search from 0 to 9.
fn build(
    spec: &AudioSpec,
    num_channels: usize,
    rate: Mp3Rate,
) -> Result<Encoder, mp3lame_encoder::BuildError> {
    let mut builder = Builder::new().ok_or(mp3lame_encoder::BuildError::NoMem)?;
    builder.set_num_channels(if num_channels == 1 { 1 } else { 2 })?;
    builder.set_mode(if num_channels == 1 {
        Mode::Mono
    } else {
        Mode::JointStereo
    })?;
    builder.set_sample_rate(spec.sample_rate)?;
    builder.set_output_sample_rate(std::num::NonZeroU32::new(spec.sample_rate))?;
    match rate {
        Mp3Rate::Constant(rate) => {
            builder.set_vbr_mode(VbrMode::Off)?;
            builder.set_brate(bitrate(rate))?;
        }
        Mp3Rate::Variable(quality) => {
            builder.set_vbr_mode(VbrMode::Mtrh)?;
            builder.set_vbr_quality(QUALITIES[usize::from(quality).min(QUALITIES.len() - 1)])?;
        }
    }
    builder.set_quality(Quality::NearBest)?;
    builder.set_to_write_vbr_tag(true)?;
    builder.build()
}

/// The name of a constant rate in kbit/s.
fn bitrate(rate: u16) -> Bitrate {
    match rate {
        32 => Bitrate::Kbps32,
        40 => Bitrate::Kbps40,
        48 => Bitrate::Kbps48,
        64 => Bitrate::Kbps64,
        80 => Bitrate::Kbps80,
        96 => Bitrate::Kbps96,
        112 => Bitrate::Kbps112,
        128 => Bitrate::Kbps128,
        160 => Bitrate::Kbps160,
        192 => Bitrate::Kbps192,
        224 => Bitrate::Kbps224,
        256 => Bitrate::Kbps256,
        _ => Bitrate::Kbps320,
    }
}

fn failed(error: mp3lame_encoder::EncodeError) -> WriteError {
    WriteError::Encoder(format!("LAME: {error}"))
}
