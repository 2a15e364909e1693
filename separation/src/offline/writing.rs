//! From the spool to the files, encoded side by side.
//!
//! The job's thread makes samples of the spool; as many threads as the job may use encode, each some of the
//! files. Each block is made once and shared. Of a stem file the tracks are written apart and joined in the
//! end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::JobError;
use super::measurement::Measurement;
use super::preparing::Plan;
use super::progress::Caller;
use super::separating::Separated;
use crate::audio::read::fraction;
use crate::audio::write::{AudioWriter, FileFormat, WriteError, stem_file};
use crate::delivery::exact::FileBlock;
use crate::delivery::plan::Role;
use crate::delivery::report::{FileReport, Request};

/// Blocks that wait for an encoder at most.
const BLOCKS_AHEAD: usize = 3;

/// The files of a set, and what its report says of them.
pub(super) struct Written {
    /// In the order of the plan.
    pub files: Vec<FileReport>,
    /// As [`Separated::gain`].
    pub gain: f64,
    /// As [`Separated::num_frames`].
    pub num_frames: u64,
    /// As [`Separated::notes`].
    pub notes: Vec<String>,
    /// As [`Separated::fallbacks`].
    pub fallbacks: Vec<String>,
}

/// A file being encoded and measured.
struct OpenFile {
    /// In the order of the plan.
    file_idx: usize,
    writer: AudioWriter,
    /// Of what the writer was given.
    measurement: Measurement,
}

/// Writes every file of the set into `dir`.
///
/// # Errors
/// A file can't be written, the spool can't be read, or the job was stopped.
pub(super) fn write(
    mut separated: Separated,
    plan: &Plan,
    num_threads: usize,
    dir: &Path,
    caller: &mut Caller<'_>,
) -> Result<Written, JobError> {
    let num_files = plan.request.files.len();
    let num_workers = num_threads.clamp(1, num_files);
    let mut shares: Vec<Vec<OpenFile>> = (0..num_workers).map(|_| Vec::new()).collect();
    for file_idx in 0..num_files {
        let file = open(plan, separated.num_frames, dir, file_idx)?;
        shares[file_idx % num_workers].push(file);
    }
    let num_frames = separated.num_frames;
    let mut reports = thread::scope(|scope| {
        let (senders, workers): (Vec<_>, Vec<_>) = shares
            .into_iter()
            .map(|files| {
                let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
                (
                    sender,
                    scope.spawn(move || encode(files, &receiver, &plan.request)),
                )
            })
            .unzip();
        let fed = feed(&mut separated, &senders, caller);
        // Encoders finish their files when no more blocks can come.
        drop(senders);
        let mut reports = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(result) => reports.extend(result?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        fed.map(|()| reports)
    })?;
    reports.sort_by_key(|(file_idx, _)| *file_idx);
    if plan.request.file_format == FileFormat::Stem {
        join(plan, num_frames, dir)?;
    }
    Ok(Written {
        files: reports.into_iter().map(|(_, report)| report).collect(),
        gain: separated.gain,
        num_frames: separated.num_frames,
        notes: separated.notes,
        fallbacks: separated.fallbacks,
    })
}

/// Creates one file of the set.
fn open(plan: &Plan, num_frames: u64, dir: &Path, file_idx: usize) -> Result<OpenFile, JobError> {
    let (name, _) = &plan.request.files[file_idx];
    let spec = plan.spec(Some(&plan.files[file_idx].label), num_frames);
    let path = match plan.request.file_format {
        FileFormat::Stem => track_path(dir, file_idx),
        _ => dir.join(name),
    };
    Ok(OpenFile {
        file_idx,
        writer: AudioWriter::create(&path, &spec)?,
        measurement: Measurement::new(&spec.layout, spec.sample_rate, spec.depth)?,
    })
}

/// Where a track of a stem file waits for the others.
fn track_path(dir: &Path, file_idx: usize) -> PathBuf {
    dir.join(format!("track-{file_idx}"))
}

/// Makes one stem file of the tracks.
fn join(plan: &Plan, num_frames: u64, dir: &Path) -> Result<(), WriteError> {
    let indices = 0..plan.files.len();
    let tracks: Vec<PathBuf> = indices.map(|file_idx| track_path(dir, file_idx)).collect();
    let stems = plan.files.iter().filter_map(|file| match file.role {
        Role::Stem(stem) => Some(plan.model.stems[stem].as_str()),
        _ => None,
    });
    let stems: Vec<&str> = stems.collect();
    let path = dir.join(&plan.request.files[0].0);
    stem_file::join(&tracks, &stems, &plan.spec(None, num_frames), &path)
}

/// Converts block by block and hands each to every encoder.
fn feed(
    separated: &mut Separated,
    encoders: &[SyncSender<Arc<FileBlock>>],
    caller: &mut Caller<'_>,
) -> Result<(), JobError> {
    let mut num_frames = 0;
    while let Some(lanes) = separated.spool.next_block().map_err(WriteError::Io)? {
        caller.may_go_on()?;
        num_frames += lanes.mix[0].len() as u64;
        let mut block = FileBlock::default();
        separated.exact.convert(lanes, separated.gain, &mut block);
        let block = Arc::new(block);
        for encoder in encoders {
            if encoder.send(Arc::clone(&block)).is_err() {
                // The encoder failed; joining it tells why.
                return Ok(());
            }
        }
        caller.written(fraction(num_frames, separated.num_frames));
    }
    Ok(())
}

/// Writes these files from the blocks that come, until none does; gives what the report says of each.
fn encode(
    mut files: Vec<OpenFile>,
    blocks: &Receiver<Arc<FileBlock>>,
    request: &Request,
) -> Result<Vec<(usize, FileReport)>, WriteError> {
    for block in blocks {
        for file in &mut files {
            let samples = block.samples(file.file_idx);
            file.writer.write(samples)?;
            file.measurement.add(samples)?;
        }
    }
    files
        .into_iter()
        .map(|file| {
            file.writer.finish()?;
            let (name, role) = request.files[file.file_idx].clone();
            let measured = file.measurement.finish();
            let report = FileReport {
                name,
                track: (request.file_format == FileFormat::Stem).then_some(file.file_idx),
                role,
                peak_dbfs: measured.peak_dbfs,
                loudness_lufs: measured.loudness_lufs,
                samples_sha256: measured.samples_sha256,
            };
            Ok((file.file_idx, report))
        })
        .collect()
}
