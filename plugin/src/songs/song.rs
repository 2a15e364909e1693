//! One row of the panel: a take, or a file whose waveform is found in the background.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use unweave_live::MAX_STEMS;
use unweave_live::capture::{Ending, Overview, Position, Take};
use unweave_separation::Model;
use unweave_separation::audio::read::AudioReader;

use crate::render::bounds::Bounds;
use crate::render::stems::{StemSource, Tracks};
use crate::render::{SongFile, Stage, Work, words};

/// A song to be heard and rendered.
pub(super) struct Song {
    /// Which row; never used again.
    pub(super) key: u64,
    file: SongFile,
    /// For people, where it has no name.
    title: String,
    name: String,
    sample_rate: u32,
    range: Option<Range<u64>>,
    is_loop: bool,
    /// Where playing begins.
    playhead: u64,
    tracks: Vec<TrackLook>,
    /// The folder whose stems are heard.
    stems: Option<(PathBuf, StemSource)>,
    /// Where what was made of it last is.
    rendered: Option<PathBuf>,
    findings: Arc<Mutex<Findings>>,
    /// Reads the file.
    reading: Option<Work>,
}

/// What reading a file has brought so far.
#[derive(Default)]
struct Findings {
    overview: Arc<Overview>,
    /// Frames that were read.
    num_read: u64,
    /// Frames of the whole, once known.
    num_frames: Option<u64>,
    refusal: Option<String>,
}

/// A stem of a song, as it is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackLook {
    /// The stem's.
    pub name: String,
    /// It isn't heard.
    pub is_muted: bool,
    /// Only soloed ones are heard.
    pub is_soloed: bool,
}

/// A look at a row.
#[derive(Debug, Clone)]
pub struct Look {
    /// Which row.
    pub key: u64,
    /// For people: which take, or the file's name.
    pub title: String,
    /// What the set will be named after; empty for the song's own name.
    pub name: String,
    /// The take, if it is one.
    pub take: Option<Arc<Take>>,
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames, as soon as they are known.
    pub num_frames: Option<u64>,
    /// How it looks as far as it was read.
    pub overview: Arc<Overview>,
    /// Frames that the overview is of.
    pub num_read: u64,
    /// The frames that are heard and rendered; none for all.
    pub range: Option<Range<u64>>,
    /// Playing begins again at the end.
    pub is_loop: bool,
    /// The frame that is heard, or where playing will begin.
    pub playhead: u64,
    /// Its stems.
    pub tracks: Vec<TrackLook>,
    /// Why it can't be read to the end.
    pub refusal: Option<String>,
    /// How far its rendering is, or what came of the last.
    pub stage: Option<Stage>,
}

impl Look {
    /// What it is called in the list.
    pub fn label(&self) -> &str {
        label(&self.name, &self.title)
    }

    /// Its length, as far as it is known.
    pub fn length(&self) -> u64 {
        self.num_frames.unwrap_or(self.num_read)
    }

    /// What a listener has to know of a take beside its length: its place, and whether it is all there.
    pub fn take_facts(&self) -> (Position, Ending) {
        let facts = |take: &Arc<Take>| (take.position, take.ending);
        let none = (Position::Unknown, Ending::Stopped);
        self.take.as_ref().map_or(none, facts)
    }
}

fn label<'a>(name: &'a str, title: &'a str) -> &'a str {
    match name.trim() {
        "" => title,
        name => name,
    }
}

impl Song {
    /// A take of this instance.
    pub(super) fn of_take(key: u64, take: &Arc<Take>, track: &str) -> Self {
        let title = format!("Take {}", take.id);
        let name = match track.trim() {
            "" => title.clone(),
            track => format!("{track} - {title}"),
        };
        let findings = Findings {
            overview: Arc::new(take.overview.clone()),
            num_read: take.num_frames,
            num_frames: Some(take.num_frames),
            refusal: None,
        };
        let file = SongFile::Take(Arc::clone(take));
        Self::new(key, file, (title, name), (take.sample_rate, findings))
    }

    /// A take of an instance that has gone, under its name.
    pub(super) fn kept(key: u64, take: Take, name: &str) -> Result<Self, String> {
        let mut song = Self::read(key, SongFile::Take(Arc::new(take)))?;
        song.title = name.to_owned();
        song.name = name.to_owned();
        Ok(song)
    }

