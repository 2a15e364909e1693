//! MP3 and its older relatives: packets are found here, and decoded by Symphonia.
//!
//! A file is walked through once before it is read, which costs milliseconds: then how much music there is
//! is known from the packets and not from what a tag says. Encoders count wrongly, editors cut and join
//! files without telling the tag, and recordings of broadcasts change their sample rate.
//!
//! - **Start.** What LAME and those who learnt from it say of the silence before the music is removed.
//! - **End.** The silence behind the music is removed where the tag counts just the packets that are there;
//!   otherwise what it says of the end may be of another file, and all is given.
//! - **Changes within.** A part in mono is given on both channels where other parts are stereo; a part at another
//!   sample rate is converted to that of the first.
//!
//! Symphonia's own reader of MP3 is not used: it takes the length from the tag, and a file is what its packets
//! say.
//!
//! # Units
//! Frames are as decoded, at the rate of the first section, but in `sections`, where they are at each section's
//! own.

mod header;
mod packets;
mod tag;

use std::fs::File;
use std::io;
use std::mem;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::adapt::Adapter;
use super::notes::{self, seconds};
use super::{ReadError, SampleKind, Source, SourceFacts, fraction};
use crate::audio::channels::Layout;
use crate::audio::tags::Tags;
use header::{Layer, Spec};
use packets::{Item, Packets};
use tag::{Gaps, Tag};

/// What is in a file, found by walking through it.
#[derive(Debug, Default)]
struct Survey {
    /// The tag in the first packet.
    tag: Option<Tag>,
    /// Tags in later packets: a file that was joined to the one before begins there.
    num_later_tags: u64,
    /// Packets of one kind in a row, with the frames they hold.
    sections: Vec<(Spec, u64)>,
    /// Packets of music, without the tag's.
    num_packets: u64,
    num_packet_bytes: u64,
    /// Bytes that are neither packets nor tags.
    num_junk_bytes: u64,
    /// Whether the last packet lacks its end.
    has_cut_packet: bool,
}

impl Survey {
    /// Walks to the end; a tag counts as the file's if it is in the first packet.
    fn of(mut packets: Packets) -> io::Result<Self> {
        let mut survey = Self::default();
        let mut is_first = true;
        while let Some(item) = packets.next()? {
            match item {
                Item::Packet { header, bytes } => {
                    let tag = tag::parse(&bytes, &header);
                    if mem::take(&mut is_first) && tag.is_some() {
                        survey.tag = tag;
                        continue;
                    }
                    survey.num_later_tags += u64::from(tag.is_some());
                    survey.num_packets += 1;
                    survey.num_packet_bytes += bytes.len() as u64;
                    match survey.sections.last_mut() {
                        Some((spec, num_frames)) if *spec == header.spec => {
                            *num_frames += header.num_frames as u64;
                        }
                        _ => survey
                            .sections
                            .push((header.spec, header.num_frames as u64)),
                    }
                }
                Item::Tag => {}
                Item::Junk(num_bytes) => survey.num_junk_bytes += num_bytes,
                Item::CutPacket => survey.has_cut_packet = true,
            }
        }
        Ok(survey)
    }
}

/// The packets of a part of a file, decoded one by one.
pub(super) struct MpegReader {
    /// The second walk, which stops at each packet to decode it.
    packets: Packets,
    /// Whether the next packet is the tag's, which holds no music.
    is_tag_ahead: bool,
    /// Made anew where the kind of packets changes; none before the first.
    decoder: Option<(Spec, Box<dyn AudioDecoder>)>,
    /// Converts sections that are not as the first.
    adapter: Adapter,
    /// Frames before the music that are still to be removed.
    skip_frames: u64,
    /// Frames of music that are still to be given.
    frames_left: u64,
    num_frames: u64,
    /// Packets that became silence of their own length.
    num_concealed: u64,
    notes: Vec<String>,
    /// The last packet, decoded and converted, `[channel][frame]`.
    planes: Vec<Vec<f32>>,
}

