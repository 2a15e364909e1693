//! What is captured, and how songs are added.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Align, Color32, Key, Layout, RichText, Sense, Ui, vec2};

use super::{field, named};
use crate::editor::{button as switches, theme};
use crate::songs::{Look, PathKind, Songs, clock, room, typed_path};

const BUTTON_HEIGHT: f32 = 24.0;

/// Heading, capture, and the ways in for songs.
pub fn draw(ui: &mut Ui, songs: &Arc<Songs>, rows: &[Look], path: &mut String) {
    heading(ui, songs, rows);
    ui.horizontal(|ui| {
        let width = (ui.available_width() - ui.spacing().item_spacing.x) / 2.0;
        capture(ui, songs, width);
        let add = egui::Button::new("Add a song…").min_size(vec2(width, BUTTON_HEIGHT));
        let add = ui
            .add(add)
            .on_hover_text("Choose a file with music; or drop one on this window");
        if add.clicked() {
            songs.browse(PathKind::Song);
        }
    });
    let response = ui
        .add(field(path, "Drop a song here, or paste its path"))
        .on_hover_text("The path of a song, and Enter");
    named(&response, Role::TextInput, "Path of a song");
    let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if is_entered && !path.trim().is_empty() {
        songs.choose_file(&typed_path(path));
        path.clear();
    }
}

/// The host's track, where it tells of one, and how much room the takes need.
fn heading(ui: &mut Ui, songs: &Songs, rows: &[Look]) {
    let palette = theme::of(ui.ctx());
    ui.horizontal(|ui| {
        ui.label(RichText::new("Songs and takes").font(theme::BODY).strong());
        let track = songs.track();
        if let Some(color) = track.color() {
            let (red, green, blue, _) = color.rgba();
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            ui.painter()
                .rect_filled(rect, 2.0, Color32::from_rgb(red, green, blue));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let own = rows.iter().filter_map(|row| row.take.as_ref());
            let num_bytes: u64 = own.map(|take| take.num_bytes()).sum();
            if num_bytes > 0 {
                let text = RichText::new(room(num_bytes)).font(theme::SMALL);
                ui.label(text.color(palette.text_dim))
                    .on_hover_text("Room that the takes need on the disk until they are removed");
            }
            let name = track.name();
            if !name.is_empty() {
                let name = RichText::new(name).font(theme::SMALL);
                ui.add(egui::Label::new(name.color(palette.text_dim)).truncate())
                    .on_hover_text("The track that this plug-in is on");
            }
        });
    });
}

/// Says in its own room how far it is.
fn capture(ui: &mut Ui, songs: &Songs, width: f32) {
    let palette = theme::of(ui.ctx());
    let is_armed = songs.is_armed();
    let recording = songs.recording();
    let text = match &recording {
        Some(recording) => clock(recording.num_frames, recording.sample_rate),
        None if is_armed => "Waits for play".to_owned(),
        None => "Capture".to_owned(),
    };
    let look = switches::Look {
        text: &text,
        label: "Capture",
        color: palette.mute,
        size: vec2(width, BUTTON_HEIGHT),
    };
    let hint = "Records what comes in while the host plays: each stretch without a stop or jump becomes a take";
    if switches::switch(ui, is_armed, look)
        .on_hover_text(hint)
        .clicked()
    {
        songs.arm(!is_armed);
    }
}
