//! What goes where: results to the standard output, talk to the standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use unweave_separation::offline::Progress;

/// Steps of a progress bar.
const BAR_STEPS: u64 = 1_000;

/// A result for the user or for a program; a closed pipe is no error of ours.
pub fn result(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// The one JSON document of a command.
///
/// # Errors
/// None that a caller could do something about.
pub fn json(document: &impl Serialize) -> anyhow::Result<()> {
    result(&serde_json::to_string_pretty(document)?);
    Ok(())
}

/// A line about what is going on.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// An error with its causes.
pub fn error(error: &anyhow::Error) {
    note(&format!("error: {error:#}"));
}

/// Progress of one song: a bar on a terminal, a line at the start elsewhere, nothing if quiet.
pub struct SongProgress {
    bar: Option<ProgressBar>,
}

impl SongProgress {
    /// `name` is the song, `place` something like `2/5`.
    pub fn start(name: &str, place: &str, is_quiet: bool) -> Self {
        if is_quiet {
            return Self { bar: None };
        }
        if !io::stderr().is_terminal() {
            note(&format!("[{place}] {name}: separating"));
            return Self { bar: None };
        }
        let bar = ProgressBar::new(BAR_STEPS);
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} %  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(format!("[{place}] {name}"));
        Self { bar: Some(bar) }
    }

    /// Shows where the job is.
    pub fn show(&self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1000"
        )]
        #[expect(clippy::cast_precision_loss, reason = "1000 is exact")]
        bar.set_position((progress.fraction * BAR_STEPS as f64) as u64);
        let remaining = clock(progress.remaining);
        bar.set_message(format!(
            "{:.1}x real time, {remaining} left",
            progress.speed
        ));
    }

    /// Takes the bar away.
    pub fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Progress of one download: a bar on a terminal, a line at the start elsewhere, nothing if quiet.
#[derive(Clone)]
pub struct DownloadProgress {
    bar: Option<ProgressBar>,
}

impl DownloadProgress {
    /// `name` is the file, `size` its bytes.
    pub fn start(name: &str, size: u64, is_quiet: bool) -> Self {
        if is_quiet {
            return Self { bar: None };
        }
        if !io::stderr().is_terminal() {
            note(&format!("downloading {name}"));
            return Self { bar: None };
        }
        let bar = ProgressBar::new(size);
        let template = "{prefix} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        Self { bar: Some(bar) }
    }

    /// So many bytes are there.
    pub fn show(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `1:02:03` or `2:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes}:{:02}", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

/// `3:30 song in 12.1 s (17.4x real time)`.
pub fn pace(seconds: f64, elapsed: Duration) -> String {
    let length = clock(Duration::from_secs_f64(seconds.max(0.0)));
    let took = elapsed.as_secs_f64();
    format!(
        "{length} song in {took:.1} s ({:.1}x real time)",
        seconds / took.max(1e-3)
    )
}
