//! What is rendered, how and to where.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Button, ComboBox, Id, PopupCloseBehavior, RichText, Ui, vec2};
use unweave_separation::Model;
use unweave_separation::audio::write::{BitDepth, FileFormat};

use super::{field, named};
use crate::editor::{catalogue, theme};
use crate::ids;
use crate::songs::{self, PathKind, Pick, Settings, Songs, shorten_middle};

/// Of all that is drawn here.
pub const HEIGHT: f32 = 122.0;

const BROWSE_WIDTH: f32 = 74.0;
const MORE_WIDTH: f32 = 52.0;
const RENDER_HEIGHT: f32 = 26.0;
/// Letters of a path that fit beside the button.
const PATH_LETTERS: usize = 27;
const MODEL_LETTERS: usize = 26;

const FORMATS: [(FileFormat, &str); 3] = [
    (FileFormat::Wav, "WAV"),
    (FileFormat::Flac, "FLAC"),
    (FileFormat::MP3, "MP3"),
];

const DEPTHS: [(BitDepth, &str); 3] = [
    (BitDepth::Int16, "16 bit"),
    (BitDepth::Int24, "24 bit"),
    (BitDepth::Float32, "32 bit float"),
];

/// The models that can be chosen.
pub struct Installed {
    models: Vec<Model>,
    /// Id of the one that is used if none is.
    best: String,
}

/// Folder, files, format, model, and what sets it off.
pub fn draw(ui: &mut Ui, songs: &Arc<Songs>, installed: &mut Option<Installed>, has_rows: bool) {
    let before = songs.settings();
    let mut settings = before.clone();
    ui.scope(|ui| {
        ui.style_mut().override_font_id = Some(theme::SMALL);
        folder(ui, songs, &mut settings);
        ui.horizontal(|ui| {
            let choice = Choice {
                label: "Format",
                hint: "Kind of the files",
                width: 62.0,
            };
            choice.draw(ui, &FORMATS, &mut settings.format);
            if settings.format != FileFormat::MP3 {
                let choice = Choice {
                    label: "Bit depth",
                    hint: "24 bit is enough for everything; 32 bit float for further processing",
                    width: 88.0,
                };
                choice.draw(ui, &DEPTHS, &mut settings.depth);
            }
            files(ui, &mut settings);
        });
        let installed = installed.get_or_insert_with(|| {
            let models = songs::models();
            let best = songs::best_model(&models);
            Installed { models, best }
        });
        model(ui, installed, &mut settings.model);
    });
    if settings != before {
        songs.set_settings(settings);
    }
    actions(ui, songs, has_rows);
}

/// Shows the end of a path, until it is typed in.
fn folder(ui: &mut Ui, songs: &Arc<Songs>, settings: &mut Settings) {
    let whole = settings.folder.display().to_string();
    let id = Id::unique("folder for the stems");
    let is_typed = ui.memory(|memory| memory.has_focus(id));
    let mut text = if is_typed {
        whole.clone()
    } else {
        tail(&whole, PATH_LETTERS)
    };
    ui.horizontal(|ui| {
        let width = ui.available_width() - BROWSE_WIDTH - ui.spacing().item_spacing.x;
        let edit = field(&mut text, "Folder for the stems").id(id);
        let response = ui
            .add(edit.desired_width(width))
            .on_hover_text(format!("Stems go to a new folder in here: {whole}"));
        named(&response, Role::TextInput, "Folder for the stems");
        if is_typed && response.changed() {
            settings.folder = songs::typed_path(&text);
        }
        let browse = Button::new("Browse…").min_size(vec2(BROWSE_WIDTH, 0.0));
        let browse = ui
            .add(browse)
            .on_hover_text("Choose the folder that stems go to");
        named(&browse, Role::Button, "Choose the folder");
        if browse.clicked() {
            songs.browse(PathKind::Folder);
        }
    });
}

/// The end of a path that is too long.
fn tail(path: &str, most: usize) -> String {
    let num_letters = path.chars().count();
    if num_letters <= most {
        return path.to_owned();
    }
    let tail: String = path.chars().skip(num_letters - most + 1).collect();
    format!("…{tail}")
}

