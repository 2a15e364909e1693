//! Songs, takes and their rendering, as a person handles them: the model behind the panel, without a window.
//!
//! ```text
//! audio thread ─► capture ─► takes ┐             ┌► queue ─► stems on disk
//!                 files dropped ───┴► rows ─► chosen
//!                                                └► player ─► heard in place of the output
//! ```
//!
//! Any thread but the audio thread may call; nothing here takes long but the end of an instance, which waits
//! until its threads have ended, below 200 ms.

mod dialog;
mod pick;
mod player;
mod rank;
mod settings;
mod song;
mod words;
mod workspace;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nice_plug::prelude::TrackInfo;
use parking_lot::{Mutex, RwLock};
use unweave_live::Levels;
use unweave_live::capture::kept::{self, Kept};
use unweave_live::capture::{Capture, CaptureSide, Recording, Take};
use unweave_live::preview::{PreviewSide, preview};
use unweave_separation::files::folders;
use unweave_separation::{Model, Store};

use crate::render::{SongFile, Stage, Work, words as render_words};
use crate::{ids, runtime_choice};
pub use dialog::PathKind;
pub use pick::Pick;
pub use player::Listening;
pub use settings::Settings;
pub use song::{Look, TrackLook};
pub use words::{clock, remaining, room, shorten_middle, typed_path};
use workspace::Workspace;

/// Captures, keeps, plays and renders for one plug-in instance.
pub struct Songs {
    capture: Capture,
    /// Where takes lie, and those that are kept.
    folder: PathBuf,
    /// The host's, in Hz; 0 before it is known.
    sample_rate: AtomicU32,
    /// The session's. Held for no longer than a copy takes, whatever else is locked.
    settings: Arc<RwLock<Settings>>,
    workspace: Mutex<Workspace>,
}

/// Where takes lie: in the user's cache, which is on a disk, since the system's folder for temporary files may
/// be in memory.
pub fn takes_folder() -> PathBuf {
    folders::user_cache()
        .unwrap_or_else(|| std::env::temp_dir().join("unweave"))
        .join("takes")
}

impl Songs {
    /// Takes will lie in folders of their own in `folder`. Gives the audio thread's end of what is listened to.
    pub fn new(folder: PathBuf) -> (Arc<Self>, PreviewSide) {
        let (desk, side) = preview();
        let songs = Self {
            capture: Capture::new(folder.clone()),
            folder,
            sample_rate: AtomicU32::new(0),
            settings: Arc::default(),
            workspace: Mutex::new(Workspace::new(desk)),
        };
        (Arc::new(songs), side)
    }

    /// The audio thread's end of the capture, for audio of this kind.
    pub fn side(&self, sample_rate: u32, num_channels: usize) -> CaptureSide {
        self.sample_rate.store(sample_rate, Ordering::Release);
        self.capture.side(sample_rate, num_channels)
    }

    /// Ends everything that goes on, for good. For the end of the instance, which a window may outlive. Takes of
    /// which nothing was made wait for the next instance.
    pub fn end(&self) {
        // Some of the threads that end here may be waiting for the lock.
        let (mut queue, dialog) = self.workspace.lock().end();
        drop(dialog);
        queue.end();
        let last = self.capture.end();
        let mut workspace = self.workspace.lock();
        // What was whole a moment before the end counts.
        workspace.take_back(queue);
        workspace.adopt(&last);
        workspace.keep_takes(&self.folder);
    }

    /// From now on, what plays is captured, or no longer.
    pub fn arm(&self, is_armed: bool) {
        let refusal = self.capture.arm(is_armed).err();
        self.workspace.lock().refusal = refusal.map(|problem| render_words::capture(&problem));
    }

    /// Whether what plays is captured.
    pub fn is_armed(&self) -> bool {
        self.capture.is_armed()
    }

    /// The takes that were made and not removed, in the order they were made.
    pub fn takes(&self) -> Arc<Vec<Arc<Take>>> {
        self.capture.takes()
    }

    /// The take that is being made.
    pub fn recording(&self) -> Option<Recording> {
        self.capture.recording()
    }

    /// Frames that the disk was too slow for.
    pub fn lost_frames(&self) -> u64 {
        self.capture.lost_frames()
    }

    /// What went wrong, in the user's words.
    pub fn complaint(&self) -> Option<String> {
        let problem = self.capture.problem();
        problem
            .map(|problem| render_words::capture(&problem))
            .or_else(|| self.workspace.lock().refusal.clone())
    }

    /// All songs and takes, in the order in which they came.
    pub fn rows(&self) -> Vec<Look> {
        self.refreshed().rows()
    }

