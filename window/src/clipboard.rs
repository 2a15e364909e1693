//! The system's clipboard, first looked for when it is used.

use copypasta::{ClipboardContext, ClipboardProvider as _};

/// Text that other programs can paste, for as long as this lives.
#[derive(Default)]
pub struct Clipboard(Option<ClipboardContext>);

impl Clipboard {
    /// What there is to paste; nothing where there is no clipboard.
    pub fn text(&mut self) -> Option<String> {
        self.context()?.get_contents().ok()
    }

    /// Gives other programs this to paste.
    pub fn put(&mut self, text: String) {
        if let Some(context) = self.context() {
            // Nobody can be told of a clipboard that refuses.
            let _ = context.set_contents(text);
        }
    }

    fn context(&mut self) -> Option<&mut ClipboardContext> {
        if self.0.is_none() {
            self.0 = ClipboardContext::new().ok();
        }
        self.0.as_mut()
    }
}