    /// Reads the header here and the rest in the background.
    pub(super) fn file(key: u64, path: &Path) -> Result<Self, String> {
        Self::read(key, SongFile::File(path.to_owned()))
    }

    fn read(key: u64, file: SongFile) -> Result<Self, String> {
        let path = file.path().to_owned();
        let reader = AudioReader::open(&path).map_err(|error| words::read(&error))?;
        let sample_rate = reader.facts().sample_rate;
        let findings = Findings {
            num_frames: reader.facts().num_frames,
            ..Findings::default()
        };
        let title = path.file_name().unwrap_or(path.as_os_str());
        let title = title.to_string_lossy().into_owned();
        let mut song = Self::new(key, file, (title, String::new()), (sample_rate, findings));
        let found = Arc::clone(&song.findings);
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
                        Arc::make_mut(&mut found.overview).push(&block);
                        found.num_read += num_frames as u64;
                    }
                    Err(error) => {
                        found.lock().refusal = Some(words::read(&error));
                        return;
                    }
                }
            }
        });
        song.reading = reading.ok();
        Ok(song)
    }

    fn new(
        key: u64,
        file: SongFile,
        (title, name): (String, String),
        (sample_rate, findings): (u32, Findings),
    ) -> Self {
        let mut song = Self {
            key,
            file,
            title,
            name,
            sample_rate,
            range: None,
            is_loop: false,
            playhead: 0,
            tracks: Vec::new(),
            stems: None,
            rendered: None,
            findings: Arc::new(Mutex::new(findings)),
            reading: None,
        };
        song.set_tracks(&Tracks::of([]));
        song
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.as_ref().is_some_and(|work| !work.is_over())
    }

    /// Stops what reads it.
    pub(super) fn rest(&mut self) {
        self.reading = None;
    }

    pub(super) fn as_take(&self) -> Option<&Arc<Take>> {
        match &self.file {
            SongFile::Take(take) => Some(take),
            SongFile::File(_) => None,
        }
    }

    pub(super) fn is_file(&self, path: &Path) -> bool {
        matches!(&self.file, SongFile::File(own) if own == path)
    }

    pub(super) fn song_file(&self) -> SongFile {
        self.file.clone()
    }

    /// A take of which nothing was made.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.rendered.is_none() && self.as_take().is_some()
    }

    pub(super) fn label(&self) -> &str {
        label(&self.name, &self.title)
    }

    pub(super) fn range(&self) -> Option<Range<u64>> {
        self.range.clone()
    }

    pub(super) fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// What the set is named after; none for the song's own name.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.name.trim();
        (!name.is_empty()).then(|| name.to_owned())
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

    pub(super) fn set_loop(&mut self, is_loop: bool) {
        self.is_loop = is_loop;
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            range: self.range.clone(),
            is_loop: self.is_loop,
        }
    }

    pub(super) fn set_playhead(&mut self, frame: u64) {
        let num_frames = self.findings.lock().num_frames.unwrap_or(u64::MAX);
        self.playhead = frame.min(num_frames);
    }

    /// Where playing begins: at the playhead, or at the start if that is outside of what is played.
    pub(super) fn start(&self) -> u64 {
        let num_frames = self.findings.lock().num_frames.unwrap_or(u64::MAX);
        let played = self.range.clone().unwrap_or(0..num_frames);
        if played.contains(&self.playhead) {
            self.playhead
        } else {
            played.start
        }
    }

    /// Something was rendered into this folder: a set, which has it for itself, or one file, which may not.
    pub(super) fn set_rendered(&mut self, dir: &Path, is_set: bool) {
        // Asked for with every picture; the disk is looked at once.
        if self.rendered.as_deref() == Some(dir) {
            return;
        }
        self.rendered = Some(dir.to_owned());
        // A set without all stems can't be heard as a whole.
        if is_set && let Some(source) = StemSource::files(dir) {
            self.set_tracks(&source.tracks());
            self.stems = Some((dir.to_owned(), source));
        }
    }

    /// What is heard of it: what was rendered, where that has all that is to be heard, else what this model makes.
    pub(super) fn source(
        &mut self,
        model: impl FnOnce() -> Result<Model, String>,
    ) -> Result<StemSource, String> {
        let wanted = self.range.clone().unwrap_or(0..u64::MAX);
        if let Some((dir, source)) = &self.stems
            && dir.is_dir()
            && let StemSource::Files { frames, .. } = source
            && frames.start <= wanted.start
            && wanted.end <= frames.end
        {
            return Ok(source.clone());
        }
        let source = StemSource::Model(Box::new(model()?));
        self.set_tracks(&source.tracks());
        Ok(source)
    }

    /// Mutes and solos stay with their names.
    fn set_tracks(&mut self, tracks: &Tracks) {
        let old = std::mem::take(&mut self.tracks);
        self.tracks = tracks
            .names()
            .iter()
            .map(|name| {
                let same = old.iter().find(|track| track.name == *name);
                same.cloned().unwrap_or_else(|| TrackLook {
                    name: name.clone(),
                    is_muted: false,
                    is_soloed: false,
                })
            })
            .collect();
    }

    pub(super) fn change_track(&mut self, idx: usize, change: impl FnOnce(&mut TrackLook)) {
        if let Some(track) = self.tracks.get_mut(idx) {
            change(track);
        }
    }

    /// Only this one is soloed; if that is so already, none.
    pub(super) fn solo_alone(&mut self, idx: usize) {
        let is_wanted = |other| other == idx;
        let mut tracks = self.tracks.iter().enumerate();
        let is_alone = tracks.all(|(other, track)| track.is_soloed == is_wanted(other));
        for (other, track) in self.tracks.iter_mut().enumerate() {
            track.is_soloed = is_wanted(other) && !is_alone;
        }
    }

    /// The tracks that are not heard.
    pub(super) fn silence(&self) -> [bool; MAX_STEMS] {
        let is_any_soloed = self.tracks.iter().any(|track| track.is_soloed);
        let mut is_silent = [false; MAX_STEMS];
        for (is_silent, track) in is_silent.iter_mut().zip(&self.tracks) {
            *is_silent = track.is_muted || (is_any_soloed && !track.is_soloed);
        }
        is_silent
    }

    pub(super) fn look(&self, stage: Option<Stage>) -> Look {
        let findings = self.findings.lock();
        Look {
            key: self.key,
            title: self.title.clone(),
            name: self.name.clone(),
            take: self.as_take().cloned(),
            sample_rate: self.sample_rate,
            num_frames: findings.num_frames,
            overview: Arc::clone(&findings.overview),
            num_read: findings.num_read,
            range: self.range.clone(),
            is_loop: self.is_loop,
            playhead: self.playhead,
            tracks: self.tracks.clone(),
            refusal: findings.refusal.clone(),
            stage,
        }
    }
}

