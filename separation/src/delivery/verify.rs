//! Whether a set sums: every file is read back and compared sample by sample.
//!
//! - 16 and 24 bits: the integers must be equal.
//! - 32-bit float: the difference in f64 may be the one rounding of the residual, or of the sum.
//! - MP3: nothing can be exact; the difference is measured and told.
//!
//! Besides, the samples of every lossless file must be those that were written.
//!
//! Nothing is taken from the run that wrote the files: they are decoded like any song, each on a thread of its
//! own, and compared in step. So the same check that ends every job can be done at any time later.

mod aligned;

use std::path::Path;
use std::thread;

use sha2::{Digest, Sha256};

use crate::audio::read::ReadError;
use crate::audio::write::{BitDepth, FileFormat};
use crate::delivery::plan::{MIX_LABEL, NamedRole};
use crate::delivery::report::{FileReport, ModelReport, Report, ReportError, SourceReport};
use crate::delivery::verdict::{Outcome, SumCheck, Verdict};
use crate::files::checksum::hex;
use crate::runtime::Terminator;
use aligned::Aligned;

/// What is said of a set in a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'a> {
    /// The song that the files are as long as.
    pub(crate) source: &'a SourceReport,
    /// The model whose stems they hold.
    pub(crate) model: &'a ModelReport,
    /// Kind of the files.
    pub(crate) file_format: FileFormat,
    /// Depth of the files.
    pub(crate) bit_depth: BitDepth,
    /// The files.
    pub(crate) files: &'a [FileReport],
}

/// Why a set can't be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Its report is missing or unusable.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file of it can't be read to its end.
    #[error("{name}: {source}")]
    File {
        /// Its name.
        name: String,
        /// Why.
        source: ReadError,
    },
    /// A file has another length, rate or channel count than the report says.
    #[error("{name} has {actual}, the report says {expected}")]
    Shape {
        /// Its name.
        name: String,
        /// What it has.
        actual: String,
        /// What it should have.
        expected: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Files by their index: the sum of the parts should be the whole.
///
/// Differences are in the unit of [`SumCheck`].
struct Claim {
    /// For people.
    text: String,
    /// Files that add up.
    parts: Vec<usize>,
    /// The file that they add up to.
    whole: usize,
    /// Of the parts and the whole, the one that was rounded when floats were written.
    rounded: usize,
    /// Largest difference so far.
    max: f64,
    /// Sum of the squares of all differences so far.
    square_sum: f64,
    /// Where the difference was first more than rounding explains.
    first_bad_frame: Option<u64>,
}

/// Reads the only set in a folder and checks all that its report claims.
///
/// # Errors
/// The set can't be read. That it doesn't sum is no error, but a [`Verdict`].
pub fn verify_dir(dir: &Path, cancel: &Terminator) -> Result<(Report, Verdict), VerifyError> {
    verify_said(dir, Report::in_dir(dir)?, cancel)
}

/// Reads the set that a report tells of, beside it, and checks all that it claims.
///
/// # Errors
/// As [`verify_dir`].
pub fn verify_set(report: &Path, cancel: &Terminator) -> Result<(Report, Verdict), VerifyError> {
    let dir = report.parent().unwrap_or(Path::new(""));
    verify_said(dir, Report::read(report)?, cancel)
}

/// As [`verify_dir`], of a report that was read.
fn verify_said(
    dir: &Path,
    report: Report,
    cancel: &Terminator,
) -> Result<(Report, Verdict), VerifyError> {
    let statement = Statement {
        source: &report.source,
        model: &report.model,
        file_format: report.file_format,
        bit_depth: report.bit_depth,
        files: &report.files,
    };
    let verdict = verify(dir, statement, cancel)?;
    Ok((report, verdict))
}

/// Checks the files in a folder against what is said of them.
///
/// # Errors
/// As [`verify_dir`].
pub(crate) fn verify(
    dir: &Path,
    said: Statement<'_>,
    cancel: &Terminator,
) -> Result<Verdict, VerifyError> {
    let is_lossy = said.file_format.is_lossy();
    let mut claims = claims(said);
    // Integers are compared as integers: a sample times 2^(bits − 1) is one, and exact in f64.
    let scale = if is_lossy {
        1.0
    } else {
        said.bit_depth.full_scale()
    };
    let (num_frames, hashes) = thread::scope(|scope| {
        let mut files = Vec::new();
        for file in said.files {
            let (source, depth) = (said.source, said.bit_depth);
            files.push(Aligned::open(scope, dir, file, source, depth)?);
        }
        let num_frames = compare(&mut files, &mut claims, scale, said.bit_depth, cancel)?;
        let expected = num_frames.max(said.source.num_frames);
        let hashes = files.into_iter().map(|file| file.finish(expected));
        Ok::<_, VerifyError>((num_frames, hashes.collect::<Result<Vec<_>, _>>()?))
    })?;
    let mut changed_files = Vec::new();
    for (hash, file) in hashes.into_iter().zip(said.files) {
        if !is_lossy && hex(&hash.finalize()) != file.samples_sha256 {
            changed_files.push(file.name.clone());
        }
    }
    let fails = !changed_files.is_empty() || claims.iter().any(|c| c.first_bad_frame.is_some());
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean needs no more than 53 bits"
    )]
    let num_samples = (num_frames * said.source.num_channels as u64).max(1) as f64;
    let sums = claims
        .into_iter()
        .map(|claim| SumCheck {
            claim: claim.text,
            max_difference: claim.max,
            rms_difference: (claim.square_sum / num_samples).sqrt(),
            first_bad_frame: claim.first_bad_frame.filter(|_| !is_lossy),
        })
        .collect();
    let outcome = match (is_lossy, fails) {
        (true, _) => Outcome::Lossy,
        (false, true) => Outcome::Failed,
        (false, false) => Outcome::Exact,
    };
    Ok(Verdict {
        outcome,
        num_frames,
        sums,
        changed_files,
    })
}

