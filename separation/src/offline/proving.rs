//! Reads the written files back, compares them with the report, and only then writes the report.
//!
//! A set that doesn't sum is not delivered: the work folder goes, and the error says so. Of lossy files nothing
//! can be proved; their differences are in the report.

use std::path::Path;

use super::preparing::Plan;
use super::progress::Caller;
use super::writing::Written;
use super::{Job, JobError};
use crate::delivery::plan::MIX_LABEL;
use crate::delivery::report::{REPORT_FORMAT, Report, SourceReport};
use crate::delivery::verdict::Outcome;
use crate::delivery::verify::{Statement, verify};

/// Reads every file back, compares, and gives the report of a set that sums.
///
/// `dir` is where the files lie now; their names in the report are those that they have there.
///
/// # Errors
/// [`JobError::ReadBack`] or [`JobError::DoesNotSum`].
pub(super) fn prove(
    job: &Job<'_>,
    plan: &Plan,
    written: Written,
    dir: &Path,
    caller: &mut Caller<'_>,
) -> Result<Report, JobError> {
    let source = source_report(job, plan, written.num_frames, written.notes.clone());
    let statement = Statement {
        source: &source,
        model: &plan.model,
        file_format: plan.request.file_format,
        bit_depth: plan.request.bit_depth,
        files: &written.files,
    };
    let proof = verify(dir, statement, caller.cancel())?;
    caller.finish();
    if proof.outcome == Outcome::Failed {
        return Err(JobError::DoesNotSum);
    }
    Ok(Report {
        format: REPORT_FORMAT,
        track: plan.names.track.clone(),
        source,
        model: plan.model.clone(),
        file_format: plan.request.file_format,
        bit_depth: plan.request.bit_depth,
        gain: written.gain,
        gain_db: gain_db(written.gain),
        proof,
        warnings: warnings(job, plan, &written),
        files: written.files,
        unweave_version: env!("CARGO_PKG_VERSION").to_owned(),
        runtime: job.runtime.clone(),
    })
}

fn gain_db(gain: f64) -> f64 {
    20.0 * gain.log10()
}

/// What the report says of the song.
fn source_report(job: &Job<'_>, plan: &Plan, num_frames: u64, notes: Vec<String>) -> SourceReport {
    let facts = &plan.facts;
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    let seconds = num_frames as f64 / f64::from(facts.sample_rate);
    let file_name = job.source.file_name().unwrap_or_default();
    SourceReport {
        file_name: file_name.to_string_lossy().into_owned(),
        sha256: plan.request.source_sha256.clone(),
        range: plan.request.source_range.clone(),
        format: facts.format.clone(),
        sample_rate: facts.sample_rate,
        num_channels: facts.layout.num_channels(),
        samples: facts.kind,
        num_frames,
        seconds,
        channel_groups: plan.groups.clone(),
        notes,
    }
}

/// What the listener should know: of the song, of the files, of what computed.
fn warnings(job: &Job<'_>, plan: &Plan, written: &Written) -> Vec<String> {
    let mut warnings = plan.remarks.clone();
    warnings.extend(written.notes.iter().cloned());
    if written.gain < 1.0 {
        warnings.push(format!(
            "all files are {:.2} dB quieter than the song, because {} would have clipped",
            -gain_db(written.gain),
            match plan.files.len() {
                1 => "the file",
                _ => "one of them",
            }
        ));
    }
    let num_channels = plan.facts.layout.num_channels();
    if num_channels > 2 {
        let names: Vec<&str> = plan
            .groups
            .iter()
            .map(|group| group.name.as_str())
            .collect();
        warnings.push(format!(
            "the song has {num_channels} channels: the model, which is made for stereo, heard them as {}; \
             every file has all channels",
            names.join(", ")
        ));
    }
    if plan.request.bit_depth != job.depth && !plan.request.file_format.is_lossy() {
        warnings.push("files of this kind have 16 bits: WAV and FLAC can have more".into());
    }
    if !plan.files.iter().any(|file| file.label == MIX_LABEL) {
        warnings.push("without the Full Mix the sum of the stems can't be checked later".into());
    }
    let is_new = |fallback: &&String| !written.notes.contains(fallback);
    warnings.extend(written.fallbacks.iter().filter(is_new).cloned());
    warnings
}
