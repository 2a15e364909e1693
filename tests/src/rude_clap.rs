//! What the tests of rude CLAP hosts do again and again, with the plug-in that halves the mix.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "all of it calls a table of functions as a host does"
)]

use std::ffi::{CStr, c_char, c_void};

use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{
    CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render,
};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::stream::{clap_istream, clap_ostream};

use crate::doubles::{self, Halves};
use crate::rude::{RATE, RudeHost, WHOLE, assert_halves};

/// Frames of the longest block.
pub const BLOCK: u32 = 512;

/// An instance of five outputs, not yet active, whose hops are waited for.
///
/// # Panics
/// There is none.
pub fn new() -> RudeHost {
    let host = RudeHost::new(&doubles::ENTRY, Halves::ID);
    assert!(host.init());
    unsafe {
        let render: &clap_plugin_render = host.extension(CLAP_EXT_RENDER);
        assert!(render.set.expect("of a test")(
            host.plugin(),
            CLAP_RENDER_OFFLINE
        ));
    }
    host
}

/// The same, ready for blocks.
///
/// # Panics
/// It doesn't get ready.
pub fn active() -> RudeHost {
    let host = new();
    assert!(host.activate(RATE, BLOCK));
    assert!(host.start());
    host
}

/// Frames from input to output.
///
/// # Panics
/// The plug-in doesn't say.
pub fn latency(host: &RudeHost) -> usize {
    unsafe {
        let latency: &clap_plugin_latency = host.extension(CLAP_EXT_LATENCY);
        latency.get.expect("of a test")(host.plugin()) as usize
    }
}

/// It still does what it is for.
///
/// # Panics
/// It doesn't.
pub fn assert_works(host: &RudeHost) {
    host.reset();
    assert_halves(latency(host), |mix| {
        host.render(mix, BLOCK as usize, &WHOLE)
    });
}

/// The text of its *Status*.
///
/// # Panics
/// It has none.
pub fn status(host: &RudeHost) -> String {
    unsafe {
        let params: &clap_plugin_params = host.extension(CLAP_EXT_PARAMS);
        let count = params.count.expect("of a test")(host.plugin());
        let mut info: clap_param_info = std::mem::zeroed();
        for idx in 0..count {
            params.get_info.expect("of a test")(host.plugin(), idx, &raw mut info);
            if CStr::from_ptr(info.name.as_ptr()) == c"Status" {
                break;
            }
        }
        let mut text = [0 as c_char; 512];
        let to_text = params.value_to_text.expect("of a test");
        assert!(to_text(host.plugin(), info.id, 0.0, text.as_mut_ptr(), 512));
        CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned()
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, bytes: *const c_void, size: u64) -> i64 {
    unsafe {
        let saved = &mut *(*stream).ctx.cast::<Vec<u8>>();
        // A few at a time.
        let size = size.min(100);
        let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), size as usize);
        saved.extend_from_slice(bytes);
        size as i64
    }
}

unsafe extern "C" fn read(stream: *const clap_istream, bytes: *mut c_void, size: u64) -> i64 {
    unsafe {
        let left = &mut *(*stream).ctx.cast::<&[u8]>();
        let (now, later) = left.split_at(
            left.len()
                .min(usize::try_from(size).expect("of a test"))
                .min(7),
        );
        bytes.cast::<u8>().copy_from(now.as_ptr(), now.len());
        *left = later;
        now.len() as i64
    }
}

/// Its state.
///
/// # Panics
/// It gives none.
pub fn save(host: &RudeHost) -> Vec<u8> {
    let mut saved = Vec::new();
    let stream = clap_ostream {
        ctx: (&raw mut saved).cast(),
        write: Some(write),
    };
    unsafe {
        let state: &clap_plugin_state = host.extension(CLAP_EXT_STATE);
        assert!(state.save.expect("of a test")(
            host.plugin(),
            &raw const stream
        ));
    }
    saved
}

/// Whether it takes this state.
///
/// # Panics
/// It never takes any.
pub fn load(host: &RudeHost, mut saved: &[u8]) -> bool {
    let stream = clap_istream {
        ctx: (&raw mut saved).cast(),
        read: Some(read),
    };
    unsafe {
        let state: &clap_plugin_state = host.extension(CLAP_EXT_STATE);
        state.load.expect("of a test")(host.plugin(), &raw const stream)
    }
}

/// Has the framework ask for a restart: it does at once, on whatever thread it is, when the host goes from rendering to real time.
///
/// # Panics
/// The plug-in doesn't render.
pub fn want_restart(host: &RudeHost) {
    unsafe {
        let render: &clap_plugin_render = host.extension(CLAP_EXT_RENDER);
        let set = render.set.expect("of a test");
        assert!(set(host.plugin(), CLAP_RENDER_REALTIME));
        assert!(set(host.plugin(), CLAP_RENDER_OFFLINE));
    }
}
