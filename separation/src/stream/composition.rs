//! Models made of models: bags, whose members hear the mix and are averaged, and cascades, whose later
//! stages hear a stem of an earlier one.
//!
//! Both are trees of [`Stream`]s. Each stream derives its own residual, so the stems of a stage sum to what
//! it was given, and all leaves to the mix. Every leaf is held back until the slowest can give the same frame.
//!
//! A stage gives frame p once `p + lag` frames of the mix are in. With equal rates, after n frames in, n a
//! multiple of g, a stage of hop h and window S that is fed n − l frames, g dividing h and l, has completed
//! `⌊(n − l) / h⌋ h − (S − h) ≥ n − l − (S − g)` frames: it adds S − g to the lag. With other rates it adds
//! `Timing::window_frames` − 1.
//!
//! An example: "drums" of the first stage is split by a second into kick and snare, so the leaves are kick,
//! snare, bass, …; bass waits for as many frames as the second stage is late.
//!
//! # Units
//! Frames are at the rate of the whole, which each stream converts to its model's.
//!
//! # Source
//! Averages: `demucs.apply.apply_model` for a `BagOfModels`.

use crate::audio::resample::gcd;
use crate::error::Error;
use crate::model::manifest::{Member, Stage};
use crate::model::store::Model;
use crate::separator::track::Track;
use crate::separator::{Separator, Shape, StemBlock};
use crate::stream::Stream;

/// Several models as one.
///
/// To the outside a separator like any other, whose hop is the longest of its roots.
pub(crate) struct Composition {
    /// Stems of the manifest; the residual is derived once more outside.
    shape: Shape,
    /// All hear the mix: the members of a bag, or the first stage of a cascade.
    roots: Vec<Branch>,
    /// Frames by which every leaf lags the mix, the slowest of itself and the others by waiting: `S − h`.
    lag: usize,
}

/// A model and where its stems go.
pub(crate) struct Branch {
    /// The model at the whole's rate.
    stream: Stream,
    /// What it gave for the last push.
    out: StemBlock,
    /// One per stem of the model.
    ends: Vec<End>,
}

/// Where a stem of a stage goes.
///
/// It is decided once, when the composition is made.
enum End {
    /// It is not used.
    Unused,
    /// Into a stem of the whole, after this much is held back.
    Leaf(Leaf),
    /// Into another stage.
    Split(Box<Branch>),
}

/// Where a stem goes, and how much of it.
struct Leaf {
    /// Stem of the whole that it is added to.
    stem_idx: usize,
    /// What it is multiplied by: in a bag, its member's share of all weights of the stem; else 1.
    weight: f32,
    /// Frames that wait, `[channel][frame]`. Silence at first, as long as the lag.
    queue: [Vec<f32>; 2],
}

impl Composition {
    /// The members of a bag, in order, each loaded; `load` makes a separator of an id.
    ///
    /// # Errors
    /// A member can't be loaded, or has no stem that it has a weight for.
    pub(crate) fn bag(
        model: &Model,
        members: &[Member],
        open: &mut Open<'_>,
    ) -> Result<Self, Error> {
        let manifest = &model.manifest;
        let mut roots = Vec::new();
        let mut totals = vec![0.0; manifest.stems.len()];
        for member in members {
            let stream = open(&member.model, manifest.sample_rate)?;
            let stems = stream.shape().stems.clone();
            for (stem_idx, (name, weight)) in manifest.stems.iter().zip(&member.weights).enumerate()
            {
                if *weight > 0.0 && !stems.contains(name) {
                    return Err(model.refused(format!(
                        "member {} has a weight for {name:?}, but separates {}",
                        member.model,
                        stems.join(", ")
                    )));
                }
                totals[stem_idx] += weight;
            }
            let ends = stems.iter().map(|name| {
                let stem_idx = manifest.stems.iter().position(|stem| stem == name);
                match stem_idx {
                    Some(stem_idx) if member.weights[stem_idx] > 0.0 => {
                        End::leaf(stem_idx, member.weights[stem_idx])
                    }
                    _ => End::Unused,
                }
            });
            roots.push(Branch::new(ends.collect(), stream));
        }
        for (stem_idx, total) in totals.iter().enumerate() {
            if *total == 0.0 && stem_idx != manifest.residual_idx {
                let stem = &manifest.stems[stem_idx];
                return Err(model.refused(format!("no member has a weight for {stem:?}")));
            }
        }
        for end in roots.iter_mut().flat_map(|root| &mut root.ends) {
            if let End::Leaf(leaf) = end {
                leaf.weight /= totals[leaf.stem_idx];
            }
        }
        Ok(Self::new(model, roots))
    }

