//! The user's presets: a file each, `NAME.toml`, in the folder `presets` of the user's data folder.
//!
//! ```toml
//! format = 1
//! residual_db = 0.0
//!
//! [vocals]
//! gain_db = -12.0
//! muted = false
//! soloed = false
//! sensitivity_percent = 0.0
//! ```
//!
//! What is left out is at 0. Beside the folder lies `new-instances.toml`, the same for what new instances begin with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use unweave_separation::files::{folders, naming};

use super::factory;
use crate::strips::Strips;

/// What is written; what has another number is of a newer Unweave.
const FORMAT: i64 = 1;
/// A preset is below a kilobyte: what is larger is something else.
const MAX_BYTES: u64 = 100_000;

/// One of the user's.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPreset {
    /// Its file's, without the ending.
    pub name: String,
    /// What it sets, or in the user's words why that can't be read.
    pub strips: Result<Strips, String>,
}

/// Where presets lie.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The user's, if the system says where.
    pub fn of_user() -> Option<Self> {
        folders::user_data().map(Self)
    }

    /// As if this was the user's data folder.
    pub fn at(data: &Path) -> Self {
        Self(data.to_owned())
    }

    /// All that are there, by name.
    pub fn list(&self) -> Vec<UserPreset> {
        let Ok(entries) = fs::read_dir(self.folder()) else {
            return Vec::new();
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let presets = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
        let mut presets: Vec<UserPreset> = presets
            .filter_map(|path| {
                Some(UserPreset {
                    name: path.file_stem()?.to_str()?.to_owned(),
                    strips: read(&path),
                })
            })
            .collect();
        presets.sort_by_key(|preset| preset.name.to_lowercase());
        presets
    }

    /// Saves under this name, over what may be there; gives the name that it has now.
    ///
    /// # Errors
    /// In the user's words.
    pub fn save(&self, name: &str, strips: Strips) -> Result<String, String> {
        let name = usable(name)?;
        write(&self.path(&name), strips)?;
        Ok(name)
    }

    /// Gives one another name; gives that as it is now.
    ///
    /// # Errors
    /// In the user's words.
    pub fn rename(&self, old: &str, new: &str) -> Result<String, String> {
        let new = usable(new)?;
        if new == old {
            return Ok(new);
        }
        if self.path(&new).exists() {
            return Err(format!(
                "There is a preset “{new}” already: choose another name."
            ));
        }
        fs::rename(self.path(old), self.path(&new))
            .map_err(|error| format!("“{old}” can't be renamed: {error}."))?;
        Ok(new)
    }

    /// Removes one.
    ///
    /// # Errors
    /// In the user's words.
    pub fn remove(&self, name: &str) -> Result<(), String> {
        fs::remove_file(self.path(name))
            .map_err(|error| format!("“{name}” can't be removed: {error}."))
    }

    /// What new instances begin with; a full mix if nothing was chosen, or if that can't be read.
    pub fn for_new_instances(&self) -> Strips {
        read(&self.new_instances()).unwrap_or_default()
    }

    /// New instances begin with this from now on.
    ///
    /// # Errors
    /// In the user's words.
    pub fn set_for_new_instances(&self, strips: Strips) -> Result<(), String> {
        write(&self.new_instances(), strips)
    }

    /// Where the user's presets lie.
    pub fn folder(&self) -> PathBuf {
        self.0.join("presets")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.toml"))
    }

    fn new_instances(&self) -> PathBuf {
        self.0.join("new-instances.toml")
    }
}

/// The name as a file can have it.
fn usable(name: &str) -> Result<String, String> {
    let name = name.trim();
    if name.is_empty() {
        return Err("Type a name for the preset first.".to_owned());
    }
    let name = naming::shorten(&naming::sanitise(name), naming::MAX_TRACK_BYTES);
    if factory(&name).is_some() {
        return Err(format!(
            "“{name}” is one of Unweave's own presets: choose another name."
        ));
    }
    Ok(name)
}

