//! NSAccessibility: the system asks the view, whose class AccessKit replaces by one that answers.
#![allow(unsafe_code)]

use accesskit_macos::{QueuedEvents, SubclassingAdapter};
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
        let RawWindowHandle::AppKit(handle) = window.window_handle().ok()?.as_raw() else {
            return None;
        };
        let view = handle.ns_view.as_ptr();
        // SAFETY: the window's view, which lives, and is retained by the adapter.
        let adapter = unsafe { SubclassingAdapter::new(view, ear.clone(), ear.clone()) };
        Some(Self(adapter))
    }

    pub fn tell(&mut self, update: TreeUpdate) -> Option<Told> {
        self.0.update_if_active(|| update).map(Told)
    }

    pub fn focus(&mut self, is_focused: bool) -> Option<Told> {
        self.0.update_view_focus_state(is_focused).map(Told)
    }
}
