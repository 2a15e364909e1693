//! The `unweave` program, run as a user runs it, with the model that is built into it.
//!
//! Needs ONNX Runtime, which `cargo xtask setup` puts in its place, and `ffmpeg` to make inputs.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "helpers of tests are tests: numbers fit, and an unwrap says what failed"
)]

#[path = "cli/add.rs"]
mod add;
#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/common.rs"]
mod common;
#[path = "cli/fetch.rs"]
mod fetch;
#[path = "cli/habits.rs"]
mod habits;
#[path = "cli/interrupted.rs"]
mod interrupted;
#[path = "cli/models.rs"]
mod models;
#[path = "cli/names.rs"]
mod names;
#[path = "cli/odd_songs.rs"]
mod odd_songs;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/real_songs.rs"]
mod real_songs;
#[path = "cli/server.rs"]
mod server;
#[path = "cli/shells.rs"]
mod shells;
