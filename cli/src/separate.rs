//! `unweave separate`: songs in, delivery sets out.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::{PlanError, Selection, Sum};
use unweave_separation::delivery::report::Report;
use unweave_separation::files::naming;
use unweave_separation::offline::engine;
use unweave_separation::offline::{Done, Job, JobError, separate_file};
use unweave_separation::{Terminator, words};

use crate::console::{self, SongProgress};
use crate::engine::{Engine, ModelArgs};
use crate::patterns;
use crate::range::TimeRange;
use crate::songs;

/// How the folder for sets is named, for errors.
pub const OUTPUT: &str = "-o";

/// What Ctrl-C ends with, as shells expect.
pub const INTERRUPTED: u8 = 130;

/// What `--strict` ends with when a song was not whole.
const NOT_WHOLE: u8 = 3;

/// Arguments of `unweave separate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Songs: WAV, AIFF, FLAC, ALAC, MP3, AAC, Ogg, Opus, CAF, AU, and the audio of MP4, MOV, WebM and Matroska; with
    /// ffmpeg on this machine everything else that it reads.
    /// Folders are searched with all folders in them; of playlists (.m3u, .m3u8) all files; - is the standard input.
    #[arg(required = true, value_name = "SONG")]
    songs: Vec<PathBuf>,
    /// Of folders, only the files whose names fit, such as "*.flac".
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
    /// Only a part of each song, such as 1:00-1:30, or 2:15- up to its end.
    #[arg(long, value_name = "FROM-TO")]
    range: Option<TimeRange>,
    /// Folder in which each song gets a folder named after it; - writes the one file to the standard output.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Only these stems, such as drums,vocals; `instrumental` can be among them.
    #[arg(long, value_name = "STEMS", value_delimiter = ',')]
    stems: Option<Vec<String>>,
    /// A file that is the sum of stems: "No Drums=bass+vocals+other". Can be given several times.
    #[arg(long = "sum", value_name = "LABEL=STEM+STEM")]
    sums: Vec<Sum>,
    /// Only this stem, as one file; `instrumental` is possible.
    #[arg(long, value_name = "STEM", conflicts_with_all = ["stems", "sums", "without", "two_stems"])]
    only: Option<String>,
    /// All but this stem, as one file.
    #[arg(long, value_name = "STEM", conflicts_with_all = ["stems", "sums", "two_stems"])]
    without: Option<String>,
    /// This stem, and all but it: two files, as Demucs makes them.
    #[arg(long, value_name = "STEM", conflicts_with_all = ["stems", "sums"])]
    two_stems: Option<String>,
    /// Only the files of --sum.
    #[arg(long, requires = "sums", conflicts_with = "stems")]
    only_sums: bool,
    /// No Full Mix file.
    #[arg(long)]
    no_mix: bool,
    /// Kind of the files. MP3 is 320 kbit/s.
    #[arg(short, long, value_enum, default_value_t = FormatArg::Wav)]
    format: FormatArg,
    /// The same as --format mp3.
    #[arg(long, conflicts_with_all = ["format", "flac"])]
    mp3: bool,
    /// The same as --format flac.
    #[arg(long, conflicts_with = "format")]
    flac: bool,
    /// Bits per sample; 32f is floating point, for WAV.
    #[arg(long, value_enum, default_value_t = DepthArg::Int24)]
    bit_depth: DepthArg,
    /// The same as --bit-depth 24.
    #[arg(long, conflicts_with_all = ["bit_depth", "float32"])]
    int24: bool,
    /// The same as --bit-depth 32f.
    #[arg(long, conflicts_with = "bit_depth")]
    float32: bool,
    #[command(flatten)]
    model: ModelArgs,
    /// Skip songs whose set is already there, whole and made the same way.
    #[arg(long)]
    skip_existing: bool,
    /// End with exit status 3 if anything of a song was missing, cut off, joined or guessed, which the notes tell.
    #[arg(long)]
    strict: bool,
    /// Replace the files of a set that is there, instead of taking a new name.
    #[arg(long)]
    overwrite: bool,
    /// One JSON document on the standard output, with the report of every set.
    #[arg(long)]
    json: bool,
    /// No progress and no notes, only results and errors.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    Wav,
    Flac,
    Mp3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DepthArg {
    #[value(name = "16")]
    Int16,
    #[value(name = "24")]
    Int24,
    #[value(name = "32f")]
    Float32,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document {
    unweave_version: &'static str,
    songs: Vec<SongResult>,
}

#[derive(Serialize)]
struct SongResult {
    song: String,
    #[serde(flatten)]
    outcome: SongOutcome,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum SongOutcome {
    Written {
        dir: String,
        elapsed_seconds: f64,
        report: Box<Report>,
    },
    Skipped {
        dir: String,
        report: Box<Report>,
    },
    Failed {
        error: String,
    },
    Cancelled,
}

/// One song of a batch.
struct Wanted<'a> {
    song: &'a Path,
    /// Such as `2/5`.
    place: &'a str,
    selection: &'a Selection,
    output: &'a Path,
    /// Whether the folder of the set is a result to be printed.
    prints_dir: bool,
}

/// The sum of all stems but one.
fn all_but(stem: &str, stems: &[String]) -> Result<Sum, PlanError> {
    let name = stem.trim().to_lowercase();
    if !stems.contains(&name) {
        let known = stems.to_vec();
        return Err(PlanError::UnknownStem { name, known });
    }
    let label = match name.as_str() {
        "vocals" => "Instrumental".to_owned(),
        name => format!("No {}", naming::stem_label(name).trim_end_matches(" Stem")),
    };
    let stems = stems
        .iter()
        .filter(|stem| **stem != name)
        .cloned()
        .collect();
    Ok(Sum { label, stems })
}

/// Separates every song; a failure doesn't keep the others from being separated.
///
/// # Errors
/// Nothing can be separated at all: no usable model or runtime.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cancel = Terminator::new();
    let on_interrupt = cancel.clone();
    ctrlc::set_handler(move || on_interrupt.terminate()).context("can't listen for Ctrl-C")?;
    // A typing mistake in the arguments must not cost the time to load a model.
    let stems = args.model.find()?.manifest.stems;
    let selection = args.selection(&stems)?;
    let files = selection.plan(&stems)?;
    let to_standard_output = args.output == Path::new(songs::STANDARD);
    if to_standard_output {
        ensure!(
            files.len() == 1 && args.songs.len() == 1 && !args.json,
            "the standard output takes one file of one song: name it with --only or --without"
        );
    }
    let temporary = match to_standard_output {
        true => Some(tempfile::tempdir().context("there is no room for temporary files")?),
        false => None,
    };
    let output = temporary
        .as_ref()
        .map_or(args.output.as_path(), TempDir::path);
    let input = match args
        .songs
        .iter()
        .any(|song| song == Path::new(songs::STANDARD))
    {
        true => Some(songs::standard_input()?),
        false => None,
    };
    let named = patterns::expand(&args.songs)?;
    let named = named.iter().map(|song| match &input {
        Some((_, path)) if song == Path::new(songs::STANDARD) => path.clone(),
        _ => song.clone(),
    });
    let paths = songs::expand(&named.collect::<Vec<_>>(), args.filter.as_deref())?;
    let mut engine = match args.model.open(&cancel) {
        Err(_) if cancel.is_terminated() => return Ok(ExitCode::from(INTERRUPTED)),
        other => other?,
    };
    let mut songs = Vec::new();
    let mut tracks = HashSet::new();
    for (song_idx, song) in paths.iter().enumerate() {
        let place = format!("{}/{}", song_idx + 1, paths.len());
        let wanted = Wanted {
            song,
            place: &place,
            selection: &selection,
            output,
            prints_dir: !args.json && !to_standard_output,
        };
        let outcome = args.separate(&wanted, &mut tracks, &mut engine, &cancel);
        if to_standard_output && let SongOutcome::Written { dir, report, .. } = &outcome {
            let file = Path::new(dir).join(&report.files[0].name);
            let mut file = fs::File::open(file).context("what was written is gone")?;
            io::copy(&mut file, &mut io::stdout().lock())
                .context("the standard output is closed")?;
        }
        songs.push(SongResult {
            song: song.display().to_string(),
            outcome,
        });
        if cancel.is_terminated() {
            break;
        }
    }
    let has_notes = songs.iter().any(|song| match &song.outcome {
        SongOutcome::Written { report, .. } | SongOutcome::Skipped { report, .. } => {
            !report.source.notes.is_empty()
        }
        _ => false,
    });
    let num_failed = songs
        .iter()
        .filter(|song| matches!(song.outcome, SongOutcome::Failed { .. }))
        .count();
    if args.json {
        console::json(&Document {
            unweave_version: env!("CARGO_PKG_VERSION"),
            songs,
        })?;
    }
    if cancel.is_terminated() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if num_failed > 0 && paths.len() > 1 {
        console::note(&format!("{num_failed} of {} songs failed", paths.len()));
    }
    Ok(if num_failed > 0 {
        ExitCode::FAILURE
    } else if args.strict && has_notes {
        ExitCode::from(NOT_WHOLE)
    } else {
        ExitCode::SUCCESS
    })
}

