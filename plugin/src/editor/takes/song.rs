//! What is worked on: its waveform, the range, the name.

use egui::{Rect, Ui};

use super::{field, heading, note, waveform};
use crate::editor::theme;
use crate::takes::{Look, Takes, clock};

const HEIGHT: f32 = 56.0;

/// A drag over the waveform chooses a range, a double-click everything.
pub fn draw(ui: &mut Ui, takes: &Takes, look: &Look, drag_start: &mut Option<u64>) {
    heading(ui, &look.title);
    let num_frames = look.num_frames.unwrap_or(look.num_read);
    let response = waveform::draw(ui, &look.overview, num_frames, HEIGHT)
        .on_hover_text("Drag to choose a range, double-click for everything");
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Canvas, true, "Range"));
    let rect = response.rect;
    let frame_at = |x: f32| frame_at((x - rect.left()) / rect.width(), num_frames);
    if let Some(pointer) = response.interact_pointer_pos() {
        if response.drag_started() {
            let origin = ui.input(|input| input.pointer.press_origin());
            *drag_start = Some(frame_at(origin.unwrap_or(pointer).x));
        }
        if let Some(start) = *drag_start
            && response.dragged()
        {
            let end = frame_at(pointer.x);
            takes.set_range(Some(start.min(end)..start.max(end)));
        }
    }
    if response.drag_stopped() {
        *drag_start = None;
    }
    if response.double_clicked() {
        takes.set_range(None);
    }
    let length = |frames| clock(frames, look.sample_rate);
    match &look.range {
        Some(range) => {
            let x = |frame: u64| {
                rect.left()
                    + rect.width() * waveform::as_f32(frame) / waveform::as_f32(num_frames.max(1))
            };
            let chosen = Rect::from_x_y_ranges(x(range.start)..=x(range.end), rect.y_range());
            let fill = theme::STEMS[1].gamma_multiply(0.35);
            ui.painter().rect_filled(chosen, 0.0, fill);
            let text = format!(
                "{} to {}, {} long",
                length(range.start),
                length(range.end),
                length(range.end - range.start)
            );
            note(ui, &text, theme::TEXT);
        }
        None => {
            let text = format!(
                "All of it, {}, at {} Hz",
                length(num_frames),
                look.sample_rate
            );
            note(ui, &text, theme::TEXT_DIM);
        }
    }
    if let Some(refusal) = &look.refusal {
        note(ui, refusal, theme::WARNING);
    }
    let mut name = look.name.clone();
    let response = ui.add(field(&mut name, "Name of the set: the song's own"));
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::accesskit::Role::TextInput, true, "Name of the set")
    });
    if response.changed() {
        takes.set_name(&name);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of 0 to 1 of a length; a point on the screen is many frames"
)]
fn frame_at(share: f32, num_frames: u64) -> u64 {
    (f64::from(share.clamp(0.0, 1.0)) * num_frames as f64).round() as u64
}
