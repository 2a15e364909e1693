//! Takes that outlive the instance that made them, since nothing was made of them yet.
//!
//! They lie as `NAME.wav` in a folder of their own beside the folders of the instances, with their place on the
//! timeline in the file. Any instance can bring one back: whoever moves the file away first has it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use unweave_separation::files::naming;

/// Where they wait.
const FOLDER: &str = "kept";

/// Bytes of a recording without a single frame, at most.
const MAX_HEADER_BYTES: u64 = 1_024;

/// A take that is waiting to be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its file.
    pub path: PathBuf,
    /// What it was called.
    pub name: String,
    /// Length of its file.
    pub num_bytes: u64,
}

/// The takes that wait beside the instances' folders in `parent`, the oldest first.
pub fn kept(parent: &Path) -> Vec<Kept> {
    let entries = fs::read_dir(parent.join(FOLDER));
    let mut found: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let metadata = path.metadata().ok()?;
            let is_take = path.extension().is_some_and(|extension| extension == "wav");
            let name = path.file_stem()?.to_string_lossy().into_owned();
            (is_take && metadata.is_file()).then_some((
                metadata.modified().ok(),
                Kept {
                    path,
                    name,
                    num_bytes: metadata.len(),
                },
            ))
        })
        .collect();
    found.sort_by(|(time, take), (other_time, other)| {
        (time, &take.name).cmp(&(other_time, &other.name))
    });
    found.into_iter().map(|(_, take)| take).collect()
}

/// Moves the file of a take to where it waits, under this name or the next that is free.
///
/// # Errors
/// The system refuses; the file is then where it was.
pub(super) fn keep(file: &Path, parent: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = parent.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let name = naming::sanitise(name);
    for number in 1.. {
        let path = folder.join(format!("{}.wav", naming::numbered(&name, number)));
        // Nobody else's take is replaced: the name is taken before the file is moved there.
        match fs::File::create_new(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        return match fs::rename(file, &path) {
            Ok(()) => Ok(path),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        };
    }
    unreachable!("numbers don't end before files do")
}

/// Keeps what a killed program has left in its folder.
///
/// `folder` is that of an instance's takes. Their headers may state no length: reading goes by what is there.
pub(super) fn rescue(folder: &Path, parent: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_take = path.extension().is_some_and(|extension| extension == "wav")
            && entry
                .metadata()
                .is_ok_and(|metadata| metadata.len() > MAX_HEADER_BYTES);
        if is_take {
            let number = path.file_stem().unwrap_or_default().to_string_lossy();
            // What can't be moved goes with its folder, as it would without this.
            let _ = keep(&path, parent, &format!("Take {number}"));
        }
    }
}
