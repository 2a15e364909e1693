//! The tensors that a manifest promises, against those that its kind can use.
//!
//! A shape may merge neighbouring axes and add dimensions of size one ([`crate::model::layout`]); what it says
//! may differ from what a kind can use in nothing else. Whether the graph keeps the promise is seen when it is
//! loaded.

use super::raw::{RawState, RawTensor, RawTensors, require};
use super::{ANY, Axis, Interface, Kind, State, Tensor, Transform};
use crate::model::layout::{self, Sizes, dimension};

/// Most values of a state: 256 MB of f32.
const MAX_STATE_ELEMENTS: usize = 64 << 20;

use Axis::{Bin, Channel, Frame, Part, Stem};

/// The tensors, and whether there is one more stem in the output than the model needs, the residual.
///
/// # Errors
/// The first tensor or state that doesn't fit, with the shape that would.
pub(super) fn check(
    kind: &Kind,
    num_stems: usize,
    has_graph_per_stem: bool,
    raw: RawTensors,
    states: Vec<RawState>,
) -> Result<(Interface, bool), String> {
    let is_hybrid = matches!(kind, Kind::Hybrid(..));
    require(
        raw.input_spectrum.is_some() == is_hybrid && raw.output_spectrum.is_some() == is_hybrid,
        || {
            "[tensors] has input_spectrum and output_spectrum with kind hybrid, and only then"
                .to_owned()
        },
    )?;
    let mut checked = Checked {
        num_stems,
        has_graph_per_stem,
        has_residual: None,
    };
    let mut interface = Interface::default();
    let tensors = [
        ("input", Some(raw.input)),
        ("input_spectrum", raw.input_spectrum),
        ("output", Some(raw.output)),
        ("output_spectrum", raw.output_spectrum),
    ];
    for (key, tensor) in tensors {
        let Some(tensor) = tensor else { continue };
        let is_output = key.starts_with("output");
        let (defaults, sizes) = expected(kind, key);
        let tensor = checked.tensor(key, tensor, defaults, sizes, is_output)?;
        if is_output {
            interface.outputs.push(tensor);
        } else {
            interface.inputs.push(tensor);
        }
    }
    interface.states = check_states(states)?;
    check_names(&interface)?;
    Ok((interface, checked.has_residual == Some(true)))
}

/// The axes of a tensor unless others are named, none if some must be, and their sizes; frames 1 where
/// only −1 and 1 are possible.
fn expected(kind: &Kind, key: &str) -> (&'static [Axis], Sizes) {
    let is_output = key.starts_with("output");
    let samples = |frames| {
        let axes: &[Axis] = if is_output {
            &[Stem, Channel, Frame]
        } else {
            &[Channel, Frame]
        };
        let sizes = Sizes {
            stems: 1,
            channels: 2,
            bins: 1,
            frames,
            parts: 1,
        };
        (axes, sizes)
    };
    let spectra = |transform: &Transform, frames, parts| Sizes {
        stems: 1,
        channels: 2,
        bins: transform.bins,
        frames: transform.num_frames(frames),
        parts,
    };
    match kind {
        Kind::StreamingSpectrum(spectrum) => {
            let axes: &[Axis] = if is_output {
                &[Frame, Stem, Channel, Bin, Part]
            } else {
                &[Frame, Channel, Bin, Part]
            };
            let sizes = Sizes {
                stems: 1,
                channels: 2,
                bins: spectrum.n_fft / 2 + 1,
                frames: 1,
                parts: 2,
            };
            (axes, sizes)
        }
        Kind::Waveform(segment) => samples(segment.frames),
        Kind::Hybrid(segment, _) if !key.ends_with("spectrum") => samples(segment.frames),
        Kind::Hybrid(segment, transform) => {
            let axes: &[Axis] = if is_output {
                &[Stem, Channel, Part, Bin, Frame]
            } else {
                &[Channel, Part, Bin, Frame]
            };
            (axes, spectra(transform, segment.frames, 2))
        }
        Kind::Spectrum(segment, transform, _) => (&[], spectra(transform, segment.frames, 2)),
        Kind::Magnitude(segment, transform, _) => (&[], spectra(transform, segment.frames, 1)),
        Kind::VocalsFirst(transform, window) => (
            &[],
            Sizes {
                frames: window.frames,
                ..spectra(transform, transform.n_fft, 1)
            },
        ),
        Kind::DeepFilter(_) | Kind::Bag(_) | Kind::Cascade(_) => samples(1),
    }
}

