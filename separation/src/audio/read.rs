//! Songs as they come: any common format in, planar `f32` blocks out, nothing shifted, nothing lost
//! without being said.
//!
//! Samples that are stored as they are (WAV, AIFF, AU) and the packets of MP3 are found here; what other containers
//! hold is decoded by Symphonia and libopus, and what these can't do by the ffmpeg program, where it is.
//!
//! **The audio is the truth.** Counts, sizes and checksums in headers are advice. Whatever audio is there is given;
//! whatever is missing, cut off, joined or guessed is told by [`AudioReader::notes`]:
//!
//! - **Start and end.** What an encoder put before and after the music is removed where the file says how
//!   much it is: the LAME tag of MP3, iTunSMPB and edit lists of M4A, positions of Ogg, the header of Opus.
//! - **Cut-off files** give what they have. Formats that state no length can't be checked; that is a note too.
//! - **Damage.** A damaged packet becomes silence of the same length.
//! - **Joined files** are read one after the other.
//! - **Not numbers.** NaN and infinity become 0.
//!
//! What reads a file is decided by its first bytes, not by its name, in this order:
//!
//! | first bytes | read by |
//! |---|---|
//! | `OggS` | `coded`, each song of the chain by itself |
//! | `FORM` … `AIFF` or `AIFC` | `aiff` |
//! | `.snd` | `au` |
//! | `RIFF`, `RF64`, `BW64` or `riff` … `WAVE` | `wav`, each recording by itself; MPEG audio in it `mpeg` |
//! | `fLaC`, also behind an ID3v2 tag | `coded`, each stream by itself |
//! | `ftyp` and other boxes of MP4, `caff`, EBML | `coded` |
//! | those of a format that is known to be foreign | `ffmpeg` |
//! | any others | `mpeg` if packets are found, else `coded` |
//!
//! Tags are read by [`Tags::read`], whatever reads the audio; titles and artists that only the latter finds are
//! kept.

mod adapt;
mod aiff;
mod au;
mod behind;
mod codecs;
mod coded;
mod ffmpeg;
mod flac;
mod guarded;
mod joined;
mod matroska;
mod mp4;
mod mpeg;
mod notes;
mod ogg;
mod opus;
mod part;
mod pcm;
mod stem_file;
mod wav;

use std::fs::File;
use std::io;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::audio::channels::Layout;
use crate::audio::tags::Tags;
use crate::audio::time_stamp::TimeStamp;
pub(crate) use stem_file::held_stems;

/// Sample rates that are accepted, in Hz.
pub const SAMPLE_RATE_RANGE: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// Most channels that are accepted: each pair needs a model of its own in memory.
pub const MAX_CHANNELS: usize = 16;

/// Bytes that are looked at to tell what a file is. The longest mark that is looked for has 19.
const HEAD_BYTES: u64 = 64;

/// Frames in blocks of samples that are stored as they are; codecs give what a packet holds.
const BLOCK_FRAMES: usize = 8_192;

/// How samples are stored in a file.
///
/// In reports it says what a song was; it changes nothing about how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleKind {
    /// Integers with that many meaningful bits. G.711's curves count as 16.
    Integer(u32),
    /// Floating point with that many bits.
    Float(u32),
    /// Compressed with loss, or decoded by ffmpeg from whatever it was: samples have no depth of their own.
    Lossy,
}

/// What is known of a song before it is decoded.
///
/// Known once a file is opened. For joined files they are the first part's, but for the number of frames, which
/// is of all.
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
    /// Frames of music, where they can be counted beforehand or the file says it. None where only reading to
    /// the end tells. Never 0.
    pub num_frames: Option<u64>,
    /// Title from the tags.
    pub title: Option<String>,
    /// Artist from the tags.
    pub artist: Option<String>,
    /// All tags.
    pub tags: Tags,
    /// Where on a timeline it begins, from the `bext` chunk of a WAV.
    pub time_stamp: Option<TimeStamp>,
}

