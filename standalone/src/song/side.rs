//! The audio thread's end: takes what was read, as it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rtrb::{Consumer, Producer, PushError};

use super::{Piece, Shared, StreamShared};

/// What is played, as the audio thread has it.
pub(super) struct Stream {
    pub(super) pieces: Consumer<Box<Piece>>,
    pub(super) empties: Producer<Box<Piece>>,
    pub(super) piece: Option<Box<Piece>>,
    /// Frames of the piece that were taken.
    pub(super) taken: usize,
    pub(super) shared: Arc<StreamShared>,
}

/// What becomes of the input in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rolling {
    /// Silence.
    Still,
    /// Silence from here on, since a person has stopped it.
    Stopped,
    /// The song, from this frame on, counted at the sound card's rate.
    From(u64),
}

/// The audio thread's end.
pub struct SongSide {
    pub(super) shared: Arc<Shared>,
    pub(super) from_desk: Consumer<Box<Stream>>,
    pub(super) to_desk: Producer<Box<Stream>>,
    pub(super) current: Option<Box<Stream>>,
}

impl SongSide {
    /// Fills both channels with what comes next of the song, or silence.
    ///
    /// # Realtime safety
    /// Neither allocates, frees nor waits.
    pub fn fill(&mut self, channels: &mut [&mut [f32]; 2]) -> Rolling {
        while let Ok(stream) = self.from_desk.pop() {
            if let Some(old) = self.current.replace(stream) {
                self.give_back(old);
            }
        }
        let mut num_filled = 0;
        let mut rolling = Rolling::Still;
        if !self.shared.is_wanted.load(Ordering::Acquire) {
            if let Some(stream) = self.current.take() {
                if !stream.shared.is_over.load(Ordering::Relaxed) {
                    rolling = Rolling::Stopped;
                }
                self.give_back(stream);
            }
        } else if let Some(stream) = &mut self.current
            && !stream.shared.is_over.load(Ordering::Relaxed)
        {
            rolling = Rolling::From(stream.shared.frame.load(Ordering::Relaxed));
            num_filled = stream.fill(channels);
        }
        for channel in channels {
            channel[num_filled..].fill(0.0);
        }
        rolling
    }

    /// Whoever starts the next thing frees it.
    fn give_back(&mut self, stream: Box<Stream>) {
        // There is room for more than there can be; if not, what is kept is given back another time.
        if let Err(PushError::Full(stream)) = self.to_desk.push(stream) {
            self.current = Some(stream);
        }
    }
}

impl Stream {
    /// As much as was read; gives how many frames that were.
    fn fill(&mut self, channels: &mut [&mut [f32]; 2]) -> usize {
        let num_frames = channels[0].len();
        let mut done = 0;
        while done < num_frames {
            if self.piece.is_none() {
                // Before the look at what there is: afterwards there may be more.
                let is_read = self.shared.is_read.load(Ordering::Acquire);
                match self.pieces.pop() {
                    Ok(piece) => {
                        self.taken = 0;
                        self.piece = Some(piece);
                    }
                    Err(_) => {
                        self.shared.is_over.store(is_read, Ordering::Release);
                        // Nothing was there to begin with, too.
                        let has_begun = self.shared.num_taken.load(Ordering::Relaxed) > 0;
                        if !is_read && has_begun {
                            self.shared.num_gaps.fetch_add(1, Ordering::Relaxed);
                        }
                        break;
                    }
                }
            }
            let Some(piece) = &self.piece else { break };
            let now = (piece.num_frames - self.taken).min(num_frames - done);
            for (to, from) in channels.iter_mut().zip(&piece.samples) {
                to[done..done + now].copy_from_slice(&from[self.taken..self.taken + now]);
            }
            done += now;
            self.taken += now;
            let num_taken = &self.shared.num_taken;
            num_taken.fetch_add(now as u64, Ordering::Release);
            let next = piece.frame + self.taken as u64;
            self.shared.frame.store(next, Ordering::Relaxed);
            if self.taken == piece.num_frames
                && let Some(piece) = self.piece.take()
            {
                // There is room for all that there are.
                if let Err(PushError::Full(piece)) = self.empties.push(piece) {
                    self.piece = Some(piece);
                    break;
                }
            }
        }
        done
    }
}
