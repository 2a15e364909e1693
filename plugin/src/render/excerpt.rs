//! A few seconds of stems in memory, to hear what a model does before a long rendering.

use std::ops::Range;

use unweave_live::preview::Preview;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::offline::JobError;
use unweave_separation::{Measuring, Model, Resampler, StemBlock, Terminator};

use super::{SongFile, stream_at};
use crate::ids;

/// Longest excerpt.
pub const MAX_SECONDS: u64 = 10;

/// Separates the start of a range at the host's rate. Of a song with more than two channels, the first two.
///
/// # Errors
/// As a rendering.
pub fn excerpt(
    song: &SongFile,
    range: Option<Range<u64>>,
    (model, sample_rate): (&Model, u32),
    cancel: &Terminator,
) -> Result<Preview, JobError> {
    let mix = read(song, range, sample_rate, cancel)?;
    let mut stream = stream_at(model, sample_rate, cancel)?;
    if stream.wants_track() {
        // Of the excerpt: the whole song would have to be read first.
        let mut measuring = Measuring::default();
        measuring.add([&mix[0], &mix[1]]);
        stream.begin(&measuring.track());
    }
    let names = stream.shape().stems.clone();
    let mut stems = vec![[Vec::new(), Vec::new()]; names.len()];
    let mut block = StemBlock::default();
    let mut keep = |block: &StemBlock| {
        for (kept, stem) in stems.iter_mut().zip(block.iter()) {
            for (kept, channel) in kept.iter_mut().zip(stem) {
                kept.extend_from_slice(channel);
            }
        }
    };
    stream.push([&mix[0], &mix[1]], &mut block)?;
    keep(&block);
    stream.flush(&mut block)?;
    keep(&block);
    Ok(Preview::new(in_order(&names, stems)))
}

/// The stems that the faders are for, in their order; those of a model with others go to the last, "other".
fn in_order(names: &[String], stems: Vec<[Vec<f32>; 2]>) -> Vec<[Vec<f32>; 2]> {
    let num_frames = stems.first().map_or(0, |stem| stem[0].len());
    let mut ordered = vec![[vec![0.0; num_frames], vec![0.0; num_frames]]; ids::STEMS.len()];
    for (name, stem) in names.iter().zip(stems) {
        let place = ids::STEMS.iter().position(|known| known == name);
        let place = place.unwrap_or(ids::STEMS.len() - 1);
        for (sum, channel) in ordered[place].iter_mut().zip(&stem) {
            for (sum, sample) in sum.iter_mut().zip(channel) {
                *sum += sample;
            }
        }
    }
    ordered
}

/// Two channels at the host's rate.
fn read(
    song: &SongFile,
    range: Option<Range<u64>>,
    sample_rate: u32,
    cancel: &Terminator,
) -> Result<[Vec<f32>; 2], JobError> {
    let mut reader = AudioReader::open(song.path())?;
    let own_rate = reader.facts().sample_rate;
    let most = MAX_SECONDS * u64::from(own_rate);
    if let Some(range) = range {
        let end = range.end.min(range.start + most);
        reader.keep(range.start..end)?;
    }
    let mut mix = [Vec::new(), Vec::new()];
    let mut block = Vec::new();
    while (mix[0].len() as u64) < most && reader.read(&mut block)? > 0 {
        if cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        let right = block.get(1).unwrap_or(&block[0]);
        mix[0].extend_from_slice(&block[0]);
        mix[1].extend_from_slice(right);
    }
    if let Ok(most) = usize::try_from(most) {
        mix.iter_mut().for_each(|channel| channel.truncate(most));
    }
    if own_rate == sample_rate {
        return Ok(mix);
    }
    let mut resampler = Resampler::new(own_rate, sample_rate)?;
    let mut out = [Vec::new(), Vec::new()];
    resampler.push([&mix[0], &mix[1]], &mut out);
    resampler.flush(&mut out);
    Ok(out)
}