fn model(ui: &mut Ui, installed: &Installed, wanted: &mut Option<String>) {
    let Installed { models, best } = installed;
    let mut chosen = wanted.as_ref().unwrap_or(best).clone();
    let name = |model: &Model| shorten_middle(&model.manifest.name, MODEL_LETTERS);
    let mut names: Vec<(String, String)> = models
        .iter()
        .map(|model| (model.manifest.id.clone(), name(model)))
        .collect();
    if !names.iter().any(|(id, _)| *id == chosen) {
        names.push((chosen.clone(), format!("{chosen} (not installed)")));
    }
    let names: Vec<(String, &str)> = names
        .iter()
        .map(|(id, name)| (id.clone(), name.as_str()))
        .collect();
    let known = models.iter().find(|model| model.manifest.id == chosen);
    let hint = known.map_or_else(String::new, |model| {
        format!("\nLicence: {}", model.manifest.licence)
    });
    ui.horizontal(|ui| {
        let choice = Choice {
            label: "Model for files",
            hint: &format!("What renders the stems, and plays what is not rendered yet{hint}"),
            width: ui.available_width() - MORE_WIDTH - ui.spacing().item_spacing.x,
        };
        choice.draw(ui, &names, &mut chosen);
        let more = Button::new("More…").min_size(vec2(MORE_WIDTH, 0.0));
        let more = ui
            .add(more)
            .on_hover_text("Get more models: what they are good for, size, licence, download");
        named(&more, Role::Button, "Get more models…");
        if more.clicked() {
            catalogue::open(ui.ctx());
        }
    });
    if chosen != *wanted.as_ref().unwrap_or(best) {
        *wanted = Some(chosen);
    }
}

/// Which files a set has: stems, sums and the mix.
fn files(ui: &mut Ui, settings: &mut Settings) {
    let num_files = settings.num_files();
    let text = match num_files {
        0 => "No files".to_owned(),
        1 => "1 file".to_owned(),
        several => format!("{several} files"),
    };
    let response = ComboBox::from_id_salt("files")
        .width(ui.available_width())
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .height(320.0)
        .selected_text(text)
        .show_ui(ui, |ui| {
            for stem in ids::STEMS {
                let mut is_wanted = settings.has_stem(stem);
                let label = unweave_separation::files::naming::stem_label(stem);
                if ui.checkbox(&mut is_wanted, label).changed() {
                    settings.set_stem(stem, is_wanted);
                }
            }
            ui.separator();
            ui.checkbox(&mut settings.has_mix, "Full Mix");
            ui.checkbox(&mut settings.has_instrumental, "Instrumental")
                .on_hover_text("Everything but the vocals");
            for stem in ids::STEMS.into_iter().filter(|stem| *stem != "vocals") {
                let mut is_wanted = settings.has_without(stem);
                let label = format!("Everything but {stem}");
                if ui.checkbox(&mut is_wanted, label).changed() {
                    settings.set_without(stem, is_wanted);
                }
            }
            for sum in settings.other_sums() {
                let mut is_wanted = true;
                if ui.checkbox(&mut is_wanted, &sum.label).changed() {
                    settings.drop_sum(&sum.label);
                }
            }
        })
        .response
        .on_hover_text("Which files a set has");
    named(&response, Role::ComboBox, "Files");
}

/// A menu of a few.
struct Choice<'a> {
    label: &'a str,
    hint: &'a str,
    width: f32,
}

impl Choice<'_> {
    fn draw<T: Clone + PartialEq>(self, ui: &mut Ui, choices: &[(T, &str)], chosen: &mut T) {
        let shown = choices.iter().find(|(choice, _)| choice == chosen);
        let response = ComboBox::from_id_salt(self.label)
            .width(self.width)
            .truncate()
            .selected_text(shown.map_or("", |(_, text)| *text))
            .show_ui(ui, |ui| {
                for (choice, text) in choices {
                    ui.selectable_value(chosen, choice.clone(), *text);
                }
            })
            .response
            .on_hover_text(self.hint);
        named(&response, Role::ComboBox, self.label);
    }
}

/// What sets it off.
fn actions(ui: &mut Ui, songs: &Songs, has_rows: bool) {
    let is_running = songs.stage().is_some_and(|stage| !stage.is_over());
    ui.horizontal(|ui| {
        let all_width = 84.0;
        let width = ui.available_width() - all_width - ui.spacing().item_spacing.x;
        let render = Button::new(RichText::new("Render stems").font(theme::BODY))
            .min_size(vec2(width, RENDER_HEIGHT));
        let is_chosen = songs.chosen().is_some();
        let render = ui
            .add_enabled(is_chosen && !is_running, render)
            .on_hover_text("Writes the stems of the song that is chosen, in the background")
            .on_disabled_hover_text(if is_running {
                "It is being rendered"
            } else {
                "Choose a song or a take first"
            });
        if render.clicked() {
            songs.render(Pick::Set);
        }
        let all = Button::new("Render all").min_size(vec2(all_width, RENDER_HEIGHT));
        let all = ui
            .add_enabled(has_rows, all)
            .on_hover_text("Writes the stems of all songs in the list that have none yet")
            .on_disabled_hover_text("There are no songs yet");
        if all.clicked() {
            songs.render_all();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_path_the_end_is_seen() {
        assert_eq!(tail("/home/kim/Music", 15), "/home/kim/Music");
        assert_eq!(tail("/home/kim/Musik/Köln", 10), "…usik/Köln");
    }
}
