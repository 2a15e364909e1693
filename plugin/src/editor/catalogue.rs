//! *Get more models…*: the public models, what they are good for, their size and licence, and a press that fetches one.

use egui::{
    Align, Button, Context, Id, Label, Layout, Modal, ProgressBar, RichText, ScrollArea, Ui,
};
use unweave_separation::Store;
use unweave_separation::loading::fetch::how_to_convert;
use unweave_separation::model::catalogue::{Catalogue, Commercial, Entry};

use crate::editor::theme;
use crate::fetching::{self, FetchStage, Fetching};
use crate::songs::room;

const WIDTH: f32 = 520.0;
/// Room for the bar that the list is scrolled with.
const BAR_WIDTH: f32 = 10.0;
/// Share of the window's height.
const HEIGHT_SHARE: f32 = 0.6;

/// What the list remembers.
#[derive(Default)]
pub struct CatalogueView {
    /// From when it was opened until it is closed.
    list: Option<List>,
    fetching: Option<Fetching>,
}

/// What there is.
struct List {
    catalogue: Result<Catalogue, String>,
    /// Ids of what is installed.
    installed: Vec<String>,
}

impl List {
    fn look_up() -> Self {
        let models = Store::from_environment().list().into_iter();
        Self {
            catalogue: fetching::catalogue(),
            installed: models
                .filter_map(|model| Some(model.ok()?.manifest.id))
                .collect(),
        }
    }
}

fn id() -> Id {
    Id::unique("catalogue of models")
}

/// Opens the list over the window, from wherever models are chosen.
pub fn open(ctx: &Context) {
    ctx.data_mut(|data| data.insert_temp(id(), true));
}

/// The list, if it is open; whether a model has come since the last time.
pub fn draw(ui: &Ui, view: &mut CatalogueView) -> bool {
    let palette = theme::of(ui.ctx());
    let ctx = ui.ctx();
    let has_come = view
        .fetching
        .as_ref()
        .is_some_and(|fetching| fetching.stage() == FetchStage::Done);
    if has_come {
        view.fetching = None;
        view.list = view.list.as_ref().map(|_| List::look_up());
    }
    if ctx
        .data_mut(|data| data.remove_temp::<bool>(id()))
        .is_some()
    {
        view.list = Some(List::look_up());
    }
    if view.fetching.is_some() {
        // What comes shows without a mouse being moved.
        ctx.request_repaint_after(std::time::Duration::from_millis(100));
    }
    let CatalogueView { list, fetching } = view;
    let Some(shown) = list else { return has_come };
    let height = ctx.content_rect().height() * HEIGHT_SHARE;
    let modal = Modal::new(id()).show(ctx, |ui| {
        ui.set_width(WIDTH.min(ctx.content_rect().width() - 40.0));
        let is_closed = head(ui);
        ScrollArea::vertical()
            .max_height(height)
            .auto_shrink(false)
            .show(ui, |ui| {
                // The bar lies over what is to the right of this.
                ui.set_max_width(ui.available_width() - BAR_WIDTH);
                match &shown.catalogue {
                    Ok(catalogue) => {
                        for entry in catalogue.entries() {
                            let is_installed = shown.installed.contains(&entry.id);
                            row(ui, (catalogue, entry), is_installed, fetching);
                        }
                    }
                    Err(problem) => {
                        ui.label(RichText::new(problem).color(palette.warning));
                    }
                }
            });
        is_closed
    });
    if modal.should_close() || modal.inner {
        *list = None;
    }
    has_come
}

/// What this is; whether it is to be closed.
fn head(ui: &mut Ui) -> bool {
    let palette = theme::of(ui.ctx());
    let is_closed = ui
        .horizontal(|ui| {
            ui.label(RichText::new("Get more models").font(theme::TITLE).strong());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.button("Close")
                    .on_hover_text("What is being fetched goes on")
                    .clicked()
            })
            .inner
        })
        .inner;
    let text = "Public models, from where they are published. Nothing is sent, and nothing is fetched until you say so. \
                The command unweave uses the same ones.";
    small(ui, text, palette.text_dim);
    ui.separator();
    is_closed
}

