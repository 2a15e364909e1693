//! What is rendered of a song: the set that the settings say, or one file.

use unweave_separation::Model;
use unweave_separation::delivery::plan::{Selection, Sum};

use super::Settings;

/// Label of the sum of all stems but the vocals, which is never one of several sums.
const INSTRUMENTAL: &str = "instrumental";

/// What is wanted of a song.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// All files that are ticked.
    Set,
    /// One file: this stem.
    Only(String),
    /// One file: everything but this stem.
    Without(String),
}

impl Pick {
    /// The files, in the words of `unweave separate`.
    ///
    /// # Errors
    /// In the user's words, what is wrong with the settings.
    pub fn selection(&self, settings: &Settings, model: &Model) -> Result<Selection, String> {
        match self {
            Self::Set => settings.selection(model),
            Self::Only(stem) => Ok(Selection {
                stems: Some(vec![stem.clone()]),
                mix: false,
                ..Selection::default()
            }),
            // Of two stems, the other one is no sum.
            Self::Without(stem) if stem == "vocals" && model.manifest.stems.len() > 2 => {
                Ok(Selection {
                    stems: Some(vec![INSTRUMENTAL.to_owned()]),
                    mix: false,
                    ..Selection::default()
                })
            }
            Self::Without(stem) => Ok(Selection {
                sums: vec![Sum::all_but(stem, &model.manifest.stems)],
                only_sums: true,
                mix: false,
                ..Selection::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_press_is_one_file() {
        let model = Model::built_in().unwrap();
        let settings = Settings::default();
        for (pick, expected) in [
            (Pick::Only("vocals".to_owned()), "Vocals Stem"),
            (Pick::Without("vocals".to_owned()), "Instrumental"),
            (Pick::Without("drums".to_owned()), "No Drums"),
        ] {
            let selection = pick.selection(&settings, &model).unwrap();
            let plan = selection.plan(&model.manifest.stems).unwrap();
            let labels: Vec<&str> = plan.iter().map(|file| file.label.as_str()).collect();
            assert_eq!(labels, [expected], "{pick:?}");
        }
        assert_eq!(
            Sum::all_but("drums", &model.manifest.stems).stems,
            ["bass", "vocals", "other"]
        );
    }
}
