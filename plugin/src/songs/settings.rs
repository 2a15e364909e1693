//! How sets are rendered; saved with the session.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unweave_separation::Model;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::plan::{PlanError, Selection, Sum};

use crate::{ids, place};

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
    /// Further sums, in the words of `unweave separate`: `No Drums=bass+vocals+other`, several with semicolons
    /// between.
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
        let sums = self.sums()?;
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

    /// How many files a set of the four stems has.
    pub fn num_files(&self) -> usize {
        let stems = ids::STEMS.into_iter().filter(|stem| self.has_stem(stem));
        let num_sums = self.sums().map_or(0, |sums| sums.len());
        stems.count() + num_sums + usize::from(self.has_mix) + usize::from(self.has_instrumental)
    }

    /// Whether a stem gets a file.
    pub fn has_stem(&self, stem: &str) -> bool {
        !self.without.iter().any(|without| without == stem)
    }

    /// Whether a stem is to get a file.
    pub fn set_stem(&mut self, stem: &str, is_wanted: bool) {
        self.without.retain(|without| without != stem);
        if !is_wanted {
            self.without.push(stem.to_owned());
        }
    }

    /// Whether everything but this stem is in a file.
    pub fn has_without(&self, stem: &str) -> bool {
        let wanted = everything_but(stem);
        self.sums().is_ok_and(|sums| sums.contains(&wanted))
    }

    /// Whether everything but this stem is to be in a file.
    pub fn set_without(&mut self, stem: &str, is_wanted: bool) {
        let sum = everything_but(stem);
        self.drop_sum(&sum.label);
        if is_wanted {
            let mut sums = self.sums().unwrap_or_default();
            sums.push(sum);
            self.set_sums(&sums);
        }
    }

    /// The sums that are not everything but one stem: of sessions in which they were typed.
    pub fn other_sums(&self) -> Vec<Sum> {
        let known = ids::STEMS.map(everything_but);
        let mut sums = self.sums().unwrap_or_default();
        sums.retain(|sum| !known.contains(sum));
        sums
    }

    /// Removes a sum.
    pub fn drop_sum(&mut self, label: &str) {
        let mut sums = self.sums().unwrap_or_default();
        sums.retain(|sum| sum.label != label);
        self.set_sums(&sums);
    }

    fn sums(&self) -> Result<Vec<Sum>, String> {
        let texts = self.sums.split(';').filter(|sum| !sum.trim().is_empty());
        texts
            .map(|sum| sum.parse().map_err(|error: PlanError| error.to_string()))
            .collect()
    }

    fn set_sums(&mut self, sums: &[Sum]) {
        let text = |sum: &Sum| format!("{}={}", sum.label, sum.stems.join("+"));
        self.sums = sums.iter().map(text).collect::<Vec<_>>().join("; ");
    }
}

/// The file that "everything but drums" is.
fn everything_but(stem: &str) -> Sum {
    Sum::all_but(stem, &ids::STEMS.map(str::to_owned))
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

    #[test]
    fn sums_are_chosen_by_name_and_those_that_were_typed_can_go() {
        let mut settings = Settings {
            sums: "Rhythm=drums+bass".to_owned(),
            ..Settings::default()
        };
        assert_eq!(settings.num_files(), 7);
        settings.set_without("drums", true);
        assert!(settings.has_without("drums") && !settings.has_without("bass"));
        assert_eq!(
            settings.sums,
            "Rhythm=drums+bass; No Drums=bass+vocals+other"
        );
        let labels = |settings: &Settings| -> Vec<String> {
            let sums = settings.other_sums().into_iter();
            sums.map(|sum| sum.label).collect()
        };
        assert_eq!(labels(&settings), ["Rhythm"]);
        settings.drop_sum("Rhythm");
        settings.set_without("drums", false);
        assert_eq!((settings.sums.as_str(), settings.num_files()), ("", 6));
    }
}