impl MpegReader {
    /// Reads the packets between two places of a file; `None` if there are none, or more of other things than
    /// of them, as in a video.
    pub(super) fn open(
        file: &File,
        start: u64,
        end: u64,
    ) -> Result<Option<(SourceFacts, Self)>, ReadError> {
        let survey = Survey::of(Packets::new(file.try_clone()?, start, end))?;
        let is_audio = survey.num_packet_bytes > survey.num_junk_bytes;
        let Some(&(first, _)) = survey.sections.first().filter(|_| is_audio) else {
            return Ok(None);
        };
        let sample_rate = first.sample_rate;
        let is_stereo = |(spec, _): &(Spec, u64)| spec.num_channels == 2;
        let num_channels = if survey.sections.iter().any(is_stereo) {
            2
        } else {
            1
        };
        let adapter = Adapter::new(sample_rate, num_channels);
        let decoded: u64 = survey
            .sections
            .iter()
            .map(|&(spec, frames)| adapter.num_frames(frames, spec.sample_rate))
            .sum();
        let gaps = survey.tag.and_then(|tag| tag.gaps);
        let counted = survey.tag.and_then(|tag| tag.num_packets);
        let is_count_right = counted == Some(survey.num_packets);
        let (skip_frames, end_frames) = match gaps {
            Some(Gaps {
                start_frames,
                end_frames,
            }) => (start_frames, if is_count_right { end_frames } else { 0 }),
            None => (0, 0),
        };
        let num_frames = decoded
            .saturating_sub(skip_frames)
            .saturating_sub(end_frames);
        let facts = SourceFacts {
            format: match first.layer {
                Layer::One => "mp1",
                Layer::Two => "mp2",
                Layer::Three => "mp3",
            }
            .into(),
            sample_rate,
            layout: Layout::from_count(num_channels),
            kind: SampleKind::Lossy,
            num_frames: Some(num_frames),
            title: None,
            artist: None,
            tags: Tags::default(),
            time_stamp: None,
        };
        let reader = Self {
            packets: Packets::new(file.try_clone()?, start, end),
            is_tag_ahead: survey.tag.is_some(),
            decoder: None,
            adapter,
            skip_frames,
            frames_left: num_frames,
            num_frames,
            num_concealed: 0,
            notes: notes(&survey, gaps.is_some()),
            planes: Vec::new(),
        };
        Ok(Some((facts, reader)))
    }

    /// Fills `planes` with what a packet holds: with silence if it can't be decoded.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] if there is no decoder, or the section can't be converted.
    fn decode(&mut self, header: &header::Header, bytes: Vec<u8>) -> Result<(), ReadError> {
        if self
            .decoder
            .as_ref()
            .is_none_or(|(spec, _)| *spec != header.spec)
        {
            self.decoder = Some((header.spec, decoder(header.spec)?));
        }
        let Some((_, decoder)) = &mut self.decoder else {
            return Ok(());
        };
        let duration = Duration::from(header.num_frames as u64);
        let packet = Packet::new(0, Timestamp::ZERO, duration, bytes);
        match decoder.decode(&packet) {
            Ok(buffer) => buffer.copy_to_vecs_planar(&mut self.planes),
            Err(_) => {
                self.num_concealed += 1;
                self.planes.resize(header.spec.num_channels, Vec::new());
                for plane in &mut self.planes {
                    plane.clear();
                    plane.resize(header.num_frames, 0.0);
                }
            }
        }
        self.adapter.push(&mut self.planes, header.spec.sample_rate)
    }

    /// Gives the end of a section that was converted.
    fn end_section(&mut self, block: &mut [Vec<f32>]) {
        if let Some(planes) = self.adapter.end_part() {
            self.planes = planes;
            self.give(block);
        }
    }

    /// Moves what is music from `planes` to `block`.
    fn give(&mut self, block: &mut [Vec<f32>]) {
        let len = self.planes[0].len() as u64;
        let start = self.skip_frames.min(len);
        let num_frames = (len - start).min(self.frames_left);
        self.skip_frames -= start;
        self.frames_left -= num_frames;
        // Within a plane, whose length is a usize.
        let index = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX);
        for (out, plane) in block.iter_mut().zip(&self.planes) {
            out.extend_from_slice(&plane[index(start)..index(start + num_frames)]);
        }
    }
}

