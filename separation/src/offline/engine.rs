//! The model of a job: found, checked, loaded once, and turned into streams.

use crate::delivery::report::ModelReport;
use crate::device::Device;
use crate::error::Error;
use crate::loading::load::load;
use crate::mode::Purpose;
use crate::model::store::Model;
use crate::runtime;
use crate::runtime::options::Options;
use crate::separator::Separator;
use crate::stream::{BATCH_HOPS, Stream};

/// A model ready to run.
pub struct Engine {
    model: Model,
    options: Options,
    runtime: String,
    /// What its files and parts add up to.
    identity: String,
    /// Loaded to see that it works, and used by the first stream.
    first: Option<Box<dyn Separator>>,
}

impl Engine {
    /// Checks and loads the model, for files whatever the options say.
    ///
    /// # Errors
    /// No runtime, or a model that is refused, or the options' terminator was used.
    pub fn open(model: Model, options: Options) -> Result<Self, Error> {
        let purpose = Purpose::Files;
        Self::open_for_purpose(model, Options { purpose, ..options })
    }

    /// As [`Engine::open`], for what the options say: also to hear in a file what a live mode makes of it.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_for_purpose(model: Model, options: Options) -> Result<Self, Error> {
        let first = load(&model, &options)?;
        let library = runtime::load(&options.runtime_beside)?.library();
        let runtime = match library.verdict {
            runtime::Verdict::Usable { minor } => format!("ONNX Runtime 1.{minor}"),
            _ => "ONNX Runtime".to_owned(),
        };
        let runtime = match options.device_use.device() {
            None | Some(Device::Cpu) => runtime,
            Some(device) => format!("{runtime} on {}", device.name()),
        };
        Ok(Self {
            identity: model.identity()?,
            model,
            options,
            runtime,
            first: Some(first),
        })
    }

    /// A stream at a sample rate, with a separator of its own.
    ///
    /// # Errors
    /// The model can't be loaded once more, or the rate isn't possible.
    pub fn stream(&mut self, sample_rate: u32) -> Result<Stream, Error> {
        let separator = match self.first.take() {
            Some(first) => first,
            None => load(&self.model, &self.options)?,
        };
        let stream = Stream::with_batch(separator, sample_rate, BATCH_HOPS)?;
        Ok(stream.on(self.options.device_use.clone()))
    }

    /// What runs the model.
    pub fn runtime(&self) -> &str {
        &self.runtime
    }

    /// The model as reports name it.
    pub fn model_report(&self) -> ModelReport {
        let manifest = &self.model.manifest;
        ModelReport {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            sha256: self.identity.clone(),
            stems: manifest.stems.clone(),
            residual: manifest.stems[manifest.residual_idx].clone(),
            live_mode: match self.options.purpose {
                Purpose::Live(mode) => Some(mode.id().to_owned()),
                Purpose::Files => None,
            },
        }
    }
}
