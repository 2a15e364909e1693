//! A set appears whole or not at all.
//!
//! Everything is made in a hidden folder beside its final place, `.Track Name.partial-XXXXXX`, and moved
//! when it is whole. The folder goes away when the run fails or is cancelled; one that a killed run left is
//! removed by the next run in the same place.
//!
//! ```text
//! output folder
//!   .Track Name.partial-XXXXXX   locked while the run lives (files::scratch)
//!     spool                      what was separated
//!     set                        the files, as they will be
//!     aside                      those of an old set, while it is replaced
//!   Track Name                   set, renamed
//! ```
//! A rename within one file system is whole or not at all. Where the files go beside those of other sets, there
//! is one rename per file: then an empty report comes first, and the full one last.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::naming;
use crate::files::scratch::{self, ScratchFolder};

/// By which the work folders of killed runs are found.
const PARTIAL_MARK: &str = ".partial-";
const SPOOL_NAME: &str = "spool";
const SET_NAME: &str = "set";
const ASIDE_NAME: &str = "aside";
/// How often, and after how long each time, a folder is moved that something has open on Windows.
const TRIES: u32 = 20;
const NAP: Duration = Duration::from_millis(50);

/// What to do when the set's folder exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Take the next free name: `Track Name (2)`.
    #[default]
    Number,
    /// Replace the files of that set; other files in the folder stay.
    Overwrite,
}

/// The hidden folder of a set in the making.
pub struct WorkFolder {
    /// Removed with everything in it when this goes.
    dir: ScratchFolder,
    /// Where the set will be.
    output_dir: PathBuf,
    /// After the work folder, which is in the last of them.
    _made: MadeFolders,
}

/// Folders that were not there before, outermost first. Those that are empty in the end go again.
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Those that making `dir` is about to make.
    fn for_dir(dir: &Path) -> Self {
        let missing = dir
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && dir.symlink_metadata().is_err());
        let mut made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        made.reverse();
        Self(made)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for dir in self.0.iter().rev() {
            // Refused where something is in it.
            let _ = fs::remove_dir(dir);
        }
    }
}

