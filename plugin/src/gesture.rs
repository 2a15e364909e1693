//! Changes of parameters as hosts want them: begin, set, end, so that automation records them and one
//! gesture is one step of undo.

use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::*;

/// One gesture that puts a parameter to a value at once.
pub fn set<P: Param>(host: &GuiContext, param: &P, normalized: f32) {
    let setter = host.param_setter();
    setter.begin_set_parameter(param);
    setter.set_parameter_normalized(param, normalized);
    setter.end_set_parameter(param);
}

/// One gesture that turns a switch over.
pub fn toggle(host: &GuiContext, param: &BoolParam) {
    switch(host, param, !param.value());
}

/// One gesture that puts a switch into a position, none if it is there.
pub fn switch(host: &GuiContext, param: &BoolParam, is_on: bool) {
    if param.value() != is_on {
        set(host, param, param.preview_normalized(is_on));
    }
}
