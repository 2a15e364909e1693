//! A window that is gone once it is dropped.
//!
//! On X11 each window has a thread of its own. baseview 0.4.2 tells it to stop when the window is dropped, then asks
//! it for an answer that a stopping thread no longer gives, and goes on without joining it: the host frees the parent
//! window, or unloads the library, while that thread still tears OpenGL down. So the drop waits here until it ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nice_plug::editor::dpi::NativeSize;
use nice_plug::editor::{EditorHandle, ParentWindowHandle, ResizeHint};
use unweave_window::baseview;

use crate::bell::Bell;

/// Longest wait: a thread that hangs in a graphics driver must not hang the host.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the system shows the window's thread for as long as it lives. Stays empty where there is no such place or
/// no such thread (macOS, Windows).
#[derive(Clone, Default)]
pub struct WindowThread(Arc<OnceLock<PathBuf>>);

impl WindowThread {
    /// To be called on the window's thread.
    pub fn note(&self) {
        if cfg!(target_os = "linux")
            && let Ok(thread) = fs::read_link("/proc/thread-self")
        {
            // A window whose thread is known keeps it.
            let _ = self.0.set(Path::new("/proc").join(thread));
        }
    }

    fn await_end(&self) {
        let since = Instant::now();
        while self.0.get().is_some_and(|thread| thread.exists()) {
            if since.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A window, whose drop waits for its thread.
pub struct OpenWindow {
    inner: Option<baseview::Window>,
    thread: WindowThread,
    on_closed: Box<dyn FnMut()>,
}

impl OpenWindow {
    /// Takes a window whose thread notes itself in `thread`. What is to be done when that thread has ended is done
    /// on the thread that drops the window: the host's main thread.
    pub fn new(
        inner: baseview::Window,
        thread: WindowThread,
        on_closed: impl FnMut() + 'static,
    ) -> Self {
        Self {
            inner: Some(inner),
            thread,
            on_closed: Box::new(on_closed),
        }
    }

    fn with<T>(&self, or_else: T, act: impl FnOnce(&baseview::Window) -> T) -> T {
        self.inner.as_ref().map_or(or_else, act)
    }
}

impl Drop for OpenWindow {
    fn drop(&mut self) {
        drop(self.inner.take());
        self.thread.await_end();
        (self.on_closed)();
    }
}

/// What the framework tells an [`OpenWindow`].
pub struct Handle {
    /// Wakes it.
    pub bell: Bell,
    /// How it may be resized.
    pub resize_hint: ResizeHint,
}

impl EditorHandle for Handle {
    type Window = OpenWindow;
    type Error = baseview::Error;

    fn run_until_closed(mut window: OpenWindow) -> Result<(), Self::Error> {
        let inner = window.inner.take();
        inner.map_or(Ok(()), baseview::Window::run_until_closed)
    }

    fn set_parent(
        &self,
        parent: ParentWindowHandle,
        window: &OpenWindow,
    ) -> Result<(), Self::Error> {
        window.with(Ok(()), |window| window.set_parent(&parent))
    }

    fn show(&self, window: &OpenWindow) -> Result<(), Self::Error> {
        let shown = window.with(Ok(()), baseview::Window::show);
        // Not every system asks for a first frame.
        self.bell.wake_now();
        shown
    }

    fn hide(&self, window: &OpenWindow) -> Result<(), Self::Error> {
        window.with(Ok(()), baseview::Window::hide)
    }

    fn set_size(&self, size: NativeSize<u32>, window: &OpenWindow) -> Result<(), Self::Error> {
        window.with(Ok(()), |window| window.resize(size))
    }

    fn host_main_thread_callback(&self, window: &OpenWindow) {
        window.with((), baseview::Window::host_main_thread_callback);
    }

    fn adjust_size(&self, size: NativeSize<u32>, window: &OpenWindow) -> Option<NativeSize<u32>> {
        window.with(None, |window| {
            let now = window.size();
            let current = NativeSize::from_logical_or_physical(now.logical, now.physical);
            Some(
                self.resize_hint
                    .adjust_size(size, current, now.scale_factor),
            )
        })
    }

    fn set_fallback_scale_factor(
        &self,
        scale: f64,
        window: &OpenWindow,
    ) -> Result<(), Self::Error> {
        window.with(Ok(()), |window| window.suggest_fallback_scale_factor(scale))
    }

    fn state_changed(&self) {
        self.bell.wake_now();
    }

    fn param_value_changed(&self, _id: &str, _normalized_value: f32) {
        self.bell.wake_now();
    }

    fn param_modulation_changed(&self, _id: &str, _modulation_offset: f32) {
        self.bell.wake_now();
    }
}
