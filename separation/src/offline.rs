//! A song becomes a delivery set, from file to files.
//!
//! ```text
//! pass 0   decode, measure: only for models that want to know the whole song
//! pass 1   decode ─(thread)─► separate per channel group ─► spool on disk, extent of every file
//! then     one gain for the whole set
//! pass 2   spool ─► samples of every file ─(threads)─► encode, measure, hash
//! then     read every file back, compare, write the report, move the folder to its place
//! ```
//!
//! This is the one module of the library that starts threads, all scoped within one call: decoding runs
//! ahead of the model by a few blocks, and files are encoded side by side. Memory does not depend on the
//! length of the song. What is written does not depend on the number of threads.

pub mod engine;
mod meter;
mod progress;
mod separating;
mod writing;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::audio::read::{AudioReader, ReadError, SourceFacts};
use crate::audio::write::{AudioSpec, BitDepth, FileFormat, WriteError};
use crate::delivery::exact::Exact;
use crate::delivery::folder::{Existing, WorkFolder};
use crate::delivery::plan::{MIX_LABEL, PlanError, PlannedFile, Selection};
use crate::delivery::report::{ModelReport, REPORT_FORMAT, Report, Request, SourceReport};
use crate::delivery::verdict::{Outcome, Verdict};
use crate::delivery::verify::{self, VerifyError};
use crate::device::DeviceUse;
use crate::error::Error;
use crate::files::checksum::hex;
use crate::files::naming;
use crate::runtime::Terminator;
use crate::stream::Stream;
pub use progress::Progress;

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
    /// Which files.
    pub selection: &'a Selection,
    /// Kind of the files.
    pub format: FileFormat,
    /// Depth of the files; MP3 is always made from 24 bits.
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
    let mut reader = AudioReader::open(job.source)?;
    if let Some(range) = &job.range {
        reader.keep(range.clone())?;
    }
    let facts = reader.facts().clone();
    let depth = if job.format == FileFormat::Mp3 {
        BitDepth::Int24
    } else {
        job.depth
    };
    let stem_of_file = job
        .source
        .file_stem()
        .map(|s| s.to_string_lossy())
        .unwrap_or_default();
    let track = match job.name {
        Some(name) => naming::track_name(None, None, name),
        None => naming::track_name(
            facts.title.as_deref(),
            facts.artist.as_deref(),
            &stem_of_file,
        ),
    };
    let plan = job.selection.plan(&job.model.stems)?;
    let spec = AudioSpec {
        format: job.format,
        depth,
        sample_rate: facts.sample_rate,
        layout: facts.layout.clone(),
        num_frames: 0,
        title: track.clone(),
        time_stamp: facts.time_stamp,
    };
    spec.check()?;
    let request = Request {
        source_sha256: hash_file(job.source, cancel)?,
        source_range: job.range.clone(),
        model_sha256: job.model.sha256.clone(),
        file_format: job.format,
        bit_depth: depth,
        files: plan
            .iter()
            .map(|file| {
                let name = naming::file_name(&track, &file.label, job.format.extension());
                (name, file.role.named(&job.model.stems))
            })
            .collect(),
    };
    if job.skip_existing
        && let Some(dir) = find_existing(job.output_dir, &track, &request)
    {
        return Ok(Done::Skipped { dir });
    }

    let groups = facts.layout.groups();
    let mut streams = groups
        .iter()
        .map(|_| open_stream(facts.sample_rate))
        .collect::<Result<Vec<_>, _>>()?;
    let devices: Vec<DeviceUse> = streams
        .iter()
        .filter_map(|stream| stream.device_use().cloned())
        .collect();
    if streams.iter().any(Stream::wants_track) {
        let mut reader = AudioReader::open(job.source)?;
        if let Some(range) = &job.range {
            reader.keep(range.clone())?;
        }
        let tracks = separating::listen(reader, &groups, cancel)?;
        for (stream, track) in streams.iter_mut().zip(&tracks) {
            stream.begin(track);
        }
    }
    let output_error = |source| JobError::Output {
        dir: job.output_dir.to_owned(),
        source,
    };
    let work = WorkFolder::create(job.output_dir, &track).map_err(output_error)?;
    let residual_idx = job
        .model
        .stems
        .iter()
        .position(|stem| *stem == job.model.residual)
        .ok_or(Error::NoResidual {
            num_stems: job.model.stems.len(),
            residual_idx: usize::MAX,
        })?;
    let roles = plan.iter().map(|file| file.role.clone()).collect();
    let exact = Exact::new(depth, job.model.stems.len(), residual_idx, roles);
    let mut progress = progress::Meter::new(facts.sample_rate, on_progress);

    let separated = separating::separate(
        reader,
        separating::Streams::new(&groups, streams, residual_idx),
        &exact,
        &work.spool_path(),
        &mut progress,
        cancel,
    )?;
    let gain = exact.gain(&separated.extent);
    let spec = AudioSpec {
        num_frames: separated.num_frames,
        ..spec
    };
    let files = writing::write(
        separated.spool,
        &writing::Plan {
            spec: &spec,
            exact: &exact,
            gain,
            request: &request,
            threads: job.threads,
        },
        &work.set_dir(),
        &mut progress,
        cancel,
    )?;

    let mut report = Report {
        format: REPORT_FORMAT,
        track: track.clone(),
        source: source_report(job.source, &facts, &request, separated.num_frames, groups),
        model: job.model.clone(),
        file_format: job.format,
        bit_depth: depth,
        gain,
        gain_db: 20.0 * gain.log10(),
        files,
        proof: Verdict::unchecked(),
        warnings: separated.warnings,
        unweave_version: env!("CARGO_PKG_VERSION").to_owned(),
        runtime: job.runtime.clone(),
    };
    add_warnings(&mut report, &plan);
    for fallback in devices.iter().filter_map(DeviceUse::fallback) {
        // Groups of channels may share what computes.
        if !report.warnings.contains(&fallback) {
            report.warnings.push(fallback);
        }
    }
    report.proof = verify::verify(&work.set_dir(), &report, cancel)?;
    progress.finish();
    if report.proof.outcome == Outcome::Failed {
        return Err(JobError::DoesNotSum);
    }
    let report_name = Report::file_name(&track);
    report
        .write(&work.set_dir().join(&report_name))
        .map_err(WriteError::Io)?;
    if cancel.is_terminated() {
        return Err(JobError::Cancelled);
    }
    let owned = |dir: &Path| {
        let old = Report::read(&dir.join(&report_name));
        old.map(|old| old.files.into_iter().map(|file| file.name).collect())
            .unwrap_or_default()
    };
    let dir = work
        .publish(&track, job.existing, &report_name, owned)
        .map_err(output_error)?;
    Ok(Done::Written {
        dir,
        report: Box::new(report),
    })
}

