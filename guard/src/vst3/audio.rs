//! A block of audio on its way from a VST3 host to the framework.

use std::ptr::null_mut;
use std::sync::Arc;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, IAudioProcessor, IAudioProcessorTrait as _,
    IParamValueQueueTrait as _, IParameterChangesTrait as _, ParamID, ParamValue, ProcessData,
    SymbolicSampleSizes_,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{kInvalidArgument, kResultOk, tresult};
use nice_plug::wrapper::vst3::vst3::{ComPtr, ComRef};

use crate::gaps::{Found, Gap, Gaps};
use crate::ports::{Given, Ports, pass_on};

#[allow(clippy::unnecessary_cast, reason = "the type differs between systems")]
const FLOATS: i32 = SymbolicSampleSizes_::kSample32 as i32;

/// What only one thread may use at a time.
pub struct Audio {
    /// While the plug-in is active.
    ports: Option<Buffers>,
    /// Whether changes of parameters are held back.
    is_held: bool,
    held: Vec<(ParamID, ParamValue)>,
    gaps: Arc<Gaps>,
}

/// Changes that are held back: more parameters than there are.
const MOST_HELD: usize = 256;

/// The buses in the shape that VST3 has for them.
struct Buffers {
    ports: Ports,
    inputs: Vec<AudioBusBuffers>,
    outputs: Vec<AudioBusBuffers>,
}

// SAFETY: the pointers are those of the block that is being processed, by whoever holds this.
unsafe impl Send for Buffers {}

/// A host's buses of one direction.
struct HostBuffers<'a>(&'a [AudioBusBuffers]);

impl HostBuffers<'_> {
    /// # Safety
    /// `first` is null or the first of so many, which outlive this.
    unsafe fn new(first: *const AudioBusBuffers, count: i32) -> Self {
        let count = usize::try_from(count).unwrap_or(0);
        if first.is_null() {
            Self(&[])
        } else {
            // SAFETY: as the caller promises.
            Self(unsafe { std::slice::from_raw_parts(first, count) })
        }
    }
}

impl Given for HostBuffers<'_> {
    fn num_ports(&self) -> usize {
        self.0.len()
    }

    fn num_channels(&self, port: usize) -> usize {
        let bus = &self.0[port];
        // SAFETY: both of the union are pointers.
        if unsafe { bus.__field0.channelBuffers32 }.is_null() {
            0
        } else {
            usize::try_from(bus.numChannels).unwrap_or(0)
        }
    }

    fn channel(&self, port: usize, channel: usize) -> *mut f32 {
        // SAFETY: the array isn't null and has so many channels, as the host says.
        unsafe { *self.0[port].__field0.channelBuffers32.add(channel) }
    }
}

impl Audio {
    /// Not active. What the host leaves out is told here.
    pub fn new(gaps: Arc<Gaps>) -> Self {
        Self {
            ports: None,
            is_held: false,
            held: Vec::new(),
            gaps,
        }
    }

    /// From now on blocks of up to so many frames, for buses of these numbers of channels.
    pub fn activate(&mut self, inputs: &[u32], outputs: &[u32], max_frames: usize) {
        let empty = AudioBusBuffers {
            numChannels: 0,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 {
                channelBuffers32: null_mut(),
            },
        };
        self.ports = Some(Buffers {
            ports: Ports::new(inputs, outputs, max_frames),
            inputs: vec![empty; inputs.len()],
            outputs: vec![empty; outputs.len()],
        });
    }

    /// From now on the input is passed on as it is.
    pub fn deactivate(&mut self) {
        self.ports = None;
    }

    /// From now on, holds back changes of parameters, or doesn't; gives those that have been.
    pub fn hold_changes(&mut self, is_held: bool) -> Vec<(ParamID, ParamValue)> {
        self.is_held = is_held;
        let room = if is_held { MOST_HELD } else { 0 };
        std::mem::replace(&mut self.held, Vec::with_capacity(room))
    }

    /// Takes the last value of each parameter out of a block.
    fn take_changes(&mut self, block: &mut ProcessData) {
        let list = std::mem::replace(&mut block.inputParameterChanges, null_mut());
        // SAFETY: null or the host's, with the host's own functions.
        unsafe {
            let Some(list) = ComRef::from_raw(list) else {
                return;
            };
            for idx in 0..list.getParameterCount() {
                let Some(queue) = ComRef::from_raw(list.getParameterData(idx)) else {
                    continue;
                };
                let (id, last) = (queue.getParameterId(), queue.getPointCount() - 1);
                let (mut frame, mut value) = (0, 0.0);
                if last < 0 || queue.getPoint(last, &raw mut frame, &raw mut value) != kResultOk {
                    continue;
                }
                let has_room = self.held.len() < self.held.capacity();
                match self.held.iter_mut().find(|(held, _)| *held == id) {
                    Some((_, held)) => *held = value,
                    None if has_room => self.held.push((id, value)),
                    None => {}
                }
            }
        }
    }

