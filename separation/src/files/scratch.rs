//! Folders for what is needed while a program runs, and must not outlive it.
//!
//! Dropping the folder removes it. A program that was killed leaves its folder behind; the next that makes
//! one in the same place removes it, which it may because the lock in it is gone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

const LOCK_NAME: &str = "lock";
/// What the lock file is called until it is locked.
const UNLOCKED_NAME: &str = "unlocked";

/// A folder that goes away with this value.
pub struct ScratchFolder {
    /// Held open and locked while the folder is in use; closed before it is removed, as Windows wants.
    _lock: File,
    dir: TempDir,
}

impl ScratchFolder {
    /// Makes `parent` if it isn't there, removes what killed programs left in it under names with `mark`
    /// in them, and makes a folder in it whose name is `prefix` and something random.
    ///
    /// # Errors
    /// The system refuses: no permission, no space, a file in place of the folder.
    pub fn create(parent: &Path, prefix: &str, mark: &str) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        clean(parent, mark, &mut |_| {})?;
        Self::create_beside(parent, prefix)
    }

    /// The same, but what killed programs left stays.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn create_beside(parent: &Path, prefix: &str) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let dir = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        // A lock file that is there and not locked would say that the folder is stale.
        let unlocked = dir.path().join(UNLOCKED_NAME);
        let lock = File::create(&unlocked)?;
        lock.lock()?;
        fs::rename(&unlocked, dir.path().join(LOCK_NAME))?;
        Ok(Self { _lock: lock, dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves the folder as a killed program does; gives its path and its lock.
    #[cfg(test)]
    pub(crate) fn abandon(self) -> (PathBuf, File) {
        (self.dir.keep(), self._lock)
    }
}

/// Removes what killed programs left in `parent` under names with `mark` in them; the folders of living ones
/// stay. `rescue` is given each before it goes, and may move out what is worth it.
///
/// # Errors
/// The system refuses; there is no `parent`.
pub fn clean(parent: &Path, mark: &str, rescue: &mut dyn FnMut(&Path)) -> io::Result<()> {
    for folder in folders(parent, mark)? {
        // Without a lock file the folder is just being made, or isn't ours.
        let Ok(lock) = File::open(folder.join(LOCK_NAME)) else {
            continue;
        };
        match lock.try_lock() {
            Ok(()) => {
                rescue(&folder);
                // Some file systems of Windows keep what is open, and with it the folder.
                drop(lock);
                match fs::remove_dir_all(&folder) {
                    Ok(()) => {}
                    // Whoever else found it at the same moment removes it instead.
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                        ) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Whether there are folders in `parent` under names with `mark` in them, of living programs or of killed ones.
pub fn has_any(parent: &Path, mark: &str) -> bool {
    folders(parent, mark).is_ok_and(|folders| !folders.is_empty())
}

fn folders(parent: &Path, mark: &str) -> io::Result<Vec<PathBuf>> {
    let is_ours = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_str();
        name.is_some_and(|name| name.starts_with('.') && name.contains(mark))
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    let entries = fs::read_dir(parent)?.filter_map(Result::ok);
    Ok(entries.filter(is_ours).map(|entry| entry.path()).collect())
}
