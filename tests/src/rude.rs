//! A CLAP host that breaks rules: raw tables, nothing checked, any call from any thread.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "all of it calls a table of functions as a host does"
)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[cfg(target_os = "linux")]
use clack_extensions::gui::GuiSize;
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_input_events,
};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui, clap_plugin_gui};
#[cfg(target_os = "linux")]
use clap_sys::ext::gui::{CLAP_WINDOW_API_X11, clap_window, clap_window_handle};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{clap_process, clap_process_status};
use clap_sys::version::CLAP_VERSION;

use crate::doubles::HALVES;
use crate::signal::{delayed, distance, noise};
#[cfg(target_os = "linux")]
use crate::window::HostWindow;

/// Frames per second in these tests.
pub const RATE: f64 = 44_100.0;
/// Main output and four stems.
pub const WHOLE: [usize; 5] = [2; 5];

/// A plug-in that halves the mix does what it is for, in either format.
///
/// # Panics
/// It doesn't.
pub fn assert_halves(latency: usize, render: impl FnOnce(&[f32]) -> Buffers) {
    let mix = noise(latency + 3_000, 5);
    let out = render(&mix);
    let expected = delayed(&mix, latency);
    assert_eq!(out[0][0], expected);
    let drums: Vec<f32> = expected.iter().map(|sample| sample * HALVES[0]).collect();
    assert!(distance(&out[1][1], &drums) < 1e-6);
}

/// Outputs that a host leaves out change nothing in the others, in either format; `render` gives some of a mix, into
/// ports or buses of so many channels each.
///
/// # Panics
/// They do.
pub fn assert_outputs_may_be_left_out(
    latency: usize,
    mut render: impl FnMut(&[f32], &[usize]) -> Buffers,
) {
    let mix = noise(latency + 3_000, 3);
    let expected = delayed(&mix, latency);
    let drums: Vec<f32> = expected.iter().map(|sample| sample * HALVES[0]).collect();
    // What pedalboard and qtractor give (the main output alone, of two channels or of all ten), a few, and more than
    // there are.
    for channels in [
        &[2][..],
        &[10],
        &[1],
        &[2, 2],
        &[2, 1, 0, 2],
        &[2, 2, 2, 2, 2, 2, 2],
        &[3, 3, 3, 3, 3],
    ] {
        let out = render(&mix, channels);
        assert_eq!(out[0][0], expected, "{channels:?}");
        if let Some(stem) = out.get(1) {
            assert!(distance(&stem[0], &drums) < 1e-6, "{channels:?}");
        }
    }
}

/// Inputs of which more or less is missing; empty channels are null pointers. The first three have no samples at all.
pub fn inputs_without_channels(num_frames: usize) -> [Buffers; 5] {
    let full = || vec![0.5; num_frames];
    [
        vec![],
        vec![vec![]],
        vec![vec![vec![], vec![]]],
        vec![vec![vec![], full()]],
        vec![vec![full(), vec![]]],
    ]
}

/// What the plug-in asked for, and what the host does about it.
#[derive(Default)]
pub struct Conduct {
    /// Restarts that were asked for.
    pub restarts: AtomicU32,
    /// The same while the host was in a call of its own other than the main thread's turn.
    pub untimely_restarts: AtomicU32,
    /// Callbacks that were asked for.
    pub callbacks: AtomicU32,
    /// Changes of latency that were told, all of them while activating.
    pub latency_changes: AtomicU32,
    /// Whether the host has any extension.
    pub has_extensions: AtomicBool,
    /// Closes the window when a restart is asked for, as some hosts do.
    pub closes_on_restart: AtomicBool,
    /// Closes the window when it asks for another size.
    pub closes_on_resize: AtomicBool,
    is_in_call: AtomicBool,
    is_activating: AtomicBool,
    plugin: std::sync::atomic::AtomicPtr<clap_plugin>,
}

/// A plug-in and its host. Not destroyed by itself: see [`RudeHost::destroy`].
pub struct RudeHost {
    _host: Box<clap_host>,
    /// What the host does.
    pub conduct: Box<Conduct>,
    plugin: *const clap_plugin,
}

// SAFETY: this host shares what it must not.
unsafe impl Sync for RudeHost {}

