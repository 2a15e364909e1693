//! What the other stems leave of the mix, so that adding all stems gives the mix back.
//!
//! Rounding is why this is more than one subtraction: the stems are added again by others, in f32, and what
//! they get has to be the mix. The way for integers is [`crate::delivery`]'s.

use crate::separator::StemBlock;

/// Frames summed together: they fit registers and first-level cache, and the loops become vector code.
const CHUNK: usize = 64;

/// Sets one channel of the residual stem to mix − Σ others.
///
/// Whoever adds the stems in f32, in their order, gets the mix within 1 ulp of the largest number that
/// occurs on the way (mix, stems, partial sums) if the residual is the last stem, within 2 ulp if it is
/// not; where no stem is louder than the mix, that is the mix's own ulp. No residual does better: it and
/// the partial sum before it are f32 of about that size. Integers of files are made to sum exactly
/// where they are written.
///
/// # Shape
/// `mix` is one channel and as long as `out`; of the residual stem only that channel is written.
pub(crate) fn fill(out: &mut StemBlock, residual_idx: usize, channel_idx: usize, mix: &[f32]) {
    let mut residual = std::mem::take(&mut out.stem_mut(residual_idx)[channel_idx]);
    residual.fill(0.0);
    // Anything added after the residual rounds again: find it, then take that back, twice.
    let passes = if residual_idx + 1 == out.num_stems() {
        1
    } else {
        3
    };
    for _ in 0..passes {
        for (chunk_idx, (residual, mix)) in residual
            .chunks_mut(CHUNK)
            .zip(mix.chunks(CHUNK))
            .enumerate()
        {
            let start = chunk_idx * CHUNK;
            let mut sums = [0.0f32; CHUNK];
            for (stem_idx, stem) in out.iter().enumerate() {
                let stem = if stem_idx == residual_idx {
                    &*residual
                } else {
                    &stem[channel_idx][start..start + residual.len()]
                };
                for (sum, sample) in sums.iter_mut().zip(stem) {
                    *sum += sample;
                }
            }
            for ((residual, mix), sum) in residual.iter_mut().zip(mix).zip(sums) {
                *residual += mix - sum;
            }
        }
    }
    out.stem_mut(residual_idx)[channel_idx] = residual;
}
