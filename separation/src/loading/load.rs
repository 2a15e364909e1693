//! From a model that was found to a separator that can be trusted with a mix.
//!
//! Before the first hop of a mix: the checksum of every file is that of the manifest, no weights come from
//! elsewhere, every tensor of the graph has the name, type and shape that the manifest says, and noise and
//! silence went through without NaN or infinity. A model that fails any of it is refused.

use super::graphs::load_graphs;
use crate::error::Error;
use crate::mode::Purpose;
use crate::model::manifest::Kind;
use crate::model::store::Model;
use crate::network::segments::Grid;
use crate::network::{lookback, streaming, vocals_first};
use crate::runtime::{self, options::Options};
use crate::separator::{Separator, Shape, StemBlock};
use crate::stream::composition::{Composition, Open};
use crate::stream::{BATCH_HOPS, Stream};

/// Bags and cascades in bags and cascades: deeper is a model that holds itself.
const MAX_DEPTH: usize = 4;

/// Verifies a model, loads it, and tries it out.
///
/// Takes some tenths of a second for the built-in model, and minutes where a device compiles: for any thread
/// but the audio thread. Bags and cascades load their parts, from their own folder, beside it, or from the
/// store.
///
/// # Errors
/// The runtime can't be used, the model is refused, or the terminator was used.
pub fn load(model: &Model, options: &Options) -> Result<Box<dyn Separator>, Error> {
    load_part(model, options, 0)
}

/// As [`load`], of a model in `depth` others.
fn load_part(model: &Model, options: &Options, depth: usize) -> Result<Box<dyn Separator>, Error> {
    let composed = compose(model, depth, &mut |id, sample_rate| {
        let separator = load_part(&model.part(id)?, options, depth + 1)?;
        let batch_hops = match options.purpose {
            Purpose::Live(_) => 1,
            Purpose::Files => BATCH_HOPS,
        };
        Stream::with_batch(separator, sample_rate, batch_hops)
    })?;
    match composed {
        Some(composition) => Ok(Box::new(composition)),
        None => {
            let overlap = options
                .overlap
                .filter(|_| options.purpose == Purpose::Files);
            let kind = overlap.and_then(|share| model.manifest.kind.with_overlap(share));
            let mut model = model.clone();
            model.manifest.kind = kind.unwrap_or(model.manifest.kind);
            runtime::on_device(&model, options, &mut |place| {
                load_graphs(&model, options.purpose, place)
            })
        }
    }
}

/// Hop, window and stems of a separator of this model, from manifests alone.
///
/// What [`load()`] gives has the same shape, so latency can be told before the runtime is even there.
///
/// # Example
/// ```
/// use unweave_separation::loading::shape;
/// use unweave_separation::{Mode, Model, Purpose};
///
/// let model = Model::built_in()?;
/// let standard = shape(&model, Purpose::Live(Mode::Standard))?;
/// let quick = shape(&model, Purpose::Live(Mode::Quick))?;
/// assert_eq!((standard.hop_frames, standard.window_frames), (4096, 9216));
/// assert_eq!((quick.hop_frames, quick.window_frames), (2048, 5120));
/// # Ok::<(), unweave_separation::Error>(())
/// ```
///
/// # Errors
/// A part of it is missing, or its manifest is wrong.
pub fn shape(model: &Model, purpose: Purpose) -> Result<Shape, Error> {
    shape_part(model, purpose, 0)
}

/// As [`shape`], of a model in `depth` others.
fn shape_part(model: &Model, purpose: Purpose, depth: usize) -> Result<Shape, Error> {
    let composed = compose(model, depth, &mut |id, sample_rate| {
        let shape = shape_part(&model.part(id)?, purpose, depth + 1)?;
        Stream::new(Box::new(NotLoaded(shape)), sample_rate)
    })?;
    if let Some(composition) = composed {
        return Ok(composition.shape().clone());
    }
    let manifest = &model.manifest;
    if let Kind::VocalsFirst(transform, window) = &manifest.kind {
        return Ok(vocals_first::shape(manifest, (transform, window), purpose));
    }
    if let (Purpose::Live(mode), Kind::Spectrum(_, transform, _) | Kind::Magnitude(_, transform, _)) =
        (purpose, &manifest.kind)
        && let Some(window) = manifest.lookback(mode)
    {
        return Ok(lookback::shape(manifest, transform, &window));
    }
    let (hop_frames, window_frames) = match (&manifest.kind, Grid::new(manifest, purpose)) {
        (_, Some(grid)) => grid.hop_and_window(),
        (Kind::StreamingSpectrum(spectrum), None) => {
            (spectrum.hop, streaming::window_frames(*spectrum))
        }
        (kind, None) => return Err(model.refused(format!("kind {} has no shape", kind.name()))),
    };
    Ok(Shape {
        sample_rate: manifest.sample_rate,
        stems: manifest.stems.clone(),
        residual_idx: manifest.residual_idx,
        hop_frames,
        window_frames,
        budget_frames: Shape::usual_budget_frames(hop_frames),
    })
}

/// A bag or a cascade, its parts opened by `open`; none if the model is neither.
fn compose(model: &Model, depth: usize, open: &mut Open<'_>) -> Result<Option<Composition>, Error> {
    if depth > MAX_DEPTH {
        return Err(model.refused(format!(
            "it is part of itself, or nests deeper than {MAX_DEPTH}"
        )));
    }
    match &model.manifest.kind {
        Kind::Bag(members) => Composition::bag(model, members, open).map(Some),
        Kind::Cascade(stages) => Composition::cascade(model, stages, open).map(Some),
        _ => Ok(None),
    }
}

/// A part of a model of which only the shape is asked.
struct NotLoaded(Shape);

impl Separator for NotLoaded {
    fn shape(&self) -> &Shape {
        &self.0
    }

    fn reset(&mut self) {}

    fn process(&mut self, _mix: [&[f32]; 2], _stems: &mut StemBlock) -> Result<(), Error> {
        Err(Error::Inference {
            reason: "the model is not loaded".to_owned(),
        })
    }
}
