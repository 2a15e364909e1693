//! One strip per stem, and the master.

use egui::accesskit::Role;
use egui::{
    Align, Align2, Color32, CornerRadius, Key, Layout, Rect, RichText, Sense, Stroke, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};
use nice_plug::context::gui::GuiContext;

use crate::editor::button::{self, Look};
use crate::editor::control;
use crate::editor::level_meter::LevelMeter;
use crate::editor::listen::Listener;
use crate::editor::{fader, theme};
use crate::gesture;
use crate::ids;
use crate::params::UnweaveParams;
use crate::variant::STEM_NAMES;

/// Between strips.
const GAP: f32 = 6.0;
/// Between a strip's edge and what is in it.
const MARGIN: f32 = 8.0;
/// Smallest height of a fader.
const MIN_FADER_HEIGHT: f32 = 110.0;
/// What stands below a fader: its value, and the sensitivity with its own.
const BELOW_FADER: f32 = 78.0;
/// Width of a meter.
const METER_WIDTH: f32 = 14.0;
/// Least width of a strip in which words stand beside a value.
const MIN_WIDTH_OF_ENDS: f32 = 96.0;
/// Height of a value that can be clicked.
const VALUE_HEIGHT: f32 = 18.0;

/// What the strips work on.
pub struct Strips<'a> {
    /// What they move.
    pub params: &'a UnweaveParams,
    /// Who is told.
    pub host: &'a GuiContext,
    /// What they show.
    pub listener: &'a mut Listener,
    /// The letter that waits for a stem's number.
    pub awaited: Option<Key>,
}

