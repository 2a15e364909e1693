//! Square buttons with a sign that no font is needed for.

use egui::accesskit::Role;
use egui::{Color32, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use super::named;
use crate::editor::theme;

/// As wide as high.
pub const SIZE: f32 = 22.0;

/// The sign.
#[derive(Debug, Clone, Copy)]
pub enum Icon {
    /// Play from the playhead on.
    Play,
    /// Stop what is played.
    Stop,
    /// Stop what is about to be played.
    Waiting,
    /// Take the row away.
    Remove,
}

/// Draws the button; `name` is for those who don't see the sign.
pub fn button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let palette = theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(SIZE, SIZE), Sense::click());
    named(&response, Role::Button, name);
    let visuals = ui.style().interact(&response);
    ui.painter().rect(
        rect,
        visuals.corner_radius,
        visuals.weak_bg_fill,
        theme::outline(&response),
        StrokeKind::Inside,
    );
    ui.painter().extend(icon.shapes(rect, palette.text));
    response
}

impl Icon {
    fn shapes(self, rect: Rect, color: Color32) -> Vec<Shape> {
        let middle = rect.center();
        match self {
            Self::Play => {
                let corners = [(-3.5, -5.0), (5.0, 0.0), (-3.5, 5.0)];
                let corners = corners.map(|(x, y)| middle + vec2(x, y));
                vec![Shape::convex_polygon(corners.to_vec(), color, Stroke::NONE)]
            }
            Self::Stop => {
                let square = Rect::from_center_size(middle, vec2(9.0, 9.0));
                vec![Shape::rect_filled(square, 0.0, color)]
            }
            Self::Waiting => [-5.0, 0.0, 5.0]
                .map(|x| Shape::circle_filled(pos2(middle.x + x, middle.y), 1.5, color))
                .to_vec(),
            Self::Remove => [1.0, -1.0]
                .map(|sign| {
                    let arm = vec2(3.5, sign * 3.5);
                    let ends = [middle - arm, middle + arm];
                    Shape::line_segment(ends, Stroke::new(1.5, color))
                })
                .to_vec(),
        }
    }
}
