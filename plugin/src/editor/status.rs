//! The status line: what the engine does, its numbers, and what to do if something is wrong.

use std::sync::Arc;

use egui::{Align, Color32, Layout, RichText, Ui, vec2};
use unweave_live::{Fault, MAX_ALLOWANCE_FRAMES, State};

use crate::editor::about;
use crate::editor::light::{Heard, light};
use crate::editor::models::ModelName;
use crate::editor::theme;
use crate::params::UnweaveParams;
use crate::render::words::sentence;
use crate::report::{Facts, Source, is_strained};
use crate::songs::{PathKind, Songs, shorten_middle};

/// Late stems of this long after an engine is first seen are not worth a word: sessions are loaded then.
const START_SECONDS: f64 = 3.0;
/// How long late stems are spoken of after the last, and within that how long the words fade.
const SPOKEN_SECONDS: f64 = 10.0;
const FADE_SECONDS: f64 = 2.0;

/// Letters of a model's name in the line.
const MODEL_LETTERS: usize = 28;

/// What the line remembers.
#[derive(Default)]
pub struct StatusView {
    late: Late,
    name: ModelName,
}

/// Late stems of an engine.
#[derive(Default)]
struct Late {
    engine: usize,
    /// When the engine was first seen, in seconds.
    since: f64,
    /// Late hops that are not counted: those of before the last reset.
    forgotten: u64,
    /// Late hops at the last look.
    seen: u64,
    /// When there were more than at the look before; none if that is not to be spoken of.
    last: Option<f64>,
}

/// What is wrong, in words, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
struct Trouble {
    what: String,
    advice: String,
    /// 1, or less while it fades.
    strength: f32,
    /// Whether the person can help by choosing the library of ONNX Runtime.
    lacks_runtime: bool,
}

/// Draws the line, and what is wrong above it: in room of its own, so that nothing moves.
pub fn draw(
    ui: &mut Ui,
    view: &mut StatusView,
    (params, songs): (&UnweaveParams, &Arc<Songs>),
    heard: Heard,
) {
    let palette = theme::of(ui.ctx());
    let source = params.report.source();
    let now = ui.input(|input| input.time);
    let strength = match &source {
        Source::Engine(facts) => {
            let engine = Arc::as_ptr(&facts.status).addr();
            view.late.look(engine, facts.status.late_hops(), now)
        }
        Source::Inactive | Source::Refused(_) => 0.0,
    };
    let late_hops = view.late.count();
    let room = vec2(
        ui.available_width(),
        ui.text_style_height(&egui::TextStyle::Body) + 4.0,
    );
    ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(room);
        let Some(trouble) = trouble(&source, (late_hops, strength), params) else {
            return;
        };
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.set_opacity(trouble.strength);
        dot(ui, palette.warning);
        if trouble.lacks_runtime && ui.small_button("Choose file…").clicked() {
            songs.browse(PathKind::Runtime);
        }
        let what = RichText::new(&trouble.what).font(theme::BODY);
        // Where it was looked for may be long.
        ui.add(egui::Label::new(what.color(palette.warning)).truncate())
            .on_hover_text(&trouble.what);
        let advice = RichText::new(&trouble.advice).font(theme::BODY);
        ui.add(egui::Label::new(advice).truncate());
        if strength > 0.0 && ui.small_button("×").on_hover_text("Seen").clicked() {
            view.late.last = None;
        }
    });
    if strength > 0.0 {
        // Until it has faded.
        let pause = std::time::Duration::from_millis(100);
        ui.ctx().request_repaint_after(pause);
    }
    ui.horizontal(|ui| {
        // Whatever was too long above.
        ui.set_max_width(room.x);
        ui.spacing_mut().item_spacing.x = 14.0;
        let (text, color) = light(&source, params, heard, palette);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            dot(ui, color);
            ui.label(RichText::new(text).font(theme::SMALL).color(palette.text));
        });
        if let Source::Engine(facts) = &source {
            counts(ui, view, facts, late_hops);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            about::draw(ui, &params.model.get());
        });
    });
}

/// The numbers, and how often stems were late.
fn counts(ui: &mut Ui, view: &mut StatusView, facts: &Facts, late_hops: u64) {
    let palette = theme::of(ui.ctx());
    for (text, hint) in numbers(facts, view.name.of(&facts.choice.model)) {
        let text = RichText::new(text).font(theme::SMALL);
        ui.label(text.color(palette.text_dim)).on_hover_text(hint);
    }
    let text = match late_hops {
        0 => "never late".to_owned(),
        1 => "late once".to_owned(),
        times => format!("late {times} times"),
    };
    let color = if late_hops > 0 {
        palette.warning
    } else {
        palette.text_dim
    };
    let button = egui::Button::new(RichText::new(text).font(theme::SMALL).color(color));
    if ui
        .add(button.frame(false))
        .on_hover_text(
            "How often stems came too late, so that the dry mix was heard for a moment; click to count anew",
        )
        .clicked()
    {
        view.late.forgotten = facts.status.late_hops();
        view.late.last = None;
    }
}

