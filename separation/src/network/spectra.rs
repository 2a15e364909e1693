//! The spectra of a segment on their way into and out of tensors.
//!
//! [`crate::transform::spectrogram`] knows one channel and all bins; a graph wants both channels or one, fewer
//! bins, and its axes in whatever order it was exported with. Between the two is [`Spectral`]: it keeps the mix
//! in one order, and goes by the manifest's axes ([`crate::model::layout`]) on the way in and out.

use realfft::num_complex::Complex;

use crate::error::Error;
use crate::model::layout::{Sizes, Strides};
use crate::model::manifest::{self, Axis};
use crate::runtime::session::Tensor;
use crate::transform::settings::Transform;
use crate::transform::spectrogram::Spectrogram;

/// Spectra of one signal, `[channel][frame · bin]`, all bins of the transform.
///
/// Bin `b` of frame `t` lies at `t · num_bins + b`.
pub(crate) type Spectra = [Vec<Complex<f32>>; 2];

/// A transform, and the mix as it sees it.
pub(crate) struct Spectral {
    /// Lengths, and how many bins the graph sees.
    pub(super) transform: Transform,
    /// Tables and work space, there and back.
    pub(super) pair: Spectrogram,
    /// The mix of the segment or window at hand.
    pub(crate) mix: Spectra,
    /// Frames in `mix`; whoever fills it sets this.
    pub(crate) frames: usize,
}

impl Spectral {
    pub(crate) fn new(transform: Transform) -> Self {
        Self {
            transform,
            pair: Spectrogram::new(transform),
            mix: Spectra::default(),
            frames: 0,
        }
    }

    pub(crate) fn transform(&self) -> &Transform {
        &self.transform
    }

    /// Bins of a spectrum.
    pub(crate) fn num_bins(&self) -> usize {
        self.pair.num_bins()
    }

    /// Transforms a segment.
    ///
    /// # Shape
    /// `segment` is `[channel][frame]`; `mix` gets [`Transform::num_frames`] frames.
    pub(super) fn analyse(&mut self, segment: &[Vec<f32>; 2]) {
        for (mix, samples) in self.mix.iter_mut().zip(segment) {
            self.pair.analyse(samples, mix);
        }
        self.frames = self.transform.num_frames(segment[0].len());
    }

    /// Transforms a stem back.
    ///
    /// # Shape
    /// `spectra` holds as many frames as [`Spectral::analyse`] made of a segment as long as `stem`.
    pub(super) fn synthesise(&mut self, spectra: &Spectra, stem: &mut [Vec<f32>; 2]) {
        for (samples, spectra) in stem.iter_mut().zip(spectra) {
            self.pair.synthesise(spectra, samples);
        }
    }

    /// How a tensor of such spectra is laid out.
    ///
    /// `stems` is how many the tensor holds: 1 for an input. Frames are those of the mix at hand, bins those
    /// that the graph sees.
    pub(crate) fn layout(&self, tensor: &manifest::Tensor, stems: usize) -> (Sizes, Strides) {
        let has = |axis| tensor.axes.contains(&axis);
        let sizes = Sizes {
            stems,
            channels: if has(Axis::Channel) { 2 } else { 1 },
            bins: self.transform.bins,
            frames: self.frames,
            parts: if has(Axis::Part) { 2 } else { 1 },
        };
        (sizes, Strides::new(&tensor.axes, &sizes))
    }

    /// Writes the mix into an input tensor: as complex numbers, or as magnitudes if it has no parts.
    /// `first` is the first of the tensor's channels.
    ///
    /// # Shape
    /// `values` is as large as [`Spectral::layout`] of one stem says; the tensor's channels are `first` and, if
    /// it has two, the next.
    pub(crate) fn write(&self, tensor: &manifest::Tensor, first: usize, values: &mut Tensor) {
        let (sizes, strides) = self.layout(tensor, 1);
        let values = values.values_mut();
        let num_bins = self.pair.num_bins();
        for (channel, mix) in self.mix[first..first + sizes.channels].iter().enumerate() {
            tiles(sizes.frames, sizes.bins, |frame, bin| {
                let x = mix[frame * num_bins + bin];
                let at = channel * strides.channel + frame * strides.frame + bin * strides.bin;
                if sizes.parts == 2 {
                    values[at] = x.re;
                    values[at + strides.part] = x.im;
                } else {
                    values[at] = magnitude(x);
                }
            });
        }
    }