    /// The stages of a cascade.
    ///
    /// # Errors
    /// A stage can't be loaded, splits a stem that there is not, or the leaves are not the manifest's stems.
    pub(crate) fn cascade(
        model: &Model,
        stages: &[Stage],
        open: &mut Open<'_>,
    ) -> Result<Self, Error> {
        let manifest = &model.manifest;
        let leaves = leaves(model)?;
        let mut branches = Vec::new();
        for (stage, names) in stages.iter().zip(&leaves) {
            let stream = open(&stage.model, manifest.sample_rate)?;
            branches.push((stage, names, Some(stream)));
        }
        let root = branch(0, &mut branches, &manifest.stems);
        Ok(Self::new(model, root.into_iter().collect()))
    }

    /// Of branches that were loaded: finds out how late the slowest leaf is, and has the others wait.
    fn new(model: &Model, roots: Vec<Branch>) -> Self {
        let manifest = &model.manifest;
        let hop_frames = roots
            .iter()
            .map(|root| root.stream.timing().hop_frames)
            .max()
            .unwrap_or(1);
        let lag = roots
            .iter()
            .map(|root| root.lag(0, hop_frames))
            .max()
            .unwrap_or(0);
        let mut new = Self {
            shape: Shape {
                sample_rate: manifest.sample_rate,
                stems: manifest.stems.clone(),
                residual_idx: manifest.residual_idx,
                hop_frames,
                window_frames: hop_frames + lag,
                budget_frames: Shape::usual_budget_frames(hop_frames),
            },
            roots,
            lag,
        };
        new.reset();
        new
    }
}

/// Makes a stream at a sample rate of the model of an id.
pub(crate) type Open<'a> = dyn FnMut(&str, u32) -> Result<Stream, Error> + 'a;

/// What the stems of every stage of a cascade are called, from the manifests alone.
///
/// # Shape
/// `[stage][stem]`, stages in the manifest's order, stems in that of the stage's model; none for another kind.
///
/// # Errors
/// A stage is missing, names another number of stems than its model has, or splits what there is not; the
/// leaves are not the manifest's stems.
pub(crate) fn leaves(model: &Model) -> Result<Vec<Vec<String>>, Error> {
    let manifest = &model.manifest;
    let crate::model::manifest::Kind::Cascade(stages) = &manifest.kind else {
        return Ok(Vec::new());
    };
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for stage in stages {
        let found = model.part(&stage.model)?.manifest.stems;
        let names = if stage.stems.is_empty() {
            found.clone()
        } else {
            stage.stems.clone()
        };
        if names.len() != found.len() {
            return Err(model.refused(format!(
                "stage {} names {} stems, but separates {}",
                stage.model,
                names.len(),
                found.join(", ")
            )));
        }
        if let Some(split) = &stage.splits {
            if !open.contains(split) {
                return Err(model.refused(format!(
                    "stage {} splits {split:?}, but the stages before it give {}",
                    stage.model,
                    open.join(", ")
                )));
            }
            open.retain(|name| name != split);
        }
        open.extend(names.iter().cloned());
        all.push(names);
    }
    let missing = manifest.stems.iter().find(|stem| !open.contains(stem));
    let extra = open.iter().find(|stem| !manifest.stems.contains(stem));
    if missing.is_some() || extra.is_some() {
        open.dedup();
        return Err(model.refused(format!(
            "its stems are {}, but its stages end in {}",
            manifest.stems.join(", "),
            open.join(", ")
        )));
    }
    Ok(all)
}

/// A stage of a cascade, what its stems are called, and its stream until it is taken.
type Loaded<'a> = (&'a Stage, &'a Vec<String>, Option<Stream>);

