//! An engine without a thread: the test is the host, the clock and the scheduler.
//!
//! Behind the feature `testing`.

pub use crate::clock::{Clock, SystemClock};
pub use crate::engine::{halves, successor_halves};
pub use crate::worker::{Step, Worker};
