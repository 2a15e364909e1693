//! Folders for what is needed while a program runs, and must not outlive it.
//!
//! Dropping the folder removes it. A program that was killed leaves its folder behind; the next that makes
//! one in the same place removes it, which it may because the lock in it is gone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Locked as long as its program lives; the system unlocks it even after a kill.
const LOCK_NAME: &str = "lock";
/// What the lock file is called until it is locked.
const UNLOCKED_NAME: &str = "unlocked";
/// How often a folder is made until it stays.
const TRIES: u32 = 100;

/// A folder that goes away with this value.
pub struct ScratchFolder {
    /// Held open and locked while the folder is in use; closed before it is removed, as Windows wants.
    _lock: File,
    dir: Removed,
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        empty(self.path());
    }
}

/// A folder that is removed with this value.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // What can't be removed now, the next run removes.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes everything in a folder but its lock file, without which nobody would remove the rest after a kill in between.
fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name() == LOCK_NAME {
            continue;
        }
        // As far as it goes: the folder's own removal says what is wrong.
        let _ = match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
    }
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
        let mut result = Self::make(parent, prefix);
        for _ in 1..TRIES {
            match &result {
                // Another program took it for what a killed one left.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => break,
            }
            result = Self::make(parent, prefix);
        }
        result
    }

    /// One attempt: a folder, a file in it that is locked, and only then called [`LOCK_NAME`].
    fn make(parent: &Path, prefix: &str) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        let dir = Removed(dir.keep());
        // A lock file that is there and not locked would say that the folder is stale.
        let unlocked = dir.0.join(UNLOCKED_NAME);
        let lock = File::create(&unlocked)?;
        lock.lock()?;
        fs::rename(&unlocked, dir.0.join(LOCK_NAME))?;
        Ok(Self { _lock: lock, dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.dir.0
    }

    /// Leaves the folder as a killed program does; gives its path and its lock.
    #[cfg(test)]
    pub(crate) fn abandon(mut self) -> (PathBuf, File) {
        let lock = self._lock.try_clone().unwrap();
        (std::mem::take(&mut self.dir.0), lock)
    }
}

/// Removes what killed programs left in `parent` under names with `mark` in them; the folders of living ones
/// stay. `rescue` is given each before it goes, and may move out what is worth it.
///
/// # Errors
/// The system refuses; there is no `parent`.
pub fn clean(parent: &Path, mark: &str, rescue: &mut dyn FnMut(&Path)) -> io::Result<()> {
    for folder in folders(parent, mark)? {
        let Ok(lock) = File::open(folder.join(LOCK_NAME)) else {
            remove_unfinished(&folder);
            continue;
        };
        match lock.try_lock() {
            Ok(()) => {
                rescue(&folder);
                empty(&folder);
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
                    // Windows doesn't remove what somebody else looks at; whoever comes next does it.
                    Err(_) if cfg!(windows) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Removes a folder that has no lock file yet, unless something else is in it. Its program was killed, or makes it just
/// now and then makes another.
fn remove_unfinished(folder: &Path) {
    let unlocked = folder.join(UNLOCKED_NAME);
    if let Ok(file) = File::open(&unlocked) {
        if file.try_lock().is_err() {
            // It is about to be ready.
            return;
        }
        // While it is locked: who waits for the lock finds it gone.
        let _ = fs::remove_file(&unlocked);
    }
    let _ = fs::remove_dir(folder);
}

/// Whether there are folders in `parent` under names with `mark` in them, of living programs or of killed ones.
pub fn has_any(parent: &Path, mark: &str) -> bool {
    folders(parent, mark).is_ok_and(|folders| !folders.is_empty())
}

/// Hidden folders in `parent` with `mark` in their names.
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

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = ".partial-";

    #[test]
    fn what_was_killed_while_it_was_made_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = parent.path().join(format!(".{name}{MARK}1"));
            fs::create_dir(&folder).unwrap();
            folder
        };
        let empty = folder("empty");
        let unlocked = folder("unlocked");
        fs::write(unlocked.join(UNLOCKED_NAME), "").unwrap();
        let locked = folder("locked");
        let lock = File::create(locked.join(UNLOCKED_NAME)).unwrap();
        lock.lock().unwrap();
        let foreign = folder("foreign");
        fs::write(foreign.join("lyrics.txt"), "mine").unwrap();
        clean(parent.path(), MARK, &mut |_| {}).unwrap();
        let is_there = [empty, unlocked, locked, foreign].map(|folder| folder.exists());
        assert_eq!(is_there, [false, false, true, true]);
    }

    #[test]
    fn the_lock_goes_last() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = ScratchFolder::create(parent.path(), ".x.partial-", MARK).unwrap();
        fs::create_dir(scratch.path().join("set")).unwrap();
        fs::write(scratch.path().join("set/stem"), "x").unwrap();
        fs::write(scratch.path().join("spool"), "x").unwrap();
        empty(scratch.path());
        let left = fs::read_dir(scratch.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [LOCK_NAME]);
    }

    #[test]
    fn who_makes_one_while_others_clean_has_it() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let scratch = ScratchFolder::create(parent.path(), ".x.partial-", MARK);
                        let scratch = scratch.unwrap();
                        fs::write(scratch.path().join("spool"), "x").unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
