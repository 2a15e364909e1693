//! A song that brings its stems, taken apart.
//!
//! It takes the place of [`super::separating`] where [`super::held`] found stems: the same spool, from the
//! file's tracks. Where they don't sum to the mix, the last stem, Rest, is what they lack; else it is the
//! file's own last stem, which is then the residual and comes out as it went in but for rounding.

use std::path::Path;

use super::JobError;
use super::held::{Held, fill};
use super::preparing::Plan;
use super::progress::Caller;
use super::separating::Separated;
use crate::audio::write::WriteError;
use crate::delivery::exact::{Exact, Extent, Lanes};
use crate::delivery::spool::SpoolWriter;

/// Takes the file apart.
///
/// # Errors
/// A track can't be decoded, the disk is full, or the job was stopped.
pub(super) fn unpack(
    mut held: Held,
    plan: &Plan,
    spool_path: &Path,
    caller: &mut Caller<'_>,
) -> Result<Separated, JobError> {
    let num_channels = plan.facts.layout.num_channels();
    let num_stems = held.model.stems.len();
    let roles = plan.files.iter().map(|file| file.role.clone()).collect();
    // The last stem is what the others lack.
    let exact = Exact::new(plan.request.bit_depth, num_stems, num_stems - 1, roles);
    let mut extent = Extent::default();
    let mut spool = SpoolWriter::create(spool_path).map_err(WriteError::Io)?;
    while let num_frames @ 1.. = fill(&mut held.tracks)? {
        caller.may_go_on()?;
        let mut blocks: Vec<Vec<Vec<f32>>> = Vec::new();
        for track in &mut held.tracks[..num_stems] {
            blocks.push(track.take(num_frames));
        }
        held.tracks[num_stems..]
            .iter_mut()
            .for_each(|track| track.drop_front(num_frames));
        let lanes = Lanes {
            mix: &blocks[0],
            stems: &blocks[1..],
        };
        exact.measure(lanes, &mut extent);
        spool.push(lanes).map_err(WriteError::Io)?;
        caller.separated(held.tracks[0].reader.fraction(), spool.num_frames());
    }
    let notes = held.tracks[0].reader.notes();
    Separated::end(spool, (exact, &extent), num_channels, notes)
}
