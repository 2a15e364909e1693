//! What stands between hosts and the plug-in framework, so that no host dies.
//!
//! nice-plug 0.4.2 takes hosts at their word: a missing port, a null pointer, a window that is closed at the
//! wrong moment end in a panic or a fault, and with it the host and the session in it. So hosts never hold the
//! framework's objects but ours, which put right what comes in and pass it on:
//!
//! ```text
//!          CLAP             VST3
//! host ─► clap::instance │ vst3::plugin, view ─► framework ─► plug-in          what the host calls
//!              └─ ports ───┘                                                   the same audio for both
//! host ◄─ clap::host     │ vst3::edits ◄──────── framework ◄─ plug-in, window  what is asked of the host
//! ```
//!
//! | a host that | gets |
//! |---|---|
//! | leaves out ports, channels or pointers, or gives two outputs the same memory | silence in, nothing out there; the other outputs are right |
//! | processes before it activates, on two threads at once, or in larger blocks than it said | the input, as it is |
//! | sends events that are null, out of order or outside of the block | them in order, inside of the block |
//! | calls the window's functions on another thread than opened it | "no" |
//! | closes the window when it is asked to restart or to resize | a closed window: it is asked after the framework's own call has returned |
//! | has no `gui` or `params` extension | a window that can't ask for another size |
//! | changes a parameter while it doesn't play, or the person does in the window | that value in the state that is saved then |
//!
//! What a host leaves out is told to the plug-in ([`Gaps`]), which can say so to the person.
//!
//! A CLAP host is asked for a restart on the main thread alone, and never while it is activating.

pub mod clap;
mod gaps;
mod link;
pub mod mapping;
mod ports;
mod thread;
mod turn;
pub mod vst3;
mod worker;

pub use gaps::{Gap, Gaps};
pub use worker::{Errand, Worker};
