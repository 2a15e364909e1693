//! Whether what a separator gives are numbers.

use super::{Separator, StemBlock};
use crate::audio::noise::noise;
use crate::error::Error;

/// Two hops, one of noise and one of silence, whose stems must be numbers. The first inference also
/// allocates what later ones reuse.
///
/// The separator is reset afterwards. A model that gives NaN for silence alone would otherwise fail in the
/// first pause of a song.
///
/// # Errors
/// An inference fails, or [`Error::NotANumber`] with the first stem that holds NaN or infinity.
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
