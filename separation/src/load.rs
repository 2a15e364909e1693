//! From a model that was found to a separator that can be trusted with a mix.
//!
//! Before the first hop of a mix: the checksum of every file is that of the manifest, no weights come from
//! elsewhere, every tensor of the graph has the name, type and shape that the manifest says, and two
//! hops, of noise and of silence, went through without NaN or infinity. A model that fails any of it is
//! refused.

use std::path::PathBuf;

use crate::manifest::Kind;
use crate::runtime::session::Session;
use crate::runtime::{self, Terminator};
use crate::segments::Segments;
use crate::store::Model;
use crate::streaming::StreamingSpectrum;
use crate::{Error, Separator, StemBlock};

/// How a model is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What computes.
    pub device: Device,
    /// Threads that share one inference, the calling one included; at least 1. Live use wants 1.
    pub threads: usize,
    /// Folders of the program or plug-in, where a runtime may lie: [`crate::runtime`].
    pub runtime_beside: Vec<PathBuf>,
    /// Stops loading and separating.
    pub terminator: Terminator,
}

/// What computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
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
    let Device::Cpu = options.device;
    let runtime = runtime::load(&options.runtime_beside)?;
    let content = model.read()?;
    let threads = options.threads.max(1);
    let session = Session::new(runtime, model, content, threads, &options.terminator)?;
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
    // The generator of Numerical Recipes; any wide-band signal at −20 dB will do.
    let mut state = 1u32;
    let noise: Vec<f32> = (0..hop)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from((state >> 16) as u16) / 32_768.0 - 1.0) * 0.1
        })
        .collect();
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
