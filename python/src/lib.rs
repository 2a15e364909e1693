//! The Python package `unweave`: `unweave-separation` for NumPy.
//!
//! What users see is documented where they look for it, in `package/unweave/_native.pyi`, and carries the same text
//! at run time. Here is what Python code can't know: the interpreter is let go of while anything computes,
//! and Ctrl-C is listened for meanwhile (`waiting`).
#![forbid(unsafe_code)]

mod arguments;
mod errors;
mod live;
mod models;
mod separator;
mod waiting;

use pyo3::prelude::*;

/// The compiled part of `unweave`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::errors::{Error, ModelError, OutputError, SongError, VerifyError};
    #[pymodule_export]
    use crate::live::Stream;
    #[pymodule_export]
    use crate::models::{models, verify};
    #[pymodule_export]
    use crate::separator::{Delivery, Separator};

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
