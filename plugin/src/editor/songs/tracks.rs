//! The stems of the song that is worked on: heard or not, and each as a file of its own with one press.

use egui::{Align, Layout, RichText, Sense, Ui, vec2};
use unweave_separation::files::naming;

use super::{button, named};
use crate::editor::{button as switches, theme};
use crate::ids;
use crate::songs::{Look, Pick, Songs, TrackLook};

const HEIGHT: f32 = 18.0;
const NAME_WIDTH: f32 = 62.0;

/// One line per stem.
pub fn draw(ui: &mut Ui, songs: &Songs, look: &Look) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 3.0);
        ui.spacing_mut().button_padding = vec2(5.0, 1.0);
        ui.spacing_mut().interact_size.y = HEIGHT;
        for (idx, track) in look.tracks.iter().enumerate() {
            ui.horizontal(|ui| line(ui, songs, (idx, track), look));
        }
    });
}

fn line(ui: &mut Ui, songs: &Songs, (idx, track): (usize, &TrackLook), look: &Look) {
    let palette = theme::of(ui.ctx());
    let stem = &track.name;
    let name = naming::capitalised(stem);
    let color = ids::STEMS.iter().position(|known| known == stem);
    let color = color.map_or(palette.text_dim, |stem_idx| palette.stems[stem_idx]);
    let (rect, _) = ui.allocate_exact_size(vec2(4.0, HEIGHT), Sense::empty());
    ui.painter().rect_filled(rect, 1.0, color);
    let size = vec2(NAME_WIDTH, HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(size);
        ui.label(RichText::new(&name).font(theme::SMALL));
    });
    let mute = switches::Look {
        text: "M",
        label: &format!("{name} track mute"),
        color: palette.mute,
        size: vec2(24.0, HEIGHT),
    };
    if switches::switch(ui, track.is_muted, mute)
        .on_hover_text("Leaves this stem out while the song is played here")
        .clicked()
    {
        songs.mute(idx, !track.is_muted);
    }
    let solo = switches::Look {
        text: "S",
        label: &format!("{name} track solo"),
        color: palette.solo,
        ..mute
    };
    if switches::switch(ui, track.is_soloed, solo)
        .on_hover_text("Plays this stem and others with S only; with Ctrl or Cmd this one alone")
        .clicked()
    {
        if ui.input(|input| input.modifiers.command) {
            songs.solo_alone(idx);
        } else {
            songs.solo(idx, !track.is_soloed);
        }
    }
    let is_free = look.stage.as_ref().is_none_or(|stage| stage.is_over());
    let lower = name.to_lowercase();
    for (text, pick, hint) in [
        (
            "Only",
            Pick::Only(stem.clone()),
            format!("Render only {lower}: one file"),
        ),
        (
            "Without",
            Pick::Without(stem.clone()),
            format!("Render everything but {lower}: one file"),
        ),
    ] {
        let response = ui.add_enabled(is_free, button(text).min_size(vec2(0.0, HEIGHT)));
        named(
            &response,
            egui::accesskit::Role::Button,
            &format!("{text} {lower}"),
        );
        if response.on_hover_text(hint).clicked() {
            songs.render(pick);
        }
    }
}
