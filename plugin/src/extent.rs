//! How large the window is; saved with the session.

use nice_plug::params::persist::PersistentField;
use parking_lot::Mutex;

/// Width and height in points, and scale in percent.
pub type Triple = [u16; 3];

/// Size of the window at first.
pub const DEFAULT: Triple = [960, 600, 100];
/// The least of each: below, parts of the window would be out of sight.
pub const MIN: Triple = [800, 480, 75];
/// The most of each.
pub const MAX: Triple = [4000, 3000, 300];

/// The size that the window has, or had when it was last open.
#[derive(Debug)]
pub struct Extent(Mutex<Triple>);

impl Default for Extent {
    fn default() -> Self {
        Self(Mutex::new(DEFAULT))
    }
}

impl Extent {
    /// Width, height and scale.
    pub fn get(&self) -> Triple {
        *self.0.lock()
    }

    /// Remembers, within the limits.
    pub fn put(&self, triple: Triple) {
        *self.0.lock() = clamp(triple);
    }
}

/// The nearest within the limits.
pub fn clamp(triple: Triple) -> Triple {
    std::array::from_fn(|idx| triple[idx].clamp(MIN[idx], MAX[idx]))
}

impl PersistentField<'_, Triple> for Extent {
    fn set(&self, triple: Triple) {
        self.put(triple);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&Triple) -> R,
    {
        f(&self.0.lock())
    }
}
