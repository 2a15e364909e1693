//! What the plug-in and its window share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nice_plug::wrapper::vst3::vst3::ComPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessor, IAudioProcessorTrait as _, ProcessData,
};
use try_lock::{Locked, TryLock};

use super::audio::Audio;
use super::edits::{Changes, Edits};
use crate::link::Link;
use crate::turn;
use crate::worker::Worker;

/// The framework's audio, and what it may not be told at the moment.
pub struct Shared {
    /// The framework's own.
    pub processor: ComPtr<IAudioProcessor>,
    /// Held by the thread that has a block processed.
    pub audio: TryLock<Audio>,
    /// Of the longest block; 0 until the host has said so.
    pub max_frames: AtomicU32,
    /// Changes of parameters on their way, and the host.
    pub edits: Arc<Edits>,
    /// The framework's, of this plug-in among others.
    pub worker: Arc<Worker>,
}

impl Shared {
    /// For one plug-in of the framework's.
    pub fn new(processor: ComPtr<IAudioProcessor>, edits: Arc<Edits>, link: Link) -> Self {
        Self {
            processor,
            audio: TryLock::new(Audio::new(link.gaps)),
            max_frames: AtomicU32::new(0),
            edits,
            worker: link.worker,
        }
    }

    /// Waits until no other thread is in a block.
    pub fn audio(&self) -> Option<Locked<'_, Audio>> {
        turn::take(&self.audio)
    }

    /// Gives the framework the changes that no block has brought, if none is being processed.
    pub fn settle(&self) {
        let changes = self.edits.take_kept();
        if changes.is_empty() || self.max_frames.load(Ordering::SeqCst) == 0 {
            return;
        }
        let changes = Changes::new(&changes);
        let (Some(_audio), Some(list)) = (self.audio(), changes.as_com_ref()) else {
            return;
        };
        // SAFETY: all zeros are no frames and null pointers, which this may have, beside what is set; the
        // framework has been set up.
        unsafe {
            let mut block: ProcessData = std::mem::zeroed();
            block.inputParameterChanges = list.as_ptr();
            self.processor.process(&raw mut block);
        }
    }

    /// Opens or closes the window, while blocks bring the framework no changes of parameters; those come after. Its
    /// worker would find the window being opened or closed.
    pub fn without_changes<T>(&self, act: impl FnOnce() -> T) -> T {
        self.hold(true);
        self.worker.settle();
        let result = act();
        self.hold(false);
        self.settle();
        result
    }

    fn hold(&self, is_held: bool) {
        if let Some(mut audio) = self.audio() {
            for (id, value) in audio.hold_changes(is_held) {
                self.edits.keep(id, value);
            }
        }
    }
}
