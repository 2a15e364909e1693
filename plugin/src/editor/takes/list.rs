//! Arming, and what there is to choose from.

use std::sync::Arc;

use egui::{Button, Response, RichText, ScrollArea, Ui, vec2};
use unweave_live::capture::{Ending, Position, Take};

use super::{field, note, waveform};
use crate::editor::{button, theme};
use crate::takes::{PathKind, Takes, clock};

/// Rows that are seen at a time.
const MAX_ROWS: usize = 5;

const ROW_HEIGHT: f32 = 22.0;

/// Of the buttons at the right.
pub const BROWSE_WIDTH: f32 = 74.0;

/// The switch, and what is being captured.
pub fn capture(ui: &mut Ui, takes: &Takes) {
    let is_armed = takes.is_armed();
    let look = button::Look {
        text: if is_armed { "Armed" } else { "Arm capture" },
        label: "Arm capture",
        color: theme::MUTE,
        size: vec2(ui.available_width(), 24.0),
    };
    let hint = "While armed, what plays is captured, up to the next stop or jump";
    if button::switch(ui, is_armed, look)
        .on_hover_text(hint)
        .clicked()
    {
        takes.arm(!is_armed);
    }
    match takes.recording() {
        Some(recording) => {
            let length = clock(recording.num_frames, recording.sample_rate);
            note(ui, &format!("Capturing: {length}"), theme::TEXT);
            waveform::draw(ui, &recording.overview, recording.num_frames, 28.0);
        }
        None if is_armed => note(ui, "Waiting for the transport to play", theme::TEXT_DIM),
        None => {}
    }
    let lost = takes.lost_frames();
    if lost > 0 {
        let text = format!("{lost} frames were lost: the disk is too slow");
        note(ui, &text, theme::WARNING);
    }
}

/// One row for each take.
pub fn takes(ui: &mut Ui, takes: &Takes) {
    let list = takes.takes();
    if list.is_empty() {
        note(ui, "No takes yet", theme::TEXT_DIM);
        return;
    }
    let chosen = takes.chosen().and_then(|look| look.take_id);
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let height = MAX_ROWS.min(list.len()) as f32 * (ROW_HEIGHT + ui.spacing().item_spacing.y);
    ScrollArea::vertical()
        .id_salt("takes")
        .max_height(height)
        .auto_shrink([false, true])
        .show_rows(ui, ROW_HEIGHT, list.len(), |ui, rows| {
            for take in &list[rows] {
                ui.horizontal(|ui| row(ui, takes, take, chosen == Some(take.id)));
            }
        });
}

fn row(ui: &mut Ui, takes: &Takes, take: &Arc<Take>, is_chosen: bool) {
    let text = format!(
        "Take {}   {}{}",
        take.id,
        clock(take.num_frames, take.sample_rate),
        place(take)
    );
    let width = ui.available_width() - ROW_HEIGHT - ui.spacing().item_spacing.x;
    let row = Button::selectable(is_chosen, RichText::new(text).font(theme::SMALL))
        .min_size(vec2(width, ROW_HEIGHT));
    let response = ui.add(row);
    let response = match take.ending {
        Ending::Stopped => response,
        Ending::Lost => {
            response.on_hover_text("Ends early: the disk was too slow for what came next")
        }
        Ending::Disk => response.on_hover_text("Ends early: the disk took no more"),
    };
    if response.clicked() {
        takes.choose_take(take);
    }
    let discard = Button::new("×").min_size(vec2(ROW_HEIGHT, ROW_HEIGHT));
    let discard = ui.add(discard).on_hover_text("Discard this take");
    discard.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::accesskit::Role::Button,
            true,
            format!("Discard take {}", take.id),
        )
    });
    if discard.clicked() {
        takes.discard(take.id);
    }
}

/// Where it stands, and whether it is all there.
fn place(take: &Take) -> String {
    let place = match take.position {
        Position::Frames(frame) if frame < 0 => {
            format!("   at −{}", clock(frame.unsigned_abs(), take.sample_rate))
        }
        Position::Frames(frame) => {
            format!("   at {}", clock(frame.unsigned_abs(), take.sample_rate))
        }
        Position::Beats(beats) => format!("   at beat {:.1}", beats + 1.0),
        Position::Unknown => String::new(),
    };
    match take.ending {
        Ending::Stopped => place,
        Ending::Lost | Ending::Disk => format!("{place}   cut short"),
    }
}

/// A file of the user's, in place of a take.
pub fn open_file(ui: &mut Ui, takes: &Arc<Takes>, path: &mut String) {
    let response = browse_row(ui, "Choose a song", |ui, width| {
        ui.add(field(path, "…or the path of a song").desired_width(width))
    });
    let (response, is_browsed) = response;
    if is_browsed {
        takes.browse(PathKind::Song);
    }
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::accesskit::Role::TextInput, true, "Path of a song")
    });
    let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if is_entered && !path.trim().is_empty() {
        takes.choose_file(&crate::takes::typed_path(path));
    }
}

/// A field with a button beside it that opens the system's dialog; gives the field, and whether it was clicked.
pub fn browse_row(
    ui: &mut Ui,
    label: &str,
    field: impl FnOnce(&mut Ui, f32) -> Response,
) -> (Response, bool) {
    ui.horizontal(|ui| {
        let width = ui.available_width() - BROWSE_WIDTH - ui.spacing().item_spacing.x;
        let response = field(ui, width);
        let button = Button::new("Browse…").min_size(vec2(BROWSE_WIDTH, 0.0));
        let button = ui.add(button).on_hover_text(label);
        button
            .widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, label));
        (response, button.clicked())
    })
    .inner
}
