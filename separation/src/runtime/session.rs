//! A graph ready to run, its tensors known to be what the manifest says.

mod sharing;

use std::borrow::Cow;
use std::sync::Arc;

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorValueType, ValueType};

use super::{Runtime, Terminator, providers};
use crate::device::{Device, DeviceUse};
use crate::error::Error;
use crate::model::layout::dimension;
use crate::model::manifest::{ANY, Interface};
use crate::model::store::{Content, Model};
use sharing::Shared;

/// A graph that is run again and again, one call at a time.
///
/// Nothing is copied that need not be: the caller writes into the input tensor, the runtime's output
/// tensors are handed out as they are, and states that come out of one call go into the next.
///
/// Should a device other than the processor fail, the processor does that call again and all that follow.
///
/// One thread at a time runs it; which one doesn't matter.
pub(crate) struct Session {
    /// The graph, on whatever computes now.
    session: Loaded,
    /// What it takes to go on with the processor; none once it computes.
    spare: Option<Spare>,
    /// Tensors by the manifest, in the order in which they are given and returned.
    interface: Interface,
    /// What a terminator stops a run by.
    run_options: Arc<RunOptions>,
    /// Looked at before each run.
    terminator: Terminator,
}

/// What a session runs on and who may stop it.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) runtime: &'static Runtime,
    pub(crate) device: Device,
    /// Threads that share an inference on the processor.
    pub(crate) threads: usize,
    /// Where a fall-back is said.
    pub(crate) device_use: DeviceUse,
    /// What stops it, loading included.
    pub(crate) terminator: Terminator,
}

/// A session of the runtime.
pub(super) struct Loaded {
    pub(super) session: ort::session::Session,
    /// What it has in common with others on the processor, kept for those to come.
    _shared: Option<Arc<Shared>>,
}

/// A graph that can be loaded again.
struct Spare {
    /// Where it failed, and who is told.
    target: Target,
    /// The graph and its weights, held for as long as another device computes.
    content: Content,
}

/// f32 values in the runtime's form.
pub(crate) struct Tensor(ort::value::Tensor<f32>);

impl Session {
    /// Loads a graph, and compares its tensors with the manifest.
    ///
    /// # Errors
    /// The runtime can't load it, or a tensor has another name, type or shape.
    pub(crate) fn new(
        model: &Model,
        interface: Interface,
        content: Content,
        target: &Target,
    ) -> Result<Self, Error> {
        if target.terminator.is_terminated() {
            return Err(Error::Terminated);
        }
        let session = build(target.runtime, &content, target.device, target.threads)
            .map_err(|reason| model.refused(format!("ONNX Runtime does not load it: {reason}")))?;
        check(
            &interface,
            session.session.inputs(),
            session.session.outputs(),
        )
        .map_err(|problem| model.refused(problem))?;
        let run_options = Arc::new(RunOptions::new().map_err(failed)?);
        target.terminator.watch(&run_options);
        let spare = (target.device != Device::Cpu).then(|| Spare {
            target: target.clone(),
            content,
        });
        Ok(Self {
            session,
            spare,
            interface,
            run_options,
            terminator: target.terminator.clone(),
        })
    }

    /// One zeroed tensor per state, as at the start of a mix.
    pub(crate) fn initial_states(&self) -> Result<Vec<Tensor>, Error> {
        self.interface
            .states
            .iter()
            .map(|state| Tensor::zeros(&state.shape))
            .collect()
    }

    /// Runs the graph once on one tensor per input. Replaces `states` with the new ones and returns one
    /// tensor per output, in the order of the interface.
    ///
    /// # Errors
    /// [`Error::Terminated`], or [`Error::Inference`] with what the runtime says. `states` is then partly
    /// old: start again from [`Session::initial_states`].
    pub(crate) fn run(
        &mut self,
        inputs: &[&Tensor],
        states: &mut [Tensor],
    ) -> Result<Vec<Tensor>, Error> {
        loop {
            match self.run_once(inputs, states) {
                Err(Error::Inference { reason }) if self.fall_back(&reason) => {}
                result => return result,
            }
        }
    }

