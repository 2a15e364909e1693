//! What the window has besides where nothing is around the plug-in: in hosts, hosts have it.

use egui::{Key, Modifiers, Ui};

/// Height of the bar at the bottom of the window, in points: the rest is as hosts show it.
pub const BAR_HEIGHT: u16 = 62;

/// A bar, and keys.
pub trait Extras: Send {
    /// Whether a key means something here. Not asked while text is typed.
    fn uses_key(&mut self, key: Key, modifiers: Modifiers) -> bool;

    /// Before each frame is drawn; takes the keys that mean something here.
    fn begin(&mut self, ui: &Ui);

    /// The bar.
    fn draw(&mut self, ui: &mut Ui);
}
