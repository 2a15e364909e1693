//! Errors as Python exceptions, one class for each thing that a caller can do about them.

use std::path::Path;

use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyValueError};
use unweave_separation::delivery::verify::VerifyError as Verification;
use unweave_separation::offline::JobError;
use unweave_separation::{Error as Separation, words};

create_exception!(
    unweave,
    Error,
    PyException,
    "Whatever Unweave can't do; its text says what to do."
);
create_exception!(
    unweave,
    SongError,
    Error,
    "The song can't be read: trying again won't help, another copy of it may."
);
create_exception!(
    unweave,
    ModelError,
    Error,
    "The model, ONNX Runtime or the device can't be used, or failed."
);
create_exception!(
    unweave,
    OutputError,
    Error,
    "The set can't be written, for want of room or permission. Nothing of it is left."
);
create_exception!(unweave, VerifyError, Error, "The set can't be read back.");

/// What the folder for sets is called here.
const OUTPUT: &str = "`out`";

/// Why a separation in memory, or a model, failed.
pub fn separation(error: &Separation) -> PyErr {
    let text = error.to_string();
    match error {
        Separation::SampleRate { .. } | Separation::BlockLength { .. } => {
            PyValueError::new_err(text)
        }
        Separation::Runtime { .. } => ModelError::new_err(format!(
            "{text}. In Python it comes with: pip install --force-reinstall unweave"
        )),
        Separation::Terminated => PyKeyboardInterrupt::new_err(()),
        _ => ModelError::new_err(text),
    }
}

/// Why there is no set of a song.
pub fn job(song: &Path, error: &JobError) -> PyErr {
    let text = format!("{}: {}", song.display(), words::job(error, OUTPUT));
    match error {
        JobError::Model(error) => separation(error),
        JobError::Read(_) => SongError::new_err(text),
        JobError::Plan(_) => PyValueError::new_err(text),
        JobError::Cancelled => PyKeyboardInterrupt::new_err(()),
        _ => OutputError::new_err(text),
    }
}

/// Why a set can't be verified.
pub fn verification(error: &Verification) -> PyErr {
    match error {
        Verification::Cancelled => PyKeyboardInterrupt::new_err(()),
        error => VerifyError::new_err(words::verify(error)),
    }
}
