//! A song becomes a delivery set, from file to files.
//!
//! ```text
//! prepare    open the song, name the files, refuse what can't be written
//! open       a stream per channel group; decode and measure first, if the model wants to know the whole song
//! separate   decode ─(thread)─► separate per channel group ─► spool on disk, extent of every file
//!            then one gain for the whole set
//! write      spool ─► samples of every file ─(threads)─► encode, measure, hash
//! prove      read every file back, compare, make the report
//! publish    move the folder to its place
//! ```
//!
//! All threads are scoped within one call: decoding runs ahead of the model by a few blocks, and files are
//! encoded side by side. Memory does not depend on the length of the song. What is written does not depend on
//! the number of threads.

mod held;
mod measurement;
mod opening;
pub mod pool;
mod preparing;
mod progress;
mod proving;
mod publishing;
mod samples;
mod separating;
pub mod threads;
mod unpacking;
mod writing;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::audio::read::ReadError;
use crate::audio::write::{BitDepth, FileFormat, WriteError};
use crate::delivery::folder::{Existing, WorkFolder};
use crate::delivery::plan::{PlanError, Selection};
use crate::delivery::report::{ModelReport, Report};
use crate::delivery::verify::VerifyError;
use crate::error::Error;
use crate::files::template::Template;
use crate::runtime::Terminator;
use crate::stream::Stream;
use preparing::{Prepared, Song, prepare};
use progress::Caller;
pub use progress::Progress;
use publishing::find_existing;
pub use samples::separate_samples;

/// One song and what is to become of it.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The song.
    pub source: &'a Path,
    /// The frames of it that are wanted; none for all.
    pub range: Option<Range<u64>>,
    /// What the set is named after, in place of the song's tags or file name.
    pub name: Option<&'a str>,
    /// Where the set's folder goes.
    pub output_dir: &'a Path,
    /// What the files are called; the usual names without.
    pub template: Option<&'a Template>,
    /// Whether the files go right into `output_dir`, beside those of other sets, and not into a folder of their own.
    pub is_flat: bool,
    /// Whether a report lies beside the files; those in a folder of their own always have one. Without, nobody can
    /// tell later that the set is whole, so it is never skipped.
    pub has_report: bool,
    /// Which files.
    pub selection: &'a Selection,
    /// Kind of the files.
    pub format: FileFormat,
    /// Depth of the files, where their kind leaves a choice: see [`FileFormat::depth`].
    pub depth: BitDepth,
    /// What to do when the folder exists.
    pub existing: Existing,
    /// Whether a set that was made of the same song, by the same model, with the same files is kept.
    pub skip_existing: bool,
    /// The model, for planning and for the report.
    pub model: &'a ModelReport,
    /// What runs the model, for the report.
    pub runtime: String,
    /// Threads that encode.
    pub threads: usize,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// A set was written.
    Written {
        /// Its folder.
        dir: PathBuf,
        /// Its report.
        report: Box<Report>,
    },
    /// The set is already there, whole.
    Skipped {
        /// Its folder.
        dir: PathBuf,
        /// Its report.
        report: Box<Report>,
    },
}

/// Why there is no set. Nothing is left behind in any case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The song can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files can't be chosen so.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The model can't be used or failed.
    #[error(transparent)]
    Model(#[from] Error),
    /// A file can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output folder can't be used.
    #[error("the folder {} can't be written to", dir.display())]
    Output {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The files that were written can't be read back.
    #[error("reading back what was written failed")]
    ReadBack(#[from] VerifyError),
    /// The files that were written don't sum: a bug or failing hardware, never delivered.
    #[error("what was written does not sum to the mix")]
    DoesNotSum,
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Separates one song into one delivery set.
///
/// `open_stream` makes a stream at a sample rate; it is called once per channel group. `cancel` stops the
/// job within the time of one block, and at once if the separators were loaded with it.
///
/// # Errors
/// [`JobError`]; no file of the set is then left anywhere.
pub fn separate_file(
    job: &Job<'_>,
    open_stream: &mut dyn FnMut(u32) -> Result<Stream, Error>,
    on_progress: &mut dyn FnMut(Progress),
    cancel: &Terminator,
) -> Result<Done, JobError> {
    let result = run(job, open_stream, on_progress, cancel);
    match result {
        Err(_) if cancel.is_terminated() => Err(JobError::Cancelled),
        other => other,
    }
}

fn run(
    job: &Job<'_>,
    open_stream: &mut dyn FnMut(u32) -> Result<Stream, Error>,
    on_progress: &mut dyn FnMut(Progress),
    cancel: &Terminator,
) -> Result<Done, JobError> {
    let Prepared { song, plan } = prepare(job, cancel)?;
    if job.skip_existing
        && let Some((dir, report)) = find_existing(job, &plan)
    {
        return Ok(Done::Skipped { dir, report });
    }
    let output_error = |source| JobError::Output {
        dir: job.output_dir.to_owned(),
        source,
    };
    let work = || WorkFolder::create(job.output_dir, &plan.names.track).map_err(output_error);
    let (work, separated, mut caller) = match song {
        Song::Mix(reader) => {
            let streams = separating::open(job, &plan, open_stream, cancel)?;
            let work = work()?;
            let mut caller = Caller::new(plan.facts.sample_rate, on_progress, cancel);
            let spool = work.spool_path();
            let separated = separating::separate(reader, streams, &plan, &spool, &mut caller)?;
            (work, separated, caller)
        }
        Song::Stems(stems) => {
            let work = work()?;
            let mut caller = Caller::new(plan.facts.sample_rate, on_progress, cancel);
            let separated = unpacking::unpack(stems, &plan, &work.spool_path(), &mut caller)?;
            (work, separated, caller)
        }
    };
    let written = writing::write(separated, &plan, job.threads, &work.set_dir(), &mut caller)?;
    let report = proving::prove(job, &plan, written, &work.set_dir(), &mut caller)?;
    caller.may_go_on()?;
    let (dir, report) = publishing::publish(job, &plan, report, work).map_err(output_error)?;
    Ok(Done::Written {
        dir,
        report: Box::new(report),
    })
}
