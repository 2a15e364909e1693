//! The finished set goes where it is wanted, and is found there again.
//!
//! A set in a folder of its own is renamed as a whole; files that lie flat beside others take the first number
//! of which none is taken. What is found again is a set whose report answers the same
//! [`Request`](crate::delivery::report::Request), and all of whose files are there; they are not read.

use std::cell::{Cell, LazyCell};
use std::io;
use std::path::{Path, PathBuf};

use super::Job;
use super::preparing::Plan;
use crate::delivery::folder::{Taken, WorkFolder};
use crate::delivery::report::Report;
use crate::files::naming;

/// Moves the files to their place; gives the folder, and the report with the names that they have there.
///
/// # Errors
/// The system refuses.
pub(super) fn publish(
    job: &Job<'_>,
    plan: &Plan,
    report: Report,
    work: WorkFolder,
) -> io::Result<(PathBuf, Report)> {
    let owned = |report: &Path| {
        let old = Report::read(report).map(|old| old.files);
        let names = old.map(|files| files.into_iter().map(|file| file.name).collect());
        names.unwrap_or_default()
    };
    if !job.is_flat {
        let name = report_name(job, plan, 1);
        report.write(&work.set_dir().join(&name))?;
        let dir = work.publish(&plan.names.track, job.existing, &name, owned)?;
        return Ok((dir, report));
    }
    let numbered = |number: u32| {
        let mut report = report.clone();
        for (file, (name, _)) in report.files.iter_mut().zip(plan.request(number).files) {
            file.name = name;
        }
        report
    };
    let names = |number: u32| {
        let files = plan.request(number).files.into_iter();
        let mut names: Vec<String> = files.map(|(name, _)| name).collect();
        // A stem file holds all that is in the report.
        names.dedup();
        if job.has_report {
            names.push(report_name(job, plan, number));
        }
        names
    };
    let last_number = Cell::new(1);
    let write = |number: u32, path: &Path| {
        last_number.set(number);
        match job.has_report {
            true => numbered(number).write(path),
            false => Ok(()),
        }
    };
    let dir = work.publish_flat(job.existing, names, write, owned)?;
    Ok((dir, numbered(last_number.get())))
}

/// A whole set that answers the request, under any number of the track's name.
pub(super) fn find_existing(job: &Job<'_>, plan: &Plan) -> Option<(PathBuf, Box<Report>)> {
    // Listing the folder of many sets for each of them would take longer than anything else of a song that is there.
    let taken = LazyCell::new(|| Taken::of(job.output_dir).ok());
    for number in 1.. {
        let (name, dir) = match job.is_flat {
            true => (report_name(job, plan, number), job.output_dir.to_owned()),
            false => {
                let name = naming::numbered(&plan.names.track, number);
                let dir = job.output_dir.join(&name);
                (name, dir)
            }
        };
        let is_taken = job.output_dir.join(&name).exists()
            || taken.as_ref().is_some_and(|taken| taken.has(&name));
        if !is_taken {
            return None;
        }
        let wanted = plan.request(if job.is_flat { number } else { 1 });
        if let Ok(report) = Report::read(&dir.join(report_name(job, plan, number)))
            && report.request() == wanted
            && report
                .files
                .iter()
                .all(|file| dir.join(&file.name).is_file())
        {
            return Some((dir, Box::new(report)));
        }
    }
    None
}

/// In a folder of its own the report is called as without a number.
fn report_name(job: &Job<'_>, plan: &Plan, number: u32) -> String {
    match job.is_flat {
        true => Report::file_name(&naming::numbered(&plan.names.track, number)),
        false => Report::file_name(&plan.names.track),
    }
}
