//! What the process of a long proof takes, as the system tells it, and the priority that it asks for.

use std::fs;
use std::time::Duration;

/// Gives this thread the lowest real-time priority, above all that is not real time; false where this user may not.
#[cfg(target_os = "linux")]
pub fn make_real_time() -> bool {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, fifo).is_ok()
}

/// Gives this thread the highest priority that there is.
#[cfg(not(target_os = "linux"))]
pub fn make_real_time() -> bool {
    use thread_priority::{ThreadPriority, set_current_thread_priority};
    set_current_thread_priority(ThreadPriority::Max).is_ok()
}

/// Memory of this process that is in use, in bytes.
///
/// # Panics
/// This system doesn't tell.
pub fn resident_bytes() -> u64 {
    let told = memory_stats::memory_stats().expect("the system tells");
    told.physical_mem as u64
}

/// CPU time of the inference threads so far, to the tick of 10 ms.
///
/// # Panics
/// This is no Linux.
pub fn inference_time() -> Duration {
    let mut ticks = 0;
    for task in fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if let Some((name, fields)) = stat.rsplit_once(") ")
            && name.ends_with("(unweave-model")
        {
            // proc(5): utime and stime are fields 14 and 15, counted from the process id.
            let spent = fields.split(' ').skip(11).take(2);
            ticks += spent
                .filter_map(|field| field.parse::<u64>().ok())
                .sum::<u64>();
        }
    }
    Duration::from_millis(ticks * 10)
}
