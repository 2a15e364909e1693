//! The menu of presets: chooses, saves, renames and removes them, and knows which one is set.

use egui::accesskit::Role;
use egui::{
    Button, Popup, PopupCloseBehavior, Response, RichText, ScrollArea, TextEdit, Ui, WidgetInfo,
    vec2,
};
use nice_plug::context::gui::GuiContext;

use crate::editor::keys::Wish;
use crate::editor::theme;
use crate::params::UnweaveParams;
use crate::presets::folder::{Folder, UserPreset};
use crate::presets::{FACTORY, factory};
use crate::strips::Strips;

/// Of the button that opens the menu.
const WIDTH: f32 = 124.0;
/// Of the menu.
const MENU_WIDTH: f32 = 230.0;
/// Height of the window that the menu's list leaves to what is above and below it.
const AROUND_LIST: f32 = 200.0;
/// Height of a preset in the list.
const ROW_HEIGHT: f32 = 20.0;

/// What the menu remembers.
pub struct PresetsView {
    folder: Option<Folder>,
    /// The user's, looked up when the menu opens.
    user: Vec<UserPreset>,
    is_open: bool,
    /// What is typed.
    name: String,
    /// What went wrong, in the user's words.
    refusal: Option<String>,
    /// Settings that were put aside, to be swapped with what is set.
    aside: Option<Strips>,
}

impl Default for PresetsView {
    fn default() -> Self {
        Self::new(Folder::of_user())
    }
}

impl PresetsView {
    /// Of the user's presets there.
    pub fn new(folder: Option<Folder>) -> Self {
        let mut view = Self {
            folder,
            user: Vec::new(),
            is_open: false,
            name: String::new(),
            refusal: None,
            aside: None,
        };
        view.look_up();
        view
    }

    fn look_up(&mut self) {
        self.user = self.folder.as_ref().map(Folder::list).unwrap_or_default();
    }

    /// The preset by this name.
    fn find(&self, name: &str) -> Option<Strips> {
        factory(name).or_else(|| {
            let user = self.user.iter().find(|preset| preset.name == name);
            user.and_then(|preset| preset.strips.clone().ok())
        })
    }

    /// What is set, in a word; with a star if it was a preset and isn't any more.
    fn title(&self, params: &UnweaveParams) -> String {
        let now = Strips::of(params);
        let chosen = params.preset.read().clone();
        if let Some(name) = chosen {
            return match self.find(&name) {
                Some(strips) if strips == now => name,
                _ => format!("{name} *"),
            };
        }
        let known = FACTORY.iter().find(|(_, effect)| effect.strips() == now);
        known.map_or("Your own mix", |(name, _)| name).to_owned()
    }

    /// Does what keys ask for.
    pub fn obey(&mut self, wish: Wish, params: &UnweaveParams, host: &GuiContext) {
        match wish {
            Wish::NextPreset => self.step(1, params, host),
            Wish::PreviousPreset => self.step(-1, params, host),
            Wish::Reset => reset(params, host),
        }
    }

    /// The next preset or the one before, round and round.
    fn step(&mut self, by: isize, params: &UnweaveParams, host: &GuiContext) {
        self.look_up();
        let usable = self.user.iter().filter(|preset| preset.strips.is_ok());
        let names: Vec<&str> = FACTORY
            .iter()
            .map(|(name, _)| *name)
            .chain(usable.map(|preset| preset.name.as_str()))
            .collect();
        let title = self.title(params);
        let now = names
            .iter()
            .position(|name| *name == title.trim_end_matches(" *"));
        let next = match now {
            Some(idx) => (idx + names.len())
                .saturating_add_signed(by)
                .rem_euclid(names.len()),
            None => 0,
        };
        let name = names[next].to_owned();
        self.choose(&name, params, host);
    }

    fn choose(&self, name: &str, params: &UnweaveParams, host: &GuiContext) {
        if let Some(strips) = self.find(name) {
            strips.apply(params, host);
            *params.preset.write() = Some(name.to_owned());
        }
    }
}

fn reset(params: &UnweaveParams, host: &GuiContext) {
    Strips::default().apply(params, host);
    *params.preset.write() = None;
}

/// The menu and its arrows, from the right to the left.
pub fn draw(ui: &mut Ui, view: &mut PresetsView, params: &UnweaveParams, host: &GuiContext) {
    ui.spacing_mut().item_spacing.x = 2.0;
    if arrow(ui, "›", "Next preset", "The next preset (N)").clicked() {
        view.step(1, params, host);
    }
    let title = view.title(params);
    let button = Button::new(RichText::new(&title).font(theme::BODY))
        .truncate()
        .min_size(vec2(WIDTH, 0.0));
    let response = ui.add_sized(vec2(WIDTH, ui.spacing().interact_size.y), button);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Button, true, "Preset");
        info.current_text_value = Some(title.clone());
        info
    });
    if arrow(
        ui,
        "‹",
        "Previous preset",
        "The preset before (Shift and N)",
    )
    .clicked()
    {
        view.step(-1, params, host);
    }
    let popup = Popup::menu(&response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(MENU_WIDTH);
    let shown = popup.show(|ui| {
        if !std::mem::replace(&mut view.is_open, true) {
            view.look_up();
            view.refusal = None;
            view.name = params.preset.read().clone().unwrap_or_default();
        }
        menu(ui, view, params, host);
    });
    if shown.is_none() {
        view.is_open = false;
    }
}

