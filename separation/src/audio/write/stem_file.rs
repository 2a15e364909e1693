//! Stem files, `.stem.mp4`: the mix, which any player plays, and four stems beside it, which Traktor, Mixxx and other DJ
//! programs play in its place.
//!
//! Each track is encoded into a file of its own, side by side; then they are joined, a packet of each in turn.
//!
//! The box `stem` in `moov` `udta` is JSON, UTF-8: `version`, `stems` with `name` and `color` in the order of
//! tracks 2 to 5, and `mastering_dsp`, a compressor and a limiter for their sum.
//!
//! # Source
//! Native Instruments, "Stem File Specification"; Mixxx, `steminfoimporter.cpp`, for what is read of it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::alac::AlacPackets;
use super::mp4::{MovieWriter, mp4_box};
use super::{AudioSpec, WriteError};
use crate::files::naming;

/// How many stems there are beside the mix.
pub(crate) const NUM_STEMS: usize = 4;

/// The order that the specification wants, and the colours, which stay apart for the colour-blind (Okabe and
/// Ito). Name, and colour as hexadecimal red, green, blue.
const STEMS: [(&str, &str); NUM_STEMS] = [
    ("drums", "#D55E00"),
    ("bass", "#56B4E9"),
    ("other", "#CC79A7"),
    ("vocals", "#F0E442"),
];

/// The order of a model's stems in a stem file; `None` if there aren't four.
///
/// Entry i is the index of the model's stem that becomes track i + 2; other names than the usual four keep the
/// model's order.
pub(crate) fn order(stems: &[String]) -> Option<[usize; NUM_STEMS]> {
    let find = |(wanted, _): (&str, &str)| stems.iter().position(|stem| stem == wanted);
    let usual = STEMS.map(find);
    match stems.len() {
        NUM_STEMS => Some(std::array::from_fn(|place| match usual {
            [Some(_), Some(_), Some(_), Some(_)] => usual[place].unwrap_or(place),
            _ => place,
        })),
        _ => None,
    }
}

/// A track in the making: each packet behind its size.
pub(super) struct TrackWriter {
    packets: AlacPackets,
    /// Sizes of 4 bytes, little-endian, each with its packet.
    file: BufWriter<File>,
}

impl TrackWriter {
    /// Creates the file of one track.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn create(path: &Path, spec: &AudioSpec) -> Result<Self, WriteError> {
        Ok(Self {
            packets: AlacPackets::new(spec),
            file: BufWriter::with_capacity(1 << 18, File::create(path)?),
        })
    }

    /// # Shape
    /// `[channel][frame]`, integers of 16 bits.
    pub(super) fn write(&mut self, samples: &[Vec<i32>]) -> Result<(), WriteError> {
        let file = &mut self.file;
        self.packets.push(samples, |packet| put(file, packet))
    }

    /// Writes the last packet.
    ///
    /// # Errors
    /// The system refuses, or fewer frames came than were announced.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        let file = &mut self.file;
        self.packets.finish(|packet| put(file, packet))?;
        self.file.flush()?;
        Ok(())
    }
}

/// Appends a packet behind its size.
fn put(file: &mut BufWriter<File>, packet: &[u8]) -> io::Result<()> {
    let num_bytes = u32::try_from(packet.len()).map_err(io::Error::other)?;
    file.write_all(&num_bytes.to_le_bytes())?;
    file.write_all(packet)
}

/// Joins tracks that were written with the same spec, the mix first, and removes their files.
///
/// `stems` are the names of the stems in the order of their tracks.
///
/// # Errors
/// The system refuses.
pub(crate) fn join(
    tracks: &[PathBuf],
    stems: &[&str],
    spec: &AudioSpec,
    path: &Path,
) -> Result<(), WriteError> {
    let names: Vec<String> = stems.iter().map(|stem| naming::capitalised(stem)).collect();
    let mut all = vec!["Mix"];
    all.extend(names.iter().map(String::as_str));
    let brands = [*b"mp42", *b"isom", *b"M4A "];
    let mut movie = MovieWriter::create(path, spec, brands, &all)?;
    let open = |path| File::open(path).map(|file| BufReader::with_capacity(1 << 18, file));
    let mut files = tracks.iter().map(open).collect::<io::Result<Vec<_>>>()?;
    let mut packet = Vec::new();
    let mut num_ended = 0;
    while num_ended == 0 {
        for (track_idx, file) in files.iter_mut().enumerate() {
            match next(file, &mut packet)? {
                true => movie.packet(track_idx, &packet)?,
                false => num_ended += 1,
            }
        }
    }
    movie.finish(&mp4_box(b"stem", &[&description(stems, &names)]))?;
    drop(files);
    tracks.iter().try_for_each(fs::remove_file)?;
    Ok(())
}

/// The next packet; whether there was one.
fn next(file: &mut BufReader<File>, packet: &mut Vec<u8>) -> io::Result<bool> {
    let mut size = [0; 4];
    match file.read_exact(&mut size) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    let num_bytes = usize::try_from(u32::from_le_bytes(size)).map_err(io::Error::other)?;
    packet.resize(num_bytes, 0);
    file.read_exact(packet)?;
    Ok(true)
}

/// Names and colours, and that the stems are played as they are: what Traktor would do to their sum is switched off.
fn description(stems: &[&str], names: &[String]) -> Vec<u8> {
    let stems = stems.iter().zip(names).zip(STEMS);
    let stems = stems.map(|((stem, name), (_, by_place))| {
        let known = STEMS.iter().find(|(known, _)| known == stem);
        json!({ "name": name, "color": known.map_or(by_place, |(_, colour)| colour) })
    });
    let description = json!({
        "version": 1,
        "stems": stems.collect::<Vec<_>>(),
        "mastering_dsp": {
            "compressor": {
                "enabled": false, "input_gain": 0.0, "output_gain": 0.0, "threshold": 0.0, "ratio": 3.0,
                "attack": 0.003, "release": 0.3, "hp_cutoff": 300, "dry_wet": 50
            },
            "limiter": { "enabled": false, "threshold": 0.0, "ceiling": -0.35, "release": 0.05 }
        }
    });
    description.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_come_in_the_order_that_the_specification_wants() {
        let order =
            |stems: &[&str]| order(&stems.iter().map(|&s| s.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            order(&["drums", "bass", "vocals", "other"]),
            Some([0, 1, 3, 2])
        );
        assert_eq!(order(&["a", "b", "c", "d"]), Some([0, 1, 2, 3]));
        assert_eq!(
            order(&["drums", "bass", "vocals", "piano"]),
            Some([0, 1, 2, 3])
        );
        assert_eq!(order(&["vocals", "other"]), None);
    }
}
