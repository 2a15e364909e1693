//! What the engine is doing, as the text of a parameter: readable in every host, by everybody. The
//! window shows the same, with numbers.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::RwLock;
use unweave_guard::{Gap, Gaps};
use unweave_live::{Levels, State, Status};
use unweave_separation::{DeviceUse, Mode};

use crate::loads;
use crate::model::ModePlan;
use crate::model_choice::ModelChoice;

/// The source of the text. Never touched by the audio thread.
pub struct Report {
    source: RwLock<Source>,
    pending: RwLock<Option<Pending>>,
    gaps: Arc<Gaps>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            source: RwLock::default(),
            pending: RwLock::default(),
            gaps: Gaps::of_this_plugin(),
        }
    }
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
    /// The host has not activated the plug-in, or has deactivated it.
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
    pub choice: ModelChoice,
    /// Frames per second.
    pub sample_rate: u32,
    /// From input to output.
    pub latency_frames: usize,
    /// What that could be, had the host been told.
    pub least_latency_frames: usize,
    /// What it would be in each of the model's modes.
    pub modes: Vec<ModePlan>,
    /// There is no host: what it would be asked for, the person does in this window.
    pub is_standalone: bool,
}

impl Facts {
    /// A mode in which this computer is fast enough for the model, as far as can be told from the present one:
    /// an inference takes about as long in each.
    pub fn lighter_mode(&self) -> Option<Mode> {
        let takes = self.status.inference_time().as_secs_f64();
        let load = |hop_frames: usize| takes / (self.millis(hop_frames) / 1000.0);
        let of_mode = |mode: &ModePlan| {
            let choice = ModelChoice {
                mode: mode.mode,
                ..self.choice.clone()
            };
            let known = loads::known(&choice, self.sample_rate).map(f64::from);
            known.unwrap_or_else(|| load(mode.plan.timing().hop_frames))
        };
        let lightest = self
            .modes
            .iter()
            .min_by(|a, b| of_mode(a).total_cmp(&of_mode(b)))?;
        let fits = of_mode(lightest) < f64::from(HIGH_LOAD);
        (lightest.mode != self.choice.mode && fits).then_some(lightest.mode)
    }

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

    /// The host has switched the plug-in off.
    pub fn rest(&self) {
        *self.source.write() = Source::Inactive;
    }

    /// There is no engine, for this reason.
    pub fn refuse(&self, reason: String) {
        *self.source.write() = Source::Refused(reason);
    }

    /// What there is to report.
    pub fn source(&self) -> Source {
        self.source.read().clone()
    }

    /// What is wanted and not heard yet, or could come sooner, and what to do; none if all is as it should be.
    pub fn note(&self) -> Option<(String, &'static str)> {
        const RESTART: &str = "Switch the plug-in off and on in the host.";
        let Source::Engine(facts) = self.source() else {
            return None;
        };
        Some(match self.pending.read().clone() {
            Some(Pending::Loading) => (
                "The new choice is being loaded.".to_owned(),
                "The last one is heard until then.",
            ),
            Some(Pending::NeedsLatency { latency_frames }) => (
                format!(
                    "The last choice is heard: the new one needs a latency of {:.0} ms.",
                    facts.millis(latency_frames)
                ),
                RESTART,
            ),
            Some(Pending::Refused { reason }) => (
                format!("The last choice is heard: {reason}."),
                "Choose another one.",
            ),
            None if let Some(gap) = self.gap() => words_of(gap),
            None if facts.least_latency_frames < facts.latency_frames => (
                format!(
                    "The latency could be {:.0} ms.",
                    facts.millis(facts.least_latency_frames)
                ),
                RESTART,
            ),
            None => return None,
        })
    }

    /// What the host leaves out.
    ///
    /// # Realtime safety
    /// Reads an atomic.
    pub fn gap(&self) -> Option<Gap> {
        self.gaps.worst()
    }

    /// One line.
    pub fn text(&self) -> String {
        let mut text = match &*self.source.read() {
            Source::Inactive => "Not active".to_owned(),
            Source::Refused(reason) => format!("Dry: {reason}"),
            Source::Engine(facts) => engine_text(&facts.status),
        };
        if let Some((what, advice)) = self.note() {
            // Writing to a string does not fail.
            let _ = write!(text, ". {what} {advice}");
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

/// What a gap means, and what to do about it.
fn words_of(gap: Gap) -> (String, &'static str) {
    let (what, advice) = match gap {
        Gap::LongBlock => (
            "The host hands over longer blocks than it announced, so they stay as they are.",
            "Switch the plug-in off and on in the host.",
        ),
        Gap::Output => (
            "The host takes no output of this plug-in.",
            "Connect its outputs in the host.",
        ),
        Gap::Input => (
            "The host gives this plug-in no input.",
            "Connect its inputs in the host, or put it on a track with audio.",
        ),
        Gap::InputChannel => (
            "The host gives one input of two, which is taken for both.",
            "Make the track stereo.",
        ),
        Gap::OutputChannel => (
            "The host takes one output of two.",
            "Make the track stereo.",
        ),
        Gap::OtherOutputs => (
            "The host takes the mix alone, so the outputs of the stems are heard nowhere.",
            "Give the track ten channels or switch the outputs on, or use Unweave instead.",
        ),
    };
    (what.to_owned(), advice)
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
