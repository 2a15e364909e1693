//! The text of a manifest as it is written, and every rule it must keep.
//!
//! [`read`] is the only way in. First the version is looked at, so that a newer manifest is refused as that and
//! not for a key that isn't known; then keys and types, by serde; then each value by itself, here and in
//! [`sections`]; last the tensors against the kind, in [`interface`]. The first thing that is wrong ends it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Above, Axis, Estimate, FORMAT, File, Framing, Interface, Kind, Manifest, Part, interface,
    sections,
};
use crate::audio::resample::SAMPLE_RATES;

/// A manifest is a page of text; more is not one.
const MAX_BYTES: usize = 256 * 1024;
/// A tree of cascades: drums in eight, vocals in four, and as many more.
const MAX_STEMS: usize = 32;

/// All of `model.toml`, its keys as they are written. A key that is not here is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// Checked before the rest is read.
    #[serde(rename = "format")]
    _format: i64,
    /// Up to 64 of a–z, 0–9, `-`, `_` and `.`.
    id: String,
    /// For people.
    name: String,
    version: String,
    /// What says which sections there must be.
    pub(super) kind: RawKind,
    licence: String,
    source: String,
    /// May be empty, but not be missing.
    training_data: Vec<String>,
    /// In Hz.
    pub(super) sample_rate: u32,
    /// 2; no others can be run.
    channels: u32,
    /// In the order of the output.
    pub(super) stems: Vec<String>,
    /// One of them.
    residual: String,
    pub(super) stft: Option<RawStft>,
    pub(super) latency: Option<RawLatency>,
    pub(super) segment: Option<RawSegment>,
    pub(super) estimate: Option<RawEstimate>,
    pub(super) filter: Option<RawFilter>,
    pub(super) files: Option<RawLookback>,
    #[serde(default)]
    pub(super) live: Vec<RawLive>,
    pub(super) tensors: Option<RawTensors>,
    #[serde(default)]
    file: Vec<RawFile>,
    #[serde(default)]
    pub(super) state: Vec<RawState>,
    #[serde(default)]
    pub(super) member: Vec<RawMember>,
    #[serde(default)]
    pub(super) stage: Vec<RawStage>,
}

/// `kind`: see the table in [`super`].
#[derive(Debug, Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawKind {
    StreamingSpectrum,
    Waveform,
    Hybrid,
    Spectrum,
    Magnitude,
    DeepFilter,
    VocalsFirst,
    Bag,
    Cascade,
}

/// `[stft]`: lengths in samples. `bins`, `frames`, `silence_frames` and `normalised` are for kinds with segments, which
/// must say the last and where frames lie.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStft {
    pub(super) n_fft: usize,
    pub(super) hop: usize,
    pub(super) window: RawWindowFunction,
    pub(super) bins: Option<usize>,
    pub(super) frames: Option<Framing>,
    pub(super) silence_frames: Option<usize>,
    pub(super) normalised: Option<bool>,
}

/// `window` in `[stft]`. The square root is what streaming models have, whose analysis and synthesis share it.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawWindowFunction {
    SqrtHann,
    Hann,
    Rectangular,
}

/// `[latency]` of `streaming-spectrum`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLatency {
    pub(super) lookahead_hops: usize,
}

/// `[segment]`, in samples: the length, what is shared with the next, and what is thrown away at each end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSegment {
    pub(super) frames: usize,
    pub(super) overlap_frames: usize,
    #[serde(default)]
    pub(super) trim_frames: usize,
    pub(super) normalise: bool,
}

/// `[estimate]` of `spectrum`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEstimate {
    pub(super) gives: Estimate,
}

/// `[filter]` of `magnitude`, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RawFilter {
    Ratio {
        power: f32,
        above: Above,
    },
    Wiener {
        iterations: usize,
        frames: usize,
        residual: bool,
    },
}

/// `[files]` of `vocals-first`, in frames of the transform.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLookback {
    pub(super) frames: usize,
    pub(super) hop: usize,
    pub(super) look: usize,
}

/// `[[live]]`, once per mode: in frames of the transform, but for `budget`, a share of a hop.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLive {
    pub(super) mode: String,
    pub(super) frames: usize,
    pub(super) hop: usize,
    pub(super) look: usize,
    pub(super) budget: Option<f32>,
}

/// `[[member]]` of a bag: another model by its id, and how much each of its stems counts, by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    pub(super) model: String,
    pub(super) weights: BTreeMap<String, f32>,
}

/// `[[stage]]` of a cascade: another model by its id, the stem of an earlier one that it splits (none for the first),
/// and what its own stems are called here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStage {
    pub(super) model: String,
    pub(super) splits: Option<String>,
    #[serde(default)]
    pub(super) stems: Vec<String>,
}

