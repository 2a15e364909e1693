//! From Python's values to the library's, with errors that say what is taken.

use std::num::NonZeroUsize;
use std::str::FromStr;

use numpy::{PyArray1, PyArray2, PyArrayMethods as _, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use unweave_separation::StemBlock;
use unweave_separation::audio::read::MAX_CHANNELS;
use unweave_separation::audio::write::{BitDepth, FileFormat};

/// A mix, borrowed from NumPy, and whether it was one-dimensional.
pub struct Mix<'py> {
    array: PyReadonlyArray2<'py, f32>,
    is_flat: bool,
}

impl<'py> Mix<'py> {
    /// Floating-point samples of shape `(channels, frames)` or `(frames,)`. Copied only where they are not f32,
    /// or where a channel's frames don't lie beside each other.
    pub fn new(samples: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = samples.py();
        let numpy = py.import("numpy")?;
        let array = numpy.call_method1("asarray", (samples,))?;
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        if kind != "f" {
            return Err(PyValueError::new_err(format!(
                "samples are of type {}, but floating-point numbers in ±1 are taken: divide integers by \
                 their full scale, such as 32768 for 16 bits",
                array.getattr("dtype")?
            )));
        }
        let shape: Vec<usize> = array.getattr("shape")?.extract()?;
        let is_flat = shape.len() == 1;
        let array = match shape[..] {
            [_] => array.call_method1("reshape", ((1, -1),))?,
            [1..=MAX_CHANNELS, _] => array,
            [frames, 1..=MAX_CHANNELS] if frames > 0 => {
                return Err(PyValueError::new_err(format!(
                    "samples have shape {shape:?}, but (channels, frames) is taken: hand over samples.T"
                )));
            }
            _ => {
                return Err(PyValueError::new_err(format!(
                    "samples have shape {shape:?}, but (channels, frames) with 1 to {MAX_CHANNELS} channels, \
                     or (frames,), is taken"
                )));
            }
        };
        let float32 = numpy.getattr("float32")?;
        let array = numpy.call_method1("ascontiguousarray", (array, float32))?;
        let array = array.cast_into::<PyArray2<f32>>()?.try_readonly();
        Ok(Self {
            array: array.map_err(|error| PyValueError::new_err(error.to_string()))?,
            is_flat,
        })
    }

    /// `[channel][frame]`.
    pub fn channels(&self) -> PyResult<Vec<&[f32]>> {
        let samples = self.array.as_slice()?;
        let num_frames = self.num_frames();
        if num_frames == 0 {
            return Ok(vec![&[]; self.num_channels()]);
        }
        Ok(samples.chunks(num_frames).collect())
    }

    fn num_channels(&self) -> usize {
        self.array.as_array().nrows()
    }

    fn num_frames(&self) -> usize {
        self.array.as_array().ncols()
    }
}

/// A dictionary of arrays shaped as the mix, from stems in one piece each; nothing is copied.
pub fn stems_of<'py>(
    py: Python<'py>,
    names: &[String],
    stems: Vec<Vec<f32>>,
    mix: &Mix<'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, stem) in names.iter().zip(stems) {
        let array = PyArray1::from_vec(py, stem);
        if mix.is_flat {
            dict.set_item(name, array)?;
        } else {
            let shape = [mix.num_channels(), mix.num_frames()];
            dict.set_item(name, array.reshape(shape)?)?;
        }
    }
    Ok(dict)
}

/// A dictionary of arrays `(2, frames)`.
pub fn block_of<'py>(
    py: Python<'py>,
    names: &[String],
    block: &StemBlock,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, stem) in names.iter().zip(block.iter()) {
        let joined = stem.concat();
        let array = PyArray1::from_vec(py, joined).reshape([2, block.num_frames()])?;
        dict.set_item(name, array)?;
    }
    Ok(dict)
}

/// A word of a known list.
pub fn word<T: FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> PyResult<T> {
    text.parse()
        .map_err(|error| PyValueError::new_err(format!("{what}={text:?}: {error}")))
}

pub fn file_format(text: &str) -> PyResult<FileFormat> {
    FileFormat::try_from(text.to_owned())
        .map_err(|error| PyValueError::new_err(format!("format={text:?}: {error}")))
}

/// 16, 24, or "32f", as numbers or text.
pub fn bit_depth(depth: &Bound<'_, PyAny>) -> PyResult<BitDepth> {
    match depth.str()?.to_str()? {
        "16" => Ok(BitDepth::Int16),
        "24" => Ok(BitDepth::Int24),
        "32f" => Ok(BitDepth::Float32),
        other => Err(PyValueError::new_err(format!(
            "bit_depth={other:?}: there is 16, 24 and \"32f\""
        ))),
    }
}

pub fn threads(threads: Option<usize>) -> PyResult<Option<NonZeroUsize>> {
    threads
        .map(|threads| {
            NonZeroUsize::new(threads)
                .ok_or_else(|| PyValueError::new_err("threads=0: at least 1 computes"))
        })
        .transpose()
}
