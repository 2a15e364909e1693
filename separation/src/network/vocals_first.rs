//! Kind `vocals-first`: networks for the vocals, and plain signal processing for the rest.
//!
//! Two networks give the magnitudes of the vocals and of the accompaniment. What is left without the vocals is
//! split into drums ([`drums`]), bass ([`bass`]) and other, which is the residual, by rules that were not learned
//! and so have no music that they like better than other music.
//!
//! | | live | files |
//! |---|---|---|
//! | networks | accompaniment: vocals are the mix times 1 − its mask | both: the mean of what they say |
//! | windows | short, looking back ([`crate::network::lookback`]) | the same, longer, with as much future as past |
//! | drums, bass | in the same transform: past frames, and what future there is | transforms of their own, centred |
//!
//! The built-in model is of this kind ([`crate::model::store`]). Live, a window costs one inference and some
//! medians; the modes differ in how many frames become final with it, and how many newer ones it has seen.
//!
//! # Source
//! The networks: Hennequin, Khlif, Voituret and Moussallam, "Spleeter: a fast and efficient music source separation
//! tool with pre-trained models" (JOSS 2020). The rest: see the modules.

mod bass;
mod drums;
mod files;
mod live;
mod mask;
mod medians;
mod networks;
mod normalizer;

use std::ops::Range;

use realfft::num_complex::Complex;

use crate::error::Error;
use crate::mode::Purpose;
use crate::model::manifest::{Lookback, Manifest};
use crate::model::store::Model;
use crate::network::lookback::{self, Windows};
use crate::network::spectra::{Spectra, Spectral};
use crate::network::{Give, OnSpectra};
use crate::runtime::Terminator;
use crate::runtime::session::Session;
use crate::separator::{Separator, Shape};
use crate::transform::settings::Transform;
use files::Files;
use live::Live;
use networks::Networks;
use normalizer::Normalizer;

/// Seconds around a frame over which the bass' likeness of the sides and its share of the lows are measured.
///
/// On files so much before and as much after it, live before it only.
const FRAME_SECONDS_BASS: (f32, f32) = (0.19, 0.35);

/// Seconds of the past whose level counts live.
const LEVEL_SECONDS: f32 = 4.0;

/// Where the stems that are made are.
///
/// As indices of the manifest's stems, which are these three and `other`, in any order.
#[derive(Debug, Clone, Copy)]
struct Stems {
    drums: usize,
    bass: usize,
    vocals: usize,
}

impl Stems {
    /// From the names in the manifest.
    ///
    /// # Errors
    /// The model has other stems.
    fn of(model: &Model) -> Result<Self, Error> {
        let names = &model.manifest.stems;
        let find = |name: &str| {
            names
                .iter()
                .position(|stem| stem == name)
                .ok_or_else(|| model.refused(format!("kind vocals-first needs a stem {name:?}")))
        };
        let new = Self {
            drums: find("drums")?,
            bass: find("bass")?,
            vocals: find("vocals")?,
        };
        let other = find("other")?;
        if names.len() != 4 || model.manifest.residual_idx != other {
            return Err(model
                .refused("kind vocals-first has four stems, and residual = \"other\"".to_owned()));
        }
        Ok(new)
    }
}

/// The nearest number of hops to a time.
///
/// # Units
/// `length` in seconds, `sample_rate` in Hz, `hop` in samples.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "fractions of a second"
)]
fn seconds(length: f32, sample_rate: f32, hop: usize) -> usize {
    (length * sample_rate / hop as f32).round() as usize
}

/// Stems, hop and window, from the manifest alone.
///
/// On files the lags of the three parts that follow each other add up.
pub(crate) fn shape(
    manifest: &Manifest,
    (transform, window): (&Transform, &Lookback),
    purpose: Purpose,
) -> Shape {
    match purpose {
        Purpose::Live(mode) => {
            let window = manifest.lookback(mode).unwrap_or(*window);
            lookback::shape(manifest, transform, &window)
        }
        Purpose::Files => files::shape(manifest, &vocals_shape(manifest, transform, window)),
    }
}

