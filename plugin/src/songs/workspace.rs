//! The rows, and what goes on with them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use nice_plug::prelude::TrackInfo;
use unweave_live::capture::Take;
use unweave_live::capture::kept::Kept;
use unweave_live::preview::PreviewDesk;
use unweave_separation::{Model, Store};

use super::player::{Listening, Player, Wish};
use super::song::{Look, Song};
use super::{Pick, Settings, best_model, models};
use crate::render::{Order, Queue, Stage, Work, words};

/// What is being worked on.
pub(super) struct Workspace {
    pub(super) track: TrackInfo,
    songs: Vec<Song>,
    next_key: u64,
    /// Takes up to this number have been listed.
    last_take: u64,
    pub(super) chosen: Option<u64>,
    /// What is heard.
    pub(super) playing: Option<u64>,
    /// What was removed last, with where it was.
    removed: Vec<(usize, Song)>,
    pub(super) queue: Queue,
    pub(super) player: Player,
    /// Asks the person for a path.
    pub(super) dialog: Option<Work>,
    /// What the last thing that was asked for came to, if it came to nothing.
    pub(super) refusal: Option<String>,
}

impl Workspace {
    pub(super) fn new(desk: PreviewDesk) -> Self {
        Self {
            track: TrackInfo::default(),
            songs: Vec::new(),
            next_key: 1,
            last_take: 0,
            chosen: None,
            playing: None,
            removed: Vec::new(),
            queue: Queue::default(),
            player: Player::new(desk),
            dialog: None,
            refusal: None,
        }
    }

    /// Stops everything; what this gives has to be dropped without a lock.
    pub(super) fn end(&mut self) -> (Queue, Option<Work>) {
        self.stop();
        self.refresh();
        self.removed.clear();
        self.songs.iter_mut().for_each(Song::rest);
        (std::mem::take(&mut self.queue), self.dialog.take())
    }

    /// After [`Self::end`], and the end of what that gave.
    pub(super) fn take_back(&mut self, queue: Queue) {
        self.queue = queue;
        self.refresh();
    }

    /// Lets takes of which nothing was made wait for the next instance; the others go.
    pub(super) fn keep_takes(&mut self, folder: &Path) {
        for song in std::mem::take(&mut self.songs) {
            if let Some(take) = song.as_take()
                && song.is_worth_keeping()
            {
                // Where the disk refuses, nobody is there to be told.
                let _ = take.keep(folder, song.label());
            }
        }
        self.chosen = None;
    }

    /// Lists takes that are new.
    pub(super) fn adopt(&mut self, takes: &[Arc<Take>]) {
        for take in takes {
            if take.id > self.last_take {
                self.last_take = take.id;
                let key = self.new_key();
                let track = self.track.name().to_owned();
                self.songs.push(Song::of_take(key, take, &track));
            }
        }
    }

    /// Looks at what other threads have come to.
    pub(super) fn refresh(&mut self) {
        for song in &mut self.songs {
            if let Some(Stage::Done { dir, files, .. }) = self.queue.stage(song.key) {
                song.set_rendered(&dir, files.len() > 1);
            }
        }
        let Some(key) = self.playing else { return };
        let frame = self.player.frame();
        let state = self.player.state();
        let has_ended = self.player.has_ended();
        let Some(song) = self.song(key) else { return };
        match (state, frame) {
            (Listening::Playing, Some(frame)) => song.set_playhead(frame),
            (Listening::Off, frame) => {
                if has_ended {
                    let start = song.range().map_or(0, |range| range.start);
                    song.set_playhead(start);
                } else if let Some(frame) = frame {
                    // The host has started, or renders: later it goes on from here.
                    song.set_playhead(frame);
                }
                self.playing = None;
            }
            (Listening::Failed(_), _) => self.playing = None,
            _ => {}
        }
    }

