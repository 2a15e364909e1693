//! `unweave separate`: songs in, delivery sets out.

mod args;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Serialize;
use tempfile::TempDir;
use unweave_separation::audio::read::{AudioReader, ReadError};
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::{self, Existing};
use unweave_separation::delivery::plan::Selection;
use unweave_separation::delivery::report::Report;
use unweave_separation::files::naming;
use unweave_separation::offline::threads;
use unweave_separation::offline::{Done, Job, JobError, separate_file};
use unweave_separation::{Terminator, words};

use crate::console::{self, SongProgress};
use crate::model_args::SeparatorPool;
use crate::patterns;
use crate::songs;
pub use args::Args;

/// How the folder for sets is named, for errors.
pub const OUTPUT: &str = "-o";

/// What Ctrl-C ends with, as shells expect.
pub const INTERRUPTED: u8 = 130;

/// What `--strict` ends with when a song was not whole.
const NOT_WHOLE: u8 = 3;

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
struct BatchSong<'a> {
    song: &'a Path,
    /// Such as `2/5`.
    place: &'a str,
    selection: &'a Selection,
    format: FileFormat,
    depth: BitDepth,
    output: &'a Path,
    /// Whether the folder of the set is a result to be printed.
    prints_dir: bool,
}

/// What is asked of one song of a batch.
#[derive(Default)]
struct Asked {
    range: Option<Range<u64>>,
    name: Option<String>,
    /// While it is open, what ffmpeg decoded for it is at hand.
    _reader: Option<AudioReader>,
}

/// Reads to the end; gives how many frames there are.
fn count(reader: &mut AudioReader, cancel: &Terminator) -> Result<u64, ReadError> {
    let mut block = Vec::new();
    while !cancel.is_terminated() && reader.read(&mut block)? > 0 {}
    Ok(reader.position())
}

