//! `unweave.Stream`: blocks in, stems out, as the plug-in does it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use unweave_separation::{StemBlock, Stream as Inner};

use crate::arguments::{Mix, block_of};
use crate::errors;

/// Separates a stereo stream, block by block. Made by `Separator.stream`.
///
/// The first frame out belongs to the first frame in. Stems don't depend on how the mix was cut into blocks, bit
/// for bit: frame p of them is out once `p + window_frames` frames are in, and `hop_frames` become final at once.
/// After `flush`, as many frames came out as went in.
#[pyclass(frozen, module = "unweave")]
pub struct Stream {
    inner: Mutex<Inner>,
    /// Names of the stems, in the order in which they add up.
    #[pyo3(get)]
    stems: Vec<String>,
    /// In Hz.
    #[pyo3(get)]
    sample_rate: u32,
    /// Frames that must be in for the first one to be out.
    #[pyo3(get)]
    window_frames: usize,
    /// Frames that become final at once.
    #[pyo3(get)]
    hop_frames: usize,
}

impl Stream {
    pub fn new(inner: Inner) -> Self {
        let timing = inner.timing();
        Self {
            stems: inner.shape().stems.clone(),
            sample_rate: inner.sample_rate(),
            window_frames: timing.window_frames,
            hop_frames: timing.hop_frames,
            inner: Mutex::new(inner),
        }
    }

    /// A stream that panicked is one that failed: it asks to be reset.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Stream {
    /// Takes any number of frames and gives all stem frames that became final, often none.
    ///
    /// `block` has shape (2, frames), floats in ±1; each stem has shape (2, final frames), float32. NaN and infinity
    /// are taken as 0 and counted in `non_finite_samples`.
    ///
    /// Raises `ModelError` if inference fails; every further call then fails until `reset`.
    fn push<'py>(
        &self,
        py: Python<'py>,
        block: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mix = Mix::new(block)?;
        let &[left, right] = &mix.channels()?[..] else {
            return Err(PyValueError::new_err(
                "a stream takes blocks of shape (2, frames); for mono: numpy.stack([mono, mono])",
            ));
        };
        let mut stems = StemBlock::default();
        py.detach(|| self.lock().push([left, right], &mut stems))
            .map_err(|error| errors::separation(&error))?;
        block_of(py, &self.stems, &stems)
    }

    /// The tail: all frames that are still to come. Call `reset` before pushing again.
    fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut stems = StemBlock::default();
        py.detach(|| self.lock().flush(&mut stems))
            .map_err(|error| errors::separation(&error))?;
        block_of(py, &self.stems, &stems)
    }

    /// Forgets all audio and any failure: the next frame is the first of a new mix.
    fn reset(&self, py: Python<'_>) {
        py.detach(|| self.lock().reset());
    }

    /// Samples since the last reset that were NaN or infinite and taken as 0.
    #[getter]
    fn non_finite_samples(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.lock().non_finite_samples())
    }

    fn __repr__(&self) -> String {
        format!(
            "<unweave.Stream at {} Hz: {}; window of {} frames, {} at once>",
            self.sample_rate,
            self.stems.join(", "),
            self.window_frames,
            self.hop_frames
        )
    }
}
