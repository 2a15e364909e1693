//! The panel of captured takes and their rendering: draws [`Takes`] and does what the person wants with it.

mod form;
mod list;
mod song;
mod waveform;

use std::sync::Arc;

use egui::{Align2, Color32, RichText, ScrollArea, Sense, TextEdit, Ui, vec2};

use crate::editor::theme;
use crate::takes::Takes;

/// Room for the bar that the panel is scrolled with.
const BAR_WIDTH: f32 = 10.0;

/// What the panel remembers from frame to frame.
#[derive(Default)]
pub struct TakesView {
    /// The path that is being typed.
    path: String,
    /// The models, looked up when the panel is first drawn.
    models: Option<form::Installed>,
    /// Where a drag over the waveform began, as a frame.
    drag_start: Option<u64>,
}

/// The panel.
pub fn draw(ui: &mut Ui, takes: &Arc<Takes>, view: &mut TakesView) {
    // Before it is drawn: what ends meanwhile has to be drawn, too.
    let was_busy = takes.is_busy();
    ScrollArea::vertical()
        .id_salt("takes panel")
        .auto_shrink(false)
        .show(ui, |ui| {
            // The bar lies over what is to the right of this.
            ui.set_max_width(ui.available_width() - BAR_WIDTH);
            heading(ui, "Takes");
            track(ui, takes);
            list::capture(ui, takes);
            if let Some(complaint) = takes.complaint() {
                note(ui, &complaint, theme::WARNING);
            }
            list::takes(ui, takes);
            list::open_file(ui, takes, &mut view.path);
            if takes.chosen().is_none() {
                let hint = "Click on a take, or choose a song: then its stems can be heard and rendered here.";
                note(ui, hint, theme::TEXT_DIM);
            }
            if let Some(look) = takes.chosen() {
                ui.separator();
                song::draw(ui, takes, &look, &mut view.drag_start);
                form::settings(ui, takes, &mut view.models);
            }
            form::actions(ui, takes);
        });
    // What happens on other threads shows without a mouse being moved.
    if was_busy || takes.is_busy() {
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_millis(100));
    }
}

/// The host's track, where it tells of one.
fn track(ui: &mut Ui, takes: &Takes) {
    let track = takes.track();
    if track.name().is_empty() {
        return;
    }
    ui.horizontal(|ui| {
        if let Some(color) = track.color() {
            let (red, green, blue, _) = color.rgba();
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            ui.painter()
                .rect_filled(rect, 2.0, Color32::from_rgb(red, green, blue));
        }
        note(ui, track.name(), theme::TEXT_DIM);
    });
}

/// A line to type in.
fn field<'t>(text: &'t mut String, hint: &str) -> TextEdit<'t> {
    TextEdit::singleline(text)
        .hint_text(RichText::new(hint).font(theme::SMALL))
        .desired_width(f32::INFINITY)
        .font(theme::SMALL)
        .align(Align2::LEFT_CENTER)
}

fn heading(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::BODY).strong());
}

fn note(ui: &mut Ui, text: &str, color: Color32) {
    ui.label(RichText::new(text).font(theme::SMALL).color(color));
}
