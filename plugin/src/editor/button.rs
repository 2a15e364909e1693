//! Switches that are parameters.

use egui::accesskit::Role;
use egui::{Color32, CornerRadius, Response, Sense, StrokeKind, Ui, Vec2, WidgetInfo};

use crate::editor::theme;

/// How a switch looks.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// What stands on it.
    pub text: &'a str,
    /// Its name for those who don't see where it stands.
    pub label: &'a str,
    /// Its ground while it is on.
    pub color: Color32,
    /// In points.
    pub size: Vec2,
}

/// A switch; whoever calls turns it over when it is clicked.
pub fn switch(ui: &mut Ui, is_on: bool, look: Look<'_>) -> Response {
    let palette = theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(look.size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, is_on, look.label));
    let fill = if is_on {
        look.color
    } else if response.hovered() {
        palette.hovered
    } else {
        palette.raised
    };
    let painter = ui.painter();
    painter.rect(
        rect,
        CornerRadius::same(3),
        fill,
        theme::outline(&response),
        StrokeKind::Inside,
    );
    let color = if is_on {
        palette.on_color
    } else {
        palette.text
    };
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        look.text,
        theme::BODY,
        color,
    );
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

/// A switch that shows both of its positions, of which one is lit.
pub fn pair(
    ui: &mut Ui,
    is_second: bool,
    texts: [&str; 2],
    (label, size): (&str, Vec2),
) -> Response {
    let palette = theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, is_second, label));
    let painter = ui.painter();
    painter.rect_filled(rect, CornerRadius::same(3), palette.raised);
    let halves = rect.split_left_right_at_fraction(0.5);
    for (idx, (half, text)) in [halves.0, halves.1].into_iter().zip(texts).enumerate() {
        let is_lit = is_second == (idx == 1);
        if is_lit {
            let ground = if is_second {
                palette.solo
            } else {
                palette.text_dim
            };
            painter.rect_filled(half, CornerRadius::same(3), ground);
        }
        let color = if is_lit {
            palette.on_color
        } else {
            palette.text
        };
        painter.text(
            half.center(),
            egui::Align2::CENTER_CENTER,
            text,
            theme::BODY,
            color,
        );
    }
    painter.rect_stroke(
        rect,
        CornerRadius::same(3),
        theme::outline(&response),
        StrokeKind::Inside,
    );
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}