/// Whole, or with holes: `[port][channel][frame]`, where a channel without frames is a null pointer.
pub type Buffers = Vec<Vec<Vec<f32>>>;

impl RudeHost {
    /// Makes a plug-in of an entry point.
    ///
    /// # Panics
    /// There is no such plug-in.
    pub fn new(entry: &clap_plugin_entry, id: &str) -> Self {
        let conduct = Box::new(Conduct::default());
        conduct.has_extensions.store(true, Ordering::SeqCst);
        let host = Box::new(clap_host {
            clap_version: CLAP_VERSION,
            host_data: std::ptr::from_ref(&*conduct).cast_mut().cast(),
            name: c"Rude".as_ptr(),
            vendor: c"".as_ptr(),
            url: c"".as_ptr(),
            version: c"1".as_ptr(),
            get_extension: Some(get_extension),
            request_restart: Some(request_restart),
            request_process: None,
            request_callback: Some(request_callback),
        });
        let id = CString::new(id).expect("ids have no zeros");
        // SAFETY: the entry keeps to CLAP.
        let plugin = unsafe {
            assert!(entry.init.expect("there")(
                c"/plugins/Unweave.clap".as_ptr()
            ));
            let factory = entry.get_factory.expect("there")(CLAP_PLUGIN_FACTORY_ID.as_ptr());
            let factory = factory.cast::<clap_plugin_factory>();
            (*factory).create_plugin.expect("there")(factory, &raw const *host, id.as_ptr())
        };
        assert!(!plugin.is_null(), "the entry has no {id:?}");
        conduct.plugin.store(plugin.cast_mut(), Ordering::SeqCst);
        Self {
            _host: host,
            conduct,
            plugin,
        }
    }

    /// The table that the host was given.
    pub fn plugin(&self) -> *const clap_plugin {
        self.plugin
    }

    fn table(&self) -> &clap_plugin {
        // SAFETY: valid until it is destroyed, and this host knows when that is.
        unsafe { &*self.plugin }
    }

    /// One of the plug-in's extensions.
    ///
    /// # Safety
    /// `T` is the table of this extension.
    ///
    /// # Panics
    /// It doesn't have it.
    pub unsafe fn extension<T>(&self, id: &CStr) -> &T {
        // SAFETY: the plug-in keeps to CLAP.
        let table = unsafe { self.table().get_extension.expect("there")(self.plugin, id.as_ptr()) };
        assert!(!table.is_null(), "no {id:?}");
        // SAFETY: as the caller promises; it lives as long as the plug-in.
        unsafe { &*table.cast() }
    }

    fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        self.conduct.is_in_call.store(true, Ordering::SeqCst);
        let result = call();
        self.conduct.is_in_call.store(false, Ordering::SeqCst);
        result
    }

    /// `init`.
    pub fn init(&self) -> bool {
        // SAFETY: the plug-in's own function, here and below.
        self.call(|| unsafe { self.table().init.expect("there")(self.plugin) })
    }

    /// `activate`.
    pub fn activate(&self, sample_rate: f64, max_frames: u32) -> bool {
        self.conduct.is_activating.store(true, Ordering::SeqCst);
        let is_active = self.call(|| unsafe {
            self.table().activate.expect("there")(self.plugin, sample_rate, 1, max_frames)
        });
        self.conduct.is_activating.store(false, Ordering::SeqCst);
        is_active
    }

    /// `deactivate`.
    pub fn deactivate(&self) {
        self.call(|| unsafe { self.table().deactivate.expect("there")(self.plugin) });
    }

    /// `start_processing`.
    pub fn start(&self) -> bool {
        self.call(|| unsafe { self.table().start_processing.expect("there")(self.plugin) })
    }

    /// `stop_processing`.
    pub fn stop(&self) {
        self.call(|| unsafe { self.table().stop_processing.expect("there")(self.plugin) });
    }

    /// `reset`.
    pub fn reset(&self) {
        self.call(|| unsafe { self.table().reset.expect("there")(self.plugin) });
    }

    /// `on_main_thread`, on this one.
    pub fn idle(&self) {
        // SAFETY: the plug-in's own function.
        unsafe { self.table().on_main_thread.expect("there")(self.plugin) };
    }

    /// `destroy`; nothing may be called afterwards.
    pub fn destroy(&self) {
        self.call(|| unsafe { self.table().destroy.expect("there")(self.plugin) });
    }

    /// Opens the window in one of the host's.
    #[cfg(target_os = "linux")]
    pub fn open_window(&self) -> HostWindow {
        let (mut width, mut height) = (0, 0);
        // SAFETY: the plug-in's own functions, in the order that CLAP has for them.
        unsafe {
            let gui: &clap_plugin_gui = self.extension(CLAP_EXT_GUI);
            let api = CLAP_WINDOW_API_X11.as_ptr();
            assert!(gui.create.expect("there")(self.plugin, api, false));
            assert!(gui.get_size.expect("there")(
                self.plugin,
                &raw mut width,
                &raw mut height
            ));
            let parent = HostWindow::new(GuiSize { width, height });
            let window = clap_window {
                api,
                specific: clap_window_handle {
                    x11: parent.id().into(),
                },
            };
            assert!(gui.set_parent.expect("there")(
                self.plugin,
                &raw const window
            ));
            assert!(gui.show.expect("there")(self.plugin));
            parent
        }
    }

    /// `process`, whatever the block is.
    pub fn process_raw(&self, block: &clap_process) -> clap_process_status {
        self.call(|| unsafe { self.table().process.expect("there")(self.plugin, block) })
    }

    /// `process` with these buffers and changes of parameters, in place of none.
    pub fn process(
        &self,
        num_frames: usize,
        input: &mut Buffers,
        output: &mut Buffers,
        events: &[clap_event_param_value],
    ) -> clap_process_status {
        let mut channels = [&mut *input, output].map(|ports| {
            ports
                .iter_mut()
                .map(|port| port.iter_mut().map(pointer).collect())
                .collect::<Vec<Vec<*mut f32>>>()
        });
        let [inputs, outputs] = &mut channels;
        let (inputs, mut outputs) = (ports(inputs), ports(outputs));
        let list = EventList {
            shown: clap_input_events {
                ctx: null_mut(),
                size: Some(num_events),
                get: Some(event),
            },
            events,
        };
        self.process_raw(&clap_process {
            steady_time: -1,
            frames_count: u32::try_from(num_frames).expect("a block"),
            transport: null(),
            audio_inputs: inputs.as_ptr(),
            audio_outputs: outputs.as_mut_ptr(),
            audio_inputs_count: count(&inputs),
            audio_outputs_count: count(&outputs),
            in_events: &raw const list.shown,
            out_events: null(),
        })
    }

    /// Renders through these many outputs, `[port][channel]`; gives what is in them.
    pub fn render(&self, mix: &[f32], block_frames: usize, channels: &[usize]) -> Buffers {
        let mut out: Buffers = channels
            .iter()
            .map(|count| vec![Vec::new(); *count])
            .collect();
        for block in mix.chunks(block_frames) {
            let mut input = vec![vec![block.to_vec(); 2]];
            // Full of rubbish, as a host's buffers may be.
            let mut output: Buffers = channels
                .iter()
                .map(|count| vec![vec![9.0; block.len()]; *count])
                .collect();
            self.process(block.len(), &mut input, &mut output, &[]);
            for (out, block) in out.iter_mut().flatten().zip(output.iter().flatten()) {
                out.extend(block);
            }
        }
        out
    }
}

/// A change of a parameter, which needn't exist, at any frame.
pub fn change(time: u32, param: u32, value: f64) -> clap_event_param_value {
    clap_event_param_value {
        header: clap_event_header {
            size: u32::try_from(size_of::<clap_event_param_value>()).expect("small"),
            time,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_PARAM_VALUE,
            flags: 0,
        },
        param_id: param,
        cookie: null_mut(),
        note_id: -1,
        port_index: -1,
        channel: -1,
        key: -1,
        value,
    }
}

fn pointer(channel: &mut Vec<f32>) -> *mut f32 {
    if channel.is_empty() {
        null_mut()
    } else {
        channel.as_mut_ptr()
    }
}

