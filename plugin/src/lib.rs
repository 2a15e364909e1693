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
//! What hosts and the framework get wrong, and what is done about it: `KNOWN_HOST_ISSUES.md`.
#![forbid(unsafe_code)]

mod bell;
pub mod editor;
mod fetching;
pub mod ids;
mod loads;
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
