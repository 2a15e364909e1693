//! The choice of model, live mode and device.

use std::sync::{Arc, OnceLock};

use egui::accesskit::Role;
use egui::{ComboBox, RichText, Ui, WidgetInfo};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::Param as _;
use unweave_separation::loading::strips::Strips;
use unweave_separation::runtime::{DeviceStatus, DeviceVerdict, devices};
use unweave_separation::{DeviceChoice, Error, Mode, Model, Purpose, Store};

use crate::editor::{gesture, theme};
use crate::model::ModePlan;
use crate::params::UnweaveParams;
use crate::report::Source;
use crate::wanted::Wanted;
use crate::{ids, loads, place};

/// Lists that take a while to make: looked up when a menu opens.
#[derive(Default)]
pub struct ModelsView {
    models: Vec<Entry>,
    is_open: bool,
    /// Asked for once per window, on a thread of its own: a GPU's driver takes seconds to start.
    devices: Option<Arc<OnceLock<Vec<Device>>>>,
}

/// A model in the menu.
struct Entry {
    id: String,
    text: String,
    /// Why it can't be chosen.
    problem: Option<String>,
}

/// A device in the menu.
struct Device {
    id: String,
    name: &'static str,
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
    let menu = ComboBox::from_id_salt("model")
        .width(150.0)
        .truncate()
        .selected_text(RichText::new(&current).font(theme::BODY))
        .show_ui(ui, |ui| {
            if !std::mem::replace(&mut view.is_open, true) {
                view.models = list();
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
        });
    if menu.inner.is_none() {
        view.is_open = false;
    }
    menu.response.widget_info(|| named("Model", &current));
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
                let wanted = Wanted {
                    mode: *mode,
                    ..facts.wanted.clone()
                };
                let latency_ms = facts.millis(plan.latency_frames());
                let load = match loads::known(&wanted, facts.sample_rate) {
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
    menu.response.widget_info(|| named("Mode", current.name()));
}

/// Every model that is installed; what can't be used is there, with the reason.
fn list() -> Vec<Entry> {
    let entry = |model: Result<Model, Error>| match model {
        Ok(model) => Entry {
            text: format!("{} ({})", model.manifest.name, model.manifest.id),
            problem: Strips::new(&model, &ids::STEMS, Purpose::Live(Mode::Standard))
                .err()
                .map(|error| error.to_string()),
            id: model.manifest.id,
        },
        Err(error) => Entry {
            id: String::new(),
            text: "(damaged)".to_owned(),
            problem: Some(error.to_string()),
        },
    };
    Store::from_environment()
        .list()
        .into_iter()
        .map(entry)
        .collect()
}

fn device(ui: &mut Ui, view: &mut ModelsView, params: &UnweaveParams) {
    let current = params.device.get();
    let name = match current.parse() {
        Ok(DeviceChoice::Only(device) | DeviceChoice::Prefer(device)) => device.name(),
        _ => "Fastest device",
    };
    let menu = ComboBox::from_id_salt("device")
        .width(120.0)
        .truncate()
        .selected_text(RichText::new(name).font(theme::BODY))
        .show_ui(ui, |ui| {
            let devices = view
                .devices
                .get_or_insert_with(|| look_up_devices(ui.ctx()));
            let fastest = Device {
                id: DeviceChoice::Auto.to_string(),
                name: "Fastest device",
                problem: None,
            };
            let known = devices.get();
            for device in std::iter::once(&fastest).chain(known.into_iter().flatten()) {
                let is_chosen = device.id == current;
                let label = egui::Button::selectable(is_chosen, device.name);
                let response = ui.add_enabled(device.problem.is_none(), label);
                if let Some(problem) = &device.problem {
                    response.on_disabled_hover_text(problem);
                } else if response.clicked() && !is_chosen {
                    params.device.choose(&device.id);
                }
            }
            if known.is_none() {
                ui.label("Looking for devices …");
            }
        });
    menu.response.widget_info(|| named("Device", name));
}

fn look_up_devices(ctx: &egui::Context) -> Arc<OnceLock<Vec<Device>>> {
    let found = Arc::new(OnceLock::new());
    let (result, ctx) = (Arc::clone(&found), ctx.clone());
    let look = move || {
        let all = devices(&place::runtime_folders()).unwrap_or_default();
        // Only ever set here.
        let _ = result.set(all.iter().map(entry).collect());
        ctx.request_repaint();
    };
    // Without a thread the list stays empty, and the fastest device is used.
    let _ = std::thread::Builder::new()
        .name("unweave-devices".to_owned())
        .spawn(look);
    found
}

fn entry(status: &DeviceStatus) -> Device {
    let problem = match &status.verdict {
        DeviceVerdict::Usable => None,
        DeviceVerdict::Fails { reason } => Some(reason.clone()),
        _ => Some("This ONNX Runtime was built without it".to_owned()),
    };
    Device {
        id: status.device.id().to_owned(),
        name: status.device.name(),
        problem,
    }
}

fn named(label: &str, value: &str) -> WidgetInfo {
    let mut info = WidgetInfo::labeled(Role::ComboBox, true, label);
    info.current_text_value = Some(value.to_owned());
    info
}
