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
//!
//! A state of an older format goes through one step per format. Whatever its format, a parameter that
//! a state doesn't have or has with another type gets its default and not the value of the session
//! before; values beyond a range go to its end; what is not known is dropped. So a state of a newer
//! format gives what is known of it. A blob of each format lies in `tests/states/` for ever.

use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;

use unweave_separation::DeviceChoice;

use crate::editor::extent::{self, Extent};
use crate::params::{AnyParam, UnweaveParams};
use crate::{ids, model};

/// The format that is written.
pub const FORMAT: u32 = 2;

/// Longest id that is taken for one of a model.
const MAX_MODEL_ID_BYTES: usize = 128;

/// Makes any state one of the present format whose every value can be applied.
pub fn upgrade(state: &mut PluginState) {
    let mut stored = std::mem::take(&mut state.params);
    for (id, param) in UnweaveParams::default().all() {
        let value = stored.remove(&id);
        state.params.insert(id, applicable(value, param));
    }
    let model = state
        .fields
        .remove(ids::STATE_MODEL)
        .filter(|json| is_model_id(json))
        .unwrap_or_else(|| format!("\"{}\"", model::BUILTIN_ID));
    let device = state
        .fields
        .remove(ids::STATE_DEVICE)
        .filter(|json| is_device(json))
        .unwrap_or_else(|| format!("\"{}\"", DeviceChoice::Auto));
    let window = state.fields.remove(ids::STATE_WINDOW);
    let window = window.and_then(|json| Extent::parse(&json));
    let window = Extent::json(window.unwrap_or(extent::DEFAULT));
    state.fields = [
        (ids::STATE_FORMAT.to_owned(), FORMAT.to_string()),
        (ids::STATE_MODEL.to_owned(), model),
        (ids::STATE_DEVICE.to_owned(), device),
        (ids::STATE_WINDOW.to_owned(), window),
    ]
    .into();
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
    }
}

/// A JSON string of the letters that ids of models are made of, so that it needs no parser.
fn is_model_id(json: &str) -> bool {
    json.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|id| {
            (1..=MAX_MODEL_ID_BYTES).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        })
}

/// A JSON string that names a device, or `auto`.
fn is_device(json: &str) -> bool {
    json.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|id| id.parse::<DeviceChoice>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> PluginState {
        serde_json::from_str(json).unwrap()
    }

    fn json_params(state: &PluginState) -> String {
        serde_json::to_string(&state.params).unwrap()
    }

    fn json(state: &PluginState) -> String {
        serde_json::to_string(state).unwrap()
    }

    /// The blobs of every format, and what must come of them.
    #[test]
    fn a_state_of_every_format_keeps_its_values() {
        let mut state = parse(include_str!("../tests/states/format-2.json"));
        let present = json(&state);
        upgrade(&mut state);
        assert_eq!(json(&state), present, "the present format is left alone");
        // The two blobs are the same session but for what format 2 brought: at its default.
        let mut state = parse(include_str!("../tests/states/format-1.json"));
        let (model, params) = (state.fields["model"].clone(), json_params(&state));
        upgrade(&mut state);
        assert_eq!(json_params(&state), params);
        assert_eq!(state.fields["model"], model);
        assert_eq!(state.fields["device"], "\"auto\"");
        assert_eq!(state.fields["window"], "[960,600,100]");
        assert_eq!(state.fields["format"], "2");
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
        assert_eq!(state.fields[ids::STATE_FORMAT], "2");
        assert_eq!(state.fields[ids::STATE_MODEL], "\"unweave-live\"");
    }

    #[test]
    fn values_of_a_wrong_type_or_beyond_their_range_are_mended() {
        let mut state = parse(
            r#"{"params": {
                "drums_gain": {"f32": -3.0}, "bass_gain": {"f32": 1e30}, "vocals_gain": {"bool": true},
                "other_gain": {"string": "loud"}, "bypass": {"f32": 1.0}, "no_such": {"i32": 7}
            }, "fields": {"format": "99", "model": "../../etc/passwd", "junk": "{{{",
                "device": "\"quantum\"", "window": "[1,2"}}"#,
        );
        upgrade(&mut state);
        assert_eq!(
            json(&state),
            json(&{
                let mut expected = parse(
                    r#"{"params": {"drums_gain": {"f32": 0.0}, "bass_gain": {"f32": 3.9810717}},
                        "fields": {}}"#,
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
