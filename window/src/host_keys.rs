//! Keys that go back to the host on X11: there an event belongs to the window that has the keyboard, and baseview
//! keeps it whatever is said to it. So it is sent on to the host's window.

use baseview::WindowContext;
use keyboard_types::{Key, KeyState, KeyboardEvent, Modifiers, NamedKey};
use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ConnectionExt as _, EventMask, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask, KeyPressEvent,
};
use x11rb::rust_connection::RustConnection;
use x11rb::{CURRENT_TIME, NONE};

/// Of keys without a character, as `keysymdef.h` of X11 has them.
const KEYSYMS: [(NamedKey, u32); 23] = [
    (NamedKey::Backspace, 0xff08),
    (NamedKey::Tab, 0xff09),
    (NamedKey::Enter, 0xff0d),
    (NamedKey::Escape, 0xff1b),
    (NamedKey::Home, 0xff50),
    (NamedKey::ArrowLeft, 0xff51),
    (NamedKey::ArrowUp, 0xff52),
    (NamedKey::ArrowRight, 0xff53),
    (NamedKey::ArrowDown, 0xff54),
    (NamedKey::PageUp, 0xff55),
    (NamedKey::PageDown, 0xff56),
    (NamedKey::End, 0xff57),
    (NamedKey::Insert, 0xff63),
    (NamedKey::Delete, 0xffff),
    (NamedKey::F1, 0xffbe),
    (NamedKey::F2, 0xffbf),
    (NamedKey::F3, 0xffc0),
    (NamedKey::F4, 0xffc1),
    (NamedKey::F5, 0xffc2),
    (NamedKey::F6, 0xffc3),
    (NamedKey::F7, 0xffc4),
    (NamedKey::F8, 0xffc5),
    (NamedKey::F9, 0xffc6),
];

/// The way to the host's window.
pub struct HostKeys {
    connection: RustConnection,
    root: u32,
    window: u32,
    /// The first keycode, and how many symbols each has.
    first: u8,
    per_code: usize,
    symbols: Vec<u32>,
}

impl HostKeys {
    /// From this window; none if the server can't be asked.
    pub fn of(window: &WindowContext) -> Option<Self> {
        let id = id_of(window)?;
        let (connection, screen_idx) = RustConnection::connect(None).ok()?;
        let setup = connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let root = setup.roots.get(screen_idx)?.root;
        let asked = connection.get_keyboard_mapping(first, last - first + 1);
        let mapping = asked.ok()?.reply().ok()?;
        Some(Self {
            connection,
            root,
            window: id,
            first,
            per_code: usize::from(mapping.keysyms_per_keycode).max(1),
            symbols: mapping.keysyms,
        })
    }

    /// Gives the host a key, if it is in a host's window.
    pub fn send(&mut self, event: &KeyboardEvent) {
        // A lost connection takes the window with it, soon enough.
        let _ = self.try_send(event);
    }

    fn try_send(&self, event: &KeyboardEvent) -> Option<()> {
        let keycode = self.keycode(&event.key)?;
        let asked = self.connection.query_tree(self.window);
        let parent = asked.ok()?.reply().ok()?.parent;
        if parent == self.root {
            return None;
        }
        let (kind, mask) = match event.state {
            KeyState::Down => (KEY_PRESS_EVENT, EventMask::KEY_PRESS),
            KeyState::Up => (KEY_RELEASE_EVENT, EventMask::KEY_RELEASE),
        };
        let event = KeyPressEvent {
            response_type: kind,
            detail: keycode,
            sequence: 0,
            time: CURRENT_TIME,
            root: self.root,
            event: parent,
            child: NONE,
            root_x: 0,
            root_y: 0,
            event_x: 0,
            event_y: 0,
            state: state(event.modifiers),
            same_screen: true,
        };
        // Upwards, to the first window whose program wants keys.
        self.connection.send_event(true, parent, mask, event).ok()?;
        self.connection.flush().ok()
    }

    /// The first key that gives this, with or without Shift.
    fn keycode(&self, key: &Key) -> Option<u8> {
        let symbol = match key {
            Key::Named(named) => KEYSYMS.iter().find(|(key, _)| key == named)?.1,
            Key::Character(text) => match u32::from(text.chars().next()?) {
                latin @ (0x20..=0x7e | 0xa0..=0xff) => latin,
                other => 0x0100_0000 + other,
            },
        };
        let has = |symbols: &[u32]| symbols.iter().take(2).any(|known| *known == symbol);
        let idx = self.symbols.chunks(self.per_code).position(has)?;
        self.first.checked_add(u8::try_from(idx).ok()?)
    }
}

/// What the X server knows the window by.
pub fn id_of(window: &WindowContext) -> Option<u32> {
    match window.window_handle().ok()?.as_raw() {
        RawWindowHandle::Xcb(handle) => Some(handle.window.get()),
        // Ids have 32 bits, whatever they are kept in.
        RawWindowHandle::Xlib(handle) => u32::try_from(handle.window).ok(),
        _ => None,
    }
}

fn state(held: Modifiers) -> KeyButMask {
    let masks = [
        (Modifiers::SHIFT, KeyButMask::SHIFT),
        (Modifiers::CONTROL, KeyButMask::CONTROL),
        (Modifiers::ALT, KeyButMask::MOD1),
        (Modifiers::META, KeyButMask::MOD4),
    ];
    let held = masks.into_iter().filter(|(key, _)| held.contains(*key));
    held.fold(KeyButMask::default(), |state, (_, mask)| state | mask)
}
