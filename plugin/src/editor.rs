//! The window: what a person sees and does.
//!
//! Everything is drawn by [`draw`], which knows the parameters, what the engine has published, and the
//! host; no window. So every control is tested without one. [`EditorWindow`] is what the framework opens.
//!
//! ```text
//! window ─► draw ─► models · picture · strips (fader, button, control) · takes · status
//!            │         └─ gesture ─► host: begin, set, end
//!            ├─ keys
//!            └─ listen ◄─ unweave_live::Levels
//! ```

mod about;
pub mod button;
mod catalogue;
mod closing;
mod control;
pub mod dragging;
mod dropping;
pub mod extras;
mod fader;
mod keys;
mod level_meter;
mod light;
mod listen;
mod look;
mod models;
pub mod palette;
mod picture;
mod presets;
pub mod scale;
pub mod songs;
mod status;
mod strips;
mod tempo;
pub mod theme;
mod visibility;
mod window;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use egui::{CentralPanel, Context, Frame, Key, Margin, Modifiers, Panel, RichText, Ui};
use nice_plug::context::gui::GuiContext;
use unweave_live::State;
use unweave_separation::files::folders;

use crate::bell::Bell;
use crate::params::UnweaveParams;
use crate::presets::folder::Folder;
use crate::report::Source;
use crate::songs::{Listening, Songs};
pub use control::let_go;
use dropping::Dropping;
pub use extras::Extras;
use keys::Keys;
use light::Heard;
use listen::Listener;
use look::LookView;
use models::ModelsView;
use presets::PresetsView;
use songs::SongsView;
use status::StatusView;
use strips::Strips;
use tempo::Tempo;
pub use window::EditorWindow;

/// How often the state is looked at while nobody tells of it: the model loads, and the host may not call.
const GLANCE: Duration = Duration::from_millis(500);
/// Between two frames of a window that nobody can see: in case that nobody tells when it shows again.
const UNSEEN: Duration = Duration::from_secs(2);
/// Height of the picture, as a share of the window's.
const PICTURE_SHARE: f32 = 0.26;
/// How strongly controls are drawn that change nothing, since there are no stems.
const WITHOUT_EFFECT: f32 = 0.4;

/// What one open window knows and remembers.
pub struct EditorState {
    params: Arc<UnweaveParams>,
    bell: Bell,
    tempo: Tempo,
    is_hidden: bool,
    room: scale::Room,
    dropping: Dropping,
    keys: Keys,
    look: LookView,
    listener: Listener,
    models: ModelsView,
    presets: PresetsView,
    status: StatusView,
    songs: Arc<Songs>,
    songs_view: SongsView,
    extras: Option<Box<dyn Extras>>,
}

impl EditorState {
    /// A window on these parameters, woken by this bell.
    pub fn new(params: Arc<UnweaveParams>, songs: Arc<Songs>, bell: Bell) -> Self {
        Self {
            params,
            bell,
            tempo: Tempo::default(),
            is_hidden: false,
            room: scale::Room::default(),
            dropping: Dropping::default(),
            keys: Keys::default(),
            look: LookView::new(folders::user_data().as_deref()),
            listener: Listener::default(),
            models: ModelsView::default(),
            presets: PresetsView::default(),
            status: StatusView::default(),
            songs,
            songs_view: SongsView::default(),
            extras: None,
        }
    }

    /// What a program has besides that the plug-in is in alone.
    pub fn set_extras(&mut self, extras: Option<Box<dyn Extras>>) {
        self.extras = extras;
    }

    /// Whether nobody can see this window: then it asks for hardly any frame.
    pub fn set_hidden(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
    }

    /// This is the user's data folder.
    pub fn set_data(&mut self, data: &Path) {
        self.presets = PresetsView::new(Some(Folder::at(data)));
        self.look = LookView::new(Some(data));
    }

    /// How much of this window can be seen, and how large the screen is.
    pub fn set_room(&mut self, room: scale::Room) {
        self.room = room;
    }

    /// Whether a key that is pressed now means something here; the others are the host's.
    pub fn uses_key(&mut self, ctx: &Context, key: Key, modifiers: Modifiers) -> bool {
        let is_extra = |extras: &mut Box<dyn Extras>| extras.uses_key(key, modifiers);
        self.extras.as_mut().is_some_and(is_extra) || self.keys.uses(ctx, key, modifiers)
    }

