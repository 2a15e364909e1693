//! How long one inference takes on this machine.

use std::time::Duration;

use unweave_separation::{Error, StemBlock, Stream};

use crate::clock::Clock;

/// Hops before the measurement: caches fill, the runtime allocates, and a window comes together.
const WARM_UP_HOPS: usize = 4;

/// Hops that are measured. An odd number has a middle.
const MEASURED_HOPS: usize = 9;

/// Runs the model on noise and returns the median time of a hop: the scheduler may interrupt some of
/// them, and what it takes from all is part of this machine.
///
/// # Errors
/// The model fails.
pub(super) fn inference_time(stream: &mut Stream, clock: &dyn Clock) -> Result<Duration, Error> {
    let hop_frames = stream.hop_frames();
    let window_hops = stream.window_frames().div_ceil(hop_frames);
    let mut stems = StemBlock::default();
    let mut seed = 1;
    let mut times = Vec::new();
    for hop_idx in 0..window_hops + WARM_UP_HOPS + MEASURED_HOPS {
        let noise: Vec<f32> = (0..hop_frames).map(|_| next_noise(&mut seed)).collect();
        let started = clock.now();
        stream.push([&noise, &noise], &mut stems)?;
        if hop_idx >= window_hops + WARM_UP_HOPS {
            times.push(clock.now().saturating_sub(started));
        }
    }
    stream.reset();
    times.sort_unstable();
    Ok(times[MEASURED_HOPS / 2])
}

/// White noise at −20 dB full scale: silence is faster in some models and slower in others.
///
/// # Source
/// D. E. Knuth, "The Art of Computer Programming" vol. 2, 3.3.4: line 26 of the table of multipliers.
fn next_noise(seed: &mut u64) -> f32 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let [high, low, ..] = seed.to_be_bytes();
    f32::from(i16::from_be_bytes([high, low])) / f32::from(i16::MAX) * 0.1
}
