//! The status line.

use egui::{RichText, Ui};

use crate::editor::theme;
use crate::params::UnweaveParams;

/// What the engine is doing, in one line.
pub fn draw(ui: &mut Ui, params: &UnweaveParams) {
    ui.label(
        RichText::new(params.report.text())
            .font(theme::SMALL)
            .color(theme::TEXT_DIM),
    );
}
