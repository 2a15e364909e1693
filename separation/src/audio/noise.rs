//! A signal to try models and transforms with.
//!
//! The same every time, so that what is tried out with it gives the same every time.

/// Wide-band at −20 dB. That is its peak, ±0.1; spread evenly, its mean square is −25 dB.
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
