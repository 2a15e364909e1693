//! Everything that a saved session refers to. Never rename: sessions and automation are lost.
//!
//! What may change are names that people read. What is added gets a new id; what is dropped keeps its
//! id reserved here.

/// CLAP id of the stereo plug-in.
pub const CLAP_ID: &str = "audio.unweave.unweave";
/// CLAP id of the plug-in with an output per stem.
pub const CLAP_ID_MULTI_OUT: &str = "audio.unweave.unweave-multi-out";

/// VST3 class of the stereo plug-in.
pub const VST3_CLASS_ID: [u8; 16] = *b"UnweaveStereo-01";
/// VST3 class of the plug-in with an output per stem.
pub const VST3_CLASS_ID_MULTI_OUT: [u8; 16] = *b"UnweaveMultiO-01";

/// The stems that have parameters and outputs, in the order of both; also the prefix of each stem's
/// parameter ids and the name that a model's manifest gives the stem.
pub const STEMS: [&str; 4] = ["drums", "bass", "vocals", "other"];

/// Every parameter id, in the order in which hosts list them. The ids come from attributes in
/// `params.rs`, which cannot name a constant: a test compares.
pub const PARAMS: [&str; 21] = [
    "bypass",
    "compare",
    "residual",
    "status",
    "mode",
    "drums_gain",
    "drums_mute",
    "drums_solo",
    "drums_sensitivity",
    "bass_gain",
    "bass_mute",
    "bass_solo",
    "bass_sensitivity",
    "vocals_gain",
    "vocals_mute",
    "vocals_solo",
    "vocals_sensitivity",
    "other_gain",
    "other_mute",
    "other_solo",
    "other_sensitivity",
];

/// Id of the built-in model.
pub const BUILTIN_ID: &str = "unweave";

/// Version of the state that is written; see `state.rs`.
pub const FORMAT: u32 = 4;
/// Key of that version.
pub const STATE_FORMAT: &str = "format";
/// Key of the id of the model that the session was made with.
pub const STATE_MODEL: &str = "model";
/// Key of what computes: `auto`, or the id of a device.
pub const STATE_DEVICE: &str = "device";
/// Key of the window's size.
pub const STATE_WINDOW: &str = "window";
/// Key of how stems are rendered.
pub const STATE_RENDER: &str = "render";