impl Args {
    fn selection(&self, stems: &[String]) -> anyhow::Result<Selection> {
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

    /// The frames that are wanted, and whether an earlier song of this batch has the same name: overwriting would
    /// replace its set then.
    fn look_at(
        &self,
        song: &Path,
        tracks: &mut HashSet<String>,
    ) -> Result<(Option<Range<u64>>, bool), String> {
        if self.range.is_none() && !self.overwrite {
            return Ok((None, false));
        }
        let reader = AudioReader::open(song).map_err(|error| words::read(&error))?;
        let facts = reader.facts();
        let file_stem = song.file_stem().unwrap_or_default().to_string_lossy();
        let track = naming::track_name(facts.title.as_deref(), facts.artist.as_deref(), &file_stem);
        let is_taken = !tracks.insert(track.to_lowercase());
        let range = self.range.map(|range| {
            range
                .frames(facts.sample_rate, facts.num_frames)
                .ok_or_else(|| "the song is over before the range begins".to_owned())
        });
        Ok((range.transpose()?, is_taken))
    }

    fn separate(
        &self,
        wanted: &Wanted<'_>,
        tracks: &mut HashSet<String>,
        engine: &mut Engine,
        cancel: &Terminator,
    ) -> SongOutcome {
        let &Wanted { song, place, .. } = wanted;
        let (range, is_taken) = match self.look_at(song, tracks) {
            Ok(found) => found,
            Err(error) => {
                console::note(&format!("error: {}: {error}", song.display()));
                return SongOutcome::Failed { error };
            }
        };
        let model = engine.model_report();
        let format = match (self.mp3, self.flac) {
            (true, _) => FormatArg::Mp3,
            (_, true) => FormatArg::Flac,
            _ => self.format,
        };
        let depth = match (self.int24, self.float32) {
            (true, _) => DepthArg::Int24,
            (_, true) => DepthArg::Float32,
            _ => self.bit_depth,
        };
        let job = Job {
            source: song,
            range,
            name: None,
            output_dir: wanted.output,
            selection: wanted.selection,
            format: match format {
                FormatArg::Wav => FileFormat::Wav,
                FormatArg::Flac => FileFormat::Flac,
                FormatArg::Mp3 => FileFormat::Mp3,
            },
            depth: match depth {
                DepthArg::Int16 => BitDepth::Int16,
                DepthArg::Int24 => BitDepth::Int24,
                DepthArg::Float32 => BitDepth::Float32,
            },
            existing: if self.overwrite && !is_taken {
                Existing::Overwrite
            } else {
                Existing::Number
            },
            skip_existing: self.skip_existing,
            model: &model,
            runtime: engine.runtime().to_owned(),
            threads: engine::encoding_threads(self.model.threads),
        };
        let start = Instant::now();
        let name = song
            .file_name()
            .unwrap_or(song.as_os_str())
            .to_string_lossy()
            .into_owned();
        let progress = SongProgress::start(&name, place, self.quiet);
        let mut open_stream = |rate| engine.stream(rate);
        let done = separate_file(
            &job,
            &mut open_stream,
            &mut |now| progress.show(now),
            cancel,
        );
        progress.clear();
        let elapsed = start.elapsed();
        match done {
            Ok(Done::Written { dir, report }) => {
                if !self.quiet {
                    let pace = console::pace(report.source.seconds, elapsed);
                    console::note(&format!("[{place}] {name}: {pace}"));
                    for warning in &report.warnings {
                        console::note(&format!("[{place}] {name}: note: {warning}"));
                    }
                }
                let dir = dir.display().to_string();
                if wanted.prints_dir {
                    console::result(&dir);
                }
                SongOutcome::Written {
                    dir,
                    elapsed_seconds: elapsed.as_secs_f64(),
                    report,
                }
            }
            Ok(Done::Skipped { dir, report }) => {
                let dir = dir.display().to_string();
                if !self.quiet {
                    console::note(&format!("[{place}] {name}: already there, skipped"));
                }
                if !self.json {
                    console::result(&dir);
                }
                SongOutcome::Skipped { dir, report }
            }
            Err(JobError::Cancelled) => {
                console::note(&format!(
                    "{}: {}",
                    song.display(),
                    words::job(&JobError::Cancelled, OUTPUT)
                ));
                SongOutcome::Cancelled
            }
            Err(error) => {
                let error = words::job(&error, OUTPUT);
                console::note(&format!("error: {}: {error}", song.display()));
                SongOutcome::Failed { error }
            }
        }
    }
}
