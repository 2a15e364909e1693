//! Every format but WAV, through Symphonia, with starts and ends put right.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::audio::{Channels, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_FLAC, FORMAT_ID_ISOMP4};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::{MetadataOptions, StandardTag};
use symphonia::core::packet::Packet;

use super::{ReadError, SampleKind, SourceFacts, container, fraction, mp4};
use crate::audio::channels::Layout;

/// AAC at these rates or below is suspicious: the upper half of an HE-AAC stream can hide in it
/// without the header saying so.
const LOWEST_PLAIN_AAC_RATE: u32 = 24_000;

/// Most frames that one packet of MP3 (1152), AAC (2048) or Vorbis (8192, Vorbis I specification, section
/// 4.2.2) holds.
const MAX_PACKET_FRAMES: usize = 8_192;

pub(super) struct CodedReader {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    codec: AudioCodecId,
    track_id: u32,
    sample_rate: u32,
    num_channels: usize,
    /// Decoded frames that precede the music.
    skip_frames: u64,
    /// Frames of music, where that is known exactly.
    num_frames: Option<u64>,
    /// Frames decoded, with what is skipped.
    decoded_frames: u64,
    given_frames: u64,
    num_concealed: u64,
    warnings: Vec<String>,
    planes: Vec<Vec<f32>>,
    bytes_read: Arc<AtomicU64>,
    file_bytes: u64,
}

impl CodedReader {
    pub(super) fn open(path: &Path) -> Result<(SourceFacts, Self), ReadError> {
        if container::is_cut_off(path)? {
            return Err(ReadError::EndMissing);
        }
        let file = File::open(path)?;
        let file_bytes = file.metadata()?.len();
        let bytes_read = Arc::new(AtomicU64::new(0));
        let source = Counted {
            file,
            len: file_bytes,
            bytes_read: Arc::clone(&bytes_read),
        };
        let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
            hint.with_extension(extension);
        }
        let mut format = symphonia::default::get_probe()
            .probe(
                &hint,
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(not_audio)?;
        let (title, artist) = read_tags(format.as_mut());
        let container = format.format_info().format;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or_else(|| ReadError::Unsupported("a file without an audio track".into()))?
            .clone();
        let params = track
            .codec_params
            .as_ref()
            .and_then(|params| params.audio())
            .ok_or_else(|| ReadError::Unsupported("an unknown audio codec".into()))?;
        let codec = params.codec;
        // Symphonia trims MP3 to an estimated length when the file states none, which loses music.
        let options = AudioDecoderOptions::default()
            .gapless(codec != CODEC_ID_MP3)
            .verify(true);
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &options)
            .map_err(|error| unsupported_codec(codec, &error))?;
        let params = decoder.codec_params();
        let sample_rate = params
            .sample_rate
            .ok_or_else(|| ReadError::Unsupported("a file without a sample rate".into()))?;
        let layout = match &params.channels {
            Some(channels) => layout_of(channels),
            None => {
                return Err(ReadError::Unsupported(
                    "a file without a channel count".into(),
                ));
            }
        };
        let kind = match params.bits_per_sample {
            _ if matches!(codec, CODEC_ID_MP3 | CODEC_ID_AAC | CODEC_ID_VORBIS) => {
                SampleKind::Lossy
            }
            Some(bits) => SampleKind::Integer(bits),
            None => SampleKind::Lossy,
        };

