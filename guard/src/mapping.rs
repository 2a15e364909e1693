//! The library stays where its threads run.

/// Has Windows keep this library mapped until the process ends, however often the host unloads it: a thread that loads
/// a model can't always be stopped in the time that unloading may take, and must not lose its code. On Linux the
/// linker is told the same.
///
/// # Source
/// Microsoft, "GetModuleHandleExW function".
#[cfg(windows)]
pub fn stay() {
    use std::ffi::c_void;

    const PIN: u32 = 0x1;
    const FROM_ADDRESS: u32 = 0x4;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }
    let mut module = std::ptr::null_mut();
    let here: fn() = stay;
    // SAFETY: the address is of code in this library, and there is room for the handle. That it fails is not to be
    // expected, and would change nothing.
    unsafe { GetModuleHandleExW(PIN | FROM_ADDRESS, here as *const c_void, &raw mut module) };
}

/// Nothing: on Linux the linker is told, and on macOS it wasn't tried.
#[cfg(not(windows))]
pub fn stay() {}
