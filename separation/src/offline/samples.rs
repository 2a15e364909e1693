//! A song in memory becomes stems in memory.

use super::pool::SeparatorPool;
use crate::audio::channels::Layout;
use crate::error::Error;
use crate::runtime::Terminator;
use crate::separator::StemBlock;
use crate::separator::track::Measuring;
use crate::stream::{Stream, residual};

/// Frames that are separated at a time: progress moves and cancelling is looked at in between.
const BLOCK_FRAMES: usize = 16_384;

/// Separates a mix that is in memory, as [`super::separate_file`] does one that is in a file.
///
/// The stems, added in f32 in their order, give the mix within 1 ulp of the largest number on the way if the
/// residual is the last stem, within 2 if it is not. Samples that are NaN or infinite are taken as 0.
/// `on_progress` gets the fraction that is done, 0 to 1.
///
/// # Shape
/// `mix` is `[channel][frame]`, at least one channel, equally long. Each stem is one piece: the frames of its
/// first channel, then those of the next.
///
/// # Units
/// `sample_rate` in frames per second.
///
/// # Errors
/// The rate isn't possible, channels differ in length, the model fails, or `cancel` was used.
pub fn separate_samples(
    mix: &[&[f32]],
    sample_rate: u32,
    pool: &SeparatorPool,
    on_progress: &mut dyn FnMut(f64),
    cancel: &Terminator,
) -> Result<Vec<Vec<f32>>, Error> {
    let num_frames = mix.first().map_or(0, |channel| channel.len());
    if let Some(channel) = mix.iter().find(|channel| channel.len() != num_frames) {
        return Err(Error::BlockLength {
            expected: num_frames,
            actual: channel.len(),
        });
    }
    let mut stems: Vec<Vec<f32>> = Vec::new();
    let groups = Layout::from_count(mix.len()).groups();
    for (group_idx, group) in groups.iter().enumerate() {
        let mut stream = pool.stream(sample_rate)?;
        stems.resize_with(stream.shape().stems.len(), || {
            vec![0.0; mix.len() * num_frames]
        });
        let mut num_given = 0;
        // The model hears a single channel on both sides.
        let sides = [group.channels.first(), group.channels.last()];
        let pair = sides.map(|channel| channel.map_or(&[][..], |&channel| mix[channel]));
        let mut on_done = |num_done: usize| {
            #[expect(clippy::cast_precision_loss, reason = "progress needs no more")]
            let fraction = num_done as f64 / num_frames.max(1) as f64;
            #[expect(clippy::cast_precision_loss, reason = "16 channels at most")]
            let (before, all) = (group_idx as f64, groups.len() as f64);
            on_progress((before + fraction) / all);
        };
        separate_pair(pair, &mut stream, &mut on_done, cancel, |block| {
            for (stems, block) in stems.iter_mut().zip(block.iter()) {
                for (channel, samples) in group.channels.iter().zip(block) {
                    let start = channel * num_frames + num_given;
                    stems[start..start + samples.len()].copy_from_slice(samples);
                }
            }
            num_given += block.num_frames();
        })?;
    }
    Ok(stems)
}

/// Two channels, which may be the same one twice: then the first channel of every block is its stem.
///
/// # Shape
/// Both `[frame]`, equally long; `take` gets as many frames of every stem in all.
fn separate_pair(
    pair: [&[f32]; 2],
    stream: &mut Stream,
    on_done: &mut dyn FnMut(usize),
    cancel: &Terminator,
    mut take: impl FnMut(&StemBlock),
) -> Result<(), Error> {
    if stream.wants_track() {
        let mut measuring = Measuring::default();
        measuring.add(pair);
        stream.begin(&measuring.track());
    }
    let is_mono = std::ptr::eq(pair[0], pair[1]);
    let residual_idx = stream.shape().residual_idx;
    let mut block = StemBlock::default();
    let mut num_taken = 0;
    let mut finish = |block: &mut StemBlock| {
        if is_mono {
            let rest = &pair[0][num_taken..num_taken + block.num_frames()];
            merge_sides(block, residual_idx, rest);
        }
        num_taken += block.num_frames();
        take(block);
    };
    for start in (0..pair[0].len()).step_by(BLOCK_FRAMES) {
        if cancel.is_terminated() {
            return Err(Error::Terminated);
        }
        let end = pair[0].len().min(start + BLOCK_FRAMES);
        stream.push(pair.map(|channel| &channel[start..end]), &mut block)?;
        finish(&mut block);
        on_done(end);
    }
    stream.flush(&mut block)?;
    finish(&mut block);
    Ok(())
}

/// The stem of a channel that was heard on both sides is the mean of its sides, but for the residual.
fn merge_sides(block: &mut StemBlock, residual_idx: usize, mix: &[f32]) {
    for stem in 0..block.num_stems() {
        let [left, right] = block.stem_mut(stem);
        for (left, right) in left.iter_mut().zip(right) {
            *left = 0.5 * (*left + *right);
        }
    }
    let finite: Vec<f32> = mix
        .iter()
        .map(|x| if x.is_finite() { *x } else { 0.0 })
        .collect();
    residual::fill(block, residual_idx, 0, &finite);
}
