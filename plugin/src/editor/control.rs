//! What every fader and slider does with mouse, keyboard and screen reader, whatever it looks like.
//!
//! | input | effect |
//! |---|---|
//! | drag | moves, relative to where it was; a tenth as far with Shift |
//! | wheel, arrows | a step; a tenth with Shift; Page Up and Down five steps |
//! | double-click, Delete, Backspace | default |
//! | digits, Enter, click on the value | typed values |

use egui::accesskit::Role;
use egui::text::CCursorRange;
use egui::text_edit::TextEditState;
use egui::{Context, Event, EventFilter, Id, Key, Rect, Response, Sense, Ui, Vec2, WidgetInfo};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::*;

use crate::gesture;
use crate::params::{AnyParam, UnweaveParams};

/// With Shift, everything moves by this share of what it does without.
const FINE: f32 = 0.1;
/// Steps of an arrow key over the whole travel.
const ARROW_STEP: f32 = 0.01;
/// Steps of Page Up and Page Down.
const PAGE_STEP: f32 = 0.05;
/// Travel for one line of the wheel.
const WHEEL_STEP: f32 = 0.02;

/// What −∞ dB is where a number is wanted.
const SILENCE: f64 = -100.0;

/// A parameter with a range, as a control.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// What it moves.
    pub param: &'a FloatParam,
    /// Its name for those who don't see where it stands.
    pub label: &'a str,
    /// The direction in which it grows, as long as its travel, in points.
    pub travel: Vec2,
}

/// What a drag has come to. The host may not have taken up the value yet, so it is kept here.
#[derive(Clone, Copy)]
struct Drag {
    param: ParamPtr,
    normalized: f32,
}

/// Ends the drags that go on, since the window closes: a host that waits for the end of a gesture would go on
/// to write automation.
pub fn let_go(ctx: &Context, params: &UnweaveParams, host: &GuiContext) {
    let held: Vec<ParamPtr> = ctx.data_mut(|data| {
        let held = data.iter_temp_by_type().map(|drag: &Drag| drag.param);
        let held = held.collect();
        data.remove_by_type::<Drag>();
        held
    });
    for (_, param) in params.all() {
        if let AnyParam::Float(param) = param
            && held.contains(&param.as_ptr())
        {
            host.param_setter().end_set_parameter(param);
        }
    }
}

impl Control<'_> {
    /// Moves the parameter as the person wants, in this place; gives the position to show.
    pub fn interact(self, ui: &Ui, host: &GuiContext, place: Rect) -> (Response, f32) {
        let id = ui.scope_id().with(self.label);
        let sense = Sense::CLICK | Sense::DRAG | Sense::FOCUSABLE;
        let response = ui.interact(place, id, sense);
        let is_fine = ui.input(|input| input.modifiers.shift);
        let scale = if is_fine { FINE } else { 1.0 };
        let shown = self.drag(ui, host, &response, scale);
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        if response.double_clicked() {
            gesture::set(host, self.param, self.param.default_normalized_value());
        } else {
            self.step(ui, host, &response, scale);
        }
        self.describe(ui, host, &response);
        ui.memory_mut(|memory| {
            let filter = EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..EventFilter::default()
            };
            memory.set_focus_lock_filter(id, filter);
        });
        (response, shown)
    }

    fn drag(self, ui: &Ui, host: &GuiContext, response: &Response, scale: f32) -> f32 {
        let id = response.id.with("drag");
        let setter = host.param_setter();
        if response.drag_started() {
            let drag = Drag {
                param: self.param.as_ptr(),
                normalized: self.param.unmodulated_normalized_value(),
            };
            ui.data_mut(|data| data.insert_temp(id, drag));
            setter.begin_set_parameter(self.param);
        }
        let drag = ui.data(|data| data.get_temp::<Drag>(id));
        let Some(mut drag) = drag else {
            return self.param.unmodulated_normalized_value();
        };
        let length = self.travel.length_sq().max(1.0);
        let moved = scale * response.drag_delta().dot(self.travel) / length;
        if moved != 0.0 {
            drag.normalized = (drag.normalized + moved).clamp(0.0, 1.0);
            setter.set_parameter_normalized(self.param, drag.normalized);
            ui.data_mut(|data| data.insert_temp(id, drag));
        }
        if !response.dragged() {
            setter.end_set_parameter(self.param);
            ui.data_mut(|data| data.remove::<Drag>(id));
        }
        drag.normalized
    }

    fn step(self, ui: &Ui, host: &GuiContext, response: &Response, scale: f32) {
        let mut steps = 0.0;
        if response.has_focus() {
            steps += keyed_steps(ui) * scale;
            let is_reset = ui
                .input(|input| input.key_pressed(Key::Delete) || input.key_pressed(Key::Backspace));
            if is_reset {
                gesture::set(host, self.param, self.param.default_normalized_value());
            }
        }
        if response.hovered() && !response.dragged() {
            steps += ui.input(|input| wheel_lines(&input.events)) * WHEEL_STEP * scale;
        }
        if steps != 0.0 {
            let normalized = self.param.unmodulated_normalized_value() + steps;
            gesture::set(host, self.param, normalized.clamp(0.0, 1.0));
        }
    }

    /// A position in the parameter's own unit: a screen reader on Linux says the number and nothing else.
    fn in_unit(self, normalized: f32) -> f64 {
        let text = self.param.normalized_value_to_string(normalized, false);
        let number = text.trim().parse().unwrap_or(SILENCE);
        f64::max(number, SILENCE)
    }

    /// Tells assistive technology what this is, and does what it asks for.
    fn describe(self, ui: &Ui, host: &GuiContext, response: &Response) {
        use egui::accesskit::{Action, ActionData};

        let normalized = self.param.unmodulated_normalized_value();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Slider, true, self.label);
            info.value = Some(self.in_unit(normalized));
            info.current_text_value = Some(self.param.normalized_value_to_string(normalized, true));
            info
        });
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_min_numeric_value(self.in_unit(0.0));
            node.set_max_numeric_value(self.in_unit(1.0));
            node.set_value(self.param.normalized_value_to_string(normalized, true));
            node.add_action(Action::SetValue);
            node.add_action(Action::Increment);
            node.add_action(Action::Decrement);
        });
        let typed = |text: &str, normalized: &mut f32| {
            if let Some(value) = self.param.string_to_normalized_value(text) {
                *normalized = value;
            }
        };
        let asked = ui.input(|input| {
            let count = |action| input.num_accesskit_action_requests(response.id, action) as f32;
            let mut normalized =
                normalized + ARROW_STEP * (count(Action::Increment) - count(Action::Decrement));
            for request in input.accesskit_action_requests(response.id, Action::SetValue) {
                match &request.data {
                    Some(ActionData::NumericValue(value)) if *value <= self.in_unit(0.0) => {
                        normalized = 0.0;
                    }
                    Some(ActionData::NumericValue(value)) => {
                        typed(&value.to_string(), &mut normalized);
                    }
                    Some(ActionData::Value(text)) => typed(text, &mut normalized),
                    _ => {}
                }
            }
            normalized
        });
        if asked != normalized {
            gesture::set(host, self.param, asked.clamp(0.0, 1.0));
        }
    }
}