#[cfg(test)]
mod tests {
    use unweave_separation::files::naming;

    use super::*;
    use crate::ids;

    #[test]
    fn a_solo_silences_the_others_and_a_mute_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(naming::file_name("Song", "Mix", "wav"));
        let wav = unweave_separation::audio::write::GrowingWav::create(&path, 8_000, 1, None);
        let mut wav = wav.unwrap();
        wav.write(&[vec![0.5; 800]]).unwrap();
        wav.finish().unwrap();
        let mut song = Song::file(1, &path).unwrap();
        assert_eq!(song.tracks.len(), ids::STEMS.len());
        let silent = |song: &Song| song.silence()[..4].to_vec();
        song.change_track(1, |track| track.is_muted = true);
        assert_eq!(silent(&song), [false, true, false, false]);
        song.solo_alone(2);
        assert_eq!(silent(&song), [true, true, false, true]);
        song.change_track(1, |track| track.is_soloed = true);
        // A mute counts more than a solo.
        assert_eq!(silent(&song), [true, true, false, true]);
        song.solo_alone(2);
        song.solo_alone(2);
        assert_eq!(silent(&song), [false, true, false, false]);
        // Where playing begins.
        song.set_range(Some(100..200));
        assert_eq!(song.start(), 100);
        song.set_playhead(150);
        assert_eq!(song.start(), 150);
        song.set_playhead(200);
        assert_eq!(song.start(), 100);
    }
}
