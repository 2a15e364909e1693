//! Dark, light or of high contrast: the person chooses once, for the windows of all instances in all sessions.
//!
//! The size of a window belongs to a session and its screen; what eyes can read belongs to the person. So it is kept in
//! `look.txt` in the user's data folder, and every window that opens reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use egui::{Context, Ui};

use crate::editor::palette::{DARK, HIGH_CONTRAST, LIGHT, Palette};
use crate::editor::theme;

/// What can be chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Look {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
    /// White on black.
    HighContrast,
    /// Dark or light, as the system is set; dark where it doesn't tell.
    AsSystem,
}

impl Look {
    const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::AsSystem];

    /// What it is called in the menu.
    fn name(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::HighContrast => "High contrast",
            Self::AsSystem => "As the system",
        }
    }

    /// What it is called in the file. Never rename.
    fn id(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::AsSystem => "system",
        }
    }
}

/// The look of one window.
#[derive(Default)]
pub struct LookView {
    file: Option<PathBuf>,
    look: Look,
    /// Whether the system is light, asked once per window on a thread of its own: the answer may take seconds.
    system: Option<Arc<OnceLock<bool>>>,
    shown: Option<&'static Palette>,
}

impl LookView {
    /// What the person with this data folder has chosen.
    pub fn new(data: Option<&Path>) -> Self {
        let file = data.map(|data| data.join("look.txt"));
        let id = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let id = id.unwrap_or_default();
        let known = Look::ALL.into_iter().find(|look| look.id() == id.trim());
        Self {
            file,
            look: known.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Before each frame: makes the window look like this.
    pub fn apply(&mut self, ctx: &Context) {
        let palette = match self.look {
            Look::Dark => &DARK,
            Look::Light => &LIGHT,
            Look::HighContrast => &HIGH_CONTRAST,
            Look::AsSystem => {
                let system = self.system.get_or_insert_with(|| ask_system(ctx));
                if system.get() == Some(&true) {
                    &LIGHT
                } else {
                    &DARK
                }
            }
        };
        if !self.shown.is_some_and(|shown| std::ptr::eq(shown, palette)) {
            self.shown = Some(palette);
            theme::apply(ctx, palette);
            // What was drawn before this in the same frame was not.
            ctx.request_repaint();
        }
    }

    /// The entries of a menu.
    pub fn menu(&mut self, ui: &mut Ui) {
        for look in Look::ALL {
            let is_chosen = look == self.look;
            if ui.selectable_label(is_chosen, look.name()).clicked() && !is_chosen {
                self.choose(look);
            }
        }
    }

    fn choose(&mut self, look: Look) {
        self.look = look;
        let Some(file) = &self.file else { return };
        let folder = file.parent().unwrap_or(file);
        // Where nothing can be written it holds for this window, as everybody sees.
        let _ = fs::create_dir_all(folder).and_then(|()| fs::write(file, look.id()));
    }
}

fn ask_system(ctx: &Context) -> Arc<OnceLock<bool>> {
    let answer = Arc::new(OnceLock::new());
    let (result, ctx) = (Arc::clone(&answer), ctx.clone());
    let ask = move || {
        let is_light = dark_light::detect().is_ok_and(|mode| mode == dark_light::Mode::Light);
        // Only ever set here.
        let _ = result.set(is_light);
        ctx.request_repaint();
    };
    // Without a thread the answer stays out, and the window dark.
    let _ = std::thread::Builder::new()
        .name("unweave-look".to_owned())
        .spawn(ask);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_there_in_the_next_window_and_nonsense_is_dark() {
        let data = tempfile::tempdir().unwrap();
        let chosen = || LookView::new(Some(data.path())).look;
        assert_eq!(chosen(), Look::Dark);
        for look in Look::ALL {
            LookView::new(Some(data.path())).choose(look);
            assert_eq!(chosen(), look);
        }
        fs::write(data.path().join("look.txt"), "plaid").unwrap();
        assert_eq!(chosen(), Look::Dark);
    }
}
