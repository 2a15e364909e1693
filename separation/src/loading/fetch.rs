//! A model of the catalogue, downloaded, checked and installed. Nothing else here uses the network, and this only
//! when a person has asked for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::download::{self, Failure, Places, RemoteFile};
use super::install::{self, Trial, install};
use crate::error::Error;
use crate::model::catalogue::{Catalogue, Download, Entry};
use crate::model::store::{Model, Origin, Store};
use crate::runtime::options::Options;

/// How often a request to stop is looked for.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a download is waited for after that; what it does then is only to append to a part.
const GRACE: Duration = Duration::from_millis(500);

/// Told of each file how many bytes of it are there, first of none.
pub type OnProgress = Arc<dyn Fn(&Download, u64) + Send + Sync>;

/// Where downloads lie beside the models that they become.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Unfinished ones.
    pub parts: PathBuf,
    /// What was something else.
    pub quarantine: PathBuf,
}

impl Folders {
    /// Those of a user.
    ///
    /// # Errors
    /// Nothing says where models belong.
    pub fn of(store: &Store) -> Result<Self, Error> {
        let models = store.user_folder().ok_or_else(|| Error::Installation {
            path: PathBuf::from("models"),
            problem: "neither UNWEAVE_MODELS nor a home folder says where models belong".to_owned(),
        })?;
        Ok(Self {
            parts: models.join(".downloads"),
            quarantine: models.join("quarantine"),
        })
    }
}

/// Why a model was not installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// One of its files can't be had, or nobody wants it any more.
    #[error("{path} can't be downloaded")]
    File {
        /// What the manifest calls it.
        path: String,
        /// Why.
        source: Failure,
    },
    /// It can't be installed, or does not run.
    #[error(transparent)]
    Installation(#[from] Error),
}

impl FetchError {
    /// Whether it was stopped on request. What has come stays for the next time.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::File {
                source: Failure::Cancelled,
                ..
            }
        )
    }
}

/// How models are fetched.
///
/// What breaks off stays in [`Folders::parts`], and is gone on with the next time.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Where they go.
    pub store: Store,
    /// Where files are taken from instead of where they are published: `URL/ID/FILE`.
    pub mirror: Option<String>,
    /// A server that is silent for so long is given up.
    pub silence: Duration,
    /// How they are tried.
    pub options: Options,
}

/// A model, and all that it is made of before it.
///
/// # Errors
/// None in a catalogue that holds together.
pub fn parts<'c>(catalogue: &'c Catalogue, entry: &'c Entry) -> Result<Vec<&'c Entry>, Error> {
    let needed = entry.needs.iter().map(|id| catalogue.find(id));
    needed.chain([Ok(entry)]).collect()
}

/// Whether a model is there and whole, and not only built in.
pub fn is_installed(store: &Store, id: &str) -> bool {
    store.find(id).is_ok_and(|model| {
        matches!(model.origin, Origin::User | Origin::System) && model.verify().is_ok()
    })
}

impl Fetch {
    /// Downloads, checks and installs one entry, in place of what is there of it.
    ///
    /// # Errors
    /// [`FetchError`]; then nothing was installed.
    pub fn fetch(
        &self,
        entry: &Entry,
        on_progress: &OnProgress,
        cancel: &Arc<AtomicBool>,
    ) -> Result<(Model, Trial), FetchError> {
        let folders = Folders::of(&self.store)?;
        let mut files = Vec::new();
        for file in &entry.files {
            let places = Places {
                parts: folders.parts.clone(),
                quarantine: folders.quarantine.clone(),
                name: format!("{}-{}", entry.id, file.path),
            };
            let from = self
                .download(entry, file, places, (on_progress, cancel))
                .map_err(|source| FetchError::File {
                    path: file.path.clone(),
                    source,
                })?;
            files.push(install::File {
                path: file.path.clone(),
                from,
                is_moved: true,
            });
        }
        let installed = install(&self.store, &entry.manifest()?, &files, true, &self.options)?;
        // Moved to another disk they are still there.
        for file in &files {
            let _ = std::fs::remove_file(&file.from);
        }
        let _ = std::fs::remove_dir(&folders.parts);
        Ok(installed)
    }

    /// On a thread of its own, since a silent server must keep nobody waiting who wants to stop.
    fn download(
        &self,
        entry: &Entry,
        file: &Download,
        places: Places,
        (on_progress, cancel): (&OnProgress, &Arc<AtomicBool>),
    ) -> Result<PathBuf, Failure> {
        let remote = RemoteFile {
            size: file.size,
            sha256: file.sha256.clone(),
            urls: match &self.mirror {
                Some(base) => vec![format!(
                    "{}/{}/{}",
                    base.trim_end_matches('/'),
                    entry.id,
                    file.path
                )],
                None => file.urls.clone(),
            },
        };
        let (on_progress, flag, own) = (Arc::clone(on_progress), Arc::clone(cancel), file.clone());
        let silence = self.silence;
        on_progress(file, 0);
        let worker = thread::Builder::new()
            .name("unweave-download".to_owned())
            .spawn(move || {
                let on_progress = |bytes| on_progress(&own, bytes);
                download::download(
                    &download::agent(silence),
                    &remote,
                    &places,
                    &on_progress,
                    &flag,
                )
            })
            .map_err(|source| Failure::Disk {
                path: file.path.clone(),
                source,
            })?;
        let mut waited = Duration::ZERO;
        while !worker.is_finished() && waited < GRACE {
            thread::sleep(GLANCE);
            if cancel.load(Ordering::Relaxed) {
                waited += GLANCE;
            }
        }
        if !worker.is_finished() {
            return Err(Failure::Cancelled);
        }
        worker.join().unwrap_or_else(|_| {
            let bug = "the download ended because of a bug".to_owned();
            Err(Failure::Addresses(vec![bug]))
        })
    }
}

/// What to do about a model that nobody publishes in a form that can be run: the section of the manual, and what
/// it is made from.
pub fn how_to_convert(entry: &Entry) -> Option<String> {
    let section = entry.convert.as_ref()?;
    let mut text = format!(
        "{} is not published in a form that can be run. Convert it yourself, as models/CONVERTING.md#{section} \
         says, then: unweave models add FILES --as {}",
        entry.name, entry.id
    );
    for checkpoint in &entry.checkpoints {
        text.push_str(&format!("\n  from {}", checkpoint.url));
        if let Some(sha256) = &checkpoint.sha256 {
            let more = if sha256.len() == 64 { "" } else { "…" };
            text.push_str(&format!(" (sha-256 {sha256}{more})"));
        }
    }
    Some(text)
}
