//! Rendering stems to disk, beside playback: what `unweave separate` does, on a thread of low priority.
//!
//! The framework's own background thread is not used: all instances share it, and one long task holds up
//! every other.

pub mod bounds;
mod mix;
mod queue;
pub mod stems;
pub mod words;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use unweave_live::capture::Take;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::offline::pool::SeparatorPool;
use unweave_separation::offline::{Done, Job, JobError, Progress, separate_file};
use unweave_separation::{Model, Options, Terminator};

use crate::place;
pub use mix::Mix;
pub use queue::Queue;
pub use work::Work;

/// What is rendered, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The song.
    pub song: SongFile,
    /// The frames of it that are wanted; none for all.
    pub range: Option<std::ops::Range<u64>>,
    /// What the set is named after; the song itself if none.
    pub name: Option<String>,
    /// Where the set's folder goes.
    pub folder: PathBuf,
    /// Which files.
    pub selection: Selection,
    /// Whether the one file of the selection lies in `folder` alone, without a folder of its own and a report.
    pub is_alone: bool,
    /// Kind of the files.
    pub format: FileFormat,
    /// Depth of the files.
    pub depth: BitDepth,
    /// What separates.
    pub model: Model,
}

/// A file with audio.
#[derive(Debug, Clone)]
pub enum SongFile {
    /// A take, which stays as long as this.
    Take(Arc<Take>),
    /// A file of the user's.
    File(PathBuf),
}

impl SongFile {
    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Take(take) => take.path(),
            Self::File(path) => path,
        }
    }
}

/// How far a rendering is.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Others come first.
    Waiting,
    /// The model is being loaded.
    Loading,
    /// It goes on.
    Running(Progress),
    /// The set is there.
    Done {
        /// Its folder.
        dir: PathBuf,
        /// Its files, without the report.
        files: Vec<PathBuf>,
        /// What the listener should know.
        notes: Vec<String>,
        /// What the report says of the files, a line each.
        facts: Vec<String>,
    },
    /// There is no set, for this reason.
    Failed(String),
    /// There is no set because it is no longer wanted.
    Cancelled,
}

impl Stage {
    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Loading | Self::Running(_))
    }
}

fn render(
    order: &Order,
    cancel: &Terminator,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Stage, JobError> {
    // A selection that can't be must not cost the time to load a model.
    order.selection.plan(&order.model.manifest.stems)?;
    let pool = SeparatorPool::open(order.model.clone(), options(cancel))?;
    let model = pool.model_report();
    let job = Job {
        source: order.song.path(),
        range: order.range.clone(),
        name: order.name.as_deref(),
        output_dir: &order.folder,
        template: None,
        is_flat: order.is_alone,
        has_report: !order.is_alone,
        selection: &order.selection,
        format: order.format,
        depth: order.depth,
        existing: Existing::Number,
        skip_existing: false,
        model: &model,
        runtime: pool.runtime().to_owned(),
        threads: 1,
    };
    let done = separate_file(&job, &mut |rate| pool.stream(rate), on_progress, cancel)?;
    let (dir, report, has_news) = match done {
        Done::Written { dir, report } => (dir, report, true),
        Done::Skipped { dir, report } => (dir, report, false),
    };
    let files = report.files.iter().map(|file| dir.join(&file.name));
    Ok(Stage::Done {
        files: files.collect(),
        facts: words::facts(&report),
        notes: if has_news {
            report.warnings
        } else {
            Vec::new()
        },
        dir,
    })
}

/// One thread, so that playback has the others.
pub(crate) fn options(cancel: &Terminator) -> Options {
    Options {
        threads: 1,
        runtime_beside: place::runtime_folders(),
        terminator: cancel.clone(),
        ..Options::default()
    }
}
