//! What is heard, as a colour and a word: green only while stems are.

use egui::Color32;
use unweave_live::{Fault, State};

use crate::editor::palette::Palette;
use crate::params::UnweaveParams;
use crate::report::Source;

/// What is heard besides the engine's state.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// The host hands over more than silence.
    pub has_input: bool,
    /// A preview is heard in place of the output.
    pub is_preview: bool,
}

/// Word and colour.
pub fn light(
    source: &Source,
    params: &UnweaveParams,
    heard: Heard,
    palette: &Palette,
) -> (&'static str, Color32) {
    let state = match source {
        Source::Inactive => return ("Switched off in the host", palette.text_dim),
        Source::Refused(_) => return ("Dry", palette.warning),
        Source::Engine(facts) => facts.status.state(),
    };
    match state {
        _ if heard.is_preview => ("Playing a song", palette.solo),
        _ if params.bypass.value() => ("Bypassed", palette.text_dim),
        State::Refused(Fault::TooSlow) => ("Dry: too slow", palette.warning),
        State::Refused(_) => ("Dry", palette.warning),
        State::Loading => ("Loading the model", palette.solo),
        State::Running if params.compare.value() => ("Dry for comparison", palette.solo),
        State::Running if !heard.has_input => ("No input", palette.text_dim),
        State::Running => ("Separating", palette.well),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use unweave_live::{
        Engine, LatencyPlan, Levels, LoadedSeparator, Refusal, Setup, Status, Timing,
    };
    use unweave_separation::DeviceUse;
    use unweave_separation::doubles::{Passthrough, shape};

    use super::*;
    use crate::editor::palette::DARK;
    use crate::report::Facts;

    /// A status that an engine has brought into this state.
    fn status(fault: Option<Fault>) -> Arc<Status> {
        let shape = shape(44_100, 4_096, 8_192);
        let timing = Timing::of(&shape, 44_100).unwrap();
        let plan = LatencyPlan::new(timing, 44_100, 512).unwrap();
        let setup = Setup::new(&shape, plan).unwrap();
        let loader = Box::new(move |_: &dyn Fn() -> bool| match fault {
            None => Ok(LoadedSeparator {
                separator: Box::new(Passthrough::new(shape)),
                terminate: None,
            }),
            Some(fault) => Err(Refusal {
                fault,
                reason: String::new(),
            }),
        });
        let (_audio, engine) = Engine::start(&setup, "light", loader).unwrap();
        while engine.status().state() == State::Loading {
            std::thread::yield_now();
        }
        Arc::clone(engine.status())
    }

    #[test]
    fn green_is_for_stems_that_are_heard_alone() {
        let params = UnweaveParams::default();
        let engine = |status| {
            Source::Engine(Facts {
                status,
                levels: Arc::new(Levels::new(4, 44_100)),
                device_use: DeviceUse::default(),
                choice: params.model_choice(),
                sample_rate: 44_100,
                latency_frames: 0,
                least_latency_frames: 0,
                modes: Vec::new(),
                is_standalone: false,
            })
        };
        let playing = Heard {
            has_input: true,
            is_preview: false,
        };
        let silent = Heard {
            has_input: false,
            ..playing
        };
        let preview = Heard {
            is_preview: true,
            ..playing
        };
        let running = engine(status(None));
        let (word, color) = light(&running, &params, playing, &DARK);
        assert_eq!((word, color), ("Separating", DARK.well));
        let too_slow = engine(status(Some(Fault::TooSlow)));
        let missing = engine(status(Some(Fault::NoModel)));
        let mut words = vec![word];
        for (source, heard) in [
            (&Source::Inactive, playing),
            (&missing, playing),
            (&too_slow, playing),
            (&engine(Arc::default()), playing),
            (&running, silent),
            (&running, preview),
        ] {
            let (word, color) = light(source, &params, heard, &DARK);
            assert_ne!(color, DARK.well, "{word}");
            assert!(!words.contains(&word), "{word}: a word of its own");
            words.push(word);
        }
    }
}
