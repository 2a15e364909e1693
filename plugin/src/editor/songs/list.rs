//! One row per song or take.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Align, Button, Layout, Rect, RichText, Ui, vec2};
use unweave_live::capture::kept::Kept;
use unweave_live::capture::{Ending, Position};

use super::icon::{self, Icon};
use super::{button, field, named, note, song, tracks, waveform};
use crate::editor::theme;
use crate::render::Stage;
use crate::songs::{Listening, Look, Songs, clock, room, shorten_middle};

/// Room for a length.
const LENGTH_WIDTH: f32 = 52.0;
/// Letters of a name that fit into a row.
const NAME_LETTERS: usize = 26;
const WAVEFORM_HEIGHT: f32 = 14.0;
/// Of a row that is not worked on, with what is between its lines.
const ROW_HEIGHT: f32 = icon::SIZE + 6.0 + WAVEFORM_HEIGHT;

/// Takes of instances that have gone: they are listed again, or go.
pub fn kept(ui: &mut Ui, songs: &Songs, kept: &mut Option<(f64, Vec<Kept>)>) {
    let palette = theme::of(ui.ctx());
    let Some((_, list)) = kept else { return };
    if list.is_empty() {
        return;
    }
    let num_bytes: u64 = list.iter().map(|take| take.num_bytes).sum();
    let what = match list.len() {
        1 => format!(
            "“{}” from before",
            shorten_middle(&list[0].name, NAME_LETTERS)
        ),
        several => format!("{several} takes from before"),
    };
    note(
        ui,
        &format!("{what}, {}, not rendered yet:", room(num_bytes)),
        palette.text,
    );
    let mut is_answered = false;
    ui.horizontal(|ui| {
        for (text, hint, is_removed) in [
            (
                "List again",
                "Takes that were here when the host was closed",
                false,
            ),
            ("Remove", "Deletes their files", true),
        ] {
            if ui.add(button(text)).on_hover_text(hint).clicked() {
                songs.bring_back(list, is_removed);
                is_answered = true;
            }
        }
    });
    if is_answered {
        *kept = None;
    }
    ui.separator();
}

/// All rows; the one that is worked on with all there is to it.
pub fn draw(ui: &mut Ui, songs: &Arc<Songs>, rows: &[Look], drag_start: &mut Option<u64>) {
    let palette = theme::of(ui.ctx());
    let chosen = songs.chosen().map(|look| look.key);
    let playing = songs.playing();
    for row in rows {
        let is_chosen = chosen == Some(row.key);
        let top = ui.cursor().top();
        let size = vec2(ui.available_width(), ROW_HEIGHT);
        // There may be thousands.
        if !is_chosen && !ui.is_rect_visible(Rect::from_min_size(ui.cursor().min, size)) {
            ui.allocate_space(size);
            continue;
        }
        ui.push_id(row.key, |ui| {
            head(ui, songs, row, (is_chosen, playing == Some(row.key)));
            if is_chosen {
                song::draw(ui, songs, row, drag_start);
                tracks::draw(ui, songs, row);
                song::outcome(ui, songs, row);
            } else {
                let shown = waveform::Shown {
                    overview: &row.overview,
                    num_frames: row.length(),
                    playhead: (row.playhead > 0).then_some(row.playhead),
                };
                if waveform::draw(ui, &shown, WAVEFORM_HEIGHT)
                    .on_hover_text("Click to hear and render its stems")
                    .clicked()
                {
                    songs.choose(row.key);
                }
            }
        });
        if is_chosen {
            let left = ui.min_rect().left();
            let bottom = ui.cursor().top() - ui.spacing().item_spacing.y;
            let line = Rect::from_x_y_ranges(left - 5.0..=left - 2.0, top..=bottom);
            let painter = ui.painter().with_clip_rect(line);
            painter.rect_filled(line, 1.0, palette.solo);
        }
    }
}

/// Play, name, length and the way out.
fn head(ui: &mut Ui, songs: &Songs, row: &Look, (is_chosen, is_playing): (bool, bool)) {
    ui.horizontal(|ui| {
        play(ui, songs, row, is_playing);
        // From the right, so that the name has what is left.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            remove(ui, songs, row);
            length(ui, row);
            if is_chosen {
                name_field(ui, songs, row);
            } else {
                name_button(ui, songs, row);
            }
        });
    });
}