/// Why a song can't be read. Positions are in frames.
///
/// What the caller can do: [`ReadError::Io`] and [`ReadError::EndMissing`] are for the user to mend, for
/// [`ReadError::ForeignCodec`] ffmpeg is missing, after [`ReadError::OutOfRange`] another range may do, and the
/// others are final.
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
    #[error("{0} can't be read")]
    Unsupported(String),
    /// Nothing here decodes it, but ffmpeg may. Seen only where there is no ffmpeg, or it fails, too.
    #[error("{0} can't be read without ffmpeg")]
    ForeignCodec(String),
    /// There is no audio in it.
    #[error("the file holds no audio")]
    Empty,
    /// The file doesn't have the frames that are asked for.
    #[error("frames {} to {} are asked for, the file has {available}", range.start, range.end)]
    OutOfRange {
        /// The frames that are asked for.
        range: Range<u64>,
        /// How many there are.
        available: u64,
    },
    /// The file ends too early, without saying how much is missing. Only where what is there can't be read
    /// without it.
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
///
/// It holds the file open, and a few blocks of it in memory whatever its length. Readers of a file don't
/// disturb each other.
pub struct AudioReader {
    /// Of the frames that are given: a range has changed number and place.
    facts: SourceFacts,
    /// What decodes, from the file's first frame on.
    source: Box<dyn Source>,
    /// The frames of the file that are given.
    range: Range<u64>,
    /// Frames decoded so far.
    decoded: u64,
    /// Frames given so far.
    position: u64,
    /// Samples that were NaN or infinite and became 0.
    num_not_finite: u64,
    /// That the song ends before the range.
    shortened: Option<String>,
}

/// What gives the frames of a file, whatever its format.
///
/// Blocks are as long as suits the format, and channels as many as the facts say.
trait Source: Send {
    /// Appends the next frames, `[channel][frame]`; none is the end.
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError>;

    /// How far into the file reading is, 0 to 1.
    fn fraction(&self) -> f64;

    /// What was missing, cut off, joined or guessed; complete once the end is reached.
    fn notes(&self) -> Vec<String>;
}

/// A file at its first frame.
type Opened = (SourceFacts, Box<dyn Source>);

