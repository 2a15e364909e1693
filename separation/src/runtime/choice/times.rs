//! How long a hop takes on each device, kept from one start to the next.
//!
//! ```json
//! { "format": 1, "hop_us": { "IDENTITY DEVICE 1.MINOR THREADS": 1234 } }
//! ```
//! Microseconds for one hop. A file of another format counts as none. Two programs that write at once don't
//! mix: each writes a file of its own and renames it; the last one's times stay.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::folders;

/// In the user's data folder.
const FILE: &str = "devices.json";
const FORMAT: u32 = 1;

/// Times by what they depend on.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Where they are kept; none if there is no data folder.
    path: Option<PathBuf>,
    /// In microseconds.
    hop_us: BTreeMap<String, u64>,
    /// Whether they differ from the file's.
    is_changed: bool,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Document {
    /// [`FORMAT`], or it is read as if it were empty.
    format: u32,
    /// As in [`Times`].
    hop_us: BTreeMap<String, u64>,
}

impl Times {
    /// Those of this user; none if there is no file, or one that can't be read: it is made anew.
    pub(super) fn of_user() -> Self {
        folders::user_data().map_or_else(Self::default, |data| Self::read(&data.join(FILE)))
    }

    fn read(path: &Path) -> Self {
        let document: Option<Document> = std::fs::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|document: &Document| document.format == FORMAT);
        Self {
            path: Some(path.to_owned()),
            hop_us: document.map(|document| document.hop_us).unwrap_or_default(),
            is_changed: false,
        }
    }

    /// How long a hop takes under this key, if that was measured.
    pub(super) fn get(&self, key: &str) -> Option<Duration> {
        self.hop_us.get(key).copied().map(Duration::from_micros)
    }

    pub(super) fn set(&mut self, key: String, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.is_changed |= self.hop_us.insert(key, us) != Some(us);
    }

    /// Has it measured again, as of a device that failed.
    pub(super) fn forget(&mut self, key: &str) {
        self.is_changed |= self.hop_us.remove(key).is_some();
    }

    /// Writes them if they changed. What can't be kept is measured again next time, which is no error.
    pub(super) fn save(&self) {
        if self.is_changed {
            let _ = self.write();
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let document = Document {
            format: FORMAT,
            hop_us: self.hop_us.clone(),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(&document)?)?;
        file.persist(path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_there_the_next_time_and_rubbish_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data").join(FILE);
        let mut times = Times::read(&path);
        assert_eq!(times.get("a"), None);
        times.set("a".to_owned(), Duration::from_micros(7));
        times.set("b".to_owned(), Duration::from_micros(8));
        times.forget("b");
        times.save();
        let again = Times::read(&path);
        assert_eq!(again.get("a"), Some(Duration::from_micros(7)));
        assert_eq!(again.get("b"), None);

        for rubbish in ["", "{", "{\"format\": 2, \"hop_us\": {\"a\": 7}}"] {
            std::fs::write(&path, rubbish).unwrap();
            let mut times = Times::read(&path);
            assert_eq!(times.get("a"), None, "{rubbish:?}");
            times.set("a".to_owned(), Duration::from_micros(9));
            times.save();
            assert_eq!(Times::read(&path).get("a"), Some(Duration::from_micros(9)));
        }
    }
}
