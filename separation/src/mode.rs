//! What a model is run for: live, how long it may wait and how often it computes; or whole files.

use std::fmt;
use std::str::FromStr;

/// What a person trades latency, quality and load with. A model that runs in one way only takes no
/// notice: [`crate::model::manifest::Manifest::modes`] says which it has.
///
/// What each costs is in the manifest, `[[live]]` ([`crate::model::manifest`]): how many frames become final
/// with one inference, and how many newer ones it has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// The model's best live quality.
    #[default]
    Standard,
    /// Less latency.
    Quick,
    /// Less load.
    Light,
}

impl Mode {
    /// All that there are, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Quick, Self::Light];

    /// What options, sessions and files call it. Never rename.
    pub fn id(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Quick => "quick",
            Self::Light => "light",
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Quick => "Quick",
            Self::Light => "Light",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(id: &str) -> Result<Self, UnknownMode> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.id() == id)
            .ok_or_else(|| UnknownMode { id: id.to_owned() })
    }
}

/// A text that names no mode.
///
/// Its message names those that there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no live mode {id:?}; there are {}", Mode::ALL.map(Mode::id).join(", "))]
pub struct UnknownMode {
    /// The text.
    pub id: String,
}

/// What a model is loaded for.
///
/// Fixed when a model is loaded: window, hop and what it knows of a song all depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A signal without an end, in one of the model's live modes.
    Live(Mode),
    /// Whole songs, as the model's authors separate them. Models that want to know of a song before its
    /// first frame say so: [`crate::Separator::wants_track`].
    Files,
}

impl Default for Purpose {
    fn default() -> Self {
        Self::Live(Mode::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_read_back_and_any_other_text_is_refused_with_the_choice() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        let error = "Quick".parse::<Mode>().unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no live mode \"Quick\"; there are standard, quick, light"
        );
    }
}
