//! The plug-in: what hosts call, passed on.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;

use nice_plug::prelude::*;
use unweave_guard::{Errand, Gap, Worker};
use unweave_live::capture::{CaptureSide, Moment, Position};
use unweave_live::preview::{PreviewSide, Use};

use crate::bell::Bell;
use crate::editor::EditorWindow;
use crate::model;
use crate::params::UnweaveParams;
use crate::presets::folder::Folder;
use crate::running::{Running, StemOutputs};
use crate::songs::Songs;
use crate::state;
use crate::succession::Configuration;
use crate::succession::Shared;
use crate::variant::Variant;

/// One of the plug-ins; see [`crate::variant`] for which there are.
pub struct Unweave<V> {
    params: Arc<UnweaveParams>,
    songs: Arc<Songs>,
    /// From the first activation on.
    capture: Option<CaptureSide>,
    preview: PreviewSide,
    /// From the first activation that succeeds on.
    running: Option<Running>,
    /// What the window has been told that the host leaves out.
    gap_told: Option<Gap>,
    /// Tells an open window that there is something new to draw.
    bell: Bell,
    /// Dropped before an open window is, which so knows that it is the last that is left.
    alive: Arc<()>,
    _variant: PhantomData<fn() -> V>,
}

impl<V: Variant> Default for Unweave<V> {
    fn default() -> Self {
        let (songs, preview) = V::songs();
        let presets = Folder::of_user();
        let mix = presets.map(|folder| folder.for_new_instances());
        let params = UnweaveParams::new(songs.shared_settings(), &mix.unwrap_or_default());
        Self {
            params: Arc::new(params),
            songs,
            capture: None,
            preview,
            running: None,
            gap_told: None,
            bell: Bell::default(),
            alive: Arc::default(),
            _variant: PhantomData,
        }
    }
}

impl<V> Drop for Unweave<V> {
    fn drop(&mut self) {
        // A window may hold on to them a little longer.
        self.songs.end();
    }
}

impl<V: Variant> Plugin for Unweave<V> {
    const NAME: &'static str = V::NAME;
    const VENDOR: &'static str = "Unweave";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = V::LAYOUTS;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = EditorWindow;
    type SysExMessage = ();
    type BackgroundTask = Errand;

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn task_executor(&mut self) -> TaskExecutor<Self> {
        Box::new(Errand::run)
    }

    fn editor(&mut self, executor: AsyncExecutor<Self>) -> Option<EditorWindow> {
        Worker::of_this_plugin(move |errand| executor.execute_background(errand));
        Some(self.window())
    }

    fn filter_state(state: &mut PluginState) {
        state::upgrade(state);
    }

    /// Cheap, and idempotent: hosts activate often, and when nothing changed the model stays loaded.
    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        self.set_up_capture(layout, config.sample_rate);
        self.run(Configuration {
            sample_rate: config.sample_rate,
            max_block_frames: config.max_buffer_size as usize,
            is_standalone: context.plugin_api() == PluginApi::Standalone,
        });
        let mut latency_frames = 0;
        if let Some(running) = &mut self.running {
            running.set_mode(config.process_mode, context.plugin_api());
            latency_frames = running.latency_frames();
        }
        // Here and nowhere else: CLAP allows no change in between.
        context.set_latency_samples(host_frames(latency_frames));
        true
    }

    fn deactivate(&mut self) {
        self.params.report.rest();
        self.bell.wake_now();
    }

    fn reset(&mut self) {
        self.preview.interrupt();
        if let Some(capture) = &mut self.capture {
            capture.interrupt();
        }
        if let Some(running) = &mut self.running {
            running.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let mut stems = stem_outputs(aux.outputs);
        let transport = context.transport();
        let wants_restart = self.process_block(buffer.as_slice(), &mut stems, transport);
        if wants_restart {
            context.request_restart();
        }
        self.running
            .as_ref()
            .map_or(ProcessStatus::Normal, |running| {
                ProcessStatus::Tail(host_frames(running.tail_frames()))
            })
    }
}

impl<V: Variant> Unweave<V> {
    /// Replaces the input in `main` by the main output, and fills those of the stems; whether the host has to be
    /// asked to restart the plug-in.
    ///
    /// # Shape
    /// `[channel][frame]`, as many channels and at most as many frames as it was activated with.
    ///
    /// # Realtime safety
    /// As [`unweave_live::AudioSide::process`].
    pub fn process_block(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        transport: &Transport,
    ) -> bool {
        if let Some(capture) = &mut self.capture {
            capture.record(main, &moment(transport));
        }
        let controls = self.params.controls();
        let mut wants_restart = false;
        // Without an engine the framework has passed the input on and silenced the stem outputs.
        if let Some(running) = &mut self.running {
            running.set_playing(transport.playing);
            running.process(main, stems, &controls);
            if running.has_news() {
                self.bell.ring();
            }
            wants_restart = running.takes_restart_request();
        }
        let gap = self.params.report.gap();
        if std::mem::replace(&mut self.gap_told, gap) != gap {
            self.bell.wake_now();
        }
        let host = Use {
            is_playing: transport.playing,
            is_offline: self.running.as_ref().is_some_and(Running::is_offline),
        };
        if self.preview.process(main, &controls, host) {
            self.bell.ring();
        }
        wants_restart
    }