/// Checks every claim until the first file ends; gives the frames that all of them have.
fn compare(
    files: &mut [Aligned<'_>],
    claims: &mut [Claim],
    scale: f64,
    depth: BitDepth,
    cancel: &Terminator,
) -> Result<u64, VerifyError> {
    let mut num_frames = 0;
    loop {
        if cancel.is_terminated() {
            return Err(VerifyError::Cancelled);
        }
        let mut len = usize::MAX;
        for file in &mut *files {
            len = len.min(file.fill()?);
        }
        if len == 0 || files.is_empty() {
            return Ok(num_frames);
        }
        for claim in &mut *claims {
            claim.check(files, len, num_frames, scale, depth);
        }
        files.iter_mut().for_each(|file| file.advance(len));
        num_frames += len as u64;
    }
}

/// Every sum that the files of a set allow to check.
fn claims(said: Statement<'_>) -> Vec<Claim> {
    let stem_file = |name: &String| {
        said.files
            .iter()
            .position(|file| matches!(&file.role, NamedRole::Stem { stem } if stem == name))
    };
    let all = |stems: &[String]| stems.iter().map(stem_file).collect::<Option<Vec<usize>>>();
    let new = |text: String, parts: Vec<usize>, whole: usize, rounded: usize| Claim {
        text,
        parts,
        whole,
        rounded,
        max: 0.0,
        square_sum: 0.0,
        first_bad_frame: None,
    };
    let mut claims = Vec::new();
    let mix = said
        .files
        .iter()
        .position(|file| file.role == NamedRole::Mix);
    if let (Some(mix), Some(parts), Some(residual)) =
        (mix, all(&said.model.stems), stem_file(&said.model.residual))
    {
        let text = format!("{} = {MIX_LABEL}", said.model.stems.join(" + "));
        claims.push(new(text, parts, mix, residual));
    }
    for (sum_idx, file) in said.files.iter().enumerate() {
        let NamedRole::Sum { of } = &file.role else {
            continue;
        };
        if let Some(parts) = all(of) {
            claims.push(new(
                format!("{} = {}", of.join(" + "), file.name),
                parts,
                sum_idx,
                sum_idx,
            ));
            continue;
        }
        // Not all of its stems are there, but perhaps all that it needs to become the mix. Floats are
        // rounded twice on this way and can't be held to it.
        let rest: Vec<String> = said
            .model
            .stems
            .iter()
            .filter(|stem| !of.contains(stem))
            .cloned()
            .collect();
        if let (Some(mix), Some(mut parts)) = (mix, all(&rest))
            && said.bit_depth != BitDepth::Float32
        {
            parts.push(sum_idx);
            let text = format!("{} + {} = {MIX_LABEL}", rest.join(" + "), file.name);
            claims.push(new(text, parts, mix, mix));
        }
    }
    claims
}

impl Claim {
    /// Compares `len` frames, the first of which is `first_frame` of the song.
    ///
    /// # Units
    /// `scale` makes integers of samples, or leaves them as they are.
    fn check(
        &mut self,
        files: &[Aligned<'_>],
        len: usize,
        first_frame: u64,
        scale: f64,
        depth: BitDepth,
    ) {
        for channel in 0..files[self.whole].num_channels() {
            let whole = &files[self.whole].channel(channel)[..len];
            let rounded = &files[self.rounded].channel(channel)[..len];
            let mut sum = vec![0.0_f64; len];
            let mut magnitude = vec![0.0_f64; len];
            for &part in &self.parts {
                for ((sum, magnitude), &sample) in sum
                    .iter_mut()
                    .zip(&mut magnitude)
                    .zip(&files[part].channel(channel)[..len])
                {
                    *sum += f64::from(sample);
                    *magnitude += f64::from(sample).abs();
                }
            }
            for frame in 0..len {
                let difference = ((sum[frame] - f64::from(whole[frame])) * scale).abs();
                self.max = self.max.max(difference);
                self.square_sum += difference * difference;
                // Half a unit in the last place of the rounded value, and what adding up in f64 costs.
                let allowed = match depth {
                    BitDepth::Float32 => {
                        f64::from(rounded[frame].abs()) * f64::from(f32::EPSILON) / 2.0
                            + f64::from(f32::MIN_POSITIVE) * f64::from(f32::EPSILON)
                            + magnitude[frame] * f64::EPSILON * 4.0
                    }
                    _ => 0.0,
                };
                if difference > allowed {
                    let frame = first_frame + frame as u64;
                    self.first_bad_frame =
                        Some(self.first_bad_frame.map_or(frame, |first| first.min(frame)));
                }
            }
        }
    }
}

/// Samples as they are hashed where they are written, see [`hash_block`].
fn hash_samples(hash: &mut Sha256, block: &[Vec<f32>], depth: BitDepth) {
    let channels: Vec<&[f32]> = block.iter().map(Vec::as_slice).collect();
    let scale = depth.full_scale();
    match depth {
        BitDepth::Float32 => hash_block(hash, &channels, f32::to_le_bytes),
        _ => hash_block(hash, &channels, |sample: f32| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "an integer of 24 bits at most"
            )]
            let integer = (f64::from(sample) * scale) as i32;
            integer.to_le_bytes()
        }),
    }
}

/// Adds a block to a checksum, frame by frame.
pub(crate) fn hash_block<S: Copy>(
    hash: &mut Sha256,
    channels: &[&[S]],
    bytes_of: impl Fn(S) -> [u8; 4],
) {
    let num_frames = channels.first().map_or(0, |channel| channel.len());
    let mut bytes = vec![0; num_frames * channels.len() * 4];
    for (channel_idx, channel) in channels.iter().enumerate() {
        for (frame, &sample) in bytes.chunks_exact_mut(4 * channels.len()).zip(*channel) {
            frame[channel_idx * 4..][..4].copy_from_slice(&bytes_of(sample));
        }
    }
    hash.update(&bytes);
}
