//! The position in the song: a line to press or drag on, from its beginning to its end.

use std::ops::Range;

use egui::{CornerRadius, Key, Rect, Sense, Ui, WidgetInfo, pos2, vec2};
use unweave_plugin::editor::theme;
use unweave_plugin::songs::clock;

const HEIGHT: f32 = 24.0;
const TRACK_HEIGHT: f32 = 6.0;
/// What an arrow key moves by, in seconds.
const STEP: u64 = 5;

/// Where in the song, in frames.
pub struct Place {
    pub frame: u64,
    pub length: u64,
    /// What is played of it, if not all.
    pub range: Option<Range<u64>>,
}

/// What a person does with it.
#[derive(Default)]
pub struct Sought {
    /// Dragged to there, and not let go.
    pub dragged: Option<u64>,
    /// Put there.
    pub put: Option<u64>,
}

pub fn draw(ui: &mut Ui, place: &Place, sample_rate: u32) -> Sought {
    let palette = theme::of(ui.ctx());
    let size = vec2(ui.available_width().max(40.0), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    response.widget_info(|| {
        let mut info = WidgetInfo::slider(true, place.frame as f64, "Position in the song");
        info.current_text_value = Some(clock(place.frame, sample_rate));
        info
    });
    let track = Rect::from_center_size(rect.center(), vec2(rect.width(), TRACK_HEIGHT));
    let at = |frame: u64| {
        #[expect(clippy::cast_possible_truncation, reason = "a place on the screen")]
        let share = (frame.min(place.length) as f64 / place.length.max(1) as f64) as f32;
        track.left() + track.width() * share
    };
    let painter = ui.painter();
    let radius = CornerRadius::same(3);
    painter.rect_filled(track, radius, palette.sunken);
    let played = place.range.clone().unwrap_or(0..place.length);
    let span = |from: u64, to: u64| {
        Rect::from_min_max(pos2(at(from), track.top()), pos2(at(to), track.bottom()))
    };
    if place.length > 0 {
        painter.rect_filled(span(played.start, played.end), radius, palette.raised);
        painter.rect_filled(
            span(played.start, place.frame.max(played.start)),
            radius,
            palette.solo,
        );
        let head = Rect::from_center_size(pos2(at(place.frame), rect.center().y), vec2(3.0, 16.0));
        let color = if response.has_focus() {
            palette.focus
        } else {
            palette.text
        };
        painter.rect_filled(head, CornerRadius::same(1), color);
    }
    if place.length == 0 {
        return Sought::default();
    }
    let mut sought = Sought::default();
    if let Some(pointer) = response.interact_pointer_pos() {
        let share = ((pointer.x - track.left()) / track.width()).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the song"
        )]
        let frame = (f64::from(share) * place.length as f64) as u64;
        if response.clicked() || response.drag_stopped() {
            sought.put = Some(frame);
        } else if response.dragged() {
            sought.dragged = Some(frame);
        }
    }
    if response.has_focus() {
        let step = STEP * u64::from(sample_rate);
        ui.input(|input| {
            if input.key_pressed(Key::ArrowLeft) {
                sought.put = Some(place.frame.saturating_sub(step));
            } else if input.key_pressed(Key::ArrowRight) {
                sought.put = Some((place.frame + step).min(place.length));
            } else if input.key_pressed(Key::Home) {
                sought.put = Some(0);
            }
        });
    }
    response.on_hover_text("Position in the song: press or drag to play from there");
    sought
}
