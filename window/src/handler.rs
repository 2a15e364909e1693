//! What baseview calls: events come in, frames go out.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use baseview::dpi::LogicalSize;
use baseview::{
    DamageArea, DropEffect, Event, EventStatus, HandlerError, MouseCursor, MouseEvent, TimerHandle,
    WindowContext, WindowEvent, WindowHandler, WindowSize,
};
use egui::{Context, FullOutput, Key, Modifiers, OutputCommand, Vec2, ViewportCommand, vec2};
use keyboard_types::{Code, KeyState, KeyboardEvent};

use crate::clipboard::Clipboard;
use crate::frames::Frames;
#[cfg(target_os = "linux")]
use crate::host_keys::HostKeys;
use crate::input::{self, Input};
use crate::reader::{Reader, Told};
use crate::screen::Screen;
use crate::{App, POLL, Settings};

/// One window. Never borrowed while the system is asked for something: it may call back at once.
pub struct Handler<A> {
    window: WindowContext,
    ctx: Context,
    frames: Frames,
    started: Instant,
    poll: TimerHandle,
    zoom: Cell<f32>,
    cursor: Cell<MouseCursor>,
    input: RefCell<Input>,
    app: RefCell<A>,
    screen: RefCell<Screen>,
    clipboard: RefCell<Clipboard>,
    reader: RefCell<Reader>,
    /// Keys that were taken when they were pressed: who has the one gets the other.
    held: RefCell<Vec<Code>>,
    #[cfg(target_os = "linux")]
    host_keys: RefCell<Option<HostKeys>>,
}

impl<A: App> Handler<A> {
    pub fn new(
        window: WindowContext,
        screen: Screen,
        mut app: A,
        settings: Settings,
    ) -> Result<Self, HandlerError> {
        let ctx = Context::default();
        ctx.set_zoom_factor(settings.zoom);
        let frames = Frames::new(window.waker());
        let asked = frames.clone();
        ctx.set_request_repaint_callback(move |wanted| asked.request_after(wanted.delay));
        app.start(&ctx, &window, screen.is_software());
        Ok(Self {
            poll: window.create_timer(POLL)?,
            started: Instant::now(),
            zoom: Cell::new(settings.zoom),
            cursor: Cell::new(MouseCursor::Default),
            input: RefCell::new(Input::new(screen.max_texture_side())),
            app: RefCell::new(app),
            screen: RefCell::new(screen),
            clipboard: RefCell::default(),
            reader: RefCell::new(Reader::new(&window, &frames, settings.title)),
            held: RefCell::default(),
            #[cfg(target_os = "linux")]
            host_keys: RefCell::new(HostKeys::of(&window)),
            frames,
            ctx,
            window,
        })
    }

    fn pixels_per_point(&self) -> f64 {
        self.window.size().scale_factor * f64::from(self.zoom.get())
    }

    /// In points.
    fn size(&self) -> Vec2 {
        let size: LogicalSize<f32> = self
            .window
            .size()
            .physical
            .to_logical(self.pixels_per_point());
        vec2(size.width, size.height)
    }

    /// What was asked for in a frame of this size, but for its picture.
    fn obey(&self, output: &mut FullOutput, size: Vec2) -> Result<(), HandlerError> {
        let zoom = self.ctx.zoom_factor();
        let mut new_size = None;
        if self.zoom.replace(zoom) != zoom {
            self.app.borrow_mut().zoomed(zoom);
            new_size = Some(size);
        }
        for viewport in output.viewport_output.values() {
            for command in &viewport.commands {
                match command {
                    ViewportCommand::InnerSize(size) => new_size = Some(*size),
                    ViewportCommand::Close => self.window.request_close(),
                    _ => {}
                }
            }
        }
        if let Some(size) = new_size {
            let size = size * zoom;
            // A host that refuses keeps what it had, which it says by a size.
            let _ = self
                .window
                .resize(LogicalSize::new(f64::from(size.x), f64::from(size.y)));
        }
        for command in output.platform_output.commands.drain(..) {
            match command {
                OutputCommand::CopyText(text) => self.clipboard.borrow_mut().put(text),
                OutputCommand::OpenUrl(link) => {
                    // A system without a browser has nothing to show it with.
                    let _ = open::that_detached(&link.url);
                }
                _ => {}
            }
        }
        let cursor = input::cursor(output.platform_output.cursor_icon);
        if self.cursor.replace(cursor) != cursor {
            self.window.set_mouse_cursor(cursor)?;
        }
        Ok(())
    }

