//! Where in a tensor the value of a stem, channel, bin, frame and part lies.
//!
//! Exporters order and merge these axes as they like: `[1, 4, 2048, 336]` may be channel and part (L.re,
//! L.im, R.re, R.im), bin, frame; `[1, 2050, 801, 2]` bin and channel, frame, part. A manifest names the
//! axes one by one, outermost first; merging neighbours or adding dimensions of size one changes no
//! address, so any shape that the sizes multiply to is right.
//!
//! The address of a value is `Σ index · stride` over the axes; whatever order the axes have, code that reads
//! and writes tensors is the same.

use serde::Deserialize;

/// One direction of a tensor of spectra.
///
/// In manifests in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Which stem.
    Stem,
    /// Left, right.
    Channel,
    /// Frequency, from 0 Hz.
    Bin,
    /// Frame of the transform.
    Frame,
    /// Real, imaginary.
    Part,
}

/// How long every axis is; an axis that a tensor lacks has size 1.
///
/// What a manifest's shape must multiply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Stems that the tensor holds.
    pub(crate) stems: usize,
    /// 2, or 1 where the graph hears one channel at a time.
    pub(crate) channels: usize,
    /// Lowest bins of the transform that the graph sees.
    pub(crate) bins: usize,
    /// Frames of the transform; of samples, frames of the segment.
    pub(crate) frames: usize,
    /// 2 for complex numbers, else 1.
    pub(crate) parts: usize,
}

/// How far apart neighbours on each axis lie.
///
/// # Units
/// Values; 0 for an axis that the tensor lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Strides {
    pub(crate) stem: usize,
    pub(crate) channel: usize,
    pub(crate) bin: usize,
    pub(crate) frame: usize,
    pub(crate) part: usize,
}

impl Sizes {
    pub(crate) fn of(&self, axis: Axis) -> usize {
        match axis {
            Axis::Stem => self.stems,
            Axis::Channel => self.channels,
            Axis::Bin => self.bins,
            Axis::Frame => self.frames,
            Axis::Part => self.parts,
        }
    }
}

impl Strides {
    /// Of a tensor with these axes, outermost first.
    pub(crate) fn new(axes: &[Axis], sizes: &Sizes) -> Self {
        let mut strides = Self::default();
        let mut stride = 1;
        for &axis in axes.iter().rev() {
            *match axis {
                Axis::Stem => &mut strides.stem,
                Axis::Channel => &mut strides.channel,
                Axis::Bin => &mut strides.bin,
                Axis::Frame => &mut strides.frame,
                Axis::Part => &mut strides.part,
            } = stride;
            stride *= sizes.of(axis);
        }
        strides
    }
}

/// Whether a tensor of this shape has these axes; −1 stands for the frames, and for nothing else.
///
/// Goes through the shape from the outermost dimension on, and takes as many axes as it needs to multiply to
/// each.
pub(crate) fn fits(axes: &[Axis], sizes: &Sizes, shape: &[i64]) -> bool {
    let mut left = axes
        .iter()
        .map(|&axis| (axis, dimension(sizes.of(axis))))
        .filter(|&(axis, size)| size != 1 || axis == Axis::Frame)
        .peekable();
    for &dimension in shape {
        if dimension == -1 {
            if left.next().is_none_or(|(axis, _)| axis != Axis::Frame) {
                return false;
            }
            continue;
        }
        let mut merged = 1;
        while merged < dimension {
            let Some((_, size)) = left.next() else {
                return false;
            };
            merged *= size;
        }
        if merged != dimension {
            return false;
        }
    }
    left.all(|(_, size)| size == 1)
}

/// A length as a dimension; the limits of the manifest keep it far from overflow.
pub(crate) fn dimension(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Axis::{Bin, Channel, Frame, Part, Stem};

    const SIZES: Sizes = Sizes {
        stems: 3,
        channels: 2,
        bins: 5,
        frames: 7,
        parts: 2,
    };

    #[test]
    fn a_shape_fits_if_neighbouring_axes_multiply_to_it() {
        let rows: [(&[Axis], &[i64], bool); 10] = [
            (&[Channel, Part, Bin, Frame], &[1, 4, 5, 7], true),
            (&[Channel, Part, Bin, Frame], &[1, 4, 5, -1], true),
            (&[Channel, Part, Bin, Frame], &[2, 2, 5, 7], true),
            (&[Channel, Part, Bin, Frame], &[1, 4, 7, 5], false),
            (&[Channel, Part, Bin, Frame], &[1, 4, -1, 7], false),
            (&[Channel, Part, Bin, Frame], &[1, 4, 5], false),
            (&[Bin, Channel, Frame, Part], &[1, 10, 7, 2], true),
            (&[Stem, Bin, Channel, Frame, Part], &[1, 3, 10, 7, 2], true),
            (&[Frame, Bin, Channel], &[7, 5, 2], true),
            (&[Frame, Bin, Channel], &[7, 5, 2, 2], false),
        ];
        for (axes, shape, expected) in rows {
            assert_eq!(fits(axes, &SIZES, shape), expected, "{axes:?} {shape:?}");
        }
        let one_frame = Sizes { frames: 1, ..SIZES };
        assert!(fits(&[Bin, Frame, Part], &one_frame, &[1, 5, 1, 2]));
        assert!(fits(&[Bin, Frame, Part], &one_frame, &[1, 5, -1, 2]));
    }

    #[test]
    fn addresses_are_those_of_nested_arrays() {
        let strides = Strides::new(&[Stem, Bin, Channel, Frame, Part], &SIZES);
        // [[[[[f64; 2]; 7]; 2]; 5]; 3], by hand.
        assert_eq!(strides.part, 1);
        assert_eq!(strides.frame, 2);
        assert_eq!(strides.channel, 14);
        assert_eq!(strides.bin, 28);
        assert_eq!(strides.stem, 140);
    }
}
