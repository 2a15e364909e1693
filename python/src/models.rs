//! `unweave.models()` and `unweave.verify()`.

use std::ffi::CString;
use std::path::PathBuf;

use pyo3::exceptions::{PyUserWarning, PyValueError};
use pyo3::prelude::*;
use serde::Serialize;
use unweave_separation::delivery::verify::verify_dir;
use unweave_separation::model::facts::Facts;
use unweave_separation::{Store, Terminator};

use crate::{errors, waiting};

/// All models that `Separator` can be given by their id, as `unweave models list --json` prints them.
///
/// The built-in model is the last. A model that can't be read is left out with a `UserWarning` that says what is
/// wrong with it.
#[pyfunction]
pub fn models(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let listed = py.detach(|| Store::from_environment().list());
    let mut facts = Vec::new();
    for model in listed {
        match model {
            Ok(model) => facts.push(Facts::of(&model)),
            Err(error) => {
                let text = CString::new(error.to_string())?;
                PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 1)?;
            }
        }
    }
    plain(py, &facts)
}

/// Reads a set back and says whether it sums, sample by sample.
///
/// Returns what `unweave verify --json` prints as the verdict: `outcome` is "exact", "lossy" (MP3: the differences
/// are measured) or "failed"; each of `sums` has the largest and the RMS difference, in integer steps of the files
/// (in units of full scale for floats and MP3).
///
/// Raises `VerifyError` if the set can't be read. That it doesn't sum is no exception, but a verdict.
#[pyfunction]
pub fn verify(py: Python<'_>, folder: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let cancel = Terminator::new();
    let result = waiting::run(
        py,
        &cancel,
        |_| verify_dir(&folder, &cancel),
        |_, (): ()| Ok(()),
    )?;
    let (_, verdict) = result.map_err(|error| errors::verification(&error))?;
    plain(py, &verdict)
}

/// As dictionaries, lists, strings and numbers, the same as in the JSON that the command prints.
pub fn plain<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let json =
        serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (json,))
}
