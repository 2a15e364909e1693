//! Audio files in and out, sample-rate conversion, and the order of channels.

pub mod channels;
pub(crate) mod noise;
pub mod read;
pub(crate) mod resample;
pub mod tags;
pub mod time_stamp;
pub mod write;