impl WorkFolder {
    /// Makes the output folder if it isn't there, removes what killed runs left in it, and makes a work
    /// folder in it.
    ///
    /// # Errors
    /// The system refuses: no permission, no space, a file in place of the folder.
    pub fn create(output_dir: &Path, track: &str) -> io::Result<Self> {
        if cfg!(windows)
            && let Some(reason) = naming::refused_by_windows(output_dir)
        {
            // Windows itself says nothing that helps, or takes the name and writes nowhere.
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, reason));
        }
        let made = MadeFolders::for_dir(output_dir);
        let prefix = format!(".{track}{PARTIAL_MARK}");
        let dir = ScratchFolder::create(output_dir, &prefix, PARTIAL_MARK)?;
        fs::create_dir(dir.path().join(SET_NAME))?;
        Ok(Self {
            dir,
            output_dir: output_dir.to_owned(),
            _made: made,
        })
    }

    /// Where the files of the set are written.
    pub fn set_dir(&self) -> PathBuf {
        self.dir.path().join(SET_NAME)
    }

    /// Where what is needed in between is written.
    pub fn spool_path(&self) -> PathBuf {
        self.dir.path().join(SPOOL_NAME)
    }

    /// Moves the set to a folder of its own and gives that. `report_name` is moved last, so that a set with a
    /// report is whole; `owned` tells from an old report which files belong to an old set.
    ///
    /// # Errors
    /// The system refuses.
    pub fn publish(
        self,
        track: &str,
        existing: Existing,
        report_name: &str,
        owned: impl Fn(&Path) -> Vec<String>,
    ) -> io::Result<PathBuf> {
        let set = self.set_dir();
        if existing == Existing::Overwrite {
            let target = self.output_dir.join(track);
            if target.is_dir() {
                let aside = self.dir.path().join(ASIDE_NAME);
                let owned = owned(&target.join(report_name));
                replace(&set, &target, report_name, &owned, &aside)?;
                return Ok(target);
            }
        }
        let taken = Taken::of(&self.output_dir)?;
        for number in 1.. {
            let name = naming::numbered(track, number);
            let target = self.output_dir.join(&name);
            if taken.has(&name) || target.symlink_metadata().is_ok() {
                continue;
            }
            match move_folder(&set, &target) {
                Ok(()) => return Ok(target),
                // Another run took the name a moment ago.
                Err(_) if target.symlink_metadata().is_ok() => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("numbers don't end before files do")
    }

    /// Moves the files of the set to where those of other sets are too, and gives that folder. `names` gives what
    /// the files, the report last if there is one, are called with a number: they are there under their names with 1.
    /// `write_report` writes one that says so. An empty report is there before the first file, so that one can tell what
    /// a killed run has left.
    ///
    /// # Errors
    /// The system refuses.
    pub fn publish_flat(
        self,
        existing: Existing,
        names: impl Fn(u32) -> Vec<String>,
        write_report: impl Fn(u32, &Path) -> io::Result<()>,
        owned: impl Fn(&Path) -> Vec<String>,
    ) -> io::Result<PathBuf> {
        let (set, target) = (self.set_dir(), &self.output_dir);
        let first = names(1);
        let report_name = first.last().map_or("", String::as_str);
        if existing == Existing::Overwrite {
            write_report(1, &set.join(report_name))?;
            let owned = owned(&target.join(report_name));
            let aside = self.dir.path().join(ASIDE_NAME);
            replace(&set, target, report_name, &owned, &aside)?;
            return Ok(target.clone());
        }
        let taken = Taken::of(target)?;
        for number in 1.. {
            let names = names(number);
            if names.iter().any(|name| taken.has(name)) {
                continue;
            }
            // Whoever makes the report has all of the names.
            let claim = target.join(names.last().map_or("", String::as_str));
            match fs::File::create_new(&claim) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            let mut moved = Vec::new();
            let result = write_report(number, &set.join(report_name)).and_then(|()| {
                first.iter().zip(&names).try_for_each(|(from, to)| {
                    let to = target.join(to);
                    fs::rename(set.join(from), &to)?;
                    moved.push(to);
                    Ok(())
                })
            });
            if let Err(error) = result {
                for path in moved.iter().chain([&claim]) {
                    let _ = fs::remove_file(path);
                }
                return Err(error);
            }
            return Ok(target.clone());
        }
        unreachable!("numbers don't end before files do")
    }
}

/// What is in a folder. Names that differ in case only are one on Windows and macOS, and where songs are copied to
/// from there.
pub struct Taken(HashSet<String>);

impl Taken {
    /// Looks into a folder; one that isn't there has nothing in it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self(HashSet::new()));
            }
            other => other?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().to_lowercase()));
        names.collect::<io::Result<_>>().map(Self)
    }

    /// Whether there is anything of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_lowercase())
    }
}

/// Whether a folder is one in which a run makes a set, or was when it was killed.
pub fn is_work_folder(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.contains(PARTIAL_MARK)
}

/// Removes what killed runs left in an output folder.
///
/// # Errors
/// The system refuses; there is no such folder.
pub fn clean(output_dir: &Path) -> io::Result<()> {
    scratch::clean(output_dir, PARTIAL_MARK, &mut |_| {})
}

