//! The text of a manifest as it is written, and every rule it must keep.

use serde::Deserialize;

use super::{FORMAT, File, Interface, Kind, Manifest, Segment, Spectrum, State, Tensor};
use crate::resample::SAMPLE_RATES;
use crate::stft::Stft;

/// A manifest is a page of text; more is not one.
const MAX_BYTES: usize = 256 * 1024;
/// 1.5 s at 44.1 kHz: four times the largest transform in use (MDX-Net's 7680 and Demucs' 4096).
const MAX_N_FFT: usize = 65_536;
const MAX_LOOKAHEAD_HOPS: usize = 1_024;
/// A minute at 192 kHz.
const MAX_SEGMENT_FRAMES: usize = 60 * 192_000;
const MAX_STEMS: usize = 16;
/// 256 MB of f32.
const MAX_STATE_ELEMENTS: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    /// Checked before the rest is read.
    #[serde(rename = "format")]
    _format: i64,
    id: String,
    name: String,
    version: String,
    kind: RawKind,
    licence: String,
    source: String,
    training_data: Vec<String>,
    sample_rate: u32,
    channels: u32,
    stems: Vec<String>,
    residual: String,
    stft: Option<RawStft>,
    latency: Option<RawLatency>,
    segment: Option<RawSegment>,
    file: Vec<RawFile>,
    tensors: RawTensors,
    #[serde(default)]
    state: Vec<RawState>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawKind {
    StreamingSpectrum,
    Waveform,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStft {
    n_fft: usize,
    hop: usize,
    #[serde(rename = "window")]
    _window: RawWindow,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawWindow {
    SqrtHann,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLatency {
    lookahead_hops: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSegment {
    frames: usize,
    overlap_frames: usize,
    normalise: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTensors {
    input: RawTensor,
    output: RawTensor,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTensor {
    name: String,
    shape: Vec<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawState {
    input: String,
    output: String,
    shape: Vec<usize>,
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
    let kind = check_kind(&raw)?;
    let files = check_files(raw.file)?;
    let interface = check_interface(kind, raw.stems.len(), raw.tensors, raw.state)?;
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
    })
}

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

fn check_kind(raw: &Raw) -> Result<Kind, String> {
    match raw.kind {
        RawKind::StreamingSpectrum => {
            require(raw.segment.is_none(), || {
                "[segment] belongs to kind waveform".to_owned()
            })?;
            let (Some(stft), Some(latency)) = (&raw.stft, &raw.latency) else {
                return Err("kind streaming-spectrum needs [stft] and [latency]".to_owned());
            };
            require(
                stft.n_fft <= MAX_N_FFT && Stft::is_valid(stft.n_fft, stft.hop),
                || {
                    format!(
                        "[stft] n_fft = {}, hop = {}: hop must divide half of n_fft, n_fft be even and \
                     at most {MAX_N_FFT}",
                        stft.n_fft, stft.hop
                    )
                },
            )?;
            require(latency.lookahead_hops <= MAX_LOOKAHEAD_HOPS, || {
                format!("lookahead_hops = {} is too much", latency.lookahead_hops)
            })?;
            Ok(Kind::StreamingSpectrum(Spectrum {
                n_fft: stft.n_fft,
                hop: stft.hop,
                lookahead_hops: latency.lookahead_hops,
            }))
        }
        RawKind::Waveform => {
            require(
                raw.stft.is_none() && raw.latency.is_none() && raw.state.is_empty(),
                || "[stft], [latency] and [[state]] belong to kind streaming-spectrum".to_owned(),
            )?;
            let Some(segment) = &raw.segment else {
                return Err("kind waveform needs [segment]".to_owned());
            };
            require((1..=MAX_SEGMENT_FRAMES).contains(&segment.frames), || {
                format!("[segment] frames = {} is not possible", segment.frames)
            })?;
            require(segment.overlap_frames <= segment.frames / 2, || {
                format!(
                    "[segment] overlap_frames = {} is more than half of {} frames",
                    segment.overlap_frames, segment.frames
                )
            })?;
            Ok(Kind::Waveform(Segment {
                frames: segment.frames,
                overlap_frames: segment.overlap_frames,
                is_normalised: segment.normalise,
            }))
        }
    }
}

fn check_files(files: Vec<RawFile>) -> Result<Vec<File>, String> {
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
    let mut files: Vec<File> = files
        .into_iter()
        .map(|file| File {
            path: file.path,
            sha256: file.sha256,
        })
        .collect();
    let graphs = files
        .iter()
        .filter(|file| file.path.ends_with(".onnx"))
        .count();
    require(graphs == 1, || {
        format!("one [[file]] must be the .onnx graph, here {graphs} are")
    })?;
    files.sort_by_key(|file| !file.path.ends_with(".onnx"));
    Ok(files)
}

/// Whether a path, read on any system, stays below the folder it is relative to.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0'])
        })
}

fn check_interface(
    kind: Kind,
    num_stems: usize,
    tensors: RawTensors,
    states: Vec<RawState>,
) -> Result<Interface, String> {
    let (input, output) = Interface::required(kind, num_stems);
    for (key, tensor, required) in [
        ("input", &tensors.input, &input),
        ("output", &tensors.output, &output),
    ] {
        require(tensor.shape == *required, || {
            format!(
                "[tensors] {key} has shape {:?}, expected {required:?}",
                tensor.shape
            )
        })?;
    }
    let mut inputs = vec![&tensors.input.name];
    let mut outputs = vec![&tensors.output.name];
    for state in &states {
        let elements = state.shape.iter().try_fold(1usize, |product, &size| {
            (size > 0).then(|| product.checked_mul(size)).flatten()
        });
        require(
            elements.is_some_and(|elements| elements <= MAX_STATE_ELEMENTS),
            || {
                format!(
                    "state {:?} has shape {:?}: fixed, positive sizes are needed",
                    state.input, state.shape
                )
            },
        )?;
        inputs.push(&state.input);
        outputs.push(&state.output);
    }
    for names in [inputs, outputs] {
        for (idx, name) in names.iter().enumerate() {
            require(
                !name.is_empty() && !name.contains('\0') && !names[..idx].contains(name),
                || format!("tensor name {name:?} is empty or used twice"),
            )?;
        }
    }
    Ok(Interface {
        input: Tensor {
            name: tensors.input.name,
            shape: tensors.input.shape,
        },
        output: Tensor {
            name: tensors.output.name,
            shape: tensors.output.shape,
        },
        states: states
            .into_iter()
            .map(|state| State {
                input: state.input,
                output: state.output,
                shape: state.shape,
            })
            .collect(),
    })
}

fn require(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
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
