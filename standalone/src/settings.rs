//! What is remembered from one run to the next: `standalone.json` in the user's data folder.
//!
//! | entry | what |
//! |---|---|
//! | `format` | 1 |
//! | `sound` | what was chosen of sound cards |
//! | `hears_card` | whether what comes from the sound card goes in |
//! | `preset` | name of the preset that was chosen last |
//! | `session` | what a host would save with a session: parameters, model, size of the window, folder for stems … |
//!
//! What is left out or can't be read has its default. A file that is no such file is set aside, and so is one of a newer
//! version before it would be written over; the person is told. It is written under another name and renamed: what is
//! there is always whole.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use nice_plug::plugin::PluginState;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use unweave_separation::files::folders;

use crate::sound::Choice;

/// What is written.
const FORMAT: u64 = 1;
/// What is remembered is below ten kilobytes: what is larger is something else.
const MAX_BYTES: u64 = 1_000_000;
const FILE: &str = "standalone.json";

/// What is remembered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    format: u64,
    /// Of sound cards.
    pub sound: Choice,
    /// What comes from the sound card goes in, and not the song.
    pub hears_card: bool,
    /// Name of the preset that was chosen last.
    pub preset: Option<String>,
    /// What a host would save with a session.
    pub session: Option<PluginState>,
}

/// Reads and writes them.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    /// What is in the file, as far as it is known.
    written: String,
    /// It was said that nothing can be remembered.
    is_refused: bool,
}

/// Where they are, if the system says where the user's data are.
pub fn path_of_user() -> Option<PathBuf> {
    folders::user_data().map(|folder| folder.join(FILE))
}

impl Memory {
    /// What was remembered in this file, and what has to be said of it.
    pub fn open(path: PathBuf) -> (Self, Settings, Option<String>) {
        let (settings, word) = match read(&path) {
            Ok(text) => parse(&path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => (Settings::default(), None),
            Err(error) => {
                let word = format!("The settings in {} can't be read: {error}.", path.display());
                (Settings::default(), Some(word))
            }
        };
        let memory = Self {
            path,
            written: String::new(),
            is_refused: false,
        };
        (memory, settings, word)
    }

    /// Remembers, unless it is as it was; says once if that can't be done.
    pub fn keep(&mut self, settings: &Settings) -> Option<String> {
        let settings = Settings {
            format: FORMAT,
            ..settings.clone()
        };
        // Nothing in there can fail to be JSON.
        let text = serde_json::to_string_pretty(&settings).unwrap_or_default();
        if text == self.written {
            return None;
        }
        let result = write(&self.path, &text);
        self.written = text;
        match result {
            Ok(()) => {
                self.is_refused = false;
                None
            }
            Err(error) => (!std::mem::replace(&mut self.is_refused, true)).then(|| {
                format!(
                    "What you set can't be remembered: {} can't be written: {error}.",
                    self.path.display()
                )
            }),
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let length = fs::metadata(path)?.len();
    if length > MAX_BYTES {
        return Err(std::io::Error::other("it is too long to be settings"));
    }
    // What is no text is broken, and not unreadable.
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

fn parse(path: &Path, text: &str) -> (Settings, Option<String>) {
    let Ok(entries) = serde_json::from_str::<Map<String, Value>>(text) else {
        let word = match set_aside(path, "broken") {
            Ok(aside) => format!(
                "The settings could not be read, and all is as at first. What was there is now {}.",
                aside.display()
            ),
            Err(error) => format!(
                "The settings in {} could not be read, nor set aside: {error}.",
                path.display()
            ),
        };
        return (Settings::default(), Some(word));
    };
    let is_newer = entries.get("format").and_then(Value::as_u64) > Some(FORMAT);
    let word = is_newer.then(|| match set_aside(path, "newer") {
        Ok(aside) => format!(
            "The settings are of a newer Unweave: what this one knows of them is used, and they are kept as {}.",
            aside.display()
        ),
        Err(error) => format!("The settings are of a newer Unweave, and can't be set aside: {error}."),
    });
    (lenient(entries), word)
}

/// The entries that can be read; the others have their defaults.
fn lenient(mut entries: Map<String, Value>) -> Settings {
    let of = |entries: Map<String, Value>| serde_json::from_value::<Settings>(entries.into());
    entries.retain(|key, value| of([(key.clone(), value.clone())].into_iter().collect()).is_ok());
    of(entries).unwrap_or_default()
}

/// `standalone.json` becomes `standalone.broken.json`.
fn set_aside(path: &Path, why: &str) -> std::io::Result<PathBuf> {
    let aside = path.with_extension(format!("{why}.json"));
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Settings {
        Settings {
            sound: Choice {
                system: Some("JACK".to_owned()),
                sample_rate: Some(48_000),
                ..Choice::default()
            },
            hears_card: true,
            preset: Some("Acapella".to_owned()),
            ..Settings::default()
        }
    }

    #[test]
    fn what_was_kept_is_there_again_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/standalone.json");
        let (mut memory, settings, word) = Memory::open(path.clone());
        assert!(!settings.hears_card && word.is_none());
        assert_eq!(memory.keep(&some()), None);
        let (_, settings, word) = Memory::open(path.clone());
        assert_eq!((settings.sound, word), (some().sound, None));
        assert_eq!(settings.preset.as_deref(), Some("Acapella"));
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn a_broken_file_is_set_aside_with_a_word() {
        for text in ["", "{", "[1]", "no settings", "\u{0}\u{ff}"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            fs::write(&path, text).unwrap();
            let (mut memory, settings, word) = Memory::open(path.clone());
            assert!(!settings.hears_card, "{text:?}");
            assert!(word.unwrap().contains("standalone.broken.json"), "{text:?}");
            let aside = folder.path().join("standalone.broken.json");
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
            assert_eq!(memory.keep(&some()), None);
            assert!(Memory::open(path).1.hears_card);
        }
    }

    #[test]
    fn a_file_from_the_future_gives_what_is_known_of_it_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let text = r#"{"format": 7, "hears_card": true, "sound": {"system": "JACK", "depth": 3}, "preset": [1], "new": {}}"#;
        fs::write(&path, text).unwrap();
        let (_, settings, word) = Memory::open(path);
        assert!(settings.hears_card);
        assert_eq!(settings.sound.system.as_deref(), Some("JACK"));
        assert_eq!(settings.preset, None);
        assert!(word.unwrap().contains("newer Unweave"));
        let aside = folder.path().join("standalone.newer.json");
        assert_eq!(fs::read_to_string(aside).unwrap(), text);
    }

    #[test]
    fn where_nothing_can_be_written_it_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        // A file where the folder should be: no permission helps, not even that of root.
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let (mut memory, _, _) = Memory::open(file.join(FILE));
        let word = memory.keep(&some()).unwrap();
        assert!(
            word.starts_with("What you set can't be remembered"),
            "{word}"
        );
        assert_eq!(memory.keep(&Settings::default()), None);
    }
}
