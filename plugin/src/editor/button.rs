//! Switches that are parameters.

use egui::accesskit::Role;
use egui::{Color32, CornerRadius, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

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
    let (rect, response) = ui.allocate_exact_size(look.size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, is_on, look.label));
    let fill = if is_on {
        look.color
    } else if response.hovered() {
        theme::LINE
    } else {
        theme::RAISED
    };
    let stroke = if response.has_focus() {
        Stroke::new(1.5, theme::FOCUS)
    } else {
        Stroke::new(1.0, theme::OUTLINE)
    };
    let painter = ui.painter();
    painter.rect(
        rect,
        CornerRadius::same(3),
        fill,
        stroke,
        StrokeKind::Inside,
    );
    let color = if is_on { theme::ON_COLOR } else { theme::TEXT };
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        look.text,
        theme::BODY,
        color,
    );
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}
