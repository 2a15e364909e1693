//! A mix becomes stems.
//!
//! This library knows models, transforms, overlap-add, exact sums and files, and no plug-in types; the
//! command line and the plug-in run the same code. Only jobs on whole files ([`offline`],
//! [`delivery::verify`]) start threads, scoped ones; everything a plug-in calls runs on the thread that calls it.
//!
//! The words, used everywhere with one meaning each: a *sample* is one value, a *frame* one sample
//! per channel, a *block* what a caller hands over, a *window* the input one inference sees, a *hop*
//! the frames that become final per inference, the *mix* the input, a *stem* an output.
//!
//! Audio is `f32`, planar: `[channel][frame]`, of stems `[stem][channel][frame]`. Full scale is ±1; what is louder is
//! kept, and nothing clips before it is written as integers. NaN and infinity in a mix count as silence. Lengths and
//! positions are frames at the rate of whoever asks, `_frames` by name; levels are `_db`, loudness `_lufs`, frequencies
//! `_hz`.
//!
//! Each folder is a room, and no file imports from a room above its own: `cargo xtask rooms` sees to it. The
//! rooms, from the top:
//!
//! ```text
//! words      errors, as people say them
//! offline    a song becomes a delivery set, or stems in memory
//! delivery   the files of a set, which sum exactly
//! loading    a model becomes a separator, whatever its kind
//! stream     any sample rate, pushes of any size; models made of models
//! network    one kind of network per file, and how they are run on a mix
//! runtime    ONNX Runtime and devices
//! model      manifests, folders of models, the catalogue, ONNX files
//! separator  what every model becomes
//! transform  spectra
//! audio      files of sound, sample rates, channels
//! files      names, folders, checksums of any file
//! error      what can go wrong
//! mode       what a model is run for
//! device     what can compute
//! ```
#![forbid(unsafe_code)]

pub mod audio;
pub mod delivery;
mod device;
mod error;
pub mod files;
pub mod loading;
mod mode;
pub mod model;
mod network;
pub mod offline;
pub mod runtime;
mod separator;
mod stream;
mod transform;
pub mod words;

pub use audio::resample::{Resampler, SAMPLE_RATES};
pub use device::{Device, DeviceChoice, DeviceUse, UnknownDevice};
pub use error::Error;
pub use loading::load::load;
pub use mode::{Mode, Purpose, UnknownMode};
pub use model::store::{FORMER_BUILT_IN_ID, Model, Origin, Store};
pub use runtime::options::Options;
pub use runtime::terminator::Terminator;
#[cfg(any(test, feature = "testing"))]
pub use separator::doubles;
pub use separator::track::{Measuring, Statistics, Track};
pub use separator::{Separator, Shape, StemBlock};
pub use stream::{Stream, Timing};
pub use transform::stft::Stft;
