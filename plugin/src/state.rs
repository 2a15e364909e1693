//! The saved state: what formats there are and how an old one becomes the present one.
//!
//! The framework writes JSON, `{"version", "params": {id: {type: value}}, "fields": {key: json}}`, in
//! sorted order, so two saves of the same session are the same bytes. It refuses what is not such JSON
//! and leaves the plug-in as it was. Before it applies a state it lets [`upgrade`] change it.
//!
//! | format | since | what changed |
//! |---|---|---|
//! | 1 | 0.1.0 | first |
//! | 2 | 0.1.0 | what computes, and the size of the window |
//! | 3 | 0.1.0 | how stems are rendered |
//! | 4 | 0.1.0 | the live mode |
//!
//! A state of an older format goes through one step per format. Whatever its format, a parameter that
//! a state doesn't have or has with another type gets its default and not the value of the session
//! before; values beyond a range go to its end; what is not known is dropped. So a state of a newer
//! format gives what is known of it. A blob of each format lies in `tests/states/` for ever.

use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use unweave_separation::{DeviceChoice, FORMER_BUILT_IN_ID, Mode};

use crate::extent;
use crate::ids;
use crate::params::{AnyParam, UnweaveParams};
use crate::songs::Settings;

/// Longest id that is taken for one of a model.
const MAX_MODEL_ID_BYTES: usize = 128;

/// The present state, for whoever keeps it without a host.
pub fn of(params: &UnweaveParams) -> PluginState {
    let value = |param: AnyParam<'_>| match param {
        AnyParam::Float(param) => ParamValue::F32(param.unmodulated_plain_value()),
        AnyParam::Switch(param) => ParamValue::Bool(param.unmodulated_plain_value()),
        AnyParam::Mode(param) => {
            ParamValue::String(Mode::from(param.unmodulated_plain_value()).to_string())
        }
    };
    let all = params.all().into_iter();
    PluginState {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        params: all.map(|(id, param)| (id, value(param))).collect(),
        fields: params.serialize_fields(),
    }
}

/// Makes any state one of the present format whose every value can be applied.
pub fn upgrade(state: &mut PluginState) {
    let mut stored = std::mem::take(&mut state.params);
    for (id, param) in UnweaveParams::default().all() {
        let value = stored.remove(&id);
        state.params.insert(id, applicable(value, param));
    }
    let fields = std::mem::take(&mut state.fields);
    let model = parse::<String>(fields.get(ids::STATE_MODEL)).filter(|id| is_model_id(id));
    // The built-in model has another name by now.
    let model = model.filter(|id| id != FORMER_BUILT_IN_ID);
    let device = parse::<String>(fields.get(ids::STATE_DEVICE));
    let device = device.filter(|id| id.parse::<DeviceChoice>().is_ok());
    let window = parse(fields.get(ids::STATE_WINDOW)).unwrap_or(extent::DEFAULT);
    let render = parse(fields.get(ids::STATE_RENDER)).unwrap_or_default();
    state.fields = [
        (ids::STATE_FORMAT, json(&ids::FORMAT)),
        (
            ids::STATE_MODEL,
            json(&model.as_deref().unwrap_or(ids::BUILTIN_ID)),
        ),
        (
            ids::STATE_DEVICE,
            json(&device.unwrap_or_else(|| DeviceChoice::Auto.to_string())),
        ),
        (ids::STATE_WINDOW, json(&extent::clamp(window))),
        (ids::STATE_RENDER, json(&settings(render))),
    ]
    .map(|(key, json)| (key.to_owned(), json))
    .into();
}

fn parse<T: DeserializeOwned>(json: Option<&String>) -> Option<T> {
    serde_json::from_str(json?).ok()
}

/// As the framework writes it.
fn json(value: &impl Serialize) -> String {
    // Nothing that is saved here can fail to be JSON; the framework takes no value from an empty text.
    serde_json::to_string(value).unwrap_or_default()
}

/// The fields that can be applied; the others have their defaults.
fn settings(mut stored: Map<String, Value>) -> Settings {
    let of = |fields: Map<String, Value>| serde_json::from_value::<Settings>(fields.into());
    stored.retain(|key, value| of([(key.clone(), value.clone())].into_iter().collect()).is_ok());
    let mut settings = of(stored).unwrap_or_default();
    settings.model = settings.model.filter(|id| is_model_id(id));
    settings
}

/// The stored value if the parameter can have it, else the nearest or the default.
fn applicable(stored: Option<ParamValue>, param: AnyParam<'_>) -> ParamValue {
    match (param, stored) {
        (AnyParam::Float(param), Some(ParamValue::F32(value))) if !value.is_nan() => {
            let (min, max) = (param.preview_plain(0.0), param.preview_plain(1.0));
            ParamValue::F32(value.clamp(min, max))
        }
        (AnyParam::Float(param), _) => ParamValue::F32(param.default_plain_value()),
        (AnyParam::Switch(_), Some(ParamValue::Bool(value))) => ParamValue::Bool(value),
        (AnyParam::Switch(param), _) => ParamValue::Bool(param.default_plain_value()),
        (AnyParam::Mode(_), Some(ParamValue::String(id))) if id.parse::<Mode>().is_ok() => {
            ParamValue::String(id)
        }
        (AnyParam::Mode(_), _) => ParamValue::String(Mode::default().to_string()),
    }
}

