//! Pass 2: from the spool to the files, encoded side by side.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::JobError;
use super::meter::FileMeter;
use super::progress::Meter;
use crate::audio::read::fraction;
use crate::audio::write::{AudioSpec, AudioWriter, WriteError};
use crate::delivery::exact::{Exact, FileBlock};
use crate::delivery::report::{FileReport, Request};
use crate::delivery::spool::SpoolReader;
use crate::runtime::Terminator;

/// Blocks that wait for an encoder at most.
const BLOCKS_AHEAD: usize = 3;

/// What pass 2 needs to know.
pub(super) struct Plan<'a> {
    pub spec: &'a AudioSpec,
    pub exact: &'a Exact,
    pub gain: f64,
    pub request: &'a Request,
    pub threads: usize,
}

/// A file being encoded and measured.
struct OpenFile {
    file_idx: usize,
    writer: AudioWriter,
    meter: FileMeter,
}

/// Writes every file of the set into `dir` and gives what their reports say, in the order of the request.
pub(super) fn write(
    mut spool: SpoolReader,
    plan: &Plan<'_>,
    dir: &Path,
    progress: &mut Meter<'_>,
    cancel: &Terminator,
) -> Result<Vec<FileReport>, JobError> {
    let num_workers = plan.threads.clamp(1, plan.request.files.len());
    let mut shares: Vec<Vec<OpenFile>> = (0..num_workers).map(|_| Vec::new()).collect();
    for file_idx in 0..plan.request.files.len() {
        shares[file_idx % num_workers].push(open(plan, dir, file_idx)?);
    }
    let mut reports = thread::scope(|scope| {
        let (senders, workers): (Vec<_>, Vec<_>) = shares
            .into_iter()
            .map(|files| {
                let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
                (
                    sender,
                    scope.spawn(move || encode(files, &receiver, plan.request)),
                )
            })
            .unzip();
        let fed = feed(&mut spool, plan, &senders, progress, cancel);
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
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

fn open(plan: &Plan<'_>, dir: &Path, file_idx: usize) -> Result<OpenFile, JobError> {
    let (name, _) = &plan.request.files[file_idx];
    let title = Path::new(name)
        .file_stem()
        .map(|s| s.to_string_lossy().into_owned());
    let spec = AudioSpec {
        title: title.unwrap_or_default(),
        ..plan.spec.clone()
    };
    Ok(OpenFile {
        file_idx,
        writer: AudioWriter::create(&dir.join(name), &spec)?,
        meter: FileMeter::new(&spec.layout, spec.sample_rate, spec.depth)?,
    })
}

/// Converts block by block and hands each to every encoder.
fn feed(
    spool: &mut SpoolReader,
    plan: &Plan<'_>,
    encoders: &[SyncSender<Arc<FileBlock>>],
    progress: &mut Meter<'_>,
    cancel: &Terminator,
) -> Result<(), JobError> {
    let mut num_frames = 0;
    while let Some(lanes) = spool.next_block().map_err(WriteError::Io)? {
        if cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        num_frames += lanes.mix[0].len() as u64;
        let mut block = FileBlock::default();
        plan.exact.convert(lanes, plan.gain, &mut block);
        let block = Arc::new(block);
        for encoder in encoders {
            if encoder.send(Arc::clone(&block)).is_err() {
                // The encoder failed; joining it tells why.
                return Ok(());
            }
        }
        progress.written(fraction(num_frames, plan.spec.num_frames));
    }
    Ok(())
}

fn encode(
    mut files: Vec<OpenFile>,
    blocks: &Receiver<Arc<FileBlock>>,
    request: &Request,
) -> Result<Vec<(usize, FileReport)>, WriteError> {
    for block in blocks {
        for file in &mut files {
            let samples = block.samples(file.file_idx);
            file.writer.write(samples)?;
            file.meter.add(samples)?;
        }
    }
    files
        .into_iter()
        .map(|file| {
            file.writer.finish()?;
            let (name, role) = request.files[file.file_idx].clone();
            let measured = file.meter.finish();
            let report = FileReport {
                name,
                role,
                peak_dbfs: measured.peak_dbfs,
                loudness_lufs: measured.loudness_lufs,
                samples_sha256: measured.samples_sha256,
            };
            Ok((file.file_idx, report))
        })
        .collect()
}