/// Travel that the keys pressed in this frame ask for, without Shift.
fn keyed_steps(ui: &Ui) -> f32 {
    let keys = [
        (Key::ArrowUp, ARROW_STEP),
        (Key::ArrowRight, ARROW_STEP),
        (Key::ArrowDown, -ARROW_STEP),
        (Key::ArrowLeft, -ARROW_STEP),
        (Key::PageUp, PAGE_STEP),
        (Key::PageDown, -PAGE_STEP),
        (Key::Home, -1.0),
        (Key::End, 1.0),
    ];
    ui.input(|input| {
        keys.iter()
            .map(|(key, step)| *step * input.num_presses(*key) as f32)
            .sum()
    })
}

/// Lines that the wheel was turned, up being positive. Shift makes egui scroll sideways: both count.
fn wheel_lines(events: &[Event]) -> f32 {
    events
        .iter()
        .map(|event| match event {
            Event::MouseWheel { unit, delta, .. } => {
                let delta = delta.x + delta.y;
                match unit {
                    egui::MouseWheelUnit::Point => delta / 40.0,
                    egui::MouseWheelUnit::Line => delta,
                    egui::MouseWheelUnit::Page => 10.0 * delta,
                }
            }
            _ => 0.0,
        })
        .sum()
}

/// The value as text; a click, or a number typed while the control has focus, opens it for typing.
///
/// Enter takes what was typed, Escape and anything that is no value leave the parameter as it was.
pub fn value_field(
    ui: &mut Ui,
    host: &GuiContext,
    (param, label): (&FloatParam, &str),
    (control_id, size): (Id, Vec2),
) {
    let id = control_id.with("typed");
    let has_focus = ui.memory(|memory| memory.has_focus(control_id));
    let typed = if has_focus { first_digit(ui) } else { None };
    let mut text: Option<String> = ui.data(|data| data.get_temp(id));
    let shown = param.normalized_value_to_string(param.unmodulated_normalized_value(), true);
    let mut is_new = false;
    if text.is_none()
        && let Some(first) = typed
    {
        (text, is_new) = (Some(first), true);
    }
    let Some(mut text) = text else {
        let button = egui::Button::new(egui::RichText::new(&shown).font(super::theme::SMALL))
            .frame(false)
            .min_size(size);
        let response = ui
            .add_sized(size, button)
            .on_hover_text("Click to type a value");
        response
            .widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{label}: {shown}")));
        if response.clicked() {
            // Selected, so that what is typed replaces it.
            let mut edit = TextEditState::default();
            let all = CCursorRange::select_all_str(&shown);
            edit.cursor.set_char_range(Some(all));
            edit.store(ui.ctx(), id.with("edit"));
            ui.data_mut(|data| data.insert_temp(id, shown));
            ui.memory_mut(|memory| memory.request_focus(id.with("edit")));
        }
        return;
    };
    let edit = egui::TextEdit::singleline(&mut text)
        .id(id.with("edit"))
        .font(super::theme::SMALL)
        .align(egui::Align2::CENTER_CENTER)
        .margin(2.0);
    let response = ui.add_sized(size, edit);
    if is_new {
        response.request_focus();
    }
    if response.lost_focus() {
        let is_cancelled = ui.input(|input| input.key_pressed(Key::Escape));
        let value = param.string_to_normalized_value(&text);
        if let Some(value) = value.filter(|_| !is_cancelled) {
            gesture::set(host, param, value);
        }
        ui.data_mut(|data| data.remove_temp::<String>(id));
        if ui.input(|input| input.key_pressed(Key::Enter) || input.key_pressed(Key::Escape)) {
            // The keyboard stays where it was.
            ui.memory_mut(|memory| memory.request_focus(control_id));
        }
    } else {
        ui.data_mut(|data| data.insert_temp(id, text));
    }
}

/// What begins a typed value.
fn first_digit(ui: &Ui) -> Option<String> {
    ui.input(|input| {
        if input.key_pressed(Key::Enter) {
            return Some(String::new());
        }
        input.events.iter().find_map(|event| match event {
            Event::Text(text)
                if text.starts_with(|c: char| c.is_ascii_digit() || "+-−.,".contains(c)) =>
            {
                Some(text.clone())
            }
            _ => None,
        })
    })
}
