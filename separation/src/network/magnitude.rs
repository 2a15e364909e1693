//! Kind `magnitude`: magnitudes in, magnitudes of the stems out, and a filter that makes spectra of them
//! with the mix's phase. Open-Unmix and Spleeter; one graph per stem, or one for all.
//!
//! # Source
//! Ratio: `spleeter.model.EstimatorSpecBuilder._build_masks`, ε = 1e−10, above the bins that the networks
//! see `_extend_mask`. Wiener: [`super::wiener`].

use realfft::num_complex::Complex;

use super::Network;
use super::spectra::{Input, Spectra, Spectral};
use super::wiener;
use crate::manifest::{Above, Filter, Interface, Manifest, Transform};
use crate::runtime::session::Session;
use crate::{Error, StemBlock};

/// ε of the ratio: a bin where no stem has energy is shared equally.
const EPSILON: f32 = 1e-10;

pub(crate) struct Magnitude {
    graphs: Vec<(Session, Vec<usize>)>,
    interface: Interface,
    filter: Filter,
    residual_idx: usize,
    spectral: Spectral,
    input: Input,
    /// `[source][channel][frame · bin]`: magnitudes, of the bins that the graph sees.
    magnitudes: Vec<[Vec<f32>; 2]>,
    /// The stem of each source.
    sources: Vec<usize>,
    stems: Vec<Spectra>,
}

impl Magnitude {
    pub(crate) fn new(
        manifest: &Manifest,
        frames: usize,
        (transform, filter): (Transform, Filter),
        sessions: Vec<Session>,
    ) -> Result<Self, Error> {
        let interface = manifest.interface.clone();
        let graphs: Vec<(Session, Vec<usize>)> = sessions
            .into_iter()
            .zip(manifest.graphs())
            .map(|(session, file)| (session, manifest.stems_of(file)))
            .collect();
        let sources: Vec<usize> = graphs.iter().flat_map(|(_, given)| given.clone()).collect();
        Ok(Self {
            filter,
            residual_idx: manifest.residual_idx,
            spectral: Spectral::new(transform),
            input: Input::new(&interface.inputs[0], transform.num_frames(frames))?,
            magnitudes: vec![Default::default(); sources.len()],
            stems: vec![Spectra::default(); sources.len()],
            sources,
            graphs,
            interface,
        })
    }

    /// Runs every graph; fills `magnitudes`.
    fn estimate(&mut self) -> Result<(), Error> {
        let (input, output) = (&self.interface.inputs[0], &self.interface.outputs[0]);
        let mut first_source = 0;
        for (session, given) in &mut self.graphs {
            let (sizes, strides) = self.spectral.layout(output, given.len());
            for first in (0..2).step_by(sizes.channels) {
                let tensor = self.input.of(input, self.spectral.frames)?;
                self.spectral.write(input, first, tensor);
                let tensors = session.run(&[tensor], &mut [])?;
                let values = tensors[0].expect(Spectral::len(&sizes))?;
                for stem in 0..given.len() {
                    for channel in 0..sizes.channels {
                        let magnitudes = &mut self.magnitudes[first_source + stem][first + channel];
                        magnitudes.clear();
                        let at = stem * strides.stem + channel * strides.channel;
                        for frame in 0..sizes.frames {
                            let at = at + frame * strides.frame;
                            let bins = (0..sizes.bins).map(|bin| values[at + bin * strides.bin]);
                            magnitudes.extend(bins);
                        }
                    }
                }
            }
            first_source += given.len();
        }
        Ok(())
    }

    /// Fills `stems` with each source's share of the mix.
    fn share(&mut self, power: f32, above: Above) {
        let (bins, num_bins) = (self.spectral.transform.bins, self.spectral.pair.num_bins());
        let num_sources = self.sources.len() as f32;
        let raise = |v: f32| {
            // powf is slow, and exact only for whole numbers by luck.
            if power == 2.0 {
                v * v
            } else {
                v.max(0.0).powf(power)
            }
        };
        let mut masks = vec![0.0; bins];
        for channel in 0..2 {
            let mix = &self.spectral.mix[channel];
            for (stems, magnitudes) in self.stems.iter_mut().zip(&self.magnitudes) {
                let stem = &mut stems[channel];
                stem.resize(mix.len(), Complex::default());
                for (frame, (stem, mix)) in stem
                    .chunks_exact_mut(num_bins)
                    .zip(mix.chunks_exact(num_bins))
                    .enumerate()
                {
                    let at = frame * bins;
                    for (bin, mask) in masks.iter_mut().enumerate() {
                        let all: f32 = self
                            .magnitudes
                            .iter()
                            .map(|source| raise(source[channel][at + bin]))
                            .sum();
                        let own = raise(magnitudes[channel][at + bin]);
                        *mask = (own + EPSILON / num_sources) / (all + EPSILON);
                    }
                    let rest = match above {
                        Above::Zeros => 0.0,
                        Above::Average => masks.iter().sum::<f32>() / bins as f32,
                    };
                    let masks = masks.iter().copied().chain(std::iter::repeat(rest));
                    for ((stem, mix), mask) in stem.iter_mut().zip(mix).zip(masks) {
                        *stem = mix * mask;
                    }
                }
            }
        }
    }

    /// Fills `stems` with each source's magnitude and the mix's phase.
    fn phase(&mut self) {
        let (bins, num_bins) = (self.spectral.transform.bins, self.spectral.pair.num_bins());
        for (stems, magnitudes) in self.stems.iter_mut().zip(&self.magnitudes) {
            for ((stem, mix), magnitudes) in
                stems.iter_mut().zip(&self.spectral.mix).zip(magnitudes)
            {
                stem.resize(mix.len(), Complex::default());
                for ((stem, mix), magnitudes) in stem
                    .chunks_exact_mut(num_bins)
                    .zip(mix.chunks_exact(num_bins))
                    .zip(magnitudes.chunks_exact(bins))
                {
                    stem[bins..].fill(Complex::default());
                    for ((stem, mix), magnitude) in stem.iter_mut().zip(mix).zip(magnitudes) {
                        let norm = mix.norm();
                        let phase = if norm > 0.0 {
                            mix / norm
                        } else {
                            Complex::new(1.0, 0.0)
                        };
                        *stem = phase * *magnitude;
                    }
                }
            }
        }
    }
}

impl Network for Magnitude {
    fn separate(&mut self, segment: &[Vec<f32>; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.spectral.analyse(segment);
        self.estimate()?;
        match self.filter {
            Filter::Ratio { power, above } => self.share(power, above),
            Filter::Wiener {
                iterations,
                frames,
                has_residual,
            } => {
                self.phase();
                if iterations > 0 {
                    let num_bins = self.spectral.pair.num_bins();
                    let em = wiener::Wiener {
                        iterations,
                        frames,
                        has_residual,
                        num_bins,
                    };
                    em.refine(&self.spectral.mix, &mut self.stems);
                }
            }
        }
        for (stem_idx, spectra) in self.sources.iter().zip(&self.stems) {
            if *stem_idx != self.residual_idx {
                self.spectral.synthesise(spectra, stems.stem_mut(*stem_idx));
            }
        }
        Ok(())
    }
}