/// `[[file]]`: where it is beside the manifest, its checksum, and what of the model it holds, where there are several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    sha256: String,
    stem: Option<String>,
    gain: Option<f32>,
    part: Option<Part>,
    frames: Option<usize>,
}

/// `[tensors]`: those of spectra besides are for `hybrid`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTensors {
    pub(super) input: RawTensor,
    pub(super) output: RawTensor,
    pub(super) input_spectrum: Option<RawTensor>,
    pub(super) output_spectrum: Option<RawTensor>,
}

/// A tensor of a graph: its name there, its size in each dimension (−1 for any), and what the dimensions are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTensor {
    pub(super) name: String,
    pub(super) shape: Vec<i64>,
    pub(super) axes: Option<Vec<Axis>>,
}

/// `[[state]]`: a tensor that a call gives and the next is given; zeros at first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawState {
    pub(super) input: String,
    pub(super) output: String,
    pub(super) shape: Vec<usize>,
}

/// The manifest, or what is wrong with it.
pub(super) fn read(text: &str) -> Result<Manifest, String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "it is {} bytes long, which is no manifest",
            text.len()
        ));
    }
    let table: toml::Table = toml::from_str(text).map_err(plain)?;
    match table.get("format").and_then(toml::Value::as_integer) {
        Some(FORMAT) => {}
        Some(newer) if newer > FORMAT => {
            return Err(format!(
                "it has format {newer}; this version of Unweave reads {FORMAT}: update Unweave"
            ));
        }
        Some(other) => return Err(format!("format = {other} does not exist, {FORMAT} does")),
        None => return Err(format!("it does not start with format = {FORMAT}")),
    }
    // From the text again, not from the table: only then do errors name the line.
    let raw: Raw = toml::from_str(text).map_err(plain)?;
    check(raw)
}

/// The manifest of keys that are all there, if their values are right, too.
fn check(raw: Raw) -> Result<Manifest, String> {
    require(
        !raw.id.is_empty()
            && raw.id.len() <= 64
            && raw
                .id
                .starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && raw
                .id
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c)),
        || {
            format!(
                "id = {:?}: up to 64 of a–z, 0–9, '-', '_' and '.' are allowed",
                raw.id
            )
        },
    )?;
    for (key, text) in [
        ("name", &raw.name),
        ("version", &raw.version),
        ("licence", &raw.licence),
        ("source", &raw.source),
    ] {
        require(!text.trim().is_empty(), || format!("{key} is empty"))?;
    }
    require(SAMPLE_RATES.contains(&raw.sample_rate), || {
        format!(
            "sample_rate = {}: from {} to {} is possible",
            raw.sample_rate,
            SAMPLE_RATES.start(),
            SAMPLE_RATES.end()
        )
    })?;
    require(raw.channels == 2, || {
        format!(
            "channels = {}: only stereo models (2) can be run",
            raw.channels
        )
    })?;
    let residual_idx = check_stems(&raw.stems, &raw.residual)?;
    let kind = sections::check(&raw)?;
    let live = sections::live(&raw, &kind)?;
    let files = check_files(raw.file, &raw.stems)?;
    check_graphs(&kind, &files, &raw.stems, residual_idx)?;
    let has_graph_per_stem =
        matches!(kind, Kind::VocalsFirst(..)) || files.iter().any(|file| file.stem_idx.is_some());
    let (interface, has_residual_output) = match raw.tensors {
        Some(tensors) => {
            let num_stems = raw.stems.len();
            interface::check(&kind, num_stems, has_graph_per_stem, tensors, raw.state)?
        }
        None => (Interface::default(), false),
    };
    Ok(Manifest {
        id: raw.id,
        name: raw.name,
        version: raw.version,
        licence: raw.licence,
        source: raw.source,
        training_data: raw.training_data,
        sample_rate: raw.sample_rate,
        stems: raw.stems,
        residual_idx,
        kind,
        files,
        interface,
        live,
        has_residual_output,
    })
}

/// The index of the residual, if the stems' names are possible.
fn check_stems(stems: &[String], residual: &str) -> Result<usize, String> {
    require((2..=MAX_STEMS).contains(&stems.len()), || {
        format!(
            "stems lists {}: from 2 to {MAX_STEMS} are possible",
            stems.len()
        )
    })?;
    for (idx, stem) in stems.iter().enumerate() {
        // Stem names become file names and labels.
        require(
            !stem.is_empty()
                && stem.len() <= 32
                && stem.starts_with(|c: char| c.is_ascii_lowercase())
                && stem
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_ ".contains(c)),
            || format!("stem {stem:?}: up to 32 of a–z, 0–9, '-', '_' and space are allowed"),
        )?;
        require(!stems[..idx].contains(stem), || {
            format!("stem {stem:?} is listed twice")
        })?;
    }
    stems
        .iter()
        .position(|stem| stem == residual)
        .ok_or_else(|| format!("residual = {residual:?} is not one of the stems"))
}

