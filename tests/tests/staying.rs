//! A host on Windows that unloads the library: it stays, since a thread of it may still run.
#![cfg(windows)]

use std::os::windows::ffi::OsStrExt as _;

use unweave_plugin::ids;
use unweave_tests::session::{self, Session};

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleW(path: *const u16) -> *mut std::ffi::c_void;
}

#[test]
fn the_library_stays_mapped_when_its_host_unloads_it() {
    let library = std::env::current_exe()
        .unwrap()
        .with_file_name("unweave_plugin.dll");
    let path: Vec<u16> = library.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: a path that ends with a zero.
    let is_mapped = || !unsafe { GetModuleHandleW(path.as_ptr()) }.is_null();
    assert!(!is_mapped());
    let entry = session::load_file(&library);
    drop(Session::new(&entry, ids::CLAP_ID));
    drop(entry);
    assert!(is_mapped());
}
