//! The status line: what the engine does, its numbers, and what to do if something is wrong.

use egui::{Color32, RichText, Ui, vec2};
use unweave_live::{Fault, State};

use crate::editor::theme;
use crate::params::UnweaveParams;
use crate::report::{Facts, Source, is_strained};

/// What the line remembers.
#[derive(Default)]
pub struct StatusView {
    /// Late hops up to the last reset, and of which engine.
    forgotten: u64,
    engine: usize,
}

/// What is wrong, in words, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    what: String,
    advice: &'static str,
}

/// Draws the line, and the one above it if something is wrong.
pub fn draw(ui: &mut Ui, view: &mut StatusView, params: &UnweaveParams) {
    let source = params.report.source();
    let late_hops = view.late_hops(&source);
    if let Some(trouble) = trouble(&source, late_hops, params) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            dot(ui, theme::WARNING);
            ui.label(
                RichText::new(trouble.what)
                    .font(theme::BODY)
                    .color(theme::WARNING),
            );
            ui.label(RichText::new(trouble.advice).font(theme::BODY));
        });
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        let (text, color) = state(&source);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            dot(ui, color);
            ui.label(RichText::new(text).font(theme::SMALL).color(theme::TEXT));
        });
        let Source::Engine(facts) = &source else {
            return;
        };
        for text in numbers(facts) {
            ui.label(
                RichText::new(text)
                    .font(theme::SMALL)
                    .color(theme::TEXT_DIM),
            );
        }
        let text = format!("late hops {late_hops}");
        let color = if late_hops > 0 {
            theme::WARNING
        } else {
            theme::TEXT_DIM
        };
        let button = egui::Button::new(RichText::new(text).font(theme::SMALL).color(color));
        if ui
            .add(button.frame(false))
            .on_hover_text(
                "Stems that came too late, so that the dry mix was heard; click to reset",
            )
            .clicked()
        {
            view.forgotten = facts.status.late_hops();
        }
    });
}

impl StatusView {
    fn late_hops(&mut self, source: &Source) -> u64 {
        let Source::Engine(facts) = source else {
            return 0;
        };
        let engine = std::sync::Arc::as_ptr(&facts.status).addr();
        if self.engine != engine {
            (self.engine, self.forgotten) = (engine, 0);
        }
        facts.status.late_hops().saturating_sub(self.forgotten)
    }
}

fn dot(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), egui::Sense::empty());
    ui.painter().circle_filled(rect.center(), 4.5, color);
}

fn state(source: &Source) -> (&'static str, Color32) {
    match source {
        Source::Inactive => ("Not active", theme::TEXT_DIM),
        Source::Refused(_) => ("Dry", theme::WARNING),
        Source::Engine(facts) => match facts.status.state() {
            State::Loading => ("Loading the model", theme::SOLO),
            State::Running => ("Separating", theme::WELL),
            State::Refused(_) => ("Dry", theme::WARNING),
        },
    }
}

/// Device, rate, latency and load.
fn numbers(facts: &Facts) -> Vec<String> {
    let device = facts
        .device_use
        .device()
        .map_or("no device yet", |device| device.name());
    let latency_ms = facts.millis(facts.latency_frames);
    let mut numbers = vec![
        facts.wanted.model.clone(),
        device.to_owned(),
        format!("{} kHz", f64::from(facts.sample_rate) / 1000.0),
        format!(
            "latency {latency_ms:.0} ms ({} frames)",
            facts.latency_frames
        ),
    ];
    if facts.status.state() == State::Running {
        numbers.push(format!("load {:.0} %", 100.0 * facts.status.load()));
    }
    numbers
}

fn trouble(source: &Source, late_hops: u64, params: &UnweaveParams) -> Option<Trouble> {
    let trouble = |what: String, advice| Some(Trouble { what, advice });
    let facts = match source {
        Source::Inactive => {
            return trouble(
                "The host has not switched this plug-in on.".to_owned(),
                "Enable it, or start audio in the host.",
            );
        }
        Source::Refused(reason) => {
            return trouble(
                sentence(reason),
                "Choose another sample rate or block size in the host, or another model above.",
            );
        }
        Source::Engine(facts) => facts,
    };
    if let State::Refused(fault) = facts.status.state() {
        let reason = facts
            .status
            .reason()
            .unwrap_or_else(|| format!("{fault:?}"));
        return trouble(sentence(&reason), advice(fault));
    }
    if let Some(fallback) = facts.device_use.fallback() {
        return trouble(
            sentence(&fallback),
            "Nothing is lost; choose Processor above to keep it.",
        );
    }
    if late_hops > 0 {
        let times = match late_hops {
            1 => "once".to_owned(),
            _ => format!("{late_hops} times"),
        };
        return trouble(
            format!("Stems came too late {times}, and the dry mix was heard instead."),
            "Close other programs, or give the host a larger buffer.",
        );
    }
    if is_strained(&facts.status) {
        return trouble(
            "This computer is hardly fast enough for this model.".to_owned(),
            "Close other programs, or choose a smaller model above.",
        );
    }
    if params.bypass.value() || params.compare.value() {
        return trouble(
            "You hear the dry mix.".to_owned(),
            if params.bypass.value() {
                "Bypass is on."
            } else {
                "A/B is at B."
            },
        );
    }
    None
}

/// What to do about a fault.
fn advice(fault: Fault) -> &'static str {
    match fault {
        Fault::NoModel => "Choose another model above.",
        Fault::NoRuntime => "Then load the plug-in again.",
        Fault::Rate => "Choose another sample rate in the host.",
        Fault::TooSlow => {
            "Close other programs, or choose a smaller model above; then load the plug-in again."
        }
        Fault::Inference | Fault::Panicked => {
            "Load the plug-in again, or choose another model above."
        }
        _ => "Install the model anew, or choose another one above.",
    }
}

/// With a capital and a full stop: reasons come in lower case, to be put together.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    let rest = letters.as_str().trim_end_matches('.');
    format!("{}{rest}.", first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let params = UnweaveParams::default();
        assert!(trouble(&Source::Inactive, 0, &params).is_some());
        let refused = Source::Refused("no model runs at 8 kHz".to_owned());
        let found = trouble(&refused, 0, &params).unwrap();
        assert_eq!(found.what, "No model runs at 8 kHz.");
        for fault in [
            Fault::NoModel,
            Fault::NoRuntime,
            Fault::TooSlow,
            Fault::Inference,
        ] {
            assert!(advice(fault).ends_with('.'), "{fault:?}");
        }
    }

    #[test]
    fn reasons_become_sentences() {
        assert_eq!(sentence("model x is missing"), "Model x is missing.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }
}