fn source_report(
    path: &Path,
    facts: &SourceFacts,
    request: &Request,
    num_frames: u64,
    channel_groups: Vec<crate::audio::channels::Group>,
) -> SourceReport {
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    let seconds = num_frames as f64 / f64::from(facts.sample_rate);
    SourceReport {
        file_name: path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256: request.source_sha256.clone(),
        range: request.source_range.clone(),
        format: facts.format.clone(),
        sample_rate: facts.sample_rate,
        num_channels: facts.layout.num_channels(),
        samples: facts.kind,
        num_frames,
        seconds,
        channel_groups,
    }
}

fn add_warnings(report: &mut Report, plan: &[PlannedFile]) {
    if report.gain < 1.0 {
        report.warnings.push(format!(
            "all files are {:.2} dB quieter than the song, because {} would have clipped",
            -report.gain_db,
            if plan.len() == 1 {
                "the file"
            } else {
                "one of them"
            }
        ));
    }
    let groups = &report.source.channel_groups;
    if report.source.num_channels > 2 {
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        report.warnings.push(format!(
            "the song has {} channels: the model, which is made for stereo, heard them as {}; every file \
             has all channels",
            report.source.num_channels,
            names.join(", ")
        ));
    }
    if !plan.iter().any(|file| file.label == MIX_LABEL) {
        report
            .warnings
            .push("without the Full Mix the sum of the stems can't be checked later".into());
    }
}

/// A whole set that answers the request, under any number of the track's name.
fn find_existing(output_dir: &Path, track: &str, request: &Request) -> Option<PathBuf> {
    for number in 1.. {
        let dir = output_dir.join(naming::numbered(track, number));
        if dir.symlink_metadata().is_err() {
            return None;
        }
        if let Ok(report) = Report::read(&dir.join(Report::file_name(track)))
            && report.request() == *request
            && report
                .files
                .iter()
                .all(|file| dir.join(&file.name).is_file())
        {
            return Some(dir);
        }
    }
    None
}

fn hash_file(path: &Path, cancel: &Terminator) -> Result<String, JobError> {
    let mut file = File::open(path).map_err(ReadError::Io)?;
    let mut hash = Sha256::new();
    let mut bytes = vec![0; 1 << 18];
    loop {
        if cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        let num_bytes = file.read(&mut bytes).map_err(ReadError::Io)?;
        if num_bytes == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&bytes[..num_bytes]);
    }
}
