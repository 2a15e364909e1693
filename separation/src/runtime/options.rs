//! How a model is run: on what, by how many threads, and for what.

use std::path::PathBuf;

use super::Terminator;
use crate::device::{DeviceChoice, DeviceUse};
use crate::mode::Purpose;

/// How a model is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is to compute.
    pub device: DeviceChoice,
    /// Says what does, and why it is another.
    pub device_use: DeviceUse,
    /// Threads that share one inference, the calling one included; at least 1. Live use wants 1.
    pub threads: usize,
    /// Folders of the program or plug-in, where a runtime may lie: [`crate::runtime`].
    pub runtime_beside: Vec<PathBuf>,
    /// Stops loading and separating.
    pub terminator: Terminator,
    /// Live or files.
    pub purpose: Purpose,
    /// Which part of a segment is shared with the next, in place of what the manifest says; for models that leave a
    /// choice, and for files.
    pub overlap: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            device_use: DeviceUse::default(),
            threads: 1,
            runtime_beside: Vec::new(),
            terminator: Terminator::new(),
            purpose: Purpose::default(),
            overlap: None,
        }
    }
}
