//! One engine follows another: who gets the mix, and whose stems are heard.
//!
//! 1. A successor arrives at the beginning of a block ([`AudioSide::meet_successor`]). From its first frame p
//!    on, both workers get the mix.
//! 2. Until frame p is due, a latency later, the old engine's stems are heard.
//! 3. From p on the new one's are, by a fade like that after a gap; the old half goes back
//!    ([`AudioSide::go_over`]).
//!
//! A reset in between goes over at once.
//!
//! # Realtime safety
//! Boxes go back through a lane that has room; nothing is freed here.

use super::{AudioSide, to_usize};
use crate::handover::Link;
use crate::status::State;

impl AudioSide {
    /// The engine that is heard, and the one that follows it.
    pub(super) fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        let next = self.next.as_mut().map(|(next, _)| &mut **next);
        std::iter::once(&mut *self.link).chain(next)
    }

    /// From here on an engine that has arrived hears the mix, too.
    pub(super) fn meet_successor(&mut self) {
        if self.next.is_some() {
            return;
        }
        if let Ok(next) = self.arrivals.incoming.pop() {
            let latency_frames = next.latency_frames;
            next.status.signal.set_epoch(self.epoch);
            next.status.signal.set_offline(self.is_offline);
            self.next = Some((next, self.frame));
            if latency_frames != self.latency_frames() {
                self.set_latency(latency_frames);
            }
        }
    }

    /// From here on the engine that follows is heard, if there is one.
    pub(super) fn go_over(&mut self) {
        let Some((next, _)) = self.next.take() else {
            return;
        };
        self.mixer.set_residual(next.residual_idx);
        let is_running = next.status.state() == State::Running;
        self.fade.follow(next.hop_frames, is_running);
        let old = std::mem::replace(&mut self.link, next);
        // Has room: one engine is under way at a time.
        let _ = self.arrivals.outgoing.push(old);
    }

    /// Frames from `done` of the chunk on for which the present engine's stems are heard.
    pub(super) fn frames_left(&self, done: usize) -> usize {
        self.next.as_ref().map_or(usize::MAX, |(_, start)| {
            to_usize(start.saturating_sub(self.chunk.position(done)))
        })
    }
}
