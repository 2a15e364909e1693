//! The window: what a person sees and does.
//!
//! Everything is drawn by [`draw`], which knows the parameters, what the engine has published, and the
//! host; no window. So every control is tested without one. [`Window`] is what the framework opens.
//!
//! ```text
//! window ─► draw ─► strips (fader, button, control) · picture · models · status · takes
//!                      └─ gesture ─► host: begin, set, end
//! ```

mod button;
mod control;
mod fader;
mod gesture;
mod status;
mod strips;
pub mod takes;
pub mod theme;
mod window;

use std::sync::Arc;

use egui::{CentralPanel, Frame, Margin, Panel, Ui};
use nice_plug::context::gui::GuiContext;

use crate::params::UnweaveParams;
use crate::takes::Takes;
use takes::TakesView;
pub use window::Window;

/// What one open window knows and remembers.
pub struct Desk {
    params: Arc<UnweaveParams>,
    takes: Arc<Takes>,
    takes_view: TakesView,
}

impl Desk {
    /// A window on these parameters.
    pub fn new(params: Arc<UnweaveParams>, takes: Arc<Takes>) -> Self {
        Self {
            params,
            takes,
            takes_view: TakesView::default(),
        }
    }
}

/// Draws the window and does what the person wants.
pub fn draw(ui: &mut Ui, desk: &mut Desk, host: &GuiContext) {
    let panel = Frame::new().inner_margin(Margin::symmetric(10, 6));
    Panel::bottom("status")
        .frame(panel)
        .show(ui, |ui| status::draw(ui, &desk.params));
    Panel::right("takes")
        .frame(panel)
        .exact_size(280.0)
        .show(ui, |ui| takes::draw(ui, &desk.takes, &mut desk.takes_view));
    CentralPanel::default()
        .frame(panel)
        .show(ui, |ui| strips::draw(ui, &desk.params, host));
}
