//! The host, as the framework sees it.
//!
//! The framework asks the host for things in the middle of its own calls, from any thread, and while it holds its
//! own locks; what the host does then may come back to it and find them taken. So what may wait is asked when the
//! framework's call has returned, on the main thread: another size of the window, that the window is closed, and
//! the restart. What is left can't come back in a way that does harm.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, clap_host_params, clap_param_clear_flags, clap_param_rescan_flags,
};
use clap_sys::ext::thread_check::{CLAP_EXT_THREAD_CHECK, clap_host_thread_check};
use clap_sys::ext::track_info::{CLAP_EXT_TRACK_INFO, clap_host_track_info, clap_track_info};
use clap_sys::host::clap_host;
use clap_sys::id::clap_id;

use crate::thread::SharedThread;

/// A host, and what is still to be asked of it.
// The framework is given the address of `shown`, and hands it back.
#[repr(C)]
pub struct Host {
    shown: clap_host,
    real: *const clap_host,
    /// The one that opened the window, else the one that made the plug-in or called back last.
    pub main: SharedThread,
    /// The one that is in `activate`.
    pub activating: SharedThread,
    gui: Extension<clap_host_gui>,
    latency: Extension<clap_host_latency>,
    params: Extension<clap_host_params>,
    track_info: Extension<clap_host_track_info>,
    wants_restart: AtomicBool,
    is_closed: AtomicBool,
    /// Width and height in the upper and lower half; 0 for none.
    wanted_size: AtomicU64,
}

// SAFETY: CLAP lets a host's table be used from any thread; which function on which thread is its caller's.
unsafe impl Send for Host {}
// SAFETY: as above; all that changes is atomic.
unsafe impl Sync for Host {}

/// One of the host's tables; null if it has none, or wasn't asked yet.
struct Extension<T>(AtomicPtr<T>);

impl<T> Default for Extension<T> {
    fn default() -> Self {
        Self(AtomicPtr::default())
    }
}

