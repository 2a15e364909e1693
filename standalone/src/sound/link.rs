//! What a sound system needs of the program: the machine, and a way to say that a device has gone.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use try_lock::TryLock;

use crate::machine::Machine;

/// How often a machine is asked for that the sound card's thread has just left.
const NAP: Duration = Duration::from_millis(1);

/// Between the machine and one stream of a device.
#[derive(Clone)]
pub struct Link {
    machine: Arc<TryLock<Machine>>,
    lost: Lost,
}

/// Says once why a device has gone.
#[derive(Clone, Default)]
pub struct Lost(Arc<OnceLock<&'static str>>);

impl Lost {
    /// The device has gone, for this reason.
    ///
    /// # Realtime safety
    /// Two atomics, the first time.
    pub fn report(&self, reason: &'static str) {
        // The first reason is what the others follow from.
        let _ = self.0.set(reason);
    }
}

impl Link {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine: Arc::new(TryLock::new(machine)),
            lost: Lost::default(),
        }
    }

    /// For another stream.
    pub(super) fn renew(&mut self) {
        self.lost = Lost::default();
    }

    /// Why the device has gone, if it has.
    pub(super) fn lost(&self) -> Option<&'static str> {
        self.lost.0.get().copied()
    }

    /// Says that the device has gone.
    pub fn when_lost(&self) -> Lost {
        self.lost.clone()
    }

    /// Makes the machine ready, before the first block.
    pub fn prepare(&self, sample_rate: u32, block_frames: u32) {
        let block_frames = usize::try_from(block_frames).unwrap_or(usize::MAX);
        loop {
            if let Some(mut machine) = self.machine.try_lock() {
                return machine.prepare(sample_rate, block_frames);
            }
            std::thread::sleep(NAP);
        }
    }

    /// Replaces what comes from the device by what goes to it; silence while the machine is being made ready.
    ///
    /// # Shape
    /// `[channel][frame]`, both of the same length.
    ///
    /// # Realtime safety
    /// As [`Machine::process`].
    pub fn process(&self, channels: [&mut [f32]; 2]) {
        match self.machine.try_lock() {
            Some(mut machine) => machine.process(channels),
            None => channels.into_iter().for_each(|channel| channel.fill(0.0)),
        }
    }
}
