//! A host that takes up every value at once and writes down every gesture.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egui::accesskit::Role;
use egui::{Key, Modifiers, Pos2, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use nice_plug::context::PluginApi;
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::*;
use parking_lot::Mutex;
use unweave_plugin::Bell;
use unweave_plugin::editor::palette::DARK;
use unweave_plugin::editor::{EditorState, draw, let_go, theme};
use unweave_plugin::params::{AnyParam, UnweaveParams};
use unweave_plugin::songs::Songs;

use crate::painter::Painter;

/// What a host is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Begin(String),
    Set(String, f32),
    End(String),
}

#[derive(Default)]
struct Log {
    steps: Vec<Step>,
    num_restarts: usize,
}

/// The host's side.
pub struct Host {
    params: Arc<UnweaveParams>,
    log: Mutex<Log>,
}

impl Host {
    /// What has happened since the last time.
    pub fn take(&self) -> Vec<Step> {
        std::mem::take(&mut self.log.lock().steps)
    }

    pub fn num_restarts(&self) -> usize {
        self.log.lock().num_restarts
    }

    fn id(&self, pointer: ParamPtr) -> String {
        let is_it = |param: &AnyParam<'_>| match param {
            AnyParam::Float(param) => param.as_ptr() == pointer,
            AnyParam::Switch(param) => param.as_ptr() == pointer,
            AnyParam::Mode(param) => param.as_ptr() == pointer,
        };
        let all = self.params.all();
        all.into_iter().find(|(_, param)| is_it(param)).unwrap().0
    }

    fn note(&self, step: Step) {
        self.log.lock().steps.push(step);
    }
}

impl GuiContextInner for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }

    unsafe fn raw_begin_set_parameter(&self, param: ParamPtr) {
        self.note(Step::Begin(self.id(param)));
    }

    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, normalized: f32) {
        self.note(Step::Set(self.id(param), normalized));
        // SAFETY: the pointer is to a parameter of `self.params`, as `id` has made sure.
        unsafe { param._internal_set_normalized_value(normalized) };
    }

    unsafe fn raw_end_set_parameter(&self, param: ParamPtr) {
        self.note(Step::End(self.id(param)));
    }

    fn get_state(&self) -> PluginState {
        unreachable!("the window doesn't ask for it")
    }

    fn set_state(&self, _state: PluginState) {
        unreachable!("the window doesn't set it")
    }

    fn request_restart(&self) {
        self.log.lock().num_restarts += 1;
    }
}

/// A window and its host.
pub struct Desktop {
    pub harness: Harness<'static>,
    pub host: Arc<Host>,
    /// Whether nobody can see the window.
    pub is_hidden: Arc<AtomicBool>,
    context: GuiContext,
    state: Arc<Mutex<EditorState>>,
    /// Of takes, of which there are none, and of the user's data.
    folder: tempfile::TempDir,
}

impl Desktop {
    pub fn new() -> Self {
        Self::with_size(vec2(960.0, 600.0), 1.0)
    }

    pub fn with_size(size: Vec2, pixels_per_point: f32) -> Self {
        let params = Arc::new(UnweaveParams::default());
        let host = Arc::new(Host {
            params: Arc::clone(&params),
            log: Mutex::default(),
        });
        let context = GuiContext::new(Arc::clone(&host) as Arc<dyn GuiContextInner>);
        let folder = tempfile::tempdir().unwrap();
        let (songs, _preview) = Songs::new(folder.path().to_owned());
        // The same in every picture, whoever takes it.
        let mut settings = songs.settings();
        settings.folder = "/home/kim/Unweave".into();
        songs.set_settings(settings);
        let state = EditorState::new(params, songs, Bell::default());
        let state = Arc::new(Mutex::new(state));
        state.lock().set_data(folder.path());
        let (shown, drawn) = (context.clone(), Arc::clone(&state));
        let is_hidden = Arc::<AtomicBool>::default();
        let hidden = Arc::clone(&is_hidden);
        let harness = Harness::builder()
            .with_size(size)
            .with_pixels_per_point(pixels_per_point)
            .with_step_dt(1.0 / 60.0)
            .with_context_setup(|ctx| theme::apply(ctx, &DARK))
            .renderer(Painter::default())
            .build_ui(move |ui| {
                let mut state = drawn.lock();
                state.set_hidden(hidden.load(Ordering::Relaxed));
                draw(ui, &mut state, &shown);
            });
        let mut desktop = Self {
            harness,
            host,
            is_hidden,
            context,
            state,
            folder,
        };
        desktop.step();
        desktop
    }

    /// The user's data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the window would keep a key that was pressed now.
    pub fn uses_key(&self, key: Key, modifiers: Modifiers) -> bool {
        let mut state = self.state.lock();
        state.uses_key(&self.harness.ctx, key, modifiers)
    }

    pub fn params(&self) -> &UnweaveParams {
        &self.host.params
    }

    /// Events that are waiting, and a few frames for what they set off.
    pub fn step(&mut self) {
        self.harness.step();
        self.harness.run_steps(2);
    }

    pub fn click(&mut self, label: &str, modifiers: Modifiers) {
        self.harness.get_by_label(label).click_modifiers(modifiers);
        self.step();
    }

    pub fn focus(&mut self, label: &str) {
        self.harness
            .get_by_role_and_label(Role::Slider, label)
            .focus();
        self.step();
    }

    /// Presses, moves up and down by these lengths in turn, and lets go.
    pub fn drag(&mut self, from: Pos2, moves: &[f32], modifiers: Modifiers) {
        let at = self.hold(from, moves, modifiers);
        self.harness
            .event_modifiers(button(at, false, modifiers), modifiers);
        self.step();
    }

    /// As [`Self::drag`], without letting go; gives where the pointer is.
    pub fn hold(&mut self, from: Pos2, moves: &[f32], modifiers: Modifiers) -> Pos2 {
        let event = |desktop: &Self, event| desktop.harness.event_modifiers(event, modifiers);
        event(self, egui::Event::ModifiersChanged(modifiers));
        event(self, egui::Event::PointerMoved(from));
        event(self, button(from, true, modifiers));
        let mut at = from;
        for length in moves {
            at.y += length;
            event(self, egui::Event::PointerMoved(at));
        }
        self.step();
        at
    }

    /// The window closes.
    pub fn close(&self) {
        let_go(&self.harness.ctx, self.params(), &self.context);
    }

    pub fn soloed(&self) -> [bool; 4] {
        self.params().stems().map(|stem| stem.solo.value())
    }

    pub fn value_text(&self, label: &str) -> String {
        let node = self.harness.get_by_role_and_label(Role::Slider, label);
        node.accesskit_node().value().unwrap()
    }

    pub fn normalized(&self, label: &str) -> f32 {
        self.float(label).unmodulated_normalized_value()
    }

    pub fn default_text(&self, label: &str) -> String {
        let param = self.float(label);
        param.normalized_value_to_string(param.default_normalized_value(), true)
    }

    /// The parameter that a slider of this name stands for: their names are the same.
    fn float(&self, label: &str) -> &FloatParam {
        let all = self.params().all();
        all.into_iter()
            .find_map(|(_, param)| match param {
                AnyParam::Float(param) if param.name() == label => Some(param),
                _ => None,
            })
            .unwrap()
    }
}

fn button(pos: Pos2, pressed: bool, modifiers: Modifiers) -> egui::Event {
    egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers,
    }
}