/// Of the vocals alone, and the rest: what [`Windows`] is told on files, where drums and bass are split off
/// afterwards.
fn vocals_shape(manifest: &Manifest, transform: &Transform, window: &Lookback) -> Shape {
    Shape {
        stems: vec!["vocals".to_owned(), "accompaniment".to_owned()],
        residual_idx: 1,
        ..lookback::shape(manifest, transform, window)
    }
}

/// The model at work, tried out; `vocals` is needed for files only. `num_given` is how many frames the graphs give, if
/// not all that they see.
///
/// `window` is the manifest's `[files]`; a live mode has its own. `is_parallel` is whether the two networks,
/// and then the transforms of the drums, run at the same time, each on a thread of its own: on files only.
///
/// # Errors
/// The networks fail on noise or on silence, or give no numbers for them.
pub(crate) fn separator(
    model: &Model,
    (transform, window): (Transform, Lookback),
    purpose: Purpose,
    (vocals, accompaniment): (Option<Session>, Session),
    (num_given, is_parallel): (Option<usize>, bool),
    terminator: Terminator,
) -> Result<Box<dyn Separator>, Error> {
    let manifest = &model.manifest;
    let stems = Stems::of(model)?;
    let spectral = Spectral::new(transform);
    let networks = |window: &Lookback, level_frames: usize, vocals| {
        Networks::new(
            manifest,
            (vocals, accompaniment),
            is_parallel,
            (&spectral, window.frames, num_given.unwrap_or(window.frames)),
            Normalizer::new(level_frames, transform.n_fft),
        )
    };
    match purpose {
        Purpose::Live(mode) => {
            let window = manifest.lookback(mode).unwrap_or(window);
            let level_frames = seconds(LEVEL_SECONDS, manifest.sample_rate as f32, transform.hop);
            let networks = networks(&window, level_frames, None)?;
            let live = Live::new(manifest, transform, window, stems, networks);
            let shape = lookback::shape(manifest, &transform, &window);
            Ok(Box::new(Windows::new(shape, &transform, window, live)?))
        }
        Purpose::Files => {
            let networks = networks(&window, window.frames, vocals)?;
            let shape = vocals_shape(manifest, &transform, &window);
            let vocals = Vocals {
                networks,
                spectral,
                hop: window.hop,
                stem: Spectra::default(),
            };
            let vocals = Windows::new(shape, &transform, window, vocals)?;
            Ok(Box::new(Files::new(
                manifest,
                stems,
                vocals,
                (terminator, is_parallel),
            )))
        }
    }
}

/// The vocals of a window of spectra.
///
/// A stem is X (1 − share), share being what the networks call accompaniment, between 0 and 1.
pub(crate) struct Vocals {
    /// Shares of the accompaniment.
    networks: Networks,
    /// The window's mix.
    spectral: Spectral,
    /// New frames per window.
    hop: usize,
    /// The vocals; outside the frames that were asked for last, whatever was there.
    stem: Spectra,
}

impl OnSpectra for Vocals {
    fn spectral(&mut self) -> &mut Spectral {
        &mut self.spectral
    }

    fn reset(&mut self) {
        self.networks.reset();
    }

    fn rest(&mut self, num_new: usize) {
        self.networks.rest(num_new);
    }

    fn estimate(&mut self, wanted: Range<usize>, give: &mut Give<'_>) -> Result<(), Error> {
        let num_bins = self.spectral.num_bins();
        let own = wanted.start * num_bins..wanted.end * num_bins;
        let shares = self.networks.shares(&self.spectral, self.hop, wanted)?;
        for ((stem, mix), shares) in self.stem.iter_mut().zip(&self.spectral.mix).zip(shares) {
            stem.resize(mix.len(), Complex::default());
            for ((stem, mix), share) in stem[own.clone()]
                .iter_mut()
                .zip(&mix[own.clone()])
                .zip(shares)
            {
                *stem = mix * (1.0 - share);
            }
        }
        give(&mut self.spectral, 0, &self.stem);
        Ok(())
    }
}
