//! A mix becomes stems.
//!
//! This library knows models, transforms, overlap-add, exact sums and files, and no plug-in types; the
//! command line and the plug-in run the same code. Only jobs on whole files ([`offline`], [`verify`])
//! start threads, scoped ones; everything a plug-in calls runs on the thread that calls it.
//!
//! The words, used everywhere with one meaning each: a *sample* is one value, a *frame* one sample
//! per channel, a *block* what a caller hands over, a *window* the input one inference sees, a *hop*
//! the frames that become final per inference, the *mix* the input, a *stem* an output.
#![forbid(unsafe_code)]

pub mod catalogue;
pub mod channels;
mod composition;
pub mod delivery;
pub mod device;
pub mod doubles;
mod error;
pub mod folders;
mod fourier;
mod layout;
pub mod load;
mod lookback;
pub mod manifest;
mod mode;
pub mod naming;
mod network;
pub mod offline;
pub mod onnx;
pub mod read;
pub mod report;
mod resample;
pub mod runtime;
pub mod scratch;
mod segments;
mod separator;
mod spectrogram;
mod stft;
pub mod store;
mod stream;
mod streaming;
pub mod strips;
pub mod time_stamp;
pub mod track;
pub mod verify;
mod vocals_first;
pub mod write;

pub use catalogue::Catalogue;
pub use device::{Device, DeviceChoice, DeviceUse};
pub use error::Error;
pub use load::{Options, Purpose, load};
pub use manifest::Manifest;
pub use mode::{Mode, UnknownMode};
pub use resample::{Resampler, SAMPLE_RATES};
pub use runtime::Terminator;
pub use separator::{Separator, Shape, StemBlock};
pub use stft::Stft;
pub use store::{Model, Store};
pub use stream::{Stream, Timing};
pub use track::Track;
