//! A plug-in, as the host holds it.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ChannelContext::{
    IInfoListener, IInfoListenerTrait,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirection, BusDirections_, BusInfo, CString, IAttributeList, IAudioProcessor,
    IAudioProcessorTrait, IComponent, IComponentHandler, IComponentTrait, IEditController,
    IEditControllerTrait, IProcessContextRequirements, IProcessContextRequirementsTrait, IUnitInfo,
    IUnitInfoTrait, IoMode, MediaType, MediaTypes_, ParamID, ParamValue, ParameterInfo,
    ProcessData, ProcessSetup, ProgramListID, ProgramListInfo, RoutingInfo, SpeakerArrangement,
    String128, TChar, UnitID, UnitInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IBStream, IPlugView, IPluginBaseTrait, TBool, TUID, int16, int32,
    kInvalidArgument, kResultFalse, kResultOk, tresult, uint32,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::audio::pass_block_on;
use super::edits::{Edits, Handler};
use super::shared::Shared;
use super::view::{OpenWindow, View};
use crate::link::Link;
use crate::turn;

/// No host hands over more at once; a buffer of it has 4 MB.
const MOST_FRAMES: int32 = 1 << 20;

#[allow(clippy::unnecessary_cast, reason = "the type differs between systems")]
const AUDIO: MediaType = MediaTypes_::kAudio as MediaType;
#[allow(clippy::unnecessary_cast, reason = "the type differs between systems")]
const INPUT: BusDirection = BusDirections_::kInput as BusDirection;
#[allow(clippy::unnecessary_cast, reason = "the type differs between systems")]
const OUTPUT: BusDirection = BusDirections_::kOutput as BusDirection;

/// A plug-in of the framework, behind an object that hosts can do no harm with.
pub struct Guarded {
    /// Kept for ever rather than dropped on a thread that isn't its window's, or beside the framework's worker.
    inner: ManuallyDrop<Inner>,
    window: Arc<OpenWindow>,
}

/// The framework's one object, by its interfaces.
struct Inner {
    component: ComPtr<IComponent>,
    processor: ComPtr<IAudioProcessor>,
    shared: Arc<Shared>,
    controller: ComPtr<IEditController>,
    requirements: ComPtr<IProcessContextRequirements>,
    units: ComPtr<IUnitInfo>,
    listener: ComPtr<IInfoListener>,
}

impl Class for Guarded {
    // What the framework has beside these is for plug-ins that play notes.
    type Interfaces = (
        IComponent,
        IEditController,
        IAudioProcessor,
        IProcessContextRequirements,
        IUnitInfo,
        IInfoListener,
    );
}

impl Guarded {
    /// Stands before a plug-in of the framework's, which has been made with this link.
    pub fn new(component: ComPtr<IComponent>, link: Link) -> Option<Self> {
        let edits = Arc::<Edits>::default();
        let processor: ComPtr<IAudioProcessor> = component.cast()?;
        let inner = Inner {
            shared: Arc::new(Shared::new(processor.clone(), Arc::clone(&edits), link)),
            processor,
            controller: component.cast()?,
            requirements: component.cast()?,
            units: component.cast()?,
            listener: component.cast()?,
            component,
        };
        let handler = ComWrapper::new(Handler(edits));
        let handler = handler.as_com_ref::<IComponentHandler>()?;
        // SAFETY: the framework's own function; it takes a reference of its own.
        unsafe { inner.controller.setComponentHandler(handler.as_ptr()) };
        Some(Self {
            inner: ManuallyDrop::new(inner),
            window: Arc::default(),
        })
    }

