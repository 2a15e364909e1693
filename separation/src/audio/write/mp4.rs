//! MPEG-4 files with tracks of Apple Lossless.
//!
//! ```text
//! ftyp   what kind of file it is
//! mdat   packets of all tracks, in the order they came
//! moov   where each packet is, and the tags
//! ```
//!
//! `moov` is last because it tells where packets are, which is known only then; nothing has to be read back or
//! moved. In it:
//!
//! ```text
//! mvhd                       rate and length of all
//! trak (one per track)
//!   tkhd                     id, length, whether it is played
//!   mdia mdhd                rate, length, language
//!        hdlr                soun, and the track's name
//!        minf smhd dinf      sound, in this file
//!             stbl stsd      alac: channels, bits, rate, and what the decoder has to know
//!                  stts      frames per packet
//!                  stsc      packets per chunk: one
//!                  stsz      bytes of each packet
//!                  stco      where each is (co64 beyond 4 GB)
//! udta                       stem, for stem files; meta ilst, tags
//! ```
//! All numbers are big-endian. Durations are in frames, since rates are the timescales; there is no edit list,
//! as Apple Lossless puts nothing before the music.
//!
//! # Source
//! ISO/IEC 14496-12 for boxes; Apple, "QuickTime File Format", for tags; Apple, "ALAC Magic Cookie Description", for
//! what a track of ALAC says of itself.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::alac::{self, AlacPackets, PACKET_FRAMES};
use super::{AudioSpec, WriteError};
use crate::audio::tags::Tags;

/// A box `free` of 8 bytes that is passed over. It gives way where `mdat` needs a size of 64 bits.
const ROOM: u64 = 8;
/// Flags of `tkhd`: the track is played; it is part of the presentation, and of its preview.
const PLAYED: u32 = 7;
/// The same for a track that isn't played unless somebody asks.
const NOT_PLAYED: u32 = 6;
/// No turning, no scaling: of pictures, which there are none of. Numbers of 16 bits before the point and 16
/// behind it, in the last column 2 and 30.
const IDENTITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// `und` in three times five bits: language unknown.
const NO_LANGUAGE: u16 = 0x55c4;

/// A file being written, whatever number of tracks it has.
pub(super) struct MovieWriter {
    /// At the end of the last packet.
    file: BufWriter<File>,
    /// Of each track.
    spec: AudioSpec,
    /// Where the header of `mdat` lies, in bytes.
    mdat_at: u64,
    /// Where the next packet goes, in bytes.
    at: u64,
    /// In the order of the names that they were made of.
    tracks: Vec<Track>,
}

/// What must be known of a track's packets in the end; 12 bytes for each.
struct Track {
    /// For people; empty if there is only one.
    name: String,
    /// Of each packet, in bytes.
    sizes: Vec<u32>,
    /// Of each packet in the file.
    places: Vec<u64>,
}