impl<T> Extension<T> {
    fn get(&self) -> Option<&T> {
        // SAFETY: the host's tables are valid as long as the host, which outlives the plug-in.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

impl Host {
    /// Stands before a host.
    ///
    /// # Safety
    /// `real` outlives this and everything that is given [`Self::shown`].
    pub unsafe fn new(real: *const clap_host) -> Box<Self> {
        // SAFETY: as the caller promises.
        let told = unsafe { *real };
        Box::new(Self {
            shown: clap_host {
                host_data: std::ptr::null_mut(),
                get_extension: Some(get_extension),
                request_restart: Some(request_restart),
                request_process: Some(request_process),
                request_callback: Some(request_callback),
                ..told
            },
            real,
            main: SharedThread::here(),
            activating: SharedThread::default(),
            gui: Extension::default(),
            latency: Extension::default(),
            params: Extension::default(),
            track_info: Extension::default(),
            wants_restart: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            wanted_size: AtomicU64::new(0),
        })
    }

    /// The table for the framework, valid as long as this.
    pub fn shown(&self) -> *const clap_host {
        std::ptr::from_ref(self).cast()
    }

    fn real(&self) -> &clap_host {
        // SAFETY: it outlives this, as `new` was promised.
        unsafe { &*self.real }
    }

    /// Asks for [`clap_sys::plugin::clap_plugin::on_main_thread`]; any thread may.
    fn call_back(&self) {
        if let Some(request_callback) = self.real().request_callback {
            // SAFETY: the host's own function.
            unsafe { request_callback(self.real) };
        }
    }

    /// The host has a table of this kind, which is from now on used.
    fn look_up<T>(&self, id: &CStr, extension: &Extension<T>) {
        let found = self
            .real()
            .get_extension
            .map_or(std::ptr::null(), |get_extension| {
                // SAFETY: the host's own function.
                unsafe { get_extension(self.real, id.as_ptr()) }
            });
        extension
            .0
            .store(found.cast_mut().cast(), Ordering::Release);
    }

    /// Tells the host that the latency has changed: in `activate` alone.
    pub fn tell_latency(&self) {
        if let Some(changed) = self.latency.get().and_then(|latency| latency.changed) {
            // SAFETY: the host's own function.
            unsafe { changed(self.real) };
        }
    }

    /// The size that the window has asked for.
    pub fn take_wanted_size(&self) -> Option<(u32, u32)> {
        let size = self.wanted_size.swap(0, Ordering::SeqCst);
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        (size != 0).then(|| (half(size >> 32), half(size)))
    }

    /// Asks for this size of the host's window; the plug-in's has it already, and keeps it.
    pub fn resize(&self, (width, height): (u32, u32)) {
        if let Some(resize) = self.gui.get().and_then(|gui| gui.request_resize) {
            // SAFETY: the host's own function.
            unsafe { resize(self.real, width, height) };
        }
    }

    /// Tells the host that the window is gone, if it is.
    pub fn tell_closed(&self) {
        if self.is_closed.swap(false, Ordering::SeqCst)
            && let Some(closed) = self.gui.get().and_then(|gui| gui.closed)
        {
            // SAFETY: the host's own function.
            unsafe { closed(self.real, true) };
        }
    }

    /// Asks for the restart that is wanted, if one is. The host may do anything then, so this comes last.
    pub fn ask_for_restart(&self) {
        if self.wants_restart.swap(false, Ordering::SeqCst)
            && let Some(request_restart) = self.real().request_restart
        {
            // SAFETY: the host's own function.
            unsafe { request_restart(self.real) };
        }
    }
}

/// # Safety
/// `host` came from [`Host::shown`], as all that the framework has does.
unsafe fn of<'a>(host: *const clap_host) -> &'a Host {
    // SAFETY: a `Host` starts with what is shown.
    unsafe { &*host.cast::<Host>() }
}

unsafe extern "C" fn get_extension(host: *const clap_host, id: *const c_char) -> *const c_void {
    // SAFETY: the framework hands back what it was given, and a string.
    let (host, id) = unsafe { (of(host), CStr::from_ptr(id)) };
    // All are there, whatever the host has: the framework takes some for granted.
    if id == CLAP_EXT_GUI {
        host.look_up(id, &host.gui);
        (&raw const GUI).cast()
    } else if id == CLAP_EXT_LATENCY {
        host.look_up(id, &host.latency);
        (&raw const LATENCY).cast()
    } else if id == CLAP_EXT_PARAMS {
        host.look_up(id, &host.params);
        (&raw const PARAMS).cast()
    } else if id == CLAP_EXT_TRACK_INFO {
        host.look_up(id, &host.track_info);
        (&raw const TRACK_INFO).cast()
    } else if id == CLAP_EXT_THREAD_CHECK {
        (&raw const THREAD_CHECK).cast()
    } else {
        std::ptr::null()
    }
}

/// The framework asks on the window's thread, on the audio thread, and in `activate`. There it is the latency
/// that it asks for, which the host is told of without.
unsafe extern "C" fn request_restart(host: *const clap_host) {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    if !host.activating.is_here() {
        host.wants_restart.store(true, Ordering::SeqCst);
        host.call_back();
    }
}

unsafe extern "C" fn request_process(host: *const clap_host) {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    if let Some(request_process) = host.real().request_process {
        // SAFETY: the host's own function.
        unsafe { request_process(host.real) };
    }
}

unsafe extern "C" fn request_callback(host: *const clap_host) {
    // SAFETY: as above.
    unsafe { of(host) }.call_back();
}

static GUI: clap_host_gui = clap_host_gui {
    resize_hints_changed: Some(gui_resize_hints_changed),
    request_resize: Some(gui_request_resize),
    request_show: Some(gui_refuse),
    request_hide: Some(gui_refuse),
    closed: Some(gui_closed),
};

unsafe extern "C" fn gui_resize_hints_changed(_: *const clap_host) {}

/// CLAP lets the answer be "will be seen to", which it is once the framework has returned.
unsafe extern "C" fn gui_request_resize(host: *const clap_host, width: u32, height: u32) -> bool {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    let is_possible = host
        .gui
        .get()
        .is_some_and(|gui| gui.request_resize.is_some());
    if is_possible {
        let size = (u64::from(width) << 32) | u64::from(height);
        host.wanted_size.store(size, Ordering::SeqCst);
        host.call_back();
    }
    is_possible
}

unsafe extern "C" fn gui_refuse(_: *const clap_host) -> bool {
    false
}

unsafe extern "C" fn gui_closed(host: *const clap_host, _was_destroyed: bool) {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    host.is_closed.store(true, Ordering::SeqCst);
    host.call_back();
}

static LATENCY: clap_host_latency = clap_host_latency {
    changed: Some(latency_changed),
};

/// The framework calls it one activation late; the instance tells the host in the right one.
unsafe extern "C" fn latency_changed(_: *const clap_host) {}

static PARAMS: clap_host_params = clap_host_params {
    rescan: Some(params_rescan),
    clear: Some(params_clear),
    request_flush: Some(params_request_flush),
};

unsafe extern "C" fn params_rescan(host: *const clap_host, flags: clap_param_rescan_flags) {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    if let Some(rescan) = host.params.get().and_then(|params| params.rescan) {
        // SAFETY: the host's own function.
        unsafe { rescan(host.real, flags) };
    }
}

unsafe extern "C" fn params_clear(
    host: *const clap_host,
    id: clap_id,
    flags: clap_param_clear_flags,
) {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    if let Some(clear) = host.params.get().and_then(|params| params.clear) {
        // SAFETY: the host's own function.
        unsafe { clear(host.real, id, flags) };
    }
}

unsafe extern "C" fn params_request_flush(host: *const clap_host) {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    if let Some(request_flush) = host.params.get().and_then(|params| params.request_flush) {
        // SAFETY: the host's own function.
        unsafe { request_flush(host.real) };
    }
}

static TRACK_INFO: clap_host_track_info = clap_host_track_info {
    get: Some(track_info_get),
};

unsafe extern "C" fn track_info_get(host: *const clap_host, info: *mut clap_track_info) -> bool {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    let get = host.track_info.get().and_then(|track_info| track_info.get);
    // SAFETY: the host's own function.
    get.is_some_and(|get| unsafe { get(host.real, info) })
}

/// Ours alone: what the framework does on the main thread it does to a window that only one thread may touch,
/// whatever the host calls its main thread.
static THREAD_CHECK: clap_host_thread_check = clap_host_thread_check {
    is_main_thread: Some(is_main_thread),
    is_audio_thread: Some(is_audio_thread),
};

unsafe extern "C" fn is_main_thread(host: *const clap_host) -> bool {
    // SAFETY: as above.
    let host = unsafe { of(host) };
    host.main.is_here() || host.activating.is_here()
}

unsafe extern "C" fn is_audio_thread(host: *const clap_host) -> bool {
    // SAFETY: as above.
    unsafe { !is_main_thread(host) }
}