fn play(ui: &mut Ui, songs: &Songs, row: &Look, is_playing: bool) {
    let is_preparing = is_playing && songs.listening() == Listening::Preparing;
    let (sign, name) = match (is_playing, is_preparing) {
        (_, true) => (Icon::Waiting, "Stop"),
        (true, _) => (Icon::Stop, "Stop"),
        _ => (Icon::Play, "Play"),
    };
    let name = format!("{name} {}", row.label());
    let response = icon::button(ui, sign, &name).on_hover_text(if is_playing {
        "Stop, and hear the input again"
    } else {
        "Hear the stems in place of the input, mixed with the faders"
    });
    if response.clicked() {
        if is_playing {
            songs.stop();
        } else {
            songs.choose(row.key);
            songs.play();
        }
    }
}

fn remove(ui: &mut Ui, songs: &Songs, row: &Look) {
    let hint = match row.take {
        Some(_) => "Remove this take; its recording is deleted",
        None => "Take this song off the list; its file stays",
    };
    let name = format!("Remove {}", row.label());
    let response = icon::button(ui, Icon::Remove, &name);
    if response.on_hover_text(hint).clicked() {
        songs.remove(row.key);
    }
}

/// How long it is, or how far its rendering.
fn length(ui: &mut Ui, row: &Look) {
    let palette = theme::of(ui.ctx());
    let text = match &row.stage {
        Some(Stage::Waiting) => "waits".to_owned(),
        Some(Stage::Loading) => "0 %".to_owned(),
        Some(Stage::Running(now)) => format!("{:.0} %", 100.0 * now.fraction),
        _ => clock(row.length(), row.sample_rate),
    };
    let color = match &row.stage {
        Some(Stage::Done { .. }) => palette.well,
        Some(Stage::Failed(_)) => palette.warning,
        _ => palette.text_dim,
    };
    let text = RichText::new(text).font(theme::SMALL).color(color);
    let size = vec2(LENGTH_WIDTH, icon::SIZE);
    ui.add_sized(size, egui::Label::new(text))
        .on_hover_text(facts(row));
}

/// What else is known of it.
fn facts(row: &Look) -> String {
    let kilohertz = f64::from(row.sample_rate) / 1000.0;
    let mut facts = vec![format!(
        "{} long, at {kilohertz} kHz",
        clock(row.length(), row.sample_rate)
    )];
    let (position, ending) = row.take_facts();
    match position {
        Position::Frames(frame) => {
            let sign = if frame < 0 { "−" } else { "" };
            let time = clock(frame.unsigned_abs(), row.sample_rate);
            facts.push(format!(
                "it was played at {sign}{time} of the host's timeline"
            ));
        }
        Position::Beats(beats) => {
            facts.push(format!(
                "it was played at beat {:.1} of the host",
                beats + 1.0
            ));
        }
        Position::Unknown => {}
    }
    match ending {
        Ending::Stopped => {}
        Ending::Lost => facts.push("it ends early: the disk was too slow".to_owned()),
        Ending::Disk => facts.push("it ends early: the disk took no more".to_owned()),
    }
    match &row.stage {
        Some(Stage::Done { .. }) => facts.push("rendered".to_owned()),
        Some(Stage::Failed(_)) => facts.push("not rendered: click on it to see why".to_owned()),
        _ => {}
    }
    facts.join("\n")
}

fn name_button(ui: &mut Ui, songs: &Songs, row: &Look) {
    let text = shorten_middle(row.label(), NAME_LETTERS);
    let name = Button::new(RichText::new(text).font(theme::SMALL)).frame(false);
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        let response = ui.add(name).on_hover_text(row.label());
        named(&response, Role::Button, row.label());
        if response.clicked() {
            songs.choose(row.key);
        }
    });
}

fn name_field(ui: &mut Ui, songs: &Songs, row: &Look) {
    let mut name = row.name.clone();
    let response = ui
        .add(field(&mut name, &shorten_middle(&row.title, NAME_LETTERS)))
        .on_hover_text("What its stems are named after; empty for the song's own name");
    named(&response, Role::TextInput, "Name of the song");
    if response.changed() {
        songs.set_name(&name);
    }
}