    /// Has the framework process a block of the host's.
    ///
    /// # Safety
    /// What isn't null in `block` is what VST3 says.
    ///
    /// # Realtime safety
    /// Neither allocates nor waits.
    pub unsafe fn process(
        &mut self,
        processor: &ComPtr<IAudioProcessor>,
        block: &ProcessData,
    ) -> tresult {
        let Ok(num_frames) = usize::try_from(block.numSamples) else {
            return kInvalidArgument;
        };
        if block.symbolicSampleSize != FLOATS {
            return kInvalidArgument;
        }
        let mut whole = ProcessData {
            numInputs: 0,
            numOutputs: 0,
            inputs: null_mut(),
            outputs: null_mut(),
            ..*block
        };
        if self.is_held {
            self.take_changes(&mut whole);
        }
        let Some(buffers) = &mut self.ports else {
            // SAFETY: as the caller promises.
            return unsafe { pass_block_on(block) };
        };
        // SAFETY: the host's arrays outlive the block.
        let (inputs, outputs) = unsafe {
            (
                HostBuffers::new(block.inputs, block.numInputs),
                HostBuffers::new(block.outputs, block.numOutputs),
            )
        };
        let has_main = outputs.num_ports() > 0 && outputs.num_channels(0) > 0;
        if num_frames == 0 || !has_main {
            // Changes of parameters alone: some hosts send them in blocks of frames without channels.
            whole.numSamples = 0;
            // SAFETY: there is no audio in it.
            return unsafe { processor.process(&raw mut whole) };
        }
        if num_frames > buffers.ports.max_frames() {
            self.gaps.tell(Found::default().with(Gap::LongBlock, true));
            // SAFETY: as the caller promises.
            return unsafe { pass_block_on(block) };
        }
        self.gaps.tell(buffers.ports.fill(&inputs, &outputs));
        show(buffers.ports.inputs(), &mut buffers.inputs);
        show(buffers.ports.outputs(), &mut buffers.outputs);
        whole.numInputs = count(&buffers.inputs);
        whole.numOutputs = count(&buffers.outputs);
        whole.inputs = buffers.inputs.as_mut_ptr();
        whole.outputs = buffers.outputs.as_mut_ptr();
        // SAFETY: everything that was declared is there now.
        let result = unsafe { processor.process(&raw mut whole) };
        // SAFETY: the host's array, if there is one, which the framework has not seen.
        unsafe { say_that_nothing_is_silent(block) };
        result
    }
}

/// Leaves the host's input as it is.
///
/// # Safety
/// What isn't null in `block` is what VST3 says.
///
/// # Realtime safety
/// Neither allocates nor waits.
pub unsafe fn pass_block_on(block: &ProcessData) -> tresult {
    let Ok(num_frames) = usize::try_from(block.numSamples) else {
        return kInvalidArgument;
    };
    if block.symbolicSampleSize != FLOATS {
        return kInvalidArgument;
    }
    // SAFETY: as the caller promises.
    unsafe {
        pass_on(
            num_frames,
            &HostBuffers::new(block.inputs, block.numInputs),
            &HostBuffers::new(block.outputs, block.numOutputs),
        );
        say_that_nothing_is_silent(block);
    }
    kResultOk
}

/// Hosts may leave the flags of another plug-in there.
///
/// # Safety
/// `block.outputs` is null or as many as it says.
unsafe fn say_that_nothing_is_silent(block: &ProcessData) {
    let count = usize::try_from(block.numOutputs).unwrap_or(0);
    if !block.outputs.is_null() {
        for bus in 0..count {
            // SAFETY: as the caller promises.
            unsafe { (*block.outputs.add(bus)).silenceFlags = 0 };
        }
    }
}

fn show(ports: &mut [Vec<*mut f32>], buffers: &mut [AudioBusBuffers]) {
    for (port, buffer) in ports.iter_mut().zip(buffers) {
        buffer.numChannels = i32::try_from(port.len()).unwrap_or(0);
        buffer.silenceFlags = 0;
        buffer.__field0.channelBuffers32 = port.as_mut_ptr();
    }
}

fn count(buffers: &[AudioBusBuffers]) -> i32 {
    i32::try_from(buffers.len()).unwrap_or(0)
}
