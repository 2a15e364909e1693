//! The stems of a song from any place on, to be heard: read where they were rendered, separated where they weren't.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use unweave_live::MAX_STEMS;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::delivery::plan::NamedRole;
use unweave_separation::delivery::report::Report;
use unweave_separation::offline::JobError;
use unweave_separation::offline::pool::SeparatorPool;
use unweave_separation::{Measuring, Model, StemBlock, Stream, Terminator, Track};

use super::{Mix, SongFile, options};
use crate::ids;

/// Where stems come from.
#[derive(Debug, Clone)]
pub enum StemSource {
    /// A model, which separates them while they are heard.
    Model(Box<Model>),
    /// Files, by the names of their stems.
    Files {
        /// One per stem.
        files: BTreeMap<String, PathBuf>,
        /// The frames of the song that they are of, at its own rate; without an end if they are of all.
        frames: Range<u64>,
    },
}

/// Which track a stem is heard on: those that have strips come first, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracks(Vec<String>);

impl Tracks {
    /// For a model with these stems.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n String>) -> Self {
        let mut tracks: Vec<String> = ids::STEMS.map(str::to_owned).to_vec();
        for name in names {
            if !tracks.contains(name) && tracks.len() < MAX_STEMS {
                tracks.push(name.clone());
            }
        }
        Self(tracks)
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Those that have no track are heard with the last.
    fn of_stem(&self, name: &str) -> usize {
        let track = self.0.iter().position(|track| track == name);
        track.unwrap_or(self.0.len() - 1)
    }
}

impl StemSource {
    /// The stems that are in a folder with a whole set of these, if they are all there.
    pub fn files(dir: &Path) -> Option<Self> {
        let report = Report::in_dir(dir).ok()?;
        let files: BTreeMap<String, PathBuf> = report
            .files
            .iter()
            .filter_map(|file| match &file.role {
                NamedRole::Stem { stem } => Some((stem.clone(), dir.join(&file.name))),
                _ => None,
            })
            .filter(|(_, path)| path.is_file())
            .collect();
        let is_whole = report
            .model
            .stems
            .iter()
            .all(|stem| files.contains_key(stem));
        is_whole.then_some(Self::Files {
            files,
            frames: report.source.range.unwrap_or(0..u64::MAX),
        })
    }

    /// The tracks that it is heard on.
    pub fn tracks(&self) -> Tracks {
        match self {
            Self::Model(model) => Tracks::of(&model.manifest.stems),
            Self::Files { files, .. } => Tracks::of(files.keys()),
        }
    }
}

/// Gives stems, stretch by stretch, at the host's rate.
pub struct Stems {
    song: SongFile,
    tracks: Tracks,
    /// The song's.
    own_rate: u32,
    sample_rate: u32,
    kind: Kind,
    /// `[track][channel][frame]`
    block: Vec<[Vec<f32>; 2]>,
}

enum Kind {
    Separated {
        separating: Box<Separating>,
        cancel: Terminator,
    },
    Read {
        files: Vec<(usize, Mix, PathBuf)>,
        first_frame: u64,
    },
}

/// What separates while it is heard.
struct Separating {
    stream: Stream,
    /// What the model wants to know of the whole song.
    track: Option<Track>,
    mix: Mix,
    names: Vec<String>,
    out: StemBlock,
    is_flushed: bool,
    /// Lent its separator to the stream.
    _pool: SeparatorPool,
}

impl Stems {
    /// Opens them at a frame of the song. Loads the model, if there is one.
    ///
    /// # Errors
    /// As a rendering.
    pub fn open(
        song: &SongFile,
        source: &StemSource,
        (sample_rate, frame): (u32, u64),
        cancel: &Terminator,
    ) -> Result<Self, JobError> {
        let own_rate = AudioReader::open(song.path())?.facts().sample_rate;
        let kind = match source {
            StemSource::Model(model) => {
                let pool = SeparatorPool::open(Model::clone(model), options(cancel))?;
                let stream = pool.stream(sample_rate)?;
                let track = if stream.wants_track() {
                    Some(measure(song, sample_rate, cancel)?)
                } else {
                    None
                };
                Kind::Separated {
                    separating: Box::new(Separating {
                        names: stream.shape().stems.clone(),
                        stream,
                        track,
                        mix: Mix::open(song.path(), frame, sample_rate)?,
                        out: StemBlock::default(),
                        is_flushed: false,
                        _pool: pool,
                    }),
                    cancel: cancel.clone(),
                }
            }
            StemSource::Files { files, frames } => {
                let tracks = source.tracks();
                let files = files.iter().map(|(name, path)| {
                    let mix = Mix::open(path, 0, sample_rate)?;
                    Ok((tracks.of_stem(name), mix, path.clone()))
                });
                Kind::Read {
                    files: files.collect::<Result<_, JobError>>()?,
                    first_frame: frames.start,
                }
            }
        };
        let tracks = source.tracks();
        let mut stems = Self {
            song: song.clone(),
            block: vec![Default::default(); tracks.names().len()],
            tracks,
            own_rate,
            sample_rate,
            kind,
        };
        stems.seek(frame)?;
        Ok(stems)
    }

