//! A VST3 host that breaks the rules: nothing it does may end the process.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessorTrait, IComponentHandler, IComponentHandlerTrait, IComponentTrait,
    IEditControllerTrait, ParamID, ParamValue, ParameterInfo, ProcessData,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPluginBaseTrait, IPluginFactoryTrait, int32, kInvalidArgument, kResultFalse, kResultOk,
    tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};
use unweave_tests::rude::{
    Buffers, RATE, WHOLE, assert_outputs_may_be_left_out, inputs_without_channels,
};
use unweave_tests::rude_vst3::{BLOCK, DOUBLES, OFFLINE, Rude, empty, the_factory};
use unweave_tests::signal::noise;

#[test]
fn buses_that_are_left_out_change_nothing_in_the_others() {
    let host = Rude::active();
    assert_outputs_may_be_left_out(host.latency(), |mix, channels| {
        host.reset();
        host.render(mix, channels)
    });
    let mix = noise(host.latency() + 3_000, 3);
    host.render(&mix, &[]);
    host.render(&mix, &[0, 0]);
    host.assert_works();
}

#[test]
fn null_pointers_and_nonsense_in_blocks_do_no_harm() {
    let host = Rude::active();
    let full = || vec![0.5; BLOCK];
    let frames = i32::try_from(BLOCK).unwrap();
    for mut input in inputs_without_channels(BLOCK) {
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
