//! The parameters, one set for both plug-ins.
//!
//! Every one can be automated: some hosts swallow edits of parameters that can't. Ramps are made by
//! the engine, not here, so that each change is click-free whatever wrote it; the host's changes
//! arrive to the frame because the framework cuts blocks at them.

use std::sync::Arc;

use nice_plug::prelude::*;
use parking_lot::RwLock;
use unweave_live::{Controls, StemControl};
use unweave_separation::{DeviceChoice, Mode};

use crate::extent::Extent;
use crate::ids;
use crate::model_choice::{ModeParam, ModelChoice, SavedId};
use crate::report::Report;
use crate::songs::Settings;
use crate::strips::{Strip, Strips};
use crate::text::{self, OFF_GAIN, ON_OFF, Switch};

/// Most gain that a stem can get: +12 dB, the range of a usual fader.
const MAX_GAIN: f32 = 3.981_071_7;
/// Cubic fader: gain = position³ · [`MAX_GAIN`], which puts 0 dB at 63 % and −40 dB at 14 %.
const FADER_SKEW: f32 = 1.0 / 3.0;
/// A gain this close to 1 (0.005 dB: it reads 0.00 dB) is 1. A trip through the host's normalised value
/// costs a bit or two, and unity gain must stay bit-exact.
const UNITY_WIDTH: f32 = 5.8e-4;

/// What the host sees and saves.
#[derive(Params)]
pub struct UnweaveParams {
    /// Passes the input on, delayed as ever, so that the track stays in time.
    #[id = "bypass"]
    pub bypass: BoolParam,
    /// The dry signal in the main output, aligned with the separated one.
    #[id = "compare"]
    pub compare: BoolParam,
    /// How much of what sensitivity takes off the stems stays audible.
    #[id = "residual"]
    pub residual: FloatParam,
    /// What the engine is doing, as text; setting it has no effect.
    #[id = "status"]
    pub status: BoolParam,
    /// How the model is run: another one is heard a moment later.
    #[id = "mode"]
    pub mode: EnumParam<ModeParam>,

    /// Drums.
    #[nested(id_prefix = "drums", group = "Drums")]
    pub drums: StemParams,
    /// Bass.
    #[nested(id_prefix = "bass", group = "Bass")]
    pub bass: StemParams,
    /// Vocals.
    #[nested(id_prefix = "vocals", group = "Vocals")]
    pub vocals: StemParams,
    /// What is left: the residual stem.
    #[nested(id_prefix = "other", group = "Other")]
    pub other: StemParams,

    /// Version of the saved state; see `state.rs`.
    #[persist = "format"]
    format: RwLock<u32>,
    /// Id of the model that the session was made with.
    #[persist = "model"]
    pub model: SavedId,
    /// What computes: `auto`, or the id of a device.
    #[persist = "device"]
    pub device: SavedId,
    /// How large the window is.
    #[persist = "window"]
    pub extent: Extent,
    /// How stems are rendered. Never locked by the audio thread.
    #[persist = "render"]
    render: Arc<RwLock<Settings>>,

    /// Name of the preset that was chosen last. Goes with the instance: a session knows the values.
    pub preset: RwLock<Option<String>>,
    /// What [`Self::status`] says.
    pub report: Arc<Report>,
}

