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

use super::Runtime;
use crate::model::onnx::lent::lent;
use crate::model::onnx::weights::large_weights;
use crate::model::store::{self, Content};

/// Smaller constants are cheaper to keep than to look up; the runtime folds many of them away.
const MIN_BYTES: usize = 4096;

/// From this minor version on, the runtime looks for the file of external weights even if it is given them to share: it is
/// given them twice, which takes memory while it loads. Seen with 1.27 and 1.28, not with 1.23.
const FIRST_LOOKING: u32 = 24;

/// What the sessions of one graph share; lives as long as one of them.
pub(super) struct Shared {
    /// By name: constants that every session is given in place of the graph's.
    tensors: Vec<(String, Arc<DynValue>)>,
    /// What the graph has from another and every session makes its own of.
    lent: Vec<(String, Arc<DynValue>)>,
    /// What the runtime has reordered of them, for whoever loads next.
    packed: PrepackedWeights,
}

/// The weights of this graph, from a session that has them or made now.
///
/// # Errors
/// What the lender lacks, or the runtime says about a tensor.
pub(super) fn weights_of(runtime: &Runtime, content: &Content) -> Result<Arc<Shared>, String> {
    static ALL: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, shared| shared.strong_count() > 0);
    let lender = content.lender.as_ref();
    let key = store::checksum(&content.graph) + &lender.map(store::checksum).unwrap_or_default();
    if let Some(shared) = all.get(&key).and_then(Weak::upgrade) {
        return Ok(shared);
    }
    let shared = Arc::new(Shared::new(
        runtime,
        &content.graph,
        lender.map(|graph| &graph[..]),
    )?);
    all.insert(key, Arc::downgrade(&shared));
    Ok(shared)
}

impl Shared {
    /// Copies constants of the graph, and those that it has from the lender.
    ///
    /// # Errors
    /// As [`weights_of`].
    fn new(runtime: &Runtime, graph: &[u8], lender: Option<&[u8]>) -> Result<Self, String> {
        let is_looking = runtime.minor() >= FIRST_LOOKING;
        let tensor = |name: &str, shape: Vec<i64>, values: Vec<f32>| {
            let tensor = Tensor::from_array((shape, values)).map_err(|error| error.to_string())?;
            Ok::<_, String>((name.to_owned(), Arc::new(tensor.into_dyn())))
        };
        let mut shared = Self {
            tensors: Vec::new(),
            lent: Vec::new(),
            packed: PrepackedWeights::new(),
        };
        for weights in large_weights(graph, MIN_BYTES) {
            let (values, _) = weights.bytes.as_chunks::<4>();
            let values = values.iter().copied().map(f32::from_le_bytes).collect();
            let own = tensor(weights.name, weights.shape, values)?;
            shared.tensors.push(own);
        }
        for weights in lender.map_or(Ok(Vec::new()), |lender| lent(graph, lender))? {
            let lent = tensor(weights.name, weights.shape, weights.values)?;
            if weights.is_shareable {
                shared.tensors.push(lent.clone());
            }
            if !weights.is_shareable || is_looking {
                shared.lent.push(lent);
            }
        }
        Ok(shared)
    }

    /// Gives them to a session to be.
    pub(super) fn give(&self, mut builder: SessionBuilder) -> Result<SessionBuilder, String> {
        let text = |error: ort::Error<SessionBuilder>| error.to_string();
        for (name, tensor) in &self.tensors {
            builder = builder
                .with_initializer(name, Arc::clone(tensor))
                .map_err(text)?;
        }
        for (name, tensor) in &self.lent {
            builder = builder
                .with_external_initializer(name, Arc::clone(tensor))
                .map_err(text)?;
        }
        builder.with_prepacked_weights(&self.packed).map_err(text)
    }
}

#[cfg(test)]
mod tests;
