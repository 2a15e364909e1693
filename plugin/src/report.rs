//! What the engine is doing, as the text of a parameter: readable in every host, by everybody.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::RwLock;
use unweave_live::{State, Status};

/// The source of the text. Never touched by the audio thread.
#[derive(Default)]
pub struct Report(RwLock<Source>);

#[derive(Default)]
enum Source {
    #[default]
    Inactive,
    Engine(Arc<Status>),
    Refused(String),
}

/// How every text begins.
const BEGINNINGS: [&str; 4] = ["Not active", "Loading", "Separating", "Dry: "];

impl Report {
    /// From now on this engine is reported.
    pub fn watch(&self, status: Arc<Status>) {
        *self.0.write() = Source::Engine(status);
    }

    /// There is no engine, for this reason.
    pub fn refuse(&self, reason: String) {
        *self.0.write() = Source::Refused(reason);
    }

    /// One line.
    pub fn text(&self) -> String {
        match &*self.0.read() {
            Source::Inactive => "Not active".to_owned(),
            Source::Refused(reason) => format!("Dry: {reason}"),
            Source::Engine(status) => engine_text(status),
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
        report.watch(Arc::default());
        assert!(Report::is_text(&report.text()), "{}", report.text());
        assert!(!Report::is_text("no such value"));
    }
}