        let mut warnings = Vec::new();
        let mut skip_frames = 0;
        let mut num_frames = track.num_frames;
        if codec == CODEC_ID_MP3 {
            match track.delay {
                Some(delay) => skip_frames = delay.into(),
                None => {
                    num_frames = None;
                    warnings.push(
                        "the MP3 has no LAME tag: its exact start and length are unknown, so it may \
                         begin with up to 50 ms of silence, and a cut-off end can't be noticed"
                            .into(),
                    );
                }
            }
        } else if codec == CODEC_ID_AAC {
            if sample_rate <= LOWEST_PLAIN_AAC_RATE {
                warnings.push(
                    "AAC at this low sample rate may be HE-AAC, whose upper half can't be read here"
                        .into(),
                );
            }
            let trim = match container {
                FORMAT_ID_ISOMP4 => mp4::read_trim(path, sample_rate)?,
                _ => None,
            };
            match trim {
                Some(trim) => {
                    skip_frames = trim.start_frames;
                    let total = num_frames.map(|total| total.saturating_sub(skip_frames));
                    num_frames = trim.num_frames.or(total);
                }
                None => {
                    num_frames = None;
                    warnings.push(
                        "the AAC file doesn't say where the music starts and ends, so it may begin \
                         with up to 50 ms of silence, and a cut-off end can't be noticed"
                            .into(),
                    );
                }
            }
        } else if num_frames.is_none() {
            warnings.push("the file states no length: a cut-off end can't be noticed".into());
        }

        let facts = SourceFacts {
            format: format!(
                "{} ({})",
                format.format_info().short_name,
                decoder.codec_info().short_name
            ),
            sample_rate,
            layout: layout.clone(),
            kind,
            num_frames,
            title,
            artist,
            time_stamp: None,
        };
        let reader = Self {
            format,
            decoder,
            codec,
            track_id: track.id,
            sample_rate,
            num_channels: layout.num_channels(),
            skip_frames,
            num_frames,
            decoded_frames: 0,
            given_frames: 0,
            num_concealed: 0,
            warnings,
            planes: Vec::new(),
            bytes_read,
            file_bytes,
        };
        Ok((facts, reader))
    }

    pub(super) fn fraction(&self) -> f64 {
        fraction(self.bytes_read.load(Ordering::Relaxed), self.file_bytes)
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if self.num_concealed > 0 {
            warnings.push(format!(
                "{} damaged packets were replaced by silence of the same length",
                self.num_concealed
            ));
        }
        warnings
    }

    /// Appends the frames of the next packet that holds music.
    pub(super) fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        while block[0].is_empty() {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return self.check_end(),
                Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return self.check_end();
                }
                Err(SymphoniaError::IoError(error)) => return Err(error.into()),
                Err(error) => return Err(self.damaged(&error)),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            self.check_timeline(&packet)?;
            self.decode(&packet)?;
            self.give(block);
        }
        Ok(())
    }

    /// Fills `planes`.
    fn decode(&mut self, packet: &Packet) -> Result<(), ReadError> {
        let error = match self.decoder.decode(packet) {
            Ok(buffer) => {
                let spec = buffer.spec();
                let (rate, channels) = (spec.rate(), spec.channels().count());
                if rate != self.sample_rate || channels != self.num_channels {
                    let what = "the sample rate or channel count changes within the file";
                    return Err(ReadError::Unsupported(what.into()));
                }
                copy_planes(&buffer, &mut self.planes);
                return Ok(());
            }
            Err(error) => error,
        };
        let is_lossy = matches!(self.codec, CODEC_ID_MP3 | CODEC_ID_AAC | CODEC_ID_VORBIS);
        if !is_lossy || matches!(error, SymphoniaError::ResetRequired) {
            return Err(self.damaged(&error));
        }
        // A duration beyond what any codec packs together is part of the damage.
        let num_frames = usize::try_from(packet.block_dur().get()).unwrap_or(usize::MAX);
        if num_frames > MAX_PACKET_FRAMES {
            return Err(self.damaged(&error));
        }
        self.num_concealed += 1;
        self.planes.resize_with(self.num_channels, Vec::new);
        for plane in &mut self.planes {
            plane.clear();
            plane.resize(num_frames, 0.0);
        }
        Ok(())
    }

    /// Moves what is music from `planes` to `block`.
    fn give(&mut self, block: &mut [Vec<f32>]) {
        let len = self.planes[0].len() as u64;
        let start = self
            .skip_frames
            .saturating_sub(self.decoded_frames)
            .min(len);
        let left = self
            .num_frames
            .map_or(u64::MAX, |total| total - self.given_frames);
        let num_frames = (len - start).min(left);
        self.decoded_frames += len;
        self.given_frames += num_frames;
        let range = index(start)..index(start + num_frames);
        for (out, plane) in block.iter_mut().zip(&self.planes) {
            out.extend_from_slice(&plane[range.clone()]);
        }
    }

    /// FLAC numbers its packets by frames: one that doesn't follow the one before it tells that the
    /// packets between were unreadable, and so passed over.
    fn check_timeline(&self, packet: &Packet) -> Result<(), ReadError> {
        let is_flac = self.format.format_info().format == FORMAT_ID_FLAC;
        if is_flac && u64::try_from(packet.pts.get()) != Ok(self.decoded_frames) {
            return Err(ReadError::Damaged {
                frame: self.decoded_frames,
                what: "a part of the file can't be decoded".into(),
            });
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), ReadError> {
        if let Some(expected) = self.num_frames
            && self.given_frames < expected
        {
            return Err(ReadError::Truncated {
                expected,
                actual: self.given_frames,
            });
        }
        if self.decoder.finalize().verify_ok == Some(false) {
            return Err(ReadError::Damaged {
                frame: 0,
                what: "the audio doesn't match the checksum in the file".into(),
            });
        }
        Ok(())
    }

    fn damaged(&self, error: &SymphoniaError) -> ReadError {
        match error {
            SymphoniaError::ResetRequired => {
                ReadError::Unsupported("several songs chained in one file".into())
            }
            error => ReadError::Damaged {
                frame: self.given_frames,
                what: error.to_string(),
            },
        }
    }
}

