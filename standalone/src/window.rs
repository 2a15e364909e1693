//! What the window has besides: a bar with the transport, the input, the sound card, undo and redo.

mod dialog;
mod player;
mod seek;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use egui::{
    Align, Button, Event, Key, Label, Layout, Modifiers, RichText, Ui, WidgetInfo, accesskit, vec2,
};
use unweave_plugin::editor::button::{self, Look};
use unweave_plugin::editor::{Extras, theme};
use unweave_plugin::songs::clock;

use crate::parts::Parts;
use crate::sound;
use dialog::Dialog;
use player::{Player, Subject};

/// How often what was set is written down, in seconds.
const REMEMBER: f64 = 2.0;
/// Between two frames while a song plays.
const FRAME: Duration = Duration::from_millis(50);
const BUTTON_HEIGHT: f32 = 24.0;

/// The bar.
pub struct Bar {
    parts: Arc<Parts>,
    player: Player,
    dialog: Dialog,
    remembered: f64,
    /// The frame that a person drags to.
    dragged: Option<u64>,
}

impl Bar {
    pub fn new(parts: Arc<Parts>) -> Self {
        Self {
            player: Player::new(Arc::clone(&parts)),
            parts,
            dialog: Dialog::default(),
            remembered: 0.0,
            dragged: None,
        }
    }

    fn controls(&mut self, ui: &mut Ui, subject: Option<&Subject>) {
        let palette = theme::of(ui.ctx());
        let is_playing = subject.is_some_and(|subject| subject.playing.is_some());
        let look = Look {
            text: if is_playing { "Stop" } else { "Play" },
            label: "Play the song",
            color: palette.well,
            size: vec2(52.0, BUTTON_HEIGHT),
        };
        let response = button::switch(ui, is_playing, look).on_hover_text(
            "Plays the song that is chosen, through the faders, as a track of a DAW does: space",
        );
        if response.clicked() {
            self.player.play_or_stop();
        }
        let is_loop = subject.is_some_and(|subject| subject.look.is_loop);
        let look = Look {
            text: "Loop",
            label: "Begin again at the end",
            color: palette.solo,
            size: vec2(48.0, BUTTON_HEIGHT),
        };
        let response = button::switch(ui, is_loop, look).on_hover_text(
            "Begins again at the end; drag over the waveform for a part of the song",
        );
        if let Some(subject) = subject
            && response.clicked()
        {
            self.parts.songs.choose(subject.look.key);
            self.parts.songs.set_loop(!is_loop);
        }
        let time = subject.map_or_else(String::new, |subject| {
            let rate = subject.look.sample_rate;
            let frame = self.dragged.unwrap_or(subject.frame);
            let length = clock(subject.look.length(), rate);
            format!("{} / {length}", clock(frame, rate))
        });
        let room = vec2(124.0, BUTTON_HEIGHT);
        ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_size(room);
            ui.add(Label::new(RichText::new(time).font(theme::BODY)).truncate());
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            self.sound(ui);
            self.input(ui);
            self.steps(ui);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                self.position(ui, subject);
            });
        });
    }

    fn position(&mut self, ui: &mut Ui, subject: Option<&Subject>) {
        let length = subject.map_or(0, |subject| subject.look.length());
        let frame = subject.map_or(0, |subject| subject.frame);
        let range = subject.and_then(|subject| subject.look.range.clone());
        let place = seek::Place {
            frame: self.dragged.unwrap_or(frame),
            length,
            range,
        };
        let rate = subject.map_or(1, |subject| subject.look.sample_rate);
        let sought = seek::draw(ui, &place, rate);
        self.dragged = sought.dragged;
        if let (Some(frame), Some(subject)) = (sought.put, subject) {
            self.player.seek(subject, frame);
        }
    }

    fn steps(&self, ui: &mut Ui) {
        let (can_undo, can_redo) = self.parts.host.can();
        let mut button = |text: &str, is_enabled: bool, hint: &str| {
            let button = Button::new(RichText::new(text).font(theme::BODY));
            let size = vec2(50.0, BUTTON_HEIGHT);
            ui.add_enabled(is_enabled, button.min_size(size))
                .on_hover_text(hint)
                .clicked()
        };
        if button(
            "Redo",
            can_redo,
            "Do again what was undone: Ctrl, Shift and Z",
        ) {
            self.parts.host.redo();
        }
        if button("Undo", can_undo, "Take back what was set last: Ctrl and Z") {
            self.parts.host.undo();
        }
    }

    fn input(&mut self, ui: &mut Ui) {
        let hears_card = self.parts.hears_card.load(Ordering::Relaxed);
        let size = vec2(150.0, BUTTON_HEIGHT);
        let response = button::pair(ui, hears_card, ["Song", "Input"], ("Input", size))
            .on_hover_text("What is separated: the song, or what comes in from a sound card or another program");
        if response.clicked() {
            if !hears_card {
                self.player.stop();
            }
            self.parts.hears_card.store(!hears_card, Ordering::Relaxed);
        }
    }

    fn sound(&mut self, ui: &mut Ui) {
        let palette = theme::of(ui.ctx());
        let look = self.parts.sound.look();
        let text = match &look.in_use {
            Some(in_use) => format!(
                "{} · {} kHz",
                in_use.system,
                f64::from(in_use.sample_rate) / 1000.0
            ),
            None => "No sound".to_owned(),
        };
        let color = if look.trouble.is_some() {
            palette.warning
        } else {
            palette.text
        };
        let button = Button::new(RichText::new(&text).font(theme::BODY).color(color));
        let response = ui
            .add(button.min_size(vec2(118.0, BUTTON_HEIGHT)))
            .on_hover_text("The sound card: which, and how it is set up");
        response.widget_info(|| {
            WidgetInfo::labeled(accesskit::Role::Button, true, format!("Sound: {text}"))
        });
        if response.clicked() {
            self.dialog.open();
            self.parts.sound.look_around();
        }
        if let Some(choice) = self.dialog.draw(ui, &look) {
            self.parts.choose_sound(choice);
        }
        if self.dialog.looks_again() {
            self.parts.sound.look_around();
        }
    }

    /// What there is to say: one thing at a time.
    fn message(&mut self, ui: &mut Ui, subject: Option<&Subject>) {
        let palette = theme::of(ui.ctx());
        let warn = |text: String| (text, palette.warning);
        let look = self.parts.sound.look();
        let notice = self.parts.notice();
        let is_notice = notice.is_some();
        let hears_card = self.parts.hears_card.load(Ordering::Relaxed);
        let (text, color) = if let Some(notice) = notice {
            warn(notice)
        } else if let Some(trouble) = look.trouble {
            warn(trouble)
        } else if let Some(refusal) = self.parts.transport.refusal() {
            warn(refusal)
        } else if let Some(playing) = subject.and_then(|subject| subject.playing)
            && playing.num_gaps > 0
        {
            warn("The disk gives this song too slowly, and there are gaps in it: close other programs.".to_owned())
        } else if hears_card {
            (of_input(look.in_use.as_ref()), palette.text_dim)
        } else if let Some(subject) = subject {
            (subject.look.label().to_owned(), palette.text)
        } else {
            (
                "Drop a song on this window, and play it with the space bar.".to_owned(),
                palette.text_dim,
            )
        };
        if is_notice && ui.small_button("OK").clicked() {
            self.parts.forget_notice();
        }
        let text = RichText::new(text).font(theme::BODY).color(color);
        let hover = text.text().to_owned();
        ui.add(Label::new(text).truncate()).on_hover_text(hover);
    }
}

