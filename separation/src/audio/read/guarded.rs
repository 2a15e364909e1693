//! Damage that symphonia didn't think of makes it panic; to us, and to a person, it is damage like any other.
//!
//! It works where panics unwind, as they do unless a build is told otherwise. Panics of other threads are
//! printed as ever.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use symphonia::core::errors::{Error, Result};

thread_local! {
    /// Whether a panic on this thread is caught here, and so not worth printing.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls into symphonia: a panic is an error, and isn't printed. What it leaves behind is asked for more, or dropped:
/// both give errors at worst.
///
/// # Errors
/// What `call` says, or a decode error after a panic.
pub fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told_before = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                told_before(panic);
            }
        }));
    });
    IS_GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IS_GUARDED.set(false);
    result.unwrap_or(Err(Error::DecodeError("the decoder panicked")))
}
