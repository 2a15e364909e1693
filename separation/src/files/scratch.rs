//! Folders for what is needed while a program runs, and must not outlive it.
//!
//! Dropping the folder removes it. A program that was killed leaves its folder behind; the next that makes
//! one in the same place removes it, which it may because the lock in it is gone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

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
        clean(parent, mark)?;
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
    pub(crate) fn abandon(self) -> (std::path::PathBuf, File) {
        (self.dir.keep(), self._lock)
    }
}

/// Removes what killed programs left in `parent` under names with `mark` in them; the folders of living ones
/// stay.
///
/// # Errors
/// The system refuses; there is no `parent`.
pub fn clean(parent: &Path, mark: &str) -> io::Result<()> {
    for entry in fs::read_dir(parent)?.filter_map(Result::ok) {
        let name = entry.file_name();
        let is_ours = name
            .to_str()
            .is_some_and(|n| n.starts_with('.') && n.contains(mark));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // Without a lock file the folder is just being made, or isn't ours.
        let Ok(lock) = File::open(entry.path().join(LOCK_NAME)) else {
            continue;
        };
        match lock.try_lock() {
            Ok(()) => {
                // Some file systems of Windows keep what is open, and with it the folder.
                drop(lock);
                match fs::remove_dir_all(entry.path()) {
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
