//! Files dragged out of the window, into a host's timeline or a folder.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Key, Response, Ui};
use parking_lot::Mutex;
use unweave_window::DragSource;

/// What hangs at the pointer.
type Held = Arc<Mutex<Option<DragSource>>>;

/// Makes what was drawn, and senses drags, a handle of these files. They must be there: whole paths.
///
/// Escape gives them back.
pub fn handle(ui: &Ui, response: &Response, files: impl FnOnce() -> Vec<PathBuf>) {
    let id = response.id.with("files");
    if response.drag_started()
        // Where nothing can be dragged from, nothing hangs at the pointer.
        && let Ok(source) = DragSource::start(files())
    {
        let held: Held = Arc::new(Mutex::new(Some(source)));
        ui.data_mut(|data| {
            data.insert_temp(id, held);
            data.insert_temp(flag(), true);
        });
    }
    let is_cancelled = ui.input(|input| input.key_pressed(Key::Escape));
    if !response.drag_stopped() && !is_cancelled {
        return;
    }
    let held: Option<Held> = ui.data_mut(|data| {
        data.remove::<bool>(flag());
        data.remove_temp(id)
    });
    if let Some(source) = held.and_then(|held| held.lock().take())
        && !is_cancelled
    {
        source.release();
    }
}

/// Whether what hovers over the window was dragged out of it.
pub fn is_ours(ctx: &egui::Context) -> bool {
    let is_dragged = ctx.data(|data| data.get_temp(flag()).unwrap_or(false));
    // What it was dragged from may be gone by now.
    is_dragged && ctx.input(|input| input.pointer.any_down())
}

fn flag() -> egui::Id {
    egui::Id::unique("files are dragged out")
}
