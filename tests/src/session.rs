//! One plug-in instance in a host.

use std::ffi::CStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::audio_ports_config::PluginAudioPortsConfig;
use clack_extensions::gui::{GuiSize, HostGui, HostGuiImpl};
use clack_extensions::latency::{HostLatency, HostLatencyImpl, PluginLatency};
use clack_extensions::params::{
    HostParams, HostParamsImplMainThread, HostParamsImplShared, ParamClearFlags, ParamRescanFlags,
    PluginParams,
};
use clack_extensions::remote_controls::{PluginRemoteControls, RemoteControlsPageBuffer};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_extensions::tail::{PluginTail, TailLength};
use clack_extensions::track_info::{HostTrackInfo, HostTrackInfoImpl, TrackInfo, TrackInfoWriter};
use clack_host::entry::EntryDescriptor;
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::events::{EventFlags, EventHeader};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, ClapId, Color, SecondsTime};
use unweave_plugin::ids;

/// What the plug-in asks of the host.
#[derive(Default)]
pub struct Requests {
    restart: AtomicBool,
    callback: AtomicBool,
}

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {
        self.restart.store(true, Ordering::SeqCst);
    }

    fn request_process(&self) {}

    fn request_callback(&self) {
        self.callback.store(true, Ordering::SeqCst);
    }
}

/// The framework opens no window in a host that lacks this. The host's window stays as it is.
impl HostGuiImpl for Requests {
    fn resize_hints_changed(&self) {}

    fn request_resize(&self, _size: GuiSize) -> Result<(), HostError> {
        Ok(())
    }

    fn request_show(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn request_hide(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn closed(&self, _was_destroyed: bool) {}
}

impl HostParamsImplShared for Requests {
    fn request_flush(&self) {}
}

/// The host's side of the main thread.
pub struct MainThread;

impl MainThreadHandler<'_> for MainThread {}

impl HostLatencyImpl for MainThread {
    fn changed(&self) {}
}

impl HostParamsImplMainThread for MainThread {
    fn rescan(&self, _flags: ParamRescanFlags) {}
    fn clear(&self, _param_id: ClapId, _flags: ParamClearFlags) {}
}

/// The track that every plug-in is on.
pub const TRACK: &str = "Bus/Mix";

/// Red, green and blue of the track.
pub const TRACK_COLOR: [u8; 3] = [200, 100, 50];

impl HostTrackInfoImpl for MainThread {
    fn get<'a>(&'a self, writer: &mut TrackInfoWriter<'_, 'a>) {
        let [red, green, blue] = TRACK_COLOR;
        let color = Color {
            alpha: 255,
            red,
            green,
            blue,
        };
        let track = TrackInfo::new().with_name(Some(TRACK.as_bytes()));
        writer.set(&track.with_color(Some(color)));
    }
}

/// A host with latency, parameters, and a track.
pub struct TestHost;

impl HostHandlers for TestHost {
    type Shared<'a> = Requests;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _: &Requests) {
        builder
            .register::<HostLatency>()
            .register::<HostGui>()
            .register::<HostParams>()
            .register::<HostTrackInfo>();
    }
}

/// A change of a parameter.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Frame from the start of what is rendered.
    pub frame: usize,
    /// One of [`ids::PARAMS`].
    pub param: &'static str,
    /// As the host sees it, 0 to 1.
    pub value: f64,
}

/// An output, `[channel][frame]`; mono outputs have the same in both.
pub type Output = [Vec<f32>; 2];

/// The entry point that hosts load, without its file.
pub fn entry() -> PluginEntry {
    load(&unweave_plugin::clap_entry)
}

/// The entry point of a bundle, as hosts load it.
pub fn load_file(path: &Path) -> PluginEntry {
    // SAFETY: the file is a bundle of this plug-in, which keeps to CLAP.
    unsafe { PluginEntry::load(path) }.expect("the bundle loads")
}

/// An entry point in this process.
pub fn load(descriptor: &'static EntryDescriptor) -> PluginEntry {
    // SAFETY: the entry keeps to CLAP.
    unsafe { PluginEntry::load_from_raw(descriptor, c"/plugins/Unweave.clap") }
        .expect("the entry initialises")
}

/// What the host tells of its transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// Nothing at all.
    Untold,
    /// It stands at this frame.
    Stopped(i64),
    /// It plays; the next block begins at this frame.
    Playing(i64),
}

