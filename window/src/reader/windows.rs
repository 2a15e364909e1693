//! UI Automation: the system asks the window by a message, which AccessKit answers before baseview sees it.

use std::ptr;

use accesskit_windows::{HWND, QueuedEvents, SubclassingAdapter};
use baseview::WindowContext;
use egui::accesskit::TreeUpdate;
use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};

use super::Ear;

pub struct Adapter(SubclassingAdapter);

pub struct Told(QueuedEvents);

impl Told {
    pub fn raise(self) {
        self.0.raise();
    }
}

impl Adapter {
    pub fn new(window: &WindowContext, ear: &Ear) -> Option<Self> {
        let RawWindowHandle::Win32(handle) = window.window_handle().ok()?.as_raw() else {
            return None;
        };
        let window = HWND(ptr::with_exposed_provenance_mut(
            handle.hwnd.get().cast_unsigned(),
        ));
        let adapter = SubclassingAdapter::new(window, ear.clone(), ear.clone());
        Some(Self(adapter))
    }

    pub fn tell(&mut self, update: TreeUpdate) -> Option<Told> {
        self.0.update_if_active(|| update).map(Told)
    }

    /// The adapter sees by itself who has the keyboard.
    pub fn focus(&mut self, _is_focused: bool) -> Option<Told> {
        None
    }
}
