//! Unweave as a plug-in: VST3 and CLAP, and what the standalone is around.
//!
//! This crate is glue. Threads, latency and audio are `unweave-live`'s; models are
//! `unweave-separation`'s. Here are the parameters, the buses, the saved state, and where the host is told what.
//!
//! ```text
//! host ─► unweave_guard ─► framework                             what hosts get wrong is put right
//!           │
//!         plugin ──► running ──► unweave_live::AudioSide        audio thread
//!           │           └─ model ─► unweave_separation          inference thread
//!           └─ params, state, report                            any thread
//! ```
//!
//! Each file, with its folder, is a room, and none imports from a room above its own: `cargo xtask rooms` sees to it. The
//! rooms, from the top:
//!
//! ```text
//! plugin          what the framework calls
//! running         the host's blocks, in the engine's terms
//! succession      the engine that is heard, and the one that follows it
//! pace            whether the host renders, by the clock
//! state           what a session saves, and how an old one is upgraded
//! editor          the window's content
//! variant         stereo and multi-out
//! fetching        models from the network, in the background
//! presets         all strips at once, by name
//! gesture         a change that the host can record and undo
//! params          what the host sees and saves
//! report          what the engine is doing, in words
//! loads           what models take of this machine
//! songs           songs and takes: listed, played, rendered
//! render          a song to files, in the background
//! model           a choice becomes a shape and a loader
//! model_choice    which model, how, on what
//! runtime_choice  the file that was chosen as ONNX Runtime
//! strips          the values of all strips
//! extent          the window's size
//! text            values as texts, both ways
//! manual          what there is to read
//! reveal          a file shown in the system's own window
//! place           where this library lies
//! bell            wakes the window
//! ids             what sessions refer to
//! ```
//!
//! What hosts and the framework get wrong, and what is done about it: `KNOWN_HOST_ISSUES.md`.
#![forbid(unsafe_code)]

mod bell;
pub mod editor;
pub mod extent;
mod fetching;
mod gesture;
pub mod ids;
mod loads;
mod manual;
pub mod model;
pub mod model_choice;
mod pace;
pub mod params;
mod place;
mod plugin;
pub mod presets;
pub mod render;
pub mod report;
pub mod reveal;
mod running;
pub mod runtime_choice;
pub mod songs;
pub mod state;
pub mod strips;
mod succession;
mod text;
pub mod variant;

pub use bell::Bell;
pub use plugin::Unweave;
pub use running::StemOutputs;

/// One main output.
pub type UnweaveStereo = Unweave<variant::Stereo>;
/// One main output, and one per stem.
pub type UnweaveMultiOut = Unweave<variant::MultiOut>;

unweave_guard::export_clap!(UnweaveStereo, UnweaveMultiOut);
unweave_guard::export_vst3!(UnweaveStereo, UnweaveMultiOut);
