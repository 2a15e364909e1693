//! What a plug-in and the guard before it share.

use std::cell::RefCell;
use std::sync::Arc;

use crate::gaps::Gaps;
use crate::worker::Worker;

/// Between one plug-in and its guard.
#[derive(Clone, Default)]
pub struct Link {
    /// The guard writes it, and the plug-in reads it.
    pub gaps: Arc<Gaps>,
    /// The plug-in says how to reach it, and the guard waits for it.
    pub worker: Arc<Worker>,
}

thread_local! {
    static OF_THE_NEXT: RefCell<Option<Link>> = const { RefCell::new(None) };
}

impl Link {
    /// Makes a plug-in, and gives what its guard shares with it.
    ///
    /// The framework makes plug-ins by `Default`, on the thread that asks: there is no other way to hand it over.
    pub fn for_new<T>(make: impl FnOnce() -> T) -> (T, Self) {
        let link = Self::default();
        OF_THE_NEXT.set(Some(link.clone()));
        let made = make();
        OF_THE_NEXT.take();
        (made, link)
    }

    /// For a plug-in while it is made. Without a guard nobody is at the other end.
    pub fn of_this_plugin() -> Self {
        OF_THE_NEXT.with_borrow(Option::clone).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plug_in_gets_that_of_its_own_guard() {
        let (first, of_first) = Link::for_new(Link::of_this_plugin);
        let (second, _) = Link::for_new(Link::of_this_plugin);
        let lone = Link::of_this_plugin();
        assert!(Arc::ptr_eq(&first.gaps, &of_first.gaps));
        assert!(Arc::ptr_eq(&first.worker, &of_first.worker));
        assert!(!Arc::ptr_eq(&second.gaps, &of_first.gaps));
        assert!(!Arc::ptr_eq(&lone.gaps, &second.gaps));
    }
}
