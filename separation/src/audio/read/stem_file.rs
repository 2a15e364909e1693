//! What a stem file holds, beside the mix that any player plays.
//!
//! Such a file comes apart without a model: `held` in [`crate::offline`] takes the stems out of their tracks.
//!
//! # Source
//! Native Instruments, "Stem File Specification": the box `stem` is JSON that names the stems in the order of their
//! tracks, which follow that of the mix.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::{ReadError, mp4};
use crate::files::naming::sanitise;

/// Most stems that are taken from a file: the specification has four.
const MAX_STEMS: usize = 16;

/// What is read of the JSON: `{"stems": [{"name": "Drums"}, …]}`.
#[derive(Deserialize)]
struct Description {
    /// In the order of their tracks.
    stems: Vec<Stem>,
}

/// One of them; its colour and what else is said is passed over.
#[derive(Deserialize)]
struct Stem {
    /// For people; may be missing.
    #[serde(default)]
    name: String,
}

/// The names of the stems in a stem file, in lower case, in the order of their tracks; `None` for any other file.
///
/// Names become names of files, so one that can't be one, or is there twice, becomes `stem 1`, counted from 1.
/// A description that doesn't fit the number of tracks is none.
///
/// # Errors
/// The file can't be read.
pub(crate) fn held_stems(path: &Path) -> Result<Option<Vec<String>>, ReadError> {
    let mut head = [0; 8];
    let is_mp4 = File::open(path)?.read_exact(&mut head).is_ok() && head.ends_with(b"ftyp");
    if !is_mp4 {
        return Ok(None);
    }
    let Some((json, num_tracks)) = mp4::read_stem_box(path)? else {
        return Ok(None);
    };
    // Some programs end the text as C does.
    let end = json
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let Ok(description) = serde_json::from_slice::<Description>(&json[..end]) else {
        return Ok(None);
    };
    let num_stems = description.stems.len();
    if num_stems == 0 || num_stems > MAX_STEMS || num_tracks != num_stems + 1 {
        return Ok(None);
    }
    let mut names: Vec<String> = Vec::new();
    for (stem_idx, Stem { name }) in description.stems.iter().enumerate() {
        let name = name.trim().to_lowercase();
        let is_new = !name.is_empty() && sanitise(&name) == name && !names.contains(&name);
        names.push(match is_new {
            true => name,
            false => format!("stem {}", stem_idx + 1),
        });
    }
    Ok(Some(names))
}
