//! Which files a set has.
//!
//! What is asked for is checked against the model's stems here, before a song is read or a model loaded. Names
//! are told apart without regard to case, as some systems do.

use std::collections::HashSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::audio::write::stem_file;
use crate::files::naming;

/// What a report file is called between the brackets.
pub const REPORT_LABEL: &str = "Report";

/// What the mix file is called.
pub const MIX_LABEL: &str = "Full Mix";
/// What the sum of all stems but the vocals is called, and how it is asked for among the stems.
pub const INSTRUMENTAL_LABEL: &str = "Instrumental";
/// The stem that the Instrumental lacks.
const VOCALS: &str = "vocals";

/// What the user wants.
///
/// # Example
/// ```
/// use unweave_separation::delivery::plan::Selection;
///
/// let stems = ["drums", "bass", "vocals", "other"].map(str::to_owned);
/// let labels = |selection: &Selection| -> Vec<String> {
///     let files = selection.plan(&stems).expect("the model has these stems");
///     files.into_iter().map(|file| file.label).collect()
/// };
/// let all = ["Drums Stem", "Bass Stem", "Vocals Stem", "Other Stem", "Full Mix", "Instrumental"];
/// assert_eq!(labels(&Selection::default()), all);
///
/// let vocals = Selection {
///     stems: Some(vec!["vocals".to_owned()]),
///     mix: false,
///     ..Selection::default()
/// };
/// assert_eq!(labels(&vocals), ["Vocals Stem"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Names of stems, and `instrumental`; `None` is all of them.
    pub stems: Option<Vec<String>>,
    /// Sums beside the stems.
    pub sums: Vec<Sum>,
    /// Whether stems and the mix are left out.
    pub only_sums: bool,
    /// Whether the mix is written.
    pub mix: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            stems: None,
            sums: Vec::new(),
            only_sums: false,
            mix: true,
        }
    }
}

/// A file that is the sum of stems: `No Drums=bass+vocals+other`.
///
/// As text it is the label, `=`, and names of stems with `+` between them, spaces and case of which don't
/// matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Label in the file name.
    pub label: String,
    /// Names of the stems.
    pub stems: Vec<String>,
}

impl Sum {
    /// `No Drums`: all stems but one.
    pub fn all_but(stem: &str, stems: &[String]) -> Self {
        let others = stems.iter().filter(|other| *other != stem);
        Self {
            label: format!("No {}", naming::capitalised(stem)),
            stems: others.cloned().collect(),
        }
    }
}

impl FromStr for Sum {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let malformed = || PlanError::MalformedSum(text.to_owned());
        let (label, stems) = text.split_once('=').ok_or_else(malformed)?;
        let stems: Vec<String> = stems.split('+').map(stem_name).collect();
        if label.trim().is_empty() || stems.iter().any(String::is_empty) {
            return Err(malformed());
        }
        Ok(Self {
            label: label.trim().to_owned(),
            stems,
        })
    }
}

/// Why a selection can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Not of the form `Label=stem+stem`.
    #[error("{0:?} is no sum: write it as \"No Drums=bass+vocals+other\"")]
    MalformedSum(String),
    /// The model has no such stem.
    #[error("the model has no stem {name:?}; it has {}", known.join(", "))]
    UnknownStem {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A stem twice in one sum.
    #[error("the sum {label:?} has the stem {stem:?} twice")]
    RepeatedStem {
        /// The sum.
        label: String,
        /// The stem.
        stem: String,
    },
    /// Two files of one name.
    #[error("two files would be called {0:?}")]
    SameLabel(String),
    /// A stem file is asked for, and something that it can't be.
    #[error(
        "a stem file holds the mix and four stems, no more and no less{}: choose another format",
        if *num_stems == 4 { String::new() } else { format!("; the model has {num_stems}") }
    )]
    NotForStemFile {
        /// How many stems the model has.
        num_stems: usize,
    },
    /// Nothing is selected.
    #[error("nothing is selected to be written: name stems, or a sum")]
    Nothing,
}