    /// The tracks that it is heard on.
    pub fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// The song's sample rate, which its frames are counted at.
    pub fn own_rate(&self) -> u32 {
        self.own_rate
    }

    /// Goes on from this frame of the song.
    ///
    /// # Errors
    /// As a rendering.
    pub fn seek(&mut self, frame: u64) -> Result<(), JobError> {
        match &mut self.kind {
            Kind::Separated { separating, .. } => {
                separating.mix = Mix::open(self.song.path(), frame, self.sample_rate)?;
                separating.is_flushed = false;
                match &separating.track {
                    Some(track) => separating.stream.begin(track),
                    None => separating.stream.reset(),
                }
            }
            Kind::Read { files, first_frame } => {
                let frame = frame.saturating_sub(*first_frame);
                for (_, mix, path) in files {
                    *mix = Mix::open(path, frame, self.sample_rate)?;
                }
            }
        }
        self.block.iter_mut().flatten().for_each(Vec::clear);
        Ok(())
    }

    /// The next stretch, `[track][channel][frame]`, all of the same length; empty at the end.
    ///
    /// # Errors
    /// As a rendering.
    pub fn read(&mut self) -> Result<&[[Vec<f32>; 2]], JobError> {
        match &mut self.kind {
            Kind::Separated { separating, cancel } => {
                self.block.iter_mut().flatten().for_each(Vec::clear);
                separating.read(cancel)?;
                let num_frames = separating.out.num_frames();
                for channel in self.block.iter_mut().flatten() {
                    channel.resize(num_frames, 0.0);
                }
                for (name, stem) in separating.names.iter().zip(separating.out.iter()) {
                    add(&mut self.block[self.tracks.of_stem(name)], stem);
                }
            }
            Kind::Read { files, .. } => {
                // Files of one kind are cut alike, so what they give fits together.
                self.block.iter_mut().flatten().for_each(Vec::clear);
                let mut longest = 0;
                for (track, mix, _) in files.iter_mut() {
                    let given = mix.read()?;
                    longest = longest.max(given[0].len());
                    for (channel, given) in self.block[*track].iter_mut().zip(given) {
                        channel.resize(longest.max(channel.len()), 0.0);
                        for (sum, sample) in channel.iter_mut().zip(given) {
                            *sum += sample;
                        }
                    }
                }
                for channel in self.block.iter_mut().flatten() {
                    channel.resize(longest, 0.0);
                }
            }
        }
        Ok(&self.block)
    }
}

impl Separating {
    /// The next stems that are final, in `out`; none at the end.
    fn read(&mut self, cancel: &Terminator) -> Result<(), JobError> {
        self.out.reshape(self.names.len(), 0);
        while self.out.num_frames() == 0 && !self.is_flushed {
            if cancel.is_terminated() {
                return Err(JobError::Cancelled);
            }
            let [left, right] = self.mix.read()?;
            if left.is_empty() {
                self.is_flushed = true;
                self.stream.flush(&mut self.out)?;
            } else {
                self.stream.push([left, right], &mut self.out)?;
            }
        }
        Ok(())
    }
}

fn add(sums: &mut [Vec<f32>; 2], stem: &[Vec<f32>; 2]) {
    for (sum, channel) in sums.iter_mut().zip(stem) {
        for (sum, sample) in sum.iter_mut().zip(channel) {
            *sum += sample;
        }
    }
}

/// Of the whole song, as a rendering does it.
fn measure(song: &SongFile, sample_rate: u32, cancel: &Terminator) -> Result<Track, JobError> {
    let mut mix = Mix::open(song.path(), 0, sample_rate)?;
    let mut measuring = Measuring::default();
    loop {
        if cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        let [left, right] = mix.read()?;
        if left.is_empty() {
            return Ok(measuring.track());
        }
        measuring.add([left, right]);
    }
}
