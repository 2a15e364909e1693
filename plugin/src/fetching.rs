//! Models of the catalogue, fetched because a person has asked for it: the model behind the list in the window. They go
//! where `unweave models fetch` puts them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use unweave_separation::loading::fetch::{Fetch, OnProgress, is_installed, parts};
use unweave_separation::model::catalogue::{Catalogue, Entry};
use unweave_separation::{Options, Store};

use crate::place;
use crate::render::Work;

/// A server that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchStage {
    /// So much of it has come.
    Running {
        /// Bytes that are there.
        num_bytes: u64,
    },
    /// All has come and is looked at.
    Trying,
    /// It can be used.
    Done,
    /// It can't be had, for this reason.
    Failed(String),
}

/// One model on its way. Dropping it stops that; what has come stays for the next time.
pub struct Fetching {
    id: String,
    stage: Arc<Mutex<FetchStage>>,
    cancel: Arc<AtomicBool>,
    _work: Work,
}

impl Fetching {
    /// Fetches a model and all that it is made of, but for what is there.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(catalogue: &Catalogue, entry: &Entry, store: Store) -> std::io::Result<Self> {
        let parts: Vec<Entry> = match parts(catalogue, entry) {
            Ok(parts) => parts.into_iter().cloned().collect(),
            Err(error) => return Err(std::io::Error::other(error)),
        };
        let stage = Arc::new(Mutex::new(FetchStage::Running { num_bytes: 0 }));
        let cancel = Arc::<AtomicBool>::default();
        let (shown, flag) = (Arc::clone(&stage), Arc::clone(&cancel));
        let work = Work::start("unweave-fetch", move |terminator| {
            let fetch = Fetch {
                store,
                mirror: mirror(),
                silence: SILENCE,
                options: Options {
                    runtime_beside: place::runtime_folders(),
                    terminator: terminator.clone(),
                    ..Options::default()
                },
            };
            let on_progress = show_progress(Arc::clone(&shown));
            let result = parts
                .iter()
                .filter(|part| !is_installed(&fetch.store, &part.id))
                .try_for_each(|part| fetch.fetch(part, &on_progress, &flag).map(drop));
            *shown.lock() = match result {
                Ok(()) => FetchStage::Done,
                Err(error) => FetchStage::Failed(reason(&error)),
            };
        })?;
        Ok(Self {
            id: entry.id.clone(),
            stage,
            cancel,
            _work: work,
        })
    }

    /// Id of the model.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How far it is.
    pub fn stage(&self) -> FetchStage {
        self.stage.lock().clone()
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

/// As for the command.
fn mirror() -> Option<String> {
    std::env::var("UNWEAVE_MIRROR")
        .ok()
        .filter(|url| !url.is_empty())
}

/// The catalogue that `UNWEAVE_CATALOGUE` names, else the one of this program.
///
/// # Errors
/// In the user's words.
pub fn catalogue() -> Result<Catalogue, String> {
    let path = std::env::var_os("UNWEAVE_CATALOGUE").filter(|path| !path.is_empty());
    let catalogue = match path.map(PathBuf::from) {
        None => Catalogue::built_in(),
        Some(path) => {
            let text = std::fs::read_to_string(&path);
            Catalogue::parse(&text.map_err(|error| format!("{}: {error}", path.display()))?)
        }
    };
    catalogue.map_err(|error| error.to_string())
}

/// Adds up the files.
fn show_progress(stage: Arc<Mutex<FetchStage>>) -> OnProgress {
    // Of the files before, and of the present one.
    let counts = [AtomicU64::new(0), AtomicU64::new(0)];
    Arc::new(move |file, bytes| {
        let [before, present] = &counts;
        let old = present.swap(bytes, Ordering::Relaxed);
        if bytes == 0 {
            before.fetch_add(old, Ordering::Relaxed);
        }
        *stage.lock() = match bytes == file.size {
            true => FetchStage::Trying,
            false => FetchStage::Running {
                num_bytes: before.load(Ordering::Relaxed) + bytes,
            },
        };
    })
}

/// With all its causes.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
