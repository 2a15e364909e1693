//! A song that brings its stems, taken apart.

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