fn read(path: &Path) -> Result<Strips, String> {
    let io = |error: io::Error| format!("It can't be read: {error}.");
    if fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
        return Err("It is no preset: it is too long for one.".to_owned());
    }
    let text = fs::read_to_string(path).map_err(io)?;
    let mut table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| damaged(&error))?;
    let format = table.remove("format");
    match format.as_ref().and_then(toml::Value::as_integer) {
        Some(FORMAT) => {}
        Some(format) => {
            return Err(format!(
                "It is of format {format}, which a newer Unweave writes: install that."
            ));
        }
        None => return Err("It is no preset of Unweave: it doesn't say its format.".to_owned()),
    }
    let strips: Strips = table.try_into().map_err(|error| damaged(&error))?;
    strips
        .tidy()
        .map_err(|name| format!("It is damaged: {name} is no number."))
}

fn damaged(error: &toml::de::Error) -> String {
    format!("It is damaged: {}.", error.message().trim_end_matches('.'))
}

/// Whole or not at all, also if the machine fails in between.
fn write(path: &Path, strips: Strips) -> Result<(), String> {
    let failed = |error: io::Error| format!("{} can't be written: {error}.", path.display());
    let values = toml::to_string(&strips).map_err(|error| failed(io::Error::other(error)))?;
    let text = format!("format = {FORMAT}\n{values}");
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed)?;
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::at(data.path());
        (data, folder)
    }

    #[test]
    fn what_is_saved_is_listed_renamed_and_removed_with_its_values() {
        let (_data, folder) = folder();
        assert_eq!(folder.list(), []);
        let mut strips = Strips {
            residual_db: f32::NEG_INFINITY,
            ..Strips::default()
        };
        strips.vocals.gain_db = -6.25;
        strips.other.soloed = true;
        strips.bass.sensitivity_percent = 12.5;
        assert_eq!(folder.save(" b/side ", strips).unwrap(), "b-side");
        folder.save("A", Strips::default()).unwrap();
        let names = |folder: &Folder| -> Vec<String> {
            let list = folder.list().into_iter();
            list.map(|preset| preset.name).collect()
        };
        assert_eq!(names(&folder), ["A", "b-side"]);
        assert_eq!(folder.list()[1].strips, Ok(strips));
        assert!(folder.rename("b-side", "A").unwrap_err().contains("“A”"));
        assert_eq!(folder.rename("b-side", "Z").unwrap(), "Z");
        folder.remove("A").unwrap();
        assert_eq!(names(&folder), ["Z"]);
        assert!(folder.remove("A").is_err());
    }

    #[test]
    fn names_that_are_none_or_unweaves_own_are_refused_with_a_sentence() {
        let (_data, folder) = folder();
        for name in ["", "  ", "Instrumental"] {
            let refusal = folder.save(name, Strips::default()).unwrap_err();
            assert!(refusal.ends_with('.'), "{refusal}");
        }
        assert_eq!(folder.list(), []);
    }

    #[test]
    fn broken_files_are_listed_with_a_sentence() {
        let (_data, folder) = folder();
        fs::create_dir_all(folder.folder()).unwrap();
        for (text, expected) in [
            ("no preset", "It is damaged: "),
            ("format = 2\n", "a newer Unweave"),
            ("residual_db = 0.0\n", "doesn't say its format"),
            (
                "format = 1\n[drums]\ngain_db = \"loud\"\n",
                "It is damaged: ",
            ),
            (
                "format = 1\n[drums]\ngain_db = nan\n",
                "gain_db is no number",
            ),
            ("format = 1\n[horns]\ngain_db = 0.0\n", "It is damaged: "),
        ] {
            fs::write(folder.folder().join("Mine.toml"), text).unwrap();
            let list = folder.list();
            let refusal = list[0].strips.as_ref().unwrap_err();
            assert!(
                refusal.contains(expected) && refusal.ends_with('.'),
                "{refusal}"
            );
        }
        fs::write(folder.folder().join("Mine.toml"), "format = 1\n").unwrap();
        assert_eq!(folder.list()[0].strips, Ok(Strips::default()));
    }

    #[test]
    fn new_instances_begin_as_they_were_told_and_as_a_full_mix_otherwise() {
        let (data, folder) = folder();
        assert_eq!(folder.for_new_instances(), Strips::default());
        let strips = factory("Drumless").unwrap();
        folder.set_for_new_instances(strips).unwrap();
        assert_eq!(folder.for_new_instances(), strips);
        assert_eq!(folder.list(), [], "it is none of the list");
        fs::write(data.path().join("new-instances.toml"), "damaged").unwrap();
        assert_eq!(folder.for_new_instances(), Strips::default());
    }
}