    /// The row that is worked on.
    pub fn chosen(&self) -> Option<Look> {
        self.refreshed().chosen_look()
    }

    /// Works on a row.
    pub fn choose(&self, key: u64) {
        let mut workspace = self.refreshed();
        workspace.refusal = None;
        workspace.choose(key);
    }

    /// Works on a take.
    pub fn choose_take(&self, take: &Arc<Take>) {
        let mut workspace = self.refreshed();
        workspace.refusal = None;
        workspace.choose_take(take.id);
    }

    /// Adds a file of the user's, and works on it.
    pub fn choose_file(&self, path: &Path) {
        self.choose_files(&[path.to_owned()]);
    }

    /// Adds files of the user's, and works on the last.
    pub fn choose_files(&self, paths: &[PathBuf]) {
        let mut workspace = self.refreshed();
        let refusals = paths.iter().filter_map(|path| {
            let refusal = workspace.choose_file(path).err()?;
            Some(format!("{}: {refusal}", path.display()))
        });
        let refusals: Vec<String> = refusals.collect();
        workspace.refusal = (!refusals.is_empty()).then(|| refusals.join("\n"));
    }

    /// The row that is worked on, with its file.
    pub fn chosen_song(&self) -> Option<(Look, SongFile)> {
        let mut workspace = self.refreshed();
        let look = workspace.chosen_look()?;
        let file = workspace.chosen_song()?.song_file();
        Some((look, file))
    }

    /// A row that is heard in another way than through [`Self::play`] is at this frame.
    pub fn set_playhead(&self, key: u64, frame: u64) {
        self.workspace.lock().set_playhead(key, frame);
    }

    /// Removes a row; its take goes when that can't be undone any more.
    pub fn remove(&self, key: u64) {
        let mut workspace = self.refreshed();
        let take = workspace.remove(key);
        drop(workspace);
        if let Some(take) = take {
            self.capture.discard(take);
        }
    }

    /// What was removed last, if that can be undone.
    pub fn removed(&self) -> Option<String> {
        self.workspace.lock().removed()
    }

    /// Puts what was removed last where it was.
    pub fn restore(&self) {
        self.workspace.lock().restore();
    }

    /// Takes of instances that have gone, of which nothing was made.
    pub fn kept(&self) -> Vec<Kept> {
        kept::kept(&self.folder)
    }

    /// Lists such takes again, or removes them.
    pub fn bring_back(&self, kept: &[Kept], is_removed: bool) {
        let mut workspace = self.refreshed();
        workspace.bring_back(kept, &self.folder, is_removed);
    }

    /// Asks for a path with the system's own dialog, and uses it as if it was typed.
    pub fn browse(self: &Arc<Self>, kind: PathKind) {
        let songs = Arc::downgrade(self);
        let asking = Work::start("unweave-dialog", move |cancel| {
            let answer = dialog::ask(kind, cancel);
            let Some(songs) = songs.upgrade().filter(|_| !cancel.is_terminated()) else {
                return;
            };
            match (answer, kind) {
                (Ok(Some(path)), PathKind::Song) => songs.choose_file(&path),
                (Ok(Some(path)), PathKind::Folder) => songs.settings.write().folder = path,
                (Ok(Some(path)), PathKind::Runtime) => {
                    let refusal = runtime_choice::choose(&path).err();
                    songs.workspace.lock().refusal = refusal;
                }
                (Ok(None), _) => {}
                (Err(refusal), _) => songs.workspace.lock().refusal = Some(refusal),
            }
        });
        let mut workspace = self.workspace.lock();
        // One that is open still is closed.
        let old = std::mem::replace(&mut workspace.dialog, asking.ok());
        drop(workspace);
        drop(old);
    }

    /// Only these frames of what is chosen, or all.
    pub fn set_range(&self, range: Option<Range<u64>>) {
        self.workspace.lock().set_range(range);
    }

    /// What the set will be named after; empty for the song's own name.
    pub fn set_name(&self, name: &str) {
        if let Some(song) = self.workspace.lock().chosen_song() {
            song.set_name(name);
        }
    }

    /// Whether what is chosen begins again when its end was heard.
    pub fn set_loop(&self, is_loop: bool) {
        self.workspace.lock().set_loop(is_loop);
    }

    /// Mutes a track of what is chosen, or lets it be heard again.
    pub fn mute(&self, track_idx: usize, is_muted: bool) {
        self.workspace
            .lock()
            .change_tracks(|song| song.change_track(track_idx, |track| track.is_muted = is_muted));
    }

    /// Solos a track of what is chosen, or no longer.
    pub fn solo(&self, track_idx: usize, is_soloed: bool) {
        self.workspace.lock().change_tracks(|song| {
            song.change_track(track_idx, |track| track.is_soloed = is_soloed);
        });
    }

