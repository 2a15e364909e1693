//! One strip per stem, and the master.

use egui::{Color32, CornerRadius, Frame, Margin, Rect, Ui, pos2, vec2};
use nice_plug::context::gui::GuiContext;

use crate::editor::button::{self, Look};
use crate::editor::control::{self, Control};
use crate::editor::{fader, gesture, theme};
use crate::ids;
use crate::params::UnweaveParams;
use crate::variant::STEM_NAMES;

/// Width of a strip.
const STRIP_WIDTH: f32 = 118.0;
/// Smallest height of a fader.
const MIN_FADER_HEIGHT: f32 = 120.0;

/// All strips, side by side.
pub fn draw(ui: &mut Ui, params: &UnweaveParams, host: &GuiContext) {
    ui.horizontal_top(|ui| {
        for stem_idx in 0..ids::STEMS.len() {
            strip(ui, theme::STEMS[stem_idx], |ui| {
                stem(ui, params, host, stem_idx);
            });
        }
        strip(ui, theme::TEXT_DIM, |ui| master(ui, params, host));
    });
}

fn strip(ui: &mut Ui, color: Color32, contents: impl FnOnce(&mut Ui)) {
    let height = ui.available_height();
    Frame::new()
        .fill(theme::PANEL)
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::same(8))
        .show(ui, |ui| {
            ui.set_width(STRIP_WIDTH - 16.0);
            ui.set_height(height - 16.0);
            let top = ui.max_rect();
            let line = Rect::from_min_max(
                pos2(top.left() - 8.0, top.top() - 8.0),
                pos2(top.right() + 8.0, top.top() - 5.0),
            );
            ui.painter().rect_filled(
                line,
                CornerRadius {
                    nw: 5,
                    ne: 5,
                    sw: 0,
                    se: 0,
                },
                color,
            );
            ui.vertical(contents);
        });
}

fn stem(ui: &mut Ui, params: &UnweaveParams, host: &GuiContext, stem_idx: usize) {
    let name = STEM_NAMES[stem_idx];
    let stem = params.stems()[stem_idx];
    let color = theme::STEMS[stem_idx];
    ui.label(egui::RichText::new(name).font(theme::BODY).strong());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let half = vec2((ui.available_width() - 4.0) / 2.0, 24.0);
        let mute = Look {
            text: "M",
            label: &format!("{name} mute"),
            color: theme::MUTE,
            size: half,
        };
        if button::switch(ui, stem.mute.value(), mute)
            .on_hover_text(format!("Mute (M, then {})", stem_idx + 1))
            .clicked()
        {
            gesture::toggle(host, &stem.mute);
        }
        let solo = Look {
            text: "S",
            label: &format!("{name} solo"),
            color: theme::SOLO,
            size: half,
        };
        let response = button::switch(ui, stem.solo.value(), solo).on_hover_text(format!(
            "Solo (S, then {}); with Ctrl or Cmd this one alone",
            stem_idx + 1
        ));
        if response.clicked() {
            if ui.input(|input| input.modifiers.command) {
                solo_alone(params, host, stem_idx);
            } else {
                gesture::toggle(host, &stem.solo);
            }
        }
    });
    let gain_label = format!("{name} gain");
    let height = (ui.available_height() - 84.0).max(MIN_FADER_HEIGHT);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), egui::Sense::empty());
    let fader = fader::gain(ui, host, (&stem.gain, &gain_label), rect, color);
    let control = Control {
        param: &stem.gain,
        label: &gain_label,
        travel: vec2(0.0, -1.0),
    };
    let width = ui.available_width();
    control::value_field(ui, host, control, (fader.id, vec2(width, 18.0)));

    let sensitivity_label = format!("{name} sensitivity");
    let (rect, _) = ui.allocate_exact_size(vec2(width, 18.0), egui::Sense::empty());
    let slider = fader::sensitivity(
        ui,
        host,
        (&stem.sensitivity, &sensitivity_label),
        rect,
        color,
    )
    .on_hover_text("Sensitivity: left for less of the other stems, right for more of this one");
    let control = Control {
        param: &stem.sensitivity,
        label: &sensitivity_label,
        travel: vec2(1.0, 0.0),
    };
    control::value_field(ui, host, control, (slider.id, vec2(width, 18.0)));
}

/// Solos this stem and no other; if that is so already, none.
pub fn solo_alone(params: &UnweaveParams, host: &GuiContext, stem_idx: usize) {
    let stems = params.stems();
    let is_alone = stems
        .iter()
        .enumerate()
        .all(|(idx, stem)| stem.solo.value() == (idx == stem_idx));
    for (idx, stem) in stems.into_iter().enumerate() {
        gesture::switch(host, &stem.solo, idx == stem_idx && !is_alone);
    }
}

fn master(ui: &mut Ui, params: &UnweaveParams, host: &GuiContext) {
    ui.label(egui::RichText::new("Master").font(theme::BODY).strong());
    let size = vec2(ui.available_width(), 24.0);
    let compare = Look {
        text: if params.compare.value() {
            "B: dry"
        } else {
            "A: mix"
        },
        label: "Compare with dry",
        color: theme::SOLO,
        size,
    };
    if button::switch(ui, params.compare.value(), compare)
        .on_hover_text("A: the mix of the stems. B: the untouched input, in time with it (D)")
        .clicked()
    {
        gesture::toggle(host, &params.compare);
    }
    let bypass = Look {
        text: "Bypass",
        label: "Bypass",
        color: theme::MUTE,
        size,
    };
    if button::switch(ui, params.bypass.value(), bypass)
        .on_hover_text("Passes the input on, delayed as ever; stem outputs are silent")
        .clicked()
    {
        gesture::toggle(host, &params.bypass);
    }
}