/// What a file holds. Stems are indices into the model's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The mix.
    Mix,
    /// One stem.
    Stem(usize),
    /// The sum of stems, in ascending order.
    Sum(Vec<usize>),
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// What it holds.
    pub role: Role,
    /// What stands in the brackets of its name.
    pub label: String,
}

/// The same as [`Role`], by name, as reports store it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum NamedRole {
    /// The mix.
    Mix,
    /// One stem.
    Stem {
        /// Its name.
        stem: String,
    },
    /// A sum.
    Sum {
        /// Names of its stems.
        of: Vec<String>,
    },
}

impl Role {
    /// The role with names in place of indices.
    pub fn named(&self, stems: &[String]) -> NamedRole {
        match self {
            Self::Mix => NamedRole::Mix,
            Self::Stem(stem) => NamedRole::Stem {
                stem: stems[*stem].clone(),
            },
            Self::Sum(of) => NamedRole::Sum {
                of: of.iter().map(|&stem| stems[stem].clone()).collect(),
            },
        }
    }
}

impl Selection {
    /// The files for a model with these stems: stems, Full Mix, Instrumental, sums.
    ///
    /// Everything is written unless something is said: naming stems leaves out the Instrumental, unless it
    /// is named among them.
    ///
    /// # Errors
    /// [`PlanError`], before anything is read or written.
    pub fn plan(&self, stems: &[String]) -> Result<Vec<PlannedFile>, PlanError> {
        let idx = |name: &str| {
            let name = stem_name(name);
            stems
                .iter()
                .position(|stem| *stem == name)
                .ok_or_else(|| PlanError::UnknownStem {
                    name,
                    known: stems.to_vec(),
                })
        };
        let mut files = Vec::new();
        let mut wants_instrumental = self.stems.is_none();
        if !self.only_sums {
            let mut chosen: Vec<usize> = Vec::new();
            match &self.stems {
                None => chosen.extend(0..stems.len()),
                Some(names) => {
                    for name in names {
                        if stem_name(name) == stem_name(INSTRUMENTAL_LABEL) {
                            wants_instrumental = true;
                        } else {
                            chosen.push(idx(name)?);
                        }
                    }
                }
            }
            chosen.sort_unstable();
            chosen.dedup();
            files.extend(chosen.into_iter().map(|stem| PlannedFile {
                role: Role::Stem(stem),
                label: naming::stem_label(&stems[stem]),
            }));
            if self.mix {
                files.push(PlannedFile {
                    role: Role::Mix,
                    label: MIX_LABEL.into(),
                });
            }
            match stems.iter().position(|stem| stem == VOCALS) {
                Some(vocals) if wants_instrumental && stems.len() > 2 => files.push(PlannedFile {
                    role: Role::Sum((0..stems.len()).filter(|&stem| stem != vocals).collect()),
                    label: INSTRUMENTAL_LABEL.into(),
                }),
                None if self.stems.is_some() && wants_instrumental => {
                    return Err(PlanError::UnknownStem {
                        name: VOCALS.into(),
                        known: stems.to_vec(),
                    });
                }
                _ => {}
            }
        }
        for sum in &self.sums {
            let mut of = sum
                .stems
                .iter()
                .map(|name| idx(name))
                .collect::<Result<Vec<_>, _>>()?;
            of.sort_unstable();
            if let Some(pair) = of.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(PlanError::RepeatedStem {
                    label: sum.label.clone(),
                    stem: stems[pair[0]].clone(),
                });
            }
            files.push(PlannedFile {
                role: Role::Sum(of),
                label: sum.label.clone(),
            });
        }
        let labels = files.iter().map(|file| naming::sanitise(&file.label));
        all_differ(labels.chain([REPORT_LABEL.to_owned()]))?;
        if files.is_empty() {
            return Err(PlanError::Nothing);
        }
        Ok(files)
    }

    /// What the one file for DJ programs has in it for a model with these stems: the mix, then the stems.
    ///
    /// # Errors
    /// The model doesn't have four stems, or something else was selected.
    pub fn plan_stem_file(&self, stems: &[String]) -> Result<Vec<PlannedFile>, PlanError> {
        let no_stem_file = || PlanError::NotForStemFile {
            num_stems: stems.len(),
        };
        let order = stem_file::order(stems).filter(|_| *self == Self::default());
        let order = order.ok_or_else(no_stem_file)?;
        let mix = PlannedFile {
            role: Role::Mix,
            label: MIX_LABEL.into(),
        };
        let stem = |stem: usize| PlannedFile {
            role: Role::Stem(stem),
            label: naming::stem_label(&stems[stem]),
        };
        Ok([mix]
            .into_iter()
            .chain(order.into_iter().map(stem))
            .collect())
    }
}

