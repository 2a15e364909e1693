//! What went wrong, what can be undone, and what to do first: one at a time, where nothing else is.

use egui::{Align, Color32, Layout, RichText, Ui, vec2};

use super::button;
use crate::editor::palette::Palette;
use crate::editor::theme;
use crate::render::Stage;
use crate::songs::{Listening, Songs, shorten_middle};

/// Room for three lines.
pub const HEIGHT: f32 = 48.0;

const NAME_LETTERS: usize = 28;

/// What is said.
struct Message {
    text: String,
    color: Color32,
    /// The person can say that it was seen.
    is_news: bool,
    can_undo: bool,
}

/// The message, or none in the same room.
pub fn draw(ui: &mut Ui, songs: &Songs, has_rows: bool) {
    let message = message(songs, has_rows, theme::of(ui.ctx()));
    let size = vec2(ui.available_width(), HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Min), |ui| {
        ui.set_min_size(size);
        let Some(message) = message else { return };
        if message.is_news
            && ui
                .add(button("OK"))
                .on_hover_text("Seen: it needn't stand here any longer")
                .clicked()
        {
            songs.dismiss();
        }
        if message.can_undo
            && ui
                .add(button("Undo"))
                .on_hover_text("Put it back")
                .clicked()
        {
            songs.restore();
        }
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            let text = RichText::new(&message.text)
                .font(theme::SMALL)
                .color(message.color);
            egui::ScrollArea::vertical()
                .id_salt("message")
                .max_height(HEIGHT)
                .auto_shrink(false)
                .show(ui, |ui| ui.label(text));
        });
    });
}

fn message(songs: &Songs, has_rows: bool, palette: &Palette) -> Option<Message> {
    let news = |text: String, color| {
        Some(Message {
            text,
            color,
            is_news: true,
            can_undo: false,
        })
    };
    if let Some(complaint) = songs.complaint() {
        return news(complaint, palette.warning);
    }
    if let Listening::Failed(reason) = songs.listening() {
        return news(reason, palette.warning);
    }
    if let Some(removed) = songs.removed() {
        return Some(Message {
            text: format!("Removed: {}", shorten_middle(&removed, NAME_LETTERS)),
            color: palette.text,
            is_news: true,
            can_undo: true,
        });
    }
    match songs.stage() {
        Some(Stage::Failed(reason)) => return news(reason, palette.warning),
        Some(Stage::Cancelled) => {
            let text = "Cancelled: nothing was kept of it.".to_owned();
            return news(text, palette.text_dim);
        }
        Some(Stage::Done { notes, .. }) if !notes.is_empty() => {
            return news(notes.join("\n"), palette.text_dim);
        }
        _ => {}
    }
    if songs.lost_frames() > 0 {
        let text = "Parts of what was played are missing from the takes: the disk is too slow.";
        return news(text.to_owned(), palette.warning);
    }
    let text = if !has_rows {
        "Drop a song on this window, or press Capture and play: its stems can then be heard and saved as files."
    } else if songs.chosen().is_none() {
        "Click on a song to hear its stems, and to save them as files."
    } else {
        return None;
    };
    Some(Message {
        text: text.to_owned(),
        color: palette.text_dim,
        is_news: false,
        can_undo: false,
    })
}