/// Made of the letters that ids of models are made of: no path.
fn is_model_id(id: &str) -> bool {
    (1..=MAX_MODEL_ID_BYTES).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{json, *};

    fn parse(json: &str) -> PluginState {
        serde_json::from_str(json).unwrap()
    }

    /// The blobs of every format, and what must come of them.
    #[test]
    fn a_state_of_every_format_keeps_its_values() {
        let present = include_str!("../tests/states/format-4.json");
        let mut state = parse(present);
        upgrade(&mut state);
        assert_eq!(json(&state), present, "the present format is left alone");
        // The blobs are the same session but for what each format brought: at its default in older ones.
        let default_render = json!({
            "format": "wav", "depth": "24", "without": [], "has_mix": true, "has_instrumental": true, "sums": "",
        });
        let render: Value = serde_json::from_str(&state.fields["render"]).unwrap();
        for (blob, device, window, render) in [
            (
                include_str!("../tests/states/format-3.json"),
                "cuda",
                "[1200,700,150]",
                &render,
            ),
            (
                include_str!("../tests/states/format-2.json"),
                "cuda",
                "[1200,700,150]",
                &default_render,
            ),
            (
                include_str!("../tests/states/format-1.json"),
                "auto",
                "[960,600,100]",
                &default_render,
            ),
        ] {
            let mut state = parse(blob);
            upgrade(&mut state);
            let mut expected = parse(present);
            let mode = ParamValue::String("standard".to_owned());
            expected.params.insert("mode".to_owned(), mode);
            let stored: Value = serde_json::from_str(&state.fields["render"]).unwrap();
            assert_eq!(stored, *render);
            for (key, value) in [
                ("device", json!(device).to_string()),
                ("window", window.to_owned()),
                ("render", state.fields["render"].clone()),
            ] {
                expected.fields.insert(key.to_owned(), value);
            }
            assert_eq!(json(&state), json(&expected), "{blob}");
        }
    }

    #[test]
    fn what_a_state_lacks_gets_its_default() {
        let mut state = parse(r#"{"params": {"vocals_mute": {"bool": true}}, "fields": {}}"#);
        upgrade(&mut state);
        let ids: Vec<&str> = state.params.keys().map(String::as_str).collect();
        let mut expected = ids::PARAMS;
        expected.sort_unstable();
        assert_eq!(ids, expected);
        for (id, value) in &state.params {
            let is_as_expected = match value {
                ParamValue::Bool(value) => *value == (id == "vocals_mute"),
                ParamValue::String(value) => id == "mode" && value == "standard",
                ParamValue::F32(value) => {
                    *value
                        == if id.ends_with("sensitivity") {
                            0.0
                        } else {
                            1.0
                        }
                }
                _ => false,
            };
            assert!(is_as_expected, "{id}: {value:?}");
        }
        assert_eq!(state.fields[ids::STATE_FORMAT], "4");
        assert_eq!(state.fields[ids::STATE_MODEL], "\"unweave\"");
    }

    #[test]
    fn values_of_a_wrong_type_or_beyond_their_range_are_mended() {
        let mut state = parse(
            r#"{"params": {
                "drums_gain": {"f32": -3.0}, "bass_gain": {"f32": 1e30}, "vocals_gain": {"bool": true},
                "other_gain": {"string": "loud"}, "mode": {"string": "hasty"}, "bypass": {"f32": 1.0}, "no_such": {"i32": 7}
            }, "fields": {"format": "99", "model": "../../etc/passwd", "junk": "{{{",
                "device": "\"quantum\"", "window": "[1,65535,100]",
                "render": "{\"folder\": 7, \"model\": \"../x\", \"format\": \"opus\", \"sums\": \"A=bass\"}"}}"#,
        );
        upgrade(&mut state);
        assert_eq!(
            json(&state),
            json(&{
                let mut expected = parse(
                    r#"{"params": {"drums_gain": {"f32": 0.0}, "bass_gain": {"f32": 3.9810717}},
                        "fields": {"window": "[800,3000,100]", "render": "{\"sums\": \"A=bass\"}"}}"#,
                );
                upgrade(&mut expected);
                expected
            })
        );
        assert!(!state.params.contains_key("no_such"));
        assert!(!state.fields.contains_key("junk"));
    }

    #[test]
    fn upgrading_twice_is_upgrading_once() {
        let mut state = parse(r#"{"params": {"bass_gain": {"f32": 0.123}}, "fields": {}}"#);
        upgrade(&mut state);
        let once = json(&state);
        upgrade(&mut state);
        assert_eq!(json(&state), once);
    }
}
