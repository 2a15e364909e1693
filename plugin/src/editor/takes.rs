//! The panel of captured takes and their rendering.

use egui::{RichText, Ui};

use crate::editor::theme;

/// What the panel remembers from frame to frame.
#[derive(Default)]
pub struct TakesView {}

/// The panel.
pub fn draw(ui: &mut Ui, _view: &mut TakesView) {
    ui.label(RichText::new("Takes").font(theme::BODY).strong());
}
