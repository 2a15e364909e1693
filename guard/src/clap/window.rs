//! The window's functions, on the thread that opened it alone.
//!
//! nice-plug 0.4.2 ends with a panic when the window is touched by another thread.

use std::ffi::c_char;

use clap_sys::ext::gui::{clap_gui_resize_hints, clap_plugin_gui, clap_window};
use clap_sys::plugin::clap_plugin;

use super::instance::Instance;

/// The table for hosts. The framework's own is in [`Instance::gui`].
pub static TABLE: clap_plugin_gui = clap_plugin_gui {
    is_api_supported: Some(is_api_supported),
    get_preferred_api: Some(get_preferred_api),
    create: Some(create),
    destroy: Some(destroy),
    set_scale: Some(set_scale),
    get_size: Some(get_size),
    can_resize: Some(can_resize),
    get_resize_hints: Some(get_resize_hints),
    adjust_size: Some(adjust_size),
    set_size: Some(set_size),
    set_parent: Some(set_parent),
    set_transient: Some(set_transient),
    suggest_title: Some(suggest_title),
    show: Some(show),
    hide: Some(hide),
};

/// Passes a call on to the framework if the right thread makes it and the pointers, if any, aren't null.
macro_rules! on_its_thread {
    ($($name:ident($($arg:ident: $ty:ty),*) $(where $($pointer:ident),+ not null)?;)+) => {$(
        unsafe extern "C" fn $name(plugin: *const clap_plugin, $($arg: $ty),*) -> bool {
            // SAFETY: the host hands back what it was given.
            let Some(instance) = (unsafe { Instance::of(plugin) }) else {
                return false;
            };
            if !instance.host.main.is_here() $($(|| $pointer.is_null())+)? {
                return false;
            }
            // SAFETY: as CLAP has it, on the thread that opened the window.
            instance.gui.$name.is_some_and(|call| unsafe { call(plugin, $($arg),*) })
        }
    )+};
}

on_its_thread! {
    set_scale(scale: f64);
    get_size(width: *mut u32, height: *mut u32) where width, height not null;
    can_resize();
    get_resize_hints(hints: *mut clap_gui_resize_hints) where hints not null;
    adjust_size(width: *mut u32, height: *mut u32) where width, height not null;
    set_size(width: u32, height: u32);
    set_parent(window: *const clap_window) where window not null;
    set_transient(window: *const clap_window) where window not null;
    show();
    hide();
}

unsafe extern "C" fn is_api_supported(
    plugin: *const clap_plugin,
    api: *const c_char,
    is_floating: bool,
) -> bool {
    // SAFETY: the host hands back what it was given.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return false;
    };
    let call = instance.gui.is_api_supported.filter(|_| !api.is_null());
    // SAFETY: as CLAP has it.
    call.is_some_and(|call| unsafe { call(plugin, api, is_floating) })
}

unsafe extern "C" fn get_preferred_api(
    plugin: *const clap_plugin,
    api: *mut *const c_char,
    is_floating: *mut bool,
) -> bool {
    // SAFETY: the host hands back what it was given.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return false;
    };
    // SAFETY: as CLAP has it; the framework looks for nulls.
    instance
        .gui
        .get_preferred_api
        .is_some_and(|call| unsafe { call(plugin, api, is_floating) })
}

unsafe extern "C" fn create(
    plugin: *const clap_plugin,
    api: *const c_char,
    is_floating: bool,
) -> bool {
    // SAFETY: the host hands back what it was given.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return false;
    };
    if api.is_null() || instance.has_window() {
        return false;
    }
    instance.host.main.set_here();
    // SAFETY: as CLAP has it.
    let is_open = instance
        .gui
        .create
        .is_some_and(|call| unsafe { call(plugin, api, is_floating) });
    instance.set_window(is_open);
    is_open
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: the host hands back what it was given.
    if let Some(instance) = unsafe { Instance::of(plugin) } {
        close(instance);
    }
}

/// Closes the window if this is its thread; whether there is none afterwards.
pub fn close(instance: &Instance) -> bool {
    if !instance.has_window() {
        return true;
    }
    if !instance.host.main.is_here() {
        return false;
    }
    instance.set_window(false);
    if let Some(destroy) = instance.gui.destroy {
        // SAFETY: as CLAP has it, on the thread that opened the window.
        unsafe { destroy(instance.shown()) };
    }
    true
}

unsafe extern "C" fn suggest_title(_: *const clap_plugin, _: *const c_char) {
    // For windows of their own, which there are none of.
}
