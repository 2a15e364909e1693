//! The choice of model, live mode and device.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use egui::accesskit::Role;
use egui::{ComboBox, RichText, Ui, WidgetInfo};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::Param as _;
use unweave_separation::loading::strips::Strips;
use unweave_separation::runtime::{DeviceStatus, DeviceVerdict, devices};
use unweave_separation::{Device, DeviceChoice, Error, Mode, Model, Purpose, Store};

use crate::editor::{catalogue, theme};
use crate::gesture;
use crate::model::ModePlan;
use crate::model_choice::ModelChoice;
use crate::params::UnweaveParams;
use crate::report::Source;
use crate::songs::shorten_middle;
use crate::{ids, loads, place};

/// Letters of a model's name that fit into the closed menu.
const NAME_LETTERS: usize = 22;
/// No menu is so long that it has to be scrolled, but for that of somebody with dozens of models.
const MENU_HEIGHT: f32 = 420.0;

/// Lists that take a while to make: looked up when a menu opens.
#[derive(Default)]
pub struct ModelsView {
    models: Vec<Entry>,
    is_open: bool,
    name: ModelName,
    /// Asked for once per window, on a thread of its own: a GPU's driver takes seconds to start.
    devices: Option<Arc<OnceLock<&'static [DeviceStatus]>>>,
}

/// What a model is called, looked up when there is another.
#[derive(Default)]
pub struct ModelName {
    id: String,
    name: String,
}

impl ModelName {
    /// The name for people; the id, if it is not installed.
    pub fn of(&mut self, id: &str) -> &str {
        if self.id != id {
            id.clone_into(&mut self.id);
            let model = Store::from_environment().find(id);
            self.name = model.map_or_else(|_| id.to_owned(), |model| model.manifest.name);
        }
        &self.name
    }
}

/// A model in the menu.
struct Entry {
    id: String,
    text: String,
    /// Why it can't be chosen.
    problem: Option<String>,
}

/// The menus; the status line says what a change waits for.
pub fn draw(ui: &mut Ui, view: &mut ModelsView, params: &UnweaveParams, host: &GuiContext) {
    models(ui, view, params);
    mode(ui, params, host);
    device(ui, view, params);
}

fn models(ui: &mut Ui, view: &mut ModelsView, params: &UnweaveParams) {
    let current = params.model.get();
    let name = view.name.of(&current).to_owned();
    let menu = ComboBox::from_id_salt("model")
        .width(150.0)
        .height(MENU_HEIGHT)
        .truncate()
        .selected_text(RichText::new(shorten_middle(&name, NAME_LETTERS)).font(theme::BODY))
        .show_ui(ui, |ui| {
            if !std::mem::replace(&mut view.is_open, true) {
                view.models = list();
                view.name = ModelName::default();
            }
            for entry in &view.models {
                let is_chosen = entry.id == current;
                let label = egui::Button::selectable(is_chosen, &entry.text);
                let response = ui.add_enabled(entry.problem.is_none(), label);
                if let Some(problem) = &entry.problem {
                    response.on_disabled_hover_text(problem);
                } else if response.clicked() && !is_chosen {
                    params.model.choose(&entry.id);
                }
            }
            ui.separator();
            if ui.button("Get more models…").clicked() {
                catalogue::open(ui.ctx());
                ui.close();
            }
        });
    if menu.inner.is_none() {
        view.is_open = false;
    }
    let hint = format!("What separates while it plays: {name}");
    menu.response
        .on_hover_text(hint)
        .widget_info(|| named("Model", &name));
}

/// The modes of the model that is heard, with what they cost; nothing if it has but one.
fn mode(ui: &mut Ui, params: &UnweaveParams, host: &GuiContext) {
    let Source::Engine(facts) = params.report.source() else {
        return;
    };
    if facts.modes.len() < 2 {
        return;
    }
    let current: Mode = params.mode.value().into();
    let menu = ComboBox::from_id_salt("mode")
        .width(92.0)
        .selected_text(RichText::new(current.name()).font(theme::BODY))
        .show_ui(ui, |ui| {
            for ModePlan { mode, plan } in &facts.modes {
                let choice = ModelChoice {
                    mode: *mode,
                    ..facts.choice.clone()
                };
                let latency_ms = facts.millis(plan.latency_frames());
                let load = match loads::known(&choice, facts.sample_rate) {
                    Some(load) => format!("load {:.0} %", 100.0 * load),
                    None => "load not measured yet".to_owned(),
                };
                let text = format!("{} · {latency_ms:.0} ms · {load}", mode.name());
                let is_chosen = *mode == current;
                if ui.add(egui::Button::selectable(is_chosen, text)).clicked() && !is_chosen {
                    let chosen = params.mode.preview_normalized((*mode).into());
                    gesture::set(host, &params.mode, chosen);
                }
            }
        });
    menu.response
        .on_hover_text(
            "Latency against load and quality; rendered files are the same in every mode",
        )
        .widget_info(|| named("Mode", current.name()));
}

