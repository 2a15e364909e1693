//! Takes, songs and their rendering, as a person handles them: the model behind the panel, without a window.
//!
//! ```text
//! audio thread ─► capture ─► takes ┐
//!                 files dropped ───┴► chosen, with a range ─► render ─► stems on disk
//!                                                          └► listen ─► heard in place of the output
//! ```
//!
//! Any thread but the audio thread may call; nothing here takes long but the end of an instance, which waits
//! until its threads have ended, below 200 ms.

mod chosen;
mod dialog;
mod listening;
mod rank;
mod settings;
mod words;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nice_plug::prelude::TrackInfo;
use parking_lot::{Mutex, RwLock};
use unweave_live::Levels;
use unweave_live::capture::{Capture, CaptureSide, Recording, Take};
use unweave_live::preview::{PreviewSide, preview};
use unweave_separation::files::folders;
use unweave_separation::{Model, Store};

use crate::render::{Order, Rendering, SongFile, Stage, Work, words as render_words};
use crate::{model, runtime_choice};
pub use chosen::{Chosen, Look};
pub use dialog::PathKind;
use listening::Listener;
pub use listening::Listening;
pub use settings::Settings;
pub use words::{clock, remaining, typed_path};

/// Captures, keeps, plays and renders for one plug-in instance.
pub struct Takes {
    capture: Capture,
    /// The host's, in Hz; 0 before it is known.
    sample_rate: AtomicU32,
    /// The session's. Held for no longer than a copy takes, whatever else is locked.
    settings: Arc<RwLock<Settings>>,
    workspace: Mutex<Workspace>,
}

/// What is being worked on.
struct Workspace {
    track: TrackInfo,
    chosen: Option<Chosen>,
    rendering: Option<Rendering>,
    listener: Listener,
    /// Asks the person for a path.
    dialog: Option<Work>,
    /// What the last thing that was asked for came to, if it came to nothing.
    refusal: Option<String>,
}

/// Where takes lie until the plug-in goes: in the user's cache, which is on a disk, since the system's
/// folder for temporary files may be in memory.
pub fn takes_folder() -> PathBuf {
    folders::user_cache()
        .unwrap_or_else(|| std::env::temp_dir().join("unweave"))
        .join("takes")
}

impl Takes {
    /// Takes will lie in folders of their own in `folder`. Gives the audio thread's end of what is listened to.
    pub fn new(folder: PathBuf) -> (Arc<Self>, PreviewSide) {
        let (desk, side) = preview();
        let takes = Self {
            capture: Capture::new(folder),
            sample_rate: AtomicU32::new(0),
            settings: Arc::default(),
            workspace: Mutex::new(Workspace {
                track: TrackInfo::default(),
                chosen: None,
                rendering: None,
                listener: Listener::new(desk),
                dialog: None,
                refusal: None,
            }),
        };
        (Arc::new(takes), side)
    }

    /// The audio thread's end of the capture, for audio of this kind.
    pub fn side(&self, sample_rate: u32, num_channels: usize) -> CaptureSide {
        self.sample_rate.store(sample_rate, Ordering::Release);
        self.capture.side(sample_rate, num_channels)
    }

