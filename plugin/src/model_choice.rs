//! The choice of model, mode and device that a session makes and saves.

use nice_plug::params::enums::Enum;
use nice_plug::params::persist::PersistentField;
use parking_lot::RwLock;
use unweave_separation::{DeviceChoice, Mode};

use crate::ids;

/// Which model an engine runs, how, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// Id of the model.
    pub model: String,
    /// How it is run.
    pub mode: Mode,
    /// What computes; a session opens on machines without it, too.
    pub device: DeviceChoice,
}

/// A [`Mode`] as a parameter of the host. What is saved are the ids, the same as the mode's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ModeParam {
    /// [`Mode::Standard`].
    #[id = "standard"]
    Standard,
    /// [`Mode::Quick`].
    #[id = "quick"]
    Quick,
    /// [`Mode::Light`].
    #[id = "light"]
    Light,
}

impl From<Mode> for ModeParam {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Standard => Self::Standard,
            Mode::Quick => Self::Quick,
            Mode::Light => Self::Light,
        }
    }
}

impl From<ModeParam> for Mode {
    fn from(mode: ModeParam) -> Self {
        match mode {
            ModeParam::Standard => Self::Standard,
            ModeParam::Quick => Self::Quick,
            ModeParam::Light => Self::Light,
        }
    }
}

/// An id that a session saves. Never locked by the audio thread.
#[derive(Debug)]
pub struct SavedId(RwLock<String>);

impl SavedId {
    /// A choice that nobody has made yet.
    pub fn new(id: &str) -> Self {
        Self(RwLock::new(id.to_owned()))
    }

    /// The built-in model.
    pub fn of_model() -> Self {
        Self::new(ids::BUILTIN_ID)
    }

    /// Whatever computes fastest.
    pub fn of_device() -> Self {
        Self::new(&DeviceChoice::Auto.to_string())
    }

    /// The id.
    pub fn get(&self) -> String {
        self.0.read().clone()
    }

    /// Chooses.
    pub fn choose(&self, id: &str) {
        id.clone_into(&mut self.0.write());
    }
}

impl PersistentField<'_, String> for SavedId {
    fn set(&self, id: String) {
        self.choose(&id);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&String) -> R,
    {
        f(&self.0.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_sessions_call_the_modes_what_everything_else_calls_them() {
        let names = Mode::ALL.map(Mode::name);
        assert_eq!(ModeParam::variants(), names);
        assert_eq!(ModeParam::ids(), Some(&Mode::ALL.map(Mode::id)[..]));
        for (idx, mode) in Mode::ALL.into_iter().enumerate() {
            assert_eq!(ModeParam::from(mode).to_index(), idx);
            assert_eq!(Mode::from(ModeParam::from_index(idx)), mode);
        }
    }
}
