//! From a model to a separator, which is the one place that knows every kind of model.

mod graphs;
pub mod install;
pub(crate) mod load;
pub mod strips;

pub use load::shape;
