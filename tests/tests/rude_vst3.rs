//! A VST3 host that breaks the rules: nothing it does may end the process.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, IAudioProcessor, IAudioProcessorTrait, IComponent,
    IComponentHandler, IComponentHandlerTrait, IComponentTrait, IEditController,
    IEditControllerTrait, ParamID, ParamValue, ParameterInfo, ProcessData, ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IBStream, IBStreamTrait, IPluginBaseTrait, IPluginFactory, IPluginFactoryTrait, int32, int64,
    kInvalidArgument, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper, Interface};
use unweave_guard::vst3::{Listing, factory};
use unweave_plugin::{Unweave, ids};
use unweave_tests::doubles::{HALVES, Halves};
use unweave_tests::rude::Buffers;
use unweave_tests::signal::{delayed, distance, noise};

const RATE: f64 = 44_100.0;
const BLOCK: usize = 512;
/// Main output and four stems.
const WHOLE: [usize; 5] = [2; 5];
const FLOATS: i32 = 0;
const DOUBLES: i32 = 1;
const OFFLINE: i32 = 2;

/// A plug-in, by its interfaces.
struct Rude {
    component: ComPtr<IComponent>,
    processor: ComPtr<IAudioProcessor>,
    controller: ComPtr<IEditController>,
}

fn the_factory() -> ComPtr<IPluginFactory> {
    let factory = factory(&[Listing::of::<Unweave<Halves>>()]);
    unsafe { ComPtr::from_raw(factory.cast()) }.unwrap()
}

impl Rude {
    fn new() -> Self {
        let mut object: *mut c_void = null_mut();
        // The doubles have no class ids.
        let (cid, iid) = ([0u8; 16], IComponent::IID);
        unsafe {
            let made = the_factory().createInstance(
                cid.as_ptr().cast(),
                iid.as_ptr().cast(),
                &raw mut object,
            );
            assert_eq!(made, kResultOk);
            let component: ComPtr<IComponent> = ComPtr::from_raw(object.cast()).unwrap();
            Self {
                processor: component.cast().unwrap(),
                controller: component.cast().unwrap(),
                component,
            }
        }
    }

    fn set_up(&self, rate: f64, max_frames: usize, mode: i32) -> tresult {
        let mut setup = ProcessSetup {
            processMode: mode,
            symbolicSampleSize: FLOATS,
            maxSamplesPerBlock: i32::try_from(max_frames).unwrap(),
            sampleRate: rate,
        };
        unsafe { self.processor.setupProcessing(&raw mut setup) }
    }

    fn activate(&self) {
        unsafe {
            assert_eq!(self.component.initialize(null_mut()), kResultOk);
            assert_eq!(self.set_up(RATE, BLOCK, OFFLINE), kResultOk);
            assert_eq!(self.component.setActive(1), kResultOk);
            self.processor.setProcessing(1);
        }
    }

    fn active() -> Self {
        let host = Self::new();
        host.activate();
        host
    }

    fn reset(&self) {
        unsafe {
            self.processor.setProcessing(0);
            self.processor.setProcessing(1);
        }
    }

    fn latency(&self) -> usize {
        unsafe { self.processor.getLatencySamples() as usize }
    }

    fn process(&self, num_frames: i32, input: &mut Buffers, output: &mut Buffers) -> tresult {
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
            numInputs: i32::try_from(inputs.len()).unwrap(),
            numOutputs: i32::try_from(outputs.len()).unwrap(),
            inputs: inputs.as_mut_ptr(),
            outputs: outputs.as_mut_ptr(),
            ..empty()
        };
        unsafe { self.processor.process(&raw mut data) }
    }

    fn render(&self, mix: &[f32], channels: &[usize]) -> Buffers {
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
            let num_frames = i32::try_from(block.len()).unwrap();
            assert_eq!(self.process(num_frames, &mut input, &mut output), kResultOk);
            for (out, block) in out.iter_mut().flatten().zip(output.iter().flatten()) {
                out.extend(block);
            }
        }
        out
    }

    /// It still does what it is for.
    fn assert_works(&self) {
        self.reset();
        let mix = noise(self.latency() + 3_000, 5);
        let out = self.render(&mix, &WHOLE);
        let expected = delayed(&mix, self.latency());
        assert_eq!(out[0][0], expected);
        let drums: Vec<f32> = expected.iter().map(|sample| sample * HALVES[0]).collect();
        assert!(distance(&out[1][1], &drums) < 1e-6);
    }

    /// The number by which hosts know a parameter.
    fn param(&self, id: &str) -> ParamID {
        let idx = ids::PARAMS.iter().position(|known| *known == id).unwrap();
        let idx = i32::try_from(idx).unwrap();
        unsafe {
            let mut info: ParameterInfo = std::mem::zeroed();
            let result = self.controller.getParameterInfo(idx, &raw mut info);
            assert_eq!(result, kResultOk);
            info.id
        }
    }

    fn value(&self, id: ParamID) -> f64 {
        unsafe { self.controller.getParamNormalized(id) }
    }

    fn save(&self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream::default());
        unsafe {
            let stream = stream.as_com_ref::<IBStream>().unwrap();
            assert_eq!(self.component.getState(stream.as_ptr()), kResultOk);
        }
        stream.0.lock().unwrap().0.clone()
    }

    fn load(&self, saved: &[u8]) -> bool {
        let stream = ComWrapper::new(Stream(Mutex::new((saved.to_vec(), 0))));
        unsafe {
            let stream = stream.as_com_ref::<IBStream>().unwrap();
            self.component.setState(stream.as_ptr()) == kResultOk
        }
    }
}