/// A plug-in instance and all that a host keeps for it.
pub struct Session {
    pub(crate) instance: PluginInstance<TestHost>,
    processor: Option<PluginAudioProcessor<TestHost>>,
    sample_rate: u32,
    max_block_frames: usize,
    process_time: Duration,
    timeline: Timeline,
    num_gestures: usize,
    changed: Vec<ClapId>,
}

impl Session {
    /// Instantiates a plug-in of an entry.
    pub fn new(entry: &PluginEntry, id: &str) -> Self {
        let id = std::ffi::CString::new(id).expect("ids have no zeros");
        let info = HostInfo::new("Unweave tests", "", "", "1").expect("no zeros");
        let instance = PluginInstance::new(
            |_| Requests::default(),
            |_| MainThread,
            entry,
            CStr::from_bytes_with_nul(id.as_bytes_with_nul()).expect("just made"),
            &info,
        )
        .expect("the entry has this plug-in");
        Self {
            instance,
            processor: None,
            sample_rate: 0,
            max_block_frames: 0,
            process_time: Duration::ZERO,
            timeline: Timeline::Untold,
            num_gestures: 0,
            changed: Vec::new(),
        }
    }

    /// Activates for real time or, if [`Session::set_offline`] was called, for rendering.
    pub fn activate(&mut self, sample_rate: u32, max_block_frames: usize) {
        let configuration = PluginAudioConfiguration {
            sample_rate: f64::from(sample_rate),
            min_frames_count: 1,
            max_frames_count: u32::try_from(max_block_frames).expect("a block"),
        };
        let stopped = self
            .instance
            .activate(|_, _| (), configuration)
            .expect("activation is never refused");
        let started = stopped.start_processing().expect("nor is this");
        self.processor = Some(started.into());
        self.sample_rate = sample_rate;
        self.max_block_frames = max_block_frames;
    }

    /// From the next block on, the transport does this; it begins with telling nothing.
    pub fn set_timeline(&mut self, timeline: Timeline) {
        self.timeline = timeline;
    }

