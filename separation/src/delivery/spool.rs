//! What was separated, kept on disk until the gain of the whole set is known.
//!
//! Memory stays constant however long the song is. The disk holds 4 bytes per sample of the mix and of
//! every stem but the residual: 85 MB per minute of stereo at 44.1 kHz with four stems.
//!
//! A block is the number of its frames as 8 bytes, little-endian, then each channel of the mix, then each
//! channel of each stem, as f32, little-endian. Blocks are as long as they came.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::delivery::exact::Lanes;

/// Buffer for sequential disk access.
const BUFFER_BYTES: usize = 1 << 18;

/// Blocks going to disk.
pub struct SpoolWriter {
    /// Open for reading, too, for afterwards.
    file: BufWriter<File>,
    bytes: Vec<u8>,
    /// Of all blocks so far.
    num_frames: u64,
}

impl SpoolWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// The system refuses.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self {
            file,
            bytes: Vec::new(),
            num_frames: 0,
        })
    }

    /// Appends a block.
    ///
    /// # Errors
    /// The system refuses; usually the disk is full.
    pub fn push(&mut self, lanes: Lanes<'_>) -> io::Result<()> {
        let num_frames = lanes.mix[0].len();
        self.bytes.clear();
        self.bytes.extend((num_frames as u64).to_le_bytes());
        for lane in lanes.mix.iter().chain(lanes.stems.iter().flatten()) {
            let at = self.bytes.len();
            self.bytes.resize(at + 4 * num_frames, 0);
            for (bytes, sample) in self.bytes[at..].chunks_exact_mut(4).zip(lane) {
                bytes.copy_from_slice(&sample.to_le_bytes());
            }
        }
        self.num_frames += num_frames as u64;
        self.file.write_all(&self.bytes)
    }

    /// Frames so far.
    pub fn num_frames(&self) -> u64 {
        self.num_frames
    }

    /// Turns round to read from the start.
    ///
    /// The counts are those of every block that was pushed; `num_stems` is without the residual.
    ///
    /// # Errors
    /// The system refuses.
    pub fn finish(self, num_channels: usize, num_stems: usize) -> io::Result<SpoolReader> {
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(SpoolReader {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            bytes: Vec::new(),
            frames_left: self.num_frames,
            mix: vec![Vec::new(); num_channels],
            stems: vec![vec![Vec::new(); num_channels]; num_stems],
        })
    }
}

/// Blocks coming back, as they went.
pub struct SpoolReader {
    file: BufReader<File>,
    /// One channel of a block.
    bytes: Vec<u8>,
    /// Frames that are still to come.
    frames_left: u64,
    /// The last block, `[channel][frame]`.
    mix: Vec<Vec<f32>>,
    /// Its stems, `[stem][channel][frame]`.
    stems: Vec<Vec<Vec<f32>>>,
}

impl SpoolReader {
    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// The system refuses, or someone else changed the file.
    pub fn next_block(&mut self) -> io::Result<Option<Lanes<'_>>> {
        if self.frames_left == 0 {
            return Ok(None);
        }
        let mut head = [0; 8];
        self.file.read_exact(&mut head)?;
        let num_frames = u64::from_le_bytes(head);
        self.frames_left = self
            .frames_left
            .checked_sub(num_frames)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let num_bytes = usize::try_from(4 * num_frames).map_err(io::Error::other)?;
        self.bytes.resize(num_bytes, 0);
        for lane in self.mix.iter_mut().chain(self.stems.iter_mut().flatten()) {
            self.file.read_exact(&mut self.bytes)?;
            lane.clear();
            lane.extend(
                self.bytes
                    .chunks_exact(4)
                    .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            );
        }
        Ok(Some(Lanes {
            mix: &self.mix,
            stems: &self.stems,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_as_they_went() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = SpoolWriter::create(&dir.path().join("spool")).unwrap();
        let lane = |from: usize, len: usize| (from..from + len).map(|s| s as f32).collect();
        let blocks = [3, 0, 1]
            .map(|len| {
                (
                    vec![lane(0, len), lane(10, len)],
                    vec![vec![lane(20, len), lane(30, len)]],
                )
            })
            .to_vec();
        for (mix, stems) in &blocks {
            spool.push(Lanes { mix, stems }).unwrap();
        }
        assert_eq!(spool.num_frames(), 4);
        let mut spool = spool.finish(2, 1).unwrap();
        for (mix, stems) in &blocks {
            let lanes = spool.next_block().unwrap().unwrap();
            assert_eq!((lanes.mix, lanes.stems), (&mix[..], &stems[..]));
        }
        assert!(spool.next_block().unwrap().is_none());
    }
}