fn empty() -> ProcessData {
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

fn buses(channels: &mut [Vec<*mut f32>]) -> Vec<AudioBusBuffers> {
    channels
        .iter_mut()
        .map(|channels| AudioBusBuffers {
            numChannels: i32::try_from(channels.len()).unwrap(),
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

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, to: *mut c_void, size: int32, num_read: *mut int32) -> tresult {
        let (bytes, at) = &mut *self.0.lock().unwrap();
        let size = usize::try_from(size).unwrap().min(bytes.len() - *at);
        unsafe {
            to.cast::<u8>().copy_from(bytes[*at..].as_ptr(), size);
            if !num_read.is_null() {
                *num_read = i32::try_from(size).unwrap();
            }
        }
        *at += size;
        kResultOk
    }

    unsafe fn write(&self, from: *mut c_void, size: int32, num_written: *mut int32) -> tresult {
        let (bytes, _) = &mut *self.0.lock().unwrap();
        unsafe {
            let size = usize::try_from(size).unwrap();
            bytes.extend_from_slice(std::slice::from_raw_parts(from.cast::<u8>(), size));
            if !num_written.is_null() {
                *num_written = i32::try_from(size).unwrap();
            }
        }
        kResultOk
    }

    unsafe fn seek(&self, pos: int64, mode: int32, result: *mut int64) -> tresult {
        let (bytes, at) = &mut *self.0.lock().unwrap();
        let from = [0, *at, bytes.len()][usize::try_from(mode).unwrap()];
        *at = from.saturating_add_signed(isize::try_from(pos).unwrap());
        if !result.is_null() {
            unsafe { *result = i64::try_from(*at).unwrap() };
        }
        kResultOk
    }

    unsafe fn tell(&self, pos: *mut int64) -> tresult {
        unsafe { *pos = i64::try_from(self.0.lock().unwrap().1).unwrap() };
        kResultOk
    }
}

#[test]
fn buses_that_are_left_out_change_nothing_in_the_others() {
    let host = Rude::active();
    let mix = noise(host.latency() + 3_000, 3);
    let expected = delayed(&mix, host.latency());
    let drums: Vec<f32> = expected.iter().map(|sample| sample * HALVES[0]).collect();
    // What pedalboard gives (the main bus alone), a few, and more than there are.
    for channels in [
        &[2][..],
        &[1],
        &[10],
        &[2, 2],
        &[2, 1, 0, 2],
        &[2, 2, 2, 2, 2, 2, 2],
        &[3, 3, 3, 3, 3],
    ] {
        host.reset();
        let out = host.render(&mix, channels);
        assert_eq!(out[0][0], expected, "{channels:?}");
        if let Some(bus) = out.get(1) {
            assert!(distance(&bus[0], &drums) < 1e-6, "{channels:?}");
        }
    }
    host.render(&mix, &[]);
    host.render(&mix, &[0, 0]);
    host.assert_works();
}

#[test]
fn null_pointers_and_nonsense_in_blocks_do_no_harm() {
    let host = Rude::active();
    let full = || vec![0.5; BLOCK];
    let frames = i32::try_from(BLOCK).unwrap();
    let inputs: [Buffers; 5] = [
        vec![],
        vec![vec![]],
        vec![vec![vec![], vec![]]],
        vec![vec![vec![], full()]],
        vec![vec![full(), vec![]]],
    ];
    for mut input in inputs {
        let mut output: Buffers = vec![vec![full(); 2]; 5];
        output[2][0].clear();
        output[3].clear();
        assert_eq!(host.process(frames, &mut input, &mut output), kResultOk);
        assert_eq!(host.process(0, &mut input, &mut output), kResultOk);
        assert_eq!(host.process(-1, &mut input, &mut output), kInvalidArgument);
    }
    unsafe {
        let process = |data: ProcessData| {
            let mut data = data;
            host.processor.process(&raw mut data)
        };
        assert_eq!(host.processor.process(null_mut()), kInvalidArgument);
        assert_eq!(process(empty()), kResultOk);
        assert_eq!(
            process(ProcessData {
                numSamples: frames,
                numInputs: 3,
                numOutputs: 3,
                ..empty()
            }),
            kResultOk
        );
        assert_eq!(
            process(ProcessData {
                numSamples: frames,
                numOutputs: -3,
                ..empty()
            }),
            kResultOk
        );
        assert_eq!(
            process(ProcessData {
                symbolicSampleSize: DOUBLES,
                numSamples: frames,
                ..empty()
            }),
            kInvalidArgument
        );
    }
    // More frames than were said: as they are.
    let long = 4 * BLOCK;
    let mut output: Buffers = vec![vec![vec![9.0; long]; 2]; 2];
    let mut input: Buffers = vec![vec![vec![0.25; long]; 2]];
    host.process(i32::try_from(long).unwrap(), &mut input, &mut output);
    assert_eq!(output[0][0], vec![0.25; long]);
    host.assert_works();
}

#[test]
fn calls_in_the_wrong_order_do_no_harm() {
    let host = Rude::new();
    let frames = i32::try_from(BLOCK).unwrap();
    let hear = |when: &str| {
        let mut output: Buffers = vec![vec![vec![9.0; BLOCK]; 2]; 5];
        let mut input: Buffers = vec![vec![vec![0.5; BLOCK]; 2]];
        host.process(frames, &mut input, &mut output);
        assert_eq!(output[0][1], vec![0.5; BLOCK], "{when}");
        assert_eq!(output[3][1], vec![0.0; BLOCK], "{when}");
    };
    unsafe {
        hear("at once");
        host.processor.setProcessing(1);
        hear("before it is set up");
        assert_eq!(host.component.setActive(1), kResultFalse);
        host.controller
            .setParamNormalized(host.param("bypass"), 1.0);
        host.save();
        for (rate, frames) in [(0.0, BLOCK), (f64::NAN, BLOCK), (RATE, 0), (RATE, 1 << 30)] {
            assert_eq!(host.set_up(rate, frames, OFFLINE), kInvalidArgument);
        }
        assert_eq!(host.processor.setupProcessing(null_mut()), kInvalidArgument);
        host.set_up(RATE, BLOCK, OFFLINE);
        hear("before it is active");
        host.component.setActive(0);
        host.controller
            .setParamNormalized(host.param("bypass"), 0.0);
        host.component.setActive(1);
        host.component.setActive(1);
        host.assert_works();
        host.component.terminate();
        host.assert_works();
        host.component.setActive(0);
        hear("not active any more");
    }
}

#[test]
fn parameters_that_do_not_exist_are_refused() {
    let host = Rude::active();
    unsafe {
        let count = host.controller.getParameterCount();
        let mut info: ParameterInfo = std::mem::zeroed();
        for idx in [count, -1, int32::MAX] {
            let result = host.controller.getParameterInfo(idx, &raw mut info);
            assert_eq!(result, kInvalidArgument);
        }
        assert_ne!(host.controller.getParameterInfo(0, null_mut()), kResultOk);
        host.controller.setParamNormalized(77, 0.5);
        host.save();
        let (mut object, id) = (null_mut(), [1u8; 16]);
        let make = |cid: *const u8, iid: *const u8, to| {
            the_factory().createInstance(cid.cast(), iid.cast(), to)
        };
        assert_eq!(
            make(id.as_ptr(), id.as_ptr(), &raw mut object),
            kInvalidArgument
        );
        assert_eq!(make(null(), id.as_ptr(), &raw mut object), kInvalidArgument);
        assert_eq!(
            make([0u8; 16].as_ptr(), null(), &raw mut object),
            kInvalidArgument
        );
        assert_ne!(
            make([0u8; 16].as_ptr(), id.as_ptr(), &raw mut object),
            kResultOk
        );
    }
    host.assert_works();
}

/// The host says that it processes, but no block comes.
#[test]
fn a_parameter_that_is_changed_while_nothing_plays_is_in_the_state_saved_then() {
    let host = Rude::active();
    let mute = host.param("drums_mute");
    host.render(&noise(2_000, 1), &WHOLE);
    let before = host.save();
    unsafe { host.controller.setParamNormalized(mute, 1.0) };
    let after = host.save();
    assert_ne!(after, before);
    assert_eq!(host.value(mute), 1.0);
    // And in no other.
    assert!(host.load(&before));
    assert_eq!(host.save(), before);
    assert_eq!(host.value(mute), 0.0);

    let other = Rude::new();
    assert!(other.load(&after));
    assert_eq!(other.value(mute), 1.0);
    for rubbish in [&b""[..], b"short", &after[..after.len() / 2]] {
        assert!(!other.load(rubbish));
    }
}

/// What a host does when it is asked for a restart.
struct Restarting {
    host: Rude,
    restarts: AtomicU32,
}

struct Handler(*const Restarting);

impl Class for Handler {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, _: ParamID) -> tresult {
        kResultOk
    }
    unsafe fn performEdit(&self, _: ParamID, _: ParamValue) -> tresult {
        kResultOk
    }
    unsafe fn endEdit(&self, _: ParamID) -> tresult {
        kResultOk
    }
    unsafe fn restartComponent(&self, _: int32) -> tresult {
        let Restarting { host, restarts } = unsafe { &*self.0 };
        // Only the first time: else it would never end.
        if restarts.fetch_add(1, Ordering::SeqCst) == 0 {
            unsafe {
                host.processor.setProcessing(0);
                host.component.setActive(0);
                host.controller.setComponentHandler(null_mut());
                host.component.setActive(1);
                host.processor.setProcessing(1);
                host.save();
            }
        }
        kResultOk
    }
}

#[test]
fn a_host_that_restarts_within_the_request_and_lets_go_of_the_handler_survives() {
    let restarting = Restarting {
        host: Rude::new(),
        restarts: AtomicU32::new(0),
    };
    let host = &restarting.host;
    let handler = ComWrapper::new(Handler(&raw const restarting));
    unsafe {
        let handler = handler.as_com_ref::<IComponentHandler>().unwrap();
        host.controller.setComponentHandler(handler.as_ptr());
    }
    // The framework asks for a restart within the first one.
    host.activate();
    assert_eq!(restarting.restarts.load(Ordering::SeqCst), 1);
    host.assert_works();
}

#[test]
fn threads_that_are_swapped_do_no_harm() {
    let host = Rude::active();
    let is_over = AtomicBool::new(false);
    let mute = host.param("drums_mute");
    let frames = i32::try_from(BLOCK).unwrap();
    let process = || {
        while !is_over.load(Ordering::SeqCst) {
            let mut output: Buffers = vec![vec![vec![9.0; BLOCK]; 2]; 5];
            let mut input: Buffers = vec![vec![vec![0.5; BLOCK]; 2]];
            host.process(frames, &mut input, &mut output);
            assert!(output[0][0].iter().all(|sample| *sample != 9.0));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(process);
        scope.spawn(process);
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                unsafe { host.controller.setParamNormalized(mute, 1.0) };
                let saved = host.save();
                unsafe { host.controller.setParamNormalized(mute, 0.0) };
                assert!(host.load(&saved));
                std::thread::yield_now();
            }
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            unsafe {
                host.processor.setProcessing(0);
                host.component.setActive(0);
                host.set_up(RATE, BLOCK, OFFLINE);
                host.component.setActive(1);
                host.processor.setProcessing(1);
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    unsafe { host.controller.setParamNormalized(mute, 0.0) };
    host.save();
    host.assert_works();
}

/// On a display of its own.
#[cfg(target_os = "linux")]
mod window {
    use std::sync::atomic::AtomicPtr;

    use clack_extensions::gui::GuiSize;
    use nice_plug::wrapper::vst3::vst3::Steinberg::Linux::{
        FileDescriptor, IEventHandler, IEventHandlerTrait, IRunLoop, IRunLoopTrait, ITimerHandler,
        TimerInterval,
    };
    use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
        IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait,
    };
    use nice_plug::wrapper::vst3::vst3::Steinberg::{
        IPlugFrame, IPlugFrameTrait, IPlugView, IPlugViewTrait, ViewRect, kNotImplemented,
        kPlatformTypeX11EmbedWindowID,
    };
    use nice_plug::wrapper::vst3::vst3::{ComPtr, ComRef};
    use unweave_tests::window::{Display, HostWindow};

    use super::*;

    #[test]
    fn a_window_opens_and_closes_while_parameters_are_automated() {
        if let Some(display) = Display::start() {
            display.run("window::automated");
        }
    }

    #[test]
    fn a_window_is_not_touched_by_other_threads_nor_opened_without_a_run_loop() {
        if let Some(display) = Display::start() {
            display.run("window::swapped");
        }
    }

    /// The host's frame around a window, and the loop that its thread runs.
    #[derive(Default)]
    struct Frame(Mutex<Vec<(ComPtr<IEventHandler>, FileDescriptor)>>);

    impl Class for Frame {
        type Interfaces = (IPlugFrame, IRunLoop);
    }

    impl IPlugFrameTrait for Frame {
        unsafe fn resizeView(&self, _: *mut IPlugView, _: *mut ViewRect) -> tresult {
            kResultFalse
        }
    }

    impl IRunLoopTrait for Frame {
        unsafe fn registerEventHandler(
            &self,
            handler: *mut IEventHandler,
            fd: FileDescriptor,
        ) -> tresult {
            let handler = unsafe { ComRef::from_raw(handler) }.unwrap().to_com_ptr();
            self.0.lock().unwrap().push((handler, fd));
            kResultOk
        }
        unsafe fn unregisterEventHandler(&self, handler: *mut IEventHandler) -> tresult {
            let is_other =
                |(known, _): &(ComPtr<IEventHandler>, _)| !std::ptr::eq(known.as_ptr(), handler);
            self.0.lock().unwrap().retain(is_other);
            kResultOk
        }
        unsafe fn registerTimer(&self, _: *mut ITimerHandler, _: TimerInterval) -> tresult {
            kNotImplemented
        }
        unsafe fn unregisterTimer(&self, _: *mut ITimerHandler) -> tresult {
            kNotImplemented
        }
    }

    impl Frame {
        /// What a host's thread does while there is nothing else.
        fn run(&self, turns: usize) {
            for _ in 0..turns {
                for (handler, fd) in self.0.lock().unwrap().clone() {
                    let mut asked = libc::pollfd {
                        fd,
                        events: libc::POLLIN,
                        revents: 0,
                    };
                    if unsafe { libc::poll(&raw mut asked, 1, 0) } > 0 {
                        unsafe { handler.onFDIsSet(fd) };
                    }
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// One parameter that never stands still.
    struct Automation {
        id: ParamID,
        value: Mutex<f64>,
        queue: AtomicPtr<IParamValueQueue>,
    }

    impl Class for Automation {
        type Interfaces = (IParameterChanges, IParamValueQueue);
    }

    impl IParameterChangesTrait for Automation {
        unsafe fn getParameterCount(&self) -> int32 {
            1
        }
        unsafe fn getParameterData(&self, _: int32) -> *mut IParamValueQueue {
            self.queue.load(Ordering::SeqCst)
        }
        unsafe fn addParameterData(
            &self,
            _: *const ParamID,
            _: *mut int32,
        ) -> *mut IParamValueQueue {
            null_mut()
        }
    }

    impl IParamValueQueueTrait for Automation {
        unsafe fn getParameterId(&self) -> ParamID {
            self.id
        }
        unsafe fn getPointCount(&self) -> int32 {
            1
        }
        unsafe fn getPoint(&self, _: int32, frame: *mut int32, to: *mut ParamValue) -> tresult {
            let mut value = self.value.lock().unwrap();
            *value = (*value + 0.01) % 1.0;
            unsafe {
                *frame = 0;
                *to = *value;
            }
            kResultOk
        }
        unsafe fn addPoint(&self, _: int32, _: ParamValue, _: *mut int32) -> tresult {
            kNotImplemented
        }
    }

    struct OpenView {
        view: ComPtr<IPlugView>,
        parent: HostWindow,
    }

    fn view_of(host: &Rude) -> ComPtr<IPlugView> {
        unsafe { ComPtr::from_raw(host.controller.createView(c"editor".as_ptr())) }.unwrap()
    }

    fn parent() -> HostWindow {
        HostWindow::new(GuiSize {
            width: 960,
            height: 600,
        })
    }

    fn attach(view: &ComPtr<IPlugView>, parent: &HostWindow) -> tresult {
        let id = parent.id() as usize;
        unsafe { view.attached(id as *mut c_void, kPlatformTypeX11EmbedWindowID) }
    }

    fn open(host: &Rude, frame: &ComWrapper<Frame>) -> OpenView {
        let (view, parent) = (view_of(host), parent());
        unsafe {
            let frame = frame.as_com_ref::<IPlugFrame>().unwrap();
            assert_eq!(view.setFrame(frame.as_ptr()), kResultOk);
        }
        assert_eq!(attach(&view, &parent), kResultOk);
        OpenView { view, parent }
    }

    fn close(open: OpenView) {
        unsafe {
            assert_eq!(open.view.removed(), kResultOk);
            open.view.setFrame(null_mut());
        }
        drop(open.view);
        drop(open.parent);
    }

    #[test]
    #[ignore = "run by the test above, on a display of its own"]
    fn automated() {
        let host = Rude::active();
        let frame = ComWrapper::new(Frame::default());
        let id = host.param("drums_gain");
        let automation = ComWrapper::new(Automation {
            id,
            value: Mutex::new(0.0),
            queue: AtomicPtr::default(),
        });
        let queue = automation
            .as_com_ref::<IParamValueQueue>()
            .unwrap()
            .as_ptr();
        automation.queue.store(queue, Ordering::SeqCst);
        let is_over = AtomicBool::new(false);
        let (host_ref, automation_ref, is_over_ref) = (&host, &automation, &is_over);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let changes = automation_ref.as_com_ref::<IParameterChanges>().unwrap();
                let mut samples = vec![vec![0.5f32; BLOCK]; 2];
                let mut pointers: Vec<*mut f32> = samples
                    .iter_mut()
                    .map(|channel| channel.as_mut_ptr())
                    .collect();
                while !is_over_ref.load(Ordering::SeqCst) {
                    let mut bus = buses(std::slice::from_mut(&mut pointers));
                    let mut data = ProcessData {
                        numSamples: i32::try_from(BLOCK).unwrap(),
                        numInputs: 1,
                        numOutputs: 1,
                        inputs: bus.as_mut_ptr(),
                        outputs: bus.as_mut_ptr(),
                        inputParameterChanges: changes.as_ptr(),
                        ..empty()
                    };
                    unsafe { host_ref.processor.process(&raw mut data) };
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            for _ in 0..10 {
                let window = open(&host, &frame);
                frame.run(20);
                close(window);
            }
            let before = host.value(id);
            let start = Instant::now();
            while host.value(id) == before {
                assert!(
                    start.elapsed() < Duration::from_secs(10),
                    "nothing is automated"
                );
            }
            is_over.store(true, Ordering::SeqCst);
        });
        // With it goes the framework's worker, and says if it has met its end before.
        drop(host);
    }

    #[test]
    #[ignore = "run by the test above, on a display of its own"]
    fn swapped() {
        let host = Rude::active();
        let frame = ComWrapper::new(Frame::default());
        let (view, lone) = (view_of(&host), parent());
        assert_ne!(attach(&view, &lone), kResultOk);
        drop((view, lone));

        let window = open(&host, &frame);
        // A second one isn't opened.
        let second = view_of(&host);
        assert_ne!(attach(&second, &window.parent), kResultOk);
        let mut size: ViewRect = unsafe { std::mem::zeroed() };
        assert_eq!(unsafe { window.view.getSize(&raw mut size) }, kResultOk);
        assert_eq!((size.right, size.bottom), (960, 600));
        let view = &window.view;
        std::thread::scope(|scope| {
            scope.spawn(move || unsafe {
                let mut size: ViewRect = std::mem::zeroed();
                assert_ne!(view.getSize(&raw mut size), kResultOk);
                assert_ne!(view.onSize(&raw mut size), kResultOk);
                assert_ne!(view.removed(), kResultOk);
                assert_ne!(view.onKeyDown(0, 7, 0), kResultOk);
            });
        });
        unsafe {
            assert_ne!(window.view.getSize(null_mut()), kResultOk);
            assert_ne!(window.view.onSize(null_mut()), kResultOk);
            assert_ne!(window.view.isPlatformTypeSupported(null()), kResultOk);
        }
        close(window);
        host.assert_works();

        // The plug-in goes before its window does, and on another thread.
        let window = open(&host, &frame);
        std::thread::scope(|scope| {
            scope.spawn(move || drop(host));
        });
        frame.run(20);
        unsafe { window.view.removed() };
    }
}