fn ports(channels: &mut [Vec<*mut f32>]) -> Vec<clap_audio_buffer> {
    channels
        .iter_mut()
        .map(|channels| clap_audio_buffer {
            data32: if channels.is_empty() {
                null_mut()
            } else {
                channels.as_mut_ptr()
            },
            data64: null_mut(),
            channel_count: u32::try_from(channels.len()).expect("few"),
            latency: 0,
            constant_mask: 0,
        })
        .collect()
}

fn count(ports: &[clap_audio_buffer]) -> u32 {
    u32::try_from(ports.len()).expect("few")
}

/// The host's list of events: one more than there are, which is null.
#[repr(C)]
struct EventList<'a> {
    shown: clap_input_events,
    events: &'a [clap_event_param_value],
}

unsafe extern "C" fn num_events(list: *const clap_input_events) -> u32 {
    // SAFETY: the list of `process`, here and below.
    let list = unsafe { &*list.cast::<EventList<'_>>() };
    u32::try_from(list.events.len() + 1).expect("few")
}

unsafe extern "C" fn event(list: *const clap_input_events, idx: u32) -> *const clap_event_header {
    // SAFETY: as above.
    let list = unsafe { &*list.cast::<EventList<'_>>() };
    list.events
        .get(idx as usize)
        .map_or(null(), |event| &raw const event.header)
}

/// # Safety
/// The host is one of [`RudeHost`]'s.
unsafe fn conduct<'a>(host: *const clap_host) -> &'a Conduct {
    // SAFETY: as the caller promises; it lives as long as the host.
    unsafe { &*(*host).host_data.cast::<Conduct>() }
}

unsafe extern "C" fn get_extension(host: *const clap_host, id: *const c_char) -> *const c_void {
    // SAFETY: the plug-in hands back the host and gives a string.
    let (conduct, id) = unsafe { (conduct(host), CStr::from_ptr(id)) };
    if !conduct.has_extensions.load(Ordering::SeqCst) {
        null()
    } else if id == CLAP_EXT_LATENCY {
        (&raw const LATENCY).cast()
    } else if id == CLAP_EXT_GUI {
        (&raw const GUI).cast()
    } else {
        null()
    }
}

static LATENCY: clap_host_latency = clap_host_latency {
    changed: Some(latency_changed),
};

static GUI: clap_host_gui = clap_host_gui {
    resize_hints_changed: None,
    request_resize: Some(request_resize),
    request_show: None,
    request_hide: None,
    closed: None,
};

unsafe extern "C" fn latency_changed(host: *const clap_host) {
    // SAFETY: the plug-in hands back the host, here and below.
    let conduct = unsafe { conduct(host) };
    assert!(
        conduct.is_activating.load(Ordering::SeqCst),
        "CLAP forbids it"
    );
    conduct.latency_changes.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn request_restart(host: *const clap_host) {
    // SAFETY: as above.
    let conduct = unsafe { conduct(host) };
    conduct.restarts.fetch_add(1, Ordering::SeqCst);
    if conduct.is_in_call.load(Ordering::SeqCst) {
        conduct.untimely_restarts.fetch_add(1, Ordering::SeqCst);
    }
    if conduct.closes_on_restart.load(Ordering::SeqCst) {
        close_window(conduct);
    }
}

unsafe extern "C" fn request_callback(host: *const clap_host) {
    // SAFETY: as above.
    unsafe { conduct(host) }
        .callbacks
        .fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn request_resize(host: *const clap_host, _: u32, _: u32) -> bool {
    // SAFETY: as above.
    let conduct = unsafe { conduct(host) };
    if conduct.closes_on_resize.load(Ordering::SeqCst) {
        close_window(conduct);
    }
    false
}

/// What hosts do with a window that is of no more use to them.
fn close_window(conduct: &Conduct) {
    let plugin = conduct.plugin.load(Ordering::SeqCst).cast_const();
    // SAFETY: the plug-in's own functions.
    unsafe {
        let gui = (*plugin).get_extension.expect("there")(plugin, CLAP_EXT_GUI.as_ptr());
        let gui = &*gui.cast::<clap_plugin_gui>();
        gui.hide.expect("there")(plugin);
        gui.destroy.expect("there")(plugin);
    }
}