    /// From now on the processor computes; false if it did already, or can't load the graph either.
    fn fall_back(&mut self, reason: &str) -> bool {
        let Some(Spare { target, content }) = self.spare.take() else {
            return false;
        };
        match build(target.runtime, &content, Device::Cpu, target.threads) {
            Ok(session) => {
                self.session = session;
                target.device_use.fall_back(target.device, reason);
                true
            }
            Err(_) => false,
        }
    }

    /// As [`Session::run`], on what computes now.
    fn run_once(
        &mut self,
        inputs: &[&Tensor],
        states: &mut [Tensor],
    ) -> Result<Vec<Tensor>, Error> {
        if self.terminator.is_terminated() {
            return Err(Error::Terminated);
        }
        let tensors = inputs;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> =
            Vec::with_capacity(tensors.len() + states.len());
        for (input, tensor) in self.interface.inputs.iter().zip(tensors) {
            inputs.push((input.name.as_str().into(), (&tensor.0).into()));
        }
        for (state, tensor) in self.interface.states.iter().zip(states.iter()) {
            inputs.push((state.input.as_str().into(), (&tensor.0).into()));
        }
        let result = self
            .session
            .session
            .run_with_options(inputs, &self.run_options);
        let mut outputs = match result {
            Ok(outputs) => outputs,
            Err(_) if self.terminator.is_terminated() => return Err(Error::Terminated),
            Err(error) => return Err(failed(error)),
        };
        let mut take = |name: &str| {
            outputs
                .remove(name)
                .ok_or_else(|| Error::Inference {
                    reason: format!("output {name:?} is missing"),
                })?
                .downcast::<TensorValueType<f32>>()
                .map(Tensor)
                .map_err(failed)
        };
        for (state, tensor) in self.interface.states.iter().zip(states.iter_mut()) {
            *tensor = take(&state.output)?;
        }
        let outputs = &self.interface.outputs;
        outputs.iter().map(|output| take(&output.name)).collect()
    }
}

impl Tensor {
    /// All zeros.
    ///
    /// # Errors
    /// The runtime can't make it.
    pub(crate) fn zeros(shape: &[usize]) -> Result<Self, Error> {
        let elements = shape.iter().product();
        ort::value::Tensor::from_array((shape, vec![0.0; elements]))
            .map(Self)
            .map_err(failed)
    }

    /// The values, outermost dimension first.
    pub(crate) fn values(&self) -> &[f32] {
        self.0.extract_tensor().1
    }

    /// The values, which must be so many: what a graph says of a shape that takes any size may not hold.
    ///
    /// # Errors
    /// They are more or fewer.
    pub(crate) fn expect(&self, expected: usize) -> Result<&[f32], Error> {
        let values = self.values();
        if values.len() == expected {
            return Ok(values);
        }
        Err(Error::Inference {
            reason: format!(
                "expected an output of {expected} values, found one of shape {:?}",
                &self.0.shape()[..]
            ),
        })
    }

    /// The values to write.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        self.0.extract_tensor_mut().1
    }
}

/// Weights of a model whose activations are likely to be large, too.
const LARGE_BYTES: usize = 16 << 20;

