//! The graphs of one model: read, checked, opened on a device, and made into a separator.
//!
//! | kind | made into |
//! |---|---|
//! | `streaming-spectrum` | [`StreamingSpectrum`], a separator by itself |
//! | `vocals-first` | what [`vocals_first::separator`] gives |
//! | `spectrum`, `magnitude`, live, with `[[live]]` | [`Windows`] |
//! | all others | [`Segments`] around a network |
//!
//! A graph is opened once per separator; weights are shared between separators by [`crate::runtime`].

use crate::device::Device;
use crate::error::Error;
use crate::mode::Purpose;
use crate::model::manifest::{File, Interface, Kind, Lookback, Manifest, Part};
use crate::model::store::{Content, Model};
use crate::network::deep_filter::{self, DeepFilter};
use crate::network::hybrid::Hybrid;
use crate::network::lookback::{self, Windows};
use crate::network::magnitude::Magnitude;
use crate::network::segments::{Grid, Segments};
use crate::network::spectrum::Spectrum;
use crate::network::streaming::StreamingSpectrum;
use crate::network::waveform::Waveform;
use crate::network::{Network, OnSpectra, vocals_first};
use crate::runtime::session::{Session, Target};
use crate::separator::Separator;
use crate::separator::check::check_numbers;
use crate::transform::settings::Transform;

/// A model with graphs of its own, on a device that is chosen.
///
/// # Errors
/// A file can't be read or is another, the runtime doesn't load a graph, tensors aren't as promised, or the
/// model fails when it is tried, which makes it refused.
pub(super) fn load_graphs(
    model: &Model,
    purpose: Purpose,
    target: &Target,
) -> Result<Box<dyn Separator>, Error> {
    let mut graphs: Vec<_> = model.manifest.graphs().zip(model.read()?).collect();
    // Parts in the order in which they are run, stems in the manifest's.
    graphs.sort_by_key(|(file, _)| file.part.map(|part| part as usize));
    let separator = match &model.manifest.kind {
        Kind::VocalsFirst(transform, window) => {
            let how = (*transform, *window);
            vocals_first(model, how, purpose, graphs, target)
        }
        kind => {
            let interfaces = match kind {
                Kind::DeepFilter(_) => deep_filter::interfaces().to_vec(),
                _ => vec![model.manifest.interface.clone(); graphs.len()],
            };
            let sessions = graphs.into_iter().zip(interfaces);
            let sessions = sessions
                .map(|((_, content), interface): (_, Interface)| {
                    Session::new(model, interface, content, target)
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
///
/// Live, the graph for live windows is taken if it gives enough frames, else the accompaniment's; on files the
/// vocals' and the accompaniment's.
fn vocals_first(
    model: &Model,
    how: (Transform, Lookback),
    purpose: Purpose,
    graphs: Vec<(&File, Content)>,
    target: &Target,
) -> Result<Box<dyn Separator>, Error> {
    let manifest = &model.manifest;
    // Two networks on a thread each are faster than two threads on one network after the other.
    let is_parallel =
        purpose == Purpose::Files && target.device == Device::Cpu && target.threads > 1;
    let target = &Target {
        threads: if is_parallel {
            target.threads / 2
        } else {
            target.threads
        },
        ..target.clone()
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
        let session = Session::new(model, interface, content.clone(), target)?;
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
    let terminator = target.terminator.clone();
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
///
/// `sessions` are in the order of the parts, or of the manifest's graphs.
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