    fn transport(&self) -> Option<TransportEvent> {
        let (frame, playing) = match self.timeline {
            Timeline::Untold => return None,
            Timeline::Stopped(frame) => (frame, TransportFlags::empty()),
            Timeline::Playing(frame) => (frame, TransportFlags::IS_PLAYING),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "songs have fewer than 2^53 frames"
        )]
        let seconds = frame as f64 / f64::from(self.sample_rate);
        Some(TransportEvent {
            header: EventHeader::new_core(0, EventFlags::empty()),
            flags: playing | TransportFlags::HAS_TEMPO | TransportFlags::HAS_SECONDS_TIMELINE,
            song_pos_beats: BeatTime::from_int(0),
            song_pos_seconds: SecondsTime::from_float(seconds),
            tempo: 120.0,
            tempo_inc: 0.0,
            loop_start_beats: BeatTime::from_int(0),
            loop_end_beats: BeatTime::from_int(0),
            loop_start_seconds: SecondsTime::from_int(0),
            loop_end_seconds: SecondsTime::from_int(0),
            bar_start: BeatTime::from_int(0),
            bar_number: 0,
            time_signature_numerator: 4,
            time_signature_denominator: 4,
        })
    }

    /// Deactivates; does nothing if it isn't active.
    pub fn deactivate(&mut self) {
        if let Some(processor) = self.processor.take() {
            self.instance.deactivate(processor.into_stopped());
        }
    }

    /// Whether hops are waited for, from the next activation on.
    pub fn set_offline(&mut self, is_offline: bool) {
        let mode = if is_offline {
            RenderMode::Offline
        } else {
            RenderMode::Realtime
        };
        let handle = self.instance.plugin_handle();
        let render: PluginRender = handle.get_extension().expect("render");
        render.set(&handle, mode).expect("both modes are there");
    }

    /// Selects one of the audio port layouts.
    pub fn select_layout(&mut self, layout_idx: u32) {
        let handle = self.instance.inactive_plugin_handle().expect("not active");
        let config: PluginAudioPortsConfig = handle.get_extension().expect("audio-ports-config");
        config
            .select(&handle, ClapId::new(layout_idx))
            .expect("the layout is there");
    }

    /// Names and channels of the output ports.
    pub fn outputs(&mut self) -> Vec<(String, u32)> {
        let handle = self.instance.plugin_handle();
        let ports: PluginAudioPorts = handle.get_extension().expect("audio-ports");
        (0..ports.count(&handle, false))
            .map(|idx| {
                let mut buffer = AudioPortInfoBuffer::new();
                let info = ports
                    .get(&handle, idx, false, &mut buffer)
                    .expect("counted");
                let name = String::from_utf8_lossy(info.name).into_owned();
                (name, info.channel_count)
            })
            .collect()
    }

    /// Latency as the host is told.
    pub fn latency(&mut self) -> usize {
        let handle = self.instance.plugin_handle();
        let latency: PluginLatency = handle.get_extension().expect("latency");
        latency.get(&handle) as usize
    }

    /// Tail as the host is told.
    pub fn tail(&mut self) -> usize {
        let handle = self.processor.as_mut().expect("active").plugin_handle();
        let tail: PluginTail = handle.get_extension().expect("tail");
        match tail.get(&handle) {
            TailLength::Finite(frames) => frames as usize,
            TailLength::Infinite => usize::MAX,
        }
    }

    /// What the plug-in took for the last block, without the host's own work.
    pub fn process_time(&self) -> Duration {
        self.process_time
    }

    /// Gestures that have begun in the window and not ended, as far as blocks have told of them.
    pub fn num_gestures(&self) -> usize {
        self.num_gestures
    }

    /// How often blocks have told that this parameter was changed in the window.
    pub fn num_changes(&self, param: &str) -> usize {
        let id = param_id(param);
        self.changed
            .iter()
            .filter(|changed| **changed == id)
            .count()
    }

    /// Whether the plug-in has asked to be activated anew since the last time this was asked, now that it is
    /// called back.
    pub fn takes_restart_request(&mut self) -> bool {
        self.idle();
        self.instance
            .access_shared_handler(|requests| requests.restart.swap(false, Ordering::SeqCst))
    }

    /// Calls back on the main thread if the plug-in has asked for it; what the system has for windows is done.
    pub fn idle(&mut self) {
        #[cfg(windows)]
        crate::window::pump();
        let is_wanted = self
            .instance
            .access_shared_handler(|requests| requests.callback.swap(false, Ordering::SeqCst));
        if is_wanted {
            self.instance.call_on_main_thread_callback();
        }
    }

    /// A parameter's value as the host sees it.
    pub fn value(&mut self, param: &str) -> f64 {
        let handle = self.instance.plugin_handle();
        let params: PluginParams = handle.get_extension().expect("params");
        params
            .get_value(&handle, param_id(param))
            .expect("it has this parameter")
    }

    /// The text that the plug-in gives for a parameter's value.
    pub fn text(&mut self, param: &str, value: f64) -> String {
        let handle = self.instance.plugin_handle();
        let params: PluginParams = handle.get_extension().expect("params");
        let mut buffer = [0; 512];
        let text = params
            .value_to_text(&handle, param_id(param), value, &mut buffer)
            .expect("every value has a text");
        String::from_utf8_lossy(text).into_owned()
    }

    /// What the plug-in says about itself.
    pub fn status(&mut self) -> String {
        self.text("status", 0.0)
    }

    /// The parameters of the remote-control pages, as ids.
    pub fn remote_controls(&mut self) -> Vec<Vec<String>> {
        let handle = self.instance.plugin_handle();
        let controls: PluginRemoteControls = handle.get_extension().expect("remote-controls");
        (0..controls.count(&handle))
            .map(|idx| {
                let mut buffer = RemoteControlsPageBuffer::default();
                let page = controls.get(&handle, idx, &mut buffer).expect("counted");
                ids::PARAMS
                    .iter()
                    .filter(|id| page.param_ids.contains(&Some(param_id(id))))
                    .map(|id| (*id).to_owned())
                    .collect()
            })
            .collect()
    }

    /// The saved state.
    pub fn save(&mut self) -> Vec<u8> {
        let handle = self.instance.plugin_handle();
        let state: PluginState = handle.get_extension().expect("state");
        let mut blob = Vec::new();
        state.save(&handle, &mut blob).expect("saving works");
        blob
    }

    /// Loads a state; false if the plug-in refuses it.
    pub fn load(&mut self, mut blob: &[u8]) -> bool {
        let handle = self.instance.plugin_handle();
        let state: PluginState = handle.get_extension().expect("state");
        state.load(&handle, &mut blob).is_ok()
    }

    /// Clears the audio state, as hosts do when they seek.
    pub fn reset(&mut self) {
        self.processor.as_mut().expect("active").reset();
    }

    /// Processes a mix in blocks of these sizes, repeated as needed; gives every output.
    pub fn render(&mut self, mix: [&[f32]; 2], blocks: &[usize], events: &[Event]) -> Vec<Output> {
        let ports = self.outputs();
        let num_frames = mix[0].len();
        let mut out: Vec<Output> = vec![Default::default(); ports.len()];
        let mut start = 0;
        for block in blocks.iter().cycle() {
            if start == num_frames {
                break;
            }
            let end = num_frames.min(start + block.clamp(&1, &self.max_block_frames));
            let due: Vec<Event> = events
                .iter()
                .filter(|event| (start..end).contains(&event.frame))
                .map(|event| Event {
                    frame: event.frame - start,
                    ..*event
                })
                .collect();
            let given = self.process([&mix[0][start..end], &mix[1][start..end]], &ports, &due);
            for (out, given) in out.iter_mut().zip(given) {
                for (out, given) in out.iter_mut().zip(given) {
                    out.extend(given);
                }
            }
            start = end;
        }
        out
    }

    fn process(
        &mut self,
        mix: [&[f32]; 2],
        ports: &[(String, u32)],
        events: &[Event],
    ) -> Vec<Output> {
        let num_frames = mix[0].len();
        let num_channels = ports[0].1 as usize;
        let mut input: Vec<Vec<f32>> = mix[..num_channels].iter().map(|c| c.to_vec()).collect();
        // Full of rubbish, as a host's buffers may be.
        let mut output: Vec<Vec<Vec<f32>>> = ports
            .iter()
            .map(|(_, channels)| vec![vec![9.0; num_frames]; *channels as usize])
            .collect();
        let mut in_ports = AudioPorts::with_capacity(num_channels, 1);
        let mut out_ports = AudioPorts::with_capacity(10, ports.len());
        let in_buffers = in_ports.with_input_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(
                input.iter_mut().map(InputChannel::variable),
            ),
        }]);
        let mut out_buffers =
            out_ports.with_output_buffers(output.iter_mut().map(|port| AudioPortBuffer {
                latency: 0,
                channels: AudioPortBufferType::f32_output_only(
                    port.iter_mut().map(Vec::as_mut_slice),
                ),
            }));
        let mut in_events = EventBuffer::new();
        for event in events {
            in_events.push(&ParamValueEvent::new(
                u32::try_from(event.frame).expect("within a block"),
                param_id(event.param),
                Pckn::match_all(),
                event.value,
            ));
        }
        let transport = self.transport();
        let processor = self
            .processor
            .as_mut()
            .expect("active")
            .as_started_mut()
            .expect("started");
        let mut told = EventBuffer::new();
        let (in_events, mut out_events) = (in_events.as_input(), told.as_output());
        let started = Instant::now();
        processor
            .process(
                &in_buffers,
                &mut out_buffers,
                &in_events,
                &mut out_events,
                None,
                transport.as_ref(),
            )
            .expect("processing does not fail");
        self.process_time = started.elapsed();
        for event in &told {
            match event.as_core_event() {
                Some(CoreEventSpace::ParamGestureBegin(_)) => self.num_gestures += 1,
                Some(CoreEventSpace::ParamGestureEnd(_)) => self.num_gestures -= 1,
                Some(CoreEventSpace::ParamValue(event)) => self.changed.extend(event.param_id()),
                _ => {}
            }
        }
        if let Timeline::Playing(frame) = &mut self.timeline {
            *frame += i64::try_from(num_frames).expect("a block");
        }
        output
            .into_iter()
            .map(|mut channels| {
                let right = channels.pop().expect("a port has channels");
                let left = channels.pop().unwrap_or_else(|| right.clone());
                [left, right]
            })
            .collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.deactivate();
    }
}

/// The number by which hosts know a parameter: the framework's hash of its id, which projects store.
fn param_id(id: &str) -> ClapId {
    let hash = id.bytes().fold(0u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    ClapId::new(hash & 0x7fff_ffff)
}
