//! Models come into the user's folder whole or not at all.
//!
//! Files and manifest are put together in a hidden folder beside the models, which no search looks into;
//! what was tried and found good is renamed, so that a model is never half there. Taking one away is a
//! rename first, too.
//!
//! ```text
//! models/.unweave-XXXXXX   model.toml and files, tried out here
//! models/ID                renamed, in place of an older one, which goes the same way
//! ```

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::load::load;
use crate::error::Error;
use crate::model::store::{MANIFEST, Model, Origin, Store};
use crate::runtime;
use crate::runtime::options::Options;

/// Begins the names of the folders that are worked in.
const WORKING: &str = ".unweave-";
/// What a killed run left is older than that and taken away by the next.
const LEFT_OVER: Duration = Duration::from_secs(24 * 3_600);

/// A file to install.
#[derive(Debug, Clone)]
pub struct File {
    /// What the manifest calls it.
    pub path: String,
    /// Where it lies.
    pub from: PathBuf,
    /// Whether it is moved rather than copied.
    pub is_moved: bool,
}

/// Whether a model that was installed was also run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// It runs.
    Passed,
    /// There is no runtime here: its files are whole, no more is known.
    NoRuntime,
}

/// Installs a model for this user, under its id, and tries it.
///
/// `manifest` is the text of the `model.toml`.
///
/// # Errors
/// The manifest is wrong, the model is there already and not to be replaced, its files are not what the
/// manifest says, or it does not run; then nothing has changed.
pub fn install(
    store: &Store,
    manifest: &str,
    files: &[File],
    replaces: bool,
    options: &Options,
) -> Result<(Model, Trial), Error> {
    let id = crate::model::manifest::Manifest::parse(manifest, "the model")?.id;
    let models = user_folder(store)?;
    let to = models.join(&id);
    if to.exists() && !replaces {
        return Err(Error::Installation {
            path: to,
            problem: "a model of this id is there already".to_owned(),
        });
    }
    fs::create_dir_all(models).map_err(|error| failed(models, &error))?;
    sweep(models);
    let working = working_folder(models)?;
    let trial = put_together(working.path(), manifest, files)
        .map_err(|error| failed(&to, &error))
        .and_then(|()| try_out(&Model::open(working.path())?, options))
        .inspect_err(|_| give_back(working.path(), files))?;

    let replaced = working_folder(models)?;
    let old = replaced.path().join(&id);
    if to.exists() {
        fs::rename(&to, &old).map_err(|error| failed(&to, &error))?;
    }
    if let Err(error) = fs::rename(working.path(), &to) {
        // Whoever had a model keeps it.
        let _ = fs::rename(&old, &to);
        give_back(working.path(), files);
        return Err(failed(&to, &error));
    }
    let model = Model {
        origin: Origin::User,
        ..Model::open(&to)?
    };
    Ok((model, trial))
}

/// Takes one of this user's models away, files and all.
///
/// # Errors
/// There is no such model, or it is not this user's: built in, or the system's.
pub fn remove(store: &Store, id: &str) -> Result<PathBuf, Error> {
    let model = store.find(id)?;
    let folder = match (model.origin, &model.folder) {
        (Origin::User, Some(folder)) => folder.clone(),
        (_, folder) => {
            return Err(Error::Installation {
                path: folder.clone().unwrap_or_else(|| PathBuf::from(id)),
                problem: "only models of this user are removed".to_owned(),
            });
        }
    };
    let models = user_folder(store)?;
    let working = working_folder(models)?;
    // From here on it is no model any more, whatever becomes of the rest.
    fs::rename(&folder, working.path().join("model")).map_err(|error| failed(&folder, &error))?;
    working.close().map_err(|error| failed(&folder, &error))?;
    Ok(folder)
}

/// Where models of this user belong.
///
/// # Errors
/// Nothing says where.
fn user_folder(store: &Store) -> Result<&Path, Error> {
    store.user_folder().ok_or_else(|| Error::Installation {
        path: PathBuf::from("models"),
        problem: "neither UNWEAVE_MODELS nor a home folder says where models belong".to_owned(),
    })
}

/// A hidden folder beside the models, which goes with this value.
fn working_folder(models: &Path) -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new()
        .prefix(WORKING)
        .tempdir_in(models)
        .map_err(|error| failed(models, &error))
}

/// Makes a folder a model's.
fn put_together(folder: &Path, manifest: &str, files: &[File]) -> io::Result<()> {
    for file in files {
        let to = folder.join(&file.path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        // A move to another disk is a copy.
        if !file.is_moved || fs::rename(&file.from, &to).is_err() {
            fs::copy(&file.from, &to)?;
        }
    }
    let mut file = fs::File::create(folder.join(MANIFEST))?;
    file.write_all(manifest.as_bytes())?;
    // A model that is there after a power failure must be whole.
    file.sync_all()
}

/// Moves what was moved back: it may have been downloaded for an hour.
fn give_back(folder: &Path, files: &[File]) {
    for file in files
        .iter()
        .filter(|file| file.is_moved && !file.from.exists())
    {
        // What can't be has to be downloaded again.
        let _ = fs::rename(folder.join(&file.path), &file.from);
    }
}

/// Loads the model and drops it; without a runtime, only verifies its files.
fn try_out(model: &Model, options: &Options) -> Result<Trial, Error> {
    if runtime::load(&options.runtime_beside).is_err() {
        model.verify()?;
        return Ok(Trial::NoRuntime);
    }
    load(model, options)?;
    Ok(Trial::Passed)
}

/// Takes away what killed runs left.
fn sweep(models: &Path) {
    for entry in fs::read_dir(models).into_iter().flatten().flatten() {
        let is_ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(WORKING.as_bytes());
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| modified.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > LEFT_OVER) {
            // It is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The error of an installation, from the system's.
fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Installation {
        path: path.to_owned(),
        problem: error.to_string(),
    }
}
