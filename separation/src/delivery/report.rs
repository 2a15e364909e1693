//! The report beside a set: what was made of what, how loud it is, and that it sums.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::audio::channels::Group;
use crate::audio::read::SampleKind;
use crate::audio::write::{BitDepth, FileFormat};
use crate::delivery::plan::{NamedRole, REPORT_LABEL};
use crate::delivery::verdict::Verdict;
use crate::files::naming;

/// Version of the report's form. A reader refuses a higher one; a change that old readers would
/// misunderstand raises it.
pub const REPORT_FORMAT: u32 = 1;

/// Longest report that is read, in bytes: far above what hundreds of sums need.
const MAX_REPORT_BYTES: u64 = 4 << 20;

/// All there is to know about a set.
///
/// JSON, UTF-8, an object with these keys; a file's role is among its own keys. Keys that aren't known are
/// passed over, and those that came later may be missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// The track's name, which is also that of its folder, if it has one, but for a number.
    pub track: String,
    /// The song that was separated.
    pub source: SourceReport,
    /// The model that separated it.
    pub model: ModelReport,
    /// Kind of the files.
    pub file_format: FileFormat,
    /// Depth of the files; of what went into the encoder for MP3.
    pub bit_depth: BitDepth,
    /// The one gain of all files; 1 unless something would have clipped.
    pub gain: f64,
    /// The gain in dB.
    pub gain_db: f64,
    /// The files, in the order they were planned.
    pub files: Vec<FileReport>,
    /// What was found when the files were read back, before the set was put in its place.
    pub proof: Verdict,
    /// What the listener should know.
    pub warnings: Vec<String>,
    /// Version of this program.
    pub unweave_version: String,
    /// The program that ran the model, with version.
    pub runtime: String,
}

/// The song, as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// File name without folder.
    pub file_name: String,
    /// Checksum of the file, in hexadecimal.
    pub sha256: String,
    /// The frames of the file that were separated; none for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range<u64>>,
    /// Container and codec.
    pub format: String,
    /// Frames per second.
    pub sample_rate: u32,
    /// How many channels.
    pub num_channels: usize,
    /// How samples were stored.
    pub samples: SampleKind,
    /// Length of what was separated, in frames.
    pub num_frames: u64,
    /// Length in seconds.
    pub seconds: f64,
    /// Which channels the model heard together.
    pub channel_groups: Vec<Group>,
    /// What of the song was missing, cut off, joined or guessed; none for a file that is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The model, as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReport {
    /// Stable id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// Checksum of its file, in hexadecimal.
    pub sha256: String,
    /// Its stems in order.
    pub stems: Vec<String>,
    /// The stem that gets what is left over.
    pub residual: String,
    /// The live mode that it was run in; none for files as good as it makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_mode: Option<String>,
}

/// One file of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Name within the folder.
    pub name: String,
    /// Which track of a file with several; none for a file with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<usize>,
    /// What it holds.
    #[serde(flatten)]
    pub role: NamedRole,
    /// Highest sample, in dB of full scale; none for silence.
    pub peak_dbfs: Option<f64>,
    /// Integrated loudness (EBU R 128); none for silence and what is shorter than 0.4 s.
    pub loudness_lufs: Option<f64>,
    /// Checksum of the samples that were written, in hexadecimal: little-endian 32-bit integers or
    /// floats, frame by frame. For MP3, of what went into the encoder.
    pub samples_sha256: String,
}

/// Why a report can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// No report in the folder.
    #[error("there is no report in this folder")]
    Missing,
    /// More than one.
    #[error("there are several reports in this folder")]
    Several,
    /// It is empty: a run that was moving files to where it lies was killed.
    #[error(
        "the run that made this set was killed before all of it was there; separate the song again"
    )]
    Unfinished,
    /// The system refuses.
    #[error("the report could not be read")]
    Io(#[from] io::Error),
    /// It is no report, or a damaged one.
    #[error("the report is damaged: {0}")]
    Malformed(String),
    /// It is of a later version of this program.
    #[error("the report has format {actual}, known here is up to {REPORT_FORMAT}")]
    TooNew {
        /// Its format.
        actual: u32,
    },
}

impl Report {
    /// The name of a track's report.
    pub fn file_name(track: &str) -> String {
        naming::file_name(track, REPORT_LABEL, "json")
    }

    /// The report of the only set in a folder.
    ///
    /// # Errors
    /// There is none, or several, or it can't be understood.
    pub fn in_dir(dir: &Path) -> Result<Self, ReportError> {
        match &Self::all_in(dir)?[..] {
            [report] => Self::read(report),
            _ => Err(ReportError::Several),
        }
    }

    /// Where the reports of all sets in a folder are, in the order of their names.
    ///
    /// # Errors
    /// There is none, or the system refuses.
    pub fn all_in(dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
        let suffix = format!("({REPORT_LABEL}).json");
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(&suffix) {
                found.push(entry.path());
            }
        }
        found.sort();
        match found.is_empty() {
            true => Err(ReportError::Missing),
            false => Ok(found),
        }
    }

    /// Reads a report.
    ///
    /// # Errors
    /// It can't be read or understood.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        if fs::metadata(path)?.len() > MAX_REPORT_BYTES {
            return Err(ReportError::Malformed("it is far too long".into()));
        }
        Self::parse(&fs::read(path)?)
    }

    /// Understands a report, and refuses one whose parts contradict each other.
    ///
    /// # Errors
    /// It is no report, or of a later format.
    pub fn parse(json: &[u8]) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        if json.is_empty() {
            return Err(ReportError::Unfinished);
        }
        let malformed = |error: serde_json::Error| ReportError::Malformed(error.to_string());
        let head: Head = serde_json::from_slice(json).map_err(malformed)?;
        if head.format > REPORT_FORMAT {
            return Err(ReportError::TooNew {
                actual: head.format,
            });
        }
        let report: Self = serde_json::from_slice(json).map_err(malformed)?;
        for file in &report.files {
            // A name that leads out of the folder would make `verify` read other files.
            if naming::sanitise(&file.name) != file.name {
                return Err(ReportError::Malformed(format!(
                    "{:?} is no file name",
                    file.name
                )));
            }
        }
        let is_known = |stem: &String| report.model.stems.contains(stem);
        let named = report.files.iter().flat_map(|file| match &file.role {
            NamedRole::Mix => &[],
            NamedRole::Stem { stem } => std::slice::from_ref(stem),
            NamedRole::Sum { of } => &of[..],
        });
        if !named.chain([&report.model.residual]).all(is_known) {
            return Err(ReportError::Malformed(
                "it names a stem that the model doesn't have".into(),
            ));
        }
        Ok(report)
    }

    /// Writes the report.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut json = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        json.push('\n');
        fs::write(path, json)
    }

    /// What makes this set the one that was asked for.
    pub fn request(&self) -> Request {
        Request {
            source_sha256: self.source.sha256.clone(),
            source_range: self.source.range.clone(),
            model_sha256: self.model.sha256.clone(),
            file_format: self.file_format,
            bit_depth: self.bit_depth,
            files: self
                .files
                .iter()
                .map(|f| (f.name.clone(), f.role.clone()))
                .collect(),
        }
    }
}

/// A song, a model and the files to be made: equal requests give equal sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Checksum of the song.
    pub source_sha256: String,
    /// The frames of the song; none for all.
    pub source_range: Option<Range<u64>>,
    /// Checksum of the model.
    pub model_sha256: String,
    /// Kind of the files.
    pub file_format: FileFormat,
    /// Depth of the files.
    pub bit_depth: BitDepth,
    /// Names and contents.
    pub files: Vec<(String, NamedRole)>,
}
