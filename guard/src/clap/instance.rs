//! A plug-in, as the host holds it.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::audio_ports::{
    CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports,
};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_plugin_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{
    CLAP_PROCESS_CONTINUE, CLAP_PROCESS_ERROR, clap_process, clap_process_status,
};
use clap_sys::stream::{clap_istream, clap_ostream};
use try_lock::{Locked, TryLock};

use super::audio::{Audio, pass_block_on};
use super::events::InputEvents;
use super::host::Host;
use super::window;
use crate::gaps::Gaps;
use crate::turn;

/// No host hands over more at once; a buffer of it has 4 MB.
const MOST_FRAMES: u32 = 1 << 20;

/// A plug-in of the framework, behind a table that hosts can do no harm with.
///
/// `shown` is the framework's own table with some functions replaced, and with its data: so the framework's
/// functions that aren't replaced can be called with it.
// The host is given the address of `shown`, and hands it back.
#[repr(C)]
pub struct Instance {
    shown: clap_plugin,
    inner: clap_plugin,
    /// What the framework was given: it goes last.
    pub host: Box<Host>,
    /// The framework's window.
    pub gui: clap_plugin_gui,
    inner_params: clap_plugin_params,
    params: clap_plugin_params,
    inner_state: clap_plugin_state,
    state: clap_plugin_state,
    inner_latency: clap_plugin_latency,
    inner_ports: clap_plugin_audio_ports,
    audio: TryLock<Audio>,
    /// What the host has last been told, or could have asked for.
    told_latency: AtomicU32,
    has_window: AtomicBool,
}

impl Instance {
    /// Puts an instance before a plug-in, for which it lives until the host destroys it.
    ///
    /// # Safety
    /// `inner` is a plug-in of the framework's, which has been made with this host and these gaps.
    pub unsafe fn show(
        inner: *const clap_plugin,
        host: Box<Host>,
        gaps: Arc<Gaps>,
    ) -> *const clap_plugin {
        // SAFETY: as the caller promises.
        let inner = unsafe { *inner };
        let data = &raw const inner;
        // SAFETY: the framework has all of these from the start, and each id is of this type. The framework
        // looks at nothing but the data, which is the same wherever the table is.
        unsafe {
            let inner_params = *extension::<clap_plugin_params>(data, CLAP_EXT_PARAMS);
            let inner_state = *extension::<clap_plugin_state>(data, CLAP_EXT_STATE);
            let instance = Box::new(Self {
                shown: clap_plugin {
                    init: Some(init),
                    destroy: Some(destroy),
                    activate: Some(activate),
                    deactivate: Some(deactivate),
                    process: Some(process),
                    get_extension: Some(get_extension),
                    on_main_thread: Some(on_main_thread),
                    ..inner
                },
                host,
                gui: *extension(data, CLAP_EXT_GUI),
                params: clap_plugin_params {
                    get_info: Some(params_get_info),
                    value_to_text: Some(params_value_to_text),
                    flush: Some(params_flush),
                    ..inner_params
                },
                inner_params,
                state: clap_plugin_state {
                    save: Some(state_save),
                    load: Some(state_load),
                },
                inner_state,
                inner_latency: *extension(data, CLAP_EXT_LATENCY),
                inner_ports: *extension(data, CLAP_EXT_AUDIO_PORTS),
                audio: TryLock::new(Audio::new(gaps)),
                told_latency: AtomicU32::new(0),
                has_window: AtomicBool::new(false),
                inner,
            });
            Box::into_raw(instance).cast_const().cast()
        }
    }

    /// From the address that the host was given.
    ///
    /// # Safety
    /// `plugin` is null or came from [`Self::show`] and isn't destroyed.
    pub unsafe fn of<'a>(plugin: *const clap_plugin) -> Option<&'a Self> {
        // SAFETY: as the caller promises; an instance starts with what is shown.
        unsafe { plugin.cast::<Self>().as_ref() }
    }

    /// The table that the host has.
    pub fn shown(&self) -> *const clap_plugin {
        std::ptr::from_ref(self).cast()
    }

    /// Whether the window is open.
    pub fn has_window(&self) -> bool {
        self.has_window.load(Ordering::SeqCst)
    }

    /// The window has been opened or closed.
    pub fn set_window(&self, is_open: bool) {
        self.has_window.store(is_open, Ordering::SeqCst);
    }

