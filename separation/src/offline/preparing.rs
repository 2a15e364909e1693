//! What is known of a set before anything is separated: the song, the names of the files, what makes two sets equal.
//!
//! All that can be refused is refused here: the song can't be read, a stem is not the model's, a format can't
//! hold the song, two files would have one name. A set that is there already is known by its [`Request`].

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::held::Held;
use super::{Job, JobError, opening};
use crate::audio::channels::Group;
use crate::audio::read::{AudioReader, ReadError, SourceFacts};
use crate::audio::tags::Tags;
use crate::audio::write::{AudioSpec, BitDepth, FileFormat};
use crate::delivery::plan::{PlannedFile, Role, all_differ};
use crate::delivery::report::{ModelReport, Report, Request};
use crate::files::checksum::hex;
use crate::files::naming;
use crate::files::template::{SongNames, Template};
use crate::runtime::Terminator;

/// A song at its first frame, and what is to become of it.
pub(super) struct Prepared {
    /// Open at its first frame that is wanted.
    pub song: Song,
    pub plan: Plan,
}

/// What there is of a song.
pub(super) enum Song {
    /// The mix, which a model has to take apart.
    Mix(AudioReader),
    /// The mix and its stems, in one file.
    Stems(Held),
}

/// The set that will be written.
pub(super) struct Plan {
    /// What the song's file says of itself.
    pub facts: SourceFacts,
    /// Which channels the model hears together.
    pub groups: Vec<Group>,
    /// What the set and its files are named after.
    pub names: SongNames,
    /// Whose stems they are.
    pub model: ModelReport,
    /// What each file holds.
    pub files: Vec<PlannedFile>,
    /// What makes a set the one that is wanted; its files are in the order of `files`.
    pub request: Request,
    /// What the listener should know of all this.
    pub remarks: Vec<String>,
    /// What the user wants files to be called; none for the usual names.
    template: Option<Template>,
}

impl Plan {
    /// What a file of the set is written as; all tracks together without a label.
    pub fn spec(&self, label: Option<&str>, num_frames: u64) -> AudioSpec {
        let kind = (self.request.file_format, self.request.bit_depth);
        let song = self.facts.title.as_deref().unwrap_or(&self.names.track);
        let tags = match label {
            Some(label) => self.facts.tags.with_title(&format!("{song} ({label})")),
            None => self.facts.tags.with_title(song),
        };
        spec(&self.facts, kind, tags, num_frames)
    }

    /// What the set is called if others took its name.
    ///
    /// 1 is the name itself, 2 is `Name (2)`.
    pub fn request(&self, number: u32) -> Request {
        let names = self.names.numbered(number);
        let (format, template) = (self.request.file_format, self.template.as_ref());
        let files = self.files.iter().map(|file| {
            let name = file_name(&names, template, file, format, &self.model.stems);
            (name, file.role.named(&self.model.stems))
        });
        Request {
            files: files.collect(),
            ..self.request.clone()
        }
    }
}

/// Opens the song, names the files, and refuses what can't be written.
///
/// Reads the whole file once, for its checksum.
///
/// # Errors
/// [`JobError::Read`], [`JobError::Plan`], [`JobError::Write`] or [`JobError::Cancelled`].
pub(super) fn prepare(job: &Job<'_>, cancel: &Terminator) -> Result<Prepared, JobError> {
    let reader = opening::open(job, None, cancel)?;
    let facts = reader.facts().clone();
    let held = Held::open(job, cancel)?;
    let model = held.as_ref().map_or(job.model, |held| &held.model).clone();
    let files = match job.format {
        FileFormat::Stem => job.selection.plan_stem_file(&model.stems)?,
        _ => job.selection.plan(&model.stems)?,
    };
    let bit_depth = job.format.depth(job.depth);
    spec(&facts, (job.format, bit_depth), Tags::default(), 0).check()?;
    let mut plan = Plan {
        groups: facts.layout.groups(),
        names: song_names(job, &facts),
        request: Request {
            source_sha256: hash_file(job.source, cancel)?,
            source_range: job.range.is_some().then(|| reader.range()),
            model_sha256: model.sha256.clone(),
            file_format: job.format,
            bit_depth,
            files: Vec::new(),
        },
        remarks: held.as_ref().map_or(Vec::new(), Held::remarks),
        template: job.template.cloned(),
        facts,
        files,
        model,
    };
    plan.request = plan.request(1);
    if job.format != FileFormat::Stem {
        let names = plan.request.files.iter().map(|(name, _)| name.clone());
        all_differ(names.chain([Report::file_name(&plan.names.track)]))?;
    }
    let song = match held {
        Some(held) => Song::Stems(held),
        None => Song::Mix(reader),
    };
    Ok(Prepared { song, plan })
}

fn file_name(
    names: &SongNames,
    template: Option<&Template>,
    file: &PlannedFile,
    format: FileFormat,
    stems: &[String],
) -> String {
    let extension = format.extension();
    let label = file.label.as_str();
    match (template, format) {
        (Some(template), _) => {
            let stem = match &file.role {
                _ if format == FileFormat::Stem => "stems".to_owned(),
                Role::Mix => "mix".to_owned(),
                Role::Stem(stem) => stems[*stem].clone(),
                Role::Sum(_) => label.to_lowercase(),
            };
            let label = if format == FileFormat::Stem {
                "Stems"
            } else {
                label
            };
            template.file_name(names, (label, &stem), extension)
        }
        (None, FileFormat::Stem) => naming::whole_name(&names.track, extension),
        (None, _) => naming::file_name(&names.track, label, extension),
    }
}

/// A file of the song's rate, layout and place on a timeline.
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

/// What the set is named after: the job's name, else tags, else the file's name.
fn song_names(job: &Job<'_>, facts: &SourceFacts) -> SongNames {
    let file = job.source.file_stem().unwrap_or_default().to_string_lossy();
    let tag = |name| facts.tags.text(name);
    SongNames {
        track: match job.name {
            Some(name) => naming::track_name(None, None, name),
            None => naming::track_name(facts.title.as_deref(), facts.artist.as_deref(), &file),
        },
        title: facts.title.clone(),
        artist: facts.artist.clone(),
        album: tag("ALBUM"),
        number: tag("TRACKNUMBER"),
        year: tag("DATE").map(|date| date.chars().take(4).collect()),
        file: file.into_owned(),
    }
}

/// SHA-256 of a file, in hexadecimal.
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
