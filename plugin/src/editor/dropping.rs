//! Songs that are dragged over the window and dropped on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use egui::{Align2, Context, CornerRadius, FontId, LayerId, Order, Stroke, StrokeKind, Ui};
use unweave_separation::audio::read::AudioReader;

use crate::editor::{dragging, theme};
use crate::render::words;
use crate::songs::Songs;

/// Reasons that are told, at most.
const MAX_REASONS: usize = 3;

/// What hovers, and what would come of it.
#[derive(Default)]
pub struct Dropping {
    hovered: Vec<PathBuf>,
    /// Why files would be refused, one for each that is, once they have been looked at.
    refusals: Arc<OnceLock<Vec<String>>>,
}

impl Dropping {
    /// Takes what was dropped, and shows over everything else what would be taken of what hovers.
    pub fn draw(&mut self, ui: &Ui, songs: &Songs) {
        let (hovered, dropped) = ui.input(|input| {
            let hovered = input.raw.hovered_files.iter();
            let hovered: Vec<PathBuf> = hovered.filter_map(|file| file.path.clone()).collect();
            let dropped = input.raw.dropped_files.iter();
            let dropped: Vec<PathBuf> = dropped.map(|file| file.path().to_owned()).collect();
            (hovered, dropped)
        });
        if !dropped.is_empty() {
            songs.choose_files(&dropped);
        }
        if hovered != self.hovered {
            self.refusals = look(ui.ctx(), hovered.clone());
            self.hovered = hovered;
        }
        if !self.hovered.is_empty() && !dragging::is_ours(ui.ctx()) {
            self.highlight(ui);
        }
    }

    fn highlight(&self, ui: &Ui) {
        let palette = theme::of(ui.ctx());
        let refusals = self.refusals.get().map_or(&[][..], Vec::as_slice);
        let num_taken = self.hovered.len().saturating_sub(refusals.len());
        let mut lines = Vec::new();
        match (num_taken, self.hovered.as_slice()) {
            (0, _) => {}
            (1, [path]) => lines.push(format!("Drop “{}” here", name(path))),
            (1, _) => lines.push("Drop one song here".to_owned()),
            _ => lines.push(format!("Drop {num_taken} songs here")),
        }
        lines.extend(refusals.iter().take(MAX_REASONS).cloned());
        if refusals.len() > MAX_REASONS {
            lines.push(format!("… and {} more", refusals.len() - MAX_REASONS));
        }
        let color = if num_taken == 0 {
            palette.warning
        } else {
            palette.solo
        };
        let rect = ui.ctx().content_rect();
        let layer = LayerId::new(Order::Foreground, ui.scope_id().with("dropping"));
        let painter = ui.ctx().layer_painter(layer);
        painter.rect(
            rect.shrink(4.0),
            CornerRadius::same(6),
            palette.background.gamma_multiply(0.85),
            Stroke::new(3.0, color),
            StrokeKind::Inside,
        );
        let galley = painter.layout(
            lines.join("\n"),
            FontId::proportional(18.0),
            palette.text,
            (rect.width() - 80.0).max(100.0),
        );
        let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
        painter.galley(at.min, galley, palette.text);
    }
}

/// Looks at files in the background: what some hold takes another program to find out.
fn look(ctx: &Context, paths: Vec<PathBuf>) -> Arc<OnceLock<Vec<String>>> {
    let found = Arc::<OnceLock<_>>::default();
    let (result, ctx) = (Arc::clone(&found), ctx.clone());
    // Without a thread nothing is refused before it is dropped.
    let _ = std::thread::Builder::new()
        .name("unweave-hover".to_owned())
        .spawn(move || {
            // Only ever set here.
            let _ = result.set(paths.iter().filter_map(|path| refusal(path)).collect());
            ctx.request_repaint();
        });
    found
}

/// Why a file can't be taken, in the user's words.
fn refusal(path: &Path) -> Option<String> {
    if path.is_dir() {
        return Some(format!(
            "“{}” is a folder: drop the songs in it",
            name(path)
        ));
    }
    let error = AudioReader::open(path).err()?;
    Some(format!("“{}”: {}", name(path), words::read(&error)))
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_without_audio_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "no song at all").unwrap();
        let found = refusal(&text).unwrap();
        assert!(found.starts_with("“notes.txt”: "), "{found}");
        let found = refusal(folder.path()).unwrap();
        assert!(
            found.ends_with("is a folder: drop the songs in it"),
            "{found}"
        );
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/paper-lanterns.flac");
        assert_eq!(refusal(&demo), None);
    }
}
