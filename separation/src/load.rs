//! From a model that was found to a separator that can be trusted with a mix.
//!
//! Before the first hop of a mix: the checksum of every file is that of the manifest, no weights come from
//! elsewhere, every tensor of the graph has the name, type and shape that the manifest says, and noise and
//! silence went through without NaN or infinity. A model that fails any of it is refused.

use std::path::PathBuf;

use crate::composition::{BATCH_HOPS, Composition, Open};
use crate::device::{Device, DeviceChoice, DeviceUse};
use crate::doubles::Passthrough;
use crate::lookback::{self, Windows};
use crate::manifest::{File, Interface, Kind, Lookback, Manifest, Part, Transform};
use crate::network::deep_filter::{self, DeepFilter};
use crate::network::hybrid::Hybrid;
use crate::network::magnitude::Magnitude;
use crate::network::spectrum::Spectrum;
use crate::network::waveform::Waveform;
use crate::network::{Network, OnSpectra};
use crate::runtime::session::{Place, Session};
use crate::runtime::{self, Terminator};
use crate::segments::{Grid, Segments};
use crate::store::{Content, Model};
use crate::streaming::{self, StreamingSpectrum};
use crate::vocals_first;
use crate::{Error, Separator, Shape, StemBlock, Stream};

pub use crate::segments::Purpose;

/// How a model is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is to compute.
    pub device: DeviceChoice,
    /// Says what does, and why it is another.
    pub device_use: DeviceUse,
    /// Threads that share one inference, the calling one included; at least 1. Live use wants 1.
    pub threads: usize,
    /// Folders of the program or plug-in, where a runtime may lie: [`crate::runtime`].
    pub runtime_beside: Vec<PathBuf>,
    /// Stops loading and separating.
    pub terminator: Terminator,
    /// Live or files.
    pub purpose: Purpose,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            device_use: DeviceUse::default(),
            threads: 1,
            runtime_beside: Vec::new(),
            terminator: Terminator::new(),
            purpose: Purpose::default(),
        }
    }
}

/// Bags and cascades in bags and cascades: deeper is a model that holds itself.
const MAX_DEPTH: usize = 4;

/// Verifies a model, loads it, and tries it out.
///
/// # Errors
/// The runtime can't be used, the model is refused, or the terminator was used.
pub fn load(model: &Model, options: &Options) -> Result<Box<dyn Separator>, Error> {
    load_part(model, options, 0)
}

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
        None => runtime::on_device(model, options, &mut |place| {
            load_graphs(model, options.purpose, place)
        }),
    }
}

/// Hop, window and stems of a separator of this model, from manifests alone.
///
/// # Errors
/// A part of it is missing, or its manifest is wrong.
pub fn shape(model: &Model, purpose: Purpose) -> Result<Shape, Error> {
    shape_part(model, purpose, 0)
}

