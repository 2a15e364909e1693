//! Any model behind a mixer whose strips are fixed, such as a plug-in's outputs.
//!
//! A strip gets the stem of its name. What has no strip of its own, a guitar or a piano, is in the residual
//! strip: the one named like the model's residual, else the last. A strip that the model has no stem for is
//! silent. Of a cascade only the first stage runs: the stems that later stages make of one of its stems add up
//! to that stem, so a strip that holds them all is that stem.

use super::load::{load, shape};
use crate::error::Error;
use crate::mode::Purpose;
use crate::model::manifest::Kind;
use crate::model::store::Model;
use crate::runtime::options::Options;
use crate::separator::track::Track;
use crate::separator::{Separator, Shape, StemBlock};
use crate::stream::composition::leaves;

/// A model as its strips see it; reads manifests only.
///
/// # Example
/// ```
/// use unweave_separation::loading::strips::Strips;
/// use unweave_separation::{Mode, Model, Purpose};
///
/// let model = Model::built_in()?;
/// // Drums and bass have no strips here, so they are in the last one, with everything else.
/// let strips = Strips::new(&model, &["vocals", "band"], Purpose::Live(Mode::Standard))?;
/// assert_eq!(strips.shape().stems, ["vocals", "band"]);
/// assert_eq!(strips.shape().residual_idx, 1);
/// # Ok::<(), unweave_separation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Strips {
    /// What is loaded: of a cascade, its first stage.
    model: Model,
    /// The model's, with strips for stems.
    shape: Shape,
    /// The model's stem on each strip. None for the residual's, and for one that is silent.
    stems: Vec<Option<usize>>,
}

impl Strips {
    /// Puts the stems of a model on strips of these names.
    ///
    /// # Errors
    /// None of its stems but the residual has a strip, or its manifest or that of a part is wrong.
    pub fn new(model: &Model, names: &[&str], purpose: Purpose) -> Result<Self, Error> {
        let (model, stems) = first_stage(model)?;
        let inner = shape(&model, purpose)?;
        let on_strip = |name: &&str| stems.iter().position(|stem| stem == name);
        let mut on_strips: Vec<Option<usize>> = names.iter().map(on_strip).collect();
        let residual_strip = on_strips
            .iter()
            .position(|stem| *stem == Some(inner.residual_idx));
        if on_strips
            .iter()
            .flatten()
            .all(|stem| *stem == inner.residual_idx)
        {
            return Err(model.refused(format!(
                "it separates {}, and there is a strip for each of {}",
                stems.join(", "),
                names.join(", ")
            )));
        }
        let residual_idx = residual_strip.unwrap_or(names.len() - 1);
        on_strips[residual_idx] = None;
        Ok(Self {
            shape: Shape {
                stems: names.iter().map(|&name| name.to_owned()).collect(),
                residual_idx,
                ..inner
            },
            stems: on_strips,
            model,
        })
    }

    /// What the separator will be.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Loads the model.
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(&self, options: &Options) -> Result<Box<dyn Separator>, Error> {
        Ok(Box::new(OnStrips {
            inner: load(&self.model, options)?,
            shape: self.shape.clone(),
            stems: self.stems.clone(),
            block: StemBlock::default(),
        }))
    }
}

/// The model that hears the mix, and what its stems are called.
fn first_stage(model: &Model) -> Result<(Model, Vec<String>), Error> {
    let mut model = model.clone();
    let mut names = model.manifest.stems.clone();
    while let Kind::Cascade(stages) = &model.manifest.kind {
        names = leaves(&model)?.into_iter().next().unwrap_or_default();
        model = model.part(&stages[0].model)?;
    }
    Ok((model, names))
}

/// A separator with strips for stems.
struct OnStrips {
    inner: Box<dyn Separator>,
    shape: Shape,
    stems: Vec<Option<usize>>,
    /// The model's own stems.
    block: StemBlock,
}

impl Separator for OnStrips {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn wants_track(&self) -> bool {
        self.inner.wants_track()
    }

    fn begin(&mut self, track: &Track) {
        self.inner.begin(track);
    }

    fn max_batch_hops(&self) -> usize {
        self.inner.max_batch_hops()
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.inner.process(mix, &mut self.block)?;
        stems.reshape(self.stems.len(), self.block.num_frames());
        for (strip_idx, stem) in self.stems.iter().enumerate() {
            for (channel_idx, out) in stems.stem_mut(strip_idx).iter_mut().enumerate() {
                match stem {
                    Some(stem) => out.copy_from_slice(&self.block.stem(*stem)[channel_idx]),
                    None => out.fill(0.0),
                }
            }
        }
        Ok(())
    }
}
