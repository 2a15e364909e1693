//! What the plug-in separates with, and how it comes to the inference thread.

use std::sync::Arc;

use nice_plug::prelude::nice_error;
use unweave_live::{Fault, LatencyPlan, Loader, Refusal, Timing};
use unweave_separation::loading::shape;
use unweave_separation::loading::strips::Strips;
use unweave_separation::{
    DeviceUse, Error, Mode, Model, Options, Purpose, Shape, Store, Terminator,
};

use crate::model_choice::ModelChoice;
use crate::{ids, place, runtime_choice};

/// A model that need not be loaded yet.
pub struct Source {
    /// What its manifest promises.
    pub shape: Shape,
    /// Loads it, on the inference thread.
    pub loader: Loader,
    /// Will say what computes.
    pub device_use: DeviceUse,
    /// What it is in each of its modes, the one that is wanted included.
    pub modes: Vec<(Mode, Shape)>,
    /// Whether the loader does nothing but say what is wrong: then stems are never due.
    pub is_refused: bool,
}

impl Source {
    /// When its stems are due in a host at `sample_rate` that announces blocks of at most
    /// `max_block_frames`.
    ///
    /// # Errors
    /// The rate is not one that is converted.
    pub fn plan(
        &self,
        sample_rate: u32,
        max_block_frames: usize,
    ) -> Result<LatencyPlan, unweave_live::Error> {
        plan(&self.shape, sample_rate, max_block_frames)
    }

    /// The plan of each of its modes that has one there.
    pub(crate) fn plans(&self, sample_rate: u32, max_block_frames: usize) -> Vec<ModePlan> {
        let plans = self.modes.iter().filter_map(|(mode, shape)| {
            let plan = plan(shape, sample_rate, max_block_frames).ok()?;
            Some(ModePlan { mode: *mode, plan })
        });
        plans.collect()
    }
}

/// When a model's stems are due in one of its modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModePlan {
    /// The mode.
    pub mode: Mode,
    /// Its plan.
    pub plan: LatencyPlan,
}

fn plan(
    shape: &Shape,
    sample_rate: u32,
    max_block_frames: usize,
) -> Result<LatencyPlan, unweave_live::Error> {
    let timing = Timing::of(shape, sample_rate)?;
    LatencyPlan::new(timing, sample_rate, max_block_frames)
}

/// What a session wants. Reads manifests only; a model that can't be used has the timing of the built-in
/// one, and a loader that says why.
///
/// # Errors
/// The built-in manifest is wrong, which a test excludes.
pub fn source(choice: &ModelChoice) -> Result<Source, Error> {
    let built_in = Model::built_in()?;
    let purpose = Purpose::Live(choice.mode);
    let found = Store::from_environment()
        .find(&choice.model)
        .and_then(|model| {
            let strips = |mode| Strips::new(&model, &ids::STEMS, Purpose::Live(mode));
            let modes = model.manifest.modes().into_iter();
            let modes = modes.map(|mode| Ok((mode, strips(mode)?.shape().clone())));
            Ok((strips(choice.mode)?, modes.collect::<Result<_, _>>()?))
        })
        .map_err(|error: Error| refusal(&error));
    let device_use = DeviceUse::default();
    let options = Options {
        device: choice.device,
        device_use: device_use.clone(),
        threads: 1,
        runtime_beside: place::runtime_folders(),
        terminator: Terminator::new(),
        purpose,
        overlap: None,
    };
    Ok(match found {
        Ok((model, modes)) => Source {
            shape: model.shape().clone(),
            loader: Box::new(move |is_stopping| run(&model, options, is_stopping)),
            device_use,
            modes,
            is_refused: false,
        },
        Err(refusal) => Source {
            shape: shape(&built_in, purpose)?,
            loader: Box::new(|_is_stopping| Err(refusal)),
            device_use,
            modes: Vec::new(),
            is_refused: true,
        },
    })
}

/// Loads on the inference thread.
fn run(
    model: &Strips,
    options: Options,
    is_stopping: &dyn Fn() -> bool,
) -> Result<unweave_live::LoadedSeparator, Refusal> {
    if is_stopping() {
        return Err(refusal(&Error::Terminated));
    }
    let separator = model.load(&options).map_err(|error| {
        nice_error!("no separation: {error}");
        refusal(&error)
    })?;
    Ok(unweave_live::LoadedSeparator {
        separator,
        terminate: Some(Arc::new(move || options.terminator.terminate())),
    })
}

fn refusal(error: &Error) -> Refusal {
    let fault = match error {
        Error::NoSuchModel { .. } => Fault::NoModel,
        Error::Runtime { .. } => Fault::NoRuntime,
        _ => Fault::BadModel,
    };
    Refusal {
        fault,
        reason: runtime_choice::words(error),
    }
}

/// Hosts state rates in floating point; a fraction of a hertz is not worth another resampler.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and what is out of range is refused as a rate"
)]
pub(crate) fn whole_rate(sample_rate: f32) -> u32 {
    sample_rate.round() as u32
}

#[cfg(test)]
mod tests {
    use unweave_separation::DeviceChoice;

    use super::*;
    use crate::ids::BUILTIN_ID;

    fn model_choice(model: &str) -> ModelChoice {
        ModelChoice {
            model: model.to_owned(),
            mode: Mode::default(),
            device: DeviceChoice::Auto,
        }
    }

    #[test]
    fn the_built_in_model_has_our_stems_and_is_inside_every_hosts_limit() {
        for mode in Mode::ALL {
            let source = source(&ModelChoice {
                mode,
                ..model_choice(BUILTIN_ID)
            });
            let source = source.unwrap();
            assert_eq!(source.shape.stems, ids::STEMS);
            // Pro Tools, whose limit it is, runs at no higher rate.
            for rate in [8_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000] {
                let plan = source.plan(rate, 1024).unwrap();
                let latency = plan.latency_frames();
                assert!(plan.fits_pro_tools(), "{mode}, {rate} Hz: {latency}");
            }
        }
    }

    #[test]
    fn a_model_that_is_not_here_is_named_and_has_the_usual_latency() {
        let missing = source(&model_choice("no-such-model")).unwrap();
        assert_eq!(
            missing.shape,
            source(&model_choice(BUILTIN_ID)).unwrap().shape
        );
        let refusal = (missing.loader)(&|| false).err().unwrap();
        assert_eq!(refusal.fault, Fault::NoModel);
        assert!(
            refusal.reason.contains("no-such-model"),
            "{}",
            refusal.reason
        );
    }
}
