//! The model of a job: checked, and loaded as often as streams run at a time.
//!
//! A song with more than two channels needs several streams at a time, and so several separators; a job after
//! it can have the same ones. Live use has no pool: an engine loads its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::delivery::report::ModelReport;
use crate::device::Device;
use crate::error::Error;
use crate::files::checksum::sha256;
use crate::loading::load::load;
use crate::mode::Purpose;
use crate::model::store::Model;
use crate::runtime;
use crate::runtime::options::Options;
use crate::separator::track::Track;
use crate::separator::{Separator, Shape, StemBlock};
use crate::stream::{BATCH_HOPS, Stream};

/// Separators of one model, lent to streams and kept for the next ones.
pub struct SeparatorPool {
    /// Loaded again whenever all are lent.
    model: Model,
    /// How it is loaded, every time.
    options: Options,
    /// For reports.
    runtime: String,
    /// What its files and parts add up to.
    identity: String,
    /// Loaded and not in use: the first to see that the model works, all others by streams that are gone.
    idle: Idle,
}

/// Where separators wait for the next stream: loading one takes as long as some seconds of a song.
type Idle = Arc<Mutex<Vec<Box<dyn Separator>>>>;

impl SeparatorPool {
    /// Checks and loads the model, for files whatever the options say.
    ///
    /// # Errors
    /// No runtime, or a model that is refused, or the options' terminator was used.
    pub fn open(model: Model, options: Options) -> Result<Self, Error> {
        let purpose = Purpose::Files;
        Self::open_for_purpose(model, Options { purpose, ..options })
    }

    /// As [`SeparatorPool::open`], for what the options say: also to hear in a file what a live mode makes of it.
    ///
    /// # Errors
    /// As [`SeparatorPool::open`].
    pub fn open_for_purpose(model: Model, options: Options) -> Result<Self, Error> {
        let first = load(&model, &options)?;
        let library = runtime::load(&options.runtime_beside)?.library();
        let runtime = match library.verdict {
            runtime::Verdict::Usable { minor } => format!("ONNX Runtime 1.{minor}"),
            _ => "ONNX Runtime".to_owned(),
        };
        let runtime = match options.device_use.device() {
            None | Some(Device::Cpu) => runtime,
            Some(device) => format!("{runtime} on {}", device.name()),
        };
        let identity = model.identity()?;
        Ok(Self {
            identity: match options.overlap {
                Some(share) => sha256(format!("{identity} with an overlap of {share}").as_bytes()),
                None => identity,
            },
            model,
            options,
            runtime,
            idle: Arc::new(Mutex::new(vec![first])),
        })
    }

    /// A stream at a sample rate, with a separator of its own, which comes back when the stream goes.
    ///
    /// # Errors
    /// The model can't be loaded once more, or the rate isn't possible.
    pub fn stream(&self, sample_rate: u32) -> Result<Stream, Error> {
        let ready = lock(&self.idle).pop();
        let lent = Lent {
            separator: Some(match ready {
                Some(separator) => separator,
                None => load(&self.model, &self.options)?,
            }),
            home: Arc::clone(&self.idle),
        };
        // It is reset there.
        let stream = Stream::with_batch(Box::new(lent), sample_rate, BATCH_HOPS)?;
        Ok(stream.on(self.options.device_use.clone()))
    }

    /// What runs the model.
    pub fn runtime(&self) -> &str {
        &self.runtime
    }

    /// The model as reports name it.
    pub fn model_report(&self) -> ModelReport {
        let manifest = &self.model.manifest;
        ModelReport {
            id: manifest.id.clone(),
            name: match self.options.overlap {
                Some(share) => format!("{}, with an overlap of {share}", manifest.name),
                None => manifest.name.clone(),
            },
            version: manifest.version.clone(),
            sha256: self.identity.clone(),
            stems: manifest.stems.clone(),
            residual: manifest.stems[manifest.residual_idx].clone(),
            live_mode: match self.options.purpose {
                Purpose::Live(mode) => Some(mode.id().to_owned()),
                Purpose::Files => None,
            },
        }
    }
}

/// A separator that goes back when it is dropped.
///
/// To the stream that has it, it is a separator like any other.
struct Lent {
    /// There until then.
    separator: Option<Box<dyn Separator>>,
    home: Idle,
}

const UNTIL_DROPPED: &str = "a separator is there until it is dropped";

impl Lent {
    fn inner(&self) -> &dyn Separator {
        self.separator.as_deref().expect(UNTIL_DROPPED)
    }

    fn inner_mut(&mut self) -> &mut dyn Separator {
        self.separator.as_deref_mut().expect(UNTIL_DROPPED)
    }
}

impl Separator for Lent {
    fn shape(&self) -> &Shape {
        self.inner().shape()
    }

    fn reset(&mut self) {
        self.inner_mut().reset();
    }

    fn wants_track(&self) -> bool {
        self.inner().wants_track()
    }

    fn begin(&mut self, track: &Track) {
        self.inner_mut().begin(track);
    }

    fn max_batch_hops(&self) -> usize {
        self.inner().max_batch_hops()
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.inner_mut().process(mix, stems)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What panicked is not trusted again.
        if !std::thread::panicking() {
            lock(&self.home).extend(self.separator.take());
        }
    }
}

/// A list of separators is whole whoever panicked.
fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Box<dyn Separator>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
