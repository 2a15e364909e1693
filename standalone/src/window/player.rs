//! The song that the bar is about, and its row in the panel: one playhead for both.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use unweave_plugin::render::bounds::{Bounds, at_rate};
use unweave_plugin::report::Source;
use unweave_plugin::songs::{self, Listening};

use crate::parts::Parts;
use crate::song::{Playing, Wish};

/// Plays what is chosen.
pub struct Player {
    parts: Arc<Parts>,
    /// The row that plays, and the frame that its row was told: where it stands otherwise, somebody has put it.
    shown: Option<(u64, u64)>,
    /// Where playing began, until that is heard.
    begun: Option<u64>,
}

/// What the bar is about: the song that plays, or would.
pub struct Subject {
    pub look: songs::Look,
    pub playing: Option<Playing>,
    /// The frame that is heard, or where it will begin.
    pub frame: u64,
}

impl Player {
    pub fn new(parts: Arc<Parts>) -> Self {
        Self {
            parts,
            shown: None,
            begun: None,
        }
    }

    /// Plays what is chosen, or stops what plays.
    pub fn play_or_stop(&mut self) {
        if self.parts.transport.playing().is_some() {
            self.stop();
        } else if let Some((look, _)) = self.parts.songs.chosen_song() {
            let frame = beginning(&look);
            self.play(&look, frame);
        }
    }

    fn play(&mut self, look: &songs::Look, frame: u64) {
        let Some((chosen, song)) = self.parts.songs.chosen_song() else {
            return;
        };
        if chosen.key != look.key {
            return;
        }
        // It would be heard in place of what comes out.
        self.parts.songs.stop();
        self.parts.hears_card.store(false, Ordering::Relaxed);
        self.parts.transport.set_bounds(bounds(look));
        self.parts.transport.play(Wish {
            key: look.key,
            song,
            frame,
        });
        self.shown = None;
        self.begun = Some(frame);
    }

    pub fn stop(&mut self) {
        self.parts.transport.stop();
        self.shown = None;
    }

    /// The song that plays, else the one that is chosen; keeps its row and the transport together.
    pub fn subject(&mut self) -> Option<Subject> {
        let Parts {
            songs, transport, ..
        } = &*self.parts;
        let Some(playing) = transport.playing() else {
            if let Some((key, _)) = self.shown.take() {
                // It has come to its end.
                let rows = songs.rows();
                if let Some(look) = rows.iter().find(|row| row.key == key) {
                    songs.set_playhead(key, look.range.as_ref().map_or(0, |range| range.start));
                }
            }
            let (look, _) = songs.chosen_song()?;
            let frame = look.playhead;
            return Some(Subject {
                look,
                playing: None,
                frame,
            });
        };
        let row = songs.rows().into_iter().find(|row| row.key == playing.key);
        let Some(mut look) = row.filter(|_| songs.listening() == Listening::Off) else {
            // It was taken off the list, or its stems are to be heard.
            self.stop();
            return None;
        };
        transport.set_bounds(bounds(&look));
        let put = self
            .shown
            .filter(|(key, frame)| *key == look.key && *frame != look.playhead);
        if put.is_some() {
            let frame = look.playhead;
            self.play(&look, frame);
            self.shown = Some((look.key, frame));
        } else {
            let start = look.range.as_ref().map_or(0, |range| range.start);
            let late = at_rate(self.latency_frames(), self.sample_rate(), playing.own_rate);
            let heard = playing.frame.saturating_sub(late).max(start);
            self.begun = self.begun.filter(|begun| heard < *begun);
            look.playhead = self.begun.unwrap_or(heard);
            self.parts.songs.set_playhead(look.key, look.playhead);
            self.shown = Some((look.key, look.playhead));
        }
        Some(Subject {
            frame: look.playhead,
            look,
            playing: Some(playing),
        })
    }

    fn latency_frames(&self) -> u64 {
        match self.parts.params.report.source() {
            Source::Engine(facts) => facts.latency_frames as u64,
            _ => 0,
        }
    }

    fn sample_rate(&self) -> u32 {
        match self.parts.params.report.source() {
            Source::Engine(facts) => facts.sample_rate,
            _ => 1,
        }
    }

    /// Goes on from this frame, or will begin there.
    pub fn seek(&mut self, subject: &Subject, frame: u64) {
        self.parts.songs.set_playhead(subject.look.key, frame);
        if subject.playing.is_some() {
            self.parts.songs.choose(subject.look.key);
            self.play(&subject.look, frame);
        }
    }
}

/// Where playing begins: at the playhead, or at the start if that is outside of what is played.
fn beginning(look: &songs::Look) -> u64 {
    let played = look.range.clone().unwrap_or(0..look.length());
    if played.contains(&look.playhead) {
        look.playhead
    } else {
        played.start
    }
}

fn bounds(look: &songs::Look) -> Bounds {
    Bounds {
        range: look.range.clone(),
        is_loop: look.is_loop,
    }
}