fn shape_part(model: &Model, purpose: Purpose, depth: usize) -> Result<Shape, Error> {
    let composed = compose(model, depth, &mut |id, sample_rate| {
        let shape = shape_part(&model.part(id)?, purpose, depth + 1)?;
        Stream::new(Box::new(Passthrough::new(shape)), sample_rate)
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

/// A model with graphs of its own, on a device that is chosen.
fn load_graphs(
    model: &Model,
    purpose: Purpose,
    place: &Place,
) -> Result<Box<dyn Separator>, Error> {
    let mut graphs: Vec<_> = model.manifest.graphs().zip(model.read()?).collect();
    // Parts in the order in which they are run, stems in the manifest's.
    graphs.sort_by_key(|(file, _)| file.part.map(|part| part as usize));
    let separator = match &model.manifest.kind {
        Kind::VocalsFirst(transform, window) => {
            let how = (*transform, *window);
            vocals_first(model, how, purpose, graphs, place)
        }
        kind => {
            let interfaces = match kind {
                Kind::DeepFilter(_) => deep_filter::interfaces().to_vec(),
                _ => vec![model.manifest.interface.clone(); graphs.len()],
            };
            let sessions = graphs.into_iter().zip(interfaces);
            let sessions = sessions
                .map(|((_, content), interface): (_, Interface)| {
                    Session::new(model, interface, content, place)
                })
                .collect::<Result<Vec<_>, _>>()?;
            separator(model, purpose, sessions)
        }
    };
    separator.map_err(|error| match error {
        Error::Inference { reason } => model.refused(format!("it does not run: {reason}")),
        Error::NotANumber { stem } => model.refused(format!(
            "it returns values that are not numbers for stem {stem:?}"
        )),
        other => other,
    })
}

/// The graphs of `vocals-first` that the purpose needs, at work.
fn vocals_first(
    model: &Model,
    how: (Transform, Lookback),
    purpose: Purpose,
    graphs: Vec<(&File, Content)>,
    place: &Place,
) -> Result<Box<dyn Separator>, Error> {
    let manifest = &model.manifest;
    // Two networks on a thread each are faster than two threads on one network after the other.
    let is_parallel = purpose == Purpose::Files && place.device == Device::Cpu && place.threads > 1;
    let place = &Place {
        threads: if is_parallel {
            place.threads / 2
        } else {
            place.threads
        },
        ..place.clone()
    };
    let window = match purpose {
        Purpose::Live(mode) => manifest.lookback(mode).unwrap_or(how.1),
        Purpose::Files => how.1,
    };
    let load = |part: Part| -> Result<Option<(Session, Option<usize>)>, Error> {
        let found = graphs.iter().find(|(file, _)| {
            // A graph that leaves frames out must give those that are looked at.
            file.part == Some(part)
                && file
                    .frames
                    .is_none_or(|given| given >= window.hop + window.look)
        });
        let Some((file, content)) = found else {
            return Ok(None);
        };
        let mut interface = manifest.interface.clone();
        if let Some(given) = file.frames {
            interface.inputs[0].fix_frames(window.frames);
            interface.outputs[0].fix_frames(given);
        }
        let session = Session::new(model, interface, content.clone(), place)?;
        Ok(Some((session, file.frames)))
    };
    let (vocals, accompaniment) = match purpose {
        Purpose::Live(_) => match load(Part::Live)? {
            Some(live) => (None, Some(live)),
            None => (None, load(Part::Accompaniment)?),
        },
        Purpose::Files => (load(Part::Vocals)?, load(Part::Accompaniment)?),
    };
    let (accompaniment, num_given) =
        accompaniment.ok_or_else(|| model.refused("it has no graph".to_owned()))?;
    let networks = (vocals.map(|(session, _)| session), accompaniment);
    let terminator = place.terminator.clone();
    vocals_first::separator(
        model,
        how,
        purpose,
        networks,
        (num_given, is_parallel),
        terminator,
    )
}

/// The graphs at work, tried out.
fn separator(
    model: &Model,
    purpose: Purpose,
    mut sessions: Vec<Session>,
) -> Result<Box<dyn Separator>, Error> {
    let manifest = &model.manifest;
    let window = match purpose {
        Purpose::Live(mode) => manifest.lookback(mode),
        Purpose::Files => None,
    };
    let mut only = || {
        sessions
            .pop()
            .ok_or_else(|| model.refused("it has no graph".to_owned()))
    };
    let network: Box<dyn Network> = match &manifest.kind {
        Kind::StreamingSpectrum(spectrum) => {
            let mut separator = StreamingSpectrum::new(model, *spectrum, only()?)?;
            check_numbers(&mut separator)?;
            return Ok(Box::new(separator));
        }
        Kind::Waveform(segment) => Box::new(Waveform::new(manifest, segment.frames, only()?)?),
        Kind::Hybrid(segment, transform) => {
            Box::new(Hybrid::new(manifest, segment.frames, *transform, only()?)?)
        }
        Kind::Spectrum(segment, transform, estimate) => {
            let how = (*transform, *estimate);
            let network = Spectrum::new(manifest, segment.frames, how, sessions)?;
            if let Some(window) = window {
                return live(manifest, transform, window, network);
            }
            Box::new(network)
        }
        Kind::Magnitude(segment, transform, filter) => {
            let how = (*transform, *filter);
            let network = Magnitude::new(manifest, segment.frames, how, sessions)?;
            if let Some(window) = window {
                return live(manifest, transform, window, network);
            }
            Box::new(network)
        }
        Kind::DeepFilter(_) => {
            let sessions = sessions
                .try_into()
                .map_err(|_| model.refused("it needs three graphs".to_owned()))?;
            Box::new(DeepFilter::new(manifest, sessions))
        }
        Kind::VocalsFirst(..) | Kind::Bag(_) | Kind::Cascade(_) => {
            return Err(model.refused("it has no graph of its own".to_owned()));
        }
    };
    let grid = Grid::new(manifest, purpose)
        .ok_or_else(|| model.refused("it has no segments".to_owned()))?;
    Ok(Box::new(Segments::new(model, grid, purpose, network)?))
}

/// A network on spectra in windows that look back.
fn live<N: OnSpectra + 'static>(
    manifest: &Manifest,
    transform: &Transform,
    window: Lookback,
    network: N,
) -> Result<Box<dyn Separator>, Error> {
    let shape = lookback::shape(manifest, transform, &window);
    Ok(Box::new(Windows::new(shape, transform, window, network)?))
}

/// Two hops, one of noise and one of silence, whose stems must be numbers. The first inference also
/// allocates what later ones reuse.
pub(crate) fn check_numbers(separator: &mut dyn Separator) -> Result<(), Error> {
    let hop = separator.shape().hop_frames;
    let noise = noise(hop);
    let silence = vec![0.0; hop];
    let mut stems = StemBlock::default();
    for mix in [&noise, &silence] {
        separator.process([mix, mix], &mut stems)?;
        for (stem, name) in stems.iter().zip(&separator.shape().stems) {
            if !stem.iter().flatten().all(|sample| sample.is_finite()) {
                return Err(Error::NotANumber { stem: name.clone() });
            }
        }
    }
    separator.reset();
    Ok(())
}

/// Wide-band at −20 dB.
pub(crate) fn noise(num_frames: usize) -> Vec<f32> {
    // The generator of Numerical Recipes; any will do.
    let mut state = 1u32;
    (0..num_frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from((state >> 16) as u16) / 32_768.0 - 1.0) * 0.1
        })
        .collect()
}
