//! How sets are rendered; saved with the session.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unweave_separation::Model;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::plan::{Selection, Sum};

use crate::place;

/// The choices of `unweave separate`. Never rename a field: sessions know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where sets go, each in a folder of its own.
    #[serde(skip_serializing_if = "stays_here")]
    pub folder: PathBuf,
    /// Id of the model; none for the best at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Kind of the files.
    pub format: FileFormat,
    /// Depth of the files.
    pub depth: BitDepth,
    /// Names of stems that are left out.
    pub without: Vec<String>,
    /// Whether the mix is written.
    pub has_mix: bool,
    /// Whether the sum of all stems but the vocals is written.
    pub has_instrumental: bool,
    /// Further sums, as they are typed: `No Drums=bass+vocals+other`, several with semicolons between.
    pub sums: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folder: place::stems_folder(),
            model: None,
            format: FileFormat::Wav,
            depth: BitDepth::Int24,
            without: Vec::new(),
            has_mix: true,
            has_instrumental: true,
            sums: String::new(),
        }
    }
}

/// Whether a folder is left out of what is saved: on another machine, the one that nobody has chosen is another.
/// Nor can JSON hold a path that is no text.
fn stays_here(folder: &Path) -> bool {
    folder == place::stems_folder() || folder.to_str().is_none()
}

impl Settings {
    /// The files, in the words of `unweave separate`.
    ///
    /// # Errors
    /// In the user's words, what is wrong with the sums.
    pub fn selection(&self, model: &Model) -> Result<Selection, String> {
        let sums: Vec<Sum> = self
            .sums
            .split(';')
            .filter(|sum| !sum.trim().is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|error: unweave_separation::delivery::plan::PlanError| error.to_string())?;
        let is_everything = self.without.is_empty() && self.has_instrumental;
        let mut stems: Vec<String> = model.manifest.stems.clone();
        stems.retain(|stem| !self.without.contains(stem));
        let is_only_sums = stems.is_empty() && !self.has_instrumental && !sums.is_empty();
        if self.has_instrumental {
            stems.push("instrumental".to_owned());
        }
        Ok(Selection {
            stems: (!is_everything).then_some(stems),
            sums,
            only_sums: is_only_sums && !self.has_mix,
            mix: self.has_mix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ticked_is_what_is_written() {
        let model = Model::built_in().unwrap();
        let labels = |settings: &Settings| -> Vec<String> {
            let plan = settings.selection(&model).unwrap();
            let plan = plan.plan(&model.manifest.stems).unwrap();
            plan.into_iter().map(|file| file.label).collect()
        };
        let mut settings = Settings::default();
        assert_eq!(settings.selection(&model).unwrap(), Selection::default());
        settings.without = vec!["bass".to_owned(), "other".to_owned()];
        assert_eq!(
            labels(&settings),
            ["Drums Stem", "Vocals Stem", "Full Mix", "Instrumental"]
        );
        settings.has_instrumental = false;
        settings.has_mix = false;
        settings.sums = "No Drums = bass+vocals+other; ; A=bass+drums".to_owned();
        assert_eq!(
            labels(&settings),
            ["Drums Stem", "Vocals Stem", "No Drums", "A"]
        );
        settings.without = model.manifest.stems.clone();
        assert_eq!(labels(&settings), ["No Drums", "A"]);
        settings.has_mix = true;
        assert_eq!(labels(&settings), ["Full Mix", "No Drums", "A"]);
        settings.sums = "nonsense".to_owned();
        assert!(settings.selection(&model).unwrap_err().contains("nonsense"));
    }
}
