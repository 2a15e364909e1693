//! `unweave.Separator`: a model that is ready, for samples, files and streams.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use unweave_separation::audio::write::BitDepth;
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::{Selection, Sum};
use unweave_separation::delivery::report::{ModelReport, Report};
use unweave_separation::model::facts::Facts;
use unweave_separation::offline::pool::SeparatorPool;
use unweave_separation::offline::threads;
use unweave_separation::offline::{Done, Job, Progress, separate_file, separate_samples};
use unweave_separation::{
    DeviceChoice, DeviceUse, Mode, Model, Options, Purpose, Store, Stream as Inner, Terminator,
};

use crate::arguments::{
    Mix, bit_depth as depth_of, file_format, stems_of, threads as number_of, word,
};
use crate::live::Stream;
use crate::models::plain;
use crate::{errors, waiting};

/// A model that takes songs apart, checked, loaded and tried out.
///
/// - `model`: id of a model (see `unweave.models`) or path of its folder; None is the built-in one.
/// - `device`: what computes: "auto" (the fastest here), "cpu", "cuda", "tensorrt", "coreml", "directml",
///   "openvino" or "xnnpack".
/// - `threads`: how many compute; None is as many as help.
/// - `live`: "standard", "quick" or "light", to separate as the plug-in does in that mode; None is as well as
///   possible.
///
/// May be used from several Python threads at once: each then gets a copy of the model, weights shared.
///
/// Raises `ModelError` if there is no such model, or if it, ONNX Runtime or the device can't be used.
#[pyclass(frozen, module = "unweave")]
pub struct Separator {
    model: Model,
    options: Options,
    /// What is loaded and not in use, with what stops it.
    idle: Mutex<Vec<(SeparatorPool, Terminator)>>,
    report: ModelReport,
    runtime: String,
    encoding_threads: usize,
}

/// What `separate_file` gives.
#[pyclass(frozen, get_all, module = "unweave")]
pub struct Delivery {
    /// Where the set lies.
    folder: PathBuf,
    /// The same as the JSON file in it.
    report: Py<PyAny>,
    /// Whether it was made now; else it was there already.
    is_new: bool,
}

#[pymethods]
impl Delivery {
    fn __repr__(&self) -> String {
        let word = if self.is_new { "new" } else { "was there" };
        format!("<unweave.Delivery {:?}, {word}>", self.folder)
    }
}

impl Separator {
    fn open(&self) -> PyResult<(SeparatorPool, Terminator)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.pop() {
            Some(ready) => Ok(ready),
            None => {
                drop(idle);
                load(&self.model, &self.options).map_err(|error| errors::separation(&error))
            }
        }
    }

    /// Runs `work` as [`waiting::run`] does. A pool that was stopped stays so and isn't kept.
    fn run<T: Send, News: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&SeparatorPool, &Terminator, &std::sync::mpsc::Sender<News>) -> T + Send,
        on_news: impl FnMut(Python<'_>, News) -> PyResult<()> + Send,
    ) -> PyResult<T> {
        let (pool, cancel) = py.detach(|| self.open())?;
        let result = waiting::run(py, &cancel, |sender| work(&pool, &cancel, sender), on_news);
        if !cancel.is_terminated() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((pool, cancel));
        }
        result
    }
}

fn load(
    model: &Model,
    options: &Options,
) -> Result<(SeparatorPool, Terminator), unweave_separation::Error> {
    let terminator = Terminator::new();
    let options = Options {
        terminator: terminator.clone(),
        device_use: DeviceUse::default(),
        ..options.clone()
    };
    Ok((
        SeparatorPool::open_for_purpose(model.clone(), options)?,
        terminator,
    ))
}

