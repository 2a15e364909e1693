//! What ONNX Runtime calls each device, and what it is told about it.
//!
//! What ONNX Runtime calls execution providers. Nodes of a graph that a provider doesn't know run on the
//! processor all the same; a provider that can't be set up at all is an error, which the caller answers by
//! another device.

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};

use crate::device::Device;
use crate::files::folders;

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

/// Whether the runtime was built for the device. It says nothing of hardware and drivers.
pub(super) fn is_built_in(device: Device) -> bool {
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