impl Late {
    /// Looks at an engine; how strongly to speak of its late stems, from 0 to 1.
    fn look(&mut self, engine: usize, count: u64, now: f64) -> f32 {
        if self.engine != engine {
            *self = Self {
                engine,
                since: now,
                seen: count,
                ..Self::default()
            };
        }
        if std::mem::replace(&mut self.seen, count) < count && now - self.since > START_SECONDS {
            self.last = Some(now);
        }
        let left = self.last.map_or(0.0, |last| last + SPOKEN_SECONDS - now);
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1")]
        let strength = (left / FADE_SECONDS).clamp(0.0, 1.0) as f32;
        strength
    }

    fn count(&self) -> u64 {
        self.seen.saturating_sub(self.forgotten)
    }
}

fn dot(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), egui::Sense::empty());
    ui.painter().circle_filled(rect.center(), 4.5, color);
}

/// Model, device, rate, latency and load, each with what it means.
fn numbers(facts: &Facts, model: &str) -> Vec<(String, String)> {
    let device = facts
        .device_use
        .device()
        .map_or("no device yet", |device| device.name());
    let latency_ms = facts.millis(facts.latency_frames);
    let kilohertz = format!("{} kHz", f64::from(facts.sample_rate) / 1000.0);
    let hint = |text: &str| text.to_owned();
    let mut numbers = vec![
        (
            shorten_middle(model, MODEL_LETTERS),
            format!("The model that separates: {model}"),
        ),
        (device.to_owned(), hint("What computes")),
        (
            kilohertz.clone(),
            hint(match facts.is_standalone {
                true => "The sound card's sample rate",
                false => "The host's sample rate",
            }),
        ),
        (
            format!("latency {latency_ms:.0} ms"),
            format!(
                "What the output is behind the input: {} samples at {kilohertz}{}",
                facts.latency_frames,
                match facts.is_standalone {
                    true => "",
                    false => ". The host knows, and keeps other tracks in time",
                }
            ),
        ),
    ];
    if facts.status.state() == State::Running {
        // More than all is not worth a number.
        let text = match facts.status.load() {
            load if load > 1.0 => "load over 100 %".to_owned(),
            load => format!("load {:.0} %", 100.0 * load),
        };
        let meaning =
            "How much of the time that there is for it the model needs; over 100 % stems come late";
        numbers.push((text, hint(meaning)));
    }
    numbers
}

/// `late` is how many hops were, and how strongly to speak of it.
fn trouble(source: &Source, late: (u64, f32), params: &UnweaveParams) -> Option<Trouble> {
    let trouble = |what: String, advice: String| {
        Some(Trouble {
            what,
            advice,
            strength: 1.0,
            lacks_runtime: false,
        })
    };
    let facts = match source {
        Source::Inactive => {
            return trouble(
                "The host has not switched this plug-in on.".to_owned(),
                "Enable it, or start audio in the host.".to_owned(),
            );
        }
        Source::Refused(reason) => {
            return trouble(sentence(reason), "Load the plug-in again.".to_owned());
        }
        Source::Engine(facts) => facts,
    };
    if let State::Refused(fault) = facts.status.state() {
        let reason = facts
            .status
            .reason()
            .unwrap_or_else(|| format!("{fault:?}"));
        return Some(Trouble {
            what: sentence(&reason),
            advice: advice(fault, facts),
            strength: 1.0,
            lacks_runtime: fault == Fault::NoRuntime,
        });
    }
    if let Some((what, advice)) = params.report.note() {
        return trouble(what, advice.to_owned());
    }
    if let Some(fallback) = facts.device_use.fallback() {
        return trouble(
            sentence(&fallback),
            "Nothing is lost; choose Processor above to keep it.".to_owned(),
        );
    }
    let (late_hops, strength) = late;
    if late_hops > 0 && strength > 0.0 {
        let times = match late_hops {
            1 => "once".to_owned(),
            _ => format!("{late_hops} times"),
        };
        let buffer = match (facts.status.block_frames(), facts.is_standalone) {
            (MAX_ALLOWANCE_FRAMES.., _) => "",
            (_, true) => ", or choose a larger buffer for the sound card",
            (_, false) => ", or give the host a larger buffer",
        };
        return Some(Trouble {
            what: format!("Stems came too late {times}, and the dry mix was heard instead."),
            advice: format!("Close other programs{buffer}{}.", or_a_lighter_mode(facts)),
            strength,
            lacks_runtime: false,
        });
    }
    if is_strained(&facts.status) {
        return trouble(
            "This computer is hardly fast enough for this model.".to_owned(),
            format!(
                "Close other programs{}, or choose a smaller model above.",
                or_a_lighter_mode(facts)
            ),
        );
    }
    if params.bypass.value() || params.compare.value() {
        return trouble(
            "You hear the dry mix.".to_owned(),
            if params.bypass.value() {
                "Bypass is on.".to_owned()
            } else {
                "The switch in the master strip is at B.".to_owned()
            },
        );
    }
    None
}