impl Source for MpegReader {
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        while block[0].is_empty() {
            match self.packets.next()? {
                Some(Item::Packet { header, bytes }) => {
                    if mem::take(&mut self.is_tag_ahead) {
                        continue;
                    }
                    let previous = self.decoder.as_ref().map(|(spec, _)| *spec);
                    if previous.is_some_and(|previous| previous != header.spec) {
                        self.end_section(block);
                    }
                    self.decode(&header, bytes)?;
                    self.give(block);
                }
                Some(_) => {}
                None => {
                    self.end_section(block);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn fraction(&self) -> f64 {
        fraction(self.num_frames - self.frames_left, self.num_frames)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.extend(notes::concealed(self.num_concealed));
        notes
    }
}

/// A decoder of this layer, which trims nothing.
fn decoder(spec: Spec) -> Result<Box<dyn AudioDecoder>, ReadError> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(match spec.layer {
        Layer::One => CODEC_ID_MP1,
        Layer::Two => CODEC_ID_MP2,
        Layer::Three => CODEC_ID_MP3,
    });
    // What is trimmed is known better here.
    let options = AudioDecoderOptions::default().gapless(false);
    symphonia::default::get_codecs()
        .make_audio_decoder(&params, &options)
        .map_err(|_| ReadError::Unsupported("this layer of MPEG audio".into()))
}

/// What the walk through the file found that a listener should know.
fn notes(survey: &Survey, has_gaps: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let (first, _) = survey.sections[0];
    let packet_frames = survey
        .sections
        .iter()
        .map(|(_, frames)| frames)
        .sum::<u64>()
        / survey.num_packets.max(1);
    let length = |num_packets: u64| seconds(num_packets * packet_frames, first.sample_rate);
    if survey.num_later_tags > 0 {
        notes.push(format!(
            "{} MP3 files were joined to make this one: all of them are read, one after the other, with the short \
             silence between them",
            survey.num_later_tags + 1
        ));
    }
    let actual = survey.num_packets;
    match survey.tag {
        Some(Tag { num_packets: Some(counted), .. }) if counted > actual => notes.push(format!(
            "the file is cut off or its header counts wrongly: {} are announced, {} are there and are read, {} are \
             missing",
            length(counted),
            length(actual),
            length(counted - actual)
        )),
        Some(Tag { num_packets: Some(counted), .. }) if counted < actual => notes.push(format!(
            "the header announces {} only, {} are there and are read",
            length(counted),
            length(actual)
        )),
        Some(Tag { num_packets: None, .. }) => notes.push(format!(
            "the header states no length: all {} that are there are read, and a cut-off end can't be noticed",
            length(actual)
        )),
        _ => {}
    }
    if survey.tag.is_some_and(|tag| tag.is_damaged) {
        notes.push(
            "the checksum of the MP3's LAME tag is wrong: what it says of start and end was used as far as it fits \
             the audio"
                .into(),
        );
    }
    if first.layer == Layer::Three && !has_gaps {
        notes.push(
            "the MP3 has no LAME tag: its exact start and length are unknown, so it may begin with up to 50 ms of \
             silence, and a cut-off end can't be noticed"
                .into(),
        );
    }
    if survey.has_cut_packet {
        notes.push("the file is cut off: the last packet is incomplete and was left out".into());
    }
    if survey.num_junk_bytes > 0 {
        notes.push(format!(
            "{} bytes are neither audio nor tags and were passed over: if they were audio, what follows them is \
             earlier than it was",
            survey.num_junk_bytes
        ));
    }
    let rates: Vec<u32> = survey
        .sections
        .iter()
        .map(|(spec, _)| spec.sample_rate)
        .collect();
    if rates.iter().any(|&rate| rate != rates[0]) {
        notes.push(format!(
            "the sample rate changes within the file: all of it was converted to {} Hz, that of its beginning",
            rates[0]
        ));
    }
    if survey
        .sections
        .iter()
        .any(|(spec, _)| spec.num_channels != first.num_channels)
    {
        notes.push(
            "a part of the file is mono, another stereo: the mono part is given on both channels"
                .into(),
        );
    }
    notes
}
