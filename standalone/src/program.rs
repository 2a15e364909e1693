//! The whole: from the command line to the end of the window.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nice_plug::context::gui::{GuiContext, GuiContextInner};
use nice_plug::editor::{Editor, EditorHandle as _};
use parking_lot::Mutex;
use unweave_plugin::Unweave;
use unweave_plugin::editor::EditorWindow;
use unweave_plugin::variant::Variant;
use unweave_window::desktop;

use crate::arguments::Arguments;
use crate::host::Host;
use crate::machine::Machine;
use crate::parts::Parts;
use crate::settings::{Memory, Settings};
use crate::song;
use crate::sound::{Sound, System};
use crate::window::Bar;

/// What a program finds around it.
pub struct Setting {
    /// Ways to reach sound cards.
    pub systems: Vec<Box<dyn System>>,
    /// Where settings are remembered; nowhere, if none.
    pub settings: Option<PathBuf>,
}

/// The plug-in at work, its window still closed.
pub struct Program {
    window: EditorWindow,
    parts: Arc<Parts>,
}

impl Program {
    /// With these songs in its panel, as it was left the last time.
    ///
    /// # Errors
    /// In the user's words.
    pub fn start<V: Variant>(
        plugin: Unweave<V>,
        arguments: &Arguments,
        setting: Setting,
    ) -> Result<Self, String> {
        desktop::make_ready();
        let (memory, settings, word) = match setting.settings {
            Some(path) => {
                let (memory, settings, word) = Memory::open(path);
                (Some(memory), settings, word)
            }
            None => (None, Settings::default(), None),
        };
        let names: Vec<&str> = setting.systems.iter().map(|system| system.name()).collect();
        let choice = arguments.choice(&settings.sound, &names)?;
        let params = Arc::clone(plugin.own_params());
        let songs = Arc::clone(plugin.songs());
        let bell = plugin.bell().clone();
        let host = Arc::new(Host::new(Arc::clone(&params), bell.clone()));
        if let Some(session) = settings.session {
            host.restore(session);
            params.preset.write().clone_from(&settings.preset);
        }
        let window = plugin.window();
        let (transport, side) = song::song();
        let transport = Arc::new(transport);
        let hears_card = Arc::new(AtomicBool::new(settings.hears_card));
        let machine = Machine::new(
            Box::new(plugin),
            (Arc::clone(&transport), side),
            Arc::clone(&hears_card),
        );
        let sound = Sound::start(machine, setting.systems, choice, bell)
            .map_err(|error| format!("The system gives no thread: {error}."))?;
        let paths = arguments.songs.iter().map(|path| {
            // A row has to be found from anywhere.
            std::path::absolute(path).unwrap_or_else(|_| path.clone())
        });
        let paths: Vec<PathBuf> = paths.collect();
        if !paths.is_empty() {
            songs.choose_files(&paths);
            hears_card.store(false, Ordering::Relaxed);
        }
        Ok(Self {
            window,
            parts: Arc::new(Parts {
                params,
                songs,
                transport,
                sound,
                hears_card,
                host,
                memory: Mutex::new(memory),
                chosen: Mutex::new(settings.sound),
                notices: Mutex::new(word.into_iter().collect()),
            }),
        })
    }

    /// Shows the window until a person closes it.
    ///
    /// # Errors
    /// In the user's words, why there is none.
    pub fn run(self) -> Result<(), String> {
        let Self { window, parts } = self;
        let for_bar = Arc::clone(&parts);
        let window = window.with_extras(move || Box::new(Bar::new(Arc::clone(&for_bar))));
        let host = Arc::clone(&parts.host) as Arc<dyn GuiContextInner>;
        let spawned = window
            .spawn(None, false, None, GuiContext::new(host), None)
            .map_err(|error| format!("The window can't be opened: {error}."))?;
        let closed = <<EditorWindow as Editor>::Handle>::run_until_closed(spawned.window);
        parts.transport.stop();
        parts.remember();
        closed.map_err(|error| format!("The window has failed: {error}."))
    }
}
