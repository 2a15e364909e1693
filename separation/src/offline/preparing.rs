//! What is known of a set before anything is separated: the song, the names of the files, what makes two sets equal.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Job, JobError};
use crate::audio::channels::Group;
use crate::audio::read::{AudioReader, ReadError, SourceFacts};
use crate::audio::tags::Tags;
use crate::audio::write::{AudioSpec, BitDepth, FileFormat};
use crate::delivery::plan::PlannedFile;
use crate::delivery::report::{Report, Request};
use crate::files::checksum::hex;
use crate::files::naming;
use crate::runtime::Terminator;

/// A song at its first frame, and what is to become of it.
pub(super) struct Prepared {
    pub reader: AudioReader,
    pub plan: Plan,
}

/// The set that will be written.
pub(super) struct Plan {
    /// What the song's file says of itself.
    pub facts: SourceFacts,
    /// Which channels the model hears together.
    pub groups: Vec<Group>,
    /// What the set is named after.
    pub track: String,
    /// What each file holds.
    pub files: Vec<PlannedFile>,
    /// What makes a set the one that is wanted; its files are in the order of `files`.
    pub request: Request,
}

impl Plan {
    /// What a file of the set is written as.
    pub fn spec(&self, label: &str, num_frames: u64) -> AudioSpec {
        let kind = (self.request.file_format, self.request.bit_depth);
        let song = self.facts.title.as_deref().unwrap_or(&self.track);
        let tags = self.facts.tags.with_title(&format!("{song} ({label})"));
        spec(&self.facts, kind, tags, num_frames)
    }
}

/// Opens the song, names the files, and refuses what can't be written.
pub(super) fn prepare(job: &Job<'_>, cancel: &Terminator) -> Result<Prepared, JobError> {
    let reader = open(job)?;
    let facts = reader.facts().clone();
    let track = track_name(job, &facts);
    let files = job.selection.plan(&job.model.stems)?;
    let bit_depth = match job.format {
        FileFormat::Mp3 => BitDepth::Int24,
        _ => job.depth,
    };
    spec(&facts, (job.format, bit_depth), Tags::default(), 0).check()?;
    let named = files.iter().map(|file| {
        let name = naming::file_name(&track, &file.label, job.format.extension());
        (name, file.role.named(&job.model.stems))
    });
    let request = Request {
        source_sha256: hash_file(job.source, cancel)?,
        source_range: job.range.clone(),
        model_sha256: job.model.sha256.clone(),
        file_format: job.format,
        bit_depth,
        files: named.collect(),
    };
    let plan = Plan {
        groups: facts.layout.groups(),
        facts,
        track,
        files,
        request,
    };
    Ok(Prepared { reader, plan })
}

fn spec(
    facts: &SourceFacts,
    (format, depth): (FileFormat, BitDepth),
    tags: Tags,
    num_frames: u64,
) -> AudioSpec {
    AudioSpec {
        format,
        depth,
        sample_rate: facts.sample_rate,
        layout: facts.layout.clone(),
        num_frames,
        tags,
        time_stamp: facts.time_stamp,
    }
}

/// The song at the first frame that is wanted.
pub(super) fn open(job: &Job<'_>) -> Result<AudioReader, ReadError> {
    let mut reader = AudioReader::open(job.source)?;
    if let Some(range) = &job.range {
        reader.keep(range.clone())?;
    }
    Ok(reader)
}

fn track_name(job: &Job<'_>, facts: &SourceFacts) -> String {
    let file_stem = job.source.file_stem().unwrap_or_default().to_string_lossy();
    match job.name {
        Some(name) => naming::track_name(None, None, name),
        None => naming::track_name(facts.title.as_deref(), facts.artist.as_deref(), &file_stem),
    }
}

/// A whole set that answers the request, under any number of the track's name.
pub(super) fn find_existing(output_dir: &Path, plan: &Plan) -> Option<(PathBuf, Box<Report>)> {
    for number in 1.. {
        let dir = output_dir.join(naming::numbered(&plan.track, number));
        if dir.symlink_metadata().is_err() {
            return None;
        }
        if let Ok(report) = Report::read(&dir.join(Report::file_name(&plan.track)))
            && report.request() == plan.request
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
