//! The song that is worked on: its waveform, what is played of it, and what came of its rendering.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Align, Button, Layout, ProgressBar, Rect, RichText, Ui, vec2};

use super::{button, named, note, waveform};
use crate::editor::{button as switches, dragging, theme};
use crate::render::Stage;
use crate::reveal;
use crate::songs::{self, Look, Songs, clock};

const HEIGHT: f32 = 44.0;
const LINE_HEIGHT: f32 = 20.0;

/// A click sets where it plays, a drag chooses a range, a double-click everything.
pub fn draw(ui: &mut Ui, songs: &Songs, look: &Look, drag_start: &mut Option<u64>) {
    let palette = theme::of(ui.ctx());
    let num_frames = look.length();
    let shown = waveform::Shown {
        overview: &look.overview,
        num_frames,
        playhead: Some(look.playhead),
    };
    let response = waveform::draw(ui, &shown, HEIGHT).on_hover_text(
        "Click to play from there; drag to choose a part, double-click for all of it",
    );
    named(&response, Role::Canvas, "Waveform");
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
            songs.set_range(Some(start.min(end)..start.max(end)));
        }
        if response.double_clicked() {
            songs.set_range(None);
        } else if response.clicked() {
            songs.seek(frame_at(pointer.x));
        }
    }
    if response.drag_stopped() {
        *drag_start = None;
    }
    if let Some(range) = &look.range {
        let x = |frame: u64| waveform::x_of(rect, frame, num_frames);
        let chosen = Rect::from_x_y_ranges(x(range.start)..=x(range.end), rect.y_range());
        let fill = palette.stems[1].gamma_multiply(0.35);
        ui.painter().rect_filled(chosen, 0.0, fill);
    }
    ui.horizontal(|ui| {
        let text = place(look);
        note(ui, &text, palette.text_dim);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let on = switches::Look {
                text: "Loop",
                label: "Loop",
                color: palette.solo,
                size: vec2(44.0, LINE_HEIGHT),
            };
            let hint = "Begin again at the end of the song, or of the part that is chosen";
            if switches::switch(ui, look.is_loop, on)
                .on_hover_text(hint)
                .clicked()
            {
                songs.set_loop(!look.is_loop);
            }
            if look.range.is_some() {
                let all = ui.add(button("All of it"));
                if all
                    .on_hover_text("Play and render the whole song")
                    .clicked()
                {
                    songs.set_range(None);
                }
            }
        });
    });
    if let Some(refusal) = &look.refusal {
        note(ui, refusal, palette.warning);
    }
}

/// Where it plays, and what is chosen of it.
fn place(look: &Look) -> String {
    let length = |frames| clock(frames, look.sample_rate);
    let playhead = length(look.playhead);
    match &look.range {
        Some(range) => {
            let (start, end) = (length(range.start), length(range.end));
            format!("{playhead}, part {start} – {end}")
        }
        None => format!("{playhead} of {}", length(look.length())),
    }
}

/// How far its rendering is, or where what was rendered is.
pub fn outcome(ui: &mut Ui, songs: &Arc<Songs>, look: &Look) {
    let palette = theme::of(ui.ctx());
    // As high in any case, so that nothing moves.
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(size);
        match &look.stage {
            Some(Stage::Waiting) => progress(ui, songs, 0.0, "Others come first"),
            Some(Stage::Loading) => progress(ui, songs, 0.0, "Loading the model"),
            Some(Stage::Running(now)) => {
                let remaining = songs::remaining(now.remaining);
                #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
                progress(ui, songs, now.fraction as f32, &remaining);
            }
            Some(Stage::Done {
                dir, files, facts, ..
            }) => {
                let text = match files.len() {
                    1 => "Rendered: 1 file".to_owned(),
                    several => format!("Rendered: {several} files"),
                };
                let text = RichText::new(text).font(theme::SMALL).color(palette.well);
                let hint = format!("Drag the files from here; they are in {}", dir.display());
                let hint = format!("{hint}\n{}", facts.join("\n"));
                let label = ui.add(egui::Label::new(text).sense(egui::Sense::drag()));
                dragging::handle(ui, &label, || files.clone());
                label.on_hover_text(hint);
                let copy = ui.add(button("Copy path"));
                let hint = "The paths of the files, for the host's import or a file manager";
                if copy.on_hover_text(hint).clicked() {
                    reveal::copy_paths(ui.ctx(), files.iter().map(|path| path.as_path()));
                }
                let show = ui.add(button("Show in folder"));
                if show
                    .on_hover_text("Opens the system's file manager")
                    .clicked()
                {
                    let weak = Arc::downgrade(songs);
                    reveal::show_in_folder(files.first().unwrap_or(dir), move |refusal| {
                        if let Some(songs) = weak.upgrade() {
                            songs.refuse(refusal);
                        }
                    });
                }
            }
            Some(Stage::Failed(_) | Stage::Cancelled) | None => {
                note(ui, "Nothing rendered yet", palette.text_dim);
            }
        }
    });
}

fn progress(ui: &mut Ui, songs: &Songs, fraction: f32, text: &str) {
    let cancel_width = 60.0;
    let width = ui.available_width() - cancel_width - ui.spacing().item_spacing.x;
    let text = RichText::new(text).font(theme::SMALL);
    ui.add(ProgressBar::new(fraction).desired_width(width).text(text));
    let cancel = Button::new(RichText::new("Cancel").font(theme::SMALL))
        .min_size(vec2(cancel_width, LINE_HEIGHT));
    if ui
        .add(cancel)
        .on_hover_text("Nothing is kept of this rendering")
        .clicked()
    {
        songs.cancel();
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