/// Puts the files of a set in the place of those of an old one, which goes `aside`. Where one can't be moved, such as one
/// that another program has open on Windows, all go back.
///
/// # Errors
/// The system refuses; what was moved by then is back.
fn replace(
    set: &Path,
    target: &Path,
    report_name: &str,
    owned: &[String],
    aside: &Path,
) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(set)? {
        names.push(entry?.file_name());
    }
    // Last: a set with a report is whole.
    names.sort_by_key(|name| name == report_name);
    fs::create_dir(aside)?;
    // First, and an empty one in its place: so one can tell what a killed run has left.
    let (report, old_report) = (target.join(report_name), aside.join(report_name));
    let had_report = match fs::rename(&report, &old_report) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        other => other.map(|()| true)?,
    };
    let claimed = fs::write(&report, "");
    let old = owned
        .iter()
        .map(OsStr::new)
        .chain(names.iter().map(OsString::as_os_str))
        .filter(|name| *name != report_name);
    let mut moved = Vec::new();
    let result = claimed.and_then(|()| {
        old.map(|name| (target, aside, name))
            .chain(names.iter().map(|name| (set, target, name.as_os_str())))
            .try_for_each(
                |(from, to, name)| match fs::rename(from.join(name), to.join(name)) {
                    Ok(()) => {
                        moved.push((from, to, name));
                        Ok(())
                    }
                    // Of the old set, not all that it could have is there.
                    Err(error) if from == target && error.kind() == io::ErrorKind::NotFound => {
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
            )
    });
    if result.is_err() {
        for (from, to, name) in moved.into_iter().rev() {
            fs::rename(to.join(name), from.join(name))?;
        }
        match had_report {
            true => fs::rename(&old_report, &report)?,
            false => fs::remove_file(&report)?,
        }
    }
    result
}

/// Moves a folder. On Windows that is refused while a file in it is open, and scanners for viruses and for searching
/// open what was just written; they are given a second.
fn move_folder(from: &Path, to: &Path) -> io::Result<()> {
    let mut result = fs::rename(from, to);
    for _ in 1..TRIES {
        match &result {
            Err(error) if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied => {}
            _ => break,
        }
        std::thread::sleep(NAP);
        result = fs::rename(from, to);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn make(out: &Path, content: &str, existing: Existing) -> PathBuf {
        let work = WorkFolder::create(out, "Song").unwrap();
        fs::write(work.set_dir().join("Song (Drums Stem).wav"), content).unwrap();
        fs::write(work.set_dir().join("Song (Report).json"), content).unwrap();
        fs::write(work.spool_path(), "big").unwrap();
        let owned = |_: &Path| vec!["Song (Old Stem).wav".to_owned()];
        work.publish("Song", existing, "Song (Report).json", owned)
            .unwrap()
    }

    #[test]
    fn folders_that_were_made_for_nothing_go_again_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b");
        drop(WorkFolder::create(&out, "Song").unwrap());
        assert_eq!(names(dir.path()), [] as [&str; 0]);
        fs::create_dir_all(&out).unwrap();
        drop(WorkFolder::create(&out, "Song").unwrap());
        assert!(out.is_dir());
        fs::remove_dir(&out).unwrap();
        let work = WorkFolder::create(&out, "Song").unwrap();
        fs::write(out.join("somebody's"), "").unwrap();
        drop(work);
        assert_eq!(names(&out), ["somebody's"]);
    }

    #[test]
    fn a_taken_name_is_left_alone_and_the_next_number_used() {
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("Song"), "a file of that name").unwrap();
        assert_eq!(
            make(out.path(), "1", Existing::Number),
            out.path().join("Song (2)")
        );
        assert_eq!(
            make(out.path(), "2", Existing::Number),
            out.path().join("Song (3)")
        );
        assert_eq!(names(out.path()), ["Song", "Song (2)", "Song (3)"]);
        let kept = fs::read_to_string(out.path().join("Song (2)/Song (Report).json")).unwrap();
        assert_eq!(kept, "1");
    }

    #[test]
    fn names_that_differ_in_case_only_are_the_same() {
        let out = tempfile::tempdir().unwrap();
        fs::create_dir(out.path().join("SONG")).unwrap();
        fs::write(out.path().join("song (2) (BASS stem).wav"), "").unwrap();
        let dir = make(out.path(), "1", Existing::Number);
        assert_eq!(dir, out.path().join("Song (2)"));

        for expected in ["Song (3) (Bass Stem).wav", "Song (4) (Bass Stem).wav"] {
            fs::write(out.path().join("Song (Report).json"), "of another set").unwrap();
            let work = WorkFolder::create(out.path(), "Song").unwrap();
            fs::write(work.set_dir().join("Song (Bass Stem).wav"), expected).unwrap();
            let names = |number| {
                let track = naming::numbered("Song", number);
                ["(Bass Stem).wav", "(Report).json"]
                    .map(|end| format!("{track} {end}"))
                    .to_vec()
            };
            let write = |number: u32, path: &Path| fs::write(path, number.to_string());
            let dir = work
                .publish_flat(Existing::Number, names, write, |_| Vec::new())
                .unwrap();
            assert_eq!(fs::read_to_string(dir.join(expected)).unwrap(), expected);
            let report = expected.replace("(Bass Stem).wav", "(Report).json");
            let number = &expected[6..7];
            assert_eq!(fs::read_to_string(dir.join(report)).unwrap(), number);
        }
    }

    /// Of a set of two files and a report, beside others.
    fn flat_names(number: u32) -> Vec<String> {
        let track = naming::numbered("Song", number);
        ["(Bass Stem).wav", "(Drums Stem).wav", "(Report).json"]
            .map(|end| format!("{track} {end}"))
            .to_vec()
    }

    fn flat_work(out: &Path) -> WorkFolder {
        let work = WorkFolder::create(out, "Song").unwrap();
        for name in &flat_names(1)[..2] {
            fs::write(work.set_dir().join(name), "new").unwrap();
        }
        work
    }

    #[test]
    fn beside_other_sets_an_empty_report_tells_of_a_set_that_is_not_whole_yet() {
        for existing in [Existing::Number, Existing::Overwrite] {
            let out = tempfile::tempdir().unwrap();
            let report = out.path().join("Song (Report).json");
            if existing == Existing::Overwrite {
                fs::write(&report, "old").unwrap();
            }
            let first = out.path().join("Song (Bass Stem).wav");
            let seen = std::cell::Cell::new(false);
            let write = |_: u32, path: &Path| {
                seen.set(fs::read_to_string(&report).is_ok_and(|text| text.is_empty()));
                assert!(!first.exists());
                fs::write(path, "new")
            };
            let work = flat_work(out.path());
            work.publish_flat(existing, flat_names, write, |_| Vec::new())
                .unwrap();
            // An old report is there until the first file goes.
            assert_eq!(seen.get(), existing == Existing::Number);
            assert_eq!(names(out.path()), flat_names(1));
            assert_eq!(fs::read_to_string(&report).unwrap(), "new");
        }
    }

    #[test]
    fn a_set_that_can_not_be_moved_beside_others_leaves_nothing() {
        let out = tempfile::tempdir().unwrap();
        let work = flat_work(out.path());
        let folder = out.path().join("Song (Drums Stem).wav");
        // It comes when the names have been looked at.
        let write = |_: u32, path: &Path| {
            fs::create_dir(&folder)?;
            fs::write(path, "new")
        };
        let published = work.publish_flat(Existing::Number, flat_names, write, |_| Vec::new());
        assert!(published.is_err());
        assert_eq!(names(out.path()), ["Song (Drums Stem).wav"]);
        assert!(folder.is_dir());
    }

    #[test]
    fn overwriting_replaces_the_set_and_keeps_what_is_not_ours() {
        let out = tempfile::tempdir().unwrap();
        let dir = make(out.path(), "1", Existing::Overwrite);
        fs::write(dir.join("lyrics.txt"), "mine").unwrap();
        fs::write(dir.join("Song (Old Stem).wav"), "old").unwrap();
        assert_eq!(make(out.path(), "2", Existing::Overwrite), dir);
        assert_eq!(
            names(&dir),
            ["Song (Drums Stem).wav", "Song (Report).json", "lyrics.txt"]
        );
        assert_eq!(
            fs::read_to_string(dir.join("Song (Drums Stem).wav")).unwrap(),
            "2"
        );
        assert_eq!(names(out.path()), ["Song"]);
    }

    /// On Windows a file of such a name only isn't there.
    #[cfg(unix)]
    #[test]
    fn an_old_set_that_can_not_be_moved_stays_whole() {
        let out = tempfile::tempdir().unwrap();
        let dir = make(out.path(), "1", Existing::Overwrite);
        let work = WorkFolder::create(out.path(), "Song").unwrap();
        fs::write(work.set_dir().join("Song (Report).json"), "2").unwrap();
        let immovable = |_: &Path| vec!["Song (Drums Stem).wav".to_owned(), "n".repeat(300)];
        let published = work.publish("Song", Existing::Overwrite, "Song (Report).json", immovable);
        assert!(published.is_err());
        assert_eq!(names(&dir), ["Song (Drums Stem).wav", "Song (Report).json"]);
        let kept = fs::read_to_string(dir.join("Song (Report).json")).unwrap();
        assert_eq!(kept, "1");
    }

    /// Opens a file as a program does that wants it for itself.
    #[cfg(windows)]
    fn held(file: &Path) -> fs::File {
        use std::os::windows::fs::OpenOptionsExt as _;
        fs::File::options()
            .read(true)
            .share_mode(0)
            .open(file)
            .unwrap()
    }

    #[cfg(windows)]
    #[test]
    fn an_old_set_of_which_a_program_has_a_file_open_stays_whole() {
        let out = tempfile::tempdir().unwrap();
        let dir = make(out.path(), "1", Existing::Overwrite);
        let held = held(&dir.join("Song (Drums Stem).wav"));
        let work = WorkFolder::create(out.path(), "Song").unwrap();
        fs::write(work.set_dir().join("Song (Drums Stem).wav"), "2").unwrap();
        fs::write(work.set_dir().join("Song (Report).json"), "2").unwrap();
        let published = work.publish("Song", Existing::Overwrite, "Song (Report).json", |_| {
            Vec::new()
        });
        drop(held);
        assert!(published.is_err());
        assert_eq!(names(&dir), ["Song (Drums Stem).wav", "Song (Report).json"]);
        assert_eq!(
            fs::read_to_string(dir.join("Song (Report).json")).unwrap(),
            "1"
        );
        assert_eq!(names(out.path()), ["Song"]);
    }

    #[cfg(windows)]
    #[test]
    fn a_set_that_a_scanner_looks_at_for_a_moment_is_moved_all_the_same() {
        let out = tempfile::tempdir().unwrap();
        let work = WorkFolder::create(out.path(), "Song").unwrap();
        let file = work.set_dir().join("Song (Drums Stem).wav");
        fs::write(&file, "1").unwrap();
        let held = held(&file);
        let scanner = std::thread::spawn(move || {
            std::thread::sleep(NAP * 4);
            drop(held);
        });
        let published = work.publish("Song", Existing::Number, "Song (Report).json", |_| {
            Vec::new()
        });
        assert_eq!(published.unwrap(), out.path().join("Song"));
        scanner.join().unwrap();
    }

    #[cfg(windows)]
    #[test]
    fn a_folder_that_windows_can_not_have_is_refused_with_the_reason() {
        for (name, reason) in [("NUL", "device"), ("con", "device"), ("a?", "in a name")] {
            let error = WorkFolder::create(Path::new(name), "Song").err().unwrap();
            assert!(error.to_string().contains(reason), "{name}: {error}");
        }
    }

    #[test]
    fn a_dropped_run_leaves_nothing_and_a_killed_run_is_cleaned_up_by_the_next() {
        let out = tempfile::tempdir().unwrap();
        drop(WorkFolder::create(out.path(), "Song").unwrap());
        assert_eq!(names(out.path()), [""; 0]);

        // A killed run can't run its destructors; its lock is released by the system.
        let killed = WorkFolder::create(out.path(), "Song").unwrap();
        let (left, lock) = killed.dir.abandon();
        let live = WorkFolder::create(out.path(), "Other").unwrap();
        assert!(left.exists(), "a locked folder belongs to a living run");
        drop(lock);
        drop(WorkFolder::create(out.path(), "Third").unwrap());
        assert!(!left.exists() && live.set_dir().exists());
    }
}
