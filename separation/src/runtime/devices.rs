//! Which devices this machine has, found out by asking each for a small sum.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use ort::value::Tensor;

use super::providers::is_built_in;
use super::{Runtime, session};
use crate::device::Device;
use crate::error::Error;
use crate::model::store::Content;

/// `y = 2 x`, f32 `[1, 4]`; made by `tests/fixtures/make.py`.
const PROBE: &[u8] = include_bytes!("probe.onnx");

/// Whether a device can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// The device.
    pub device: Device,
    /// What it can do here.
    pub verdict: DeviceVerdict,
}

/// What a device can do on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceVerdict {
    /// It computes.
    Usable,
    /// This ONNX Runtime was built without it.
    NotInRuntime,
    /// The runtime knows it, but it doesn't compute: no such hardware, no driver, a library that is missing.
    Fails {
        /// What the runtime says.
        reason: String,
    },
}

impl DeviceStatus {
    /// Whether it computes.
    pub fn is_usable(&self) -> bool {
        self.verdict == DeviceVerdict::Usable
    }
}

/// All devices there are, the processor first, and what each can do on this machine.
///
/// Loads the runtime if no model has done so, and tries what it was built for: up to seconds in the
/// first call of a process (a GPU's driver starts), nothing after that. For any thread but the audio thread.
///
/// # Errors
/// [`Error::Runtime`], as [`super::load`].
pub fn devices(beside: &[PathBuf]) -> Result<&'static [DeviceStatus], Error> {
    static DEVICES: OnceLock<Vec<DeviceStatus>> = OnceLock::new();
    let runtime = super::load(beside)?;
    Ok(DEVICES.get_or_init(|| {
        let status = |device| DeviceStatus {
            device,
            verdict: look_at(runtime, device),
        };
        Device::ALL.into_iter().map(status).collect()
    }))
}

/// The processor is never tried: without it nothing could be.
fn look_at(runtime: &Runtime, device: Device) -> DeviceVerdict {
    if device == Device::Cpu {
        return DeviceVerdict::Usable;
    }
    if !is_built_in(device) {
        return DeviceVerdict::NotInRuntime;
    }
    match probe(runtime, device) {
        Ok(()) => DeviceVerdict::Usable,
        Err(reason) => DeviceVerdict::Fails { reason },
    }
}

/// Loads the probe on a device and checks what it computes.
///
/// # Errors
/// What the runtime says, or that the sum is wrong.
fn probe(runtime: &Runtime, device: Device) -> Result<(), String> {
    let text = |error: ort::Error| error.to_string();
    let content = Content {
        graph: Cow::Borrowed(PROBE),
        weights: Vec::new(),
        lender: None,
    };
    let mut session = session::build(runtime, &content, device, 1)?.session;
    let x = Tensor::from_array(([1usize, 4], vec![1.0f32, -2.0, 3.0, 0.5])).map_err(text)?;
    let outputs = session.run(ort::inputs![x]).map_err(text)?;
    let (_, y) = outputs[0].try_extract_tensor::<f32>().map_err(text)?;
    if y == [2.0, -4.0, 6.0, 1.0] {
        Ok(())
    } else {
        Err(format!("it takes twice 1, -2, 3 and 0.5 for {y:?}"))
    }
}
