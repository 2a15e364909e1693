//! Activation on a thread of another scheduling policy, as by hosts that activate on the audio thread.

use std::sync::mpsc;
use std::thread;

use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};
use unweave_live::{Engine, LatencyPlan, LoadedSeparator, Setup, Timing};
use unweave_separation::doubles::{Passthrough, shape};

/// The policy of the inference thread of an engine that is started on this thread.
fn inference_policy() -> ThreadSchedulePolicy {
    let shape = shape(44_100, 64, 256);
    let plan = LatencyPlan::new(Timing::of(&shape, 44_100).unwrap(), 44_100, 512).unwrap();
    let setup = Setup::new(&shape, plan).unwrap();
    let (sender, receiver) = mpsc::channel();
    let loader = Box::new(move |_: &dyn Fn() -> bool| {
        sender.send(thread_schedule_policy().unwrap()).unwrap();
        Ok(LoadedSeparator {
            separator: Box::new(Passthrough::new(shape)),
            terminate: None,
        })
    });
    let (_audio, _engine) = Engine::start(&setup, "test", loader).unwrap();
    receiver.recv().unwrap()
}

/// A thread inherits its creator's policy, real time too: as the test's own thread shows, it would be
/// level with the audio thread.
#[test]
fn the_inference_thread_has_the_normal_policy_whoever_activates() {
    let normal = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let real_time = [
        RealtimeThreadSchedulePolicy::Fifo,
        RealtimeThreadSchedulePolicy::RoundRobin,
    ]
    .map(ThreadSchedulePolicy::Realtime);
    // May be set without any right, so something is always tried.
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    for policy in [batch].into_iter().chain(real_time) {
        let checks = move || {
            let lowest = ThreadPriority::Min;
            if set_thread_priority_and_policy(thread_native_id(), lowest, policy).is_err() {
                eprintln!("left out, this user may not have it: {policy:?}");
                return;
            }
            let plain = thread::spawn(|| thread_schedule_policy().unwrap());
            assert_eq!(plain.join().unwrap(), policy, "what threads inherit");
            assert_eq!(inference_policy(), normal, "under {policy:?}");
        };
        thread::spawn(checks).join().unwrap();
    }
}
