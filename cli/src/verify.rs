//! `unweave verify`: whether sets sum.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use unweave_separation::audio::write::BitDepth;
use unweave_separation::delivery::folder;
use unweave_separation::delivery::report::{Report, ReportError};
use unweave_separation::delivery::verdict::{Outcome, Verdict};
use unweave_separation::delivery::verify::{VerifyError, verify_set};
use unweave_separation::{Terminator, words};

use crate::console;
use crate::patterns;

/// Arguments of `unweave verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders that `unweave separate` wrote to, or folders above them.
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// One JSON document on the standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct SetResult {
    dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Verifies every set and says what was found.
///
/// # Errors
/// Nothing fits a pattern; what can't be read is a result.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut results = Vec::new();
    let mut is_good = true;
    let named = patterns::expand(&args.dirs)?;
    for (name, report) in named.iter().flat_map(|dir| sets_in(dir)) {
        let verified = report.map_err(VerifyError::Report);
        match verified.and_then(|report| verify_set(&report, &Terminator::new())) {
            Ok((report, verdict)) => {
                is_good &= verdict.outcome != Outcome::Failed;
                if !args.json {
                    describe(&name, &report, &verdict);
                }
                results.push(SetResult {
                    dir: name,
                    verdict: Some(verdict),
                    error: None,
                });
            }
            Err(error) => {
                is_good = false;
                let error = words::verify(&error);
                console::note(&format!("error: {name}: {error}"));
                results.push(SetResult {
                    dir: name,
                    verdict: None,
                    error: Some(error),
                });
            }
        }
    }
    if args.json {
        console::json(&results)?;
    }
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The sets in a folder and in all folders below it: what each is called here, and its report.
fn sets_in(dir: &Path) -> Vec<(String, Result<PathBuf, ReportError>)> {
    let mut sets = reports_in(dir);
    let below: Vec<_> = folders_in(dir)
        .iter()
        .flat_map(|dir| sets_in(dir))
        .filter(|(_, report)| !matches!(report, Err(ReportError::Missing)))
        .collect();
    if !below.is_empty() && matches!(sets[..], [(_, Err(ReportError::Missing))]) {
        sets.clear();
    }
    sets.extend(below);
    sets
}

/// In the order of their names; without those that runs are at work in, and without links, which may lead back.
fn folders_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| !folder::is_work_folder(path))
        .collect();
    folders.sort();
    folders
}

/// A set is called like its folder; where several lie in one, like its report.
fn reports_in(dir: &Path) -> Vec<(String, Result<PathBuf, ReportError>)> {
    match Report::all_in(dir) {
        Ok(reports) if reports.len() > 1 => {
            let named = |report: PathBuf| (report.display().to_string(), Ok(report));
            reports.into_iter().map(named).collect()
        }
        Ok(mut reports) => vec![(
            dir.display().to_string(),
            reports.pop().ok_or(ReportError::Missing),
        )],
        Err(error) => vec![(dir.display().to_string(), Err(error))],
    }
}

fn describe(name: &str, report: &Report, verdict: &Verdict) {
    let frames = verdict.num_frames;
    let summary = match verdict.outcome {
        Outcome::Exact if verdict.sums.is_empty() => {
            "every file is as it was written; it has no files that could be summed".to_owned()
        }
        Outcome::Exact => format!("sums exactly, in all {frames} frames of all channels"),
        Outcome::Lossy => {
            "MP3 is lossy, so its files can't sum exactly; measured differences follow".to_owned()
        }
        Outcome::Failed => "DOES NOT SUM, or was changed".to_owned(),
    };
    console::result(&format!("{name}: {summary}"));
    for sum in &verdict.sums {
        let difference = match (verdict.outcome, report.bit_depth) {
            (Outcome::Lossy, _) => {
                let db = |value: f64| 20.0 * value.max(1e-10).log10();
                format!(
                    "differs by {:.1} dBFS at most, {:.1} dBFS RMS",
                    db(sum.max_difference),
                    db(sum.rms_difference)
                )
            }
            (_, BitDepth::Float32) => {
                format!(
                    "differs by {:.1e} of full scale at most",
                    sum.max_difference
                )
            }
            _ => format!("differs by {} integer steps at most", sum.max_difference),
        };
        let place = sum.first_bad_frame.map_or(String::new(), |frame| {
            format!(", more than it may from frame {frame} on")
        });
        console::result(&format!("  {}: {difference}{place}", sum.claim));
    }
    for name in &verdict.changed_files {
        console::result(&format!(
            "  {name}: its samples are not those that were written"
        ));
    }
}