fn or_a_lighter_mode(facts: &Facts) -> String {
    facts.lighter_mode().map_or_else(String::new, |mode| {
        format!(", or choose the mode {} above", mode.name())
    })
}

/// What to do about a fault.
fn advice(fault: Fault, facts: &Facts) -> String {
    match fault {
        Fault::NoModel => "Choose another model above.".to_owned(),
        Fault::NoRuntime => "Choose its library, or install Unweave anew.".to_owned(),
        Fault::Rate if facts.is_standalone => {
            "Choose another sample rate for the sound card.".to_owned()
        }
        Fault::Rate => "Choose another sample rate in the host.".to_owned(),
        Fault::TooSlow => match facts.lighter_mode() {
            Some(mode) => format!("The mode {} would fit: choose it above.", mode.name()),
            None => "Close other programs and switch the plug-in off and on, or choose a smaller \
                     model above."
                .to_owned(),
        },
        Fault::Inference | Fault::Panicked => {
            "Load the plug-in again, or choose another model above.".to_owned()
        }
        _ => "Install the model anew, or choose another one above.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use unweave_live::{LatencyPlan, Levels, Timing};
    use unweave_separation::doubles::shape;
    use unweave_separation::{DeviceUse, Mode};

    use super::*;
    use crate::loads;
    use crate::model::ModePlan;
    use crate::model_choice::ModelChoice;

    fn facts() -> Facts {
        Facts {
            status: Arc::default(),
            levels: Arc::new(Levels::new(4, 44_100)),
            device_use: DeviceUse::default(),
            choice: UnweaveParams::default().model_choice(),
            sample_rate: 44_100,
            latency_frames: 9_000,
            least_latency_frames: 9_000,
            modes: Vec::new(),
            is_standalone: false,
        }
    }

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let params = UnweaveParams::default();
        assert!(trouble(&Source::Inactive, (0, 0.0), &params).is_some());
        let refused = Source::Refused("no model runs at 8 kHz".to_owned());
        let found = trouble(&refused, (0, 0.0), &params).unwrap();
        assert_eq!(found.what, "No model runs at 8 kHz.");
        for fault in [
            Fault::NoModel,
            Fault::NoRuntime,
            Fault::TooSlow,
            Fault::Inference,
            Fault::Rate,
        ] {
            assert!(advice(fault, &facts()).ends_with('.'), "{fault:?}");
        }
    }

    #[test]
    fn too_slow_a_machine_is_told_the_mode_that_would_fit() {
        let plan = |hop_frames| {
            let timing = Timing::of(&shape(44_100, hop_frames, 16_384), 44_100).unwrap();
            LatencyPlan::new(timing, 44_100, 512).unwrap()
        };
        let mut facts = facts();
        // Of a model by another name, of which nothing else is measured.
        facts.choice.model = "too-slow".to_owned();
        facts.modes = [(Mode::Standard, 4_096), (Mode::Light, 8_192)]
            .map(|(mode, hop_frames)| ModePlan {
                mode,
                plan: plan(hop_frames),
            })
            .to_vec();
        let of = |mode| ModelChoice {
            mode,
            ..facts.choice.clone()
        };
        loads::note(&of(Mode::Standard), 44_100, 0.9);
        loads::note(&of(Mode::Light), 44_100, 0.5);
        let fits = "The mode Light would fit: choose it above.";
        assert_eq!(advice(Fault::TooSlow, &facts), fits);
        loads::note(&of(Mode::Light), 44_100, 0.9);
        assert_ne!(advice(Fault::TooSlow, &facts), fits);
    }

    #[test]
    fn late_stems_are_spoken_of_while_they_are_news_and_not_at_the_start() {
        let mut late = Late::default();
        for (engine, late_hops, now, strength) in [
            (1, 0, 100.0, 0.0),
            // A session is being loaded.
            (1, 2, 101.0, 0.0),
            (1, 2, 104.0, 0.0),
            (1, 3, 105.0, 1.0),
            (1, 3, 112.0, 1.0),
            (1, 3, 114.0, 0.5),
            (1, 3, 115.0, 0.0),
            (1, 4, 120.0, 1.0),
            // What another engine has missed before this window was opened.
            (2, 9, 121.0, 0.0),
            (2, 9, 130.0, 0.0),
        ] {
            assert_eq!(late.look(engine, late_hops, now), strength, "at {now}");
            assert_eq!(late.count(), late_hops);
        }
    }

    #[test]
    fn reasons_become_sentences() {
        assert_eq!(sentence("model x is missing"), "Model x is missing.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }
}
