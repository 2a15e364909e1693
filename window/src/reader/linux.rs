//! AT-SPI: a thread of AccessKit's, one for all windows in the process, sleeps on the session's D-Bus until a screen
//! reader is there. It stays when the last window has closed; so does this library.

use std::cell::OnceCell;

use baseview::WindowContext;
use egui::accesskit::{Rect, TreeUpdate};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::Ear;
use crate::host_keys::id_of;

pub struct Adapter {
    inner: accesskit_unix::Adapter,
    window: Option<u32>,
    /// Asked where the window is, once somebody reads.
    server: OnceCell<Option<Server>>,
}

struct Server {
    connection: RustConnection,
    root: u32,
}

/// There is nothing left to tell: the thread does.
pub enum Told {}

impl Told {
    pub fn raise(self) {
        match self {}
    }
}

impl Adapter {
    pub fn new(window: &WindowContext, ear: &Ear) -> Option<Self> {
        Some(Self {
            inner: accesskit_unix::Adapter::new(ear.clone(), ear.clone(), ear.clone()),
            window: id_of(window),
            server: OnceCell::new(),
        })
    }

    pub fn tell(&mut self, update: TreeUpdate) -> Option<Told> {
        if let Some(place) = self.place() {
            self.inner.set_root_window_bounds(place, place);
        }
        self.inner.update_if_active(|| update);
        None
    }

    pub fn focus(&mut self, is_focused: bool) -> Option<Told> {
        self.inner.update_window_focus_state(is_focused);
        None
    }

    /// On the screen, in pixels.
    fn place(&self) -> Option<Rect> {
        let window = self.window?;
        let server = self.server.get_or_init(|| {
            let (connection, screen_idx) = RustConnection::connect(None).ok()?;
            let root = connection.setup().roots.get(screen_idx)?.root;
            Some(Server { connection, root })
        });
        let Server { connection, root } = server.as_ref()?;
        let at = connection.translate_coordinates(window, *root, 0, 0).ok()?;
        let size = connection.get_geometry(window).ok()?;
        let (at, size) = (at.reply().ok()?, size.reply().ok()?);
        let (x, y) = (f64::from(at.dst_x), f64::from(at.dst_y));
        let (right, bottom) = (x + f64::from(size.width), y + f64::from(size.height));
        Some(Rect::new(x, y, right, bottom))
    }
}
