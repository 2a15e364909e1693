//! Which model a session uses, and what computes it; saved with it, and changes are noticed.

use std::sync::atomic::{AtomicU32, Ordering};

use nice_plug::params::persist::PersistentField;
use parking_lot::RwLock;
use unweave_separation::DeviceChoice;

use crate::model;

/// What an engine separates with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Id of the model.
    pub model: String,
    /// What computes; a session opens on machines without it, too.
    pub device: DeviceChoice,
}

/// An id that a session saves. Loading a session changes it without a new activation, so the audio
/// thread has to notice and ask for one.
#[derive(Debug)]
pub struct Choice {
    /// Never locked by the audio thread.
    id: RwLock<String>,
    generation: AtomicU32,
}

impl Choice {
    /// A choice that nobody has made yet.
    pub fn new(id: &str) -> Self {
        Self {
            id: RwLock::new(id.to_owned()),
            generation: AtomicU32::new(0),
        }
    }

    /// The built-in model.
    pub fn of_model() -> Self {
        Self::new(model::BUILTIN_ID)
    }

    /// Whatever computes fastest.
    pub fn of_device() -> Self {
        Self::new(&DeviceChoice::Auto.to_string())
    }

    /// The id.
    pub fn get(&self) -> String {
        self.id.read().clone()
    }

    /// Chooses.
    pub fn choose(&self, id: &str) {
        let mut current = self.id.write();
        if *current != id {
            id.clone_into(&mut current);
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// Counts changes.
    ///
    /// # Realtime safety
    /// Reads an atomic.
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }
}

impl PersistentField<'_, String> for Choice {
    fn set(&self, id: String) {
        self.choose(&id);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&String) -> R,
    {
        f(&self.id.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_id_is_a_change() {
        let choice = Choice::of_model();
        choice.set(model::BUILTIN_ID.to_owned());
        assert_eq!(choice.generation(), 0);
        choice.set("another".to_owned());
        assert_eq!((choice.get().as_str(), choice.generation()), ("another", 1));
    }
}
