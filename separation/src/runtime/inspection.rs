//! What a graph takes and gives, looked up in the graph itself.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ort::value::{Outlet, ValueType};

use super::session::build;
use crate::device::Device;
use crate::error::Error;
use crate::model::store::Content;

/// Names and shapes of a graph's tensors; a dimension of −1 takes any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensors {
    /// What goes in.
    pub inputs: Vec<(String, Vec<i64>)>,
    /// What comes out.
    pub outputs: Vec<(String, Vec<i64>)>,
}

impl fmt::Display for Tensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |tensors: &[(String, Vec<i64>)]| {
            let texts: Vec<String> = tensors
                .iter()
                .map(|(name, shape)| format!("{name} {shape:?}"))
                .collect();
            texts.join(", ")
        };
        write!(f, "{} -> {}", list(&self.inputs), list(&self.outputs))
    }
}

/// What a graph takes and gives, for whoever writes a manifest. Its weights come with it, under the names
/// that it calls them by.
///
/// # Errors
/// The runtime can't be used, or can't load the graph.
pub fn tensors(
    beside: &[PathBuf],
    graph: &[u8],
    weights: &[(String, Vec<u8>)],
) -> Result<Tensors, Error> {
    let content = Content {
        graph: Cow::Owned(graph.to_vec()),
        weights: weights
            .iter()
            .map(|(name, bytes)| (name.clone(), Arc::from(&bytes[..])))
            .collect(),
        lender: None,
    };
    let session = build(super::load(beside)?, &content, Device::Cpu, 1)
        .map_err(|reason| Error::Inference { reason })?
        .session;
    let list = |outlets: &[Outlet]| {
        let shape = |outlet: &Outlet| match outlet.dtype() {
            ValueType::Tensor { shape, .. } => shape.to_vec(),
            _ => Vec::new(),
        };
        outlets
            .iter()
            .map(|outlet| (outlet.name().to_owned(), shape(outlet)))
            .collect()
    };
    Ok(Tensors {
        inputs: list(session.inputs()),
        outputs: list(session.outputs()),
    })
}
