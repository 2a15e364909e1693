//! The model of a command, as its arguments name it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use unweave_separation::model::manifest::{Kind, MAX_OVERLAP, Manifest};
pub use unweave_separation::offline::pool::SeparatorPool;
use unweave_separation::offline::threads;
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
    /// Which part of a segment is shared with the next, 0 to 0.9, for models that are run on overlapping segments: more
    /// is slower and a little smoother. Without, what the model's makers use.
    #[arg(long, value_name = "SHARE", value_parser = overlap, conflicts_with = "live")]
    pub overlap: Option<f64>,
    /// What Demucs has and Unweave hasn't: to be told so.
    #[arg(long, hide = true, value_parser = no_segment)]
    segment: Option<NoSuch>,
    /// The same.
    #[arg(long, hide = true, value_parser = no_shifts)]
    shifts: Option<NoSuch>,
}

/// What no value can be given for.
#[derive(Debug, Clone, Copy)]
enum NoSuch {}

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

    /// Refuses an overlap for a model that has none.
    ///
    /// # Errors
    /// As [`ModelArgs::find`], and the model leaves no choice.
    pub fn check(&self) -> anyhow::Result<()> {
        if let Some(share) = self.overlap {
            let Manifest { kind, name, .. } = self.find()?.manifest;
            ensure!(
                kind.with_overlap(share).is_some()
                    || matches!(kind, Kind::Bag(_) | Kind::Cascade(_)),
                "{name} is not run on segments whose overlap can be chosen: leave out --overlap"
            );
        }
        Ok(())
    }

    /// Finds, checks and loads the model.
    ///
    /// # Errors
    /// No runtime, no such model, or one that is refused.
    pub fn open(&self, cancel: &Terminator) -> Result<SeparatorPool, Error> {
        let model = self.find()?;
        let options = Options {
            device: self.device,
            device_use: DeviceUse::default(),
            threads: threads::for_inference(&model, self.threads),
            runtime_beside: beside(),
            terminator: cancel.clone(),
            purpose: self.live.map_or(Purpose::Files, Purpose::Live),
            overlap: self.overlap,
        };
        SeparatorPool::open_for_purpose(model, options)
    }
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "name a number of threads from 1 up, or leave it out".to_owned())
}

fn overlap(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=MAX_OVERLAP).contains(share));
    share.ok_or_else(|| format!("name a share of a segment from 0 to {MAX_OVERLAP}, such as 0.25"))
}

fn no_segment(_: &str) -> Result<NoSuch, String> {
    Err(
        "the length of a segment is a part of each model and can't be chosen: leave it out"
            .to_owned(),
    )
}

fn no_shifts(_: &str) -> Result<NoSuch, String> {
    Err(
        "songs are not separated several times with shifts: leave it out, or raise --overlap, which smooths as well"
            .to_owned(),
    )
}

/// The folder of this program, where a runtime may lie.
pub fn beside() -> Vec<PathBuf> {
    std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(PathBuf::from))
        .into_iter()
        .collect()
}
