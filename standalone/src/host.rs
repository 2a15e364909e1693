//! What the window takes for its host: parameters are set at once, and every gesture can be undone.
#![allow(
    unsafe_code,
    reason = "the framework lets parameters be set only by what wraps a plug-in, as this does"
)]

use std::sync::Arc;

use nice_plug::context::PluginApi;
use nice_plug::context::gui::GuiContextInner;
use nice_plug::params::InternalParamMut;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::{ParamValue, PluginState};
use nice_plug::prelude::*;
use parking_lot::Mutex;
use unweave_plugin::params::{AnyParam, UnweaveParams};
use unweave_plugin::{Bell, state};
use unweave_separation::Mode;

use crate::history::History;

/// Sets parameters for the window.
pub struct Host {
    params: Arc<UnweaveParams>,
    /// In the order of the parameters. They live as long as these.
    pointers: Vec<ParamPtr>,
    history: Mutex<History>,
    bell: Bell,
}

impl Host {
    /// For these parameters; the bell tells the window of what it didn't do itself.
    pub fn new(params: Arc<UnweaveParams>, bell: Bell) -> Self {
        let pointer = |(_, param): (String, AnyParam<'_>)| match param {
            AnyParam::Float(param) => param.as_ptr(),
            AnyParam::Switch(param) => param.as_ptr(),
            AnyParam::Mode(param) => param.as_ptr(),
        };
        let pointers = params.all().into_iter().map(pointer).collect();
        Self {
            params,
            pointers,
            history: Mutex::default(),
            bell,
        }
    }

    /// What the window did until now, in seconds since any start, is one step.
    pub fn settle(&self, now: f64) {
        self.history.lock().settle(now);
    }

    /// Whether there is something to undo, and to redo.
    pub fn can(&self) -> (bool, bool) {
        self.history.lock().can()
    }

    /// Takes the last step back.
    pub fn undo(&self) {
        let values = self.history.lock().undo();
        self.put(values);
    }

    /// Does again what was undone last.
    pub fn redo(&self) {
        let values = self.history.lock().redo();
        self.put(values);
    }

    fn put(&self, values: Vec<(usize, f32)>) {
        for (idx, value) in values {
            if let Some(pointer) = self.pointers.get(idx) {
                set(*pointer, value);
            }
        }
        self.bell.wake_now();
    }

    /// Everything as it was when this state was taken, by whichever version.
    pub fn restore(&self, mut stored: PluginState) {
        state::upgrade(&mut stored);
        for (id, param) in self.params.all() {
            match (param, stored.params.get(&id)) {
                (AnyParam::Float(param), Some(ParamValue::F32(value))) => set_plain(param, *value),
                (AnyParam::Switch(param), Some(ParamValue::Bool(value))) => {
                    set_plain(param, *value);
                }
                (AnyParam::Mode(param), Some(ParamValue::String(value))) => {
                    let mode: Mode = value.parse().unwrap_or_default();
                    set_plain(param, mode.into());
                }
                // After the upgrade there is no other.
                _ => {}
            }
        }
        self.params.deserialize_fields(&stored.fields);
        self.bell.wake_now();
    }

    fn index(&self, param: ParamPtr) -> Option<usize> {
        self.pointers.iter().position(|pointer| *pointer == param)
    }
}

/// Puts a parameter of [`Host::params`] there.
fn set(pointer: ParamPtr, normalized: f32) {
    // SAFETY: all pointers are of the parameters that the host owns a share of, whose values are atomics; that only
    // a wrapper of the framework's kind may do this is kept, since this is one.
    unsafe { pointer._internal_set_normalized_value(normalized) };
}

/// Puts a parameter there to the last bit, which a trip through the normalised value would cost.
fn set_plain<P: InternalParamMut>(param: &P, value: P::Plain) {
    // SAFETY: as in `set`.
    unsafe { param._internal_set_plain_value(value) };
}

/// Where a parameter of [`Host::params`] is.
fn get(pointer: ParamPtr) -> f32 {
    // SAFETY: as in `set`.
    unsafe { pointer.unmodulated_normalized_value() }
}

impl GuiContextInner for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Standalone
    }

    unsafe fn raw_begin_set_parameter(&self, param: ParamPtr) {
        if let Some(idx) = self.index(param) {
            self.history.lock().begin(idx, get(param));
        }
    }

    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, normalized: f32) {
        if self.index(param).is_some() {
            set(param, normalized);
        }
    }

    unsafe fn raw_end_set_parameter(&self, param: ParamPtr) {
        if let Some(idx) = self.index(param) {
            self.history.lock().end(idx, get(param));
        }
    }

    fn get_state(&self) -> PluginState {
        state::of(&self.params)
    }

    fn set_state(&self, state: PluginState) {
        self.restore(state);
    }

    fn request_restart(&self) {
        // What a host would be asked for follows by itself here.
    }
}

#[cfg(test)]
mod tests {
    use nice_plug::context::gui::GuiContext;

    use super::*;

    fn host() -> (Arc<Host>, Arc<UnweaveParams>) {
        let params = Arc::<UnweaveParams>::default();
        let host = Host::new(Arc::clone(&params), Bell::default());
        (Arc::new(host), params)
    }

    #[test]
    fn what_the_window_sets_is_set_and_undone_and_done_again() {
        let (host, params) = host();
        let context = GuiContext::new(Arc::clone(&host) as Arc<dyn GuiContextInner>);
        let setter = context.param_setter();
        setter.begin_set_parameter(&params.bass.gain);
        for value in [0.3, 0.2, 0.1] {
            setter.set_parameter(&params.bass.gain, value);
        }
        setter.end_set_parameter(&params.bass.gain);
        host.settle(0.0);
        assert!((params.bass.gain.value() - 0.1).abs() < 1e-6);
        host.undo();
        assert_eq!(params.controls().stems[1].gain, 1.0);
        host.redo();
        assert!((params.bass.gain.value() - 0.1).abs() < 1e-6);
        assert_eq!(host.can(), (true, false));
    }

    #[test]
    fn a_state_that_was_kept_comes_back() {
        let (host, params) = host();
        let context = GuiContext::new(Arc::clone(&host) as Arc<dyn GuiContextInner>);
        let setter = context.param_setter();
        setter.set_parameter(&params.vocals.mute, true);
        setter.set_parameter(&params.drums.gain, 0.25);
        setter.set_parameter(&params.mode, Mode::Quick.into());
        params.extent.put([1200, 700, 150]);
        let kept = serde_json::to_string(&state::of(&params)).unwrap();

        let (other, restored) = self::host();
        other.restore(serde_json::from_str(&kept).unwrap());
        assert!(restored.vocals.mute.value());
        assert!((restored.drums.gain.value() - 0.25).abs() < 1e-6);
        assert_eq!(Mode::from(restored.mode.value()), Mode::Quick);
        assert_eq!(restored.extent.get(), [1200, 700, 150]);
        // And all the others are as they were.
        assert_eq!(serde_json::to_string(&state::of(&restored)).unwrap(), kept);
    }
}