/// A parameter of one of the kinds that there are.
#[derive(Clone, Copy)]
pub enum AnyParam<'a> {
    /// A range.
    Float(&'a FloatParam),
    /// On or off.
    Switch(&'a BoolParam),
    /// The live mode.
    Mode(&'a EnumParam<ModeParam>),
}

/// The parameters of one stem.
#[derive(Params)]
pub struct StemParams {
    /// −∞ to +12 dB in the main output.
    #[id = "gain"]
    pub gain: FloatParam,
    /// Takes the stem out of the main output.
    #[id = "mute"]
    pub mute: BoolParam,
    /// Leaves only the soloed stems in the main output.
    #[id = "solo"]
    pub solo: BoolParam,
    /// −100 % (less of the others) to +100 % (more of the stem).
    #[id = "sensitivity"]
    pub sensitivity: FloatParam,
}

impl Default for UnweaveParams {
    fn default() -> Self {
        Self::new(Arc::default(), &Strips::default())
    }
}

impl UnweaveParams {
    /// Saves and loads these settings with the session, and begins with these strips.
    pub(crate) fn new(render: Arc<RwLock<Settings>>, strips: &Strips) -> Self {
        let report = Arc::<Report>::default();
        Self {
            bypass: switch("Bypass", false, ON_OFF).make_bypass(),
            compare: switch(
                "Compare",
                false,
                Switch {
                    off: "Separated",
                    on: "Dry",
                },
            ),
            residual: gain("Residual", strips.residual_db),
            status: status(&report),
            mode: EnumParam::new("Mode", Mode::default().into()),
            drums: StemParams::new("Drums", &strips.drums),
            bass: StemParams::new("Bass", &strips.bass),
            vocals: StemParams::new("Vocals", &strips.vocals),
            other: StemParams::new("Other", &strips.other),
            format: RwLock::new(ids::FORMAT),
            model: SavedId::of_model(),
            device: SavedId::of_device(),
            extent: Extent::default(),
            render,
            preset: RwLock::default(),
            report,
        }
    }

    /// The stems in the order of [`ids::STEMS`].
    pub fn stems(&self) -> [&StemParams; ids::STEMS.len()] {
        [&self.drums, &self.bass, &self.vocals, &self.other]
    }

    /// What the session wants to separate with. Locks: not for the audio thread.
    pub fn model_choice(&self) -> ModelChoice {
        let device: DeviceChoice = self.device.get().parse().unwrap_or_default();
        ModelChoice {
            model: self.model.get(),
            mode: self.mode.value().into(),
            device: device.or_cpu(),
        }
    }

    /// Every parameter with its id, in the order in which hosts list them.
    pub fn all(&self) -> Vec<(String, AnyParam<'_>)> {
        let mut all = vec![
            ("bypass".to_owned(), AnyParam::Switch(&self.bypass)),
            ("compare".to_owned(), AnyParam::Switch(&self.compare)),
            ("residual".to_owned(), AnyParam::Float(&self.residual)),
            ("status".to_owned(), AnyParam::Switch(&self.status)),
            ("mode".to_owned(), AnyParam::Mode(&self.mode)),
        ];
        for (name, stem) in ids::STEMS.iter().zip(self.stems()) {
            all.extend([
                (format!("{name}_gain"), AnyParam::Float(&stem.gain)),
                (format!("{name}_mute"), AnyParam::Switch(&stem.mute)),
                (format!("{name}_solo"), AnyParam::Switch(&stem.solo)),
                (
                    format!("{name}_sensitivity"),
                    AnyParam::Float(&stem.sensitivity),
                ),
            ]);
        }
        all
    }

    /// The values for the frames of one call, stems in the order of [`ids::STEMS`].
    ///
    /// # Realtime safety
    /// Reads atomics only.
    pub fn controls(&self) -> Controls {
        let mut controls = Controls {
            residual_gain: exact(self.residual.value()),
            is_dry: self.compare.value(),
            is_bypassed: self.bypass.value(),
            ..Controls::default()
        };
        for (control, stem) in controls.stems.iter_mut().zip(self.stems()) {
            *control = StemControl {
                gain: exact(stem.gain.value()),
                is_muted: stem.mute.value(),
                is_soloed: stem.solo.value(),
                sensitivity: stem.sensitivity.value(),
            };
        }
        controls
    }
}

impl StemParams {
    fn new(stem: &str, strip: &Strip) -> Self {
        Self {
            gain: gain(&format!("{stem} gain"), strip.gain_db),
            mute: switch(&format!("{stem} mute"), strip.muted, ON_OFF),
            solo: switch(&format!("{stem} solo"), strip.soloed, ON_OFF),
            sensitivity: FloatParam::new(
                format!("{stem} sensitivity"),
                strip.sensitivity_percent / 100.0,
                FloatRange::Linear {
                    min: -1.0,
                    max: 1.0,
                },
            )
            .with_unit(" %")
            .with_value_to_string(Arc::new(text::percent))
            .with_string_to_value(Arc::new(text::parse_percent)),
        }
    }
}

fn switch(name: &str, is_on: bool, positions: Switch) -> BoolParam {
    BoolParam::new(name, is_on)
        .with_value_to_string(positions.writer())
        .with_string_to_value(positions.reader())
}

/// A parameter because hosts show the texts of nothing else.
fn status(report: &Arc<Report>) -> BoolParam {
    let report = Arc::clone(report);
    BoolParam::new("Status", false)
        .with_value_to_string(Arc::new(move |_| report.text()))
        .with_string_to_value(Arc::new(|text| Report::is_text(text).then_some(false)))
}

/// The plain value is the linear gain and not dB: dB pass through zero, and whether that is stored as
/// 0 or −0 would make two saves of the same session differ.
fn gain(name: &str, db: f32) -> FloatParam {
    FloatParam::new(
        name,
        10f32.powf(db / 20.0),
        FloatRange::Skewed {
            min: 0.0,
            max: MAX_GAIN,
            factor: FADER_SKEW,
        },
    )
    .with_unit(" dB")
    .with_value_to_string(Arc::new(text::db))
    .with_string_to_value(Arc::new(text::parse_db))
}

/// The gain that a parameter asks for: exactly 1 where 0.00 dB is shown, exactly 0 where −inf is.
fn exact(gain: f32) -> f32 {
    if (gain - 1.0).abs() < UNITY_WIDTH {
        1.0
    } else if gain <= OFF_GAIN {
        0.0
    } else {
        gain
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_and_their_order_are_those_that_sessions_know() {
        let params = UnweaveParams::default();
        let ids: Vec<String> = params.param_map().into_iter().map(|(id, ..)| id).collect();
        assert_eq!(ids, ids::PARAMS);
        let typed: Vec<String> = params.all().into_iter().map(|(id, _)| id).collect();
        assert_eq!(typed, ids::PARAMS);
        // The framework hashes ids to 32 bits with factor 31 and hosts store the hash: no collisions.
        let hashes: HashSet<u32> = ids
            .iter()
            .map(|id| {
                id.bytes().fold(0u32, |hash, byte| {
                    hash.wrapping_mul(31).wrapping_add(byte.into())
                }) & 0x7fff_ffff
            })
            .collect();
        assert_eq!(hashes.len(), ids::PARAMS.len());
    }

    #[test]
    fn ids_of_stems_are_their_prefix_and_groups_their_names() {
        let params = UnweaveParams::default();
        for (id, _, group) in params.param_map() {
            if let Some((stem, _)) = id.split_once('_') {
                assert!(ids::STEMS.contains(&stem), "{id}");
                assert_eq!(group.to_lowercase(), stem);
            }
        }
    }

    #[test]
    fn unity_is_exactly_one_after_a_trip_through_the_hosts_value() {
        let params = UnweaveParams::default();
        let normalized = params.vocals.gain.default_normalized_value();
        assert_eq!(exact(params.vocals.gain.preview_plain(normalized)), 1.0);
        let typed = params
            .vocals
            .gain
            .string_to_normalized_value("0 dB")
            .unwrap();
        assert_eq!(exact(params.vocals.gain.preview_plain(typed)), 1.0);
        let typed = params.vocals.gain.string_to_normalized_value("0.01 dB");
        assert!(exact(params.vocals.gain.preview_plain(typed.unwrap())) > 1.0);
    }

    #[test]
    fn the_lowest_position_is_silence_and_says_so() {
        let gain = gain("Gain", 0.0);
        assert_eq!(exact(gain.preview_plain(0.0)), 0.0);
        assert_eq!(gain.normalized_value_to_string(0.0, true), "-inf dB");
        for typed in ["-inf dB", "−∞", "off"] {
            assert_eq!(gain.string_to_normalized_value(typed), Some(0.0), "{typed}");
        }
        assert_eq!(gain.normalized_value_to_string(1.0, true), "12.00 dB");
    }

    #[test]
    fn every_parameter_reads_its_own_text_at_every_position() {
        let params = UnweaveParams::default();
        fn check(id: &str, param: &impl Param) {
            for step in 0..=1000u16 {
                let normalized = f32::from(step) / 1000.0;
                let text = param.normalized_value_to_string(normalized, true);
                let read = param.string_to_normalized_value(&text);
                let again = read.map(|value| param.normalized_value_to_string(value, true));
                assert_eq!(
                    again.as_deref(),
                    Some(text.as_str()),
                    "{id} at {normalized}"
                );
            }
            assert_eq!(
                param.string_to_normalized_value("no such value"),
                None,
                "{id}"
            );
        }
        for (id, param) in params.all() {
            match param {
                AnyParam::Float(param) => check(&id, param),
                AnyParam::Switch(param) => check(&id, param),
                AnyParam::Mode(param) => check(&id, param),
            }
        }
    }

    #[test]
    fn every_parameter_can_be_automated_and_one_is_the_bypass() {
        for (id, param) in UnweaveParams::default().all() {
            let flags = match param {
                AnyParam::Float(param) => param.flags(),
                AnyParam::Switch(param) => param.flags(),
                AnyParam::Mode(param) => param.flags(),
            };
            let expected = match id.as_str() {
                "bypass" => ParamFlags::BYPASS,
                _ => ParamFlags::empty(),
            };
            assert_eq!(flags, expected, "{id}");
        }
    }

    #[test]
    fn defaults_ask_for_nothing() {
        assert_eq!(UnweaveParams::default().controls(), Controls::default());
    }
}
