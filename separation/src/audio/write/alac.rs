//! Packets of Apple Lossless, 16 bits, whatever file they go to.
//!
//! The encoder is the crate alac-encoder's, which knows 16 bits. A packet holds [`PACKET_FRAMES`] frames of all
//! channels, the last one fewer, and needs none of the others to be decoded.

use std::io;

use alac_encoder::{AlacEncoder, DEFAULT_FRAMES_PER_PACKET, FormatDescription};

use super::{AudioSpec, WriteError};

/// Frames in each packet but the last.
pub(super) const PACKET_FRAMES: u32 = DEFAULT_FRAMES_PER_PACKET;

/// An encoder and the frames that wait for a packet to fill.
pub(super) struct AlacPackets {
    encoder: AlacEncoder,
    /// What goes in: interleaved integers of 16 bits.
    input: FormatDescription,
    /// 1 or 2.
    num_channels: usize,
    /// Interleaved samples of the packet to come.
    pending: Vec<i16>,
    /// Room for the largest packet.
    packet: Vec<u8>,
    /// Frames that are announced and have not come.
    frames_left: u64,
}

impl AlacPackets {
    /// For audio of this rate, layout and length.
    pub(super) fn new(spec: &AudioSpec) -> Self {
        let num_channels = spec.layout.num_channels();
        Self {
            encoder: AlacEncoder::new(&output(spec)),
            input: FormatDescription::pcm::<i16>(spec.sample_rate.into(), channels(spec)),
            num_channels,
            pending: Vec::new(),
            packet: vec![0; output(spec).max_packet_size()],
            frames_left: spec.num_frames,
        }
    }

    /// Hands every packet that is full to `give`.
    ///
    /// # Shape
    /// `samples` is `[channel][frame]`.
    ///
    /// # Errors
    /// A sample has more than 16 bits, more frames come than were announced, or `give` fails.
    pub(super) fn push(
        &mut self,
        samples: &[Vec<i32>],
        mut give: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        for frame in 0..samples[0].len() {
            for channel in samples {
                let sample = i16::try_from(channel[frame]);
                self.pending.push(sample.map_err(|_| too_deep())?);
            }
            if self.pending.len() == PACKET_FRAMES as usize * self.num_channels {
                give(self.encode())?;
            }
        }
        self.frames_left = self
            .frames_left
            .checked_sub(samples[0].len() as u64)
            .ok_or_else(|| WriteError::Encoder("more frames came than were announced".into()))?;
        Ok(())
    }

    /// Hands the last packet to `give`.
    ///
    /// # Errors
    /// Fewer frames came than were announced, or `give` fails.
    pub(super) fn finish(
        mut self,
        mut give: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        if self.frames_left > 0 {
            let what = "fewer frames came than were announced";
            return Err(WriteError::Encoder(what.into()));
        }
        if !self.pending.is_empty() {
            give(self.encode())?;
        }
        Ok(())
    }

    /// The packet of what is pending.
    fn encode(&mut self) -> &[u8] {
        let bytes: Vec<u8> = self.pending.iter().flat_map(|s| s.to_ne_bytes()).collect();
        self.pending.clear();
        let num_bytes = self.encoder.encode(&self.input, &bytes, &mut self.packet);
        &self.packet[..num_bytes]
    }
}

/// What a decoder has to know before the first packet: the ALACSpecificConfig.
pub(super) fn config(spec: &AudioSpec) -> Vec<u8> {
    AlacEncoder::new(&output(spec)).magic_cookie()
}

fn output(spec: &AudioSpec) -> FormatDescription {
    FormatDescription::alac(spec.sample_rate.into(), PACKET_FRAMES, channels(spec))
}

/// How many channels, as the encoder counts.
fn channels(spec: &AudioSpec) -> u32 {
    u32::try_from(spec.layout.num_channels()).unwrap_or(u32::MAX)
}

/// The error of samples that the encoder has no room for.
fn too_deep() -> WriteError {
    WriteError::Encoder("samples of more than 16 bits given to an encoder of 16".into())
}
