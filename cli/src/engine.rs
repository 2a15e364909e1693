//! The model of a command, as its arguments name it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use unweave_separation::offline::engine;
pub use unweave_separation::offline::engine::Engine;
use unweave_separation::{
    DeviceChoice, DeviceUse, Error, Mode, Model, Options, Purpose, Store, Terminator,
};

/// Which model, on what.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// Id of a model, or path of its folder; see `unweave models list`.
    #[arg(short = 'n', long, value_name = "ID|PATH")]
    pub model: Option<String>,
    /// What computes: auto (the fastest), cpu, or another that `unweave doctor` finds here.
    #[arg(short, long, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
    /// Threads that compute; unless given, as many as help the model.
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// As the plug-in separates while it plays, in this mode (standard, quick, light), not as well as possible.
    #[arg(long, value_name = "MODE")]
    pub live: Option<Mode>,
}

impl ModelArgs {
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
            threads: engine::model_threads(&model, self.threads),
            runtime_beside: beside(),
            terminator: cancel.clone(),
            purpose: self.live.map_or(Purpose::Files, Purpose::Live),
        };
        Engine::open_for_purpose(model, options)
    }
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "name a number of threads from 1 up, or leave it out".to_owned())
}

/// The folder of this program, where a runtime may lie.
pub fn beside() -> Vec<PathBuf> {
    std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(PathBuf::from))
        .into_iter()
        .collect()
}
