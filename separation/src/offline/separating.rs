//! From the song to the spool: decode, separate, measure.
//!
//! ```text
//! decode thread ─► blocks of the song ─► job's thread: streams, a pair of channels each ─► keep thread: extent, spool
//!                BLOCKS_AHEAD at most                                                    BLOCKS_BEHIND at most
//! ```
//! The queues are bounded, so memory is. If one end fails, its neighbours find the queue closed and end; the
//! error that began it is the one that is told.
//!
//! # Shape
//! Between threads audio is `[channel][frame]` of the song and `[stem][channel][frame]` without the residual.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::thread;

use super::preparing::Plan;
use super::progress::Caller;
use super::{Job, JobError, opening};
use crate::audio::channels::Group;
use crate::audio::read::{AudioReader, ReadError};
use crate::audio::write::WriteError;
use crate::delivery::exact::{Exact, Extent, Lanes};
use crate::delivery::spool::{SpoolReader, SpoolWriter};
use crate::device::DeviceUse;
use crate::error::Error;
use crate::runtime::Terminator;
use crate::separator::StemBlock;
use crate::separator::track::{Measuring, Track};
use crate::stream::Stream;

/// Frames that are separated at a time: long enough that handing over costs nothing, short enough that
/// progress moves and memory stays small.
const BLOCK_FRAMES: usize = 16_384;

/// Blocks that decoding may be ahead.
const BLOCKS_AHEAD: usize = 4;

/// Blocks that spooling may be behind: what one inference gives, so that the next need not wait for it.
const BLOCKS_BEHIND: usize = 32;

/// A song that is separated, and what was found out on the way.
pub(super) struct Separated {
    /// The mix and all stems but the residual.
    pub spool: SpoolReader,
    /// How the spool becomes files.
    pub exact: Exact,
    /// The one at which no file clips.
    pub gain: f64,
    /// Of the song, or of what was wanted of it.
    pub num_frames: u64,
    /// What of the song was missing, cut off, joined or guessed.
    pub notes: Vec<String>,
    /// Why the model did not run on the device that was wanted.
    pub fallbacks: Vec<String>,
}

impl Separated {
    /// When all is spooled and measured.
    pub(super) fn end(
        spool: SpoolWriter,
        (exact, extent): (Exact, &Extent),
        num_channels: usize,
        notes: Vec<String>,
    ) -> Result<Self, JobError> {
        let num_frames = spool.num_frames();
        // The residual stem is what the others leave of the mix, and so is not spooled.
        let num_spooled = exact.num_stems() - 1;
        Ok(Self {
            spool: spool
                .finish(num_channels, num_spooled)
                .map_err(WriteError::Io)?,
            gain: exact.gain(extent),
            exact,
            num_frames,
            notes,
            fallbacks: Vec::new(),
        })
    }
}

/// A block of mix and how far into the song it reaches, 0 to 1.
struct Decoded {
    /// `[channel][frame]`.
    mix: Vec<Vec<f32>>,
    /// How far into the song it reaches.
    fraction: f64,
}

/// Separated frames on their way to the disk.
struct Final {
    /// `[channel][frame]`.
    mix: Vec<Vec<f32>>,
    /// `[stem][channel][frame]`, without the residual.
    stems: Vec<Vec<Vec<f32>>>,
}

/// A stream per channel group, which knows of the song what its model wants to know.
///
/// # Errors
/// A stream can't be made, or the song can't be listened to.
pub(super) fn open(
    job: &Job<'_>,
    plan: &Plan,
    open_stream: &mut dyn FnMut(u32) -> Result<Stream, Error>,
    cancel: &Terminator,
) -> Result<Streams, JobError> {
    let streams = plan
        .groups
        .iter()
        .map(|_| open_stream(plan.facts.sample_rate));
    let mut streams = streams.collect::<Result<Vec<_>, _>>()?;
    if streams.iter().any(Stream::wants_track) {
        let tracks = listen(opening::open(job, None, cancel)?, &plan.groups, cancel)?;
        for (stream, track) in streams.iter_mut().zip(&tracks) {
            stream.begin(track);
        }
    }
    Ok(Streams::new(&plan.groups, streams))
}

