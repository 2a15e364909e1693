//! What people do, in egui's words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use baseview::dpi::PhysicalPosition;
use baseview::{DropData, MouseCursor, MouseEvent, ScrollDelta};
use egui::{
    CursorIcon, DroppedFile, Event, HoveredFile, Key, Modifiers, MouseWheelUnit, PointerButton,
    Pos2, RawInput, Rect, TouchPhase, Vec2, pos2, vec2,
};
use keyboard_types::Modifiers as HeldKeys;

/// What has happened since the last frame.
pub struct Input {
    raw: RawInput,
    pointer: Option<Pos2>,
    modifiers: Modifiers,
}

/// A file that was let go over the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

impl Input {
    /// Nothing so far.
    pub fn new(max_texture_side: usize) -> Self {
        Self {
            raw: RawInput {
                max_texture_side: Some(max_texture_side),
                ..RawInput::default()
            },
            pointer: None,
            modifiers: Modifiers::NONE,
        }
    }

    /// For a frame of this size in points, at this time in seconds; pixels per point without the zoom.
    pub fn take(&mut self, size: Vec2, time: f64, native_pixels_per_point: f32) -> RawInput {
        self.raw.time = Some(time);
        let rect = Rect::from_min_size(Pos2::ZERO, size);
        self.raw.screen_rect = Some(rect);
        let viewport = self.raw.viewports.entry(self.raw.viewport_id).or_default();
        viewport.native_pixels_per_point = Some(native_pixels_per_point);
        viewport.inner_rect = Some(rect);
        viewport.focused = Some(self.raw.focused);
        self.raw.take()
    }

    /// Something else has happened.
    pub fn push(&mut self, event: Event) {
        self.raw.events.push(event);
    }

    /// The keyboard is this window's, or no longer.
    pub fn focus(&mut self, is_focused: bool) {
        self.raw.focused = is_focused;
        self.push(Event::WindowFocused(is_focused));
    }

    /// Keys that are held.
    pub fn hold(&mut self, held: HeldKeys) -> Modifiers {
        let is_mac = cfg!(target_os = "macos");
        let modifiers = Modifiers {
            alt: held.contains(HeldKeys::ALT),
            ctrl: held.contains(HeldKeys::CONTROL),
            shift: held.contains(HeldKeys::SHIFT),
            mac_cmd: is_mac && held.contains(HeldKeys::META),
            command: held.contains(if is_mac {
                HeldKeys::META
            } else {
                HeldKeys::CONTROL
            }),
        };
        if modifiers != self.modifiers {
            self.modifiers = modifiers;
            self.push(Event::ModifiersChanged(modifiers));
        }
        modifiers
    }

    /// The mouse, which may be dragging files; `pixels_per_point` are all that there are. Gives whether files would
    /// be taken.
    pub fn mouse(&mut self, event: &MouseEvent, pixels_per_point: f64) -> bool {
        let is_drag = matches!(
            event,
            MouseEvent::DragEntered { .. }
                | MouseEvent::DragMoved { .. }
                | MouseEvent::DragDropped { .. }
        );
        match event {
            MouseEvent::CursorMoved {
                position,
                modifiers,
            } => {
                // A drag that left without a word, as some programs do.
                self.raw.hovered_files.clear();
                self.hold(*modifiers);
                self.point(*position, pixels_per_point);
            }
            MouseEvent::ButtonPressed { button, modifiers } => {
                self.hold(*modifiers);
                self.button(*button, true);
            }
            MouseEvent::ButtonReleased { button, modifiers } => {
                self.hold(*modifiers);
                self.button(*button, false);
            }
            MouseEvent::WheelScrolled { delta, modifiers } => {
                self.hold(*modifiers);
                self.wheel(*delta, pixels_per_point);
            }
            MouseEvent::CursorLeft => {
                self.pointer = None;
                self.push(Event::PointerGone);
            }
            MouseEvent::DragEntered { position, data, .. }
            | MouseEvent::DragMoved { position, data, .. } => {
                self.point(*position, pixels_per_point);
                let hovered = |path: PathBuf| HoveredFile {
                    path: Some(path),
                    ..HoveredFile::default()
                };
                self.raw.hovered_files = files(data).into_iter().map(hovered).collect();
                return !self.raw.hovered_files.is_empty();
            }
            MouseEvent::DragDropped { position, data, .. } => {
                self.point(*position, pixels_per_point);
                self.raw.hovered_files.clear();
                for path in files(data) {
                    self.raw.dropped_files.push(Arc::new(Dropped(path)));
                }
                return !self.raw.dropped_files.is_empty();
            }
            MouseEvent::DragLeft => self.raw.hovered_files.clear(),
            _ => {}
        }
        is_drag
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "places on a screen need no more digits"
    )]
    fn point(&mut self, position: PhysicalPosition<f64>, pixels_per_point: f64) {
        let [x, y] = [position.x, position.y].map(|pixels| (pixels / pixels_per_point) as f32);
        self.pointer = Some(pos2(x, y));
        self.push(Event::PointerMoved(pos2(x, y)));
    }

    fn button(&mut self, button: baseview::MouseButton, pressed: bool) {
        let button = match button {
            baseview::MouseButton::Left => PointerButton::Primary,
            baseview::MouseButton::Right => PointerButton::Secondary,
            baseview::MouseButton::Middle => PointerButton::Middle,
            _ => return,
        };
        if let Some(pos) = self.pointer {
            self.push(Event::PointerButton {
                pos,
                button,
                pressed,
                modifiers: self.modifiers,
            });
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "lengths on a screen need no more digits"
    )]
    fn wheel(&mut self, delta: ScrollDelta, pixels_per_point: f64) {
        let (unit, mut delta) = match delta {
            ScrollDelta::Lines { x, y } => (MouseWheelUnit::Line, vec2(x, y)),
            ScrollDelta::Pixels { x, y } => {
                (MouseWheelUnit::Point, vec2(x, y) / pixels_per_point as f32)
            }
        };
        if cfg!(target_os = "macos") {
            // The system's positive direction is the other one.
            delta.x = -delta.x;
        }
        self.push(Event::MouseWheel {
            unit,
            delta,
            modifiers: self.modifiers,
            phase: TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
        });
    }
}