    /// Ends everything that goes on, for good. For the end of the instance, which a window may outlive.
    pub fn end(&self) {
        let mut workspace = self.workspace.lock();
        workspace.listener.stop();
        let work = (
            workspace.rendering.take(),
            workspace.chosen.take(),
            workspace.dialog.take(),
        );
        // Some of the threads that end here may be waiting for the lock.
        drop(workspace);
        drop(work);
        self.capture.end();
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

    /// The takes that are there, in the order they were made.
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

    /// Throws a take away, unless it is being rendered or listened to: then, when that is over.
    pub fn discard(&self, id: u64) {
        let mut workspace = self.workspace.lock();
        if workspace
            .chosen
            .as_ref()
            .is_some_and(|chosen| chosen.is_take(id))
        {
            workspace.chosen = None;
        }
        self.capture.discard(id);
    }

    /// Works on a take.
    pub fn choose_take(&self, take: &Arc<Take>) {
        let mut workspace = self.workspace.lock();
        let track = workspace.track.name().to_owned();
        workspace.refusal = None;
        workspace.chosen = Some(Chosen::take(take, &track));
    }

    /// Works on a file of the user's.
    pub fn choose_file(&self, path: &Path) {
        let chosen = Chosen::file(path);
        let mut workspace = self.workspace.lock();
        match chosen {
            Ok(chosen) => {
                workspace.chosen = Some(chosen);
                workspace.refusal = None;
            }
            Err(refusal) => workspace.refusal = Some(format!("{}: {refusal}", path.display())),
        }
    }

    /// Asks for a path with the system's own dialog, and takes it as if it was typed.
    pub fn browse(self: &Arc<Self>, kind: PathKind) {
        let takes = Arc::downgrade(self);
        let asking = Work::start("unweave-dialog", move |cancel| {
            let answer = dialog::ask(kind, cancel);
            let Some(takes) = takes.upgrade().filter(|_| !cancel.is_terminated()) else {
                return;
            };
            match (answer, kind) {
                (Ok(Some(path)), PathKind::Song) => takes.choose_file(&path),
                (Ok(Some(path)), PathKind::Folder) => takes.settings.write().folder = path,
                (Ok(Some(path)), PathKind::Runtime) => {
                    let refusal = runtime_choice::choose(&path).err();
                    takes.workspace.lock().refusal = refusal;
                }
                (Ok(None), _) => {}
                (Err(refusal), _) => takes.workspace.lock().refusal = Some(refusal),
            }
        });
        let mut workspace = self.workspace.lock();
        // One that is open still is closed.
        let old = std::mem::replace(&mut workspace.dialog, asking.ok());
        drop(workspace);
        drop(old);
    }

    /// What is worked on.
    pub fn chosen(&self) -> Option<Look> {
        self.workspace.lock().chosen.as_ref().map(Chosen::look)
    }

    /// Only these frames of it, or all.
    pub fn set_range(&self, range: Option<Range<u64>>) {
        if let Some(chosen) = &mut self.workspace.lock().chosen {
            chosen.set_range(range);
        }
    }

    /// What the set will be named after; empty for the song's own name.
    pub fn set_name(&self, name: &str) {
        if let Some(chosen) = &mut self.workspace.lock().chosen {
            chosen.set_name(name);
        }
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

    /// Renders what is chosen, unless something is being rendered already.
    pub fn render(&self) {
        let mut workspace = self.workspace.lock();
        if workspace
            .rendering
            .as_ref()
            .is_some_and(|now| !now.is_over())
        {
            return;
        }
        workspace.rendering = None;
        let started = workspace.order(self.settings()).and_then(|order| {
            // Where the host runs is no place, and a session may come from another system.
            if !order.folder.is_absolute() {
                let folder = order.folder.display();
                return Err(format!(
                    "“{folder}” could be anywhere: type the whole path of the folder for the stems, or choose one."
                ));
            }
            Rendering::start(order)
                .map_err(|error| format!("Nothing can be rendered now: {error}."))
        });
        match started {
            Ok(rendering) => {
                workspace.rendering = Some(rendering);
                workspace.refusal = None;
            }
            Err(refusal) => workspace.refusal = Some(refusal),
        }
    }

    /// How far the rendering is, or what came of the last.
    pub fn stage(&self) -> Option<Stage> {
        self.workspace
            .lock()
            .rendering
            .as_ref()
            .map(Rendering::stage)
    }

    /// Stops the rendering; nothing is left of it.
    pub fn cancel(&self) {
        if let Some(rendering) = &self.workspace.lock().rendering {
            rendering.cancel();
        }
    }

    /// Forgets the last rendering.
    pub fn dismiss(&self) {
        let mut workspace = self.workspace.lock();
        if workspace.rendering.as_ref().is_some_and(Rendering::is_over) {
            workspace.rendering = None;
        }
        workspace.refusal = None;
    }

    /// Opens the system's file manager on a folder.
    pub fn show(&self, dir: &Path) {
        let refusal = show_in_folder(dir).err();
        self.workspace.lock().refusal =
            refusal.map(|error| format!("{} can't be shown: {error}.", dir.display()));
    }

    /// Separates the first seconds of what is chosen and lets them be heard in place of the output.
    pub fn listen(&self) {
        let sample_rate = self.sample_rate.load(Ordering::Acquire);
        let mut workspace = self.workspace.lock();
        let started = workspace.order(self.settings()).and_then(|order| {
            if sample_rate == 0 {
                return Err("The host processes no audio yet: nothing can be heard.".to_owned());
            }
            workspace.listener.start(order, sample_rate)
        });
        workspace.refusal = started.err();
    }

    /// Goes back to the output.
    pub fn stop_listening(&self) {
        self.workspace.lock().listener.stop();
    }

    /// Whether something goes on that shows: a capture, a rendering, a dialog, a file being read.
    pub fn is_busy(&self) -> bool {
        let workspace = self.workspace.lock();
        let is_rendering = workspace
            .rendering
            .as_ref()
            .is_some_and(|now| !now.is_over());
        let is_asking = workspace
            .dialog
            .as_ref()
            .is_some_and(|dialog| !dialog.is_over());
        let is_reading = workspace.chosen.as_ref().is_some_and(Chosen::is_reading);
        is_rendering
            || is_asking
            || is_reading
            || matches!(
                workspace.listener.state(),
                Listening::Preparing | Listening::Playing
            )
            || self.capture.is_armed()
            || self.capture.recording().is_some()
    }

    /// How loud what is listened to has been.
    pub fn levels(&self) -> Arc<Levels> {
        self.workspace.lock().listener.levels()
    }

    /// What is heard.
    pub fn listening(&self) -> Listening {
        self.workspace.lock().listener.state()
    }
}

impl Workspace {
    /// What would be rendered now.
    fn order(&self, settings: Settings) -> Result<Order, String> {
        let chosen = self
            .chosen
            .as_ref()
            .ok_or("Choose a take or a file first.")?;
        let id = settings.model.clone();
        let model = Store::from_environment()
            .find(&id.unwrap_or_else(|| best_model(&models())))
            .map_err(|error| error.to_string())?;
        Ok(Order {
            song: chosen.song(),
            range: chosen.range(),
            name: chosen.name(),
            selection: settings.selection(&model)?,
            folder: settings.folder,
            format: settings.format,
            depth: settings.depth,
            model,
        })
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
    best.map_or(model::BUILTIN_ID, |model| &model.manifest.id)
        .to_owned()
}

/// Opens the system's file manager.
fn show_in_folder(dir: &Path) -> std::io::Result<()> {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut child = std::process::Command::new(program).arg(dir).spawn()?;
    // Some wait until their window is closed, and an end that nobody asks for stays in the list of processes.
    std::thread::Builder::new()
        .name("unweave-folder".to_owned())
        .spawn(move || child.wait())
        .map(drop)
}

impl SongFile {
    fn is_take(&self, id: u64) -> bool {
        matches!(self, Self::Take(take) if take.id == id)
    }
}
