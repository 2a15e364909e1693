//! What a person does in the plug-in's window, in any host.

use anyhow::bail;

use super::desktop::{Desktop, Running, Window, wait};
use super::monkey::{Cage, Monkey};

/// Places in the plug-in's window of 960 × 600 pixels.
const MODELS: (i32, i32) = (168, 17);
const DEVICES: (i32, i32) = (310, 17);
const MUTE_DRUMS: (i32, i32) = (45, 240);
/// Rows of a menu below its button.
const ROWS: [i32; 2] = [29, 57];
/// Windows of the host that may have to be closed before the plug-in's opens.
const OBSTACLES: usize = 3;

/// A window in a host.
pub struct PlugInWindow<'a> {
    pub desktop: &'a Desktop,
    /// The host's own window.
    pub main: &'a Window,
    /// Its title, as a regular expression.
    pub title: &'a str,
    /// Pixels of the host's own above the plug-in's.
    pub bar: u32,
    /// What the host takes to open it.
    pub open: &'a dyn Fn() -> anyhow::Result<()>,
    /// Let loose on it.
    pub monkey: Monkey,
}

impl PlugInWindow<'_> {
    /// Opens it as often as the host closes it; chooses devices and models, mutes a stem, lets the monkey loose, and
    /// closes it.
    pub fn use_it(&self, host: &mut Running) -> anyhow::Result<()> {
        for (menu, what) in [(DEVICES, "device"), (MODELS, "model")] {
            for row in ROWS {
                // The host may have closed it when it restarted the plug-in.
                let window = self.opened(host)?;
                self.click(&window, menu)?;
                // The devices are looked up when the menu is first opened.
                wait(1.5);
                let (x, y) = menu;
                self.click(&window, (x - 20, y + row))?;
                wait(1.0);
                host.check(&format!("choosing a {what} in `{}`", self.title))?;
            }
        }
        let window = self.opened(host)?;
        self.click(&window, MUTE_DRUMS)?;
        wait(0.5);
        let mut cage = Cage {
            desktop: self.desktop,
            main: self.main,
            bar: self.bar,
            window: &mut || self.opened(host),
            close: &|window| self.close(window),
        };
        self.monkey.play(&mut cage)?;
        let window = self.opened(host)?;
        self.close(&window)?;
        wait(1.0);
        host.check(&format!("closing `{}`", self.title))
    }

    /// The window, which is opened if it isn't there.
    fn opened(&self, host: &mut Running) -> anyhow::Result<Window> {
        host.check(&format!("what was done last in `{}`", self.title))?;
        if let Some(window) = self.desktop.find(self.title) {
            return Ok(window);
        }
        // A click beside the window may have opened another of the host's own, which is in the way.
        for _ in 0..OBSTACLES {
            (self.open)()?;
            if let Some(window) = self.desktop.await_soon(host, self.title)? {
                wait(1.5);
                return Ok(window);
            }
            self.desktop.hand_does("key Escape")?;
        }
        bail!("no window `{}`", self.title)
    }

    /// Closes it as a window manager does; a host that hangs doesn't.
    fn close(&self, window: &Window) -> anyhow::Result<()> {
        // A host that closes it now does what is wanted.
        let _ = self.desktop.press(window, "alt+F4");
        self.desktop.await_gone(self.title)
    }

    fn click(&self, window: &Window, (x, y): (i32, i32)) -> anyhow::Result<()> {
        let place = (x, y + self.bar.cast_signed());
        self.desktop.point(window, place, "click 1")
    }
}
