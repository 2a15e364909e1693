//! Weights that all sessions of a graph on the processor have in common.
//!
//! Every session keeps the graph's constants, and again in the order that its kernels want: with eight
//! instances of a plug-in that is sixteen times the model. Here the constants are made once and given
//! to every session, and so is the container in which the runtime keeps what it has reordered. Sessions
//! stay apart otherwise: one shared session would run one instance at a time, and each would wait for all
//! others, which live use can't.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, Tensor};

use crate::onnx::weights::large_weights;
use crate::store;

/// Smaller constants are cheaper to keep than to look up; the runtime folds many of them away.
const MIN_BYTES: usize = 4096;

/// What the sessions of one graph share; lives as long as one of them.
pub(super) struct Shared {
    tensors: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
}

/// The weights of this graph, from a session that has them or made now.
///
/// # Errors
/// What the runtime says about a tensor.
pub(super) fn weights_of(graph: &[u8]) -> Result<Arc<Shared>, String> {
    static ALL: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, shared| shared.strong_count() > 0);
    let key = store::sha256(graph);
    if let Some(shared) = all.get(&key).and_then(Weak::upgrade) {
        return Ok(shared);
    }
    let shared = Arc::new(Shared::new(graph)?);
    all.insert(key, Arc::downgrade(&shared));
    Ok(shared)
}

impl Shared {
    fn new(graph: &[u8]) -> Result<Self, String> {
        let tensor = |weights: crate::onnx::weights::Weights<'_>| {
            let (values, _) = weights.bytes.as_chunks::<4>();
            let values: Vec<f32> = values.iter().copied().map(f32::from_le_bytes).collect();
            let tensor =
                Tensor::from_array((weights.shape, values)).map_err(|error| error.to_string())?;
            Ok((weights.name.to_owned(), Arc::new(tensor.into_dyn())))
        };
        Ok(Self {
            tensors: large_weights(graph, MIN_BYTES)
                .into_iter()
                .map(tensor)
                .collect::<Result<_, String>>()?,
            packed: PrepackedWeights::new(),
        })
    }

    /// Gives them to a session to be.
    pub(super) fn give(&self, mut builder: SessionBuilder) -> Result<SessionBuilder, String> {
        let text = |error: ort::Error<SessionBuilder>| error.to_string();
        for (name, tensor) in &self.tensors {
            builder = builder
                .with_initializer(name, Arc::clone(tensor))
                .map_err(text)?;
        }
        builder.with_prepacked_weights(&self.packed).map_err(text)
    }
}
