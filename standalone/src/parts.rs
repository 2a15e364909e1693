//! What the window works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use unweave_plugin::params::UnweaveParams;
use unweave_plugin::songs::Songs;
use unweave_plugin::state;

use crate::host::Host;
use crate::settings::{Memory, Settings};
use crate::song::Transport;
use crate::sound::{Choice, Sound};

/// Everything that outlives a frame.
pub struct Parts {
    pub params: Arc<UnweaveParams>,
    pub songs: Arc<Songs>,
    pub transport: Arc<Transport>,
    pub sound: Sound,
    pub hears_card: Arc<AtomicBool>,
    pub host: Arc<Host>,
    /// Where settings are remembered.
    pub memory: Mutex<Option<Memory>>,
    /// What was chosen in the window, or was remembered of earlier; what was said on the command line is neither.
    pub chosen: Mutex<Choice>,
    /// What has to be said until it was seen.
    pub notices: Mutex<Vec<String>>,
}

impl Parts {
    /// Plays on another device from now on, in the next run, too.
    pub fn choose_sound(&self, choice: Choice) {
        self.chosen.lock().clone_from(&choice);
        self.sound.choose(choice);
    }

    /// Writes down what has changed.
    pub fn remember(&self) {
        let mut memory = self.memory.lock();
        let Some(memory) = &mut *memory else { return };
        let mut settings = Settings::default();
        settings.sound.clone_from(&self.chosen.lock());
        settings.hears_card = self.hears_card.load(Ordering::Relaxed);
        settings.preset.clone_from(&self.params.preset.read());
        settings.session = Some(state::of(&self.params));
        if let Some(word) = memory.keep(&settings) {
            self.notices.lock().push(word);
        }
    }

    /// What has to be said until it was seen.
    pub fn notice(&self) -> Option<String> {
        self.notices.lock().first().cloned()
    }

    /// It was seen.
    pub fn forget_notice(&self) {
        let mut notices = self.notices.lock();
        if !notices.is_empty() {
            notices.remove(0);
        }
    }
}