/// Every model that is installed; what can't be used is there, with the reason.
fn list() -> Vec<Entry> {
    let entry = |model: Result<Model, Error>| match model {
        Ok(model) => Entry {
            text: shorten_middle(&model.manifest.name, 2 * NAME_LETTERS),
            problem: Strips::new(&model, &ids::STEMS, Purpose::Live(Mode::Standard))
                .err()
                .map(|error| error.to_string()),
            id: model.manifest.id,
        },
        Err(error) => Entry {
            id: String::new(),
            text: format!(
                "{} (damaged)",
                shorten_middle(&folder_of(&error), NAME_LETTERS)
            ),
            problem: Some(format!("{error}. Remove it, and get it again.")),
        },
    };
    let models = Store::from_environment().list().into_iter();
    let mut entries: Vec<Entry> = models.map(entry).collect();
    // Those of one name are told apart.
    let texts: Vec<String> = entries.iter().map(|entry| entry.text.clone()).collect();
    for entry in &mut entries {
        if texts.iter().filter(|text| **text == entry.text).count() > 1 {
            entry.text = format!("{} ({})", entry.text, entry.id);
        }
    }
    entries
}

/// What the folder is called of a model that can't be read.
fn folder_of(error: &Error) -> String {
    let manifest = match error {
        Error::Manifest { origin, .. } => Path::new(origin),
        Error::ModelUnreadable { path, .. } | Error::Checksum { path, .. } => path,
        _ => Path::new(""),
    };
    let folder = manifest.parent().and_then(Path::file_name);
    folder.map_or_else(
        || "A model".to_owned(),
        |folder| folder.to_string_lossy().into_owned(),
    )
}

fn device(ui: &mut Ui, view: &mut ModelsView, params: &UnweaveParams) {
    let current = params.device.get();
    let name = match current.parse() {
        Ok(DeviceChoice::Only(device) | DeviceChoice::Prefer(device)) => device.name(),
        _ => "Fastest device",
    };
    let menu = ComboBox::from_id_salt("device")
        .width(120.0)
        .height(MENU_HEIGHT)
        .truncate()
        .selected_text(RichText::new(name).font(theme::BODY))
        .show_ui(ui, |ui| {
            let devices = view
                .devices
                .get_or_insert_with(|| look_up_devices(ui.ctx()));
            let known = devices.get().copied();
            let fastest = (DeviceChoice::Auto.to_string(), "Fastest device", None);
            let entry = |device: Device| {
                let problem = problem(device, known);
                (device.id().to_owned(), device.name(), problem)
            };
            // All of them from the start: a menu that is open doesn't grow.
            for (id, name, problem) in
                std::iter::once(fastest).chain(Device::ALL.into_iter().map(entry))
            {
                let is_chosen = id == current;
                let label = egui::Button::selectable(is_chosen, name);
                let response = ui.add_enabled(problem.is_none(), label);
                if let Some(problem) = &problem {
                    response.on_disabled_hover_text(problem);
                } else if response.clicked() && !is_chosen {
                    params.device.choose(&id);
                }
            }
        });
    menu.response
        .on_hover_text("What computes: the processor, or a graphics card if there is one that can")
        .widget_info(|| named("Device", name));
}

fn look_up_devices(ctx: &egui::Context) -> Arc<OnceLock<&'static [DeviceStatus]>> {
    let found = Arc::new(OnceLock::new());
    let (result, ctx) = (Arc::clone(&found), ctx.clone());
    let look = move || {
        // Only ever set here.
        let _ = result.set(devices(&place::runtime_folders()).unwrap_or_default());
        ctx.request_repaint();
    };
    // Without a thread nobody is told, and the fastest device or the processor is used.
    let _ = std::thread::Builder::new()
        .name("unweave-devices".to_owned())
        .spawn(look);
    found
}

/// Why a device can't be chosen; none are known if ONNX Runtime is missing.
fn problem(device: Device, known: Option<&[DeviceStatus]>) -> Option<String> {
    if device == Device::Cpu {
        return None;
    }
    let Some(known) = known else {
        return Some("Unweave still looks whether this machine has it".to_owned());
    };
    let status = known.iter().find(|status| status.device == device);
    match status.map(|status| &status.verdict) {
        Some(DeviceVerdict::Usable) => None,
        Some(DeviceVerdict::Fails { reason }) => Some(reason.clone()),
        Some(_) => Some("This ONNX Runtime was built without it".to_owned()),
        None => Some("There is no ONNX Runtime that could be asked".to_owned()),
    }
}

/// What a screen reader says of a menu.
pub fn named(label: &str, value: &str) -> WidgetInfo {
    let mut info = WidgetInfo::labeled(Role::ComboBox, true, label);
    info.current_text_value = Some(value.to_owned());
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_by_their_names_and_damaged_ones_by_their_folders() {
        let mut name = ModelName::default();
        assert_eq!(name.of(crate::ids::BUILTIN_ID), "Unweave built-in");
        assert_eq!(name.of("no-such-model"), "no-such-model");
        let damaged = Error::Manifest {
            origin: "/models/htdemucs/model.toml".to_owned(),
            problem: "it is empty".to_owned(),
        };
        assert_eq!(folder_of(&damaged), "htdemucs");
    }
}
