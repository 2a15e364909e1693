//! From a model to a separator, which is the one place that knows every kind of model.

#[cfg(feature = "download")]
pub mod download;
#[cfg(feature = "download")]
pub mod fetch;
mod graphs;
pub mod install;
pub(crate) mod load;
pub mod strips;

pub use load::shape;