impl Strips<'_> {
    /// All strips, side by side, over all the room that is left.
    pub fn draw(&mut self, ui: &mut Ui) {
        let palette = theme::of(ui.ctx());
        let rect = ui.available_rect_before_wrap();
        let num_strips = ids::STEMS.len() + 1;
        let width = (rect.width() + GAP) / num_strips as f32 - GAP;
        for strip_idx in 0..num_strips {
            let left = rect.left() + strip_idx as f32 * (width + GAP);
            let rect = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
            let color = palette
                .stems
                .get(strip_idx)
                .copied()
                .unwrap_or(palette.text_dim);
            paint_edges(ui, rect, color, strip_idx > 0);
            let builder = UiBuilder::new()
                .id_salt(strip_idx)
                .max_rect(rect.shrink(MARGIN))
                .layout(Layout::top_down(Align::Min));
            ui.scope_builder(builder, |ui| {
                ui.spacing_mut().item_spacing.y = 5.0;
                match STEM_NAMES.get(strip_idx) {
                    Some(name) => self.stem(ui, strip_idx, name),
                    None => self.master(ui),
                }
            });
        }
    }

    fn stem(&mut self, ui: &mut Ui, stem_idx: usize, name: &str) {
        let palette = theme::of(ui.ctx());
        let stem = self.params.stems()[stem_idx];
        let color = palette.stems[stem_idx];
        ui.label(RichText::new(name).font(theme::BODY).strong());
        self.switches(ui, stem_idx, name);

        let label = format!("{name} gain");
        let gain = (&stem.gain, label.as_str());
        let width = ui.available_width();
        let height = (ui.available_height() - BELOW_FADER).max(MIN_FADER_HEIGHT);
        let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::empty());
        let meter_left = rect.right() - METER_WIDTH;
        let travel = rect.with_max_x(meter_left - (width * 0.12).round());
        let response = fader::gain(ui, self.host, gain, travel, color);
        let meter = &mut self.listener.stems[stem_idx];
        draw_meter(ui, rect.with_min_x(meter_left), meter, (name, color));
        control::value_field(
            ui,
            self.host,
            gain,
            (response.id, vec2(width, VALUE_HEIGHT)),
        );

        let label = format!("{name} sensitivity");
        let sensitivity = (&stem.sensitivity, label.as_str());
        let (rect, _) = ui.allocate_exact_size(vec2(width, VALUE_HEIGHT), Sense::empty());
        let response = fader::sensitivity(ui, self.host, sensitivity, rect, color).on_hover_text(
            "Sensitivity. Left: cleaner, with less of the other stems, but this one may lose something. Right: \
             fuller, with all of this one, but more of the others",
        );
        let (rect, _) = ui.allocate_exact_size(vec2(width, VALUE_HEIGHT), Sense::empty());
        // What is won towards either end, where there is room.
        for (at, align, text) in [
            (rect.left_center(), Align2::LEFT_CENTER, "clean"),
            (rect.right_center(), Align2::RIGHT_CENTER, "full"),
        ] {
            if width >= MIN_WIDTH_OF_ENDS {
                ui.painter()
                    .text(at, align, text, theme::SMALL, palette.text_dim);
            }
        }
        let middle = rect.shrink2(vec2(width * 0.3, 0.0));
        ui.scope_builder(UiBuilder::new().max_rect(middle), |ui| {
            ui.spacing_mut().interact_size.y = VALUE_HEIGHT;
            control::value_field(ui, self.host, sensitivity, (response.id, middle.size()));
        });
    }

    /// Mute and solo.
    fn switches(&self, ui: &mut Ui, stem_idx: usize, name: &str) {
        let palette = theme::of(ui.ctx());
        let stem = self.params.stems()[stem_idx];
        let number = stem_idx + 1;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let size = vec2((ui.available_width() - 4.0) / 2.0, 24.0);
            // A number is awaited: here it is.
            let text_of = |letter: Key| match self.awaited {
                Some(awaited) if awaited == letter => format!("{} {number}", letter.name()),
                _ => letter.name().to_owned(),
            };
            let (mute_text, solo_text) = (text_of(Key::M), text_of(Key::S));
            let mute = Look {
                text: &mute_text,
                label: &format!("{name} mute"),
                color: palette.mute,
                size,
            };
            let is_muted = stem.mute.value();
            let hint = format!("Mute (M, then {number})");
            let response = button::switch(ui, is_muted, mute);
            if response.on_hover_text(hint).clicked() {
                gesture::toggle(self.host, &stem.mute);
            }
            let solo = Look {
                text: &solo_text,
                label: &format!("{name} solo"),
                color: palette.solo,
                size,
            };
            let is_soloed = stem.solo.value();
            let hint = format!("Solo (S, then {number}); with Ctrl or Cmd this one alone");
            if button::switch(ui, is_soloed, solo)
                .on_hover_text(hint)
                .clicked()
            {
                if ui.input(|input| input.modifiers.command) {
                    self.solo_alone(stem_idx);
                } else {
                    gesture::toggle(self.host, &stem.solo);
                }
            }
        });
    }

    /// Solos this stem and no other; if that is so already, none.
    fn solo_alone(&self, stem_idx: usize) {
        let stems = self.params.stems();
        let is_wanted = |idx| idx == stem_idx;
        let is_alone = (0..stems.len()).all(|idx| stems[idx].solo.value() == is_wanted(idx));
        for (idx, stem) in stems.into_iter().enumerate() {
            gesture::switch(self.host, &stem.solo, is_wanted(idx) && !is_alone);
        }
    }

    fn master(&mut self, ui: &mut Ui) {
        let palette = theme::of(ui.ctx());
        ui.label(RichText::new("Master").font(theme::BODY).strong());
        let size = vec2(ui.available_width(), 24.0);
        let compare = &self.params.compare;
        let hint = "A: the stems, as the faders mix them. B: the dry input, in time with it, to compare; stem outputs go on";
        let halves = ["A mix", "B dry"];
        if button::pair(ui, compare.value(), halves, ("Compare with dry", size))
            .on_hover_text(hint)
            .clicked()
        {
            gesture::toggle(self.host, compare);
        }
        let bypass = Look {
            text: "Bypass",
            label: "Bypass",
            color: palette.mute,
            size,
        };
        if button::switch(ui, self.params.bypass.value(), bypass)
            .on_hover_text("Switches the plug-in off: the dry input passes, as late as ever, and the stem outputs are silent")
            .clicked()
        {
            gesture::toggle(self.host, &self.params.bypass);
        }
        let (rect, _) = ui.allocate_exact_size(ui.available_size(), Sense::empty());
        let bar = Rect::from_center_size(rect.center(), vec2(2.0 * METER_WIDTH, rect.height()));
        draw_meter(ui, bar, &mut self.listener.main, ("Master", palette.text));
    }
}

/// A strip's colour along the top, and a line between it and the one at its left.
fn paint_edges(ui: &Ui, rect: Rect, color: Color32, has_neighbour: bool) {
    let palette = theme::of(ui.ctx());
    let top = rect.with_max_y(rect.top() + 3.0);
    ui.painter().rect_filled(top, CornerRadius::ZERO, color);
    if has_neighbour {
        let x = rect.left() - GAP / 2.0;
        ui.painter()
            .vline(x, rect.y_range(), Stroke::new(1.0, palette.line));
    }
}

/// A meter with its highest peak above; a click starts that afresh.
fn draw_meter(ui: &mut Ui, rect: Rect, meter: &mut LevelMeter, (name, color): (&str, Color32)) {
    let label = format!("{name} level");
    let response = ui.interact(rect, ui.scope_id().with(&label), Sense::click());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, &label);
        info.current_text_value = Some(meter.text());
        info
    });
    if response.clicked() {
        meter.forget_max();
    }
    let (above, bar) = rect.split_top_bottom_at_y(rect.top() + 14.0);
    meter.paint(ui.painter(), bar, color);
    meter.paint_max(ui.painter(), above);
    response.on_hover_text("Peak and RMS as heard, and the highest peak; click to reset");
}