impl AudioReader {
    /// Opens a song and reads its header.
    ///
    /// Files that only ffmpeg decodes are decoded as a whole here, into a temporary file.
    ///
    /// # Errors
    /// Whatever can be seen from the header; see [`ReadError`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::open_while(path, None, &|| true)
    }

    /// Opens one of several audio tracks of a stem file; 0 is the mix.
    ///
    /// Only audio counts; where there are fewer tracks, [`ReadError::Unsupported`] is the answer.
    ///
    /// # Errors
    /// As [`AudioReader::open`].
    pub fn open_track(path: &Path, track_idx: usize) -> Result<Self, ReadError> {
        Self::open_while(path, Some(track_idx), &|| true)
    }

    /// As the others, but may be stopped: what takes ffmpeg's help can take long.
    ///
    /// # Errors
    /// As [`AudioReader::open`]; [`io::ErrorKind::Interrupted`] once `may_go_on` says no.
    pub fn open_while(
        path: &Path,
        track_idx: Option<usize>,
        may_go_on: &dyn Fn() -> bool,
    ) -> Result<Self, ReadError> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        if metadata.len() == 0 {
            return Err(ReadError::Empty);
        }
        let opened = match track_idx {
            Some(_) => open_coded(&File::open(path)?, path, 0..metadata.len(), track_idx),
            None => open(path, metadata.len(), may_go_on),
        };
        let (facts, source) = match opened {
            Err(error @ (ReadError::ForeignCodec(_) | ReadError::NotAudio)) => {
                ffmpeg::open(path, track_idx, may_go_on)?.ok_or(error)?
            }
            other => other?,
        };
        let tags = Tags::read(path);
        let title = tags.title().or(facts.title);
        let artist = tags.artist().or(facts.artist);
        let facts = SourceFacts {
            tags: tags.or_artist(artist.as_deref()),
            title,
            artist,
            ..facts
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
            source,
            range: 0..u64::MAX,
            decoded: 0,
            position: 0,
            num_not_finite: 0,
            shortened: None,
        })
    }

    /// Gives these frames only, as if they were the whole file; to be called before reading. A range that reaches
    /// beyond the end is shortened, which is noted.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if the file is known to have none of them.
    pub fn keep(&mut self, mut range: Range<u64>) -> Result<(), ReadError> {
        let available = self.facts.num_frames.unwrap_or(u64::MAX);
        if range.is_empty() || range.start >= available {
            return Err(ReadError::OutOfRange { range, available });
        }
        if range.end > available {
            self.shorten(&range, available);
            range.end = available;
        }
        // Of a file that may be shorter nothing is promised.
        let is_known = self.facts.num_frames.is_some();
        self.facts.num_frames = is_known.then_some(range.end - range.start);
        self.facts.time_stamp = self.facts.time_stamp.map(|stamp| stamp.after(range.start));
        self.range = range;
        Ok(())
    }

    /// Notes that the song has only `available` frames of those asked for.
    fn shorten(&mut self, range: &Range<u64>, available: u64) {
        let rate = self.facts.sample_rate;
        self.shortened = Some(format!(
            "the range ends at {}, the song at {}: it was taken up to there",
            notes::seconds(range.end, rate),
            notes::seconds(available, rate)
        ));
    }

    /// The frames of the file that are given. `0..u64::MAX` if [`AudioReader::keep`] was not called.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// What the header says.
    pub fn facts(&self) -> &SourceFacts {
        &self.facts
    }

    /// Frames given so far, of the range if there is one.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How far into the file reading is, 0 to 1, where the number of frames is unknown too.
    pub fn fraction(&self) -> f64 {
        match self.facts.num_frames {
            Some(total) => fraction(self.position, total),
            None => self.source.fraction(),
        }
    }

    /// Replaces `block` with the next frames and gives how many they are; 0 is the end.
    ///
    /// Samples are in ±1 nominal full scale; integers of up to 24 bits are exact.
    ///
    /// Larger integers and floats of 64 bits are rounded to `f32`; floats beyond ±1 stay as they are.
    ///
    /// # Shape
    /// `[channel][frame]`.
    ///
    /// # Errors
    /// The file is unreadable, or holds no audio at all.
    pub fn read(&mut self, block: &mut Vec<Vec<f32>>) -> Result<usize, ReadError> {
        block.resize_with(self.facts.layout.num_channels(), Vec::new);
        let mut num_frames = 0;
        // What comes before the range is decoded too: only so formats without an index are exact.
        while num_frames == 0 && self.decoded < self.range.end {
            block.iter_mut().for_each(Vec::clear);
            self.source.read(block)?;
            let start = self.decoded;
            self.decoded += block[0].len() as u64;
            if self.decoded == start {
                break;
            }
            num_frames = cut(block, start, &self.range);
        }
        if num_frames == 0 {
            block.iter_mut().for_each(Vec::clear);
            let is_short = self.range.end != u64::MAX && self.decoded < self.range.end;
            if is_short && self.position == 0 {
                return Err(ReadError::OutOfRange {
                    range: self.range.clone(),
                    available: self.decoded,
                });
            }
            if is_short {
                self.shorten(&self.range.clone(), self.decoded);
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

    /// What was missing, cut off, joined or guessed, for the listener; complete once the end is reached. A
    /// sentence each, without a full stop; none if all is well.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.source.notes();
        notes.extend(self.shortened.clone());
        if self.num_not_finite > 0 {
            notes.push(format!(
                "{} samples were not numbers (NaN or infinity) and were set to 0",
                self.num_not_finite
            ));
        }
        notes
    }
}

/// Opens a file as what its first bytes say that it is.
///
/// `end` is the file's length; the table above is what it does.
fn open(path: &Path, end: u64, may_go_on: &dyn Fn() -> bool) -> Result<Opened, ReadError> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    if head.starts_with(b"OggS") {
        let links = ogg::links(&file, end)?;
        let starts = (&links.starts[..], end);
        return match joined::open(&file, path, starts, open_first, "chained Ogg file") {
            Err(ReadError::NotAudio) if !links.is_whole => Err(ReadError::EndMissing),
            Ok((facts, source)) if !links.is_whole => Ok((facts, ogg::Unended::of(source))),
            other => other,
        };
    }
    if let Some(opened) = aiff::open(&file, end)? {
        return Ok(opened);
    }
    if let Some(opened) = au::open(&file, end)? {
        return Ok(opened);
    }
    if wav::open(&file, 0..end)?.is_some() {
        let mut starts = vec![0];
        while let Some(next) = wav::next_part(&file, starts[starts.len() - 1], end)? {
            starts.push(next);
        }
        let part = |file: &File, _: &Path, part| wav::open(file, part)?.ok_or(ReadError::NotAudio);
        return joined::open(&file, path, (&starts, end), part, "WAV file");
    }
    let behind_tag = behind_id3v2(&mut file, &head)?;
    if behind_tag.starts_with(b"fLaC") {
        let starts = flac::starts(&file)?;
        // The last packet would be lost together with what hangs on it.
        let part = |file: &File, path: &Path, part: Range<u64>| {
            let end = behind::before_tags(file, part.start, part.end)?;
            open_first(file, path, part.start..end)
        };
        return joined::open(&file, path, (&starts, end), part, "FLAC file");
    }
    let is_container = head.starts_with(b"RIFF")
        || head.starts_with(b"caff")
        || head.starts_with(b"\x1a\x45\xdf\xa3")
        || matches!(
            head.get(4..8),
            Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free")
        );
    let foreign = codecs::foreign(&behind_tag);
    if foreign.is_none() || is_container {
        if !is_container && let Some((facts, reader)) = mpeg::MpegReader::open(&file, 0, end)? {
            return Ok((facts, Box::new(reader)));
        }
        // Symphonia gives nothing of an MP4 whose samples end early.
        let is_cut_mp4 = head.get(4..8) == Some(b"ftyp") && mp4::is_cut_off(&file)?;
        if is_cut_mp4 && let Some(opened) = ffmpeg::open(path, None, may_go_on)? {
            return Ok(opened);
        }
        match open_first(&file, path, 0..end) {
            Err(ReadError::NotAudio | ReadError::Damaged { .. }) if is_cut_mp4 => {
                return Err(ReadError::EndMissing);
            }
            Err(ReadError::NotAudio) if foreign.is_some() => {}
            other => return other,
        }
    }
    Err(ReadError::ForeignCodec(
        foreign.unwrap_or("its format").into(),
    ))
}

/// What Symphonia reads of a part of a file, the track that the file wants played.
fn open_first(file: &File, path: &Path, part: Range<u64>) -> Result<Opened, ReadError> {
    open_coded(file, path, part, None)
}

/// The same of one audio track by its number, or of that track.
fn open_coded(
    file: &File,
    path: &Path,
    part: Range<u64>,
    track_idx: Option<usize>,
) -> Result<Opened, ReadError> {
    let (facts, reader) = coded::CodedReader::open(file, path, part, track_idx)?;
    Ok((facts, Box::new(reader)))
}

/// The first bytes behind the tags that may stand before any audio.
///
/// # Source
/// id3.org, "ID3 tag version 2.4.0", section 3.1: 10 bytes of head, the last four of which are the size, seven
/// bits each.
fn behind_id3v2(file: &mut File, head: &[u8]) -> Result<Vec<u8>, ReadError> {
    let [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] = *head else {
        return Ok(head.to_vec());
    };
    let size = [a, b, c, d]
        .iter()
        .fold(0, |n, &byte| n << 7 | u64::from(byte & 0x7f));
    file.seek(SeekFrom::Start(10 + size))?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
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
