//! What the engine is doing, as the text of a parameter: readable in every host, by everybody. The
//! window shows the same, with numbers.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::RwLock;
use unweave_live::{Levels, State, Status};
use unweave_separation::DeviceUse;

use crate::model::ModePlan;
use crate::wanted::Wanted;

/// The source of the text. Never touched by the audio thread.
#[derive(Default)]
pub struct Report {
    source: RwLock<Source>,
    pending: RwLock<Option<Pending>>,
}

/// What has become of what is wanted and not heard yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// Its model is being loaded.
    Loading,
    /// It needs more latency than the host was told, in frames.
    NeedsLatency {
        /// What it needs.
        latency_frames: usize,
    },
    /// It can't be had.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Where it comes from.
#[derive(Clone, Default)]
pub enum Source {
    /// The host has not activated the plug-in.
    #[default]
    Inactive,
    /// An engine is at work.
    Engine(Facts),
    /// There is none, for this reason.
    Refused(String),
}

/// An engine, and what it was set up for.
#[derive(Clone)]
pub struct Facts {
    /// How it is doing.
    pub status: Arc<Status>,
    /// How loud everything is.
    pub levels: Arc<Levels>,
    /// What computes.
    pub device_use: DeviceUse,
    /// What it separates with.
    pub wanted: Wanted,
    /// Frames per second.
    pub sample_rate: u32,
    /// From input to output.
    pub latency_frames: usize,
    /// What that could be, had the host been told.
    pub least_latency_frames: usize,
    /// What it would be in each of the model's modes.
    pub modes: Vec<ModePlan>,
}

impl Facts {
    /// So many frames as milliseconds.
    pub fn millis(&self, frames: usize) -> f64 {
        frames as f64 / f64::from(self.sample_rate) * 1000.0
    }
}

/// Inferences that take more than this share of their time leave too little for everything else.
const HIGH_LOAD: f32 = 0.85;

/// Whether the machine is hardly fast enough.
///
/// # Realtime safety
/// Reads an atomic.
pub fn is_strained(status: &Status) -> bool {
    status.load() > HIGH_LOAD
}

/// How every text begins.
const BEGINNINGS: [&str; 4] = ["Not active", "Loading", "Separating", "Dry: "];

impl Report {
    /// From now on this engine is reported, and nothing is waited for.
    pub fn watch(&self, facts: Facts) {
        *self.source.write() = Source::Engine(facts);
        *self.pending.write() = None;
    }

    /// Something else is wanted.
    pub fn await_next(&self, pending: Option<Pending>) {
        *self.pending.write() = pending;
    }

    /// There is no engine, for this reason.
    pub fn refuse(&self, reason: String) {
        *self.source.write() = Source::Refused(reason);
    }

    /// What there is to report.
    pub fn source(&self) -> Source {
        self.source.read().clone()
    }

    /// One sentence about what is wanted and not heard yet, or could come sooner; none if all is as it
    /// should be.
    pub fn note(&self) -> Option<String> {
        const RESTART: &str = "switch the plug-in off and on in the host";
        let Source::Engine(facts) = self.source() else {
            return None;
        };
        Some(match self.pending.read().clone() {
            Some(Pending::Loading) => "Loading; until then the last choice is heard".to_owned(),
            Some(Pending::NeedsLatency { latency_frames }) => format!(
                "Needs a latency of {:.0} ms and the last choice is heard: {RESTART}",
                facts.millis(latency_frames)
            ),
            Some(Pending::Refused { reason }) => {
                format!("The last choice is heard: {reason}")
            }
            None if facts.least_latency_frames < facts.latency_frames => format!(
                "The latency could be {:.0} ms: {RESTART}",
                facts.millis(facts.least_latency_frames)
            ),
            None => return None,
        })
    }

    /// One line.
    pub fn text(&self) -> String {
        let mut text = match &*self.source.read() {
            Source::Inactive => "Not active".to_owned(),
            Source::Refused(reason) => format!("Dry: {reason}"),
            Source::Engine(facts) => engine_text(&facts.status),
        };
        if let Some(note) = self.note() {
            // Writing to a string does not fail.
            let _ = write!(text, ". {note}");
        }
        text
    }

    /// Whether a text is one of these: hosts read back what they were given, perhaps after it changed.
    pub fn is_text(text: &str) -> bool {
        BEGINNINGS
            .iter()
            .any(|beginning| text.starts_with(beginning.trim_end()))
    }
}

fn engine_text(status: &Status) -> String {
    match status.state() {
        State::Loading => "Loading the model".to_owned(),
        State::Refused(fault) => {
            let reason = status.reason().unwrap_or_else(|| format!("{fault:?}"));
            format!("Dry: {reason}")
        }
        State::Running => {
            let mut text = "Separating".to_owned();
            for (count, what) in [
                (status.late_hops(), "late"),
                (status.failed_hops(), "failed"),
            ] {
                if count > 0 {
                    // Writing to a string does not fail.
                    let _ = write!(text, ", {count} {what}");
                }
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_recognised_when_it_comes_back() {
        let report = Report::default();
        assert!(Report::is_text(&report.text()));
        report.refuse("no such model".to_owned());
        assert_eq!(report.text(), "Dry: no such model");
        assert!(Report::is_text(&report.text()));
        let text = engine_text(&Status::default());
        assert!(Report::is_text(&text), "{text}");
        assert!(!Report::is_text("no such value"));
    }
}
