//! The window that the framework opens, as often as the host wants.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize};
use nice_plug::editor::{HostCallbacks, HostMainThreadCaller, HostMethods, SpawnedEditor};
use nice_plug::prelude::*;
use parking_lot::Mutex;
use unweave_window::{Settings, baseview};

use crate::bell::Bell;
use crate::editor::closing::{Handle, OpenWindow, WindowThread};
use crate::editor::scale::Room;
use crate::editor::visibility::Visibility;
use crate::editor::{EditorState, Extras, draw, extras, let_go};
use crate::extent;
use crate::params::UnweaveParams;
use crate::songs::Songs;

/// Opens windows. One is open at a time; each starts afresh.
pub struct EditorWindow {
    params: Arc<UnweaveParams>,
    songs: Arc<Songs>,
    bell: Bell,
    /// Gone when the plug-in is, and the host can't be talked to any more.
    plugin: Weak<()>,
    /// Pixels per point without the window's own scale, as far as it is known.
    system_scale: Arc<AtomicF32>,
    extras: Option<MakeExtras>,
}

/// Gives what each window that is opened has besides.
type MakeExtras = Box<dyn Fn() -> Box<dyn Extras> + Send>;

impl EditorWindow {
    /// A window on these parameters, still closed. The bell makes an open one draw itself anew.
    pub fn new(
        params: Arc<UnweaveParams>,
        songs: Arc<Songs>,
        bell: Bell,
        plugin: Weak<()>,
    ) -> Self {
        Self {
            params,
            songs,
            bell,
            plugin,
            system_scale: Arc::new(AtomicF32::new(1.0)),
            extras: None,
        }
    }

    /// With what a program has besides that the plug-in is in alone.
    #[must_use]
    pub fn with_extras(self, make: impl Fn() -> Box<dyn Extras> + Send + 'static) -> Self {
        Self {
            extras: Some(Box::new(make)),
            ..self
        }
    }

    /// Of what lies below what hosts show, in points.
    fn bar_height(&self) -> u16 {
        self.extras.as_ref().map_or(0, |_| extras::BAR_HEIGHT)
    }

    /// Size in points, and scale as a factor.
    fn extent(&self) -> (LogicalSize<f32>, f32) {
        let [width, height, percent] = self.params.extent.get();
        let height = height + self.bar_height();
        let size = LogicalSize::new(f32::from(width), f32::from(height));
        (size, f32::from(percent) / 100.0)
    }

    /// The framework's limits don't know the window's own scale: the least size is that of the smallest.
    fn least(&self) -> [f32; 2] {
        let [width, height, percent] = extent::MIN;
        let height = height + self.bar_height();
        [width, height].map(|points| f32::from(points) * f32::from(percent) / 100.0)
    }
}

impl Editor for EditorWindow {
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
        let thread = WindowThread::default();
        let egui_ctx = Arc::new(OnceLock::new());
        let mut state = EditorState::new(
            Arc::clone(&self.params),
            Arc::clone(&self.songs),
            self.bell.clone(),
        );
        state.set_extras(self.extras.as_ref().map(|make| make()));
        let app = App {
            thread: thread.clone(),
            egui_ctx: Arc::clone(&egui_ctx),
            state,
            bar_height: self.bar_height(),
            host: gui_context.clone(),
            bell: self.bell.clone(),
            params: Arc::clone(&self.params),
            system_scale: Arc::clone(&self.system_scale),
            visibility: Visibility::default(),
        };
        let (params, plugin) = (Arc::clone(&self.params), self.plugin.clone());
        let closed_host = gui_context;
        let on_closed = move || {
            // An instance that is being dropped takes its window with it, and the framework would panic.
            if let Some(egui_ctx) = egui_ctx.get()
                && plugin.strong_count() > 0
            {
                let_go(egui_ctx, &params, &closed_host);
            }
        };
        let (size, zoom) = self.extent();
        let [width, height] = self.least();
        let settings = Settings {
            title: "Unweave".to_owned(),
            size: size.cast(),
            least: LogicalSize::new(width.into(), height.into()),
            zoom,
            parent: parent.as_ref().map(Into::into),
            waits_for_parent: wait_for_parent,
            fallback_scale: fallback_scale_factor,
        };
        let host = host.map(Host::from);
        let window = unweave_window::open(settings, app, || host.as_ref().map(Host::adapt))?;
        if let Some(host) = &host {
            host.is_open.set(true);
        }
        Ok(SpawnedEditor {
            handle: Handle {
                bell: self.bell.clone(),
                resize_hint: self.resize_hint(),
            },
            window: OpenWindow::new(window, thread, on_closed),
        })
    }

    fn size(&self) -> NativeSize<u32> {
        let (size, zoom) = self.extent();
        let size = LogicalSize::new(size.width * zoom, size.height * zoom);
        let scale = self.system_scale.load(Ordering::Relaxed);
        NativeSize::from_size(size.into(), scale.into())
    }

    fn track_info_updated(&self, info: TrackInfo) {
        self.songs.set_track(info);
        self.bell.wake_now();
    }

    fn resize_hint(&self) -> ResizeHint {
        let [width, height] = self.least();
        ResizeHint::RESIZABLE.with_min_logical_size(LogicalSize::new(width, height))
    }
}