    fn new_key(&mut self) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        key
    }

    fn song(&mut self, key: u64) -> Option<&mut Song> {
        self.songs.iter_mut().find(|song| song.key == key)
    }

    pub(super) fn set_playhead(&mut self, key: u64, frame: u64) {
        if let Some(song) = self.song(key) {
            song.set_playhead(frame);
        }
    }

    pub(super) fn chosen_song(&mut self) -> Option<&mut Song> {
        self.song(self.chosen?)
    }

    pub(super) fn rows(&self) -> Vec<Look> {
        let look = |song: &Song| song.look(self.queue.stage(song.key));
        self.songs.iter().map(look).collect()
    }

    pub(super) fn chosen_look(&self) -> Option<Look> {
        let key = self.chosen?;
        let song = self.songs.iter().find(|song| song.key == key)?;
        Some(song.look(self.queue.stage(key)))
    }

    pub(super) fn choose(&mut self, key: u64) {
        self.chosen = self.song(key).map(|song| song.key);
    }

    pub(super) fn choose_take(&mut self, id: u64) {
        let is_it = |song: &&Song| song.as_take().is_some_and(|take| take.id == id);
        self.chosen = self.songs.iter().find(is_it).map(|song| song.key);
    }

    /// A file that is listed already isn't listed twice.
    pub(super) fn choose_file(&mut self, path: &Path) -> Result<(), String> {
        let known = self.songs.iter().find(|song| song.is_file(path));
        if let Some(song) = known {
            self.chosen = Some(song.key);
            return Ok(());
        }
        let key = self.next_key;
        let song = Song::file(key, path)?;
        self.next_key += 1;
        self.songs.push(song);
        self.chosen = Some(key);
        Ok(())
    }

    /// Gives the number of the take, if it was one.
    pub(super) fn remove(&mut self, key: u64) -> Option<u64> {
        let idx = self.songs.iter().position(|song| song.key == key)?;
        if self.playing == Some(key) {
            self.stop();
        }
        self.queue.cancel(key);
        let song = self.songs.remove(idx);
        if self.chosen == Some(key) {
            self.chosen = None;
        }
        let take = song.as_take().map(|take| take.id);
        // What was removed before goes for good.
        self.removed = vec![(idx, song)];
        take
    }

    pub(super) fn removed(&self) -> Option<String> {
        match &self.removed[..] {
            [] => None,
            [(_, song)] => Some(song.label().to_owned()),
            several => Some(format!("{} takes", several.len())),
        }
    }

    pub(super) fn restore(&mut self) {
        for (idx, song) in std::mem::take(&mut self.removed) {
            self.chosen = Some(song.key);
            let idx = idx.min(self.songs.len());
            self.songs.insert(idx, song);
        }
    }

    /// Lists takes that were kept, or removes them, which can be undone.
    pub(super) fn bring_back(&mut self, kept: &[Kept], folder: &Path, is_removed: bool) {
        let mut brought = Vec::new();
        let mut refusal = None;
        for take in kept {
            let key = self.new_key();
            // Takes of this instance are counted from 1 on.
            let made = Take::bring_back(take, folder, u64::MAX - key)
                .map_err(|error| words::system(&error))
                .and_then(|made| Song::kept(key, made, &take.name));
            match made {
                Ok(song) => brought.push(song),
                Err(error) => {
                    refusal = Some(format!("{} can't be brought back: {error}", take.name))
                }
            }
        }
        if is_removed {
            let first = self.songs.len();
            self.removed = (first..).zip(brought).collect();
        } else {
            self.chosen = brought.first().map(|song| song.key).or(self.chosen);
            self.songs.extend(brought);
        }
        self.refusal = refusal;
    }

    pub(super) fn set_range(&mut self, range: Option<Range<u64>>) {
        self.change_bounds(|song| song.set_range(range));
    }

    pub(super) fn set_loop(&mut self, is_loop: bool) {
        self.change_bounds(|song| song.set_loop(is_loop));
    }

    /// Changes what is chosen, and how it is played, if it is.
    fn change_bounds(&mut self, change: impl FnOnce(&mut Song)) {
        let playing = self.playing;
        let Some(song) = self.chosen_song() else {
            return;
        };
        change(song);
        let (key, bounds) = (song.key, song.bounds());
        if playing == Some(key) {
            self.player.set_bounds(bounds);
        }
    }

    pub(super) fn change_tracks(&mut self, change: impl FnOnce(&mut Song)) {
        let playing = self.playing;
        let Some(song) = self.chosen_song() else {
            return;
        };
        change(song);
        let (key, silence) = (song.key, song.silence());
        if playing == Some(key) {
            self.player.silence(silence);
        }
    }

    pub(super) fn render(
        &mut self,
        key: u64,
        pick: &Pick,
        settings: Settings,
    ) -> Result<(), String> {
        let is_busy = |stage: Stage| !stage.is_over();
        if self.queue.stage(key).is_some_and(is_busy) {
            return Ok(());
        }
        // Where the host runs is no place, and a session may come from another system.
        if !settings.folder.is_absolute() {
            return Err(format!(
                "“{}” could be anywhere: type the whole path of the folder for the stems, or choose one.",
                settings.folder.display()
            ));
        }
        let model = model_of(&settings)?;
        let selection = pick.selection(&settings, &model)?;
        let Some(song) = self.song(key) else {
            return Ok(());
        };
        let order = Order {
            song: song.song_file(),
            range: song.range(),
            name: song.name(),
            selection,
            is_alone: *pick != Pick::Set,
            folder: settings.folder,
            format: settings.format,
            depth: settings.depth,
            model,
        };
        self.queue
            .push(key, order)
            .map_err(|error| format!("Nothing can be rendered now: {}", words::system(&error)))
    }

    pub(super) fn render_all(&mut self, settings: Settings) -> Result<(), String> {
        let has_none =
            |song: &&Song| !matches!(self.queue.stage(song.key), Some(Stage::Done { .. }));
        let keys: Vec<u64> = self
            .songs
            .iter()
            .filter(has_none)
            .map(|song| song.key)
            .collect();
        for key in keys {
            self.render(key, &Pick::Set, settings.clone())?;
        }
        Ok(())
    }

    pub(super) fn dismiss(&mut self) {
        if let Some(key) = self.chosen {
            self.queue.forget(key);
        }
        if matches!(self.player.state(), Listening::Failed(_)) {
            self.player.stop();
        }
        self.removed.clear();
        self.refusal = None;
    }

    pub(super) fn play(&mut self, settings: &Settings, sample_rate: u32) -> Result<(), String> {
        if sample_rate == 0 {
            return Err("The host processes no audio yet: nothing can be heard.".to_owned());
        }
        if self.playing.is_some() && self.playing != self.chosen {
            self.stop();
        }
        let Some(song) = self.chosen_song() else {
            return Err("Choose a take or a song first.".to_owned());
        };
        let source = song.source(|| model_of(settings))?;
        let wish = Wish {
            song: song.song_file(),
            source,
            frame: song.start(),
        };
        let (key, bounds, silence) = (song.key, song.bounds(), song.silence());
        self.player.set_bounds(bounds);
        self.player.silence(silence);
        self.player.start(wish, sample_rate)?;
        self.playing = Some(key);
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        self.refresh();
        self.player.stop();
        self.playing = None;
    }

    pub(super) fn seek(
        &mut self,
        frame: u64,
        settings: &Settings,
        sample_rate: u32,
    ) -> Result<(), String> {
        let is_playing = self.playing.is_some() && self.playing == self.chosen;
        let Some(song) = self.chosen_song() else {
            return Ok(());
        };
        song.set_playhead(frame);
        if is_playing {
            self.play(settings, sample_rate)?;
        }
        Ok(())
    }

    pub(super) fn is_busy(&self) -> bool {
        let is_asking = |dialog: &Work| !dialog.is_over();
        self.queue.is_busy()
            || self.dialog.as_ref().is_some_and(is_asking)
            || self.songs.iter().any(Song::is_reading)
            || matches!(
                self.player.state(),
                Listening::Preparing | Listening::Playing
            )
    }
}

/// What renders and separates.
fn model_of(settings: &Settings) -> Result<Model, String> {
    let id = settings.model.clone();
    Store::from_environment()
        .find(&id.unwrap_or_else(|| best_model(&models())))
        .map_err(|error| error.to_string())
}
