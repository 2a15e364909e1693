//! What screen readers are told, and what they ask for: AccessKit between egui and the system.
//!
//! Until one asks, nothing is told and egui collects nothing. Then it is told a few times a second: some desktops say
//! that somebody reads though nobody does, and a moving meter would be told with every frame.

#[cfg_attr(target_os = "linux", path = "reader/linux.rs")]
#[cfg_attr(target_os = "macos", path = "reader/macos.rs")]
#[cfg_attr(windows, path = "reader/windows.rs")]
mod system;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use baseview::WindowContext;
use egui::accesskit::{
    ActionHandler, ActionRequest, ActivationHandler, DeactivationHandler, TreeUpdate,
};
use egui::{Context, Event};

use crate::frames::Frames;
use crate::input::Input;
pub use system::Told;

/// Between two times that what there is is told.
const PAUSE: Duration = Duration::from_millis(100);

/// Whoever reads the window to somebody, if anybody does.
pub struct Reader {
    /// None where the system has no way to them.
    adapter: Option<system::Adapter>,
    title: String,
    is_there: Arc<AtomicBool>,
    requests: Receiver<ActionRequest>,
    last_told: Cell<Option<Instant>>,
}

/// Hears what readers want, on any thread, and wakes the window.
#[derive(Clone)]
struct Ear {
    is_there: Arc<AtomicBool>,
    requests: Sender<ActionRequest>,
    frames: Frames,
}

impl ActivationHandler for Ear {
    fn request_initial_tree(&mut self) -> Option<TreeUpdate> {
        self.is_there.store(true, Ordering::Relaxed);
        // The next frame tells it.
        self.frames.request();
        None
    }
}

impl ActionHandler for Ear {
    fn do_action(&mut self, request: ActionRequest) {
        // A window that is gone does nothing any more.
        let _ = self.requests.send(request);
        self.frames.request();
    }
}

impl DeactivationHandler for Ear {
    fn deactivate_accessibility(&mut self) {
        self.is_there.store(false, Ordering::Relaxed);
    }
}

impl Reader {
    /// Of a window that isn't shown yet.
    pub fn new(window: &WindowContext, frames: &Frames, title: String) -> Self {
        let (sender, requests) = channel();
        let ear = Ear {
            is_there: Arc::default(),
            requests: sender,
            frames: frames.clone(),
        };
        let is_there = Arc::clone(&ear.is_there);
        // AccessKit panics where another plug-in in this process has brought it along (macOS), or the window is not as
        // it wants it (Windows). Such a window isn't read, and works.
        let adapter = catch_unwind(AssertUnwindSafe(|| system::Adapter::new(window, &ear)));
        Self {
            adapter: adapter.ok().flatten(),
            title,
            is_there,
            requests,
            last_told: Cell::new(None),
        }
    }

    /// Before a frame: egui collects what there is if somebody reads, and does what they ask for. Gives how long after
    /// the frame another one has to tell what this one shows.
    pub fn ask(&self, ctx: &Context, input: &mut Input) -> Option<Duration> {
        let is_there = self.is_there.load(Ordering::Relaxed);
        let since = self.last_told.get().map_or(PAUSE, |last| last.elapsed());
        let tells = is_there && since >= PAUSE;
        if tells {
            self.last_told.set(Some(Instant::now()));
            ctx.enable_accesskit();
        } else {
            ctx.disable_accesskit();
        }
        for request in self.requests.try_iter() {
            input.push(Event::AccessKitActionRequest(request));
        }
        (is_there && !tells).then(|| PAUSE.saturating_sub(since))
    }

    /// After a frame: what there is. The system is told by what this gives, when nothing is borrowed any more: it may
    /// call back.
    pub fn tell(&mut self, mut update: TreeUpdate) -> Option<Told> {
        let root = update.tree.as_ref().map(|tree| tree.root);
        let root = update.nodes.iter_mut().find(|(id, _)| Some(*id) == root);
        if let Some((_, node)) = root {
            node.set_label(self.title.as_str());
        }
        self.adapter.as_mut()?.tell(update)
    }

    /// The keyboard is this window's, or no longer.
    pub fn focus(&mut self, is_focused: bool) -> Option<Told> {
        self.adapter.as_mut()?.focus(is_focused)
    }
}