impl Extras for Bar {
    fn uses_key(&mut self, key: Key, modifiers: Modifiers) -> bool {
        match key {
            Key::Space => modifiers.is_none(),
            Key::Z | Key::Y => modifiers.command && !modifiers.alt,
            Key::Escape => self.dialog.is_open(),
            _ => false,
        }
    }

    fn begin(&mut self, ui: &Ui) {
        let now = ui.input(|input| input.time);
        self.parts.host.settle(now);
        if now - self.remembered > REMEMBER {
            self.remembered = now;
            self.parts.remember();
        }
        if ui.ctx().text_edit_focused() {
            return;
        }
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z)
            || pressed(Modifiers::COMMAND, Key::Y)
        {
            self.parts.host.redo();
        } else if pressed(Modifiers::COMMAND, Key::Z) {
            self.parts.host.undo();
        }
        if pressed(Modifiers::NONE, Key::Space) {
            // A control with the keyboard's attention would take it for a letter.
            ui.input_mut(|input| {
                input
                    .events
                    .retain(|event| !matches!(event, Event::Text(text) if text == " "));
            });
            self.player.play_or_stop();
        }
    }

    fn draw(&mut self, ui: &mut Ui) {
        let subject = self.player.subject();
        ui.add_space(3.0);
        ui.horizontal(|ui| self.controls(ui, subject.as_ref()));
        let room = vec2(ui.available_width(), 20.0);
        ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_size(room);
            self.message(ui, subject.as_ref());
        });
        if subject.is_some_and(|subject| subject.playing.is_some()) {
            ui.ctx().request_repaint_after(FRAME);
        }
    }
}

/// What goes in while the song doesn't.
fn of_input(in_use: Option<&sound::InUse>) -> String {
    match in_use {
        Some(in_use) => match &in_use.input {
            Some(input) => format!("From “{input}”."),
            None if in_use.block_frames > 0 && in_use.rates.is_empty() => {
                "From whatever is connected with Unweave's inputs; the button with the sound card's name offers more."
                    .to_owned()
            }
            None => "No input is chosen: press the button with the sound card's name.".to_owned(),
        },
        None => "No sound card, so nothing comes in.".to_owned(),
    }
}
