//! The plug-in: what hosts call, passed on.

use std::marker::PhantomData;
use std::sync::Arc;

use nice_plug::prelude::*;

use crate::editor::Window;
use crate::params::UnweaveParams;
use crate::running::{Configuration, Running, StemOutputs};
use crate::state;
use crate::variant::Variant;

/// One of the plug-ins; see [`crate::variant`] for which there are.
pub struct Unweave<V> {
    params: Arc<UnweaveParams>,
    /// From the first activation that succeeds on.
    running: Option<Running>,
    /// [`crate::choice::ModelChoice::generation`] that was activated, or for which that was asked.
    model_generation: u32,
    _variant: PhantomData<fn() -> V>,
}

impl<V> Default for Unweave<V> {
    fn default() -> Self {
        Self {
            params: Arc::default(),
            running: None,
            model_generation: 0,
            _variant: PhantomData,
        }
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

    type Editor = Window;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _async_executor: AsyncExecutor<Self>) -> Option<Window> {
        Some(Window::new(Arc::clone(&self.params)))
    }

    fn filter_state(state: &mut PluginState) {
        state::upgrade(state);
    }

    /// Cheap, and idempotent: hosts activate often, and when nothing changed the model stays loaded.
    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let (model, generation) = self.params.model.get();
        self.model_generation = generation;
        self.run(Configuration {
            sample_rate: config.sample_rate,
            max_block_frames: config.max_buffer_size as usize,
            model,
        });
        let mut latency_frames = 0;
        if let Some(running) = &mut self.running {
            running.set_mode(config.process_mode, context.plugin_api());
            latency_frames = running.plan().latency_frames();
        }
        // Here and nowhere else: CLAP allows no change in between.
        context.set_latency_samples(host_frames(latency_frames));
        true
    }

    fn reset(&mut self) {
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
        let generation = self.params.model.generation();
        if self.model_generation != generation {
            self.model_generation = generation;
            context.request_restart();
        }
        let Some(running) = &mut self.running else {
            // The framework has passed the input on and silenced the stem outputs.
            return ProcessStatus::Normal;
        };
        let mut stems = stem_outputs(aux.outputs);
        running.process(buffer.as_slice(), &mut stems, &self.params.controls());
        ProcessStatus::Tail(host_frames(running.plan().tail_frames()))
    }
}

impl<V: Variant> Unweave<V> {
    /// Keeps the engine, or replaces it by one for this configuration.
    fn run(&mut self, configuration: Configuration) {
        let is_kept = self
            .running
            .as_ref()
            .is_some_and(|running| *running.configuration() == configuration);
        if is_kept {
            return;
        }
        // The old engine ends before the new one takes memory.
        self.running = None;
        let started = V::source(&configuration.model)
            .and_then(|source| Running::start(source, configuration));
        match started {
            Ok(running) => {
                self.params.report.watch(Arc::clone(running.status()));
                self.running = Some(running);
            }
            Err(reason) => {
                nice_error!("no separation: {reason}");
                self.params.report.refuse(reason);
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

/// Hosts count frames in 32 bits.
fn host_frames(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}
