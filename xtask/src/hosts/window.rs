//! What a person does in the plug-in's window, in any host.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::desktop::{Desktop, Running, Window, wait};

/// Places in the plug-in's window of 960 × 600 pixels.
const MODELS: (u32, u32) = (168, 17);
const DEVICES: (u32, u32) = (310, 17);
const MUTE_DRUMS: (u32, u32) = (45, 240);
/// Rows of a menu below its button.
const ROWS: [u32; 2] = [29, 57];
/// Where nothing opens a dialog: all but the panel of takes.
const CLICKED_AT_RANDOM: (u32, u32) = (680, 590);

/// A window in a host.
pub struct PlugInWindow<'a> {
    /// Its title, as a regular expression.
    pub title: &'a str,
    /// Pixels of the host's own above the plug-in's.
    pub bar: u32,
    /// Clicks at random for so long.
    pub clicking: Duration,
}

impl PlugInWindow<'_> {
    /// Opens it with `open`, as often as the host closes it; chooses devices and models, clicks at random, mutes a
    /// stem and closes it.
    pub fn use_it(
        &self,
        desktop: &Desktop,
        host: &mut Running,
        open: impl Fn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let opened = |host: &mut Running| -> anyhow::Result<Window> {
            if let Some(window) = desktop.find(self.title) {
                return Ok(window);
            }
            open()?;
            let window = desktop.await_window(host, self.title)?;
            wait(1.5);
            Ok(window)
        };
        for (menu, what) in [(DEVICES, "device"), (MODELS, "model")] {
            for row in ROWS {
                // The host may have closed it when it restarted the plug-in.
                let window = opened(host)?;
                self.click(desktop, &window, menu)?;
                // The devices are looked up when the menu is first opened.
                wait(1.5);
                let (x, y) = menu;
                self.click(desktop, &window, (x - 20, y + row))?;
                wait(1.0);
                host.check(&format!("choosing a {what} in `{}`", self.title))?;
            }
        }
        let window = opened(host)?;
        self.click_at_random(desktop, host, &window)?;
        let window = opened(host)?;
        self.click(desktop, &window, MUTE_DRUMS)?;
        wait(0.5);
        desktop.press(&window, "alt+F4")?;
        wait(1.0);
        host.check(&format!("closing `{}`", self.title))
    }

    fn click(&self, desktop: &Desktop, window: &Window, (x, y): (u32, u32)) -> anyhow::Result<()> {
        desktop.point(window, (x, y + self.bar), "click 1")
    }

    fn click_at_random(
        &self,
        desktop: &Desktop,
        host: &mut Running,
        window: &Window,
    ) -> anyhow::Result<()> {
        let since = Instant::now();
        // Knuth's multiplier: the same clicks in each run.
        let mut state = 1u64;
        let mut any = |below: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((state >> 33) % u64::from(below)).unwrap_or(0)
        };
        let (width, height) = CLICKED_AT_RANDOM;
        while since.elapsed() < self.clicking {
            let place = (any(width), any(height));
            // The window may have gone with a restart.
            if self.click(desktop, window, place).is_err() {
                break;
            }
            wait(0.1);
            host.check(&format!("a click at {place:?}"))
                .context("clicking at random")?;
        }
        Ok(())
    }
}