/// The branch of a stage, with all stages that split its stems.
///
/// Takes their streams out of `stages`. `stems` are those of the whole; none if the stage was taken before.
fn branch(idx: usize, stages: &mut [Loaded<'_>], stems: &[String]) -> Option<Branch> {
    let stream = stages[idx].2.take()?;
    let names = stages[idx].1;
    let ends = names
        .iter()
        .map(|name| {
            let split = (idx + 1..stages.len()).find(|&later| {
                stages[later].2.is_some() && stages[later].0.splits.as_ref() == Some(name)
            });
            if let Some(branch) = split.and_then(|later| branch(later, stages, stems)) {
                return End::Split(Box::new(branch));
            }
            let stem_idx = stems.iter().position(|stem| stem == name);
            stem_idx.map_or(End::Unused, |stem_idx| End::leaf(stem_idx, 1.0))
        })
        .collect();
    Some(Branch::new(ends, stream))
}

impl End {
    /// A leaf with nothing in its queue yet.
    fn leaf(stem_idx: usize, weight: f32) -> Self {
        Self::Leaf(Leaf {
            stem_idx,
            weight,
            queue: Default::default(),
        })
    }
}

impl Branch {
    /// Of a stream and one end per stem of it.
    fn new(ends: Vec<End>, stream: Stream) -> Self {
        Self {
            stream,
            out: StemBlock::default(),
            ends,
        }
    }

    /// How far the slowest leaf lags the mix, if this stage's input does by `before`.
    ///
    /// # Units
    /// Frames at the whole's rate; `hop` is the whole's.
    fn lag(&self, before: usize, hop: usize) -> usize {
        let shape = self.stream.shape();
        let own = if shape.sample_rate == self.stream.sample_rate() {
            let step = gcd(gcd(hop, self.stream.timing().hop_frames), before);
            self.stream.timing().window_frames - step
        } else {
            self.stream.timing().window_frames - 1
        };
        let lag = before + own;
        let later = self.ends.iter().map(|end| match end {
            End::Split(branch) => branch.lag(lag, hop),
            _ => lag,
        });
        later.max().unwrap_or(lag)
    }

    /// For the first frame of another mix, of which `track` is known if anything is; leaves are filled up with
    /// `lag` frames of silence.
    fn reset(&mut self, lag: usize, track: Option<&Track>) {
        match track {
            Some(track) => self.stream.begin(track),
            None => self.stream.reset(),
        }
        // Nobody listened to the stems that later stages hear.
        let unheard = track.map(|track| Track {
            loudness: None,
            ..*track
        });
        for end in &mut self.ends {
            match end {
                End::Unused => {}
                End::Leaf(leaf) => {
                    for queue in &mut leaf.queue {
                        queue.clear();
                        queue.resize(lag, 0.0);
                    }
                }
                End::Split(branch) => branch.reset(lag, unheard.as_ref()),
            }
        }
    }

    /// Whether this stage or a later one wants to know the mix before it begins.
    fn wants_track(&self) -> bool {
        let later = |end: &End| matches!(end, End::Split(branch) if branch.wants_track());
        self.stream.wants_track() || self.ends.iter().any(later)
    }

    /// Separates what it is given, and passes the stems on to later stages and into the queues of leaves.
    ///
    /// # Errors
    /// As [`Stream::push`].
    fn push(&mut self, mix: [&[f32]; 2]) -> Result<(), Error> {
        self.stream.push(mix, &mut self.out)?;
        for (end, stem) in self.ends.iter_mut().zip(self.out.iter()) {
            match end {
                End::Unused => {}
                End::Leaf(leaf) => {
                    for (queue, samples) in leaf.queue.iter_mut().zip(stem) {
                        queue.extend_from_slice(samples);
                    }
                }
                End::Split(branch) => branch.push([&stem[0], &stem[1]])?,
            }
        }
        Ok(())
    }

    /// Adds the frames that are due to `stems`.
    ///
    /// As many frames of every leaf as `stems` has.
    fn give(&mut self, stems: &mut StemBlock) {
        for end in &mut self.ends {
            match end {
                End::Unused => {}
                End::Leaf(leaf) => {
                    for (queue, out) in leaf.queue.iter_mut().zip(stems.stem_mut(leaf.stem_idx)) {
                        for (out, sample) in out.iter_mut().zip(queue.iter()) {
                            *out += leaf.weight * sample;
                        }
                        queue.drain(..out.len().min(queue.len()));
                    }
                }
                End::Split(branch) => branch.give(stems),
            }
        }
    }
}

impl Separator for Composition {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for root in &mut self.roots {
            root.reset(self.lag, None);
        }
    }

    fn wants_track(&self) -> bool {
        self.roots.iter().any(Branch::wants_track)
    }

    fn begin(&mut self, track: &Track) {
        for root in &mut self.roots {
            root.reset(self.lag, Some(track));
        }
    }

    fn max_batch_hops(&self) -> usize {
        1
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        stems.reshape(self.shape.stems.len(), num_frames);
        for stem_idx in 0..stems.num_stems() {
            for channel in stems.stem_mut(stem_idx) {
                channel.fill(0.0);
            }
        }
        for root in &mut self.roots {
            root.push(mix)?;
            root.give(stems);
        }
        Ok(())
    }
}