impl MovieWriter {
    /// `brands` are the kinds of file that it is, four letters each, the first above all; all tracks are as `spec`
    /// says, and the first is what plays.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn create(
        path: &Path,
        spec: &AudioSpec,
        brands: [[u8; 4]; 3],
        names: &[&str],
    ) -> Result<Self, WriteError> {
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let ftyp = mp4_box(b"ftyp", &[&brands[0], &[0; 4], brands.as_flattened()]);
        file.write_all(&ftyp)?;
        file.write_all(&mp4_box(b"free", &[]))?;
        // Its size is written at the end.
        file.write_all(&mp4_box(b"mdat", &[]))?;
        let mdat_at = ftyp.len() as u64 + ROOM;
        let tracks = names.iter().map(|&name| Track {
            name: name.to_owned(),
            sizes: Vec::new(),
            places: Vec::new(),
        });
        Ok(Self {
            file,
            spec: spec.clone(),
            mdat_at,
            at: mdat_at + 8,
            tracks: tracks.collect(),
        })
    }

    /// Appends a packet of a track.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn packet(&mut self, track_idx: usize, packet: &[u8]) -> io::Result<()> {
        let track = &mut self.tracks[track_idx];
        let num_bytes = u32::try_from(packet.len()).map_err(io::Error::other)?;
        track.sizes.push(num_bytes);
        track.places.push(self.at);
        self.at += u64::from(num_bytes);
        self.file.write_all(packet)
    }

    /// Writes what tells where everything is; `more` are boxes beside the tags.
    ///
    /// # Errors
    /// The system refuses, or [`WriteError::Impossible`] for more than 2³² − 1 frames, a day at 48 kHz.
    pub(super) fn finish(mut self, more: &[u8]) -> Result<(), WriteError> {
        let duration = u32::try_from(self.spec.num_frames).map_err(|_| {
            WriteError::Impossible("the song is too long for an M4A: choose WAV".into())
        })?;
        let tags = tags(&self.spec.tags);
        let mut parts = vec![self.header(duration)];
        for (track_idx, track) in self.tracks.iter().enumerate() {
            parts.push(self.track(track_idx, track, duration));
        }
        parts.push(mp4_box(b"udta", &[more, &tags]));
        self.file.write_all(&mp4_box(b"moov", &[&parts.concat()]))?;
        let num_bytes = self.at - self.mdat_at;
        match u32::try_from(num_bytes) {
            Ok(num_bytes) => {
                self.file.seek(SeekFrom::Start(self.mdat_at))?;
                self.file.write_all(&num_bytes.to_be_bytes())?;
            }
            Err(_) => {
                self.file.seek(SeekFrom::Start(self.mdat_at - ROOM))?;
                self.file.write_all(&[0, 0, 0, 1])?;
                self.file.write_all(b"mdat")?;
                self.file.write_all(&(num_bytes + ROOM).to_be_bytes())?;
            }
        }
        self.file.flush()?;
        Ok(())
    }

    /// `mvhd`, version 0.
    fn header(&self, duration: u32) -> Vec<u8> {
        let next_track = u32::try_from(self.tracks.len() + 1).unwrap_or(u32::MAX);
        mp4_box(
            b"mvhd",
            &[
                &[0; 12],
                &self.spec.sample_rate.to_be_bytes(),
                &duration.to_be_bytes(),
                // Speed and volume, both 1.
                &0x1_0000_u32.to_be_bytes(),
                &0x100_u16.to_be_bytes(),
                &[0; 10],
                &IDENTITY.map(u32::to_be_bytes).concat(),
                &[0; 24],
                &next_track.to_be_bytes(),
            ],
        )
    }

    /// `trak`; the first is the one that plays.
    fn track(&self, track_idx: usize, track: &Track, duration: u32) -> Vec<u8> {
        let flags = if track_idx == 0 { PLAYED } else { NOT_PLAYED };
        let id = u32::try_from(track_idx + 1).unwrap_or(u32::MAX);
        let tkhd = mp4_box(
            b"tkhd",
            &[
                &flags.to_be_bytes(),
                &[0; 8],
                &id.to_be_bytes(),
                &[0; 4],
                &duration.to_be_bytes(),
                &[0; 12],
                &0x100_u16.to_be_bytes(),
                &[0; 2],
                &IDENTITY.map(u32::to_be_bytes).concat(),
                &[0; 8],
            ],
        );
        let mdhd = mp4_box(
            b"mdhd",
            &[
                &[0; 12],
                &self.spec.sample_rate.to_be_bytes(),
                &duration.to_be_bytes(),
                &NO_LANGUAGE.to_be_bytes(),
                &[0; 2],
            ],
        );
        let hdlr = mp4_box(
            b"hdlr",
            &[&[0; 8], b"soun", &[0; 12], track.name.as_bytes(), &[0]],
        );
        let here = mp4_box(b"url ", &[&1_u32.to_be_bytes()]);
        let dref = mp4_box(b"dref", &[&[0; 4], &1_u32.to_be_bytes(), &here]);
        let minf = mp4_box(
            b"minf",
            &[
                &mp4_box(b"smhd", &[&[0; 8]]),
                &mp4_box(b"dinf", &[&dref]),
                &self.table(track, duration),
            ],
        );
        let mdia = mp4_box(b"mdia", &[&mdhd, &hdlr, &minf]);
        mp4_box(b"trak", &[&tkhd, &mdia])
    }

    /// The box `stbl`: what the packets are, how long they are, and where they are, each a chunk of its own.
    fn table(&self, track: &Track, duration: u32) -> Vec<u8> {
        let num_channels = u16::try_from(self.spec.layout.num_channels()).unwrap_or(u16::MAX);
        let config = mp4_box(b"alac", &[&[0; 4], &alac::config(&self.spec)]);
        let alac = mp4_box(
            b"alac",
            &[
                &[0, 0, 0, 0, 0, 0, 0, 1],
                &[0; 8],
                &num_channels.to_be_bytes(),
                &16_u16.to_be_bytes(),
                &[0; 4],
                // 16 bits before the point and as many behind it.
                &(self.spec.sample_rate << 16).to_be_bytes(),
                &config,
            ],
        );
        let (num_full, rest) = (duration / PACKET_FRAMES, duration % PACKET_FRAMES);
        let lengths = [[num_full, PACKET_FRAMES], [u32::from(rest > 0), rest]];
        let lengths = lengths
            .into_iter()
            .filter(|[num_packets, _]| *num_packets > 0);
        let lengths: Vec<[u8; 4]> = lengths.flatten().map(u32::to_be_bytes).collect();
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        let sizes: Vec<[u8; 4]> = track.sizes.iter().map(|size| size.to_be_bytes()).collect();
        let short = track.places.iter().map(|&place| u32::try_from(place));
        let places = match short.collect::<Result<Vec<u32>, _>>() {
            Ok(places) => (
                b"stco",
                places
                    .iter()
                    .flat_map(|place| place.to_be_bytes())
                    .collect(),
            ),
            Err(_) => {
                let places = track.places.iter();
                (
                    b"co64",
                    places
                        .flat_map(|place| place.to_be_bytes())
                        .collect::<Vec<u8>>(),
                )
            }
        };
        mp4_box(
            b"stbl",
            &[
                &mp4_box(b"stsd", &[&[0; 4], &1_u32.to_be_bytes(), &alac]),
                &mp4_box(
                    b"stts",
                    &[&[0; 4], &count(lengths.len() / 2), &lengths.concat()],
                ),
                &mp4_box(
                    b"stsc",
                    &[&[0; 4], &[1_u32; 4].map(u32::to_be_bytes).concat()],
                ),
                &mp4_box(b"stsz", &[&[0; 8], &count(sizes.len()), &sizes.concat()]),
                &mp4_box(places.0, &[&[0; 4], &count(track.places.len()), &places.1]),
            ],
        )
    }
}

