//! Which frames of a song are played: from one of them on, to the end of a range, and again where that loops.

use std::ops::Range;

/// Where playing ends, and whether it begins again there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Frames of the song; all, if none.
    pub range: Option<Range<u64>>,
    /// Begins again.
    pub is_loop: bool,
}

/// A frame counted at another rate, in Hz.
pub fn at_rate(frame: u64, from: u32, to: u32) -> u64 {
    frame * u64::from(to) / u64::from(from.max(1))
}

/// Cuts the blocks that are read of a song to what is played of them.
pub struct Course {
    /// The song's sample rate and that of the blocks, in Hz.
    rates: (u32, u32),
    /// The next frame, counted at the rate of the blocks.
    at: u64,
    /// Nothing has been played since the last jump.
    is_new: bool,
}

/// What is played of a block.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins, as a frame of the song counted at the rate of the blocks.
    pub frame: u64,
    /// So many of the block's first frames.
    pub num_frames: usize,
    /// What comes after it.
    pub next: Next,
}

/// What comes after a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The next block that can be read.
    Block,
    /// The block from this frame of the song on.
    Jump(u64),
    /// Nothing.
    End,
}

impl Course {
    /// From a frame of the song on; rates are in Hz.
    pub fn new(frame: u64, song_rate: u32, sample_rate: u32) -> Self {
        Self {
            rates: (song_rate, sample_rate),
            at: at_rate(frame, song_rate, sample_rate),
            is_new: true,
        }
    }

    /// What is played of the next block, of `num_read` frames; none are read at the end of the song.
    pub fn cut(&mut self, num_read: usize, bounds: &Bounds) -> Piece {
        let counted = |frame| at_rate(frame, self.rates.0, self.rates.1);
        let range = bounds.range.as_ref();
        let end = range.map_or(u64::MAX, |range| counted(range.end));
        let room = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let num_frames = num_read.min(room);
        let frame = self.at;
        self.at += num_frames as u64;
        let is_end = num_read == 0 || num_frames < num_read || self.at >= end;
        // A range without a single frame must not be tried for ever.
        let is_empty = self.is_new && num_frames == 0;
        self.is_new = is_end;
        let next = match (is_end, bounds.is_loop && !is_empty) {
            (false, _) => Next::Block,
            (true, false) => Next::End,
            (true, true) => {
                let start = range.map_or(0, |range| range.start);
                self.at = counted(start);
                Next::Jump(start)
            }
        };
        Piece {
            frame,
            num_frames,
            next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looped(range: Option<Range<u64>>) -> Bounds {
        Bounds {
            range,
            is_loop: true,
        }
    }

    #[test]
    fn a_loop_gives_the_frames_of_its_range_again_and_again() {
        for block in [1, 3, 64, 1_000] {
            // A song of 200 frames, at half the rate of the blocks; the range is changed on the way.
            let mut course = Course::new(30, 22_050, 44_100);
            let (mut read_at, mut played) = (60, Vec::new());
            while played.len() < 1_000 {
                let bounds = looped((played.len() < 200).then_some(20..50));
                let num_read = block.min(400 - read_at);
                let piece = course.cut(num_read, &bounds);
                assert_eq!(piece.frame, read_at as u64);
                played.extend(read_at..read_at + piece.num_frames);
                match piece.next {
                    Next::Block => read_at += num_read,
                    Next::Jump(frame) => read_at = 2 * usize::try_from(frame).unwrap(),
                    Next::End => panic!("it loops"),
                }
            }
            let laps = (60..100).chain((0..10).flat_map(|_| 40..100));
            assert!(laps.take(160).eq(played.iter().copied().take(160)));
            assert!(played.windows(2).any(|pair| pair == [399, 0]), "{block}");
        }
    }

    #[test]
    fn it_ends_at_the_end_of_the_range_and_of_the_song() {
        let mut course = Course::new(0, 44_100, 44_100);
        let once = Bounds {
            range: Some(0..10),
            is_loop: false,
        };
        assert_eq!(course.cut(8, &once).next, Next::Block);
        let last = course.cut(8, &once);
        assert_eq!((last.frame, last.num_frames), (8, 2));
        assert_eq!(last.next, Next::End);
        let mut course = Course::new(0, 44_100, 44_100);
        assert_eq!(course.cut(0, &Bounds::default()).next, Next::End);
    }

    #[test]
    fn a_loop_without_a_frame_ends() {
        let mut course = Course::new(5, 44_100, 48_000);
        assert_eq!(course.cut(64, &looped(Some(5..5))).next, Next::End);
        let mut course = Course::new(0, 44_100, 44_100);
        assert_eq!(course.cut(0, &looped(None)).next, Next::End);
    }
}
