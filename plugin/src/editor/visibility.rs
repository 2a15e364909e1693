//! Whether anybody can see the window.
//!
//! baseview 0.4.2 tells nobody. On X11 a window that is minimised, or in a host's window that is, stays mapped but can't
//! be viewed, which the server says when it is asked. It is drawn anew as soon as it shows again, because then the
//! server asks for that. On Windows and macOS the window counts as seen; the system draws none that is hidden.

#[cfg(target_os = "linux")]
use nice_plug_egui::baseview::WindowContext;
#[cfg(target_os = "linux")]
use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
#[cfg(target_os = "linux")]
use x11rb::protocol::xproto::{ConnectionExt as _, MapState};
#[cfg(target_os = "linux")]
use x11rb::rust_connection::RustConnection;

/// Seconds between two questions while the window is seen.
const LOOK_SECONDS: f64 = 0.25;

/// Looks at one window.
#[derive(Default)]
pub struct Visibility {
    #[cfg(target_os = "linux")]
    window: Option<(RustConnection, u32)>,
    is_hidden: bool,
    looked: f64,
}

impl Visibility {
    /// Of this window; where it can't be asked for it counts as seen.
    #[cfg(target_os = "linux")]
    pub fn of(window: &WindowContext) -> Self {
        let id = window.window_handle().ok().and_then(|handle| {
            match handle.as_raw() {
                RawWindowHandle::Xcb(handle) => Some(handle.window.get()),
                // Ids have 32 bits, whatever they are kept in.
                RawWindowHandle::Xlib(handle) => u32::try_from(handle.window).ok(),
                _ => None,
            }
        });
        let connect = |id| Some((RustConnection::connect(None).ok()?.0, id));
        Self {
            window: id.and_then(connect),
            ..Self::default()
        }
    }

    /// Whether nobody can see it, at `now` in seconds since any start.
    pub fn is_hidden(&mut self, now: f64) -> bool {
        if self.is_hidden || now - self.looked >= LOOK_SECONDS {
            self.looked = now;
            self.is_hidden = self.look();
        }
        self.is_hidden
    }

    #[cfg(target_os = "linux")]
    fn look(&self) -> bool {
        let Some((connection, id)) = &self.window else {
            return false;
        };
        let asked = connection.get_window_attributes(*id);
        let answer = asked.ok().and_then(|asked| asked.reply().ok());
        answer.is_some_and(|answer| answer.map_state != MapState::VIEWABLE)
    }

    #[cfg(not(target_os = "linux"))]
    fn look(&self) -> bool {
        false
    }
}
