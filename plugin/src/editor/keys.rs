//! Keys that work wherever the keyboard's attention is, except while text is typed: M or S and a number.

use egui::{Event, Key, Ui};
use nice_plug::context::gui::GuiContext;

use crate::editor::gesture;
use crate::params::UnweaveParams;

/// How long a letter waits for its number once it is let go, in seconds.
const PATIENCE: f64 = 1.5;

const NUMBERS: [Key; 4] = [Key::Num1, Key::Num2, Key::Num3, Key::Num4];

/// A letter that waits for a number.
#[derive(Default)]
pub struct Keys {
    letter: Option<(Key, f64)>,
}

impl Keys {
    /// Does what was pressed since the last frame; numbers that belong to a letter are used up.
    pub fn press(&mut self, ui: &Ui, params: &UnweaveParams, host: &GuiContext) {
        if ui.ctx().text_edit_focused() {
            self.letter = None;
            return;
        }
        let pressed = ui.input_mut(|input| {
            for letter in [Key::M, Key::S] {
                if input.modifiers.is_none() && input.key_pressed(letter) {
                    self.letter = Some((letter, input.time));
                }
            }
            let (letter, since) = self.letter?;
            if !input.key_down(letter) && input.time > since + PATIENCE {
                self.letter = None;
                return None;
            }
            let stem_idx = NUMBERS
                .iter()
                .position(|number| input.key_pressed(*number))?;
            // A fader with focus would take it for the beginning of a value.
            input
                .events
                .retain(|event| !matches!(event, Event::Text(_)));
            if !input.key_down(letter) {
                self.letter = None;
            }
            Some((letter, stem_idx))
        });
        if let Some((letter, stem_idx)) = pressed {
            let stem = params.stems()[stem_idx];
            gesture::toggle(
                host,
                if letter == Key::M {
                    &stem.mute
                } else {
                    &stem.solo
                },
            );
        }
    }
}
