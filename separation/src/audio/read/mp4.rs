//! Where the music starts and ends in an M4A: iTunSMPB, else the edit list.
//!
//! An AAC encoder puts at least one frame of silence before the music and fills the last frame up.
//! Symphonia reads neither of the two places that say how much.
//!
//! | box | offset in it | field |
//! |---|---|---|
//! | `moov` `udta` `meta` `ilst` `----` | `name`, `data` | `iTunSMPB`, and text: hexadecimal numbers |
//! | `moov` `trak` `edts` `elst` | 8 | entries: duration, media time, rate; 4, 4, 4 bytes, or 8, 8, 4 in version 1 |
//! | `moov` `mvhd`, `trak` `mdia` `mdhd` | 12, or 20 in version 1 | units per second of duration, and of media time |
//! | `moov` `trak` `mdia` `hdlr` | 8 | `soun` for audio |
//! | `moov` `udta` `stem` | 0 | JSON of a stem file |
//!
//! A box is 4 bytes of size, 4 of name, and its content. Size 1: it follows in 8 bytes. Size 0: until the end.
//!
//! # Source
//! ISO/IEC 14496-12 for boxes and edit lists; Apple, "Audio Priming — Handling Encoder Delay in AAC"
//! (QuickTime File Format, appendix G), for both.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::ReadError;

/// Most bytes of one small box that are read: an edit list has 12 to 20 per edit, iTunSMPB about 120.
const MAX_BOX_BYTES: u64 = 1 << 16;

/// What to keep of a decoded track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trim {
    /// Decoded frames before the music.
    pub start_frames: u64,
    /// Frames of music, where that is known to the frame.
    pub num_frames: Option<u64>,
}

/// What the file says about start and end of an audio track; `None` if it says nothing.
///
/// # Errors
/// The file can't be read, or [`ReadError::Unsupported`] for an edit list of several parts.
pub(super) fn read_trim(
    path: &Path,
    sample_rate: u32,
    track_idx: usize,
) -> Result<Option<Trim>, ReadError> {
    let mut file = BufReader::new(File::open(path)?);
    let len = file.get_ref().metadata()?.len();
    let Some(moov) = find(&mut file, 0..len, b"moov")? else {
        return Ok(None);
    };
    if let Some(trim) = read_smpb(&mut file, moov.clone())? {
        return Ok(Some(trim));
    }
    match audio_tracks(&mut file, moov.clone())?.get(track_idx) {
        Some(trak) => read_edits(&mut file, moov, trak.clone(), sample_rate),
        None => Ok(None),
    }
}

/// What the maker of a stem file says of the stems in it, and how many audio tracks there are; none without
/// such a box.
pub(super) fn read_stem_box(path: &Path) -> Result<Option<(Vec<u8>, usize)>, ReadError> {
    let mut file = BufReader::new(File::open(path)?);
    let len = file.get_ref().metadata()?.len();
    let Some(moov) = find(&mut file, 0..len, b"moov")? else {
        return Ok(None);
    };
    let num_tracks = audio_tracks(&mut file, moov.clone())?.len();
    for udta in find_all(&mut file, moov, b"udta")? {
        if let Some(stem) = find(&mut file, udta, b"stem")? {
            return Ok(Some((read_box(&mut file, &stem)?, num_tracks)));
        }
    }
    Ok(None)
}

/// The bodies of the `trak` boxes that hold audio, in the file's order.
fn audio_tracks(
    file: &mut BufReader<File>,
    moov: Range<u64>,
) -> Result<Vec<Range<u64>>, ReadError> {
    let mut tracks = Vec::new();
    for trak in find_all(file, moov, b"trak")? {
        if is_audio(file, trak.clone())? {
            tracks.push(trak);
        }
    }
    Ok(tracks)
}

/// Whether the last of the outermost boxes reaches beyond the end of the file, or what is left there is no box.
pub(super) fn is_cut_off(file: &File) -> Result<bool, ReadError> {
    let len = file.metadata()?.len();
    let mut file = BufReader::new(file.try_clone()?);
    let mut at = 0;
    while at < len {
        let Some(header) = read_header(&mut file, at, len)? else {
            return Ok(true);
        };
        at = header.body.end;
    }
    Ok(at > len)
}

