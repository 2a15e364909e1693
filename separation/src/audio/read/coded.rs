//! Every format that Symphonia takes apart, with starts and ends put right.
//!
//! It takes MP4, Matroska, Ogg, CAF and FLAC apart and decodes AAC, ALAC, FLAC, Vorbis and more; libopus
//! decodes Opus. On top of that, here:
//!
//! - starts and ends: [`mp4`] reads what says where the music of an AAC begins, [`opus`] the pre-skip,
//!   [`matroska`] the padding,
//! - a packet that can't be decoded becomes silence as long as it says that it is,
//! - packets of FLAC that are missing become silence, by the number in the next one,
//! - panics become errors ([`guarded`](super::guarded)).
//!
//! # Errors
//! HE-AAC, Opus in MP4, and whatever Symphonia has no decoder for are [`ReadError::ForeignCodec`], so that
//! ffmpeg is tried.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS,
    CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{
    FORMAT_ID_CAF, FORMAT_ID_FLAC, FORMAT_ID_ISOMP4, FORMAT_ID_MKV, FORMAT_ID_OGG,
};
use symphonia::core::formats::{FormatId, FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::{MetadataOptions, StandardTag};
use symphonia::core::packet::Packet;
use symphonia_adapter_libopus::OpusDecoder;

use super::guarded::guarded;
use super::part::Part;
use super::{
    ReadError, SampleKind, Source, SourceFacts, codecs, fraction, matroska, mp4, notes, opus,
};
use crate::audio::channels::Layout;
use crate::audio::tags::Tags;

/// AAC at this rate in Hz or below is suspicious: the upper half of an HE-AAC stream can hide in it without the
/// header saying so.
const LOWEST_PLAIN_AAC_RATE: u32 = 24_000;

/// Most frames that one packet holds: a block of FLAC (RFC 9639, section 9.1.1).
const MAX_PACKET_FRAMES: usize = 1 << 16;

/// Frames in a packet of ALAC.
const PACKET_OF_ALAC: u64 = 4_096;

/// Longest gap that is filled with silence, in seconds: what claims more is itself the damage.
const MAX_GAP_SECONDS: u64 = 60;

/// Errors in a row after which what is left of a file is given up.
const MAX_ERRORS_IN_A_ROW: u32 = 1_000;

/// Symphonia's decoders, and libopus.
static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<OpusDecoder>();
    codecs
});

/// One track of a file, packet by packet.
pub(super) struct CodedReader {
    /// What takes the container apart.
    format: Box<dyn FormatReader>,
    /// What decodes the track's packets.
    decoder: Box<dyn AudioDecoder>,
    format_id: FormatId,
    codec: AudioCodecId,
    /// Packets of other tracks are passed over.
    track_id: u32,
    /// In Hz; the same for the whole track, else it is refused.
    sample_rate: u32,
    /// The same for the whole track, too.
    num_channels: usize,
    /// What every sample is multiplied by. Opus' header has one; else 1.
    gain: f32,
    /// Decoded frames that precede the music.
    skip_frames: u64,
    /// Frames of music, where the file says it.
    num_frames: Option<u64>,
    /// Whether what is decoded beyond `num_frames` is padding, and not music that the header forgot.
    is_end_exact: bool,
    /// Whether `num_frames` counts whole packets.
    is_rounded: bool,
    /// Frames at the end that are padding; they are held back until it is known whether more comes.
    end_frames: usize,
    /// Those that are held back, `[channel][frame]`.
    held: Vec<Vec<f32>>,
    /// Frames decoded, with what is skipped.
    decoded_frames: u64,
    /// Frames of music that were given.
    given_frames: u64,
    /// Packets that became silence of their own length.
    num_concealed: u64,
    /// Frames of silence put where packets are missing.
    num_filled: u64,
    /// Packets and pieces whose length isn't known.
    num_lost: u64,
    /// Whether the end was looked at and its notes written.
    is_at_end: bool,
    /// What is known before the end, and at it; counts are added when asked.
    notes: Vec<String>,
    /// The last packet, decoded, `[channel][frame]`.
    planes: Vec<Vec<f32>>,
    /// How far into the part its reader is, for progress.
    bytes_read: Arc<AtomicU64>,
    part_bytes: u64,
}