/// What is known of a model while its tensors are gone through.
struct Checked {
    /// Stems of the manifest, the residual included.
    num_stems: usize,
    /// Whether each graph gives one stem, so that outputs need no axis for them.
    has_graph_per_stem: bool,
    /// What the outputs seen so far say. With two outputs, both must say the same.
    has_residual: Option<bool>,
}

impl Checked {
    /// One tensor: its axes named or by default, and its shape one that they multiply to. An output may hold
    /// all stems or all but the residual, which its shape tells.
    ///
    /// # Errors
    /// What doesn't fit, in words that name the tensor's key.
    fn tensor(
        &mut self,
        key: &str,
        raw: RawTensor,
        defaults: &[Axis],
        mut sizes: Sizes,
        is_output: bool,
    ) -> Result<Tensor, String> {
        let axes = raw.axes.unwrap_or_else(|| defaults.to_vec());
        require(!axes.is_empty(), || {
            format!(
                "[tensors] {key} needs axes, such as [\"channel\", \"part\", \"bin\", \"frame\"]"
            )
        })?;
        for (idx, axis) in axes.iter().enumerate() {
            require(
                !axes[..idx].contains(axis) && (*axis != Stem || is_output),
                || format!("[tensors] {key} can't have the axis {axis:?} here"),
            )?;
        }
        require(
            axes.contains(&Frame) && (sizes.parts == 1 || axes.contains(&Part)),
            || format!("[tensors] {key} needs the axes frame and, for complex numbers, part"),
        )?;
        if !axes.contains(&Channel) {
            sizes.channels = 1;
        }
        let mut choices = vec![1];
        if is_output && axes.contains(&Stem) && !self.has_graph_per_stem {
            choices = vec![self.num_stems, self.num_stems - 1];
        } else if is_output && !self.has_graph_per_stem {
            require(self.num_stems == 2, || {
                format!(
                    "[tensors] {key} has no axis stem, so one stem and a residual are possible, not {}",
                    self.num_stems
                )
            })?;
            self.has_residual = Some(false);
        }
        for stems in choices.clone() {
            sizes.stems = stems;
            if !layout::fits(&axes, &sizes, &raw.shape) {
                continue;
            }
            if is_output && axes.contains(&Stem) && !self.has_graph_per_stem {
                let has_residual = stems == self.num_stems;
                require(
                    self.has_residual.is_none_or(|said| said == has_residual),
                    || format!("[tensors] {key} has another number of stems than the other output"),
                )?;
                self.has_residual = Some(has_residual);
            }
            return Ok(Tensor {
                name: raw.name,
                shape: raw.shape,
                axes,
            });
        }
        sizes.stems = choices[0];
        let natural: Vec<i64> = std::iter::once(1)
            .chain(axes.iter().map(|axis| match axis {
                Frame if sizes.frames == 1 => ANY,
                axis => dimension(sizes.of(*axis)),
            }))
            .collect();
        Err(format!(
            "[tensors] {key} has shape {:?}, expected {natural:?}, or neighbours of these merged",
            raw.shape
        ))
    }
}

/// The states, each of a fixed size that isn't too large.
fn check_states(states: Vec<RawState>) -> Result<Vec<State>, String> {
    states
        .into_iter()
        .map(|state| {
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
            Ok(State {
                input: state.input,
                output: state.output,
                shape: state.shape,
            })
        })
        .collect()
}

/// Whether every input and every output has a name of its own.
fn check_names(interface: &Interface) -> Result<(), String> {
    let names = |tensors: &[Tensor], of_state: fn(&State) -> &String| {
        let tensors = tensors.iter().map(|tensor| &tensor.name);
        let states = interface.states.iter().map(of_state);
        tensors.chain(states).cloned().collect::<Vec<_>>()
    };
    for names in [
        names(&interface.inputs, |state| &state.input),
        names(&interface.outputs, |state| &state.output),
    ] {
        for (idx, name) in names.iter().enumerate() {
            require(
                !name.is_empty() && !name.contains('\0') && !names[..idx].contains(name),
                || format!("tensor name {name:?} is empty or used twice"),
            )?;
        }
    }
    Ok(())
}