fn cancelled(song: &Path) -> SongOutcome {
    let words = words::job(&JobError::Cancelled, OUTPUT);
    console::note(&format!("{}: {words}", song.display()));
    SongOutcome::Cancelled
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
    args.model.check()?;
    let stems = args.model.find()?.manifest.stems;
    let selection = args.selection(&stems)?;
    let (format, depth) = args.format()?;
    let files = match format {
        FileFormat::Stem => selection.plan_stem_file(&stems)?,
        _ => selection.plan(&stems)?,
    };
    if let Some(template) = &args.name {
        ensure!(
            !args.flat || template.names_song(),
            "with --flat, names must tell songs apart: put {{track}}, {{title}} or {{file}} into --name"
        );
    }
    let to_standard_output = args.output == Path::new(songs::STANDARD);
    if to_standard_output {
        ensure!(
            (files.len() == 1 || format == FileFormat::Stem) && args.songs.len() == 1 && !args.json,
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
    let mut pool = match args.model.open(&cancel) {
        Err(_) if cancel.is_terminated() => return Ok(ExitCode::from(INTERRUPTED)),
        other => other?,
    };
    // Once, also for songs that are all there; if it can't be removed, the next run may.
    let _ = folder::clean(output);
    let mut songs = Vec::new();
    let mut tracks = HashSet::new();
    for (song_idx, song) in paths.iter().enumerate() {
        let place = format!("{}/{}", song_idx + 1, paths.len());
        let batch_song = BatchSong {
            song,
            place: &place,
            selection: &selection,
            format,
            depth,
            output,
            prints_dir: !args.json && !to_standard_output,
        };
        let outcome = args.separate(&batch_song, &mut tracks, &mut pool, &cancel);
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
    /// The frames that are wanted, and another name if an earlier song of this batch has the same: overwriting would
    /// replace its set then.
    fn look_at(
        &self,
        song: &Path,
        tracks: &mut HashSet<String>,
        cancel: &Terminator,
    ) -> Result<Asked, String> {
        if self.range.is_none() && !self.overwrite {
            return Ok(Asked::default());
        }
        let may_go_on = || !cancel.is_terminated();
        let reader = AudioReader::open_while(song, None, &may_go_on);
        let mut reader = reader.map_err(|error| words::read(&error))?;
        let num_frames = match self.range {
            // Where the end isn't known beforehand, it has to be gone to.
            Some(range) if range.is_open() && reader.facts().num_frames.is_none() => {
                Some(count(&mut reader, cancel).map_err(|error| words::read(&error))?)
            }
            _ => reader.facts().num_frames,
        };
        let facts = reader.facts();
        let file_stem = song.file_stem().unwrap_or_default().to_string_lossy();
        let track = naming::track_name(facts.title.as_deref(), facts.artist.as_deref(), &file_stem);
        let mut numbers = (1..).map(|number| naming::numbered(&track, number));
        let name = numbers.find(|name| tracks.insert(name.to_lowercase()));
        let range = self.range.map(|range| {
            range
                .frames(facts.sample_rate, num_frames)
                .ok_or_else(|| "the song is over before the range begins".to_owned())
        });
        Ok(Asked {
            range: range.transpose()?,
            name: name.filter(|name| self.overwrite && *name != track),
            _reader: Some(reader),
        })
    }

    fn separate(
        &self,
        batch_song: &BatchSong<'_>,
        tracks: &mut HashSet<String>,
        pool: &mut SeparatorPool,
        cancel: &Terminator,
    ) -> SongOutcome {
        let &BatchSong { song, place, .. } = batch_song;
        let asked = match self.look_at(song, tracks, cancel) {
            Ok(asked) => asked,
            Err(_) if cancel.is_terminated() => return cancelled(song),
            Err(error) => {
                console::note(&format!("error: {}: {error}", song.display()));
                return SongOutcome::Failed { error };
            }
        };
        let model = pool.model_report();
        let job = Job {
            source: song,
            range: asked.range.clone(),
            name: asked.name.as_deref(),
            output_dir: batch_song.output,
            template: self.name.as_ref(),
            is_flat: self.flat,
            has_report: true,
            selection: batch_song.selection,
            format: batch_song.format,
            depth: batch_song.depth,
            existing: match self.overwrite {
                true => Existing::Overwrite,
                false => Existing::Number,
            },
            skip_existing: self.skip_existing,
            model: &model,
            runtime: pool.runtime().to_owned(),
            threads: threads::for_encoding(self.model.threads),
        };
        let start = Instant::now();
        let name = song
            .file_name()
            .unwrap_or(song.as_os_str())
            .to_string_lossy()
            .into_owned();
        let progress = SongProgress::start(&name, place, self.quiet);
        let mut open_stream = |rate| pool.stream(rate);
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
                if batch_song.prints_dir {
                    self.print(&dir, &report);
                }
                SongOutcome::Written {
                    dir: dir.display().to_string(),
                    elapsed_seconds: elapsed.as_secs_f64(),
                    report,
                }
            }
            Ok(Done::Skipped { dir, report }) => {
                if !self.quiet {
                    console::note(&format!("[{place}] {name}: already there, skipped"));
                }
                if batch_song.prints_dir {
                    self.print(&dir, &report);
                }
                let dir = dir.display().to_string();
                SongOutcome::Skipped { dir, report }
            }
            Err(JobError::Cancelled) => cancelled(song),
            Err(error) => {
                let error = words::job(&error, OUTPUT);
                console::note(&format!("error: {}: {error}", song.display()));
                SongOutcome::Failed { error }
            }
        }
    }

    /// Where the set is: its folder, or its files where they lie beside those of others.
    fn print(&self, dir: &Path, report: &Report) {
        if !self.flat {
            return console::result(&dir.display().to_string());
        }
        let mut names: Vec<&str> = report.files.iter().map(|file| file.name.as_str()).collect();
        names.dedup();
        for name in names {
            console::result(&dir.join(name).display().to_string());
        }
    }
}