/// What the framework knows of the host, for baseview: as often as it takes to open a window.
struct Host {
    callbacks: Rc<RefCell<Box<dyn HostCallbacks>>>,
    main_thread: Arc<Mutex<Box<dyn HostMainThreadCaller>>>,
    /// The host isn't told of the end of a window that it has never had.
    is_open: Rc<Cell<bool>>,
}

impl From<HostMethods> for Host {
    fn from(methods: HostMethods) -> Self {
        Self {
            callbacks: Rc::new(RefCell::new(methods.callbacks)),
            main_thread: Arc::new(Mutex::new(methods.main_thread_caller)),
            is_open: Rc::default(),
        }
    }
}

impl Host {
    fn adapt(&self) -> baseview::host::Host {
        baseview::host::Host::new()
            .with_callbacks(Callbacks {
                inner: Rc::clone(&self.callbacks),
                is_open: Rc::clone(&self.is_open),
            })
            .with_main_thread(MainThread(Arc::clone(&self.main_thread)))
    }
}

struct Callbacks {
    inner: Rc<RefCell<Box<dyn HostCallbacks>>>,
    is_open: Rc<Cell<bool>>,
}

impl baseview::host::HostCallbacks for Callbacks {
    fn request_resize(&mut self, size: baseview::WindowSize) -> Result<(), baseview::HandlerError> {
        self.inner
            .borrow_mut()
            .request_resize(size.physical.into(), size.scale_factor)
            .map_err(baseview::HandlerError::from_boxed)
    }

    fn destroyed(&mut self) {
        if self.is_open.get() {
            self.inner.borrow_mut().destroyed();
        }
    }
}

struct MainThread(Arc<Mutex<Box<dyn HostMainThreadCaller>>>);

impl baseview::host::HostMainThreadCaller for MainThread {
    fn call_main_thread(&mut self) {
        self.0.lock().call_main_thread();
    }
}

/// What egui calls for one open window.
struct App {
    thread: WindowThread,
    egui_ctx: Arc<OnceLock<egui::Context>>,
    state: EditorState,
    bar_height: u16,
    host: GuiContext,
    bell: Bell,
    params: Arc<UnweaveParams>,
    system_scale: Arc<AtomicF32>,
    visibility: Visibility,
}

impl unweave_window::App for App {
    fn start(
        &mut self,
        egui_ctx: &egui::Context,
        window: &baseview::WindowContext,
        is_software: bool,
    ) {
        self.thread.note();
        self.state.start(egui_ctx, is_software);
        // Each window has its own.
        let _ = self.egui_ctx.set(egui_ctx.clone());
        // Soft edges are most of the triangles.
        egui_ctx.tessellation_options_mut(|options| options.feathering = !is_software);
        #[cfg(target_os = "linux")]
        {
            self.visibility = Visibility::of(window);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = window;
    }

    fn draw(&mut self, ui: &mut egui::Ui) {
        let now = ui.input(|input| input.time);
        self.state.set_hidden(self.visibility.is_hidden(now));
        self.state.set_room(Room {
            host: self.visibility.room(),
            screen: self.visibility.screen(),
        });
        draw(ui, &mut self.state, &self.host);
    }

    fn wants_frame(&mut self) -> bool {
        self.bell.answer()
    }

    fn uses_key(
        &mut self,
        ctx: &egui::Context,
        key: egui::Key,
        modifiers: egui::Modifiers,
    ) -> bool {
        self.state.uses_key(ctx, key, modifiers)
    }

    fn resized(&mut self, size: baseview::WindowSize) {
        let [.., percent] = self.params.extent.get();
        let scale = as_f32(size.scale_factor) * 100.0 / f32::from(percent);
        self.system_scale.store(scale, Ordering::Relaxed);
        let [width, height] = [size.logical.width, size.logical.height].map(whole);
        let height = height.saturating_sub(self.bar_height);
        self.params.extent.put([width, height, percent]);
    }

    fn zoomed(&mut self, zoom: f32) {
        let [width, height, _] = self.params.extent.get();
        let percent = whole(f64::from(zoom) * 100.0);
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
