//! Memory that goes back to the system when it is freed. The crate's only unsafe code.
#![allow(unsafe_code)]

/// glibc takes large blocks from the system one by one, and gives them back. But with each that is freed it raises the
/// size from which on it does so, up to 32 MiB; below, what was freed stays for as long as something small lies behind
/// it. Of a model that has rendered a song 160 MB stayed so.
const LARGE_BYTES: i32 = 128 << 10;

/// To be called before other threads are started.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number that nobody reads yet.
    unsafe {
        // If it is refused, memory is all that it costs.
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = LARGE_BYTES;
}
