//! How stems are rendered, and what comes of it.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Button, CollapsingHeader, ComboBox, ProgressBar, Ui, WidgetInfo, vec2};
use unweave_separation::Model;
use unweave_separation::audio::write::{BitDepth, FileFormat};

use super::{field, list, note};
use crate::editor::theme;
use crate::ids;
use crate::render::Stage;
use crate::takes::{self, Listening, PathKind, Settings, Takes};

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

/// Folder, files, format, model.
pub fn settings(ui: &mut Ui, takes: &Arc<Takes>, installed: &mut Option<Installed>) {
    let before = takes.settings();
    let mut settings = before.clone();
    folder(ui, takes, &mut settings);
    ui.horizontal(|ui| {
        choice(ui, ("Format", 64.0), &FORMATS, &mut settings.format);
        if settings.format != FileFormat::MP3 {
            choice(ui, ("Bit depth", 100.0), &DEPTHS, &mut settings.depth);
        }
    });
    let installed = installed.get_or_insert_with(|| {
        let models = takes::models();
        let best = takes::best_model(&models);
        Installed { models, best }
    });
    model(ui, installed, &mut settings.model);
    CollapsingHeader::new("Files").show(ui, |ui| files(ui, &mut settings));
    if settings != before {
        takes.set_settings(settings);
    }
}

fn folder(ui: &mut Ui, takes: &Arc<Takes>, settings: &mut Settings) {
    let mut folder = settings.folder.display().to_string();
    let (response, is_browsed) = list::browse_row(ui, "Choose the folder", |ui, width| {
        let edit = field(&mut folder, "Folder for the stems");
        ui.add(edit.desired_width(width))
            .on_hover_text("The stems go to a new folder in here")
    });
    if is_browsed {
        takes.browse(PathKind::Folder);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Folder for the stems"));
    if response.changed() {
        settings.folder = takes::typed_path(&folder);
    }
}

/// Left out where there is nothing to choose.
fn model(ui: &mut Ui, installed: &Installed, wanted: &mut Option<String>) {
    let Installed { models, best } = installed;
    let mut chosen = wanted.as_ref().unwrap_or(best).clone();
    let mut names: Vec<(String, &str)> = models
        .iter()
        .map(|model| (model.manifest.id.clone(), model.manifest.name.as_str()))
        .collect();
    let missing = format!("{chosen} (not installed)");
    if !names.iter().any(|(id, _)| *id == chosen) {
        names.push((chosen.clone(), &missing));
    }
    if names.len() < 2 {
        return;
    }
    choice(ui, ("Model", ui.available_width()), &names, &mut chosen);
    let known = models.iter().find(|model| model.manifest.id == chosen);
    if let Some(model) = known {
        let licence = format!("Licence: {}", model.manifest.licence);
        note(ui, &licence, theme::TEXT_DIM);
    }
    if chosen != *wanted.as_ref().unwrap_or(best) {
        *wanted = Some(chosen);
    }
}

fn files(ui: &mut Ui, settings: &mut Settings) {
    for stem in ids::STEMS {
        let mut is_wanted = !settings.without.iter().any(|without| without == stem);
        let label = unweave_separation::files::naming::stem_label(stem);
        if ui.checkbox(&mut is_wanted, label).changed() {
            settings.without.retain(|without| without != stem);
            if !is_wanted {
                settings.without.push(stem.to_owned());
            }
        }
    }
    ui.checkbox(&mut settings.has_mix, "Full Mix");
    ui.checkbox(&mut settings.has_instrumental, "Instrumental");
    let response = ui
        .add(field(&mut settings.sums, "No Drums=bass+vocals+other"))
        .on_hover_text("Files that are sums of stems; several with semicolons between");
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Sums"));
}

fn choice<T: Clone + PartialEq>(
    ui: &mut Ui,
    (label, width): (&str, f32),
    choices: &[(T, &str)],
    chosen: &mut T,
) {
    let shown = choices.iter().find(|(choice, _)| choice == chosen);
    let response = ComboBox::from_id_salt(label)
        .width(width)
        .truncate()
        .selected_text(shown.map_or("", |(_, text)| *text))
        .show_ui(ui, |ui| {
            for (choice, text) in choices {
                ui.selectable_value(chosen, choice.clone(), *text);
            }
        })
        .response;
    response
        .on_hover_text(label)
        .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, label));
}

/// Listening, rendering, and how far it is.
pub fn actions(ui: &mut Ui, takes: &Takes) {
    let stage = takes.stage();
    let is_running = matches!(stage, Some(Stage::Loading | Stage::Running(_)));
    if takes.chosen().is_some() {
        ui.horizontal(|ui| {
            listen(ui, takes);
            let render = Button::new("Render stems").min_size(vec2(ui.available_width(), 26.0));
            if ui.add_enabled(!is_running, render).clicked() {
                takes.render();
            }
        });
        if let Listening::Failed(reason) = takes.listening() {
            note(ui, &reason, theme::WARNING);
        }
    }
    match stage {
        None => {}
        Some(Stage::Loading) => progress(ui, takes, 0.0, "Loading the model"),
        Some(Stage::Running(now)) => {
            let remaining = takes::remaining(now.remaining);
            #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
            progress(ui, takes, now.fraction as f32, &remaining);
        }
        Some(Stage::Done { dir, notes }) => {
            let text = format!("Rendered into {}", dir.display());
            note(ui, &text, theme::TEXT);
            for text in &notes {
                note(ui, text, theme::TEXT_DIM);
            }
            ui.horizontal(|ui| {
                if ui.button("Show in folder").clicked() {
                    takes.show(&dir);
                }
                dismiss(ui, takes);
            });
        }
        Some(Stage::Failed(reason)) => {
            note(ui, &reason, theme::WARNING);
            dismiss(ui, takes);
        }
        Some(Stage::Cancelled) => {
            note(ui, "Cancelled, nothing was kept of it", theme::TEXT_DIM);
            dismiss(ui, takes);
        }
    }
}

fn listen(ui: &mut Ui, takes: &Takes) {
    let text = match takes.listening() {
        Listening::Preparing => "Preparing…",
        Listening::Playing => "Stop",
        Listening::Off | Listening::Failed(_) => "Listen",
    };
    let button = Button::new(text).min_size(vec2(84.0, 26.0));
    let hint = "Hear the first 10 seconds as the model separates them, in place of the output, mixed with \
                the faders";
    if ui.add(button).on_hover_text(hint).clicked() {
        match takes.listening() {
            Listening::Off | Listening::Failed(_) => takes.listen(),
            Listening::Preparing | Listening::Playing => takes.stop_listening(),
        }
    }
}

fn progress(ui: &mut Ui, takes: &Takes, fraction: f32, text: &str) {
    ui.horizontal(|ui| {
        let width = ui.available_width() - list::BROWSE_WIDTH - ui.spacing().item_spacing.x;
        ui.add(ProgressBar::new(fraction).desired_width(width).text(text));
        let cancel = Button::new("Cancel").min_size(vec2(list::BROWSE_WIDTH, 0.0));
        if ui.add(cancel).clicked() {
            takes.cancel();
        }
    });
}

fn dismiss(ui: &mut Ui, takes: &Takes) {
    if ui.button("OK").clicked() {
        takes.dismiss();
    }
}
