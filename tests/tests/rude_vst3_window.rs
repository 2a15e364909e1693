//! The window in a VST3 host that breaks the rules: nothing it does may end the process.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::{Duration, Instant};

use clack_extensions::gui::GuiSize;
use nice_plug::wrapper::vst3::vst3::Steinberg::Linux::{
    FileDescriptor, IEventHandler, IEventHandlerTrait, IRunLoop, IRunLoopTrait, ITimerHandler,
    TimerInterval,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessorTrait, IEditControllerTrait, IParamValueQueue, IParamValueQueueTrait,
    IParameterChanges, IParameterChangesTrait, ParamID, ParamValue, ProcessData,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPlugFrame, IPlugFrameTrait, IPlugView, IPlugViewTrait, ViewRect, int32, kNotImplemented,
    kPlatformTypeX11EmbedWindowID, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComRef, ComWrapper};
use unweave_tests::rude_vst3::{BLOCK, Rude, buses, empty};
use unweave_tests::window::{Display, HostWindow};

#[test]
fn a_window_opens_and_closes_while_parameters_are_automated() {
    if let Some(display) = Display::start() {
        display.run("automated");
    }
}

#[test]
fn a_window_is_not_touched_by_other_threads_nor_opened_without_a_run_loop() {
    if let Some(display) = Display::start() {
        display.run("swapped");
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
    unsafe fn addParameterData(&self, _: *const ParamID, _: *mut int32) -> *mut IParamValueQueue {
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

impl Automation {
    fn of(host: &Rude, name: &str) -> ComWrapper<Self> {
        let automation = ComWrapper::new(Self {
            id: host.param(name),
            value: Mutex::new(0.0),
            queue: AtomicPtr::default(),
        });
        let queue = automation
            .as_com_ref::<IParamValueQueue>()
            .unwrap()
            .as_ptr();
        automation.queue.store(queue, Ordering::SeqCst);
        automation
    }
}

/// A block with a change in it.
fn process(host: &Rude, automation: &ComWrapper<Automation>) {
    let changes = automation.as_com_ref::<IParameterChanges>().unwrap();
    let mut samples = vec![vec![0.5f32; BLOCK]; 2];
    let mut pointers: Vec<*mut f32> = samples
        .iter_mut()
        .map(|channel| channel.as_mut_ptr())
        .collect();
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
    unsafe { host.processor.process(&raw mut data) };
}

/// The framework's worker, which has too little of the processor here, still has to tell a window of the last change
/// when there is no plug-in any more.
#[test]
fn a_plug_in_goes_right_after_its_last_change() {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
            });
        }
        for _ in 0..20 {
            let host = Rude::active();
            let automation = Automation::of(&host, "drums_gain");
            // On the thread that made it there is nothing left to do.
            std::thread::scope(|scope| {
                scope.spawn(|| process(&host, &automation));
            });
            drop(host);
        }
        is_over.store(true, Ordering::SeqCst);
    });
}

#[test]
#[ignore = "run by the test above, on a display of its own"]
fn automated() {
    let host = Rude::active();
    let frame = ComWrapper::new(Frame::default());
    let automation = Automation::of(&host, "drums_gain");
    let id = automation.id;
    let is_over = AtomicBool::new(false);
    let (host_ref, automation_ref, is_over_ref) = (&host, &automation, &is_over);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !is_over_ref.load(Ordering::SeqCst) {
                process(host_ref, automation_ref);
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
                start.elapsed() < Duration::from_secs(60),
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