    /// Numbers of channels, one per bus.
    fn num_channels(&self, direction: BusDirection) -> Vec<u32> {
        // SAFETY: the framework's own functions; a description of a bus may be all zeros.
        unsafe {
            (0..self.inner.component.getBusCount(AUDIO, direction))
                .map(|idx| {
                    let mut info: BusInfo = std::mem::zeroed();
                    self.inner
                        .component
                        .getBusInfo(AUDIO, direction, idx, &raw mut info);
                    u32::try_from(info.channelCount).unwrap_or(0)
                })
                .collect()
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.inner.shared.edits.set_host(None);
        if self.window.lets_go() && self.inner.shared.worker.settle() {
            // SAFETY: nothing uses it any more.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        }
    }
}

/// Passes calls on to the framework as they are.
macro_rules! as_they_are {
    ($field:ident: $($name:ident($($arg:ident: $ty:ty),*) -> $result:ty;)+) => {$(
        unsafe fn $name(&self, $($arg: $ty),*) -> $result {
            // SAFETY: as VST3 has it; the framework looks for null where there are pointers.
            unsafe { self.inner.$field.$name($($arg),*) }
        }
    )+};
}

impl IPluginBaseTrait for Guarded {
    as_they_are! {
        component:
        initialize(context: *mut FUnknown) -> tresult;
        terminate() -> tresult;
    }
}

impl IComponentTrait for Guarded {
    as_they_are! {
        component:
        getControllerClassId(id: *mut TUID) -> tresult;
        setIoMode(mode: IoMode) -> tresult;
        getBusCount(kind: MediaType, direction: BusDirection) -> int32;
        getBusInfo(kind: MediaType, direction: BusDirection, idx: int32, info: *mut BusInfo) -> tresult;
        getRoutingInfo(input: *mut RoutingInfo, output: *mut RoutingInfo) -> tresult;
        activateBus(kind: MediaType, direction: BusDirection, idx: int32, state: TBool) -> tresult;
    }

    unsafe fn setState(&self, state: *mut IBStream) -> tresult {
        // What was changed before is overwritten.
        self.inner.shared.edits.take_kept();
        // SAFETY: as VST3 has it; the framework looks for null.
        unsafe { self.inner.component.setState(state) }
    }

    unsafe fn setActive(&self, state: TBool) -> tresult {
        let max_frames = self.inner.shared.max_frames.load(Ordering::SeqCst) as usize;
        let Some(mut audio) = self.inner.shared.audio() else {
            return kResultFalse;
        };
        // Given back before the framework is called: hosts that are asked for a restart come right back.
        audio.deactivate();
        drop(audio);
        self.inner.shared.edits.activating.set_here();
        // SAFETY: the framework's own function.
        let result = unsafe { self.inner.component.setActive(state) };
        self.inner.shared.edits.activating.clear();
        if state != 0
            && result == kResultOk
            && let Some(mut audio) = self.inner.shared.audio()
        {
            audio.activate(
                &self.num_channels(INPUT),
                &self.num_channels(OUTPUT),
                max_frames,
            );
        }
        self.inner.shared.edits.ask_for_restart();
        result
    }

    unsafe fn getState(&self, state: *mut IBStream) -> tresult {
        self.inner.shared.settle();
        // SAFETY: as VST3 has it; the framework looks for null.
        unsafe { self.inner.component.getState(state) }
    }
}

impl IEditControllerTrait for Guarded {
    as_they_are! {
        controller:
        setComponentState(state: *mut IBStream) -> tresult;
        setState(state: *mut IBStream) -> tresult;
        getState(state: *mut IBStream) -> tresult;
        getParameterCount() -> int32;
        getParamStringByValue(id: ParamID, value: ParamValue, text: *mut String128) -> tresult;
        getParamValueByString(id: ParamID, text: *mut TChar, value: *mut ParamValue) -> tresult;
        normalizedParamToPlain(id: ParamID, value: ParamValue) -> ParamValue;
        plainParamToNormalized(id: ParamID, value: ParamValue) -> ParamValue;
        getParamNormalized(id: ParamID) -> ParamValue;
    }

    unsafe fn getParameterInfo(&self, idx: int32, info: *mut ParameterInfo) -> tresult {
        // The framework takes an index that is one too large for right.
        // SAFETY: the framework's own functions, which look for null.
        unsafe {
            if idx < 0 || idx >= self.getParameterCount() {
                return kInvalidArgument;
            }
            self.inner.controller.getParameterInfo(idx, info)
        }
    }

    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        self.inner.shared.edits.keep(id, value);
        // SAFETY: the framework's own function.
        let result = unsafe { self.inner.controller.setParamNormalized(id, value) };
        if self.inner.shared.edits.is_idle() {
            self.inner.shared.settle();
        }
        result
    }

    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        // SAFETY: null or the host's object.
        let handler = unsafe { ComRef::from_raw(handler) };
        self.inner
            .shared
            .edits
            .set_host(handler.map(|handler| handler.to_com_ptr()));
        kResultOk
    }

