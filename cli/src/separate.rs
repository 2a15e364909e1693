//! `unweave separate`: songs in, delivery sets out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::{Selection, Sum};
use unweave_separation::delivery::report::Report;
use unweave_separation::offline::engine;
use unweave_separation::offline::{Done, Job, JobError, separate_file};
use unweave_separation::{Terminator, words};

use crate::console::{self, SongProgress};
use crate::engine::{Engine, ModelArgs};

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
    #[arg(required = true, value_name = "SONG")]
    songs: Vec<PathBuf>,
    /// Folder in which each song gets a folder named after it.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Only these stems, such as drums,vocals; `instrumental` can be among them.
    #[arg(long, value_name = "STEMS", value_delimiter = ',')]
    stems: Option<Vec<String>>,
    /// A file that is the sum of stems: "No Drums=bass+vocals+other". Can be given several times.
    #[arg(long = "sum", value_name = "LABEL=STEM+STEM")]
    sums: Vec<Sum>,
    /// Only the files of --sum.
    #[arg(long, requires = "sums", conflicts_with = "stems")]
    only_sums: bool,
    /// No Full Mix file.
    #[arg(long)]
    no_mix: bool,
    /// Kind of the files. MP3 is 320 kbit/s.
    #[arg(long, value_enum, default_value_t = FormatArg::Wav)]
    format: FormatArg,
    /// Bits per sample; 32f is floating point, for WAV.
    #[arg(long, value_enum, default_value_t = DepthArg::Int24)]
    bit_depth: DepthArg,
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

/// Separates every song; a failure doesn't keep the others from being separated.
///
/// # Errors
/// Nothing can be separated at all: no usable model or runtime.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cancel = Terminator::new();
    let on_interrupt = cancel.clone();
    ctrlc::set_handler(move || on_interrupt.terminate()).context("can't listen for Ctrl-C")?;
    // A typing mistake in the arguments must not cost the time to load a model.
    let selection = args.selection();
    selection.plan(&args.model.find()?.manifest.stems)?;
    let mut engine = match args.model.open(&cancel) {
        Err(_) if cancel.is_terminated() => return Ok(ExitCode::from(INTERRUPTED)),
        other => other?,
    };
    let mut songs = Vec::new();
    for (song_idx, song) in args.songs.iter().enumerate() {
        let place = format!("{}/{}", song_idx + 1, args.songs.len());
        let outcome = args.separate(song, &place, &selection, &mut engine, &cancel);
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
    if num_failed > 0 && args.songs.len() > 1 {
        console::note(&format!(
            "{num_failed} of {} songs failed",
            args.songs.len()
        ));
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
    fn selection(&self) -> Selection {
        Selection {
            stems: self.stems.clone(),
            sums: self.sums.clone(),
            only_sums: self.only_sums,
            mix: !self.no_mix,
        }
    }

    fn separate(
        &self,
        song: &Path,
        place: &str,
        selection: &Selection,
        engine: &mut Engine,
        cancel: &Terminator,
    ) -> SongOutcome {
        let model = engine.model_report();
        let job = Job {
            source: song,
            range: None,
            name: None,
            output_dir: &self.output,
            selection,
            format: match self.format {
                FormatArg::Wav => FileFormat::Wav,
                FormatArg::Flac => FileFormat::Flac,
                FormatArg::Mp3 => FileFormat::Mp3,
            },
            depth: match self.bit_depth {
                DepthArg::Int16 => BitDepth::Int16,
                DepthArg::Int24 => BitDepth::Int24,
                DepthArg::Float32 => BitDepth::Float32,
            },
            existing: if self.overwrite {
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
                if !self.json {
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
