//! The reader: a song from a file, in pieces, for the audio thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use rtrb::{Consumer, Producer};
use unweave_plugin::render::bounds::{Bounds, Course, Next};
use unweave_plugin::render::{Mix, words};
use unweave_separation::Terminator;

use super::{PIECE_FRAMES, Piece, StreamShared, Wish};

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
        let mut course = Course::new(self.wish.frame, self.own_rate, self.sample_rate);
        loop {
            let bounds = self.bounds.lock().clone();
            let block = self.mix.read().map_err(|error| words::job(&error))?;
            let cut = course.cut(block[0].len(), &bounds);
            let mut done = 0;
            while done < cut.num_frames {
                if cancel.is_terminated() || self.to_audio.is_abandoned() {
                    return Ok(());
                }
                let Ok(mut piece) = self.from_audio.pop() else {
                    std::thread::sleep(NAP);
                    continue;
                };
                let num_frames = (cut.num_frames - done).min(PIECE_FRAMES);
                piece.frame = cut.frame + done as u64;
                piece.num_frames = num_frames;
                for (to, from) in piece.samples.iter_mut().zip(block) {
                    to[..num_frames].copy_from_slice(&from[done..done + num_frames]);
                }
                // There is room for all that there are.
                let _ = self.to_audio.push(piece);
                let num_read = &self.shared.num_read;
                num_read.fetch_add(num_frames as u64, Ordering::Release);
                done += num_frames;
            }
            match cut.next {
                Next::Block => (),
                Next::Jump(frame) => {
                    let mix = Mix::open(self.wish.song.path(), frame, self.sample_rate);
                    self.mix = mix.map_err(|error| words::job(&error))?;
                }
                Next::End => return Ok(()),
            }
        }
    }
}