fn row(
    ui: &mut Ui,
    (catalogue, entry): (&Catalogue, &Entry),
    is_installed: bool,
    fetching: &mut Option<Fetching>,
) {
    let palette = theme::of(ui.ctx());
    ui.horizontal(|ui| {
        ui.label(RichText::new(&entry.name).font(theme::BODY).strong());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if is_installed {
                small(ui, "installed", palette.well);
            } else if entry.is_published() {
                get(ui, (catalogue, entry), fetching);
            } else {
                convert(ui, entry);
            }
            small(ui, &entry.stems().join(", "), palette.text_dim);
        });
    });
    small(ui, &entry.about, palette.text);
    let matter = match entry.commercial {
        Commercial::Allowed => "may be used for money",
        Commercial::Forbidden => "must not be used for money",
        Commercial::Unclear => "nobody has stated whether it may be used for money",
    };
    small(
        ui,
        &format!("Licence: {}; {matter}", entry.licence),
        palette.text_dim,
    );
    if let Some(now) = fetching.as_ref().filter(|now| now.id() == entry.id) {
        let stage = now.stage();
        let mut is_over = false;
        match stage {
            FetchStage::Running { num_bytes } => {
                is_over = progress(ui, num_bytes, total(catalogue, entry));
            }
            FetchStage::Trying => small(ui, "All is there; trying whether it runs", palette.text),
            FetchStage::Failed(reason) => {
                small(ui, &reason, palette.warning);
                is_over = ui.small_button("OK").clicked();
            }
            FetchStage::Done => {}
        }
        if is_over {
            *fetching = None;
        }
    }
    ui.separator();
}

/// What sets it off; a licence that has to be accepted is, by the press.
fn get(ui: &mut Ui, (catalogue, entry): (&Catalogue, &Entry), fetching: &mut Option<Fetching>) {
    let size = room(total(catalogue, entry));
    let (text, hint) = if entry.commercial.must_be_accepted() {
        let hint = format!("You accept its licence: {}. {}", entry.licence, entry.terms);
        (format!("Accept the licence and get it, {size}"), hint)
    } else {
        let hint = format!("Downloads it from {}", entry.source);
        (format!("Get it, {size}"), hint)
    };
    let is_free = fetching
        .as_ref()
        .is_none_or(|now| matches!(now.stage(), FetchStage::Failed(_)));
    let button = Button::new(RichText::new(text).font(theme::SMALL));
    let response = ui
        .add_enabled(is_free, button)
        .on_hover_text(hint)
        .on_disabled_hover_text("One at a time");
    response.widget_info(|| {
        let label = format!("Get {}", entry.name);
        egui::WidgetInfo::labeled(egui::accesskit::Role::Button, is_free, label)
    });
    if response.clicked() {
        // Without a thread the system is beyond a word about it.
        *fetching = Fetching::start(catalogue, entry, Store::from_environment()).ok();
    }
}

fn convert(ui: &mut Ui, entry: &Entry) {
    let advice = how_to_convert(entry).unwrap_or_default();
    let copy = Button::new(RichText::new("Copy how to convert it").font(theme::SMALL));
    if ui.add(copy).on_hover_text(&advice).clicked() {
        ui.ctx().copy_text(advice);
    }
}

/// Whether it is to stop.
fn progress(ui: &mut Ui, num_bytes: u64, total: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = num_bytes as f32 / total.max(1) as f32;
    ui.horizontal(|ui| {
        let text = format!("{} of {}", room(num_bytes), room(total));
        ui.add(
            ProgressBar::new(share)
                .desired_width(ui.available_width() - 80.0)
                .text(RichText::new(text).font(theme::SMALL)),
        );
        ui.button("Cancel")
            .on_hover_text("What has come stays; the next time it goes on from there")
            .clicked()
    })
    .inner
}

/// Bytes of an entry and of what it is made of.
fn total(catalogue: &Catalogue, entry: &Entry) -> u64 {
    let needed = entry.needs.iter().filter_map(|id| catalogue.find(id).ok());
    entry.size() + needed.map(Entry::size).sum::<u64>()
}

fn small(ui: &mut Ui, text: &str, color: egui::Color32) {
    ui.add(Label::new(RichText::new(text).font(theme::SMALL).color(color)).wrap());
}
