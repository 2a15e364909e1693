//! A VST3 host that breaks rules: nothing checked, any call from any thread.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "all of it calls objects of COM as a host does"
)]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, IAudioProcessor, IAudioProcessorTrait, IComponent,
    IComponentTrait, IEditController, IEditControllerTrait, ParamID, ParameterInfo, ProcessData,
    ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IBStream, IBStreamTrait, IPluginBaseTrait, IPluginFactory, IPluginFactoryTrait, int32, int64,
    kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper, Interface};
use unweave_guard::vst3::{Listing, factory};
use unweave_plugin::{Unweave, ids};

use crate::doubles::Halves;
use crate::rude::{Buffers, RATE, WHOLE, assert_halves};

/// Frames of the longest block.
pub const BLOCK: usize = 512;
/// Samples of 32 bits, as VST3 has it.
pub const FLOATS: i32 = 0;
/// Samples of 64 bits.
pub const DOUBLES: i32 = 1;
/// The host renders.
pub const OFFLINE: i32 = 2;

/// A plug-in, by its interfaces.
pub struct Rude {
    /// The plug-in as a whole.
    pub component: ComPtr<IComponent>,
    /// Its audio.
    pub processor: ComPtr<IAudioProcessor>,
    /// Its parameters and window.
    pub controller: ComPtr<IEditController>,
}

/// Of one plug-in, which halves the mix; its class id is all zeros.
///
/// # Panics
/// Never.
pub fn the_factory() -> ComPtr<IPluginFactory> {
    let factory = factory(&[Listing::of::<Unweave<Halves>>()]);
    unsafe { ComPtr::from_raw(factory.cast()) }.expect("of a test")
}

impl Rude {
    /// One that nothing has been done to.
    ///
    /// # Panics
    /// The factory doesn't make it.
    #[expect(clippy::new_without_default, reason = "it isn't one")]
    pub fn new() -> Self {
        // The doubles have no class ids.
        Self::of(&the_factory(), &[0; 16])
    }

    /// One that nothing has been done to, of a class of a factory.
    ///
    /// # Panics
    /// The factory doesn't make it.
    pub fn of(factory: &ComPtr<IPluginFactory>, cid: &[u8; 16]) -> Self {
        let mut object: *mut c_void = null_mut();
        let iid = IComponent::IID;
        unsafe {
            let made =
                factory.createInstance(cid.as_ptr().cast(), iid.as_ptr().cast(), &raw mut object);
            assert_eq!(made, kResultOk);
            let component: ComPtr<IComponent> = ComPtr::from_raw(object.cast()).expect("of a test");
            Self {
                processor: component.cast().expect("of a test"),
                controller: component.cast().expect("of a test"),
                component,
            }
        }
    }

    /// `setupProcessing`.
    pub fn set_up(&self, rate: f64, max_frames: usize, mode: i32) -> tresult {
        let mut setup = ProcessSetup {
            processMode: mode,
            symbolicSampleSize: FLOATS,
            maxSamplesPerBlock: i32::try_from(max_frames).expect("of a test"),
            sampleRate: rate,
        };
        unsafe { self.processor.setupProcessing(&raw mut setup) }
    }

    /// Does all that must be done before the first block; hops are waited for.
    pub fn activate(&self) {
        unsafe {
            assert_eq!(self.component.initialize(null_mut()), kResultOk);
            assert_eq!(self.set_up(RATE, BLOCK, OFFLINE), kResultOk);
            assert_eq!(self.component.setActive(1), kResultOk);
            self.processor.setProcessing(1);
        }
    }

    /// One that is ready for blocks.
    pub fn active() -> Self {
        let host = Self::new();
        host.activate();
        host
    }

    /// Stops and starts.
    pub fn reset(&self) {
        unsafe {
            self.processor.setProcessing(0);
            self.processor.setProcessing(1);
        }
    }

    /// `getLatencySamples`.
    pub fn latency(&self) -> usize {
        unsafe { self.processor.getLatencySamples() as usize }
    }

    /// `process` with these buffers.
    pub fn process(&self, num_frames: i32, input: &mut Buffers, output: &mut Buffers) -> tresult {
        let mut channels = [&mut *input, output].map(|buses| {
            buses
                .iter_mut()
                .map(|bus| bus.iter_mut().map(pointer).collect())
                .collect::<Vec<Vec<*mut f32>>>()
        });
        let [inputs, outputs] = &mut channels;
        let (mut inputs, mut outputs) = (buses(inputs), buses(outputs));
        let mut data = ProcessData {
            numSamples: num_frames,
            numInputs: i32::try_from(inputs.len()).expect("of a test"),
            numOutputs: i32::try_from(outputs.len()).expect("of a test"),
            inputs: inputs.as_mut_ptr(),
            outputs: outputs.as_mut_ptr(),
            ..empty()
        };
        unsafe { self.processor.process(&raw mut data) }
    }