/// `meta` as iTunes writes it, around the `ilst`.
fn tags(tags: &Tags) -> Vec<u8> {
    let hdlr = mp4_box(b"hdlr", &[&[0; 8], b"mdir", b"appl", &[0; 9]]);
    mp4_box(b"meta", &[&[0; 4], &hdlr, &tags.ilst()])
}

/// A box: its size, its name, and what is in it.
pub(super) fn mp4_box(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let num_bytes = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let num_bytes = u32::try_from(num_bytes).unwrap_or(u32::MAX);
    [&[&num_bytes.to_be_bytes()[..], name], parts]
        .concat()
        .concat()
}

/// One recording in a file of its own.
pub(super) struct M4aWriter {
    packets: AlacPackets,
    movie: MovieWriter,
}

impl M4aWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn create(path: &Path, spec: &AudioSpec) -> Result<Self, WriteError> {
        let brands = [*b"M4A ", *b"mp42", *b"isom"];
        Ok(Self {
            packets: AlacPackets::new(spec),
            movie: MovieWriter::create(path, spec, brands, &[""])?,
        })
    }

    /// # Shape
    /// `[channel][frame]`, integers of 16 bits.
    pub(super) fn write(&mut self, samples: &[Vec<i32>]) -> Result<(), WriteError> {
        let movie = &mut self.movie;
        self.packets.push(samples, |packet| movie.packet(0, packet))
    }

    /// Writes the last packet, and what tells where all are.
    ///
    /// # Errors
    /// The system refuses, or fewer frames came than were announced.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        let movie = &mut self.movie;
        self.packets.finish(|packet| movie.packet(0, packet))?;
        self.movie.finish(&[])
    }
}