#[pymethods]
impl Separator {
    #[new]
    #[pyo3(signature = (model=None, *, device="auto", threads=None, live=None))]
    fn new(
        py: Python<'_>,
        model: Option<PathBuf>,
        device: &str,
        threads: Option<usize>,
        live: Option<&str>,
    ) -> PyResult<Self> {
        let device: DeviceChoice = word("device", device)?;
        let live: Option<Mode> = live.map(|mode| word("live", mode)).transpose()?;
        let threads = number_of(threads)?;
        let runtime_beside: Vec<PathBuf> = py
            .import("unweave._runtime")?
            .call_method0("folders")?
            .extract()?;
        py.detach(|| {
            let model = match model {
                Some(name) => Store::from_environment().find(&name.to_string_lossy()),
                None => Model::built_in(),
            }
            .map_err(|error| errors::separation(&error))?;
            let options = Options {
                device,
                threads: threads::for_inference(&model, threads),
                runtime_beside,
                purpose: live.map_or(Purpose::Files, Purpose::Live),
                ..Options::default()
            };
            let ready = load(&model, &options).map_err(|error| errors::separation(&error))?;
            Ok(Self {
                report: ready.0.model_report(),
                runtime: ready.0.runtime().to_owned(),
                idle: Mutex::new(vec![ready]),
                model,
                options,
                encoding_threads: threads::for_encoding(threads),
            })
        })
    }

