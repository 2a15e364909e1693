//! What is worked on: a take, or a file whose waveform is found in the background.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use unweave_live::capture::{Overview, Take};
use unweave_separation::audio::read::AudioReader;

use crate::render::{SongFile, Work, words};

/// A song to be rendered.
pub struct Chosen {
    song: SongFile,
    /// For people.
    title: String,
    name: String,
    sample_rate: u32,
    range: Option<Range<u64>>,
    findings: Arc<Mutex<Findings>>,
    /// Reads the file.
    reading: Option<Work>,
}

/// What reading a file has brought so far.
#[derive(Default)]
struct Findings {
    overview: Overview,
    /// Frames that were read.
    num_read: u64,
    /// Frames of the whole, once known.
    num_frames: Option<u64>,
    refusal: Option<String>,
}

/// A look at what is worked on.
#[derive(Debug, Clone)]
pub struct Look {
    /// For people: which take, or the file's name.
    pub title: String,
    /// Id of the take, if it is one.
    pub take_id: Option<u64>,
    /// What the set will be named after; empty for the song's own name.
    pub name: String,
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames, as soon as they are known.
    pub num_frames: Option<u64>,
    /// How it looks as far as it was read.
    pub overview: Overview,
    /// Frames that the overview is of.
    pub num_read: u64,
    /// The frames that will be rendered; none for all.
    pub range: Option<Range<u64>>,
    /// Why it can't be read to the end.
    pub refusal: Option<String>,
}

impl Chosen {
    pub(super) fn take(take: &Arc<Take>, track: &str) -> Self {
        let title = format!("Take {}", take.id);
        let name = match track.trim() {
            "" => title.clone(),
            track => format!("{track} - {title}"),
        };
        Self {
            song: SongFile::Take(Arc::clone(take)),
            title,
            name,
            sample_rate: take.sample_rate,
            range: None,
            findings: Arc::new(Mutex::new(Findings {
                overview: take.overview.clone(),
                num_read: take.num_frames,
                num_frames: Some(take.num_frames),
                refusal: None,
            })),
            reading: None,
        }
    }

    /// Reads the header here and the rest in the background.
    pub(super) fn file(path: &Path) -> Result<Self, String> {
        let reader = AudioReader::open(path).map_err(|error| words::read(&error))?;
        let sample_rate = reader.facts().sample_rate;
        let findings = Arc::new(Mutex::new(Findings {
            num_frames: reader.facts().num_frames,
            ..Findings::default()
        }));
        let found = Arc::clone(&findings);
        let reading = Work::start("unweave-look", move |cancel| {
            let mut reader = reader;
            let mut block = Vec::new();
            while !cancel.is_terminated() {
                match reader.read(&mut block) {
                    Ok(0) => {
                        let mut found = found.lock();
                        found.num_frames = Some(found.num_read);
                        return;
                    }
                    Ok(num_frames) => {
                        let mut found = found.lock();
                        found.overview.push(&block);
                        found.num_read += num_frames as u64;
                    }
                    Err(error) => {
                        found.lock().refusal = Some(words::read(&error));
                        return;
                    }
                }
            }
        });
        let title = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self {
            song: SongFile::File(path.to_owned()),
            title: title.to_string_lossy().into_owned(),
            name: String::new(),
            sample_rate,
            range: None,
            findings,
            reading: reading.ok(),
        })
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.as_ref().is_some_and(|work| !work.is_over())
    }

    pub(super) fn is_take(&self, id: u64) -> bool {
        self.song.is_take(id)
    }

    pub(super) fn song(&self) -> SongFile {
        self.song.clone()
    }

    pub(super) fn range(&self) -> Option<Range<u64>> {
        self.range.clone()
    }

    pub(super) fn name(&self) -> Option<String> {
        let name = self.name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    pub(super) fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// Cuts it to what there is; a range of nothing, and one of everything, is none.
    pub(super) fn set_range(&mut self, range: Option<Range<u64>>) {
        let num_frames = self.findings.lock().num_frames;
        self.range = range.and_then(|range| {
            let end = range.end.min(num_frames.unwrap_or(u64::MAX));
            let is_all = range.start == 0 && Some(end) == num_frames;
            (range.start < end && !is_all).then_some(range.start..end)
        });
    }

    pub(super) fn look(&self) -> Look {
        let findings = self.findings.lock();
        Look {
            title: self.title.clone(),
            take_id: match &self.song {
                SongFile::Take(take) => Some(take.id),
                SongFile::File(_) => None,
            },
            name: self.name.clone(),
            sample_rate: self.sample_rate,
            num_frames: findings.num_frames,
            overview: findings.overview.clone(),
            num_read: findings.num_read,
            range: self.range.clone(),
            refusal: findings.refusal.clone(),
        }
    }
}
