//! *About*: what this is, what it uses, under which licences, and where its files are.

use egui::{Align, Id, Layout, Modal, OpenUrl, RichText, Ui};
use unweave_separation::Store;
use unweave_separation::files::folders;

use crate::editor::theme;
use crate::{manual, place, reveal, songs};

const WIDTH: f32 = 440.0;
const LICENCE: &str = "MIT or Apache-2.0, at your choice";
const PARTS: &str = "Networks of the built-in model: Spleeter by Deezer, MIT. MP3 files: LAME, LGPL. Models run in ONNX \
                     Runtime by Microsoft, MIT. Fonts: Ubuntu Font Licence and OFL. VST is a trademark of Steinberg \
                     Media Technologies GmbH. All notices are in THIRD-PARTY.txt, among the documents of the \
                     download.";

/// What there is to know, and of what.
type Facts = Vec<(&'static str, String)>;

/// A button that opens it, and what it opens.
pub fn draw(ui: &mut Ui, model_id: &str) {
    let id = Id::unique("about");
    let button = egui::Button::new(RichText::new("About").font(theme::SMALL)).frame(false);
    let button = ui
        .add(button)
        .on_hover_text("Version, licences, and where the files of Unweave are");
    if button.clicked() {
        // Looked up once: it takes a look at the disk.
        ui.data_mut(|data| data.insert_temp(id, facts(model_id)));
    }
    let Some(mut facts) = ui.data(|data| data.get_temp::<Facts>(id)) else {
        return;
    };
    let modal = Modal::new(id).show(ui.ctx(), |ui| {
        ui.set_width(WIDTH);
        about(ui, &mut facts)
    });
    let is_over = modal.should_close() || modal.inner;
    ui.data_mut(|data| {
        if is_over {
            data.remove_temp::<Facts>(id);
        } else {
            data.insert_temp(id, facts);
        }
    });
}

/// Whether it is to be closed.
fn about(ui: &mut Ui, facts: &mut Facts) -> bool {
    let palette = theme::of(ui.ctx());
    ui.label(RichText::new("UNWEAVE").font(theme::TITLE).strong());
    egui::Grid::new("about")
        .num_columns(2)
        .min_row_height(0.0)
        .show(ui, |ui| {
            for (what, text) in &*facts {
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    let what = RichText::new(*what).font(theme::SMALL);
                    ui.label(what.color(palette.text_dim));
                });
                ui.add(egui::Label::new(RichText::new(text).font(theme::SMALL)).wrap());
                ui.end_row();
            }
        });
    ui.horizontal(|ui| {
        let manual = ui
            .button("Manual")
            .on_hover_text("Opens in the browser, without the network");
        if manual.clicked() {
            match manual::write() {
                Ok(page) => ui.ctx().open_url(OpenUrl::new_tab(page.display())),
                Err(error) => {
                    facts.retain(|(what, _)| *what != "Manual");
                    facts.push(("Manual", format!("can't be written: {error}")));
                }
            }
        }
        let all: Vec<String> = facts
            .iter()
            .map(|(what, text)| format!("{what}: {text}"))
            .collect();
        let copy = ui
            .button("Copy all")
            .on_hover_text("For a report of a fault");
        if copy.clicked() {
            ui.ctx().copy_text(all.join("\n"));
        }
        if let Some(folder) = folders::user_data().filter(|folder| folder.is_dir()) {
            let show = ui
                .button("Show the data folder")
                .on_hover_text(folder.display().to_string());
            if show.clicked() {
                // The path is on the button for whom no window opens.
                reveal::show_in_folder(&folder, |_| {});
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.button("Close").clicked()
        })
        .inner
    })
    .inner
}

/// Where the framework writes what goes on.
fn log() -> String {
    std::env::var("NICE_LOG").unwrap_or_else(|_| {
        "none; the host started with NICE_LOG=FILE in its environment has one written there"
            .to_owned()
    })
}

fn facts(model_id: &str) -> Facts {
    let model = Store::from_environment().find(model_id);
    let model = model.map_or_else(
        |_| format!("{model_id}, which is not installed"),
        |model| {
            let manifest = &model.manifest;
            let [name, version, licence] = [&manifest.name, &manifest.version, &manifest.licence];
            format!("{name} {version}, licence {licence}")
        },
    );
    let path = |path: Option<std::path::PathBuf>| {
        path.map_or_else(|| "unknown".to_owned(), |path| path.display().to_string())
    };
    vec![
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Model", model),
        ("Licence", LICENCE.to_owned()),
        ("Uses", PARTS.to_owned()),
        ("Data", path(folders::user_data())),
        ("Takes", path(Some(songs::takes_folder()))),
        ("Stems", path(Some(place::stems_folder()))),
        ("Log", log()),
    ]
}
