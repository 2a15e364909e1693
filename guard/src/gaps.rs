//! What a host leaves out, for the plug-in to say in its window.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

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

thread_local! {
    static OF_THE_NEXT: RefCell<Option<Arc<Gaps>>> = const { RefCell::new(None) };
}

impl Gaps {
    /// For a plug-in to call while it is made. Without a guard there will never be any.
    pub fn of_this_plugin() -> Arc<Self> {
        OF_THE_NEXT
            .with_borrow_mut(Option::take)
            .unwrap_or_default()
    }

    /// Makes a plug-in, and gives what the guard of it is to write to.
    ///
    /// The framework makes plug-ins by `Default`, on the thread that asks: there is no other way to hand it over.
    pub(crate) fn for_new<T>(make: impl FnOnce() -> T) -> (T, Arc<Self>) {
        let gaps = Arc::<Self>::default();
        OF_THE_NEXT.set(Some(Arc::clone(&gaps)));
        let made = make();
        OF_THE_NEXT.take();
        (made, gaps)
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
    fn a_plug_in_gets_those_of_its_own_guard() {
        let (first, of_first) = Gaps::for_new(Gaps::of_this_plugin);
        let (second, _) = Gaps::for_new(Gaps::of_this_plugin);
        let lone = Gaps::of_this_plugin();
        of_first.tell(Found::default().with(Gap::Input, true));
        assert_eq!(first.worst(), Some(Gap::Input));
        assert_eq!((second.worst(), lone.worst()), (None, None));
    }

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
