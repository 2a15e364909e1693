//! From a model that was found to a separator that can be trusted with a mix.
//!
//! Before the first hop of a mix: the checksum of every file is that of the manifest, no weights come from
//! elsewhere, every tensor of the graph has the name, type and shape that the manifest says, and two
//! hops, of noise and of silence, went through without NaN or infinity. A model that fails any of it is
//! refused.

use std::path::PathBuf;

use crate::device::{DeviceChoice, DeviceUse};
use crate::manifest::Kind;
use crate::runtime::session::{Place, Session};
use crate::runtime::{self, Terminator};
use crate::segments::Segments;
use crate::store::Model;
use crate::streaming::StreamingSpectrum;
use crate::{Error, Separator, StemBlock};

/// How a model is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is to compute.
    pub device: DeviceChoice,
    /// Says what does, and why it is another.
    pub device_use: DeviceUse,
    /// Threads that share one inference, the calling one included; at least 1. Live use wants 1.
    pub threads: usize,
    /// Folders of the program or plug-in, where a runtime may lie: [`crate::runtime`].
    pub runtime_beside: Vec<PathBuf>,
    /// Stops loading and separating.
    pub terminator: Terminator,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            device_use: DeviceUse::default(),
            threads: 1,
            runtime_beside: Vec::new(),
            terminator: Terminator::new(),
        }
    }
}

/// Verifies a model, loads it, and tries it out.
///
/// # Errors
/// The runtime can't be used, the model is refused, or the terminator was used.
pub fn load(model: &Model, options: &Options) -> Result<Box<dyn Separator>, Error> {
    runtime::on_device(model, options, &mut |place| load_on(model, place))
}

/// The same on a device that is chosen.
fn load_on(model: &Model, place: &Place) -> Result<Box<dyn Separator>, Error> {
    let content = model.read()?;
    let session = Session::new(model, content, place)?;
    let mut separator: Box<dyn Separator> = match model.manifest.kind {
        Kind::StreamingSpectrum(spectrum) => {
            Box::new(StreamingSpectrum::new(model, spectrum, session)?)
        }
        Kind::Waveform(segment) => Box::new(Segments::new(model, segment, session)?),
    };
    warm_up(&mut *separator).map_err(|error| match error {
        Error::Inference { reason } => model.refused(format!("it does not run: {reason}")),
        Error::NotANumber { stem } => model.refused(format!(
            "it returns values that are not numbers for stem {stem:?}"
        )),
        other => other,
    })?;
    Ok(separator)
}

/// Two hops, one of noise and one of silence, whose stems must be numbers. The first inference also
/// allocates what later ones reuse.
fn warm_up(separator: &mut dyn Separator) -> Result<(), Error> {
    let hop = separator.shape().hop_frames;
    let noise = noise(hop);
    let silence = vec![0.0; hop];
    let mut stems = StemBlock::default();
    for mix in [&noise, &silence] {
        separator.process([mix, mix], &mut stems)?;
        for (stem, name) in stems.iter().zip(&separator.shape().stems) {
            if !stem.iter().flatten().all(|sample| sample.is_finite()) {
                return Err(Error::NotANumber { stem: name.clone() });
            }
        }
    }
    separator.reset();
    Ok(())
}

/// Wide-band at −20 dB.
pub(crate) fn noise(num_frames: usize) -> Vec<f32> {
    // The generator of Numerical Recipes; any will do.
    let mut state = 1u32;
    (0..num_frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from((state >> 16) as u16) / 32_768.0 - 1.0) * 0.1
        })
        .collect()
}