/// Refuses two files of one name; names that differ in case only are the same file on Windows and macOS.
pub(crate) fn all_differ(names: impl Iterator<Item = String>) -> Result<(), PlanError> {
    let mut seen = HashSet::new();
    for name in names {
        let lower = name.to_lowercase();
        if !seen.insert(lower.clone()) {
            return Err(PlanError::SameLabel(lower));
        }
    }
    Ok(())
}

/// Stem names are lower case; users may write `Vocals`.
fn stem_name(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems() -> Vec<String> {
        ["drums", "bass", "vocals", "other"]
            .map(str::to_owned)
            .to_vec()
    }

    fn labels(selection: &Selection) -> Vec<String> {
        let plan = selection.plan(&stems()).unwrap();
        plan.into_iter().map(|file| file.label).collect()
    }

    #[test]
    fn by_default_every_stem_the_mix_and_the_instrumental_are_written() {
        let expected = [
            "Drums Stem",
            "Bass Stem",
            "Vocals Stem",
            "Other Stem",
            "Full Mix",
            "Instrumental",
        ];
        assert_eq!(labels(&Selection::default()), expected);
        let plan = Selection::default().plan(&stems()).unwrap();
        assert_eq!(plan[5].role, Role::Sum(vec![0, 1, 3]));
    }

    #[test]
    fn what_is_named_is_written_and_nothing_else() {
        let some = |names: &[&str]| Some(names.iter().map(|&n| n.to_owned()).collect());
        let mut selection = Selection {
            stems: some(&["Vocals", "drums", "vocals"]),
            ..Selection::default()
        };
        assert_eq!(
            labels(&selection),
            ["Drums Stem", "Vocals Stem", "Full Mix"]
        );
        selection.mix = false;
        selection.stems = some(&["instrumental", "vocals"]);
        assert_eq!(labels(&selection), ["Vocals Stem", "Instrumental"]);
        selection.sums = vec!["No Drums = bass+Vocals + other".parse().unwrap()];
        assert_eq!(
            labels(&selection),
            ["Vocals Stem", "Instrumental", "No Drums"]
        );
        selection.only_sums = true;
        assert_eq!(labels(&selection), ["No Drums"]);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        assert!(matches!(
            "No Drums".parse::<Sum>(),
            Err(PlanError::MalformedSum(_))
        ));
        assert!(matches!(
            "=bass".parse::<Sum>(),
            Err(PlanError::MalformedSum(_))
        ));
        assert!(matches!(
            "A=bass+".parse::<Sum>(),
            Err(PlanError::MalformedSum(_))
        ));
        let plan = |sum: &str| {
            let sums = vec![sum.parse().unwrap()];
            Selection {
                sums,
                ..Selection::default()
            }
            .plan(&stems())
            .unwrap_err()
        };
        assert!(matches!(plan("A=guitar"), PlanError::UnknownStem { .. }));
        assert!(matches!(
            plan("A=bass+drums+bass"),
            PlanError::RepeatedStem { .. }
        ));
        assert!(matches!(plan("full mix=bass"), PlanError::SameLabel(_)));
        assert!(matches!(plan("Report=bass"), PlanError::SameLabel(_)));
        let nothing = Selection {
            only_sums: true,
            ..Selection::default()
        };
        assert_eq!(nothing.plan(&stems()).unwrap_err(), PlanError::Nothing);
    }
}
