//! Keys that work wherever the keyboard's attention is, except while text is typed.
//!
//! | key | effect |
//! |---|---|
//! | M or S, and a number from 1 to 4 | mutes or solos a stem |
//! | B | A/B; with Shift, bypass |
//! | N | the next preset; with Shift, the one before |
//! | Shift and Delete | everything as it was at first |
//!
//! What has a meaning neither here nor for the control with the keyboard's attention is the host's; the space bar
//! always is.

use egui::{Context, Event, Key, Modifiers, Popup, Ui};
use nice_plug::context::gui::GuiContext;

use crate::gesture;
use crate::ids;
use crate::params::UnweaveParams;

/// How long a letter waits for its number once it is let go, in seconds.
const PATIENCE: f64 = 1.5;

const NUMBERS: [Key; ids::STEMS.len()] = [Key::Num1, Key::Num2, Key::Num3, Key::Num4];

/// A letter that waits for a number.
#[derive(Default)]
pub struct Keys {
    letter: Option<(Key, f64)>,
}

/// What keys ask for that isn't done by one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The preset after the one that was chosen last.
    NextPreset,
    /// The one before.
    PreviousPreset,
    /// Everything as in a new instance.
    Reset,
}

impl Keys {
    /// What waits for a number, for as long as it does.
    pub fn awaited(&self) -> Option<Key> {
        self.letter.map(|(letter, _)| letter)
    }

    /// Whether a key means something in this window now. One that doesn't ends the wait for a number.
    pub fn uses(&mut self, ctx: &Context, key: Key, modifiers: Modifiers) -> bool {
        let is_number = self.letter.is_some() && NUMBERS.contains(&key);
        let is_used = is_number || means_something(ctx, key, modifiers);
        if !is_used {
            self.letter = None;
        }
        is_used
    }

    /// Does what was pressed since the last frame; numbers that belong to a letter are used up.
    pub fn press(&mut self, ui: &Ui, params: &UnweaveParams, host: &GuiContext) -> Option<Wish> {
        if ui.ctx().text_edit_focused() {
            self.letter = None;
            return None;
        }
        if let Some((letter, stem_idx)) = self.number(ui) {
            let stem = params.stems()[stem_idx];
            let switch = if letter == Key::M {
                &stem.mute
            } else {
                &stem.solo
            };
            gesture::toggle(host, switch);
        }
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::SHIFT, Key::B) {
            gesture::toggle(host, &params.bypass);
        } else if pressed(Modifiers::NONE, Key::B) {
            gesture::toggle(host, &params.compare);
        }
        if pressed(Modifiers::SHIFT, Key::N) {
            Some(Wish::PreviousPreset)
        } else if pressed(Modifiers::NONE, Key::N) {
            Some(Wish::NextPreset)
        } else if pressed(Modifiers::SHIFT, Key::Delete) {
            Some(Wish::Reset)
        } else {
            None
        }
    }

    /// The letter and the index of the stem that were pressed together or one after the other.
    fn number(&mut self, ui: &Ui) -> Option<(Key, usize)> {
        let pressed = ui.input_mut(|input| {
            let is_other = |event: &Event| {
                matches!(event, Event::Key { key, pressed: true, .. }
                    if ![Key::M, Key::S].contains(key) && !NUMBERS.contains(key))
            };
            if input.events.iter().any(is_other) {
                self.letter = None;
            }
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
        if self.letter.is_some() {
            // The sign goes by itself.
            let patience = std::time::Duration::from_secs_f64(PATIENCE);
            ui.ctx().request_repaint_after(patience);
        }
        pressed
    }
}

fn means_something(ctx: &Context, key: Key, modifiers: Modifiers) -> bool {
    if key == Key::Space || modifiers.ctrl || modifiers.alt || modifiers.command {
        return false;
    }
    let is_plain = modifiers.is_none();
    let is_ours = match key {
        Key::M | Key::S => is_plain,
        Key::B | Key::N | Key::Tab => true,
        Key::Delete => modifiers.shift,
        Key::Escape => Popup::is_any_open(ctx),
        _ => false,
    };
    is_ours || (ctx.memory(|memory| memory.focused().is_some()) && moves_a_control(key))
}

/// Whether controls with the keyboard's attention know this key.
fn moves_a_control(key: Key) -> bool {
    const KEYS: [Key; 17] = [
        Key::ArrowUp,
        Key::ArrowDown,
        Key::ArrowLeft,
        Key::ArrowRight,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Enter,
        Key::Escape,
        Key::Delete,
        Key::Backspace,
        // They begin a typed value.
        Key::Plus,
        Key::Minus,
        Key::Period,
        Key::Comma,
        Key::Num0,
    ];
    KEYS.contains(&key) || key.name().chars().all(|letter| letter.is_ascii_digit())
}