/// The files, graphs first, if their paths stay inside the model's folder and their checksums have 64 digits.
fn check_files(files: Vec<RawFile>, stems: &[String]) -> Result<Vec<File>, String> {
    for (idx, file) in files.iter().enumerate() {
        let path = &file.path;
        require(is_inside(path), || {
            format!(
                "file path {path:?} must lie inside the model's folder, with '/' between its parts"
            )
        })?;
        require(
            !files[..idx].iter().any(|other| other.path == *path),
            || format!("file {path:?} is listed twice"),
        )?;
        require(
            file.sha256.len() == 64
                && file
                    .sha256
                    .chars()
                    .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)),
            || format!("sha256 of {path:?} is not 64 lower-case hexadecimal digits"),
        )?;
    }
    let mut files = files
        .into_iter()
        .map(|file| {
            let stem_idx = match &file.stem {
                None => None,
                Some(name) => {
                    let idx = stems.iter().position(|stem| stem == name);
                    Some(idx.ok_or_else(|| {
                        format!(
                            "{:?} is for stem {name:?}, which is not one of the stems",
                            file.path
                        )
                    })?)
                }
            };
            let gain = file.gain.unwrap_or(1.0);
            require(gain.is_finite() && gain > 0.0, || {
                format!("gain = {gain} of {:?} is not possible", file.path)
            })?;
            Ok(File {
                path: file.path,
                sha256: file.sha256,
                stem_idx,
                gain,
                part: file.part,
                frames: file.frames,
            })
        })
        .collect::<Result<Vec<File>, String>>()?;
    files.sort_by_key(|file| !file.is_graph());
    Ok(files)
}

/// Whether there are as many graphs as the kind needs.
fn check_graphs(
    kind: &Kind,
    files: &[File],
    stems: &[String],
    residual_idx: usize,
) -> Result<(), String> {
    let graphs: Vec<&File> = files.iter().filter(|file| file.is_graph()).collect();
    let mut parts: Vec<_> = graphs.iter().filter_map(|graph| graph.part).collect();
    parts.sort_by_key(|part| *part as usize);
    let mut of_stems: Vec<usize> = graphs.iter().filter_map(|graph| graph.stem_idx).collect();
    of_stems.sort_unstable();
    match kind {
        Kind::DeepFilter(_) => require(
            parts == [Part::Encoder, Part::Gains, Part::Filters] && graphs.len() == 3,
            || {
                "kind deep-filter needs three .onnx graphs with part = \"encoder\", \"gains\" and \
                 \"filters\""
                    .to_owned()
            },
        ),
        Kind::VocalsFirst(..) => require(
            [
                &[Part::Vocals, Part::Accompaniment][..],
                &[Part::Vocals, Part::Accompaniment, Part::Live],
            ]
            .contains(&&parts[..])
                && graphs.len() == parts.len(),
            || {
                "kind vocals-first needs .onnx graphs with part = \"vocals\" and \"accompaniment\", and may have one \
                 with part = \"live\""
                    .to_owned()
            },
        ),
        Kind::Bag(_) | Kind::Cascade(_) => require(files.is_empty(), || {
            format!("kind {} has no [[file]]: its models have", kind.name())
        }),
        _ => {
            require(parts.is_empty(), || {
                format!("kind {} has no part in [[file]]", kind.name())
            })?;
            if of_stems.is_empty() {
                let found = graphs.len();
                return require(found == 1, || {
                    format!("one [[file]] must be the .onnx graph, here {found} are")
                });
            }
            require(
                matches!(kind, Kind::Spectrum(..) | Kind::Magnitude(..)),
                || format!("kind {} has one graph for all stems", kind.name()),
            )?;
            for (idx, stem) in stems.iter().enumerate() {
                let found = of_stems.iter().filter(|&&of| of == idx).count();
                require(found == 1 || (found == 0 && idx == residual_idx), || {
                    format!("stem {stem:?} has {found} graphs, expected one [[file]] with it")
                })?;
            }
            require(of_stems.len() == graphs.len(), || {
                "either every graph is for a stem or none is".to_owned()
            })
        }
    }
}

/// Whether a path, read on any system, stays below the folder it is relative to.
///
/// So `\` and `:` are refused everywhere, since Windows goes by them.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0'])
        })
}

/// An error with what `problem` says, unless it holds.
pub(super) fn require(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

/// The parser's message on one line: where, then what.
#[expect(clippy::needless_pass_by_value, reason = "shape of map_err")]
fn plain(error: toml::de::Error) -> String {
    error
        .to_string()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
