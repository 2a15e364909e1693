//! How faders and sensitivity sliders look.

use egui::{Align2, Color32, CornerRadius, Rect, Stroke, StrokeKind, Ui, pos2, vec2};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::*;

use crate::editor::control::Control;
use crate::editor::theme;

/// Marks of the scale, in dB; the lowest stands for silence.
const MARKS: [f32; 8] = [12.0, 6.0, 0.0, -6.0, -12.0, -20.0, -30.0, -80.0];

const CAP_HEIGHT: f32 = 22.0;
const TRACK_WIDTH: f32 = 4.0;

/// A fader with its scale in dB; `rect` is all that it takes up.
///
/// Gives the id by which the value's field knows it.
pub fn gain(
    ui: &mut Ui,
    host: &GuiContext,
    (param, label): (&FloatParam, &str),
    rect: Rect,
    color: Color32,
) -> egui::Response {
    let palette = theme::of(ui.ctx());
    let travel = Rect::from_min_max(
        pos2(rect.right() - 30.0, rect.top() + CAP_HEIGHT / 2.0),
        pos2(rect.right(), rect.bottom() - CAP_HEIGHT / 2.0),
    );
    let control = Control {
        param,
        label,
        travel: vec2(0.0, -travel.height()),
    };
    let (response, normalized) = control.interact(ui, host, rect);
    let y_of = |normalized: f32| travel.bottom() - normalized * travel.height();

    let painter = ui.painter();
    let center = travel.center().x;
    for mark in MARKS {
        let gain = if mark > -80.0 {
            10f32.powf(mark / 20.0)
        } else {
            0.0
        };
        let y = y_of(param.preview_normalized(gain)).round();
        let is_unity = mark == 0.0;
        let color = if is_unity {
            palette.text
        } else {
            palette.text_dim
        };
        let text = if mark > -80.0 {
            format!("{mark:+.0}")
        } else {
            "−∞".to_owned()
        };
        let text = if is_unity {
            "0".to_owned()
        } else {
            text.replace('-', "−")
        };
        painter.text(
            pos2(travel.left() - 4.0, y),
            Align2::RIGHT_CENTER,
            text,
            theme::SCALE,
            color,
        );
        painter.hline(travel.x_range(), y, Stroke::new(1.0, palette.line));
    }
    let track = Rect::from_center_size(travel.center(), vec2(TRACK_WIDTH, travel.height()));
    painter.rect_filled(track, CornerRadius::same(2), palette.sunken);
    let y = y_of(normalized).round();
    let filled = Rect::from_min_max(pos2(track.left(), y), track.max);
    painter.rect_filled(filled, CornerRadius::same(2), color.gamma_multiply(0.7));

    let cap = Rect::from_center_size(pos2(center, y), vec2(28.0, CAP_HEIGHT));
    let is_active = response.hovered() || response.dragged();
    let fill = if is_active {
        palette.hovered
    } else {
        palette.raised
    };
    painter.rect(
        cap,
        CornerRadius::same(3),
        fill,
        theme::outline(&response),
        StrokeKind::Inside,
    );
    painter.hline(cap.x_range().shrink(4.0), y, Stroke::new(2.0, color));
    response.on_hover_cursor(egui::CursorIcon::ResizeVertical)
}

/// A slider that goes both ways from its middle.
pub fn sensitivity(
    ui: &mut Ui,
    host: &GuiContext,
    (param, label): (&FloatParam, &str),
    rect: Rect,
    color: Color32,
) -> egui::Response {
    let palette = theme::of(ui.ctx());
    let travel = rect.shrink2(vec2(6.0, 0.0));
    let control = Control {
        param,
        label,
        travel: vec2(travel.width(), 0.0),
    };
    let (response, normalized) = control.interact(ui, host, rect);
    let x_of = |normalized: f32| travel.left() + normalized * travel.width();

    let painter = ui.painter();
    let track = Rect::from_center_size(travel.center(), vec2(travel.width(), TRACK_WIDTH));
    painter.rect_filled(track, CornerRadius::same(2), palette.sunken);
    let middle = x_of(param.preview_normalized(0.0));
    let x = x_of(normalized);
    let filled = Rect::from_x_y_ranges(middle.min(x)..=middle.max(x), track.y_range());
    painter.rect_filled(filled, CornerRadius::ZERO, color.gamma_multiply(0.7));
    painter.vline(
        middle,
        rect.y_range().shrink(2.0),
        Stroke::new(1.0, palette.line),
    );
    let cap = Rect::from_center_size(pos2(x, track.center().y), vec2(10.0, 16.0));
    painter.rect(
        cap,
        CornerRadius::same(3),
        palette.raised,
        theme::outline(&response),
        StrokeKind::Inside,
    );
    painter.vline(x, cap.y_range().shrink(4.0), Stroke::new(2.0, color));
    response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal)
}