fn files(data: &DropData) -> Vec<PathBuf> {
    match data {
        DropData::Files(paths) => paths.clone(),
        _ => Vec::new(),
    }
}

/// The key, if egui knows it.
pub fn key(key: &keyboard_types::Key) -> Option<Key> {
    Key::from_name(&key.to_string())
}

/// The pointer's picture.
pub fn cursor(icon: CursorIcon) -> MouseCursor {
    match icon {
        CursorIcon::None => MouseCursor::Hidden,
        CursorIcon::PointingHand | CursorIcon::Grab => MouseCursor::Hand,
        CursorIcon::Grabbing => MouseCursor::HandGrabbing,
        CursorIcon::Progress => MouseCursor::PtrWorking,
        CursorIcon::Wait => MouseCursor::Working,
        CursorIcon::Crosshair => MouseCursor::Crosshair,
        CursorIcon::Text => MouseCursor::Text,
        CursorIcon::Copy => MouseCursor::Copy,
        CursorIcon::NoDrop | CursorIcon::NotAllowed => MouseCursor::NotAllowed,
        CursorIcon::ResizeHorizontal => MouseCursor::EwResize,
        CursorIcon::ResizeVertical => MouseCursor::NsResize,
        _ => MouseCursor::Default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drag(data: DropData) -> MouseEvent {
        MouseEvent::DragMoved {
            position: PhysicalPosition::new(30.0, 60.0),
            modifiers: HeldKeys::empty(),
            data,
        }
    }

    #[test]
    fn files_hover_until_they_leave_and_are_dropped_once() {
        let song = || DropData::Files(vec![PathBuf::from("/song.wav")]);
        let mut input = Input::new(1024);
        let take = |input: &mut Input| input.take(vec2(100.0, 100.0), 0.0, 1.0);
        assert!(input.mouse(&drag(song()), 2.0));
        for _ in 0..2 {
            let raw = take(&mut input);
            assert_eq!(raw.hovered_files[0].path, Some("/song.wav".into()));
        }
        input.mouse(&MouseEvent::DragLeft, 2.0);
        assert!(take(&mut input).hovered_files.is_empty());

        input.mouse(&drag(song()), 2.0);
        let dropped = MouseEvent::DragDropped {
            position: PhysicalPosition::new(30.0, 60.0),
            modifiers: HeldKeys::empty(),
            data: song(),
        };
        assert!(input.mouse(&dropped, 2.0));
        let raw = take(&mut input);
        assert!(raw.hovered_files.is_empty());
        assert_eq!(raw.dropped_files[0].path(), Path::new("/song.wav"));
        assert!(raw.events.contains(&Event::PointerMoved(pos2(15.0, 30.0))));
        assert!(take(&mut input).dropped_files.is_empty());
    }

    #[test]
    fn a_drag_of_something_else_is_refused() {
        let mut input = Input::new(1024);
        assert!(!input.mouse(&drag(DropData::None), 1.0));
    }

    #[test]
    fn keys_have_the_names_that_egui_knows() {
        use keyboard_types::{Key as Pressed, NamedKey};
        for (pressed, expected) in [
            (Pressed::Character("m".to_owned()), Some(Key::M)),
            (Pressed::Character("M".to_owned()), Some(Key::M)),
            (Pressed::Character(" ".to_owned()), Some(Key::Space)),
            (Pressed::Character("4".to_owned()), Some(Key::Num4)),
            (Pressed::Named(NamedKey::ArrowUp), Some(Key::ArrowUp)),
            (Pressed::Named(NamedKey::Delete), Some(Key::Delete)),
            (Pressed::Named(NamedKey::F5), Some(Key::F5)),
            (Pressed::Character("ж".to_owned()), None),
        ] {
            assert_eq!(key(&pressed), expected, "{pressed:?}");
        }
    }
}