/// Whether a track's handler is the one for sound.
fn is_audio(file: &mut BufReader<File>, trak: Range<u64>) -> Result<bool, ReadError> {
    let Some(handler) = find_path(file, trak, &[b"mdia", b"hdlr"])? else {
        return Ok(false);
    };
    let bytes = read_box(file, &handler)?;
    Ok(bytes.get(8..12) == Some(b"soun"))
}

/// The comment that iTunes and others write: hexadecimal numbers, of which the second is the priming,
/// the third the padding and the fourth the length.
///
/// The length excludes both, so the padding need not be known.
fn read_smpb(file: &mut BufReader<File>, moov: Range<u64>) -> Result<Option<Trim>, ReadError> {
    let Some(meta) = find_path(file, moov, &[b"udta", b"meta"])? else {
        return Ok(None);
    };
    // `meta` has a version and flags before its boxes.
    let Some(ilst) = find(file, meta.start + 4..meta.end, b"ilst")? else {
        return Ok(None);
    };
    for item in find_all(file, ilst, b"----")? {
        let Some(name) = find(file, item.clone(), b"name")? else {
            continue;
        };
        if read_box(file, &name)?.get(4..) != Some(b"iTunSMPB") {
            continue;
        }
        let Some(data) = find(file, item, b"data")? else {
            continue;
        };
        let bytes = read_box(file, &data)?;
        let text = String::from_utf8_lossy(bytes.get(8..).unwrap_or_default()).into_owned();
        let numbers: Vec<u64> = text
            .split_whitespace()
            .map_while(|n| u64::from_str_radix(n, 16).ok())
            .collect();
        if let [_, start_frames, _, num_frames, ..] = numbers[..]
            && num_frames > 0
        {
            return Ok(Some(Trim {
                start_frames,
                num_frames: Some(num_frames),
            }));
        }
    }
    Ok(None)
}

/// From the edit list of a track: the media time at which it begins is what precedes the music.
///
/// # Units
/// Media time is in the track's own units, duration in the movie's; both become frames, rounded down.
fn read_edits(
    file: &mut BufReader<File>,
    moov: Range<u64>,
    trak: Range<u64>,
    sample_rate: u32,
) -> Result<Option<Trim>, ReadError> {
    let Some(elst) = find_path(file, trak.clone(), &[b"edts", b"elst"])? else {
        return Ok(None);
    };
    let Some(movie_scale) = read_timescale(file, moov, &[b"mvhd"])? else {
        return Ok(None);
    };
    let Some(media_scale) = read_timescale(file, trak, &[b"mdia", b"mdhd"])? else {
        return Ok(None);
    };
    let bytes = read_box(file, &elst)?;
    let is_long = bytes.first() == Some(&1);
    let entry_bytes = if is_long { 20 } else { 12 };
    let edits: Vec<(u64, Option<u64>)> = bytes
        .get(8..)
        .unwrap_or_default()
        .chunks_exact(entry_bytes)
        .map(|entry| match is_long {
            true => (
                be64(&entry[..8]),
                Some(be64(&entry[8..16])).filter(|&time| time >> 63 == 0),
            ),
            false => {
                let time = be32(&entry[4..8]);
                (
                    be32(&entry[..4]).into(),
                    (time >> 31 == 0).then_some(time.into()),
                )
            }
        })
        .collect();
    // Only the usual list is followed: one edit that plays the media from some time on. An edit with
    // time −1 is a pause before it; a mix of several parts is for video editors.
    let [(duration, Some(media_time))] = edits[..] else {
        if edits.len() > 1 {
            let what = "an M4A whose edit list has several parts";
            return Err(ReadError::Unsupported(what.into()));
        }
        return Ok(None);
    };
    let to_frames = |time: u64, scale: u32| {
        u128::from(time) * u128::from(sample_rate) / u128::from(scale.max(1))
    };
    let start_frames = u64::try_from(to_frames(media_time, media_scale)).unwrap_or(u64::MAX);
    // The duration is in movie time, which is exact only where it is as fine as the samples.
    let is_exact = movie_scale >= sample_rate && duration > 0;
    let num_frames =
        is_exact.then(|| u64::try_from(to_frames(duration, movie_scale)).unwrap_or(u64::MAX));
    Ok(Some(Trim {
        start_frames,
        num_frames,
    }))
}

