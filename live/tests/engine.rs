//! The engine as its users see it: blocks in, blocks out, with the worker at any time one likes.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "an index names the same channel in several buffers"
)]

#[path = "engine/bleed.rs"]
mod bleed;
#[path = "engine/capture.rs"]
mod capture;
#[path = "engine/controls.rs"]
mod controls;
#[path = "engine/epochs.rs"]
mod epochs;
#[path = "engine/gaps.rs"]
mod gaps;
#[path = "engine/handover.rs"]
mod handover;
#[path = "engine/latency.rs"]
mod latency;
#[path = "engine/lifecycle.rs"]
mod lifecycle;
#[path = "engine/offline.rs"]
mod offline;
#[path = "engine/preview.rs"]
mod preview;
#[cfg(target_os = "linux")]
#[path = "engine/priority.rs"]
mod priority;
#[path = "engine/rig.rs"]
mod rig;
#[path = "engine/transparency.rs"]
mod transparency;