    /// Renders through these many outputs, `[bus][channel]`; gives what is in them.
    pub fn render(&self, mix: &[f32], channels: &[usize]) -> Buffers {
        let mut out: Buffers = channels
            .iter()
            .map(|count| vec![Vec::new(); *count])
            .collect();
        for block in mix.chunks(BLOCK) {
            let mut input = vec![vec![block.to_vec(); 2]];
            // Full of rubbish, as a host's buffers may be.
            let mut output: Buffers = channels
                .iter()
                .map(|count| vec![vec![9.0; block.len()]; *count])
                .collect();
            let num_frames = i32::try_from(block.len()).expect("of a test");
            assert_eq!(self.process(num_frames, &mut input, &mut output), kResultOk);
            for (out, block) in out.iter_mut().flatten().zip(output.iter().flatten()) {
                out.extend(block);
            }
        }
        out
    }

    /// It still does what it is for.
    ///
    /// # Panics
    /// It doesn't.
    pub fn assert_works(&self) {
        self.reset();
        assert_halves(self.latency(), |mix| self.render(mix, &WHOLE));
    }

    /// The number by which hosts know a parameter.
    pub fn param(&self, id: &str) -> ParamID {
        let idx = ids::PARAMS
            .iter()
            .position(|known| *known == id)
            .expect("of a test");
        let idx = i32::try_from(idx).expect("of a test");
        unsafe {
            let mut info: ParameterInfo = std::mem::zeroed();
            let result = self.controller.getParameterInfo(idx, &raw mut info);
            assert_eq!(result, kResultOk);
            info.id
        }
    }

    /// `getParamNormalized`.
    pub fn value(&self, id: ParamID) -> f64 {
        unsafe { self.controller.getParamNormalized(id) }
    }

    /// The saved state.
    pub fn save(&self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream::default());
        unsafe {
            let stream = stream.as_com_ref::<IBStream>().expect("of a test");
            assert_eq!(self.component.getState(stream.as_ptr()), kResultOk);
        }
        stream.bytes().0.clone()
    }

    /// Loads a state; false if it is refused.
    pub fn load(&self, saved: &[u8]) -> bool {
        let stream = ComWrapper::new(Stream(Mutex::new((saved.to_vec(), 0))));
        unsafe {
            let stream = stream.as_com_ref::<IBStream>().expect("of a test");
            self.component.setState(stream.as_ptr()) == kResultOk
        }
    }
}

/// A block of nothing.
pub fn empty() -> ProcessData {
    ProcessData {
        processMode: OFFLINE,
        symbolicSampleSize: FLOATS,
        numSamples: 0,
        numInputs: 0,
        numOutputs: 0,
        inputs: null_mut(),
        outputs: null_mut(),
        inputParameterChanges: null_mut(),
        outputParameterChanges: null_mut(),
        inputEvents: null_mut(),
        outputEvents: null_mut(),
        processContext: null_mut(),
    }
}

fn pointer(channel: &mut Vec<f32>) -> *mut f32 {
    if channel.is_empty() {
        null_mut()
    } else {
        channel.as_mut_ptr()
    }
}

/// Buses of these channels, in the shape of VST3; no channels are a null pointer.
pub fn buses(channels: &mut [Vec<*mut f32>]) -> Vec<AudioBusBuffers> {
    channels
        .iter_mut()
        .map(|channels| AudioBusBuffers {
            numChannels: i32::try_from(channels.len()).expect("of a test"),
            silenceFlags: u64::MAX,
            __field0: AudioBusBuffers__type0 {
                channelBuffers32: if channels.is_empty() {
                    null_mut()
                } else {
                    channels.as_mut_ptr()
                },
            },
        })
        .collect()
}

/// Bytes, and where it stands in them.
#[derive(Default)]
struct Stream(Mutex<(Vec<u8>, usize)>);

impl Stream {
    fn bytes(&self) -> std::sync::MutexGuard<'_, (Vec<u8>, usize)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, to: *mut c_void, size: int32, num_read: *mut int32) -> tresult {
        let (bytes, at) = &mut *self.bytes();
        let size = usize::try_from(size)
            .expect("of a test")
            .min(bytes.len() - *at);
        unsafe {
            to.cast::<u8>().copy_from(bytes[*at..].as_ptr(), size);
            if !num_read.is_null() {
                *num_read = i32::try_from(size).expect("of a test");
            }
        }
        *at += size;
        kResultOk
    }

    unsafe fn write(&self, from: *mut c_void, size: int32, num_written: *mut int32) -> tresult {
        let (bytes, _) = &mut *self.bytes();
        unsafe {
            let size = usize::try_from(size).expect("of a test");
            bytes.extend_from_slice(std::slice::from_raw_parts(from.cast::<u8>(), size));
            if !num_written.is_null() {
                *num_written = i32::try_from(size).expect("of a test");
            }
        }
        kResultOk
    }

    unsafe fn seek(&self, pos: int64, mode: int32, result: *mut int64) -> tresult {
        let (bytes, at) = &mut *self.bytes();
        let from = [0, *at, bytes.len()][usize::try_from(mode).expect("of a test")];
        *at = from.saturating_add_signed(isize::try_from(pos).expect("of a test"));
        if !result.is_null() {
            unsafe { *result = i64::try_from(*at).expect("of a test") };
        }
        kResultOk
    }

    unsafe fn tell(&self, pos: *mut int64) -> tresult {
        unsafe { *pos = i64::try_from(self.bytes().1).expect("of a test") };
        kResultOk
    }
}
