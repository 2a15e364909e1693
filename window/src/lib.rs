//! egui in a window of baseview's, inside a host's window or alone.
//!
//! ```text
//! host's window ─► baseview ─► input ─► App (egui) ─► screen, if the picture has changed
//!       ▲                 ▲      │          └─► clipboard, cursor, size
//!       │               reader ◄─┤  screen readers
//!       └──── host_keys ◄────────┘  keys that nobody here has a use for
//! ```
//!
//! Threads: on X11 each window has a thread of its own, on Windows and macOS it is the host's main thread. An [`App`]
//! is used by that thread alone.
#![deny(unsafe_code)]

mod change;
mod clipboard;
pub mod desktop;
#[cfg_attr(target_os = "linux", path = "drag_source/x11.rs")]
#[cfg_attr(target_os = "macos", path = "drag_source/macos.rs")]
#[cfg_attr(windows, path = "drag_source/windows.rs")]
mod drag_source;
mod frames;
mod handler;
#[cfg(target_os = "linux")]
mod host_keys;
mod input;
pub mod raster;
mod reader;
mod screen;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

pub use baseview;
pub use drag_source::DragSource;

use baseview::dpi::{LogicalSize, Size};
use baseview::host::Host;
use baseview::{
    Error, HandlerError, ParentWindowHandle, Window, WindowContext, WindowSettings, WindowSize,
};
use egui::{Context, Key, Modifiers, Ui};

use handler::Handler;
use screen::Screen;

/// How often [`App::wants_frame`] is asked.
const POLL: Duration = Duration::from_nanos(15_625_000);

/// What a window shows.
pub trait App: Send + 'static {
    /// Before the first frame. Where the processor draws, every frame costs what it computes with.
    fn start(&mut self, ctx: &Context, window: &WindowContext, is_software: bool);

    /// One frame. What is drawn as in the last frame costs no painting.
    fn draw(&mut self, ui: &mut Ui);

    /// Whether something new is to be drawn though nobody moved a mouse; asked 64 times a second.
    fn wants_frame(&mut self) -> bool;

    /// Whether a key that was pressed means something here. What doesn't is the host's. Not asked while text is
    /// typed: then all keys are the text's.
    fn uses_key(&mut self, ctx: &Context, key: Key, modifiers: Modifiers) -> bool;

    /// The window has another size: in pixels, in points of egui, and with the pixels of one such point.
    fn resized(&mut self, size: WindowSize);

    /// Everything in the window has another size.
    fn zoomed(&mut self, zoom: f32);
}

/// How a window is opened.
pub struct Settings {
    /// For the window's frame, where it has one.
    pub title: String,
    /// In points of egui.
    pub size: LogicalSize<f64>,
    /// The least size; at a zoom of 1 in points.
    pub least: LogicalSize<f64>,
    /// Size of everything, on top of the system's own scale.
    pub zoom: f32,
    /// The host's window, if it is known yet.
    pub parent: Option<ParentWindowHandle>,
    /// Whether the host's window will become known before this one is shown.
    pub waits_for_parent: bool,
    /// The system's scale, where the system doesn't tell.
    pub fallback_scale: Option<f64>,
}

/// It could be painted on, but not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the window can't be opened")]
struct GivenUp;

/// Opens a window. It is closed when what this gives is dropped. Where there is no graphics card, the processor draws.
///
/// `host` makes the way to the host, for each attempt anew.
///
/// # Errors
/// There is no display.
pub fn open<A: App>(
    mut settings: Settings,
    app: A,
    host: impl Fn() -> Option<Host>,
) -> Result<Window, Error> {
    let zoom = f64::from(settings.zoom);
    let size = LogicalSize::new(settings.size.width * zoom, settings.size.height * zoom);
    let wants_gl = screen::wants_opengl() && (!settings.waits_for_parent || has_opengl::<A>());
    let mut window = WindowSettings::new()
        .with_title(settings.title.clone())
        .with_size(size)
        .with_min_size::<Size>(Some(settings.least.into()))
        .with_resizable(true)
        .with_wait_for_parent(settings.waits_for_parent)
        .with_fallback_scale_factor(settings.fallback_scale)
        .with_gl_config(wants_gl.then(baseview::gl::GlConfig::default));
    window.parent = settings.parent.take();
    // Taken by the attempt that succeeds.
    let contents = Arc::new(Mutex::new(Some((app, settings))));
    let attempt = |window| {
        let contents = Arc::clone(&contents);
        let build = move |window: WindowContext| {
            // First: if it fails, the next attempt needs the rest.
            let screen = Screen::new(&window)?;
            let taken = contents
                .lock()
                .ok()
                .and_then(|mut contents| contents.take());
            let (app, settings) = taken.ok_or(GivenUp)?;
            Handler::new(window, screen, app, settings)
        };
        Window::create_with_host(window, build, host())
    };
    attempt(window.clone()).or_else(|_| attempt(window.with_gl_config(None)))
}

/// Whether this process can have OpenGL. On Windows a window that waits for its parent is made when that comes, and if
/// it fails then, there is no second attempt: so it is tried before, with a window that nobody sees.
fn has_opengl<A: App>() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    if !cfg!(windows) {
        return true;
    }
    *HAS.get_or_init(|| {
        let has = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&has);
        // Only called if there is.
        let build = move |_: WindowContext| -> Result<Handler<A>, HandlerError> {
            noted.store(true, Ordering::Relaxed);
            Err(GivenUp.into())
        };
        let window = WindowSettings::new().with_gl_config(Some(baseview::gl::GlConfig::default()));
        // It fails in any case.
        drop(Window::create(window, build));
        has.load(Ordering::Relaxed)
    })
}