    fn audio(&self) -> Option<Locked<'_, Audio>> {
        turn::take(&self.audio)
    }

    fn latency(&self) -> u32 {
        // SAFETY: the framework's own function.
        self.inner_latency
            .get
            .map_or(0, |get| unsafe { get(self.shown()) })
    }

    /// Numbers of channels, one per port.
    fn num_channels(&self, is_input: bool) -> Vec<u32> {
        let plugin = self.shown();
        let (Some(count), Some(get)) = (self.inner_ports.count, self.inner_ports.get) else {
            return Vec::new();
        };
        // SAFETY: the framework's own functions; a description of a port may be all zeros.
        unsafe {
            (0..count(plugin, is_input))
                .map(|idx| {
                    let mut info: clap_audio_port_info = std::mem::zeroed();
                    get(plugin, idx, is_input, &raw mut info);
                    info.channel_count
                })
                .collect()
        }
    }

    /// Takes from the framework what the window has changed and no host has asked for: so the values are those
    /// of the window from now on, and the host is told with the next block.
    fn settle(&self) {
        let (Some(mut audio), Some(flush)) = (self.audio(), self.inner_params.flush) else {
            return;
        };
        let owed = audio.owed.collect();
        // SAFETY: the framework's own function; no block is being processed, and there may be no input.
        unsafe { flush(self.shown(), null(), &raw const owed) };
    }

    /// Takes and gives changes of parameters, without audio.
    ///
    /// # Safety
    /// Both lists are null or valid.
    unsafe fn flush(
        &self,
        audio: &mut Audio,
        input: *const clap_input_events,
        output: *const clap_output_events,
    ) {
        // SAFETY: as the caller promises.
        let takes_events = unsafe { output.as_ref() }.is_some_and(|list| list.try_push.is_some());
        let output = if takes_events { output } else { null() };
        // SAFETY: as the caller promises; no block is being processed.
        unsafe {
            let input = InputEvents::new(input, 1);
            audio.owed.hand_over(output);
            if let Some(flush) = self.inner_params.flush {
                flush(self.shown(), input.shown(), output);
            }
        }
    }
}

/// A table of the framework's.
///
/// # Safety
/// The plug-in is the framework's, and has a table of this type under this id.
unsafe fn extension<T>(plugin: *const clap_plugin, id: &CStr) -> *const T {
    // SAFETY: as the caller promises.
    let get_extension = unsafe { (*plugin).get_extension };
    get_extension.map_or(null(), |get_extension| {
        // SAFETY: as the caller promises.
        unsafe { get_extension(plugin, id.as_ptr()) }.cast()
    })
}

unsafe extern "C" fn init(plugin: *const clap_plugin) -> bool {
    // SAFETY: the host hands back what it was given, here and below.
    let instance = unsafe { Instance::of(plugin) };
    let init = instance.and_then(|instance| instance.inner.init);
    // SAFETY: the framework's own function.
    init.is_some_and(|init| unsafe { init(plugin) })
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return;
    };
    // A window that another thread has opened can't be closed on this one: better to lose the memory.
    if window::close(instance) && instance.audio().is_some() {
        let instance = plugin.cast::<Instance>().cast_mut();
        // SAFETY: it was a box until `show`. The framework drops its part before the host that it knows.
        unsafe {
            if let Some(destroy) = (*instance).inner.destroy {
                destroy(plugin);
            }
            drop(Box::from_raw(instance));
        }
    }
}

unsafe extern "C" fn activate(
    plugin: *const clap_plugin,
    sample_rate: f64,
    min_frames: u32,
    max_frames: u32,
) -> bool {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return false;
    };
    let is_sane = sample_rate.is_finite() && sample_rate >= 1.0;
    if !is_sane || !(1..=MOST_FRAMES).contains(&max_frames) {
        return false;
    }
    let Some(mut audio) = instance.audio() else {
        return false;
    };
    instance.host.activating.set_here();
    // SAFETY: the framework's own function.
    let is_active = instance
        .inner
        .activate
        .is_some_and(|activate| unsafe { activate(plugin, sample_rate, min_frames, max_frames) });
    if is_active {
        audio.activate(
            &instance.num_channels(true),
            &instance.num_channels(false),
            max_frames as usize,
        );
    } else {
        audio.deactivate();
    }
    drop(audio);
    instance.host.activating.clear();
    // Here CLAP allows a change of the latency and lets the host be told. The framework asks for a restart
    // instead, at each first activation, and some hosts hang in it.
    let latency = instance.latency();
    if instance.told_latency.swap(latency, Ordering::SeqCst) != latency {
        instance.host.tell_latency();
    }
    is_active
}

unsafe extern "C" fn deactivate(plugin: *const clap_plugin) {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return;
    };
    if let Some(mut audio) = instance.audio() {
        audio.deactivate();
        if let Some(deactivate) = instance.inner.deactivate {
            // SAFETY: the framework's own function.
            unsafe { deactivate(plugin) };
        }
    }
}

