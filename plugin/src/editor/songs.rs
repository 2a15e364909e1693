//! The panel of songs and takes: draws [`Songs`] and does what the person wants with it.
//!
//! ```text
//! head      what is captured, how a song is added
//! list      a row per song; the one that is worked on shows its tracks and what came of it
//! form      what is rendered, how and to where
//! message   what went wrong, what can be undone, what to do first: in room of its own, so that nothing moves
//! ```

mod form;
mod head;
mod icon;
mod list;
mod message;
mod song;
mod tracks;
mod waveform;

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Align2, Color32, Response, RichText, ScrollArea, TextEdit, Ui, UiBuilder, WidgetInfo};
use unweave_live::capture::kept::Kept;

use crate::editor::catalogue::{self, CatalogueView};
use crate::editor::theme;
use crate::songs::Songs;

/// Of everything but the bar.
const WIDTH: f32 = 252.0;
/// Room for the bar that the list is scrolled with.
const BAR_WIDTH: f32 = 10.0;
/// Of the form and the message, which stay where they are.
const FOOT_HEIGHT: f32 = form::HEIGHT + message::HEIGHT + 10.0;
/// Smallest height of the list.
const MIN_LIST_HEIGHT: f32 = 90.0;
/// How often takes of instances that have gone are looked for, in seconds.
const GLANCE: f64 = 2.0;

/// What the panel remembers from frame to frame.
#[derive(Default)]
pub struct SongsView {
    /// The path that is being typed.
    path: String,
    /// The models, looked up when the panel is first drawn and when there are more.
    models: Option<form::Installed>,
    catalogue: CatalogueView,
    /// Where a drag over the waveform began, as a frame.
    drag_start: Option<u64>,
    /// Takes that wait to be brought back, and when they were looked for.
    kept: Option<(f64, Vec<Kept>)>,
}

/// The panel.
pub fn draw(ui: &mut Ui, songs: &Arc<Songs>, view: &mut SongsView) {
    // Before it is drawn: what ends meanwhile has to be drawn, too.
    let was_busy = songs.is_busy();
    let room = ui.available_rect_before_wrap();
    let width = WIDTH.min(room.width() - BAR_WIDTH);
    // A panel gives more than it shows.
    let builder = UiBuilder::new().max_rect(room.with_max_x(room.left() + width));
    ui.scope_builder(builder, |ui| contents(ui, songs, view));
    // What happens on other threads shows without a mouse being moved.
    if was_busy || songs.is_busy() {
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_millis(100));
    }
}

fn contents(ui: &mut Ui, songs: &Arc<Songs>, view: &mut SongsView) {
    let rows = songs.rows();
    head::draw(ui, songs, &rows, &mut view.path);
    look_for_kept(ui, songs, view);
    let height = (ui.available_height() - FOOT_HEIGHT).max(MIN_LIST_HEIGHT);
    let width = ui.available_width();
    ui.scope(|ui| {
        // The bar lies over what is to the right of this.
        ui.set_max_width(width + BAR_WIDTH);
        ScrollArea::vertical()
            .id_salt("songs")
            .max_height(height)
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.set_max_width(width);
                list::kept(ui, songs, &mut view.kept);
                list::draw(ui, songs, &rows, &mut view.drag_start);
            });
    });
    let room = ui.available_rect_before_wrap();
    let builder = UiBuilder::new().max_rect(room.with_max_x(room.left() + width));
    ui.scope_builder(builder, |ui| {
        form::draw(ui, songs, &mut view.models, !rows.is_empty());
        message::draw(ui, songs, !rows.is_empty());
    });
    if catalogue::draw(ui, &mut view.catalogue) {
        view.models = None;
    }
}

fn look_for_kept(ui: &Ui, songs: &Songs, view: &mut SongsView) {
    let now = ui.input(|input| input.time);
    let is_old = |(time, _): &(f64, Vec<Kept>)| now - time > GLANCE;
    if view.kept.as_ref().is_none_or(is_old) {
        view.kept = Some((now, songs.kept()));
    }
}

/// A line to type in.
fn field<'t>(text: &'t mut String, hint: &str) -> TextEdit<'t> {
    TextEdit::singleline(text)
        .hint_text(RichText::new(hint).font(theme::SMALL))
        .desired_width(f32::INFINITY)
        .font(theme::SMALL)
        .align(Align2::LEFT_CENTER)
}

fn note(ui: &mut Ui, text: &str, color: Color32) {
    ui.label(RichText::new(text).font(theme::SMALL).color(color));
}

/// What assistive technology reads of a control that shows less.
fn named(response: &Response, role: Role, name: &str) {
    response.widget_info(|| WidgetInfo::labeled(role, true, name));
}

/// A button with small text.
fn button(text: &str) -> egui::Button<'_> {
    egui::Button::new(RichText::new(text).font(theme::SMALL))
}
