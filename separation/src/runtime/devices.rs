//! Which devices this machine has, found out by asking each for a small sum.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::value::Tensor;

use super::{Runtime, session};
use crate::device::Device;
use crate::error::Error;
use crate::files::folders;
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

/// What a session of this device is given; none for the processor, which needs nothing.
///
/// `threads` is for those that compute on the processor after all.
pub(super) fn provider(device: Device, threads: usize) -> Option<ExecutionProviderDispatch> {
    // Written to by nobody but the device's own compiler.
    let cache = || {
        let folder = folders::user_data()?.join("devices").join(device.id());
        Some(folder.display().to_string())
    };
    let threads = std::num::NonZeroUsize::new(threads).unwrap_or(std::num::NonZeroUsize::MIN);
    let provider = match device {
        Device::Cpu => return None,
        Device::Cuda => ep::CUDA::default()
            // Stems must not depend on the device more than rounding does: TF32 has 10 bits of 23.
            .with_tf32(false)
            // The default tries every algorithm of every convolution, for seconds.
            .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
            .build(),
        Device::TensorRt => {
            let provider = ep::TensorRT::default();
            match cache() {
                // Compiling takes minutes: once is enough.
                Some(folder) => provider
                    .with_engine_cache(true)
                    .with_engine_cache_path(folder)
                    .build(),
                None => provider.build(),
            }
        }
        Device::CoreMl => ep::CoreML::default().build(),
        Device::DirectMl => ep::DirectML::default().build(),
        Device::OpenVino => ep::OpenVINO::default()
            .with_num_threads(threads.get())
            .build(),
        Device::Xnnpack => ep::XNNPACK::default()
            .with_intra_op_num_threads(threads)
            .build(),
    };
    // The runtime would go on silently with the processor.
    Some(provider.error_on_failure())
}

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

fn is_built_in(device: Device) -> bool {
    let is_available = match device {
        Device::Cpu => Ok(true),
        Device::Cuda => ep::CUDA::is_available(),
        Device::TensorRt => ep::TensorRT::is_available(),
        Device::CoreMl => ep::CoreML::is_available(),
        Device::DirectMl => ep::DirectML::is_available(),
        Device::OpenVino => ep::OpenVINO::is_available(),
        Device::Xnnpack => ep::XNNPACK::is_available(),
    };
    is_available.unwrap_or(false)
}

/// Loads the probe on a device and checks what it computes.
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