/// Separates the whole song: decoding runs ahead of the model, measuring and spooling follow it.
///
/// # Errors
/// The song can't be decoded, the model fails, the disk does, or the job was stopped.
pub(super) fn separate(
    reader: AudioReader,
    mut streams: Streams,
    plan: &Plan,
    spool_path: &Path,
    caller: &mut Caller<'_>,
) -> Result<Separated, JobError> {
    let num_channels = plan.facts.layout.num_channels();
    let num_stems = streams.num_stems();
    let roles = plan.files.iter().map(|file| file.role.clone()).collect();
    let depth = plan.request.bit_depth;
    let exact = Exact::new(depth, num_stems, streams.residual_idx, roles);
    let spool = SpoolWriter::create(spool_path).map_err(WriteError::Io)?;
    let (kept, notes, num_frames) = thread::scope(|scope| {
        let (decoded_sender, decoded) = sync_channel(BLOCKS_AHEAD);
        let (separated, final_receiver) = sync_channel(BLOCKS_BEHIND);
        let decoding = scope.spawn(move || decode(reader, &decoded_sender));
        let keeping = scope.spawn(|| keep(final_receiver, spool, &exact));
        let result = drain(decoded, &mut streams, &separated, caller);
        // Both ends are gone by now, so both threads have ended or are about to.
        drop(separated);
        let kept = join(keeping);
        let notes = join(decoding);
        // A disk that is full ends separation: then this is the reason, not its consequence.
        let kept = kept.map_err(WriteError::Io)?;
        result.map(|num_frames| (kept, notes, num_frames))
    })?;
    let (spool, extent) = kept;
    if spool.num_frames() != num_frames {
        return Err(Error::BlockLength {
            expected: usize::try_from(num_frames).unwrap_or(usize::MAX),
            actual: usize::try_from(spool.num_frames()).unwrap_or(usize::MAX),
        }
        .into());
    }
    let separated = Separated::end(spool, (exact, &extent), num_channels, notes)?;
    Ok(Separated {
        fallbacks: streams.fallbacks(),
        ..separated
    })
}

/// Length and loudness of what each channel group's model will hear.
fn listen(
    mut reader: AudioReader,
    groups: &[Group],
    cancel: &Terminator,
) -> Result<Vec<Track>, JobError> {
    let mut measuring = vec![Measuring::default(); groups.len()];
    let mut block = Vec::new();
    while reader.read(&mut block)? > 0 {
        if cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        for (group, measuring) in groups.iter().zip(&mut measuring) {
            if let (Some(&left), Some(&right)) = (group.channels.first(), group.channels.last()) {
                measuring.add([&block[left], &block[right]]);
            }
        }
    }
    Ok(measuring.iter().map(Measuring::track).collect())
}

/// What a thread gives; its panic goes on here.
fn join<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Separates what comes until there is no more, then the tail; gives the frames that came.
fn drain(
    decoded: Receiver<Result<Decoded, ReadError>>,
    streams: &mut Streams,
    separated: &SyncSender<Final>,
    caller: &mut Caller<'_>,
) -> Result<u64, JobError> {
    let mut num_frames = 0;
    for block in decoded {
        caller.may_go_on()?;
        let block = block?;
        num_frames += block.mix[0].len() as u64;
        streams.push(&block.mix)?;
        if streams.give(separated).is_err() {
            // Spooling failed; it tells why.
            return Ok(num_frames);
        }
        caller.separated(block.fraction, num_frames);
    }
    streams.flush()?;
    let _ = streams.give(separated);
    Ok(num_frames)
}

/// Measures and spools what was separated.
fn keep(
    separated: Receiver<Final>,
    mut spool: SpoolWriter,
    exact: &Exact,
) -> io::Result<(SpoolWriter, Extent)> {
    let mut extent = Extent::default();
    for Final { mix, stems } in separated {
        let lanes = Lanes {
            mix: &mix,
            stems: &stems,
        };
        exact.measure(lanes, &mut extent);
        spool.push(lanes)?;
    }
    Ok((spool, extent))
}

/// Decodes in blocks until the end, an error, or until nobody listens; gives the notes.
fn decode(mut reader: AudioReader, sender: &SyncSender<Result<Decoded, ReadError>>) -> Vec<String> {
    let mut block = Vec::new();
    loop {
        let mut mix =
            vec![Vec::with_capacity(2 * BLOCK_FRAMES); reader.facts().layout.num_channels()];
        let mut is_at_end = false;
        while mix[0].len() < BLOCK_FRAMES && !is_at_end {
            match reader.read(&mut block) {
                Ok(num_frames) => is_at_end = num_frames == 0,
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return reader.notes();
                }
            }
            for (mix, block) in mix.iter_mut().zip(&block) {
                mix.extend_from_slice(block);
            }
        }
        let fraction = reader.fraction();
        if sender.send(Ok(Decoded { mix, fraction })).is_err() || is_at_end {
            return reader.notes();
        }
    }
}

/// One stream per channel group, and the lanes of all channels in file order.
pub(super) struct Streams {
    /// Of each group: its channels, what separates them, and what that gave last.
    groups: Vec<(Vec<usize>, Stream, StemBlock)>,
    /// The same for all, as they are of one model.
    residual_idx: usize,
    /// Mix whose stems are not given yet, `[channel][frame]`.
    held: Vec<Vec<f32>>,
    /// How much of it became final with the last push or flush: as much as every group's block has.
    num_final: usize,
}

