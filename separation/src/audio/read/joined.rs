//! Several recordings in one file, one after the other: chained Ogg, and files that were joined byte by byte.
//!
//! The first part that can be read decides rate and channels; later ones are converted ([`super::adapt`]). Each
//! part's own start and end are put right first, and a part that is converted gives its last frames before the
//! next begins: nothing is lost or shifted between parts.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::adapt::Adapter;
use super::{Opened, ReadError, Source, SourceFacts, fraction};

/// Opens one of the parts. The range is in bytes.
pub(super) type OpenPart = fn(&File, &Path, Range<u64>) -> Result<Opened, ReadError>;

/// Opens what lies between the starts, as one song; `what` names such a file for the listener.
///
/// Every part is opened once here, for its facts, and once more when it is its turn. One part alone is opened
/// as it is.
///
/// # Errors
/// That of the only part, or [`ReadError::Empty`] if no part can be read.
pub(super) fn open(
    file: &File,
    path: &Path,
    (starts, end): (&[u64], u64),
    open_part: OpenPart,
    what: &str,
) -> Result<Opened, ReadError> {
    let ends = starts.iter().skip(1).copied().chain([end]);
    let parts: Vec<Range<u64>> = starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(s, e)| s..e)
        .collect();
    if let [whole] = &parts[..] {
        return open_part(file, path, whole.clone());
    }
    let mut notes = vec![format!(
        "{} recordings were joined to make this {what}: they are read one after the other",
        parts.len()
    )];
    let mut whole: Option<(SourceFacts, Adapter)> = None;
    let mut readable = VecDeque::new();
    for part in parts {
        match open_part(file, path, part.clone()) {
            Ok((facts, _)) => {
                let num_channels = facts.layout.num_channels();
                match &mut whole {
                    None => {
                        let adapter = Adapter::new(facts.sample_rate, num_channels);
                        whole = Some((facts, adapter));
                    }
                    Some((all, adapter)) => {
                        all.num_frames = match (all.num_frames, facts.num_frames) {
                            (Some(sum), Some(n)) => {
                                Some(sum + adapter.num_frames(n, facts.sample_rate))
                            }
                            _ => None,
                        };
                    }
                }
                readable.push_back(part);
            }
            Err(error) => notes.push(format!(
                "the part from byte {} on can't be read and was left out: {error}",
                part.start
            )),
        }
    }
    let (facts, adapter) = whole.ok_or(ReadError::Empty)?;
    let reader = Joined {
        file: file.try_clone()?,
        path: path.to_owned(),
        parts: readable,
        open_part,
        current: None,
        adapter,
        notes,
        num_frames: facts.num_frames,
        given_frames: 0,
    };
    Ok((facts, Box::new(reader)))
}

/// The parts of a file, one after the other.
struct Joined {
    /// Read by every part by itself, from its own place.
    file: File,
    /// For its extension.
    path: PathBuf,
    /// Those that are still to be opened.
    parts: VecDeque<Range<u64>>,
    open_part: OpenPart,
    /// The part that is read now; none between parts.
    current: Option<(SourceFacts, Box<dyn Source>)>,
    /// Converts what differs from the first part.
    adapter: Adapter,
    /// Of the whole, and of the parts that are over.
    notes: Vec<String>,
    /// Of all parts, if each says how many it has.
    num_frames: Option<u64>,
    /// Frames that were given, of all parts.
    given_frames: u64,
}

impl Joined {
    /// The next frames at the rate and with the channels of the whole; none at the end of a part.
    fn next(&mut self) -> Result<Vec<Vec<f32>>, ReadError> {
        let Some((facts, source)) = &mut self.current else {
            return Ok(Vec::new());
        };
        let mut planes = vec![Vec::new(); facts.layout.num_channels()];
        source.read(&mut planes)?;
        if !planes[0].is_empty() {
            self.adapter.push(&mut planes, facts.sample_rate)?;
            return Ok(planes);
        }
        self.notes.extend(source.notes());
        self.current = None;
        Ok(self.adapter.end_part().unwrap_or_default())
    }
}

impl Source for Joined {
    fn read(&mut self, block: &mut [Vec<f32>]) -> Result<(), ReadError> {
        while block[0].is_empty() {
            if self.current.is_none() {
                let Some(part) = self.parts.pop_front() else {
                    return Ok(());
                };
                self.current = Some((self.open_part)(&self.file, &self.path, part)?);
            }
            for (out, plane) in block.iter_mut().zip(self.next()?) {
                out.extend(plane);
            }
        }
        self.given_frames += block[0].len() as u64;
        Ok(())
    }

    fn fraction(&self) -> f64 {
        fraction(self.given_frames, self.num_frames.unwrap_or(u64::MAX))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        if let Some((_, source)) = &self.current {
            notes.extend(source.notes());
        }
        notes
    }
}
