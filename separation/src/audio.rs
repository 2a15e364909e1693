//! Sound as files hold it and models want it: read, written, resampled, its channels named.

pub mod channels;
pub(crate) mod noise;
pub mod read;
pub(crate) mod resample;
pub mod tags;
pub mod time_stamp;
pub mod write;
