//! The model of a command: found, checked, loaded once, and turned into streams.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use unweave_separation::manifest::Kind;
use unweave_separation::report::ModelReport;
use unweave_separation::{
    DeviceChoice, DeviceUse, Error, Model, Options, Separator, Store, Stream, Terminator, load,
    runtime,
};

/// Hops that are separated per call of the model: beyond this, models get no faster, and a call must stay
/// short for Ctrl-C and progress.
pub const BATCH_HOPS: usize = 32;

/// Which model, on what.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// Id of a model, or path of its folder; see `unweave models list`.
    #[arg(long, value_name = "ID|PATH")]
    pub model: Option<String>,
    /// What computes: auto (the fastest), cpu, or another that `unweave doctor` finds here.
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
    /// Threads that compute; unless given, as many as help the model.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// A model ready to run.
pub struct Engine {
    model: Model,
    options: Options,
    runtime: String,
    /// Loaded to see that it works, and used by the first stream.
    first: Option<Box<dyn Separator>>,
}

impl ModelArgs {
    /// Threads that encode files.
    pub fn encoding_threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(all, NonZeroUsize::get)
    }

    /// Threads that share one inference. A recurrent model goes step by step: a second thread wins
    /// nothing on an idle machine, and on a busy one each step waits for the slower of the two.
    pub fn model_threads(&self, model: &Model) -> usize {
        match model.manifest.kind {
            Kind::StreamingSpectrum(_) => self.threads.map_or(1, NonZeroUsize::get),
            Kind::Waveform(_) => self.encoding_threads(),
        }
    }

    /// The model that is meant.
    ///
    /// # Errors
    /// There is none of that name, or its manifest is wrong.
    pub fn find(&self) -> Result<Model, Error> {
        match &self.model {
            Some(name) => Store::from_environment().find(name),
            None => Model::built_in(),
        }
    }

    /// Finds, checks and loads the model.
    ///
    /// # Errors
    /// No runtime, no such model, or one that is refused.
    pub fn open(&self, cancel: &Terminator) -> Result<Engine, Error> {
        let model = self.find()?;
        let options = Options {
            device: self.device,
            device_use: DeviceUse::default(),
            threads: self.model_threads(&model),
            runtime_beside: beside(),
            terminator: cancel.clone(),
        };
        let first = load(&model, &options)?;
        let library = runtime::load(&options.runtime_beside)?.library();
        let runtime = match library.verdict {
            runtime::Verdict::Usable { minor } => format!("ONNX Runtime 1.{minor}"),
            _ => "ONNX Runtime".to_owned(),
        };
        Ok(Engine {
            model,
            options,
            runtime,
            first: Some(first),
        })
    }
}

impl Engine {
    /// A stream at a sample rate, with a separator of its own.
    ///
    /// # Errors
    /// The model can't be loaded once more, or the rate isn't possible.
    pub fn stream(&mut self, sample_rate: u32) -> Result<Stream, Error> {
        let separator = match self.first.take() {
            Some(first) => first,
            None => load(&self.model, &self.options)?,
        };
        Stream::with_batch(separator, sample_rate, BATCH_HOPS)
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
            sha256: manifest.sha256().to_owned(),
            stems: manifest.stems.clone(),
            residual: manifest.stems[manifest.residual_idx].clone(),
        }
    }
}

/// The folder of this program, where a runtime may lie.
pub fn beside() -> Vec<PathBuf> {
    std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(PathBuf::from))
        .into_iter()
        .collect()
}
