//! What a host leaves out, for the plug-in to say in its window.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::link::Link;

/// Something that was declared, or that every host has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Gap {
    /// More frames than the host had announced: they passed as they were.
    LongBlock = 1,
    /// No channel of the main output.
    Output = 1 << 1,
    /// No channel of the main input: there was silence.
    Input = 1 << 2,
    /// Some channels of the main input: the first one stood in.
    InputChannel = 1 << 3,
    /// Some channels of the main output.
    OutputChannel = 1 << 4,
    /// Every output beside the main one.
    OtherOutputs = 1 << 5,
}

/// All of them, the worst first.
const GAPS: [Gap; 6] = [
    Gap::LongBlock,
    Gap::Output,
    Gap::Input,
    Gap::InputChannel,
    Gap::OutputChannel,
    Gap::OtherOutputs,
];

/// Gaps of one block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found(u8);

impl Found {
    /// With this one, too, if it is there.
    #[must_use]
    pub(crate) fn with(self, gap: Gap, is_there: bool) -> Self {
        Self(if is_there { self.0 | gap as u8 } else { self.0 })
    }
}

/// What the last block lacked. The guard writes it, and the plug-in that it stands before reads it.
#[derive(Debug, Default)]
pub struct Gaps(AtomicU8);

impl Gaps {
    /// For a plug-in to call while it is made. Without a guard there will never be any.
    pub fn of_this_plugin() -> Arc<Self> {
        Link::of_this_plugin().gaps
    }

    /// # Realtime safety
    /// Writes an atomic.
    pub(crate) fn tell(&self, Found(bits): Found) {
        self.0.store(bits, Ordering::Relaxed);
    }

    /// The worst.
    ///
    /// # Realtime safety
    /// Reads an atomic.
    pub fn worst(&self) -> Option<Gap> {
        let bits = self.0.load(Ordering::Relaxed);
        GAPS.into_iter().find(|gap| bits & *gap as u8 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told_first_and_what_is_over_is_forgotten() {
        let gaps = Gaps::default();
        let both = Found::default()
            .with(Gap::OtherOutputs, true)
            .with(Gap::Output, true)
            .with(Gap::Input, false);
        gaps.tell(both);
        assert_eq!(gaps.worst(), Some(Gap::Output));
        gaps.tell(Found::default());
        assert_eq!(gaps.worst(), None);
    }
}