    /// Takes a mix apart in memory.
    ///
    /// `samples` are floats in ±1 of shape (channels, frames), or (frames,) for mono; float32 that lies channel
    /// by channel is not copied. `sample_rate` is in Hz, from 8,000 to 384,000. Each stem is a float32 array of the
    /// same shape, aligned with the mix. Added in their order they give the mix within 1 ulp of the largest number
    /// on the way: what the model leaves over is in the residual stem (`model["residual"]`). NaN and infinity are
    /// taken as 0.
    ///
    /// `progress` is called with the fraction that is done, 0 to 1. If it raises, or Ctrl-C is pressed, separation
    /// ends within a moment. Other Python threads run meanwhile; they must not change `samples`.
    ///
    /// Raises `ValueError` for samples it can't take, `ModelError` if the model fails.
    #[pyo3(signature = (samples, sample_rate, *, progress=None))]
    fn separate<'py>(
        &self,
        py: Python<'py>,
        samples: &Bound<'py, PyAny>,
        sample_rate: u32,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mix = Mix::new(samples)?;
        let channels = mix.channels()?;
        let stems = self.run(
            py,
            |pool, cancel, sender| {
                let mut on_progress = |fraction| {
                    let _ = sender.send(fraction);
                };
                separate_samples(&channels, sample_rate, pool, &mut on_progress, cancel)
            },
            |py, fraction: f64| match &progress {
                Some(progress) => progress.call1(py, (fraction,)).map(drop),
                None => Ok(()),
            },
        )?;
        let stems = stems.map_err(|error| errors::separation(&error))?;
        stems_of(py, &self.report.stems, stems, &mix)
    }

    /// Takes a song apart into labelled files that sum to it exactly: the same files as `unweave separate`.
    ///
    /// - `song`: of any kind that the command reads. `out`: the folder in which the set gets a
    ///   folder named after the song, or `name`.
    /// - `stems`: names of those that are wanted, "instrumental" among them; None is all. `sums`: files that are
    ///   sums of stems, such as "No Drums=bass+vocals+other"; with `only_sums`, nothing else. `mix`: whether to
    ///   write the Full Mix.
    /// - `format`: "wav", "flac" or "mp3" (320 kbit/s). `bit_depth`: 16, 24 or "32f" (for WAV).
    /// - `skip_existing`: keep a set that is there, whole and made the same way. `overwrite`: replace the files of
    ///   a set of that name; otherwise the new one gets a number.
    /// - `progress`: called with the fraction that is done (0 to 1), the speed (seconds of audio per second), and
    ///   the seconds that remain. If it raises, or Ctrl-C is pressed, the job ends within a moment.
    ///
    /// A set appears whole or not at all. Other Python threads run meanwhile.
    ///
    /// Raises `SongError`, `OutputError`, `ModelError`, or `ValueError` for files that can't be chosen so.
    #[pyo3(signature = (
        song, out, *, stems=None, sums=Vec::new(), only_sums=false, mix=true, format="wav",
        bit_depth=None, name=None, skip_existing=false, overwrite=false, progress=None
    ), text_signature = "($self, song, out, *, stems=None, sums=(), only_sums=False, mix=True, format='wav', \
        bit_depth=24, name=None, skip_existing=False, overwrite=False, progress=None)")]
    #[expect(clippy::too_many_arguments, reason = "named ones, each with a default")]
    fn separate_file(
        &self,
        py: Python<'_>,
        song: PathBuf,
        out: PathBuf,
        stems: Option<Vec<String>>,
        sums: Vec<String>,
        only_sums: bool,
        mix: bool,
        format: &str,
        bit_depth: Option<&Bound<'_, PyAny>>,
        name: Option<&str>,
        skip_existing: bool,
        overwrite: bool,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Delivery> {
        let sums = sums
            .iter()
            .map(|sum| word::<Sum>("sums", sum))
            .collect::<PyResult<_>>()?;
        let selection = Selection {
            stems,
            sums,
            only_sums,
            mix,
        };
        let job = Job {
            source: &song,
            range: None,
            name,
            output_dir: &out,
            template: None,
            is_flat: false,
            has_report: true,
            selection: &selection,
            format: file_format(format)?,
            depth: bit_depth.map_or(Ok(BitDepth::Int24), depth_of)?,
            existing: if overwrite {
                Existing::Overwrite
            } else {
                Existing::Number
            },
            skip_existing,
            model: &self.report,
            runtime: self.runtime.clone(),
            threads: self.encoding_threads,
        };
        let done = self.run(
            py,
            |pool, cancel, sender| {
                let mut open_stream = |rate| pool.stream(rate);
                let mut on_progress = |now| {
                    let _ = sender.send(now);
                };
                separate_file(&job, &mut open_stream, &mut on_progress, cancel)
            },
            |py, now: Progress| match &progress {
                Some(progress) => progress
                    .call1(py, (now.fraction, now.speed, now.remaining.as_secs_f64()))
                    .map(drop),
                None => Ok(()),
            },
        )?;
        let (folder, report, is_new) = match done.map_err(|error| errors::job(&song, &error))? {
            Done::Written { dir, report } => (dir, *report, true),
            Done::Skipped { dir, .. } => {
                let report = Report::in_dir(&dir)
                    .map_err(|error| errors::VerifyError::new_err(error.to_string()))?;
                (dir, report, false)
            }
        };
        Ok(Delivery {
            folder,
            report: plain(py, &report)?.unbind(),
            is_new,
        })
    }

    /// A stream that takes blocks of any size and gives stems as they become final. With `live`, its stems and
    /// timing are the plug-in's.
    ///
    /// Raises `ValueError` for a sample rate (Hz) that isn't possible.
    fn stream(&self, py: Python<'_>, sample_rate: u32) -> PyResult<Stream> {
        py.detach(|| {
            let separator = unweave_separation::load(&self.model, &self.options)?;
            Inner::new(separator, sample_rate)
        })
        .map(Stream::new)
        .map_err(|error| errors::separation(&error))
    }

    /// What the model is, as in `unweave.models`.
    #[getter]
    fn model<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &Facts::of(&self.model))
    }

    /// Names of the stems, in the order in which they add up.
    #[getter]
    fn stems(&self) -> Vec<String> {
        self.report.stems.clone()
    }

    /// What runs the model, such as "ONNX Runtime 1.23".
    #[getter]
    fn runtime(&self) -> &str {
        &self.runtime
    }

    fn __repr__(&self) -> String {
        format!(
            "<unweave.Separator {}: {}; {}>",
            self.report.id,
            self.report.stems.join(", "),
            self.runtime
        )
    }
}
