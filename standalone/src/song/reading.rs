//! The reader: a song from a file, in pieces, for the audio thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use rtrb::{Consumer, Producer};
use unweave_plugin::render::{Mix, words};
use unweave_separation::Terminator;

use super::{Bounds, PIECE_FRAMES, Piece, StreamShared, Wish, at_rate};

/// How often it looks for an empty piece.
const NAP: Duration = Duration::from_millis(5);

/// One song on its way to the audio thread.
pub(super) struct Reading {
    pub(super) wish: Wish,
    pub(super) sample_rate: u32,
    pub(super) own_rate: u32,
    pub(super) mix: Mix,
    pub(super) to_audio: Producer<Box<Piece>>,
    pub(super) from_audio: Consumer<Box<Piece>>,
    pub(super) bounds: Arc<Mutex<Bounds>>,
    pub(super) shared: Arc<StreamShared>,
}

impl Reading {
    /// Until its end was read, or nobody wants more of it.
    pub(super) fn run(mut self, cancel: &Terminator) -> Result<(), String> {
        let mut at = self.to_card(self.wish.frame);
        let mut is_new = true;
        loop {
            let Bounds { range, is_loop } = self.bounds.lock().clone();
            let end = range
                .as_ref()
                .map_or(u64::MAX, |range| self.to_card(range.end));
            let block = self.mix.read().map_err(|error| words::job(&error))?;
            let num_read = block[0].len();
            let room = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
            let num_frames = num_read.min(room);
            let mut done = 0;
            while done < num_frames {
                if cancel.is_terminated() || self.to_audio.is_abandoned() {
                    return Ok(());
                }
                let Ok(mut piece) = self.from_audio.pop() else {
                    std::thread::sleep(NAP);
                    continue;
                };
                let piece_frames = (num_frames - done).min(PIECE_FRAMES);
                piece.frame = at + done as u64;
                piece.num_frames = piece_frames;
                for (to, from) in piece.samples.iter_mut().zip(block) {
                    to[..piece_frames].copy_from_slice(&from[done..done + piece_frames]);
                }
                // There is room for all that there are.
                let _ = self.to_audio.push(piece);
                let num_read = &self.shared.num_read;
                num_read.fetch_add(piece_frames as u64, Ordering::Release);
                done += piece_frames;
            }
            at += num_frames as u64;
            let is_end = num_read == 0 || num_frames < num_read || at >= end;
            if !is_end {
                is_new = false;
                continue;
            }
            // A range without a single frame must not be tried for ever.
            if !is_loop || (is_new && num_frames == 0) {
                return Ok(());
            }
            let start = range.map_or(0, |range| range.start);
            let mix = Mix::open(self.wish.song.path(), start, self.sample_rate);
            self.mix = mix.map_err(|error| words::job(&error))?;
            at = self.to_card(start);
            is_new = true;
        }
    }

    fn to_card(&self, frame: u64) -> u64 {
        at_rate(frame, self.own_rate, self.sample_rate)
    }
}