fn copy_planes(buffer: &GenericAudioBufferRef<'_>, planes: &mut Vec<Vec<f32>>) {
    buffer.copy_to_vecs_planar(planes);
}

/// A count that came from the length of a slice.
fn index(frames: u64) -> usize {
    usize::try_from(frames).unwrap_or(usize::MAX)
}

fn layout_of(channels: &Channels) -> Layout {
    match channels {
        Channels::Positioned(positions) => {
            // The lowest 18 positions are those of the WAVE channel mask.
            let mask = u32::try_from(positions.bits() & 0x3_ffff).unwrap_or(0);
            Layout::from_mask(mask, channels.count())
        }
        other => Layout::from_count(other.count()),
    }
}

fn not_audio(error: SymphoniaError) -> ReadError {
    match error {
        SymphoniaError::IoError(error) if error.kind() != ErrorKind::UnexpectedEof => error.into(),
        SymphoniaError::DecodeError(what) => ReadError::Damaged {
            frame: 0,
            what: what.to_owned(),
        },
        _ => ReadError::NotAudio,
    }
}

fn unsupported_codec(codec: AudioCodecId, error: &SymphoniaError) -> ReadError {
    ReadError::Unsupported(match codec {
        CODEC_ID_AAC => "HE-AAC, or AAC with more than two channels".into(),
        _ => format!("a codec that can't be decoded ({error})"),
    })
}

/// Title and artist from whatever tags came first.
fn read_tags(format: &mut dyn FormatReader) -> (Option<String>, Option<String>) {
    let (mut title, mut artist) = (None, None);
    let mut metadata = format.metadata();
    while let Some(revision) = metadata.current() {
        for tag in &revision.media.tags {
            match &tag.std {
                Some(StandardTag::TrackTitle(text)) => title = title.or_else(|| text_of(text)),
                Some(StandardTag::Artist(text)) => artist = artist.or_else(|| text_of(text)),
                _ => {}
            }
        }
        if metadata.pop().is_none() {
            break;
        }
    }
    (title, artist)
}

fn text_of(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A file that counts what is read of it, for progress where no length is known.
struct Counted {
    file: File,
    len: u64,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let num_bytes = self.file.read(bytes)?;
        self.bytes_read
            .fetch_add(num_bytes as u64, Ordering::Relaxed);
        Ok(num_bytes)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.file.seek(to)?;
        self.bytes_read.store(position, Ordering::Relaxed);
        Ok(position)
    }
}

impl MediaSource for Counted {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}