/// A session on a device, not looked at yet.
///
/// Graph optimisations are all on, one operator runs at a time, on `threads` threads that don't spin, and
/// subnormal numbers count as 0.
///
/// # Errors
/// What the runtime says.
pub(super) fn build(
    runtime: &Runtime,
    content: &Content,
    device: Device,
    threads: usize,
) -> Result<Loaded, String> {
    let text = |error: ort::Error<ort::session::builder::SessionBuilder>| error.to_string();
    let mut builder = ort::session::Session::builder(&runtime.environment)
        .map_err(|error| error.to_string())?
        .with_optimization_level(GraphOptimizationLevel::Level3)
        .map_err(text)?
        .with_intra_threads(threads)
        .map_err(text)?
        .with_inter_threads(1)
        .map_err(text)?
        // A thread that spins between two hops takes the processor from the host's audio thread.
        .with_intra_op_spinning(false)
        .map_err(text)?
        // States decay to subnormal numbers in silence, which are many times slower to compute with.
        .with_flush_to_zero()
        .map_err(text)?;
    if let Some(provider) = providers::provider(device, threads) {
        builder = builder.with_execution_providers([provider]).map_err(text)?;
    }
    let weights: usize = content.weights.iter().map(|(_, bytes)| bytes.len()).sum();
    let is_large = content.graph.len() + weights > LARGE_BYTES;
    if device == Device::DirectMl || is_large {
        // DirectML refuses sessions that plan their memory ahead. And the plan is made by the first run, whose
        // memory is kept besides: HTDemucs takes 2.3 GB with a plan, 1.4 GB without, in the same time.
        builder = builder.with_memory_pattern(false).map_err(text)?;
    }
    // What is shared is held besides what the runtime makes of it, so a first instance takes more: HTDemucs
    // 1.6 GB with, 1.4 GB without. Large models rarely have a second one.
    let shared = if content.lender.is_some() || device == Device::Cpu && !is_large {
        Some(sharing::weights_of(runtime, content)?)
    } else {
        None
    };
    if let Some(shared) = &shared {
        builder = shared.give(builder)?;
    }
    for (location, bytes) in &content.weights {
        builder = builder
            .with_external_initializer_file_in_memory(location, Arc::clone(bytes))
            .map_err(text)?;
    }
    let session = builder
        .commit_from_memory(&content.graph)
        .map_err(|error| error.to_string())?;
    Ok(Loaded {
        session,
        _shared: shared,
    })
}

/// What differs between the manifest and the graph.
///
/// Every tensor of the manifest must be there, of f32, in that shape; an input that the manifest doesn't know
/// can't be given anything.
fn check(interface: &Interface, inputs: &[Outlet], outputs: &[Outlet]) -> Result<(), String> {
    let named = |tensors: &[crate::model::manifest::Tensor]| -> Vec<(String, Vec<i64>)> {
        let named =
            |tensor: &crate::model::manifest::Tensor| (tensor.name.clone(), tensor.shape.clone());
        tensors.iter().map(named).collect()
    };
    let mut expected_inputs = named(&interface.inputs);
    let mut expected_outputs = named(&interface.outputs);
    for state in &interface.states {
        let shape: Vec<i64> = state.shape.iter().map(|size| dimension(*size)).collect();
        expected_inputs.push((state.input.clone(), shape.clone()));
        expected_outputs.push((state.output.clone(), shape));
    }
    for (kind, expected, found) in [
        ("input", expected_inputs, inputs),
        ("output", expected_outputs, outputs),
    ] {
        for (name, shape) in &expected {
            let Some(outlet) = found.iter().find(|outlet| outlet.name() == name) else {
                let names: Vec<&str> = found.iter().map(Outlet::name).collect();
                return Err(format!("expected an {kind} {name:?}, found {names:?}"));
            };
            check_tensor(kind, name, shape, outlet.dtype())?;
        }
        // An output more does no harm.
        if let Some(extra) = found
            .iter()
            .find(|outlet| !expected.iter().any(|(name, _)| outlet.name() == name))
            && kind == "input"
        {
            return Err(format!("{kind} {:?} is not in the manifest", extra.name()));
        }
    }
    Ok(())
}

/// The same of one tensor; `kind` is what errors call it.
fn check_tensor(kind: &str, name: &str, shape: &[i64], found: &ValueType) -> Result<(), String> {
    let ValueType::Tensor {
        ty: TensorElementType::Float32,
        shape: found_shape,
        ..
    } = found
    else {
        return Err(format!(
            "expected {kind} {name:?} to be a tensor of f32, found {found}"
        ));
    };
    // A graph that takes any size takes the manifest's too; not the other way round.
    let fits =
        |(&expected, &found): (&i64, &i64)| found == expected || (found < 0 && expected != ANY);
    if found_shape.len() != shape.len() || !shape.iter().zip(found_shape.iter()).all(fits) {
        return Err(format!(
            "expected {kind} {name:?} of shape {shape:?}, found {:?} (−1 is any size)",
            &found_shape[..]
        ));
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "shape of map_err")]
fn failed(error: ort::Error) -> Error {
    Error::Inference {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
