//! The window that the framework opens, as often as the host wants.

use std::error::Error;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize};
use nice_plug::editor::{HostMethods, SpawnedEditor};
use nice_plug::prelude::*;
use nice_plug_egui::{
    EguiEditorState, EguiNiceSettings, Frame, GraphicsConfig, NiceEguiApp, baseview,
    create_egui_editor,
};

use crate::bell::Bell;
use crate::editor::closing::{Handle, OpenWindow, WindowThread};
use crate::editor::visibility::Visibility;
use crate::editor::{EditorState, draw, extent, let_go, tempo, theme};
use crate::params::UnweaveParams;
use crate::takes::Takes;

/// Opens windows. One is open at a time; each starts afresh.
pub struct Window {
    params: Arc<UnweaveParams>,
    takes: Arc<Takes>,
    bell: Bell,
    /// Gone when the plug-in is, and the host can't be talked to any more.
    plugin: Weak<()>,
    /// Pixels per point without the window's own scale, as far as it is known.
    system_scale: Arc<AtomicF32>,
}

impl Window {
    /// A window on these parameters, still closed. The bell makes an open one draw itself anew.
    pub fn new(
        params: Arc<UnweaveParams>,
        takes: Arc<Takes>,
        bell: Bell,
        plugin: Weak<()>,
    ) -> Self {
        Self {
            params,
            takes,
            bell,
            plugin,
            system_scale: Arc::new(AtomicF32::new(1.0)),
        }
    }

    /// Size in points, and scale as a factor.
    fn extent(&self) -> (LogicalSize<f32>, f32) {
        let [width, height, percent] = self.params.extent.get();
        let size = LogicalSize::new(f32::from(width), f32::from(height));
        (size, f32::from(percent) / 100.0)
    }
}

impl Editor for Window {
    type Handle = Handle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        if let Some(scale) = fallback_scale_factor {
            self.system_scale.store(as_f32(scale), Ordering::Relaxed);
        }
        let settings = EguiNiceSettings {
            title: "Unweave".to_owned(),
            resize_hint: self.resize_hint(),
            graphics: GraphicsConfig {
                // There are no gradients here, and without a graphics card it is half of the work.
                dithering: false,
                ..GraphicsConfig::default()
            },
            ..EguiNiceSettings::default()
        };
        let thread = WindowThread::default();
        let egui_ctx = Arc::new(OnceLock::new());
        let app = App {
            thread: thread.clone(),
            egui_ctx: Arc::clone(&egui_ctx),
            state: EditorState::new(
                Arc::clone(&self.params),
                Arc::clone(&self.takes),
                self.bell.clone(),
            ),
            host: None,
            params: Arc::clone(&self.params),
            system_scale: Arc::clone(&self.system_scale),
            visibility: Visibility::default(),
        };
        // The framework's own state can't be set once it is made, so each window gets one.
        let (size, zoom) = self.extent();
        let state = EguiEditorState::from_size(size, zoom);
        let (params, plugin) = (Arc::clone(&self.params), self.plugin.clone());
        let closed_host = gui_context.clone();
        let on_closed = move || {
            // An instance that is being dropped takes its window with it, and the framework would panic.
            if let Some(egui_ctx) = egui_ctx.get()
                && plugin.strong_count() > 0
            {
                let_go(egui_ctx, &params, &closed_host);
            }
        };
        let spawned = create_egui_editor(state, self.bell.window(), settings, app)
            .ok_or("no window")?
            .spawn(
                parent,
                wait_for_parent,
                fallback_scale_factor,
                gui_context,
                host,
            )?;
        Ok(SpawnedEditor {
            handle: Handle(spawned.handle),
            window: OpenWindow::new(spawned.window, thread, on_closed),
        })
    }

    fn size(&self) -> NativeSize<u32> {
        let (size, zoom) = self.extent();
        let size = LogicalSize::new(size.width * zoom, size.height * zoom);
        let scale = self.system_scale.load(Ordering::Relaxed);
        NativeSize::from_size(size.into(), scale.into())
    }

    fn track_info_updated(&self, info: TrackInfo) {
        self.takes.set_track(info);
        self.bell.wake_now();
    }

    fn resize_hint(&self) -> ResizeHint {
        // The framework's limits don't know the window's own scale: the least is that of the smallest.
        let [width, height, percent] = extent::MIN;
        let least = |points: u16| f32::from(points) * f32::from(percent) / 100.0;
        ResizeHint::RESIZABLE.with_min_logical_size(LogicalSize::new(least(width), least(height)))
    }
}

/// What egui calls for one open window.
struct App {
    thread: WindowThread,
    egui_ctx: Arc<OnceLock<egui::Context>>,
    state: EditorState,
    /// From `build` on.
    host: Option<GuiContext>,
    params: Arc<UnweaveParams>,
    system_scale: Arc<AtomicF32>,
    visibility: Visibility,
}

impl NiceEguiApp for App {
    fn build(
        &mut self,
        egui_ctx: egui::Context,
        nice_gui_ctx: GuiContext,
        frame: &mut Frame,
    ) -> Result<(), baseview::HandlerError> {
        self.thread.note();
        let is_software = tempo::is_software();
        self.state.set_software(is_software);
        theme::apply(&egui_ctx);
        // Each window has its own.
        let _ = self.egui_ctx.set(egui_ctx.clone());
        // Soft edges are most of the triangles.
        egui_ctx.tessellation_options_mut(|options| options.feathering = !is_software);
        // The framework hands it to GL as it is, and GL takes it for sRGB already.
        let [red, green, blue, _] = theme::BACKGROUND.to_normalized_gamma_f32();
        frame.set_clear_color(egui::Rgba::from_rgb(red, green, blue));
        #[cfg(target_os = "linux")]
        {
            self.visibility = Visibility::of(frame.baseview_window());
        }
        self.host = Some(nice_gui_ctx);
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        if let Some(host) = &self.host {
            let now = ui.input(|input| input.time);
            self.state.set_hidden(self.visibility.is_hidden(now));
            draw(ui, &mut self.state, host);
        }
    }

    fn resized(&mut self, size: baseview::WindowSize) {
        let [.., percent] = self.params.extent.get();
        let scale = as_f32(size.scale_factor) * 100.0 / f32::from(percent);
        self.system_scale.store(scale, Ordering::Relaxed);
        let [width, height] = [size.logical.width, size.logical.height].map(whole);
        self.params.extent.put([width, height, percent]);
    }

    fn zoom_factor_changed(&mut self, zoom_factor: f32) {
        let [width, height, _] = self.params.extent.get();
        let percent = whole(f64::from(zoom_factor) * 100.0);
        self.params.extent.put([width, height, percent]);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "scales need no more digits"
)]
fn as_f32(scale: f64) -> f32 {
    scale as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
fn whole(points: f64) -> u16 {
    points.round() as u16
}