unsafe extern "C" fn process(
    plugin: *const clap_plugin,
    block: *const clap_process,
) -> clap_process_status {
    // SAFETY: as above; the block is the host's.
    let (Some(instance), Some(block)) = (unsafe { (Instance::of(plugin), block.as_ref()) }) else {
        return CLAP_PROCESS_ERROR;
    };
    match (
        turn::take_for_a_block(&instance.audio),
        instance.inner.process,
    ) {
        (Some(mut audio), _) if block.frames_count == 0 => {
            // SAFETY: the lists are the host's.
            unsafe { instance.flush(&mut audio, block.in_events, block.out_events) };
            CLAP_PROCESS_CONTINUE
        }
        (Some(mut audio), Some(process)) => {
            // SAFETY: the plug-in has the framework's data, and the block is the host's.
            unsafe { audio.process(plugin, process, block) }
        }
        // SAFETY: the block is the host's.
        _ => unsafe { pass_block_on(block) },
    }
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return null();
    };
    if id.is_null() {
        return null();
    }
    // SAFETY: CLAP gives a string.
    let name = unsafe { CStr::from_ptr(id) };
    if name == CLAP_EXT_GUI {
        (&raw const window::TABLE).cast()
    } else if name == CLAP_EXT_PARAMS {
        (&raw const instance.params).cast()
    } else if name == CLAP_EXT_STATE {
        (&raw const instance.state).cast()
    } else {
        let get_extension = instance.inner.get_extension;
        get_extension.map_or(null(), |get_extension| {
            // SAFETY: the framework's own function.
            unsafe { get_extension(plugin, id) }
        })
    }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return;
    };
    if !instance.has_window() {
        instance.host.main.set_here();
    } else if !instance.host.main.is_here() {
        return;
    }
    if let Some(on_main_thread) = instance.inner.on_main_thread {
        // SAFETY: the framework's own function.
        unsafe { on_main_thread(plugin) };
    }
    let host = &*instance.host;
    if let Some(size) = host.take_wanted_size().filter(|_| instance.has_window()) {
        host.resize(size);
    }
    host.tell_closed();
    host.ask_for_restart();
}

unsafe extern "C" fn params_get_info(
    plugin: *const clap_plugin,
    idx: u32,
    info: *mut clap_param_info,
) -> bool {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return false;
    };
    let params = &instance.inner_params;
    // SAFETY: the framework's own function.
    let count = params.count.map_or(0, |count| unsafe { count(plugin) });
    // The framework takes an index that is one too large for right.
    let get_info = params.get_info.filter(|_| idx < count && !info.is_null());
    // SAFETY: the framework's own function.
    get_info.is_some_and(|get_info| unsafe { get_info(plugin, idx, info) })
}

unsafe extern "C" fn params_value_to_text(
    plugin: *const clap_plugin,
    id: clap_id,
    value: f64,
    text: *mut c_char,
    size: u32,
) -> bool {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return false;
    };
    let to_text = instance.inner_params.value_to_text;
    let to_text = to_text.filter(|_| !text.is_null() && size > 0);
    // SAFETY: the framework's own function.
    to_text.is_some_and(|to_text| unsafe { to_text(plugin, id, value, text, size) })
}

unsafe extern "C" fn params_flush(
    plugin: *const clap_plugin,
    input: *const clap_input_events,
    output: *const clap_output_events,
) {
    // SAFETY: as above.
    let Some(instance) = (unsafe { Instance::of(plugin) }) else {
        return;
    };
    if let Some(mut audio) = instance.audio() {
        // SAFETY: the lists are the host's.
        unsafe { instance.flush(&mut audio, input, output) };
    }
}

unsafe extern "C" fn state_save(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    // SAFETY: as above; null or the host's stream.
    let (instance, has_stream) = unsafe {
        let is_whole = stream.as_ref().is_some_and(|stream| stream.write.is_some());
        (Instance::of(plugin), is_whole)
    };
    let Some(instance) = instance.filter(|_| has_stream) else {
        return false;
    };
    instance.settle();
    // SAFETY: the framework's own function.
    instance
        .inner_state
        .save
        .is_some_and(|save| unsafe { save(plugin, stream) })
}

unsafe extern "C" fn state_load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: as above; null or the host's stream.
    let (instance, has_stream) = unsafe {
        let is_whole = stream.as_ref().is_some_and(|stream| stream.read.is_some());
        (Instance::of(plugin), is_whole)
    };
    let Some(instance) = instance.filter(|_| has_stream) else {
        return false;
    };
    // SAFETY: the framework's own function.
    instance
        .inner_state
        .load
        .is_some_and(|load| unsafe { load(plugin, stream) })
}
