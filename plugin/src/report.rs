//! What the engine is doing, as the text of a parameter: readable in every host, by everybody. The
//! window shows the same, with numbers.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::RwLock;
use unweave_live::{Levels, State, Status};
use unweave_separation::DeviceUse;

use crate::wanted::Wanted;

/// The source of the text. Never touched by the audio thread.
#[derive(Default)]
pub struct Report(RwLock<Source>);

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
    /// From now on this engine is reported.
    pub fn watch(&self, facts: Facts) {
        *self.0.write() = Source::Engine(facts);
    }

    /// There is no engine, for this reason.
    pub fn refuse(&self, reason: String) {
        *self.0.write() = Source::Refused(reason);
    }

    /// What there is to report.
    pub fn source(&self) -> Source {
        self.0.read().clone()
    }

    /// One line.
    pub fn text(&self) -> String {
        match &*self.0.read() {
            Source::Inactive => "Not active".to_owned(),
            Source::Refused(reason) => format!("Dry: {reason}"),
            Source::Engine(facts) => engine_text(&facts.status),
        }
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
