//! Unweave without a host: what a host does for a plug-in, and no more.
//!
//! ```text
//! command line ─► program ─► window: the plug-in's own, with a bar ─► host (parameters, history)
//!                    │            └─► transport, sound
//!                    ├─► settings                                    a file, written when something has changed
//!                    └─► sound ─► a card's thread: machine ─► plug-in AUDIO THREAD
//!                                                     └─ song ◄─ reader
//! ```
//!
//! Each file, with its folder, is a room, and none imports from a room above its own: `cargo xtask rooms` sees to it. The
//! rooms, from the top:
//!
//! ```text
//! program    from the command line to the end of the window
//! window     the bar, and the choice of sound card
//! parts      what the window works with
//! settings   what is remembered
//! arguments  the command line
//! sound      sound cards: which, and what is done when one goes
//! machine    the plug-in with what goes into it
//! song       a song as the input
//! host       parameters, set and undone
//! history    what was done and undone
//! memory     what is freed goes back to the system
//! words      what is said without the window
//! ```
//!
//! The plug-in is the same object that VST3 and CLAP wrap; parameters are set, undone and kept here. A song is its input
//! as a track is in a DAW; what comes from a sound card can be that as well.
#![deny(unsafe_code)]

pub mod arguments;
mod history;
mod host;
pub mod machine;
pub mod memory;
mod parts;
mod program;
mod settings;
pub mod song;
pub mod sound;
mod window;
pub mod words;

pub use host::Host;
pub use program::{Program, Setting};
pub use settings::path_of_user;