    fn draw_frame(&self) -> Result<(), HandlerError> {
        self.frames.begin();
        let size = self.size();
        let native = self.window.size().scale_factor;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "scales need no more digits"
        )]
        let (raw, tell_after) = {
            let mut input = self.input.borrow_mut();
            let tell_after = self.reader.borrow().ask(&self.ctx, &mut input);
            let now = self.started.elapsed().as_secs_f64();
            (input.take(size, now, native as f32), tell_after)
        };
        let mut output = {
            let mut app = self.app.borrow_mut();
            self.ctx.run_ui(raw, |ui| app.draw(ui))
        };
        if let Some(pause) = tell_after {
            // After the frame: egui forgets what was asked for before it, if that was later than what the last frame
            // had asked for.
            self.ctx.request_repaint_after(pause);
        }
        if let Some(update) = output.platform_output.accesskit_update.take() {
            let told = self.reader.borrow_mut().tell(update);
            told.into_iter().for_each(Told::raise);
        }
        self.obey(&mut output, size)?;
        let pixels = self.window.size().physical;
        let mut screen = self.screen.borrow_mut();
        screen.set_ground(self.ctx.global_style().visuals.panel_fill);
        screen.paint(&self.ctx, &mut output, pixels)
    }

    fn keyboard(&self, event: &KeyboardEvent) -> EventStatus {
        let modifiers = self.input.borrow_mut().hold(event.modifiers);
        let key = input::key(&event.key);
        if !self.is_ours(event, key, modifiers) {
            #[cfg(target_os = "linux")]
            if let Some(host) = &mut *self.host_keys.borrow_mut() {
                host.send(event);
            }
            return EventStatus::Ignored;
        }
        let is_pressed = event.state == KeyState::Down;
        let mut input = self.input.borrow_mut();
        if let Some(key) = key {
            input.push(egui::Event::Key {
                key,
                physical_key: None,
                pressed: is_pressed,
                repeat: event.repeat,
                modifiers,
            });
        }
        if is_pressed {
            match key {
                Some(Key::X) if modifiers.command => input.push(egui::Event::Cut),
                Some(Key::C) if modifiers.command => input.push(egui::Event::Copy),
                Some(Key::V) if modifiers.command => {
                    if let Some(text) = self.clipboard.borrow_mut().text() {
                        input.push(egui::Event::Paste(text));
                    }
                }
                _ => {
                    if let keyboard_types::Key::Character(text) = &event.key
                        && !modifiers.ctrl
                        && !modifiers.command
                    {
                        input.push(egui::Event::Text(text.clone()));
                    }
                }
            }
        }
        EventStatus::Captured
    }

    /// The keyboard is this window's, or no longer.
    fn focus(&self, is_focused: bool) {
        self.input.borrow_mut().focus(is_focused);
        let told = self.reader.borrow_mut().focus(is_focused);
        told.into_iter().for_each(Told::raise);
    }

    /// Whether a key is for this window.
    fn is_ours(&self, event: &KeyboardEvent, key: Option<Key>, modifiers: Modifiers) -> bool {
        let mut held = self.held.borrow_mut();
        if event.state == KeyState::Up {
            let was_held = held.iter().position(|code| *code == event.code);
            return was_held.map(|idx| held.remove(idx)).is_some();
        }
        let is_ours = self.ctx.text_edit_focused()
            || key.is_some_and(|key| {
                let mut app = self.app.borrow_mut();
                app.uses_key(&self.ctx, key, modifiers)
            });
        if is_ours && !held.contains(&event.code) {
            held.push(event.code);
        }
        is_ours
    }
}

impl<A: App> WindowHandler for Handler<A> {
    fn draw(&self) -> Result<(), HandlerError> {
        self.frames.remembered();
        self.draw_frame()
    }

    fn damage(&self, _area: DamageArea) {
        self.screen.borrow_mut().forget();
    }

    fn resized(&self, size: WindowSize) -> Result<(), HandlerError> {
        let pixels_per_point = size.scale_factor * f64::from(self.zoom.get());
        self.app.borrow_mut().resized(WindowSize {
            physical: size.physical,
            logical: size.physical.to_logical(pixels_per_point),
            scale_factor: pixels_per_point,
        });
        self.screen.borrow_mut().forget();
        self.frames.request();
        Ok(())
    }

    fn on_event(&self, event: Event) -> EventStatus {
        let is_press = matches!(event, Event::Mouse(MouseEvent::ButtonPressed { .. }));
        if is_press && !self.window.has_focus() {
            // Windows in others don't get the keyboard by a click everywhere. Without it the mouse still works.
            let _ = self.window.focus();
        }
        let status = match event {
            Event::Mouse(event) => {
                let pixels_per_point = self.pixels_per_point();
                let mut input = self.input.borrow_mut();
                if input.mouse(&event, pixels_per_point) {
                    EventStatus::AcceptDrop(DropEffect::Copy)
                } else {
                    EventStatus::Captured
                }
            }
            Event::Keyboard(event) => self.keyboard(&event),
            Event::Window(WindowEvent::Focused) => {
                self.focus(true);
                EventStatus::Captured
            }
            Event::Window(WindowEvent::Unfocused) => {
                self.focus(false);
                // Nobody will tell when they are let go.
                self.held.borrow_mut().clear();
                EventStatus::Captured
            }
            _ => EventStatus::Ignored,
        };
        self.frames.request();
        status
    }

    fn on_timer(&self, timer: &TimerHandle) {
        if *timer != self.poll {
            return;
        }
        if self.app.borrow_mut().wants_frame() {
            self.frames.request();
        }
        if self.frames.is_late() {
            // What fails now fails again when the system asks.
            let _ = self.draw_frame();
        }
    }
}
