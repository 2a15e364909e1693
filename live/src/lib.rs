//! The audio thread, the inference thread and the lanes between them.
//!
//! ```text
//! host block ─► AUDIO THREAD      AudioSide: delay · mix lane ─┐      ┌─► stems fade in and out · mix
//!                                                             ▼      │
//!               INFERENCE THREAD  Worker:  load · verify · measure · Stream · stem lane
//!               DISK THREAD       Capture: takes of what comes in
//! editor ─────► any thread        Status:  atomics, and the reason in words · Levels: atomics
//! ```
//!
//! - [`LatencyPlan`] says when every frame of the stems is due: one number for the host, the delay and
//!   the stems.
//! - [`AudioSide`] is called with every block. In real time it never allocates, frees, locks, blocks,
//!   calls the system or panics; offline it waits for the stems, so that rendering is complete.
//! - [`Engine`] keeps the inference thread. The model comes through a [`Loader`], so this crate knows
//!   no model format; it runs a [`unweave_separation::Stream`], the same code that separates files.
//! - [`Handover`] lets another engine follow while the host plays: the old one is heard until the stems
//!   of the new one are due, and the latency stays.
//! - [`Levels`] are how loud the mix and its stems were in the last seconds.
//! - [`Status`] tells what is going on. No model, too slow a machine, a failing model: the output is
//!   the aligned dry signal, the stem outputs are silent, and the state says why.
//!
//! Audio and worker agree on positions, not on counts: every frame in a lane belongs to an epoch and a
//! position in it. A reset is a new epoch, and what is on its way from the old one is dropped.
//!
//! Each file, with its folder, is a room, and none imports from a room above its own: `cargo xtask rooms` sees to it. The
//! rooms, from the top:
//!
//! ```text
//! testing    what tests of other crates hold an engine by
//! engine     both halves, and the inference thread's start and end
//! worker     the inference thread: load, measure, infer
//! preview    a song's stems in place of the output
//! capture    takes of what comes in
//! audio      the audio thread: delay, fades, mix
//! handover   one engine follows another
//! setup      what both halves must agree on, and how a model comes
//! plan       when stems are due
//! levels     how loud everything was
//! controls   gains, mutes, solos
//! lane       frames from one thread to another
//! status     what is going on, for any thread
//! signal     how two threads wake and stop each other
//! clock      a clock that tests can control
//! denormals  numbers too small to compute with
//! priority   the inference thread's
//! error      what can go wrong
//! ```
//!
//! # Example
//! ```
//! use unweave_live::{Controls, Engine, LatencyPlan, LoadedSeparator, Setup, Timing};
//! use unweave_separation::doubles::{Passthrough, shape};
//!
//! let shape = shape(44_100, 1024, 4096);
//! let plan = LatencyPlan::new(Timing::of(&shape, 48_000)?, 48_000, 512)?;
//! let setup = Setup::new(&shape, plan)?;
//! let (mut audio, engine) = Engine::start(&setup, "separation", Box::new(move |_is_stopping| {
//!     Ok(LoadedSeparator { separator: Box::new(Passthrough::new(shape)), terminate: None })
//! }))?;
//! let (mut left, mut right) = ([0.5; 512], [0.5; 512]);
//! let (mut drums_left, mut drums_right) = ([0.0; 512], [0.0; 512]);
//! audio.process(
//!     [&mut left, &mut right],
//!     &mut [Some([&mut drums_left, &mut drums_right])],
//!     &Controls::default(),
//! );
//! assert_eq!(left, [0.0; 512], "the first frame comes out {} frames later", plan.latency_frames());
//! drop(engine);
//! # Ok::<(), unweave_live::Error>(())
//! ```
#![deny(unsafe_code)]

mod audio;
pub mod capture;
mod clock;
mod controls;
mod denormals;
mod engine;
mod error;
mod handover;
mod lane;
mod levels;
mod plan;
pub mod preview;
mod priority;
mod setup;
mod signal;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod worker;

pub use audio::{AudioSide, StereoOut};
pub use controls::{Controls, MAX_STEMS, StemControl};
pub use engine::Engine;
pub use error::Error;
pub use handover::{Handover, Successor};
pub use levels::{Level, Levels, Slot, StemLevel};
pub use plan::{LatencyPlan, MAX_ALLOWANCE_FRAMES, MIN_ALLOWANCE_FRAMES, pro_tools_limit_frames};
pub use setup::{LoadedSeparator, Loader, Refusal, Setup};
pub use signal::Terminate;
pub use status::{Fault, State, Status};
/// When stems are final, at the host's rate.
pub use unweave_separation::Timing;