fn arrow(ui: &mut Ui, text: &str, label: &str, hint: &str) -> Response {
    let response = ui.add(Button::new(RichText::new(text).font(theme::SMALL)).small());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    response.on_hover_text(hint)
}

fn menu(ui: &mut Ui, view: &mut PresetsView, params: &UnweaveParams, host: &GuiContext) {
    let palette = theme::of(ui.ctx());
    ui.set_width(MENU_WIDTH);
    let title = view.title(params);
    let mut chosen = None;
    let max_height = ui.ctx().content_rect().height() - AROUND_LIST;
    ScrollArea::vertical()
        .max_height(max_height.max(4.0 * ROW_HEIGHT))
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.spacing_mut().interact_size.y = ROW_HEIGHT;
            ui.spacing_mut().button_padding.y = 1.0;
            for (name, _) in FACTORY {
                if ui.selectable_label(title == name, name).clicked() {
                    chosen = Some(name.to_owned());
                }
            }
            if !view.user.is_empty() {
                ui.separator();
            }
            for preset in &view.user {
                let label = Button::selectable(title == preset.name, &preset.name).truncate();
                let response = ui.add_enabled(preset.strips.is_ok(), label);
                match &preset.strips {
                    Ok(_) if response.clicked() => chosen = Some(preset.name.clone()),
                    Ok(_) => {}
                    Err(refusal) => {
                        response.on_disabled_hover_text(refusal);
                        let note = RichText::new(refusal).font(theme::SMALL);
                        ui.label(note.color(palette.warning));
                    }
                }
            }
        });
    if let Some(name) = chosen {
        view.choose(&name, params, host);
        view.name = name;
    }
    ui.separator();
    // Buttons as everywhere, not as in a menu.
    ui.reset_style();
    files(ui, view, params);
    ui.separator();
    whole(ui, view, params, host);
    if let Some(refusal) = &view.refusal {
        ui.label(
            RichText::new(refusal)
                .font(theme::SMALL)
                .color(palette.warning),
        );
    }
}

/// Saves, renames and removes.
fn files(ui: &mut Ui, view: &mut PresetsView, params: &UnweaveParams) {
    let Some(folder) = view.folder.clone() else {
        return;
    };
    let field = TextEdit::singleline(&mut view.name)
        .hint_text("Name")
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Name of the preset"));
    let current = params.preset.read().clone();
    let current = current.filter(|name| view.user.iter().any(|preset| preset.name == *name));
    let mut done = None;
    ui.horizontal(|ui| {
        if ui
            .button("Save")
            .on_hover_text("Saves what is set by this name")
            .clicked()
        {
            done = Some(folder.save(&view.name, Strips::of(params)));
        }
        let has_one = current.is_some();
        let old = current.unwrap_or_default();
        let rename = ui.add_enabled(has_one, Button::new("Rename"));
        if rename
            .on_hover_text("Gives your preset this name")
            .clicked()
        {
            done = Some(folder.rename(&old, &view.name));
        }
        let remove = ui.add_enabled(has_one, Button::new("Remove"));
        if remove
            .on_hover_text("Removes your preset; what is set stays")
            .clicked()
        {
            done = Some(folder.remove(&old).map(|()| String::new()));
        }
    });
    match done {
        Some(Ok(name)) => {
            view.look_up();
            view.refusal = None;
            view.name.clone_from(&name);
            *params.preset.write() = Some(name).filter(|name| !name.is_empty());
        }
        Some(Err(refusal)) => view.refusal = Some(refusal),
        None => {}
    }
}

/// What is done with all that is set.
fn whole(ui: &mut Ui, view: &mut PresetsView, params: &UnweaveParams, host: &GuiContext) {
    ui.horizontal(|ui| {
        if ui
            .button("Put aside")
            .on_hover_text("Remembers what is set, to be compared with")
            .clicked()
        {
            view.aside = Some(Strips::of(params));
        }
        let swap = ui.add_enabled(view.aside.is_some(), Button::new("Swap"));
        if swap
            .on_hover_text("Sets what was put aside, and puts aside what is set")
            .clicked()
            && let Some(aside) = view.aside
        {
            view.aside = Some(Strips::of(params));
            aside.apply(params, host);
        }
        let hint = "Everything at 0 dB, nothing muted or soloed (Shift and Delete)";
        if ui.button("Reset all").on_hover_text(hint).clicked() {
            reset(params, host);
        }
    });
    if let Some(folder) = &view.folder {
        let hint = "New instances of the plug-in begin with what is set now";
        if ui
            .button("Use for new instances")
            .on_hover_text(hint)
            .clicked()
        {
            view.refusal = folder.set_for_new_instances(Strips::of(params)).err();
        }
    }
}