    /// Before the first frame. Where the processor draws this window, every frame costs what it computes with.
    pub fn start(&mut self, ctx: &Context, is_software: bool) {
        self.tempo = Tempo::new(is_software);
        self.look.apply(ctx);
    }
}

/// Draws the window and does what the person wants.
pub fn draw(ui: &mut Ui, state: &mut EditorState, host: &GuiContext) {
    state.look.apply(ui.ctx());
    let params = Arc::clone(&state.params);
    if let Some(extras) = &mut state.extras {
        extras.begin(ui);
    }
    if let Some(wish) = state.keys.press(ui, &params, host) {
        state.presets.obey(wish, &params, host);
    }
    let (mut is_loading, mut is_refused) = (false, false);
    let is_preview = state.songs.listening() == Listening::Playing;
    let levels = match params.report.source() {
        Source::Engine(facts) => {
            let state = facts.status.state();
            is_loading = state == State::Loading;
            is_refused = matches!(state, State::Refused(_));
            Some(facts.levels)
        }
        Source::Refused(_) => {
            is_refused = true;
            None
        }
        Source::Inactive => None,
    };
    let levels = if is_preview {
        Some(state.songs.levels())
    } else {
        levels
    };
    // Before the look at what there is: what comes after it must ring.
    state.bell.listen(true);
    let (now, seconds) = ui.input(|input| (input.time, input.unstable_dt.min(1.0)));
    let is_moving = state.listener.listen(levels, seconds);
    if state.is_hidden {
        state.bell.listen(false);
        ui.ctx().request_repaint_after(UNSEEN);
    } else if is_moving {
        state.bell.listen(false);
        ui.ctx().request_repaint_after(state.tempo.until_next(now));
    } else if is_loading {
        ui.ctx().request_repaint_after(GLANCE);
    }

    // The window is cleared in the panels' colour: painting it again would cost as much as the rest.
    let panel = |x, y| Frame::new().inner_margin(Margin::symmetric(x, y));
    let height = ui.available_height();
    Panel::top("header")
        .frame(panel(10, 6))
        .show_separator_line(false)
        .show(ui, |ui| {
            header(ui, state, host);
        });
    if let Some(extras) = &mut state.extras {
        Panel::bottom("extras")
            .frame(panel(10, 0))
            .show_separator_line(false)
            .exact_size(f32::from(extras::BAR_HEIGHT))
            .show(ui, |ui| extras.draw(ui));
    }
    Panel::bottom("status")
        .frame(panel(10, 5))
        .show_separator_line(false)
        .show(ui, |ui| {
            let heard = Heard {
                has_input: state.listener.has_input(),
                is_preview,
            };
            status::draw(ui, &mut state.status, (&params, &state.songs), heard);
        });
    Panel::right("songs")
        // The panel itself keeps the right margin free.
        .frame(Frame::new().inner_margin(Margin {
            left: 10,
            ..Margin::ZERO
        }))
        .resizable(false)
        .show_separator_line(false)
        .exact_size(272.0)
        .show(ui, |ui| {
            songs::draw(ui, &state.songs, &mut state.songs_view);
        });
    state.dropping.draw(ui, &state.songs);
    scale::fit(ui.ctx(), state.room);
    CentralPanel::default().frame(panel(10, 0)).show(ui, |ui| {
        state
            .listener
            .picture
            .draw(ui, (height * PICTURE_SHARE).round());
        ui.add_space(4.0);
        if is_refused && !is_preview {
            // They can be set all the same, but nothing is heard of it.
            ui.set_opacity(WITHOUT_EFFECT);
        }
        let mut strips = Strips {
            params: &params,
            host,
            listener: &mut state.listener,
            awaited: state.keys.awaited(),
        };
        strips.draw(ui);
    });
}

/// Name, model, device and scale.
fn header(ui: &mut Ui, state: &mut EditorState, host: &GuiContext) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("UNWEAVE").font(theme::TITLE).strong());
        ui.add_space(8.0);
        models::draw(ui, &mut state.models, &state.params, host);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            scale::draw(ui, state.room, &mut state.look);
            presets::draw(ui, &mut state.presets, &state.params, host);
        });
    });
}