    /// Solos this track alone; none if that is so.
    pub fn solo_alone(&self, track_idx: usize) {
        self.workspace
            .lock()
            .change_tracks(|song| song.solo_alone(track_idx));
    }

    /// How it will be rendered.
    pub fn settings(&self) -> Settings {
        self.settings.read().clone()
    }

    /// How it is to be rendered from now on.
    pub fn set_settings(&self, settings: Settings) {
        *self.settings.write() = settings;
    }

    /// The same, for what saves them and loads others.
    pub(crate) fn shared_settings(&self) -> Arc<RwLock<Settings>> {
        Arc::clone(&self.settings)
    }

    /// The host's track that the plug-in is on.
    pub fn track(&self) -> TrackInfo {
        self.workspace.lock().track.clone()
    }

    /// The host has told of its track.
    pub fn set_track(&self, track: TrackInfo) {
        self.workspace.lock().track = track;
    }

    /// Renders these files of what is chosen, after what is being rendered already.
    pub fn render(&self, pick: Pick) {
        let mut workspace = self.refreshed();
        let key = workspace.chosen;
        workspace.refusal = match key {
            Some(key) => workspace.render(key, &pick, self.settings()).err(),
            None => Some("Choose a take or a song first.".to_owned()),
        };
    }

    /// Renders everything in the list, one after the other, but for what was rendered or is about to be.
    pub fn render_all(&self) {
        let mut workspace = self.refreshed();
        workspace.refusal = workspace.render_all(self.settings()).err();
    }

    /// How far the rendering of what is chosen is, or what came of its last.
    pub fn stage(&self) -> Option<Stage> {
        self.refreshed().chosen_look()?.stage
    }

    /// Stops the rendering of what is chosen; nothing is left of it.
    pub fn cancel(&self) {
        let workspace = self.workspace.lock();
        if let Some(key) = workspace.chosen {
            workspace.queue.cancel(key);
        }
    }

    /// Forgets what went wrong, what came of the last rendering of what is chosen, and what was removed.
    pub fn dismiss(&self) {
        self.workspace.lock().dismiss();
    }

    /// Says what can't be done, where the person looks for it.
    pub fn refuse(&self, refusal: String) {
        self.workspace.lock().refusal = Some(refusal);
    }

    /// Lets the stems of what is chosen be heard in place of the output: from the playhead on, as they were rendered,
    /// or as the model makes them meanwhile.
    pub fn play(&self) {
        let sample_rate = self.sample_rate.load(Ordering::Acquire);
        let mut workspace = self.refreshed();
        workspace.refusal = workspace.play(&self.settings(), sample_rate).err();
    }

    /// Goes back to the output; the playhead stays.
    pub fn stop(&self) {
        self.refreshed().stop();
    }

    /// Goes on from this frame, or will begin there.
    pub fn seek(&self, frame: u64) {
        let sample_rate = self.sample_rate.load(Ordering::Acquire);
        let mut workspace = self.refreshed();
        workspace.refusal = workspace.seek(frame, &self.settings(), sample_rate).err();
    }

    /// Whether something goes on that shows: a capture, a rendering, a dialog, a file being read.
    pub fn is_busy(&self) -> bool {
        self.workspace.lock().is_busy()
            || self.capture.is_armed()
            || self.capture.recording().is_some()
    }

    /// How loud what is listened to has been.
    pub fn levels(&self) -> Arc<Levels> {
        self.workspace.lock().player.levels()
    }

    /// What is heard.
    pub fn listening(&self) -> Listening {
        self.workspace.lock().player.state()
    }

    /// The row whose stems are heard, or are about to be.
    pub fn playing(&self) -> Option<u64> {
        self.refreshed().playing
    }

    /// With the takes that have come meanwhile, and what renderings have come to.
    fn refreshed(&self) -> parking_lot::MutexGuard<'_, Workspace> {
        let takes = self.capture.takes();
        let mut workspace = self.workspace.lock();
        workspace.adopt(&takes);
        workspace.refresh();
        workspace
    }
}

/// Models that can be chosen, in the order in which they are looked for.
pub fn models() -> Vec<Model> {
    Store::from_environment()
        .list()
        .into_iter()
        .filter_map(Result::ok)
        .collect()
}

/// Id of the best of these models for files; see `rank.rs`.
pub fn best_model(models: &[Model]) -> String {
    // Most people have one: the list of all that could be had needn't be read for it.
    let best = match models {
        [only] => Some(only),
        all => rank::best(all),
    };
    best.map_or(ids::BUILTIN_ID, |model| &model.manifest.id)
        .to_owned()
}
