//! A model as it lies on the disk: what it says of itself, where it is found, and whether its files are those
//! it was published with. Nothing here runs one.
//!
//! | file | what of a model |
//! |---|---|
//! | `model.toml` | all that is known of it: [`manifest`] |
//! | `*.onnx` | its graphs: [`onnx`] |
//! | other files that the manifest lists | weights of the graphs |

pub mod catalogue;
pub mod facts;
pub(crate) mod layout;
pub mod manifest;
pub mod onnx;
pub(crate) mod store;