/// Units per second from an `mvhd` or `mdhd`.
fn read_timescale(
    file: &mut BufReader<File>,
    within: Range<u64>,
    path: &[&[u8; 4]],
) -> Result<Option<u32>, ReadError> {
    let Some(header) = find_path(file, within, path)? else {
        return Ok(None);
    };
    let bytes = read_box(file, &header)?;
    // Version and flags, then two times of 4 bytes each, or of 8 in version 1.
    let at = if bytes.first() == Some(&1) { 20 } else { 12 };
    Ok(bytes.get(at..at + 4).map(be32))
}

/// The body of the box that a path of names leads to, the first of each name.
fn find_path(
    file: &mut BufReader<File>,
    mut within: Range<u64>,
    path: &[&[u8; 4]],
) -> Result<Option<Range<u64>>, ReadError> {
    for name in path {
        match find(file, within, name)? {
            Some(body) => within = body,
            None => return Ok(None),
        }
    }
    Ok(Some(within))
}

/// The body of the first box of a name directly within a range.
fn find(
    file: &mut BufReader<File>,
    within: Range<u64>,
    name: &[u8; 4],
) -> Result<Option<Range<u64>>, ReadError> {
    Ok(find_all(file, within, name)?.into_iter().next())
}

/// The bodies of the boxes with a name directly within a range; a malformed box ends the list.
fn find_all(
    file: &mut BufReader<File>,
    within: Range<u64>,
    name: &[u8; 4],
) -> Result<Vec<Range<u64>>, ReadError> {
    let mut bodies = Vec::new();
    let mut at = within.start;
    while let Some(header) = read_header(file, at, within.end)? {
        if header.body.end > within.end {
            break;
        }
        at = header.body.end;
        if header.name == *name {
            bodies.push(header.body);
        }
    }
    Ok(bodies)
}

/// A box: its name, and where its content lies in the file.
struct Header {
    /// Four letters.
    name: [u8; 4],
    /// Not checked against what is around it.
    body: Range<u64>,
}

/// The header of the box at a place; `None` if there is none before `end`, or it contradicts itself.
fn read_header(file: &mut BufReader<File>, at: u64, end: u64) -> Result<Option<Header>, ReadError> {
    let mut head = [0; 16];
    file.seek(SeekFrom::Start(at))?;
    if at + 8 > end || !fill(file, &mut head[..8])? {
        return Ok(None);
    }
    let (head_bytes, size) = match be32(&head[..4]) {
        // The last box of a file may leave its size open.
        0 => (8, end - at),
        1 if fill(file, &mut head[8..])? => (16, be64(&head[8..])),
        size => (8, size.into()),
    };
    let Some(body_end) = at.checked_add(size).filter(|_| size >= head_bytes) else {
        return Ok(None);
    };
    let name = [head[4], head[5], head[6], head[7]];
    Ok(Some(Header {
        name,
        body: at + head_bytes..body_end,
    }))
}

/// The content of a box, of which at most [`MAX_BOX_BYTES`] are read.
fn read_box(file: &mut BufReader<File>, body: &Range<u64>) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(body.start))?;
    file.by_ref()
        .take((body.end - body.start).min(MAX_BOX_BYTES))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Fills `bytes`, or says that the file ends before.
fn fill(file: &mut BufReader<File>, bytes: &mut [u8]) -> Result<bool, ReadError> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A big-endian number of up to 4 bytes.
fn be32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | u32::from(byte))
}

/// A big-endian number of up to 8 bytes.
fn be64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}
