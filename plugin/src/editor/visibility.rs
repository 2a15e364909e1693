//! Whether anybody can see the window, and how much of it there is room for.
//!
//! baseview 0.4.2 tells nobody. On X11 a window that is minimised, or in a host's window that is, stays mapped but can't
//! be viewed, which the server says when it is asked. It is drawn anew as soon as it shows again, because then the
//! server asks for that. On Windows and macOS the window counts as seen; the system draws none that is hidden.
//!
//! Some hosts keep their window as it is when the plug-in's grows, and say that they didn't: so the host's window is
//! looked at.

#[cfg(target_os = "linux")]
use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
#[cfg(target_os = "linux")]
use unweave_window::baseview::WindowContext;
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
    /// Pixels of the host's window, if it is one.
    room: Option<[u32; 2]>,
    /// Pixels of the screen.
    screen: Option<[u32; 2]>,
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

    /// Pixels of the host's window that this one lies in, at the last look.
    pub fn room(&self) -> Option<[u32; 2]> {
        self.room
    }

    /// Pixels of the screen, if they are known.
    pub fn screen(&self) -> Option<[u32; 2]> {
        self.screen
    }

    #[cfg(target_os = "linux")]
    fn look(&mut self) -> bool {
        let Some((connection, id)) = &self.window else {
            return false;
        };
        let asked = connection.get_window_attributes(*id);
        let answer = asked.ok().and_then(|asked| asked.reply().ok());
        let is_hidden = answer.is_some_and(|answer| answer.map_state != MapState::VIEWABLE);
        if let Some((room, screen)) = sizes(connection, *id) {
            (self.room, self.screen) = (room.filter(|_| !is_hidden), Some(screen));
        }
        is_hidden
    }

    #[cfg(not(target_os = "linux"))]
    fn look(&mut self) -> bool {
        false
    }
}

/// Pixels of the window that this one lies in, unless it is the whole screen, and of the screen.
#[cfg(target_os = "linux")]
fn sizes(connection: &RustConnection, id: u32) -> Option<(Option<[u32; 2]>, [u32; 2])> {
    let tree = connection.query_tree(id).ok()?.reply().ok()?;
    let size = |window| {
        let geometry = connection.get_geometry(window).ok()?.reply().ok()?;
        Some([geometry.width, geometry.height].map(u32::from))
    };
    let room = if tree.parent == tree.root {
        None
    } else {
        size(tree.parent)
    };
    Some((room, size(tree.root)?))
}
