//! The window that the framework opens, as often as the host wants.

use std::error::Error;
use std::sync::Arc;

use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize};
use nice_plug::editor::{HostMethods, SpawnedEditor};
use nice_plug::prelude::*;
use nice_plug_egui::{
    EguiEditor, EguiEditorHandle, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp,
    RepaintNotifier, baseview, create_egui_editor,
};
use parking_lot::Mutex;

use crate::editor::{Desk, draw, theme};
use crate::params::UnweaveParams;
use crate::takes::Takes;

/// Size of the window at first, in points.
const SIZE: LogicalSize<f32> = LogicalSize::new(960.0, 600.0);
/// Below this, parts of the window would be out of sight.
const MIN_SIZE: LogicalSize<f32> = LogicalSize::new(720.0, 440.0);

/// Opens windows. One is open at a time; each starts afresh.
pub struct Window {
    params: Arc<UnweaveParams>,
    takes: Arc<Takes>,
    repaint: RepaintNotifier,
    state: Arc<EguiEditorState>,
    /// The last one that was opened.
    open: Mutex<Option<EguiEditor<App>>>,
}

impl Window {
    /// A window on these parameters, still closed.
    pub fn new(params: Arc<UnweaveParams>, takes: Arc<Takes>) -> Self {
        Self {
            params,
            takes,
            repaint: RepaintNotifier::new(),
            state: EguiEditorState::from_size(SIZE, 1.0),
            open: Mutex::new(None),
        }
    }
}

impl Editor for Window {
    type Handle = EguiEditorHandle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        let settings = EguiNiceSettings {
            title: "Unweave".to_owned(),
            resize_hint: self.resize_hint(),
            ..EguiNiceSettings::default()
        };
        let app = App {
            desk: Desk::new(Arc::clone(&self.params), Arc::clone(&self.takes)),
            host: None,
        };
        let editor =
            create_egui_editor(Arc::clone(&self.state), self.repaint.clone(), settings, app)
                .ok_or("no window")?;
        let spawned = editor.spawn(
            parent,
            wait_for_parent,
            fallback_scale_factor,
            gui_context,
            host,
        )?;
        *self.open.lock() = Some(editor);
        Ok(spawned)
    }

    fn size(&self) -> NativeSize<u32> {
        match &*self.open.lock() {
            Some(editor) => editor.size(),
            None => NativeSize::from_size(SIZE.into(), 1.0),
        }
    }

    fn track_info_updated(&self, info: TrackInfo) {
        self.takes.set_track(info);
    }

    fn resize_hint(&self) -> ResizeHint {
        ResizeHint::RESIZABLE.with_min_logical_size(MIN_SIZE)
    }
}

/// What egui calls for one open window.
struct App {
    desk: Desk,
    /// From `build` on.
    host: Option<GuiContext>,
}

impl NiceEguiApp for App {
    fn build(
        &mut self,
        egui_ctx: egui::Context,
        nice_gui_ctx: GuiContext,
        frame: &mut Frame,
    ) -> Result<(), baseview::HandlerError> {
        theme::apply(&egui_ctx);
        frame.set_clear_color(theme::BACKGROUND.into());
        self.host = Some(nice_gui_ctx);
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        if let Some(host) = &self.host {
            draw(ui, &mut self.desk, host);
        }
    }
}
