//! A recording at a glance.

use egui::{Rect, Response, Sense, Stroke, Ui, pos2, vec2};
use unweave_live::capture::Overview;

use crate::editor::theme;

/// What is drawn.
pub struct Shown<'a> {
    /// As far as it was read.
    pub overview: &'a Overview,
    /// What the whole width stands for.
    pub num_frames: u64,
    /// The frame that is heard.
    pub playhead: Option<u64>,
}

/// Draws the overview over the whole width, and the playhead.
pub fn draw(ui: &mut Ui, shown: &Shown<'_>, height: f32) -> Response {
    let palette = theme::of(ui.ctx());
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, palette.sunken);
    let columns = shown.overview.columns();
    let frames_per_point = as_f32(shown.num_frames.max(1)) / rect.width();
    let columns_per_point = frames_per_point / as_f32(shown.overview.column_frames());
    let half = rect.height() / 2.0;
    let mut x = 0.0;
    while x < rect.width() {
        let first = as_index(x * columns_per_point);
        let last = as_index((x + 1.0) * columns_per_point).max(first + 1);
        if first >= columns.len() {
            break;
        }
        let [mut low, mut high] = columns[first];
        for column in &columns[first..last.min(columns.len())] {
            low = low.min(column[0]);
            high = high.max(column[1]);
        }
        let y = |sample: f32| rect.center().y - half * sample.clamp(-1.0, 1.0);
        // Silence is a line, too.
        let (top, bottom) = (y(high), y(low).max(y(high) + 1.0));
        let left = rect.left() + x;
        let line = Rect::from_min_max(pos2(left, top), pos2(left + 1.0, bottom));
        painter.rect_filled(line, 0.0, palette.text_dim);
        x += 1.0;
    }
    if let Some(playhead) = shown.playhead {
        let x = x_of(rect, playhead, shown.num_frames);
        painter.vline(x, rect.y_range(), Stroke::new(1.0, palette.focus));
    }
    response
}

/// Where a frame is.
pub fn x_of(rect: Rect, frame: u64, num_frames: u64) -> f32 {
    rect.left() + rect.width() * as_f32(frame) / as_f32(num_frames.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "a picture has no 2^24 points")]
fn as_f32(frames: u64) -> f32 {
    frames as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and positions are not negative"
)]
fn as_index(position: f32) -> usize {
    position as usize
}
