//! A CLAP host for tests, and plug-ins of it whose separator is known in closed form.
//!
//! The tests load the entry point that hosts load, in this process. Separators that are late, fail or
//! return NaN come in by an entry of their own with the same plug-in over another [`Variant`].
//!
//! [`Variant`]: unweave_plugin::variant::Variant

pub mod capturing;
pub mod doubles;
#[cfg(target_os = "linux")]
pub mod dragging;
pub mod process;
pub mod rude;
pub mod rude_clap;
pub mod rude_vst3;
pub mod session;
pub mod signal;
#[cfg(any(target_os = "linux", windows))]
pub mod window;

pub use session::{Event, Session};