impl Streams {
    /// One stream for each group, in their order.
    fn new(groups: &[Group], streams: Vec<Stream>) -> Self {
        let num_channels = groups.iter().map(|group| group.channels.len()).sum();
        let residual_idx = streams.first().map_or(0, |s| s.shape().residual_idx);
        Self {
            groups: groups
                .iter()
                .zip(streams)
                .map(|(group, stream)| (group.channels.clone(), stream, StemBlock::default()))
                .collect(),
            residual_idx,
            held: vec![Vec::new(); num_channels],
            num_final: 0,
        }
    }

    /// Sends the frames that became final with the last push or flush, in blocks: some models give a minute at once.
    fn give(&mut self, to: &SyncSender<Final>) -> Result<(), SendError<Final>> {
        for start in (0..self.num_final).step_by(BLOCK_FRAMES) {
            let end = self.num_final.min(start + BLOCK_FRAMES);
            to.send(self.block(start..end))?;
        }
        for held in &mut self.held {
            held.drain(..self.num_final);
        }
        self.num_final = 0;
        Ok(())
    }

    /// These of the frames that are final, with the mix that belongs to them.
    fn block(&self, frames: Range<usize>) -> Final {
        let num_channels = self.held.len();
        let num_stems = self.num_stems();
        let mut stems = vec![vec![Vec::new(); num_channels]; num_stems - 1];
        for (channels, _, block) in &self.groups {
            let others = (0..num_stems).filter(|&stem| stem != self.residual_idx);
            for (stem, lanes) in others.zip(&mut stems) {
                let [left, right] = block
                    .stem(stem)
                    .each_ref()
                    .map(|side| &side[frames.clone()]);
                match channels[..] {
                    // The model heard the channel on both sides: its stem is their mean.
                    [mono] => {
                        let mean = left.iter().zip(right).map(|(l, r)| 0.5 * (l + r));
                        lanes[mono] = mean.collect();
                    }
                    _ => {
                        for (&channel, side) in channels.iter().zip([left, right]) {
                            lanes[channel] = side.to_vec();
                        }
                    }
                }
            }
        }
        let mix = self.held.iter().map(|held| held[frames.clone()].to_vec());
        Final {
            mix: mix.collect(),
            stems,
        }
    }

    /// Why the model did not run on the device that was wanted; groups of channels may share what computes.
    fn fallbacks(&self) -> Vec<String> {
        let mut fallbacks = Vec::new();
        for (_, stream, _) in &self.groups {
            if let Some(fallback) = stream.device_use().and_then(DeviceUse::fallback)
                && !fallbacks.contains(&fallback)
            {
                fallbacks.push(fallback);
            }
        }
        fallbacks
    }

    /// Stems of the model, the residual included.
    fn num_stems(&self) -> usize {
        self.groups
            .first()
            .map_or(1, |(_, stream, _)| stream.shape().stems.len())
    }

    /// Separates a block of all channels; a single channel goes to both sides of its stream.
    fn push(&mut self, block: &[Vec<f32>]) -> Result<(), JobError> {
        for (held, block) in self.held.iter_mut().zip(block) {
            held.extend_from_slice(block);
        }
        self.step(|stream, channels, out| {
            let [left, right] = match channels {
                [mono] => [*mono, *mono],
                [left, right, ..] => [*left, *right],
                [] => return Ok(()),
            };
            stream.push([&block[left], &block[right]], out)
        })
    }

    /// Separates what is left at the end of the song.
    fn flush(&mut self) -> Result<(), JobError> {
        self.step(|stream, _, out| stream.flush(out))
    }

    /// Runs every stream once, and sees how many frames became final.
    ///
    /// # Errors
    /// A stream fails, or they give different numbers of frames.
    fn step(
        &mut self,
        mut run: impl FnMut(&mut Stream, &[usize], &mut StemBlock) -> Result<(), Error>,
    ) -> Result<(), JobError> {
        let mut num_frames = None;
        for (channels, stream, block) in &mut self.groups {
            run(stream, channels, block)?;
            // Equal separators fed with equal lengths give equal lengths.
            let actual = block.num_frames();
            let expected = *num_frames.get_or_insert(actual);
            if actual != expected {
                return Err(Error::BlockLength { expected, actual }.into());
            }
        }
        self.num_final = num_frames.unwrap_or(0);
        for held in &self.held {
            if held.len() < self.num_final {
                return Err(Error::BlockLength {
                    expected: held.len(),
                    actual: self.num_final,
                }
                .into());
            }
        }
        Ok(())
    }
}