    /// Values an output tensor must have.
    pub(crate) fn len(sizes: &Sizes) -> usize {
        sizes.stems * sizes.channels * sizes.bins * sizes.frames * sizes.parts
    }

    /// Reads one stem out of an output tensor of complex numbers; bins that it lacks are 0.
    ///
    /// # Shape
    /// `values` are those of the whole tensor, laid out for `stems` stems, of which the one of index `stem` is
    /// read. `spectra` gets all bins of the transform for the channels from `first` on; another channel stays
    /// as it is.
    pub(super) fn read(
        &self,
        tensor: &manifest::Tensor,
        values: &[f32],
        (stem, stems): (usize, usize),
        first: usize,
        spectra: &mut Spectra,
    ) {
        let (sizes, strides) = self.layout(tensor, stems);
        let num_bins = self.pair.num_bins();
        for (channel, spectra) in spectra[first..first + sizes.channels]
            .iter_mut()
            .enumerate()
        {
            spectra.resize(sizes.frames * num_bins, Complex::default());
            let at = stem * strides.stem + channel * strides.channel;
            tiles(sizes.frames, sizes.bins, |frame, bin| {
                let at = at + frame * strides.frame + bin * strides.bin;
                spectra[frame * num_bins + bin] =
                    Complex::new(values[at], values[at + strides.part]);
            });
            for spectrum in spectra.chunks_exact_mut(num_bins) {
                spectrum[sizes.bins..].fill(Complex::default());
            }
        }
    }
}

/// Values that fill a line of the cache.
const TILE: usize = 16;

/// Visits every frame and bin in squares, so that both where frames are neighbours and where bins are, lines of the
/// cache are used up once they are loaded.
///
/// The order of visits is all that differs from two nested loops. Tensors have frames and bins either way
/// round, and walking one of two arrays across its lines costs a line per value.
pub(super) fn tiles(frames: usize, bins: usize, mut visit: impl FnMut(usize, usize)) {
    for first_frame in (0..frames).step_by(TILE) {
        for first_bin in (0..bins).step_by(TILE) {
            for frame in first_frame..frames.min(first_frame + TILE) {
                for bin in first_bin..bins.min(first_bin + TILE) {
                    visit(frame, bin);
                }
            }
        }
    }
}

/// |x|; `norm` guards against overflow, far above any audio, by a call per value.
pub(crate) fn magnitude(x: Complex<f32>) -> f32 {
    x.norm_sqr().sqrt()
}

/// The input tensor for so many frames, made anew only when that changes.
///
/// Segments are all of one length but for the last one of a song that is short, so the tensor is nearly always
/// the same.
pub(crate) struct Input {
    /// Zeros, or what was written for the last inference.
    tensor: Tensor,
    /// What −1 in its shape stands for now.
    frames: usize,
}

impl Input {
    /// Of a tensor of the manifest, all zeros.
    ///
    /// # Errors
    /// The runtime can't make it.
    pub(crate) fn new(interface: &manifest::Tensor, frames: usize) -> Result<Self, Error> {
        Ok(Self {
            tensor: interface.zeros(frames)?,
            frames,
        })
    }

    /// The tensor, of the right size.
    ///
    /// `interface` is the one it was made for.
    ///
    /// # Errors
    /// The runtime can't make another.
    pub(crate) fn of(
        &mut self,
        interface: &manifest::Tensor,
        frames: usize,
    ) -> Result<&mut Tensor, Error> {
        if frames != self.frames {
            *self = Self::new(interface, frames)?;
        }
        Ok(&mut self.tensor)
    }
}
