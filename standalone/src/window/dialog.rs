//! The choice of sound card.

use egui::{Align, ComboBox, Grid, Id, Layout, Modal, RichText, Ui};
use unweave_plugin::editor::palette::Palette;
use unweave_plugin::editor::theme;

use crate::sound::{Choice, Devices, Look, NONE};

const WIDTH: f32 = 440.0;
const FIELD_WIDTH: f32 = 300.0;
/// What a person reads where nothing was chosen.
const AUTOMATIC: &str = "Automatic";

/// What the dialog remembers.
#[derive(Default)]
pub struct Dialog {
    is_open: bool,
    looks_again: bool,
}

impl Dialog {
    pub fn open(&mut self) {
        self.is_open = true;
    }

    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the person wants it to be found out what there is, since the last time.
    pub fn looks_again(&mut self) -> bool {
        std::mem::take(&mut self.looks_again)
    }

    /// What was chosen now, if something was.
    pub fn draw(&mut self, ui: &Ui, look: &Look) -> Option<Choice> {
        if !self.is_open {
            return None;
        }
        let mut choice = look.choice.clone();
        let modal = Modal::new(Id::unique("sound")).show(ui.ctx(), |ui| {
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 40.0));
            let is_closed = self.head(ui);
            Grid::new("sound")
                .num_columns(2)
                .show(ui, |ui| fields(ui, look, &mut choice));
            ui.separator();
            let (text, color) = words(look, theme::of(ui.ctx()));
            ui.label(RichText::new(text).font(theme::BODY).color(color));
            is_closed
        });
        if modal.should_close() || modal.inner {
            self.is_open = false;
        }
        (choice != look.choice).then_some(choice)
    }

    /// What this is; whether it is to be closed.
    fn head(&mut self, ui: &mut Ui) -> bool {
        let mut is_closed = false;
        ui.horizontal(|ui| {
            ui.label(RichText::new("Sound").font(theme::TITLE).strong());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                is_closed = ui.button("Close").clicked();
                self.looks_again = ui
                    .button("Look again")
                    .on_hover_text("Finds what was plugged in or started meanwhile")
                    .clicked();
            });
        });
        ui.separator();
        is_closed
    }
}

fn fields(ui: &mut Ui, look: &Look, choice: &mut Choice) {
    let current = choice.system.clone();
    let mut systems: Vec<(Option<String>, String)> = vec![(None, AUTOMATIC.to_owned())];
    let named = look.devices.iter().map(|devices| devices.system.clone());
    systems.extend(named.map(|name| (Some(name.clone()), name)));
    systems.push((Some(NONE.to_owned()), "None: nothing is heard".to_owned()));
    if let Some(system) = field(ui, "System", current, systems) {
        // Devices of another are none of this one's.
        *choice = Choice {
            system,
            ..Choice::default()
        };
    }
    let in_use = look.in_use.as_ref();
    let used = in_use.map(|in_use| in_use.system.clone());
    let system = choice.system.clone().or(used);
    let nothing = Devices::default();
    let devices = look
        .devices
        .iter()
        .find(|devices| Some(&devices.system) == system.as_ref());
    let devices = devices.unwrap_or(&nothing);
    let outputs = names("The system's own", &devices.outputs, choice.output.as_ref());
    if let Some(output) = field(ui, "Output", choice.output.clone(), outputs) {
        choice.output = output;
        pin(choice, system.as_deref());
    }
    let inputs = names("None", &devices.inputs, choice.input.as_ref());
    if let Some(input) = field(ui, "Input", choice.input.clone(), inputs) {
        choice.input = input;
        pin(choice, system.as_deref());
    }
    let (rates, blocks) = in_use.map_or((&[][..], &[][..]), |in_use| {
        (&in_use.rates[..], &in_use.blocks[..])
    });
    let rates = numbers(rates, choice.sample_rate, |rate| {
        format!("{} kHz", f64::from(rate) / 1000.0)
    });
    if let Some(rate) = field(ui, "Sample rate", choice.sample_rate, rates) {
        choice.sample_rate = rate;
    }
    let blocks = numbers(blocks, choice.block_frames, |block| {
        format!("{block} frames")
    });
    if let Some(block) = field(ui, "Buffer", choice.block_frames, blocks) {
        choice.block_frames = block;
    }
}

/// A device of one system is that system's alone.
fn pin(choice: &mut Choice, system: Option<&str>) {
    if choice.output.is_some() || choice.input.is_some() {
        choice.system = system.map(str::to_owned);
    }
}

/// What can be chosen; what was chosen is among it, though it may be away.
fn names(
    automatic: &str,
    names: &[String],
    chosen: Option<&String>,
) -> Vec<(Option<String>, String)> {
    let away = chosen.filter(|chosen| !names.contains(chosen));
    let away = away.map(|name| (Some(name.clone()), format!("{name} (not there)")));
    let known = names.iter().map(|name| (Some(name.clone()), name.clone()));
    std::iter::once((None, automatic.to_owned()))
        .chain(away)
        .chain(known)
        .collect()
}

fn numbers(
    numbers: &[u32],
    chosen: Option<u32>,
    words: impl Fn(u32) -> String,
) -> Vec<(Option<u32>, String)> {
    let other = chosen.filter(|chosen| !numbers.contains(chosen));
    let all = other.into_iter().chain(numbers.iter().copied());
    std::iter::once((None, AUTOMATIC.to_owned()))
        .chain(all.map(|number| (Some(number), words(number))))
        .collect()
}

/// A menu beside its name; what was chosen now, if something was.
fn field<T: Clone + PartialEq>(
    ui: &mut Ui,
    name: &str,
    current: Option<T>,
    entries: Vec<(Option<T>, String)>,
) -> Option<Option<T>> {
    let palette = theme::of(ui.ctx());
    let label = ui.label(
        RichText::new(name)
            .font(theme::BODY)
            .color(palette.text_dim),
    );
    let shown = entries.iter().find(|(value, _)| *value == current);
    let shown = shown.map_or("", |(_, text)| text);
    let mut chosen = None;
    ComboBox::from_id_salt(name)
        .width(FIELD_WIDTH)
        .truncate()
        .selected_text(RichText::new(shown).font(theme::BODY))
        .show_ui(ui, |ui| {
            for (value, text) in &entries {
                if ui.selectable_label(*value == current, text).clicked() && *value != current {
                    chosen = Some(value.clone());
                }
            }
        })
        .response
        .labelled_by(label.id);
    ui.end_row();
    chosen
}

fn words(look: &Look, palette: &Palette) -> (String, egui::Color32) {
    if let Some(trouble) = &look.trouble {
        return (trouble.clone(), palette.warning);
    }
    let Some(in_use) = &look.in_use else {
        return ("Nothing is heard.".to_owned(), palette.text_dim);
    };
    let mut text = format!(
        "In use: {}, “{}”, {} kHz, a buffer of {} frames.",
        in_use.system,
        in_use.output,
        f64::from(in_use.sample_rate) / 1000.0,
        in_use.block_frames
    );
    if in_use.rates.is_empty() {
        text += &format!(
            " {} decides on rate and buffer, for all programs.",
            in_use.system
        );
    }
    (text, palette.well)
}