    unsafe fn createView(&self, name: FIDString) -> *mut IPlugView {
        // SAFETY: the framework's own function, whose result is the caller's.
        let view = unsafe { ComPtr::from_raw(self.inner.controller.createView(name)) };
        let shared = Arc::downgrade(&self.inner.shared);
        View::show(view, Arc::clone(&self.window), shared)
    }
}

impl IAudioProcessorTrait for Guarded {
    as_they_are! {
        processor:
        getBusArrangement(direction: BusDirection, idx: int32, to: *mut SpeakerArrangement) -> tresult;
        canProcessSampleSize(size: int32) -> tresult;
        getLatencySamples() -> uint32;
        setProcessing(state: TBool) -> tresult;
        getTailSamples() -> uint32;
        setBusArrangements(
            inputs: *mut SpeakerArrangement,
            num_inputs: int32,
            outputs: *mut SpeakerArrangement,
            num_outputs: int32
        ) -> tresult;
    }

    unsafe fn setupProcessing(&self, setup: *mut ProcessSetup) -> tresult {
        // SAFETY: null or the host's.
        let Some(told) = (unsafe { setup.as_ref() }) else {
            return kInvalidArgument;
        };
        let is_sane = told.sampleRate.is_finite() && told.sampleRate >= 1.0;
        if !is_sane || !(1..=MOST_FRAMES).contains(&told.maxSamplesPerBlock) {
            return kInvalidArgument;
        }
        // SAFETY: the framework's own functions.
        let result = unsafe {
            if self
                .inner
                .processor
                .canProcessSampleSize(told.symbolicSampleSize)
                != kResultOk
            {
                return kResultFalse;
            }
            // The framework goes by the mode of the call before.
            self.inner.processor.setupProcessing(setup);
            self.inner.processor.setupProcessing(setup)
        };
        let max_frames = told.maxSamplesPerBlock.unsigned_abs();
        self.inner
            .shared
            .max_frames
            .store(max_frames, Ordering::SeqCst);
        result
    }

    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        // SAFETY: null or the host's.
        let Some(block) = (unsafe { data.as_ref() }) else {
            return kInvalidArgument;
        };
        let shared = &self.inner.shared;
        let result = match turn::take_for_a_block(&shared.audio) {
            // SAFETY: the block is the host's.
            Some(mut audio) => unsafe { audio.process(&shared.processor, block) },
            // SAFETY: as above.
            None => unsafe { pass_block_on(block) },
        };
        shared.edits.note_block();
        result
    }
}

impl IProcessContextRequirementsTrait for Guarded {
    as_they_are! {
        requirements:
        getProcessContextRequirements() -> uint32;
    }
}

impl IInfoListenerTrait for Guarded {
    as_they_are! {
        listener:
        setChannelContextInfos(list: *mut IAttributeList) -> tresult;
    }
}

impl IUnitInfoTrait for Guarded {
    as_they_are! {
        units:
        getUnitCount() -> int32;
        getUnitInfo(idx: int32, info: *mut UnitInfo) -> tresult;
        getProgramListCount() -> int32;
        getProgramListInfo(idx: int32, info: *mut ProgramListInfo) -> tresult;
        getProgramName(list: ProgramListID, program: int32, name: *mut String128) -> tresult;
        getProgramInfo(
            list: ProgramListID,
            program: int32,
            attribute: CString,
            value: *mut String128
        ) -> tresult;
        hasProgramPitchNames(list: ProgramListID, program: int32) -> tresult;
        getProgramPitchName(
            list: ProgramListID,
            program: int32,
            pitch: int16,
            name: *mut String128
        ) -> tresult;
        getSelectedUnit() -> UnitID;
        selectUnit(unit: UnitID) -> tresult;
        getUnitByBus(
            kind: MediaType,
            direction: BusDirection,
            bus: int32,
            channel: int32,
            unit: *mut UnitID
        ) -> tresult;
        setUnitProgramData(unit: int32, program: int32, data: *mut IBStream) -> tresult;
    }
}
