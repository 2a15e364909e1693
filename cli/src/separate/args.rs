//! What `unweave separate` is asked for.

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;
use unweave_separation::audio::write::{BitDepth, FileFormat, Mp3Rate};
use unweave_separation::delivery::plan::{INSTRUMENTAL_LABEL, PlanError, Selection, Sum};
use unweave_separation::files::template::Template;

use crate::model_args::ModelArgs;
use crate::range::TimeRange;

/// Arguments of `unweave separate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Songs: WAV, AIFF, FLAC, ALAC, MP3, AAC, Ogg, Opus, CAF, AU, and the audio of MP4, MOV, WebM and Matroska; with
    /// ffmpeg on this machine everything else that it reads.
    /// Folders are searched with all folders in them; of playlists (.m3u, .m3u8) all files; - is the standard input.
    #[arg(required = true, value_name = "SONG")]
    pub(super) songs: Vec<PathBuf>,
    /// Of folders, only the files whose names fit, such as "*.flac".
    #[arg(long, value_name = "PATTERN")]
    pub(super) filter: Option<String>,
    /// Only a part of each song, such as 1:00-1:30, or 2:15- up to its end.
    #[arg(long, value_name = "FROM-TO")]
    pub(super) range: Option<TimeRange>,
    /// Folder in which each song gets a folder named after it; - writes the one file to the standard output.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(super) output: PathBuf,
    /// All files right in that folder, without one for each song.
    #[arg(long)]
    pub(super) flat: bool,
    /// Names of the files: {track} ({label}) without. There is {title}, {artist}, {album}, {number}, {year}, {file} and
    /// {stem} too; the ending comes by itself.
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) name: Option<Template>,
    /// Only these stems, such as drums,vocals; `instrumental` can be among them.
    #[arg(long, value_name = "STEMS", value_delimiter = ',')]
    pub(super) stems: Option<Vec<String>>,
    /// A file that is the sum of stems: "No Drums=bass+vocals+other". Can be given several times.
    #[arg(long = "sum", value_name = "LABEL=STEM+STEM")]
    pub(super) sums: Vec<Sum>,
    /// Only this stem, as one file; `instrumental` is possible.
    #[arg(long, value_name = "STEM", conflicts_with_all = ["stems", "sums", "without", "two_stems"])]
    pub(super) only: Option<String>,
    /// All but this stem, as one file.
    #[arg(long, value_name = "STEM", conflicts_with_all = ["stems", "sums", "two_stems"])]
    pub(super) without: Option<String>,
    /// This stem, and all but it: two files, as Demucs makes them.
    #[arg(long, value_name = "STEM", conflicts_with_all = ["stems", "sums"])]
    pub(super) two_stems: Option<String>,
    /// Only the files of --sum.
    #[arg(long, requires = "sums", conflicts_with = "stems")]
    pub(super) only_sums: bool,
    /// No Full Mix file.
    #[arg(long)]
    pub(super) no_mix: bool,
    /// Kind of the files; m4a is lossless (ALAC, 16 bits); stem is one file with mix and stems for DJ programs.
    #[arg(short, long, value_enum, default_value_t = FormatArg::Wav)]
    pub(super) format: FormatArg,
    /// The same as --format mp3.
    #[arg(long, conflicts_with_all = ["format", "flac"])]
    pub(super) mp3: bool,
    /// How much an MP3 takes: kbit/s, such as 192, or V0 (best) to V9 for as much as it needs. 320 without.
    #[arg(long, value_name = "RATE", alias = "mp3-bitrate")]
    pub(super) bitrate: Option<Mp3Rate>,
    /// The same as --format flac.
    #[arg(long, conflicts_with = "format")]
    pub(super) flac: bool,
    /// Bits per sample; 32f is floating point, for WAV.
    #[arg(long, value_enum, default_value_t = DepthArg::Int24)]
    pub(super) bit_depth: DepthArg,
    /// The same as --bit-depth 24.
    #[arg(long, conflicts_with_all = ["bit_depth", "float32"])]
    pub(super) int24: bool,
    /// The same as --bit-depth 32f.
    #[arg(long, conflicts_with = "bit_depth")]
    pub(super) float32: bool,
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Skip songs whose set is already there, whole and made the same way.
    #[arg(long)]
    pub(super) skip_existing: bool,
    /// End with exit status 3 if anything of a song was missing, cut off, joined or guessed, which the notes tell.
    #[arg(long)]
    pub(super) strict: bool,
    /// Replace the files of a set that is there, instead of taking a new name.
    #[arg(long)]
    pub(super) overwrite: bool,
    /// One JSON document on the standard output, with the report of every set.
    #[arg(long)]
    pub(super) json: bool,
    /// No progress and no notes, only results and errors.
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Wav,
    Flac,
    Mp3,
    M4a,
    Stem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DepthArg {
    #[value(name = "16")]
    Int16,
    #[value(name = "24")]
    Int24,
    #[value(name = "32f")]
    Float32,
}

impl Args {
    /// Which files.
    ///
    /// # Errors
    /// A stem that the model doesn't have.
    pub(super) fn selection(&self, stems: &[String]) -> anyhow::Result<Selection> {
        let one = |stems: Option<Vec<String>>, sums| Selection {
            only_sums: stems.is_none(),
            stems,
            sums,
            mix: false,
        };
        Ok(if let Some(stem) = &self.only {
            one(Some(vec![stem.clone()]), Vec::new())
        } else if let Some(stem) = &self.without {
            one(None, vec![all_but(stem, stems)?])
        } else if let Some(stem) = &self.two_stems {
            one(Some(vec![stem.clone()]), vec![all_but(stem, stems)?])
        } else {
            Selection {
                stems: self.stems.clone(),
                sums: self.sums.clone(),
                only_sums: self.only_sums,
                mix: !self.no_mix,
            }
        })
    }

    /// Kind and depth of the files.
    ///
    /// # Errors
    /// A bit rate of files that have none.
    pub(super) fn format(&self) -> anyhow::Result<(FileFormat, BitDepth)> {
        let format = match (self.mp3, self.flac) {
            (true, _) => FormatArg::Mp3,
            (_, true) => FormatArg::Flac,
            _ => self.format,
        };
        let format = match (format, self.bitrate) {
            (FormatArg::Mp3, Some(rate)) => FileFormat::Mp3(rate),
            (_, Some(_)) => bail!("--bitrate is for MP3: add --mp3, or leave it out"),
            (FormatArg::Wav, _) => FileFormat::Wav,
            (FormatArg::Flac, _) => FileFormat::Flac,
            (FormatArg::Mp3, _) => FileFormat::MP3,
            (FormatArg::M4a, _) => FileFormat::M4a,
            (FormatArg::Stem, _) => FileFormat::Stem,
        };
        let depth = match (self.int24, self.float32) {
            (true, _) => DepthArg::Int24,
            (_, true) => DepthArg::Float32,
            _ => self.bit_depth,
        };
        let depth = match depth {
            DepthArg::Int16 => BitDepth::Int16,
            DepthArg::Int24 => BitDepth::Int24,
            DepthArg::Float32 => BitDepth::Float32,
        };
        Ok((format, depth))
    }
}

/// The sum of all stems but one.
fn all_but(stem: &str, stems: &[String]) -> Result<Sum, PlanError> {
    let name = stem.trim().to_lowercase();
    if !stems.contains(&name) {
        let known = stems.to_vec();
        return Err(PlanError::UnknownStem { name, known });
    }
    let mut sum = Sum::all_but(&name, stems);
    if name == "vocals" {
        sum.label = INSTRUMENTAL_LABEL.to_owned();
    }
    Ok(sum)
}