impl CodedReader {
    /// Opens what lies between two places of a file; the path's extension is a hint, and MP4 is looked at by it.
    /// Of several audio tracks it takes the one that the file wants played, or the one that is asked for.
    ///
    /// # Errors
    /// No format is recognised, there is no audio track, or the codec or its settings can't be decoded.
    pub(super) fn open(
        file: &File,
        path: &Path,
        part: Range<u64>,
        track_idx: Option<usize>,
    ) -> Result<(SourceFacts, Self), ReadError> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let part_bytes = part.end - part.start;
        let mut format = probe(file, path, part, &bytes_read)?;
        let (title, artist) = read_tags(format.as_mut());
        let info = format.format_info();
        let (format_id, format_name) = (info.format, info.short_name);
        let is_audio = |track: &&Track| {
            let params = track.codec_params.as_ref();
            params.is_some_and(|params| params.audio().is_some())
        };
        let track = match track_idx {
            Some(track_idx) => format.tracks().iter().filter(is_audio).nth(track_idx),
            None => format.default_track(TrackType::Audio),
        };
        let track = track
            .ok_or_else(|| ReadError::Unsupported("a file without an audio track".into()))?
            .clone();
        let params = track
            .codec_params
            .as_ref()
            .and_then(|params| params.audio())
            .ok_or_else(|| ReadError::ForeignCodec("its codec, which is unknown,".into()))?;
        let codec = params.codec;
        if codec == CODEC_ID_OPUS && format_id == FORMAT_ID_ISOMP4 {
            return Err(ReadError::ForeignCodec("Opus in MP4".into()));
        }
        let is_lossy = is_lossy(codec);
        let decoder = decoder(params)?;
        let params = decoder.codec_params();
        let unsaid = |what| ReadError::Unsupported(format!("a file that doesn't say its {what}"));
        let sample_rate = params.sample_rate.ok_or_else(|| unsaid("sample rate"))?;
        let channels = params
            .channels
            .as_ref()
            .ok_or_else(|| unsaid("channel count"))?;
        let layout = layout_of(channels);
        let kind = match params.bits_per_sample {
            Some(bits) if !is_lossy => SampleKind::Integer(bits),
            _ => SampleKind::Lossy,
        };
        let mut words = Vec::new();
        let length = Length::of(
            &track,
            (format_id, track_idx),
            path,
            sample_rate,
            &mut words,
        )?;
        // Most programs count the last packet as if it were full.
        let is_rounded = format_id == FORMAT_ID_CAF && codec == CODEC_ID_ALAC;
        let facts = SourceFacts {
            format: format!("{format_name} ({})", decoder.codec_info().short_name),
            sample_rate,
            layout: layout.clone(),
            kind,
            num_frames: length.num_frames.filter(|_| !is_rounded),
            title,
            artist,
            tags: Tags::default(),
            time_stamp: None,
        };
        let reader = Self {
            format,
            decoder,
            format_id,
            codec,
            track_id: track.id,
            sample_rate,
            num_channels: layout.num_channels(),
            gain: length.gain,
            skip_frames: length.skip_frames,
            num_frames: length.num_frames,
            is_end_exact: length.is_end_exact,
            is_rounded,
            end_frames: length.end_frames,
            held: vec![Vec::new(); layout.num_channels()],
            decoded_frames: 0,
            given_frames: 0,
            num_concealed: 0,
            num_filled: 0,
            num_lost: 0,
            is_at_end: false,
            notes: words,
            planes: Vec::new(),
            bytes_read,
            part_bytes,
        };
        Ok((facts, reader))
    }

    /// The next packet of the track; `None` at the end, or where nothing more can be found.
    ///
    /// Errors that are no end are counted and passed over, up to [`MAX_ERRORS_IN_A_ROW`].
    ///
    /// # Errors
    /// The system can't read the file.
    fn next_packet(&mut self) -> Result<Option<Packet>, ReadError> {
        for _ in 0..MAX_ERRORS_IN_A_ROW {
            match guarded(|| self.format.next_packet()) {
                Ok(Some(packet)) if packet.track_id == self.track_id => return Ok(Some(packet)),
                Ok(Some(_)) => return self.next_packet_of_track(),
                Ok(None) => return Ok(None),
                Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                Err(SymphoniaError::IoError(error)) => return Err(error.into()),
                Err(SymphoniaError::ResetRequired) => return Ok(None),
                Err(_) => self.num_lost += 1,
            }
        }
        Ok(None)
    }

    /// Passes over packets of other tracks, as the pictures of a video, of which there may be any number.
    fn next_packet_of_track(&mut self) -> Result<Option<Packet>, ReadError> {
        loop {
            match guarded(|| self.format.next_packet()) {
                Ok(Some(packet)) if packet.track_id != self.track_id => {}
                Ok(packet) => return Ok(packet),
                Err(SymphoniaError::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                    return Err(error.into());
                }
                Err(SymphoniaError::IoError(_) | SymphoniaError::ResetRequired) => return Ok(None),
                Err(_) => {
                    self.num_lost += 1;
                    if self.num_lost > MAX_ERRORS_IN_A_ROW.into() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Fills `planes`: with silence if the packet can't be decoded.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] if rate or channel count change.
    fn decode(&mut self, packet: Packet) -> Result<(), ReadError> {
        let stated_frames = usize::try_from(packet.block_dur().get()).unwrap_or(usize::MAX);
        let packet = match self.codec {
            // What is before and after the music is known better here.
            CODEC_ID_OPUS => Packet::new(packet.track_id, packet.pts, packet.dur, packet.data),
            _ => packet,
        };
        if let Ok(buffer) = guarded(|| self.decoder.decode(&packet)) {
            let spec = buffer.spec();
            let (rate, channels) = (spec.rate(), spec.channels().count());
            if rate != self.sample_rate || channels != self.num_channels {
                let what = "a file whose sample rate or channel count changes within";
                return Err(ReadError::Unsupported(what.into()));
            }
            buffer.copy_to_vecs_planar(&mut self.planes);
            if self.gain != 1.0 {
                let samples = self.planes.iter_mut().flatten();
                samples.for_each(|sample| *sample *= self.gain);
            }
            return Ok(());
        }
        // A duration beyond what any codec packs together is part of the damage.
        if stated_frames > MAX_PACKET_FRAMES {
            self.num_lost += 1;
            self.silence(0);
        } else {
            self.num_concealed += 1;
            self.silence(stated_frames);
        }
        Ok(())
    }

    /// Makes `planes` so many frames of silence.
    fn silence(&mut self, num_frames: usize) {
        self.planes.resize_with(self.num_channels, Vec::new);
        for plane in &mut self.planes {
            plane.clear();
            plane.resize(num_frames, 0.0);
        }
    }

    /// Moves what is music from `planes` to `block`.
    ///
    /// Frames before the music and behind its exact end are dropped, and padding of unknown place is held back.
    fn give(&mut self, block: &mut [Vec<f32>]) {
        let len = self.planes[0].len() as u64;
        let start = self
            .skip_frames
            .saturating_sub(self.decoded_frames)
            .min(len);
        let left = match self.num_frames {
            Some(total) if self.is_end_exact => {
                (total + self.skip_frames).saturating_sub(self.decoded_frames + start)
            }
            _ => u64::MAX,
        };
        let num_frames = (len - start).min(left);
        self.decoded_frames += len;
        let range = index(start)..index(start + num_frames);
        for ((out, held), plane) in block.iter_mut().zip(&mut self.held).zip(&self.planes) {
            held.extend_from_slice(&plane[range.clone()]);
            out.extend(held.drain(..held.len().saturating_sub(self.end_frames)));
        }
    }

    /// FLAC numbers its packets by frames: one that doesn't follow the one before it tells that the packets
    /// between were unreadable, and so passed over. They become silence, so that nothing is shifted.
    fn fill_gap(&mut self, packet: &Packet, block: &mut [Vec<f32>]) {
        if self.format_id != FORMAT_ID_FLAC {
            return;
        }
        let at = u64::try_from(packet.pts.get()).unwrap_or(0);
        let gap = at.saturating_sub(self.decoded_frames);
        if gap > MAX_GAP_SECONDS * u64::from(self.sample_rate) {
            self.num_lost += 1;
        } else if gap > 0 {
            self.num_filled += gap;
            self.silence(index(gap));
            self.give(block);
        }
    }

    /// Compares what was given with what was stated and with the checksum of the audio, once.
    fn end(&mut self) {
        if std::mem::replace(&mut self.is_at_end, true) {
            return;
        }
        let given = self.given_frames;
        let verified = self.decoder.finalize().verify_ok;
        match self.num_frames {
            Some(stated) if stated != given && verified == Some(true) => self.notes.push(format!(
                "the header states a wrong length, {}; the checksum of the audio says that all of it, {}, is there",
                notes::seconds(stated, self.sample_rate),
                notes::seconds(given, self.sample_rate)
            )),
            Some(stated) if self.is_rounded && stated < given + PACKET_OF_ALAC => {}
            Some(stated) if stated > given => {
                self.notes.push(notes::cut_off(stated, given, self.sample_rate));
            }
            Some(stated) if stated < given => {
                self.notes.push(notes::longer(stated, given, self.sample_rate));
            }
            _ => {}
        }
        if verified == Some(false) {
            self.notes.push(
                "the audio doesn't match the checksum in the file: something in it is damaged, or not all of it is \
                 there"
                    .into(),
            );
        }
    }
}

impl Source for CodedReader {
    /// Appends the frames of the next packet that holds music.
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        while block[0].is_empty() {
            let Some(packet) = self.next_packet()? else {
                self.end();
                return Ok(());
            };
            self.fill_gap(&packet, block);
            self.decode(packet)?;
            self.give(block);
        }
        self.given_frames += block[0].len() as u64;
        Ok(())
    }

    fn fraction(&self) -> f64 {
        match self.num_frames {
            Some(total) => fraction(self.given_frames, total),
            None => fraction(self.bytes_read.load(Ordering::Relaxed), self.part_bytes),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.extend(notes::concealed(self.num_concealed));
        if self.num_filled > 0 {
            notes.push(format!(
                "{} could not be decoded and were replaced by silence",
                notes::seconds(self.num_filled, self.sample_rate)
            ));
        }
        if self.num_lost > 0 {
            notes.push(format!(
                "{} damaged pieces of unknown length were left out: what follows them is earlier than it was",
                self.num_lost
            ));
        }
        notes
    }
}

/// What a file says of its start and end.
///
/// # Units
/// Frames as decoded, at the track's rate.
struct Length {
    /// Frames before the music.
    skip_frames: u64,
    /// Frames of music; none if it isn't stated, or not to the frame.
    num_frames: Option<u64>,
    /// Whether what is decoded beyond them is padding.
    is_end_exact: bool,
    /// Padding at an end that is only known when it comes.
    end_frames: usize,
    /// What every sample is multiplied by.
    gain: f32,
}

impl Length {
    /// What can't be known goes to `words`.
    ///
    /// `format` and `track_idx` say where more of it may be found.
    fn of(
        track: &Track,
        (format, track_idx): (FormatId, Option<usize>),
        path: &Path,
        sample_rate: u32,
        words: &mut Vec<String>,
    ) -> Result<Self, ReadError> {
        let params = track
            .codec_params
            .as_ref()
            .and_then(|params| params.audio());
        let codec = params.map(|params| params.codec);
        let mut length = Self {
            skip_frames: 0,
            num_frames: track.num_frames.filter(|&num_frames| num_frames > 0),
            is_end_exact: format == FORMAT_ID_ISOMP4 || format == FORMAT_ID_OGG,
            end_frames: 0,
            gain: 1.0,
        };
        let unknown_start = |what: &str| {
            format!(
                "the {what} doesn't say where the music starts and ends, so it may begin with up to 50 ms of silence, \
                 and a cut-off end can't be noticed"
            )
        };
        let mut is_end_noticed = length.num_frames.is_some();
        if format == FORMAT_ID_MKV {
            // It states a duration in milliseconds, which is no count of frames.
            length.num_frames = None;
            let file = File::open(path)?;
            let end = matroska::end(&file, file.metadata()?.len())?;
            is_end_noticed = end.is_known;
            let frames = u128::from(end.padding_ns) * u128::from(sample_rate) + 500_000_000;
            length.end_frames = usize::try_from(frames / 1_000_000_000)
                .unwrap_or(0)
                .min(MAX_PACKET_FRAMES);
            if end.is_cut_off {
                words.push(
                    "the file is cut off: its end is missing, and it can't be known how much of it"
                        .into(),
                );
            }
        }
        if codec == Some(CODEC_ID_OPUS) {
            let head = params.and_then(|params| opus::Head::parse(params.extra_data.as_deref()?));
            match head {
                Some(head) => {
                    length.skip_frames = head.pre_skip;
                    length.gain = head.gain;
                    // The positions of Ogg count what is skipped.
                    let music = |total: u64| total.saturating_sub(head.pre_skip);
                    length.num_frames = length.num_frames.map(music);
                }
                None => words.push(unknown_start("Opus file")),
            }
        } else if codec == Some(CODEC_ID_AAC) {
            if sample_rate <= LOWEST_PLAIN_AAC_RATE {
                words.push(
                    "AAC at this low sample rate may be HE-AAC, whose upper half is missing then: with ffmpeg on this \
                     machine it would be read"
                        .into(),
                );
            }
            let trim = match format {
                FORMAT_ID_ISOMP4 => mp4::read_trim(path, sample_rate, track_idx.unwrap_or(0))?,
                _ => None,
            };
            match trim {
                Some(trim) => {
                    length.skip_frames = trim.start_frames;
                    let music = |total: u64| total.saturating_sub(trim.start_frames);
                    length.num_frames = trim.num_frames.or(length.num_frames.map(music));
                }
                None => {
                    length.num_frames = None;
                    words.push(unknown_start("AAC file"));
                }
            }
        } else if !is_end_noticed {
            words.push("the file states no length: a cut-off end can't be noticed".into());
        }
        Ok(length)
    }
}

/// Recognises what lies in a part of a file.
///
/// # Errors
/// [`ReadError::NotAudio`], [`ReadError::Damaged`] if a header was recognised but can't be understood, or the
/// system's.
fn probe(
    file: &File,
    path: &Path,
    part: Range<u64>,
    bytes_read: &Arc<AtomicU64>,
) -> Result<Box<dyn FormatReader>, ReadError> {
    let mut source = Part {
        file: file.try_clone()?,
        at: part.start,
        part,
        bytes_read: Arc::clone(bytes_read),
    };
    source.seek(SeekFrom::Start(0))?;
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
        hint.with_extension(extension);
    }
    let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
    guarded(|| symphonia::default::get_probe().probe(&hint, stream, format, metadata))
        .map_err(not_audio)
}

/// A decoder that checks what it decodes, where the format has a checksum.
///
/// # Errors
/// [`ReadError::ForeignCodec`] with the codec's name.
fn decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, ReadError> {
    let codec = params.codec;
    let mut params = params.clone();
    if codec == CODEC_ID_OPUS {
        // The adapter would take off as much of the first packet as precedes the music, which may be more.
        params.extra_data = None;
    }
    let options = AudioDecoderOptions::default().gapless(true).verify(true);
    guarded(|| CODECS.make_audio_decoder(&params, &options))
        .map_err(|_| ReadError::ForeignCodec(codecs::name(codec)))
}

/// Whether samples of the codec have no depth of their own.
fn is_lossy(codec: AudioCodecId) -> bool {
    matches!(
        codec,
        CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3 | CODEC_ID_AAC | CODEC_ID_OPUS | CODEC_ID_VORBIS
    )
}

/// A count that came from the length of a slice, or is bounded by one.
fn index(frames: u64) -> usize {
    usize::try_from(frames).unwrap_or(usize::MAX)
}

/// Symphonia's positions as those of WAVE; by their number where it knows none.
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

/// What it means that a file could not be recognised.
fn not_audio(error: SymphoniaError) -> ReadError {
    match error {
        SymphoniaError::IoError(error) if error.kind() != ErrorKind::UnexpectedEof => error.into(),
        SymphoniaError::DecodeError(_) => ReadError::Damaged {
            frame: 0,
            what: "its header can't be understood".into(),
        },
        _ => ReadError::NotAudio,
    }
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

/// Without spaces around it; none if nothing is left.
fn text_of(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
