//! Which model a session uses; saved with it, and changes are noticed.

use std::sync::atomic::{AtomicU32, Ordering};

use nice_plug::params::persist::PersistentField;
use parking_lot::RwLock;

use crate::model;

/// Id of a model. Loading a session changes it without a new activation, so the audio thread has to
/// notice and ask for one.
#[derive(Debug)]
pub struct ModelChoice {
    /// Never locked by the audio thread.
    id: RwLock<String>,
    generation: AtomicU32,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self {
            id: RwLock::new(model::BUILTIN_ID.to_owned()),
            generation: AtomicU32::new(0),
        }
    }
}

impl ModelChoice {
    /// The id, and the generation that it belongs to or a later one does.
    pub fn get(&self) -> (String, u32) {
        let generation = self.generation();
        (self.id.read().clone(), generation)
    }

    /// Counts changes.
    ///
    /// # Realtime safety
    /// Reads an atomic.
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }
}

impl PersistentField<'_, String> for ModelChoice {
    fn set(&self, id: String) {
        let mut current = self.id.write();
        if *current != id {
            *current = id;
            self.generation.fetch_add(1, Ordering::Release);
        }
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
    fn only_another_model_is_a_change() {
        let choice = ModelChoice::default();
        choice.set(model::BUILTIN_ID.to_owned());
        assert_eq!(choice.generation(), 0);
        choice.set("another".to_owned());
        assert_eq!(choice.get(), ("another".to_owned(), 1));
    }
}
