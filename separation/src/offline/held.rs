//! Songs that bring their stems with them: stem files, which are taken apart, not separated.
//!
//! The stems of a set sum to its mix. Those of a file often don't: its mix was mastered, or both were compressed with
//! loss. Then what they lack becomes a stem of its own, and all others are as they were.
//!
//! The file is decoded twice: first to find out whether the stems sum, then to take them apart. Nothing is
//! resampled or separated, so the stems of the set are the file's own, rounded to its depth, and softer only if
//! one of its files would clip.

use super::{Job, JobError, opening};
use crate::audio::read::{AudioReader, ReadError, held_stems};
use crate::delivery::report::ModelReport;
use crate::runtime::Terminator;

/// What the mix has and the stems lack.
const REST: &str = "rest";

/// Frames that are handed on at a time.
const BLOCK_FRAMES: usize = 16_384;

/// Differences below this are rounding: half a step of 24 bits.
const ROUNDING: f64 = 0.5 / 8_388_608.0;

/// A mix and the stems that came with it, at their first frames.
pub(super) struct Held {
    /// In place of a model: whose stems they are.
    pub model: ModelReport,
    /// The mix, then the stems.
    pub(super) tracks: Vec<Track>,
    /// How far the stems are from the mix, as a share of full scale. 0 to 1 and above; up to [`ROUNDING`] it is
    /// taken for none.
    difference: f64,
}

impl Held {
    /// What a stem file holds, in the range of the job; `None` if the song brings no stems.
    ///
    /// # Errors
    /// The file can't be read, its tracks differ in rate or channels, or the job was stopped.
    pub(super) fn open(job: &Job<'_>, cancel: &Terminator) -> Result<Option<Self>, JobError> {
        let Some(mut stems) = held_stems(job.source)? else {
            return Ok(None);
        };
        let open = || {
            let tracks = 0..=stems.len();
            let tracks = tracks.map(|track_idx| Track::open(job, track_idx, cancel));
            tracks.collect::<Result<Vec<_>, ReadError>>()
        };
        let mut tracks = open()?;
        let shape = |track: &Track| (track.reader.facts().sample_rate, track.block.len());
        if tracks.iter().any(|track| shape(track) != shape(&tracks[0])) {
            let what = "a stem file whose tracks differ in sample rate or channels";
            return Err(ReadError::Unsupported(what.into()).into());
        }
        let difference = difference(&mut tracks, cancel)?;
        let tracks = open()?;
        if difference > ROUNDING {
            stems.push(REST.into());
        }
        let model = ModelReport {
            id: "stem-file".into(),
            name: "the stems that the song came with".into(),
            version: "1".into(),
            sha256: String::new(),
            residual: stems[stems.len() - 1].clone(),
            stems,
            live_mode: None,
        };
        Ok(Some(Self {
            model,
            tracks,
            difference,
        }))
    }

    /// What the listener should know.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![format!(
            "this is a stem file: its own stems were taken, {}, and no model was used",
            self.model.stems[..self.tracks.len() - 1].join(", ")
        )];
        if self.difference > ROUNDING {
            remarks.push(format!(
                "its stems don't add up to its mix: what they lack, up to {:.1} dBFS, is the Rest Stem",
                20.0 * self.difference.log10()
            ));
        }
        remarks
    }
}

/// The largest difference between the mix and the sum of all others.
fn difference(tracks: &mut [Track], cancel: &Terminator) -> Result<f64, JobError> {
    let mut difference = 0.0_f64;
    while let num_frames @ 1.. = fill(tracks)? {
        if cancel.is_terminated() {
            return Err(JobError::Cancelled);
        }
        if let [mix, stems @ ..] = &*tracks {
            for (channel_idx, mix) in mix.block.iter().enumerate() {
                for (frame, &sample) in mix[..num_frames].iter().enumerate() {
                    let stems = stems
                        .iter()
                        .map(|stem| f64::from(stem.block[channel_idx][frame]));
                    difference = difference.max((f64::from(sample) - stems.sum::<f64>()).abs());
                }
            }
        }
        tracks
            .iter_mut()
            .for_each(|track| track.drop_front(num_frames));
    }
    Ok(difference)
}

/// One track of the file, and what was decoded of it and not used yet.
pub(super) struct Track {
    /// At what comes after `block`.
    pub(super) reader: AudioReader,
    /// `[channel][frame]`.
    block: Vec<Vec<f32>>,
    /// Whether nothing more will come.
    is_at_end: bool,
}

impl Track {
    /// Track 0 is the mix.
    fn open(job: &Job<'_>, track_idx: usize, cancel: &Terminator) -> Result<Self, ReadError> {
        let reader = opening::open(job, Some(track_idx), cancel)?;
        Ok(Self {
            block: vec![Vec::new(); reader.facts().layout.num_channels()],
            reader,
            is_at_end: false,
        })
    }

    /// Decodes until so many frames are there, or the end is.
    fn fill(&mut self, num_frames: usize) -> Result<(), ReadError> {
        let mut more = Vec::new();
        while self.block[0].len() < num_frames && !self.is_at_end {
            self.is_at_end = self.reader.read(&mut more)? == 0;
            for (block, more) in self.block.iter_mut().zip(&more) {
                block.extend_from_slice(more);
            }
        }
        Ok(())
    }

    /// The first frames of what is there, which are then gone.
    pub(super) fn take(&mut self, num_frames: usize) -> Vec<Vec<f32>> {
        let channels = self.block.iter_mut();
        channels
            .map(|channel| channel.drain(..num_frames).collect())
            .collect()
    }

    /// Lets go of the first frames of what is there.
    pub(super) fn drop_front(&mut self, num_frames: usize) {
        for channel in &mut self.block {
            channel.drain(..num_frames);
        }
    }
}

/// Decodes some frames of all tracks; gives how many. Stems are as long as the mix: silence follows shorter ones.
pub(super) fn fill(tracks: &mut [Track]) -> Result<usize, ReadError> {
    let mut num_frames = BLOCK_FRAMES;
    for (track_idx, track) in tracks.iter_mut().enumerate() {
        track.fill(num_frames)?;
        if track_idx == 0 {
            num_frames = num_frames.min(track.block[0].len());
        }
        for channel in &mut track.block {
            if channel.len() < num_frames {
                channel.resize(num_frames, 0.0);
            }
        }
    }
    Ok(num_frames)
}