    /// What a person has of songs and takes.
    pub fn songs(&self) -> &Arc<Songs> {
        &self.songs
    }

    /// The parameters, as what they are.
    pub fn own_params(&self) -> &Arc<UnweaveParams> {
        &self.params
    }

    /// Tells the window that there is something new.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// The window, still closed.
    pub fn window(&self) -> EditorWindow {
        EditorWindow::new(
            Arc::clone(&self.params),
            Arc::clone(&self.songs),
            self.bell.clone(),
            Arc::downgrade(&self.alive),
        )
    }

    /// Keeps the lane to the disk, or makes one for audio of another kind.
    fn set_up_capture(&mut self, layout: &AudioIOLayout, sample_rate: f32) {
        let sample_rate = model::whole_rate(sample_rate);
        let num_channels = layout.main_input_channels.map_or(0, NonZeroU32::get) as usize;
        match &mut self.capture {
            Some(capture) if capture.format() == (sample_rate, num_channels) => capture.interrupt(),
            capture => {
                *capture = Some(self.songs.side(sample_rate, num_channels));
                self.preview.set_up(sample_rate);
            }
        }
    }

    /// Keeps the engine, or replaces it by what is wanted in this configuration.
    fn run(&mut self, configuration: Configuration) {
        let choice = self.params.model_choice();
        if let Some(running) = &mut self.running
            && running.goes_on(&choice, configuration)
        {
            return;
        }
        // The old engine ends before the new one takes memory.
        let before = self.running.take().map(|running| running.latency_frames());
        let shared = Shared {
            params: Arc::clone(&self.params),
            bell: self.bell.clone(),
            find: V::source,
        };
        match Running::start(shared, choice, configuration, before) {
            Ok(running) => self.running = Some(running),
            Err(reason) => {
                nice_error!("no separation: {reason}");
                self.params.report.refuse(reason);
                self.bell.wake_now();
            }
        }
    }
}

impl<V: Variant> ClapPlugin for Unweave<V> {
    const CLAP_ID: &'static str = V::CLAP_ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some(V::DESCRIPTION);
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::AudioEffect,
        ClapFeature::Stereo,
        ClapFeature::Mono,
        ClapFeature::Mixing,
        ClapFeature::Utility,
    ];

    /// What a controller with eight knobs shows: gains above, mutes below.
    fn remote_controls(&self, context: &mut impl RemoteControlsContext) {
        context.add_section("Stems", |section| {
            section.add_page("Gains and mutes", |page| {
                for stem in self.params.stems() {
                    page.add_param(&stem.gain);
                }
                for stem in self.params.stems() {
                    page.add_param(&stem.mute);
                }
            });
        });
    }
}

impl<V: Variant> Vst3Plugin for Unweave<V> {
    const VST3_CLASS_ID: [u8; 16] = V::VST3_CLASS_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Tools];
}

/// The auxiliary buses as pairs of channels.
fn stem_outputs<'a>(buses: &'a mut [Buffer<'_>]) -> StemOutputs<'a> {
    let mut buses = buses.iter_mut();
    std::array::from_fn(|_| match buses.next()?.as_slice() {
        [left, right] => Some([&mut **left, &mut **right]),
        _ => None,
    })
}

/// Where the host's timeline is.
///
/// A host that tells nothing at all may be playing for all that is known, so it is taken to be.
fn moment(transport: &Transport) -> Moment {
    let tells_nothing = transport.preroll_active.is_none()
        && transport.tempo.is_none()
        && transport.pos_samples.is_none()
        && transport.pos_seconds.is_none()
        && transport.pos_beats.is_none();
    // Beats only say where frames are while the tempo never changes.
    let has_time = transport.pos_samples.is_some() || transport.pos_seconds.is_some();
    let position = match (
        transport.pos_samples(),
        transport.pos_beats,
        transport.tempo,
    ) {
        (Some(frame), ..) if has_time => Position::Frames(frame),
        (_, Some(beats), Some(_)) => Position::Beats(beats),
        _ => Position::Unknown,
    };
    Moment {
        is_playing: transport.playing || tells_nothing,
        position,
        tempo: transport.tempo,
    }
}

/// Hosts count frames in 32 bits.
fn host_frames(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}
