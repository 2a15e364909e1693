//! What computes: the processor, or an accelerator that ONNX Runtime was built for.
//!
//! [`crate::runtime::devices`] says which of them this machine has. A [`DeviceChoice`] says what is
//! wanted, and a [`DeviceUse`] what came of it, from any thread and at any time.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that runs graphs.
///
/// Of each but [`Device::Cpu`] the runtime must have been built for it, and the machine have hardware and
/// drivers; [`crate::runtime::devices`] finds out what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Device {
    /// The processor; always there.
    Cpu,
    /// An NVIDIA card.
    Cuda,
    /// An NVIDIA card, by graphs compiled for it: loads for minutes the first time, then computes fastest.
    TensorRt,
    /// Apple's GPU and neural engine.
    CoreMl,
    /// Any GPU on Windows.
    DirectMl,
    /// Intel's processors, GPUs and NPUs.
    OpenVino,
    /// The processor, by kernels made for ARM.
    Xnnpack,
}

impl Device {
    /// All that there are, the processor first.
    pub const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Cuda,
        Self::TensorRt,
        Self::CoreMl,
        Self::DirectMl,
        Self::OpenVino,
        Self::Xnnpack,
    ];

    /// What options, sessions and files call it. Never rename.
    pub fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
            Self::OpenVino => "openvino",
            Self::Xnnpack => "xnnpack",
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "Processor",
            Self::Cuda => "NVIDIA CUDA",
            Self::TensorRt => "NVIDIA TensorRT",
            Self::CoreMl => "Apple Core ML",
            Self::DirectMl => "DirectML",
            Self::OpenVino => "Intel OpenVINO",
            Self::Xnnpack => "XNNPACK",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Which device is wanted. Written and read as `auto` or the id of a device.
///
/// # Example
/// ```
/// use unweave_separation::{Device, DeviceChoice};
///
/// assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
/// assert_eq!("cuda".parse(), Ok(DeviceChoice::Only(Device::Cuda)));
/// assert_eq!(DeviceChoice::Prefer(Device::Cuda).to_string(), "cuda");
/// assert!("graphics card".parse::<DeviceChoice>().is_err());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// The fastest that works, as measured once per model: [`crate::load()`].
    #[default]
    Auto,
    /// This one; if it can't be used, loading fails.
    Only(Device),
    /// This one; if it can't be used, the processor, and [`DeviceUse::fallback`] says so. For sessions
    /// that may be opened on another machine.
    Prefer(Device),
}

impl DeviceChoice {
    /// The same choice for a session that must open everywhere: `Only` becomes `Prefer`.
    pub fn or_cpu(self) -> Self {
        match self {
            Self::Only(device) => Self::Prefer(device),
            other => other,
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Only(device) | Self::Prefer(device) => device.id(),
        })
    }
}

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        Device::ALL
            .into_iter()
            .find(|device| device.id() == text)
            .map(Self::Only)
            .ok_or(UnknownDevice)
    }
}

/// A word that means no device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is auto, cpu, cuda, tensorrt, coreml, directml, openvino and xnnpack; `unweave doctor` \
     says which of them this machine has"
)]
pub struct UnknownDevice;

/// What a model that was loaded computes on. Clones are the same: one goes into
/// [`crate::Options::device_use`], another stays with whoever wants to know.
///
/// A device can fail while it computes, be it that a driver is updated or that memory runs out. The
/// inference is then done again on the processor, and so are all after it, so that nothing of the
/// mix is lost; this is where it is said.
#[derive(Debug, Clone, Default)]
pub struct DeviceUse(Arc<Mutex<State>>);

/// What a [`DeviceUse`] knows.
#[derive(Debug, Default)]
struct State {
    /// What computes; none before a model is loaded.
    device: Option<Device>,
    /// For people: what failed, and why.
    fallback: Option<String>,
}

impl DeviceUse {
    /// What computes; none before a model is loaded.
    ///
    /// # Realtime safety
    /// Locks: not for the audio thread.
    pub fn device(&self) -> Option<Device> {
        self.lock().device
    }

    /// Why the processor computes although another device was wanted or had begun; none if it didn't
    /// come to that.
    ///
    /// # Realtime safety
    /// Locks: not for the audio thread.
    pub fn fallback(&self) -> Option<String> {
        self.lock().fallback.clone()
    }

    /// `device` computes from now on. What was said of a fall-back stays.
    pub(crate) fn set(&self, device: Device) {
        self.lock().device = Some(device);
    }

    /// `device` did not do, for this reason.
    pub(crate) fn fall_back(&self, device: Device, reason: &str) {
        let mut state = self.lock();
        state.device = Some(Device::Cpu);
        state.fallback = Some(format!(
            "{} failed, so the processor computes: {reason}",
            device.name()
        ));
    }

    /// Takes back what was said of a fall-back.
    pub(crate) fn forget_fallback(&self) -> Option<String> {
        self.lock().fallback.take()
    }

    /// The state is replaced field by field and makes sense in between.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_is_chosen_by_its_id_and_nothing_else_is() {
        for device in Device::ALL {
            let choice: DeviceChoice = device.id().parse().unwrap();
            assert_eq!(choice, DeviceChoice::Only(device));
            assert_eq!(choice.to_string(), device.id());
            assert_eq!(choice.or_cpu(), DeviceChoice::Prefer(device));
            // What is tried must be what is listed, or the message misleads.
            assert!(UnknownDevice.to_string().contains(device.id()));
        }
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("CUDA".parse::<DeviceChoice>(), Err(UnknownDevice));
        assert_eq!("".parse::<DeviceChoice>(), Err(UnknownDevice));
    }

    #[test]
    fn clones_say_the_same_of_what_computes() {
        let used = DeviceUse::default();
        let seen = used.clone();
        assert_eq!((seen.device(), seen.fallback()), (None, None));
        used.set(Device::Cuda);
        assert_eq!(seen.device(), Some(Device::Cuda));
        used.fall_back(Device::Cuda, "out of memory");
        assert_eq!(seen.device(), Some(Device::Cpu));
        assert!(seen.fallback().unwrap().contains("out of memory"));
    }
}
