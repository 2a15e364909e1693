//! Where the inference thread stands among the system's threads: below the host's audio thread, level
//! with ordinary programs.
//!
//! | system | what a new thread has | what is done |
//! |---|---|---|
//! | Linux | the policy and priority of its creator, real time too if that is an audio thread of JACK | back to `SCHED_OTHER`, nice 0 |
//! | macOS | the default quality of service; the audio threads' time constraint is not inherited | nothing |
//! | Windows | normal priority, and no share in the audio threads' MMCSS task | nothing |
//!
//! Why no real-time priority under the audio thread's: an inference takes milliseconds and loading a
//! model seconds. With such a priority it would keep a core from everything else in that time, and
//! rtkit's limit on real-time threads would have the host killed. Why no negative nice value: a host
//! without real-time rights has audio threads at nice 0, and inference must not overtake those.
//!
//! # Source
//! pthread_attr_setinheritsched(3), sched(7); rtkit's README on `RLIMIT_RTTIME`.

/// Gives the calling thread the normal policy, whatever its creator's is.
#[cfg(target_os = "linux")]
pub(crate) fn make_normal() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };
    let normal = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    if thread_schedule_policy() == Ok(normal) {
        // A nice value that the user gave to the host is to stay.
        return;
    }
    let nice = ThreadPriority::Os(ThreadPriorityOsValue::default());
    // Refused only from below, `SCHED_IDLE`, which the user chose for the host.
    let _ = set_thread_priority_and_policy(thread_native_id(), nice, normal);
}

/// Does nothing: see the module's documentation.
#[cfg(not(target_os = "linux"))]
pub(crate) fn make_normal() {}
